import { ObjectNotFoundError, StoreError } from '../../errors/index.js';
import { md5Of } from '../http/md5.js';
import type { S3Client } from './s3-client.js';

/** Nobody, not even the account's owner, can end or shorten a lock of this mode. */
const mode = 'COMPLIANCE';

/** The lock's end as S3 takes it: whole seconds, never earlier than asked for. */
function timestamp(until: Date): string {
  return new Date(Math.ceil(until.getTime() / 1000) * 1000).toISOString().replace('.000', '');
}

/** What makes a put lock its object. */
export function lockHeaders(until: Date): Record<string, string> {
  return { 'x-amz-object-lock-mode': mode, 'x-amz-object-lock-retain-until-date': timestamp(until) };
}

/** What a HEAD tells of one version. */
export interface HeadOfVersion {
  readonly size: number;
  readonly lastModified: Date;
  readonly versionId: string | undefined;
  /** Until when it is locked, in whatever mode. */
  readonly retainUntil: Date | undefined;
  /** Until when nobody can remove it: a lock of another mode can be ended by whoever has the right to. */
  readonly promisedUntil: Date | undefined;
  readonly isOnLegalHold: boolean;
}

/** What S3 knows of an object, or of one version; undefined where it is not there. */
export async function head(
  client: S3Client,
  path: string,
  versionId: string | undefined,
  signal: AbortSignal | undefined,
): Promise<HeadOfVersion | undefined> {
  const { statusCode, headers } = await client.sendForHead({
    method: 'HEAD',
    path,
    query: versionId === undefined ? {} : { versionId },
    what: `${path} cannot be looked at`,
    accepts: [404],
    signal,
  });
  if (statusCode === 404) return undefined;
  const said = (name: string) => {
    const value = headers[name];
    return typeof value === 'string' ? value : undefined;
  };
  const size = Number(said('content-length'));
  const lastModified = new Date(said('last-modified') ?? '');
  if (!Number.isSafeInteger(size) || Number.isNaN(lastModified.getTime())) {
    throw new StoreError('protocol', `${client.peer}: ${path}: the store does not tell its size and time`);
  }
  const until = new Date(said('x-amz-object-lock-retain-until-date') ?? '');
  const retainUntil = Number.isNaN(until.getTime()) ? undefined : until;
  return {
    size,
    lastModified,
    versionId: said('x-amz-version-id'),
    retainUntil,
    promisedUntil: said('x-amz-object-lock-mode') === mode ? retainUntil : undefined,
    isOnLegalHold: said('x-amz-object-lock-legal-hold') === 'ON',
  };
}

/** Whether a version that could not be deleted is locked, and not just forbidden to these keys. */
export async function isRetained(
  client: S3Client,
  path: string,
  versionId: string | undefined,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const version = await head(client, path, versionId, signal).catch((error: unknown) => {
    // One that only marks a deletion, and has neither bytes nor a lock. Of an object it would not say that there is none.
    if (error instanceof StoreError && error.status === 405) return undefined;
    throw error;
  });
  if (version === undefined) return false;
  return version.isOnLegalHold || (version.retainUntil !== undefined && version.retainUntil > client.now());
}

/**
 * Reads a lock back: some servers take the request for one, answer with success, and lock nothing.
 *
 * @throws StoreError where the object is not locked for so long
 */
export async function assertLocked(
  client: S3Client,
  path: string,
  versionId: string | undefined,
  until: Date,
  signal: AbortSignal | undefined,
): Promise<void> {
  const version = await head(client, path, versionId, signal);
  if (version === undefined) throw new ObjectNotFoundError(path);
  if (!isPromised(version, until)) throw notLocked(client, path);
}

/** Removes what one put made, and no other version of its key. */
export async function removeVersion(client: S3Client, path: string, versionId: string | undefined): Promise<void> {
  await client.sendForHead({
    method: 'DELETE',
    path,
    query: versionId === undefined ? {} : { versionId },
    what: `${path} cannot be deleted`,
    accepts: [404],
  });
}

function isPromised({ promisedUntil }: HeadOfVersion, until: Date): boolean {
  return promisedUntil !== undefined && promisedUntil >= until;
}

function notLocked(client: S3Client, path: string): StoreError {
  return new StoreError(
    'no-retention',
    `${client.peer}: ${path} is not locked: the store or the bucket has no Object Lock of the mode ${mode}`,
  );
}

/** Locks the newest version until then, unless it is for longer already. */
export async function lock(
  client: S3Client,
  path: string,
  until: Date,
  signal: AbortSignal | undefined,
): Promise<void> {
  const current = await head(client, path, undefined, signal);
  if (current === undefined) throw new ObjectNotFoundError(path);
  if (isPromised(current, until)) return;
  const { versionId, retainUntil, promisedUntil } = current;
  // What a bucket's default locked in another mode gets this one, which takes the right to end such locks; none can be shortened.
  const isOtherMode = retainUntil !== promisedUntil;
  const end = retainUntil !== undefined && retainUntil > until ? retainUntil : until;
  const body = Buffer.from(
    `<Retention xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Mode>${mode}</Mode>` +
      `<RetainUntilDate>${timestamp(end)}</RetainUntilDate></Retention>`,
  );
  try {
    await client.sendForHead({
      method: 'PUT',
      path,
      query: { retention: '', ...(versionId === undefined ? {} : { versionId }) },
      headers: {
        'content-md5': (await md5Of([body])).toString('base64'),
        'content-type': 'application/xml',
        ...(isOtherMode ? { 'x-amz-bypass-governance-retention': 'true' } : {}),
      },
      body: { buffers: [body], size: body.length },
      what: `${path} cannot be locked`,
      locks: true,
      signal,
    });
  } catch (refusal) {
    // Where somebody else has locked it for longer meanwhile, this would have shortened the lock, and servers say that in many ways.
    const now = await head(client, path, versionId, signal);
    if (now === undefined || !isPromised(now, until)) throw refusal;
    return;
  }
  await assertLocked(client, path, versionId, until, signal);
}
