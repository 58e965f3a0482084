import { StoreError } from '../../errors/index.js';
import type { ObjectInfo } from '../object-store.js';
import { childrenOf, childText, type XmlElement } from './read-xml.js';
import type { S3Client } from './s3-client.js';

/** The objects whose whole keys begin with the prefix, page by page. */
export async function* listObjects(
  client: S3Client,
  prefix: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<ObjectInfo, void, undefined> {
  for (let token: string | undefined; ;) {
    const page = await client.sendForXml({
      method: 'GET',
      path: '',
      query: { 'list-type': '2', prefix, ...(token === undefined ? {} : { 'continuation-token': token }) },
      what: 'the bucket cannot be listed',
      signal,
    });
    for (const content of childrenOf(page, 'Contents')) yield infoOf(content, prefix, client.peer);
    if (childText(page, 'IsTruncated') !== 'true') return;
    const next = childText(page, 'NextContinuationToken');
    if (next === undefined || next === token) {
      throw new StoreError('protocol', `${client.peer}: a list goes on, and does not say where`);
    }
    token = next;
  }
}

function infoOf(content: XmlElement, prefix: string, peer: string): ObjectInfo {
  const key = childText(content, 'Key');
  const size = Number(childText(content, 'Size'));
  const lastModified = new Date(childText(content, 'LastModified') ?? '');
  if (key === undefined || !Number.isSafeInteger(size) || Number.isNaN(lastModified.getTime())) {
    throw new StoreError('protocol', `${peer}: a list has an object without key, size or time`);
  }
  // Whoever deletes what is listed would delete somebody else's.
  if (!key.startsWith(prefix)) {
    throw new StoreError('protocol', `${peer}: a list has ${key}, which was not asked for`);
  }
  return { key, size, lastModified };
}
