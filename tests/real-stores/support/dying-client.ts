// Run as a process of its own: stores or deletes a backup at the place it is told, and kills itself (SIGKILL) at one of the calls of its
// store. At call 0, which there is none, it ends well and prints how many there were.
import { readFileSync } from 'node:fs';
import type { ObjectInfo, ObjectStore } from '../../../src/stores/index.js';
import { store as storeBackup } from './backups.js';
import type { Death } from './death.js';
import { serviceAt } from './place.js';

const { place, backup, operation, file, call, moment } = JSON.parse(process.argv[2] ?? '') as Death;
let calls = 0;

async function dyingAt<T>(act: () => Promise<T>): Promise<T> {
  if (++calls !== call) return act();
  if (moment === 'before') process.kill(process.pid, 'SIGKILL');
  const acting = act();
  if (moment === 'during') setTimeout(() => process.kill(process.pid, 'SIGKILL'), Math.random() * 20);
  const result = await acting;
  process.kill(process.pid, 'SIGKILL');
  return result;
}

/** A store whose calls are counted. */
function dying(store: ObjectStore): ObjectStore {
  return {
    capabilities: store.capabilities,
    put: (...args) => dyingAt(() => store.put(...args)),
    get: (...args) => dyingAt(() => store.get(...args)),
    stat: (...args) => dyingAt(() => store.stat(...args)),
    list: async function* (...args) {
      const infos: ObjectInfo[] = [];
      await dyingAt(async () => {
        for await (const info of store.list(...args)) infos.push(info);
      });
      yield* infos;
    },
    delete: (...args) => dyingAt(() => store.delete(...args)),
  };
}

const service = serviceAt(place, dying);
if (operation === 'delete') await service.delete?.(backup);
else await storeBackup(service, backup, readFileSync(file));
process.stdout.write(String(calls));
