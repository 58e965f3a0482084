import { StoreError } from '../../errors/index.js';
import { childrenOf, childText } from './read-xml.js';
import type { S3Client } from './s3-client.js';

/** One version of an object, or a marker that hides it. */
export interface ObjectVersion {
  readonly key: string;
  readonly versionId: string;
}

interface ListedVersion extends ObjectVersion {
  readonly isNewest: boolean;
}

/** Whether the bucket keeps versions, or has kept some; false where the store does not say. */
export async function isVersioned(client: S3Client, signal: AbortSignal | undefined): Promise<boolean> {
  try {
    const element = await client.sendForXml({
      method: 'GET',
      path: '',
      query: { versioning: '' },
      what: 'the bucket does not tell whether it keeps versions',
      signal,
    });
    return childText(element, 'Status') !== undefined;
  } catch (error) {
    // What a plain deletion does is seen from its answer then.
    if (error instanceof StoreError && (error.reason === 'denied' || error.status === 501)) return false;
    throw error;
  }
}

/** All versions of one object and the markers that hide it, the newest first. */
export async function versionsOf(
  client: S3Client,
  key: string,
  signal: AbortSignal | undefined,
): Promise<ObjectVersion[]> {
  const found: ListedVersion[] = [];
  for (let from: Record<string, string> = {}; ;) {
    const page = await client.sendForXml({
      method: 'GET',
      path: '',
      query: { versions: '', prefix: key, ...from },
      what: `the versions of ${key} cannot be listed`,
      signal,
    });
    const listed = [...childrenOf(page, 'Version'), ...childrenOf(page, 'DeleteMarker')].map((element) => ({
      key: childText(element, 'Key') ?? '',
      versionId: childText(element, 'VersionId') ?? 'null',
      isNewest: childText(element, 'IsLatest') === 'true',
    }));
    // Others' keys may begin with this one; they come after it.
    found.push(...listed.filter((version) => version.key === key));
    const [keyMarker, versionMarker] = ['NextKeyMarker', 'NextVersionIdMarker'].map((name) => childText(page, name));
    if (childText(page, 'IsTruncated') !== 'true' || keyMarker !== key) {
      return found.sort((a, b) => Number(b.isNewest) - Number(a.isNewest));
    }
    from = { 'key-marker': keyMarker, ...(versionMarker === undefined ? {} : { 'version-id-marker': versionMarker }) };
  }
}
