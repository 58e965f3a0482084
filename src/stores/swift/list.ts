import * as z from 'zod';
import { StoreError } from '../../errors/index.js';
import type { ObjectInfo } from '../object-store.js';
import type { SwiftClient } from './swift-client.js';
import { parseJson } from './swift-errors.js';

/** Objects of one page: no more than what is parsed in one short turn. */
const pageLength = 2000;

const pageSchema = z.array(
  z.object({
    name: z.string(),
    bytes: z.int().nonnegative(),
    last_modified: z
      .string()
      .transform(timeOf)
      .refine((time) => !Number.isNaN(time.getTime())),
  }),
);

/** The objects whose whole names begin with the prefix, page by page. */
export async function* listObjects(
  client: SwiftClient,
  prefix: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<ObjectInfo, void, undefined> {
  for (let marker = ''; ;) {
    const { status, text } = await client.sendForText({
      method: 'GET',
      target: 'container',
      query: {
        format: 'json',
        limit: pageLength.toString(),
        ...(prefix === '' ? {} : { prefix }),
        ...(marker === '' ? {} : { marker }),
      },
      what: 'the container cannot be listed',
      accepts: [404],
      signal,
    });
    if (status === 404) throw noContainer(client, await client.peer(signal));
    const page = pageSchema.safeParse(status === 204 ? [] : parseJson(text));
    if (!page.success) throw new StoreError('protocol', 'a list of the container is not what Swift gives');
    // A page may be shorter than asked for without being the last.
    const last = page.data.at(-1)?.name;
    if (last === undefined) return;
    if (last === marker) throw new StoreError('protocol', 'a list of the container does not go on');
    for (const { name, bytes, last_modified: lastModified } of page.data) {
      // Whoever deletes what is listed would delete somebody else's.
      if (!name.startsWith(prefix)) {
        throw new StoreError('protocol', `a list of the container has ${name}, which was not asked for`);
      }
      yield { key: name, size: bytes, lastModified };
    }
    marker = last;
  }
}

/** A time of Swift's: it is UTC, and does not say so. */
function timeOf(text: string): Date {
  return new Date(/(?:Z|[+-]\d\d:\d\d)$/.test(text) ? text : `${text}Z`);
}

export function noContainer({ container }: SwiftClient, peer: string): StoreError {
  return new StoreError('no-container', `${peer}: there is no container ${container}`, { status: 404 });
}
