import { setTimeout as pause } from 'node:timers/promises';
import { RepositoryBackupService } from '../../../src/repository/index.js';
import { ObjectBackupService } from '../../../src/services/index.js';
import type { ObjectInfo, ObjectStore } from '../../../src/stores/index.js';
import { imagesAt, type Place, storeAt } from './place.js';

/** The same store a day later: all that is in it is older than any grace, but for what has just told the time by the store's clock. */
function aDayLater(store: ObjectStore): ObjectStore {
  const tellsTime = /^(clock|gc)\//;
  const older = (info: ObjectInfo) => ({ ...info, lastModified: new Date(info.lastModified.getTime() - 90_000_000) });
  return {
    capabilities: store.capabilities,
    put: (key, body, options) => store.put(key, body, options),
    get: (key, options) => store.get(key, options),
    stat: async (key, options) => {
      const info = await store.stat(key, options);
      return info === undefined || tellsTime.test(key) ? info : older(info);
    },
    list: async function* (prefix, options) {
      for await (const info of store.list(prefix, options)) yield info.key.startsWith('gc/') ? info : older(info);
    },
    delete: (keys, options) => store.delete(keys, options),
  };
}

/** What a service does by itself a day later. */
export async function sweepLater(place: Place): Promise<void> {
  if (place.kind === 'rbd') {
    await imagesAt(place).sweep();
    return;
  }
  const store = aDayLater(storeAt(place));
  if (place.isRepository !== true) {
    await new ObjectBackupService({ store }).sweep();
    return;
  }
  const repository = new RepositoryBackupService({ store });
  // The first marks what nobody needs, the second deletes what is marked, the third has nothing to do. Some clocks count in seconds.
  for (let round = 0; round < 3; round++) {
    await repository.collectGarbage({ graceMs: 0 });
    await pause(1100);
  }
}
