import { VimFault, VimProtocolError } from '../../errors/index.js';
import { services } from '../schema/index.js';

/** Where a server says which versions of the API it speaks, to anybody. */
export const versionsPath = '/sdk/vimServiceVersions.xml';

/** Whether a server refused the version of the API that it was asked for. There is no fault type for it. */
export function isVersionRefusal(error: unknown): error is VimFault {
  return error instanceof VimFault && /\bunsupported version\b/i.test(error.message);
}

/**
 * The newest version of vim25 that a server speaks.
 *
 * @param document what is at {@link versionsPath}
 */
export function newestVersion(document: string): string | undefined {
  const namespaces = document.split('</namespace>');
  const vim25 = namespaces.find((namespace) => /<name>\s*urn:vim25\s*<\/name>/.test(namespace)) ?? '';
  const versions = [...vim25.matchAll(/<version>\s*(\d[\d.]{0,20})\s*<\/version>/g)].map(([, version = '']) => version);
  return versions.sort(byParts).at(-1);
}

/** What to tell of a server that does not speak this library's version of the API. */
export function versionRefusal(server: string, spoken: string | undefined, cause: VimFault): VimProtocolError {
  const wanted = services.vim25.soapAction.replace(/^.*\//, '');
  return new VimProtocolError(
    `${server} does not speak version ${wanted} of the vSphere API` +
      `${spoken === undefined ? '' : `, only up to ${spoken}`}: vSphere ${wanted} or newer is needed`,
    { cause },
  );
}

function byParts(one: string, other: string): number {
  const [a, b] = [one, other].map((version) => version.split('.').map(Number));
  for (let at = 0; at < Math.max(a?.length ?? 0, b?.length ?? 0); at++) {
    const difference = (a?.[at] ?? 0) - (b?.[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
