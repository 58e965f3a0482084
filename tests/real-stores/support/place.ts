import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import type { BackupService } from '../../../src/index.js';
import { RepositoryBackupService } from '../../../src/repository/index.js';
import { ObjectBackupService, RbdBackupService } from '../../../src/services/index.js';
import {
  type ApplicationCredentialAuth,
  type KeystoneAuth,
  type ObjectStore,
  S3ObjectStore,
  SwiftObjectStore,
} from '../../../src/stores/index.js';

/** Where backups go, as JSON, so that another process can be told. */
export type Place = (
  | {
      readonly kind: 'swift';
      readonly port: number;
      readonly path: string;
      readonly user: string;
      readonly key: string;
    }
  | { readonly kind: 'keystone'; readonly auth: KeystoneAuth | ApplicationCredentialAuth }
  | {
      readonly kind: 's3';
      readonly port: number;
      readonly key: string;
      readonly secret?: string;
      readonly region?: string;
    }
  | { readonly kind: 'rbd'; readonly conf: string; readonly id?: string; readonly program?: string }
) & {
  readonly prefix: string;
  /** The container, the bucket, the pool. Default: `backups`. */
  readonly container?: string;
  readonly isRepository?: boolean;
  /** How long no byte may move, in milliseconds. */
  readonly stallTimeoutMs?: number;
  /** Gives up soon. Else it tries for minutes: on a busy machine a server takes its time to start anew. */
  readonly isImpatient?: boolean;
};

export type PlaceOfImages = Extract<Place, { readonly kind: 'rbd' }>;
export type PlaceOfObjects = Exclude<Place, PlaceOfImages>;
export type PlaceOnHttp = Extract<Place, { readonly port: number }>;

const commonContainer = 'backups';

export function newPrefix(): string {
  return randomBytes(6).toString('hex');
}

export function storeAt(place: Place): ObjectStore {
  const { prefix, container = commonContainer, stallTimeoutMs } = place;
  const retryDelaysMs = place.isImpatient === true ? [50, 100] : Array.from({ length: 240 }, () => 500);
  const common = { prefix, retryDelaysMs, stallTimeoutMs };
  switch (place.kind) {
    case 'swift': {
      const { user, key, port, path } = place;
      const auth = { kind: 'tempauth', url: `http://127.0.0.1:${port}${path}`, user, key } as const;
      return new SwiftObjectStore({ auth, container, ...common });
    }
    case 'keystone':
      return new SwiftObjectStore({ auth: place.auth, container, ...common });
    case 's3': {
      const { port, key, secret = 'secret', region = 'default' } = place;
      const credentials = { accessKeyId: key, secretAccessKey: secret };
      const endpoint = `http://127.0.0.1:${port}`;
      return new S3ObjectStore({ endpoint, region, bucket: container, credentials, ...common });
    }
    case 'rbd':
      throw new TypeError('a pool of images is no object store');
  }
}

export type PlacedService = BackupService & Required<Pick<BackupService, 'openBackup' | 'openRestore' | 'list'>>;

export function imagesAt(place: PlaceOfImages): RbdBackupService {
  const { container: pool = commonContainer, conf, id, program, stallTimeoutMs } = place;
  return new RbdBackupService({ pool, conf, id, program, stallTimeoutMs });
}

/** @param wrap what stands between the service and its object store */
export function serviceAt(place: Place, wrap = (store: ObjectStore) => store): PlacedService {
  if (place.kind === 'rbd') return imagesAt(place);
  const store = wrap(storeAt(place));
  if (place.isRepository === true) return new RepositoryBackupService({ store });
  // Some segments, of backups that are not large.
  return new ObjectBackupService({ store, segmentBytes: 4 * 1024 * 1024 });
}

/** The same place, with nothing of ours in it. */
export async function freshPlace(place: Place): Promise<Place> {
  const fresh = { ...place, prefix: newPrefix() };
  if (fresh.isRepository === true) await new RepositoryBackupService({ store: storeAt(fresh) }).initialize();
  return fresh;
}

/** All that a place holds. */
export async function contentsOf(place: Place): Promise<string[]> {
  if (place.kind === 'rbd') {
    const { container: pool = commonContainer, conf, id } = place;
    const user = id === undefined ? [] : ['--id', id];
    const { stdout } = await promisify(execFile)('rbd', ['--conf', conf, ...user, 'ls', pool]);
    return stdout.split('\n').filter((name) => name !== '');
  }
  const found: string[] = [];
  for await (const { key } of storeAt(place).list('')) found.push(key);
  return found;
}

/** Creates the container that is also the bucket. */
export async function createContainer(
  { port, user, key, path }: Extract<Place, { kind: 'swift' }>,
  container = commonContainer,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  const auth = await fetch(`http://127.0.0.1:${port}${path}`, {
    headers: { 'x-auth-user': user, 'x-auth-key': key },
  });
  const [url, token] = [auth.headers.get('x-storage-url'), auth.headers.get('x-auth-token')];
  if (url === null || token === null) throw new Error(`no login: ${auth.status}`);
  const made = await fetch(`${url}/${container}`, { method: 'PUT', headers: { 'x-auth-token': token, ...headers } });
  if (!made.ok) throw new Error(`no container: ${made.status}`);
}
