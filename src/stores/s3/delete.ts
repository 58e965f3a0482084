import { AbortError, StoreError, VmdkDriverError } from '../../errors/index.js';
import { md5Of } from '../http/md5.js';
import { withRetries } from '../http/retry.js';
import type { DeleteResult } from '../object-store.js';
import { childrenOf, childText, type XmlElement, xmlText } from './read-xml.js';
import { isRetained } from './retention.js';
import type { S3Client } from './s3-client.js';
import { s3Error } from './s3-errors.js';
import { isVersioned, type ObjectVersion, versionsOf } from './versions.js';

/** As many one request takes. */
const batchSize = 1000;

/** Objects whose versions are looked up at once. */
const lookUpsAtOnce = 16;

type Failure = DeleteResult['failed'][number];

/** What became of each key. */
type Outcomes = Map<string, 'deleted' | 'missing' | 'retained' | VmdkDriverError>;

/**
 * Deletes objects by their whole keys: all versions of each, where the bucket keeps versions. A plain deletion would only hide the
 * newest there, and free nothing. The newest goes last, once all others are gone: none of these is ever seen in its place.
 */
export async function deleteObjects(
  client: S3Client,
  keys: readonly string[],
  signal: AbortSignal | undefined,
): Promise<DeleteResult> {
  const outcomes: Outcomes = new Map();
  try {
    if (await isVersioned(client, signal)) await deleteVersions(client, keys, outcomes, signal);
    else await deletePlain(client, keys, outcomes, signal);
  } catch (error) {
    // The outcome of what was not reached is unknown.
    if (!(error instanceof VmdkDriverError) || error instanceof AbortError) throw error;
    for (const key of keys) if (!outcomes.has(key)) outcomes.set(key, error);
  }
  const having = (wanted: string) => keys.filter((key) => outcomes.get(key) === wanted);
  const failed = keys.flatMap((key): Failure[] => {
    const error = outcomes.get(key);
    return typeof error === 'object' ? [{ key, error }] : [];
  });
  return { deleted: having('deleted'), missing: having('missing'), retained: having('retained'), failed };
}

async function deletePlain(
  client: S3Client,
  keys: readonly string[],
  outcomes: Outcomes,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (let begin = 0; begin < keys.length; begin += batchSize) {
    const batch = keys.slice(begin, begin + batchSize).map((key) => ({ key }));
    for (const { key, error, isMarker } of await deleteBatch(client, batch, signal)) {
      outcomes.set(key, isMarker ? hiddenOnly(client, key) : (error ?? 'deleted'));
    }
  }
}

function hiddenOnly(client: S3Client, key: string): StoreError {
  return new StoreError(
    'denied',
    `${client.peer}: ${key} is hidden, and its bytes are still there: the bucket keeps versions, and the keys have no permission to tell ` +
      '(s3:GetBucketVersioning) and to delete them (s3:ListBucketVersions, s3:DeleteObjectVersion)',
  );
}

async function deleteVersions(
  client: S3Client,
  keys: readonly string[],
  outcomes: Outcomes,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (let begin = 0; begin < keys.length; begin += batchSize) {
    const some = keys.slice(begin, begin + batchSize);
    const versions = await lookUp(client, some, signal);
    const older = versions.flatMap((ofKey) => ofKey.slice(1));
    for (let from = 0; from < older.length; from += batchSize) {
      await deleteBatchOfVersions(client, older.slice(from, from + batchSize), outcomes, signal);
    }
    // One that is still there would take the place of the newest.
    const newest = versions.flatMap((ofKey) => ofKey.slice(0, 1)).filter(({ key }) => !outcomes.has(key));
    if (newest.length > 0) await deleteBatchOfVersions(client, newest, outcomes, signal);
    const isThere = new Set(newest.map(({ key }) => key));
    for (const key of some) if (!outcomes.has(key)) outcomes.set(key, isThere.has(key) ? 'deleted' : 'missing');
  }
}

/** All versions of each object. */
async function lookUp(
  client: S3Client,
  keys: readonly string[],
  signal: AbortSignal | undefined,
): Promise<ObjectVersion[][]> {
  const found: ObjectVersion[][] = [];
  for (let begin = 0; begin < keys.length; begin += lookUpsAtOnce) {
    const some = keys.slice(begin, begin + lookUpsAtOnce);
    found.push(...(await Promise.all(some.map((key) => versionsOf(client, key, signal)))));
  }
  return found;
}

/** Notes what could not be deleted, and why. */
async function deleteBatchOfVersions(
  client: S3Client,
  versions: readonly ObjectVersion[],
  outcomes: Outcomes,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const { key, versionId, error } of await deleteBatch(client, versions, signal)) {
    if (error === undefined) continue;
    const isLocked = error.reason === 'denied' && (await isRetained(client, key, versionId, signal));
    outcomes.set(key, isLocked ? 'retained' : error);
  }
}

interface Deletion {
  readonly key: string;
  readonly versionId: string | undefined;
  readonly error?: StoreError;
  /** It made a marker that hides the object. */
  readonly isMarker: boolean;
}

/** What the store refuses for now, of a request that it answers well, is asked for again as a whole request would be. */
async function deleteBatch(
  client: S3Client,
  objects: readonly Partial<ObjectVersion>[],
  signal: AbortSignal | undefined,
): Promise<Deletion[]> {
  const ended: Deletion[] = [];
  let refused: Deletion[] = [];
  let left = objects;
  const isRefusal = (error: unknown): boolean => refused.some((deletion) => deletion.error === error);
  try {
    await withRetries({ delaysMs: client.retryDelaysMs, signal, isSafe: isRefusal }, async () => {
      const outcome = await requestDeletion(client, left, signal);
      refused = outcome.filter(({ error }) => error?.retryable === true);
      ended.push(...outcome.filter(({ error }) => error?.retryable !== true));
      left = refused.map(({ key, versionId }) => ({ key, ...(versionId !== undefined && { versionId }) }));
      const [first] = refused;
      if (first?.error !== undefined) throw first.error;
    });
  } catch (error) {
    if (refused.length === 0 || error instanceof AbortError) throw error;
  }
  return [...ended, ...refused];
}

async function requestDeletion(
  client: S3Client,
  objects: readonly Partial<ObjectVersion>[],
  signal: AbortSignal | undefined,
): Promise<Deletion[]> {
  const body = Buffer.from(
    `<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${objects
      .map(
        ({ key = '', versionId }) =>
          `<Object><Key>${xmlText(key)}</Key>${versionId === undefined ? '' : `<VersionId>${xmlText(versionId)}</VersionId>`}</Object>`,
      )
      .join('')}</Delete>`,
  );
  const answer = await client.sendForXml({
    method: 'POST',
    path: '',
    query: { delete: '' },
    headers: { 'content-md5': (await md5Of([body])).toString('base64'), 'content-type': 'application/xml' },
    body: { buffers: [body], size: body.length },
    what: 'objects cannot be deleted',
    signal,
  });
  const deleted = childrenOf(answer, 'Deleted').map((element) => deletionOf(client, element));
  const failed = childrenOf(answer, 'Error').map((element) => deletionOf(client, element));
  const answered = new Set([...deleted, ...failed].map(({ key, versionId }) => `${versionId ?? ''} ${key}`));
  const forgotten = objects
    .filter(({ key = '', versionId }) => !answered.has(`${versionId ?? ''} ${key}`) && !answered.has(` ${key}`))
    .map(({ key = '', versionId }): Deletion => {
      const error = new StoreError('protocol', `${client.peer}: ${key}: the store does not say whether it was deleted`);
      return { key, versionId, isMarker: false, error };
    });
  return [...deleted, ...failed, ...forgotten];
}

function deletionOf(client: S3Client, element: XmlElement): Deletion {
  const key = childText(element, 'Key') ?? '';
  const known = { key, versionId: childText(element, 'VersionId') };
  const code = childText(element, 'Code');
  if (code === undefined) {
    const isMarker = childText(element, 'DeleteMarker') === 'true' && known.versionId === undefined;
    return { ...known, isMarker };
  }
  // It is gone, which is what was wanted.
  if (code === 'NoSuchKey' || code === 'NoSuchVersion') return { ...known, isMarker: false };
  const message = childText(element, 'Message') ?? '';
  const refusal = { status: 200, headers: {}, code, message };
  return { ...known, isMarker: false, error: s3Error(`${client.peer}: ${key} cannot be deleted`, refusal) };
}
