import { TlsVerificationError } from '../../errors/index.js';
import { authority, isSamePeer, type Peer } from '../tls/peer.js';
import { parseThumbprint } from '../tls/thumbprint.js';
import type { Trust } from '../tls/trust.js';

/**
 * How the peer of an NFC transfer is checked: by the lease's thumbprint where there is one, or else as the session's
 * server is. The session's pin is that server's alone; any other host then needs a certificate that Node trusts.
 *
 * @throws TlsVerificationError where the thumbprint is none: a peer that cannot be checked is not trusted
 */
export function transferTrust(
  peer: Peer,
  thumbprint: string | undefined,
  session: { readonly peer: Peer; readonly trust: Trust },
): Trust {
  if (thumbprint !== undefined && thumbprint !== '') {
    const pin = parseThumbprint(thumbprint);
    if (pin !== undefined) return { kind: 'pin', thumbprint: pin };
    throw new TlsVerificationError(authority(peer), 'the expected thumbprint is neither a SHA-1 nor a SHA-256', {
      expected: thumbprint,
    });
  }
  if (session.trust.kind === 'pin' && !isSamePeer(peer, session.peer)) return { kind: 'system' };
  return session.trust;
}
