import { randomBytes } from 'node:crypto';
import type { BackupService } from '../../../src/index.js';
import { RepositoryBackupService } from '../../../src/repository/index.js';
import { ObjectBackupService, RbdBackupService } from '../../../src/services/index.js';
import { S3ObjectStore, SwiftObjectStore, type ObjectStore } from '../../../src/stores/index.js';

/** Where backups go, as JSON, so that another process can be told. */
export type Place = (
  | {
      readonly kind: 'swift';
      readonly port: number;
      readonly user: string;
      readonly key: string;
      readonly path: string;
    }
  | { readonly kind: 's3'; readonly port: number }
  | { readonly kind: 'rbd'; readonly conf: string }
) & {
  readonly prefix: string;
  readonly isRepository?: boolean;
  /** Gives up soon. */
  readonly isImpatient?: boolean;
};

export const container = 'backups';

export function newPrefix(): string {
  return randomBytes(6).toString('hex');
}

export function storeAt(place: Place): ObjectStore {
  const common = { prefix: place.prefix, ...(place.isImpatient === true && { retryDelaysMs: [50, 100] }) };
  switch (place.kind) {
    case 'swift': {
      const { user, key, port, path } = place;
      const auth = { kind: 'tempauth', url: `http://127.0.0.1:${port}${path}`, user, key } as const;
      return new SwiftObjectStore({ auth, container, ...common });
    }
    case 's3': {
      const credentials = { accessKeyId: 'key', secretAccessKey: 'secret' };
      const endpoint = `http://127.0.0.1:${place.port}`;
      return new S3ObjectStore({ endpoint, region: 'default', bucket: container, credentials, ...common });
    }
    case 'rbd':
      throw new TypeError('a pool of images is no object store');
  }
}

export type PlacedService = BackupService & Required<Pick<BackupService, 'openBackup' | 'openRestore' | 'list'>>;

export function serviceAt(place: Place): PlacedService {
  if (place.kind === 'rbd') return new RbdBackupService({ pool: 'backups', conf: place.conf });
  const store = storeAt(place);
  return place.isRepository === true ? new RepositoryBackupService({ store }) : new ObjectBackupService({ store });
}

/** The same store a day later: all that is in it is older than any grace, but for what tells the time by the store's clock. */
export function aDayLater(store: ObjectStore): ObjectStore {
  const aged = <T extends { readonly key: string; readonly lastModified: Date }>(info: T): T =>
    /^(clock|gc)\//.test(info.key)
      ? info
      : { ...info, lastModified: new Date(info.lastModified.getTime() - 90_000_000) };
  return {
    capabilities: store.capabilities,
    put: (key, body, options) => store.put(key, body, options),
    get: (key, options) => store.get(key, options),
    stat: async (key, options) => {
      const info = await store.stat(key, options);
      return info && aged(info);
    },
    list: async function* (prefix, options) {
      for await (const info of store.list(prefix, options)) yield aged(info);
    },
    delete: (keys, options) => store.delete(keys, options),
  };
}

/** Creates the container that is also the bucket. */
export async function createContainer({ port, user, key, path }: Extract<Place, { kind: 'swift' }>): Promise<void> {
  const auth = await fetch(`http://127.0.0.1:${port}${path}`, {
    headers: { 'x-auth-user': user, 'x-auth-key': key },
  });
  const [url, token] = [auth.headers.get('x-storage-url'), auth.headers.get('x-auth-token')];
  if (url === null || token === null) throw new Error(`no login: ${auth.status}`);
  const made = await fetch(`${url}/${container}`, { method: 'PUT', headers: { 'x-auth-token': token } });
  if (!made.ok) throw new Error(`no container: ${made.status}`);
}
