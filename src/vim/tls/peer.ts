/** Where a connection goes: one server, by name or address and port. */
export interface Peer {
  /** A host name or an IP address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

const httpsPort = 443;

/** The peer of an `https:` URL. */
export function peerOf({ hostname, port }: URL): Peer {
  return { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: port === '' ? httpsPort : Number(port) };
}

/** Whether two peers are the same by name. The zone of an address says by which way, and not where to. */
export function isSamePeer(one: Peer, other: Peer): boolean {
  return authority(one) === authority(other);
}

/** `host:port`, as it stands in URLs and error messages; without the zone of an IPv6 address, which URLs cannot have. */
export function authority({ host, port }: Peer): string {
  return `${host.includes(':') ? `[${host.replace(/%.*$/, '')}]` : host}:${port}`.toLowerCase();
}
