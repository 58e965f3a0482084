import { LeaseError } from '../errors/index.js';
import type { VimObject } from '../vim/schema/index.js';
import type { VimSession } from '../vim/vim-session.js';

/** Where the bytes of a lease's one disk move. */
export interface DiskUrl {
  readonly url: string;
  /** `HttpNfcLeaseDeviceUrl.key`; the lease's manifest names the disk by it. */
  readonly key: string;
  /** The thumbprint the peer must show; absent where the lease gives none. */
  readonly thumbprint: string | undefined;
}

/**
 * Picks the URL of the one virtual disk a backing has.
 *
 * @throws LeaseError where the lease offers no disk, or several
 */
export function pickDiskUrl(info: VimObject<'HttpNfcLeaseInfo'>, session: Pick<VimSession, 'host' | 'port'>): DiskUrl {
  const disks = (info.deviceUrl ?? []).filter((device) => device.disk === true);
  const [disk] = disks;
  if (disk === undefined || disks.length > 1) {
    throw new LeaseError(`the lease offers ${disks.length} disks where a backing has one`);
  }
  return {
    url: resolveHost(disk.url, session),
    key: disk.key,
    thumbprint: disk.sslThumbprint === '' ? undefined : disk.sslThumbprint,
  };
}

/**
 * An ESXi host does not know by which name it is reached and writes `*` or `*:port` for itself
 * (`HttpNfcLeaseDeviceUrl.url`): the host the session is connected to stands in, and its port where none is given.
 */
export function resolveHost(url: string, session: Pick<VimSession, 'host' | 'port'>): string {
  return url.replace(/^(https?:\/\/)\*(:\d+)?(?=[/?#]|$)/, (_whole, scheme: string, port: string | undefined) => {
    const host = session.host.includes(':') ? `[${session.host}]` : session.host;
    return `${scheme}${host}${port ?? `:${session.port}`}`;
  });
}
