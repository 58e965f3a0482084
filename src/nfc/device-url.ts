import { isIPv6 } from 'node:net';
import { LeaseError } from '../errors/index.js';
import { rememberSecrets } from '../errors/known-secrets.js';
import type { VimObject } from '../vim/schema/index.js';
import type { VimSession } from '../vim/vim-session.js';

/** Where the bytes of a lease's one disk move. */
export interface DiskUrl {
  readonly url: string;
  /** `HttpNfcLeaseDeviceUrl.key`; the lease's manifest names the disk by it. */
  readonly key: string;
  /** The thumbprint the peer must show; absent where the lease gives none. */
  readonly thumbprint: string | undefined;
  /** The certificate the peer must show, as PEM; absent where the lease gives none (before vSphere 9). */
  readonly certificate: string | undefined;
}

type Host = Pick<VimSession, 'host' | 'port'>;

/** A shorter part of a path is a word, such as `nfc`, and no ticket. */
const shortestTicket = 8;

/**
 * Picks the URL of the one virtual disk a backing has.
 *
 * @throws LeaseError where the lease offers no disk, or several, or a URL that cannot be used
 */
export function pickDiskUrl(info: VimObject<'HttpNfcLeaseInfo'>, session: Host): DiskUrl {
  const devices = info.deviceUrl ?? [];
  for (const { url } of devices) rememberSecrets(...ticketsIn(url));
  const disks = devices.filter((device) => device.disk === true);
  const [disk] = disks;
  if (disk === undefined || disks.length > 1) {
    throw new LeaseError(`the lease offers ${disks.length} disks where a backing has one`);
  }
  return {
    url: resolveHost(disk.url, session),
    key: disk.key,
    thumbprint: textOrNone(disk.sslThumbprint),
    certificate: textOrNone(disk.sslCertificate),
  };
}

/**
 * Makes a URL of what a lease says. An ESXi host does not know by which name it is reached and writes `*` or `*:port` for
 * itself (`HttpNfcLeaseDeviceUrl.url`): the host the session is connected to stands in, and its port where none is given.
 * IPv6 addresses come without brackets, or with the zone of the server's own network, which means nothing here.
 *
 * @throws LeaseError where it is no `https:` URL, or holds credentials; its path is the ticket, so the error does not show it
 */
export function resolveHost(url: string, session: Host): string {
  const [, scheme = '', authority = '', rest = ''] = /^([a-z][a-z\d+.-]*):\/\/([^/?#]*)(.*)$/is.exec(url.trim()) ?? [];
  if (scheme === '') throw new LeaseError("the lease's URL is not one");
  if (scheme.toLowerCase() !== 'https')
    throw new LeaseError(`the lease's URL is not https: but ${scheme.slice(0, 20)}:`);
  if (authority.includes('@'))
    throw new LeaseError("the lease's URL holds credentials; a ticket is all it should hold");
  const resolved = `https://${hostOf(authority, session)}${rest}`;
  if (authority === '' || !URL.canParse(resolved)) {
    throw new LeaseError("the lease's URL cannot be read: its host is neither a name nor an address");
  }
  return resolved;
}

function hostOf(authority: string, session: Host): string {
  const [, port] = /^\*(:\d+)?$/.exec(authority) ?? [undefined, undefined];
  if (authority.startsWith('*') && (authority === '*' || port !== undefined)) {
    return `${bracketed(session.host)}${port ?? `:${session.port}`}`;
  }
  const [, inBrackets, itsPort = ''] = /^\[([^\]]*)\](:\d*)?$/.exec(authority) ?? [];
  if (inBrackets !== undefined) return `${bracketed(inBrackets)}${itsPort}`;
  if (isIPv6(authority)) return bracketed(authority);
  // All eight groups, and a port.
  const [, address, after = ''] = /^(.*)(:\d+)$/.exec(authority) ?? [];
  return address !== undefined && isIPv6(address) ? `${bracketed(address)}${after}` : authority;
}

/** An IPv6 address as a URL takes it: in brackets, without its zone. */
function bracketed(host: string): string {
  return host.includes(':') ? `[${host.replace(/%.*$/, '')}]` : host;
}

/** What in a lease's URL may be its ticket: the longer parts of its path but the file's name. */
function ticketsIn(url: string): string[] {
  const [path = '', ...query] = url.split(/[?#]/);
  const parts = path.split('/').slice(3);
  const directories = parts.at(-1)?.includes('.') === true ? parts.slice(0, -1) : parts;
  return [...directories, ...query.flatMap((part) => part.split(/[&=]/))].filter(
    ({ length }) => length >= shortestTicket,
  );
}

function textOrNone(text: string | undefined): string | undefined {
  const trimmed = text?.trim();
  return trimmed === '' ? undefined : trimmed;
}
