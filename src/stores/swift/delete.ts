import * as z from 'zod';
import { AbortError, StoreError, type StoreFailure, VmdkDriverError } from '../../errors/index.js';
import { encodePath, encodeStrictly } from '../http/endpoint.js';
import { withRetries } from '../http/retry.js';
import type { DeleteResult } from '../object-store.js';
import type { SwiftClient } from './swift-client.js';
import { parseJson } from './swift-errors.js';

/** Requests at once where each deletes one object. */
const atOnce = 8;

/** As many one request deletes where the cluster does not say less. */
const maxBatchSize = 1000;

const infoSchema = z.object({
  bulk_delete: z
    .object({ max_deletes_per_request: z.int().positive(), max_failed_deletes: z.int().positive().optional() })
    .optional(),
});

/** A bulk deletion's outcome is in its body; the status is that of having read it. */
const resultSchema = z.object({
  'Response Status': z.string(),
  'Number Deleted': z.int().nonnegative(),
  'Number Not Found': z.int().nonnegative(),
  Errors: z.array(z.tuple([z.string(), z.string()])),
});

type Failure = DeleteResult['failed'][number];

interface Outcome {
  readonly deleted: readonly string[];
  readonly missing: readonly string[];
  readonly failed: readonly Failure[];
}

/** How many objects one request deletes; 0 where the cluster cannot delete several. */
export async function bulkDeleteSize(client: SwiftClient, signal: AbortSignal | undefined): Promise<number> {
  try {
    const { text } = await client.sendForText({
      method: 'GET',
      target: 'info',
      what: 'it does not tell what it can do',
      signal,
    });
    const { bulk_delete: bulk } = infoSchema.parse(parseJson(text));
    // After as many failures a request is given up: where all of them fail it ends, and tells of each.
    return bulk === undefined
      ? 0
      : Math.min(bulk.max_deletes_per_request, bulk.max_failed_deletes ?? maxBatchSize, maxBatchSize);
  } catch (error) {
    if (error instanceof AbortError) throw error;
    // It is not told to everybody.
    return 0;
  }
}

/**
 * Deletes objects by their whole names.
 *
 * @param bulkSize what {@link bulkDeleteSize} said
 */
export async function deleteObjects(
  client: SwiftClient,
  names: readonly string[],
  bulkSize: number,
  signal: AbortSignal | undefined,
): Promise<Outcome> {
  const size = bulkSize === 0 ? atOnce : bulkSize;
  const outcomes: Outcome[] = [];
  for (let begin = 0; begin < names.length; begin += size) {
    const batch = names.slice(begin, begin + size);
    const deletion = bulkSize === 0 ? deleteSingly(client, batch, signal) : deleteInBulk(client, batch, signal);
    outcomes.push(await deletion);
  }
  return {
    deleted: outcomes.flatMap(({ deleted }) => deleted),
    missing: outcomes.flatMap(({ missing }) => missing),
    failed: outcomes.flatMap(({ failed }) => failed),
  };
}

async function deleteSingly(
  client: SwiftClient,
  names: readonly string[],
  signal: AbortSignal | undefined,
): Promise<Outcome> {
  const deleted: string[] = [];
  const missing: string[] = [];
  const failed: Failure[] = [];
  const one = async (name: string) => {
    try {
      const { statusCode } = await client.sendForHead({
        method: 'DELETE',
        target: { object: name },
        what: `${name} cannot be deleted`,
        accepts: [404],
        signal,
      });
      (statusCode === 404 ? missing : deleted).push(name);
    } catch (error) {
      failed.push({ key: name, error: knownOrThrow(error) });
    }
  };
  await Promise.all(names.map(one));
  return { deleted, missing, failed };
}

async function deleteInBulk(
  client: SwiftClient,
  names: readonly string[],
  signal: AbortSignal | undefined,
): Promise<Outcome> {
  const container = encodeStrictly(client.container);
  const body = Buffer.from(names.map((name) => `/${container}/${encodePath(name)}`).join('\n'));
  try {
    const errors = await withRetries({ delaysMs: client.retryDelaysMs, signal }, () =>
      deleteOnce(client, body, names.length, signal, true),
    );
    const pathOf = (name: string) => `${client.container}/${name}`;
    const known = new Set(names.map(pathOf));
    const statuses = new Map(
      errors.flatMap(([path, status]) => pathsMeant(path).map((meant) => [meant, status] as const)),
    );
    // It may be that of any of them.
    const hasStranger = errors.some(([path]) => !pathsMeant(path).some((meant) => known.has(meant)));
    const failed = names.flatMap((name): Failure[] => {
      const status = statuses.get(pathOf(name));
      if (status !== undefined) {
        return [{ key: name, error: new StoreError(reasonOf(status), `${name} cannot be deleted: HTTP ${status}`) }];
      }
      if (!hasStranger) return [];
      const what = `${name}: the store does not say whether it was deleted`;
      return [{ key: name, error: new StoreError('protocol', what) }];
    });
    const isFailed = new Set(failed.map(({ key }) => key));
    return { deleted: names.filter((name) => !isFailed.has(name)), missing: [], failed };
  } catch (error) {
    const known = knownOrThrow(error);
    return { deleted: [], missing: [], failed: names.map((key) => ({ key, error: known })) };
  }
}

function reasonOf(status: string): StoreFailure {
  if (isOfToken(status)) return 'credentials';
  return status.startsWith('403') ? 'denied' : 'failed';
}

/** Swift looks at the token only with each of the objects. */
function isOfToken(status: string): boolean {
  return status.startsWith('401');
}

/** What a path in an answer may mean: Swift encodes it, radosgw does not, and leaves the first slash out. */
function pathsMeant(path: string): string[] {
  const plain = path.replace(/^\//, '');
  try {
    return [plain, decodeURIComponent(plain)];
  } catch {
    return [plain];
  }
}

/** What could not be deleted: paths, and the statuses they were answered with. */
async function deleteOnce(
  client: SwiftClient,
  body: Buffer,
  count: number,
  signal: AbortSignal | undefined,
  mayRenew: boolean,
): Promise<readonly (readonly [path: string, status: string])[]> {
  const { text, session } = await client.sendForText({
    method: 'POST',
    target: 'account',
    query: { 'bulk-delete': '' },
    headers: { 'content-type': 'text/plain', accept: 'application/json' },
    body: { buffers: [body], size: body.length },
    what: 'objects cannot be deleted',
    signal,
  });
  const result = resultSchema.safeParse(parseJson(text));
  if (!result.success)
    throw new StoreError('protocol', 'a bulk deletion was not answered with its outcome', { retryable: true });
  const {
    'Response Status': status,
    'Number Deleted': deleted,
    'Number Not Found': missing,
    Errors: errors,
  } = result.data;
  if (mayRenew && errors.some(([, each]) => isOfToken(each))) {
    client.invalidate(session);
    return deleteOnce(client, body, count, signal, false);
  }
  // It broke off, wherever that was.
  if (status.startsWith('5')) throw new StoreError('unavailable', `objects cannot be deleted: HTTP ${status}`);
  // Nothing of it was there: as good as deleted.
  if (errors.length === 0 && !/^(?:2|404)/.test(status)) {
    throw new StoreError('failed', `objects cannot be deleted: HTTP ${status}`);
  }
  // Swift gives up after so many errors, and names none of those it did not come to.
  if (deleted + missing + errors.length < count) {
    throw new StoreError('unavailable', `only some objects could be deleted: HTTP ${status}`);
  }
  const isPassing = ([, each]: [string, string]) => /^(?:409|5)/.test(each);
  if (errors.some(isPassing)) {
    throw new StoreError('unavailable', `objects cannot be deleted: HTTP ${errors.find(isPassing)?.[1] ?? ''}`);
  }
  return errors;
}

function knownOrThrow(error: unknown): VmdkDriverError {
  if (error instanceof VmdkDriverError && !(error instanceof AbortError)) return error;
  throw error;
}
