import { X509Certificate } from 'node:crypto';
import { TlsVerificationError } from '../../errors/index.js';
import { authority, isSamePeer, type Peer } from '../tls/peer.js';
import { parseThumbprint, type Thumbprint } from '../tls/thumbprint.js';
import type { Trust } from '../tls/trust.js';
import type { TransferOptions } from '../vim-session.js';

/**
 * How the peer of an NFC transfer is checked: by the lease's certificate or thumbprint where there is one, or else as the
 * session's server is. The session's pin is that server's alone: any other host then needs the pin for NFC hosts, or a
 * certificate that Node trusts.
 *
 * @throws TlsVerificationError where certificate or thumbprint are none: a peer that cannot be checked is not trusted
 */
export function transferTrust(
  peer: Peer,
  { thumbprint, certificate }: Pick<TransferOptions, 'thumbprint' | 'certificate'>,
  session: { readonly peer: Peer; readonly trust: Trust; readonly nfcThumbprint: Thumbprint | undefined },
): Trust {
  if (certificate !== undefined && certificate.trim() !== '')
    return { kind: 'pin', thumbprint: pinOf(peer, certificate) };
  if (thumbprint !== undefined && thumbprint.trim() !== '') {
    const pin = parseThumbprint(thumbprint);
    if (pin !== undefined) return { kind: 'pin', thumbprint: pin };
    throw new TlsVerificationError(authority(peer), 'the expected thumbprint is neither a SHA-1 nor a SHA-256', {
      expected: thumbprint,
    });
  }
  const { trust, nfcThumbprint } = session;
  if (isSamePeer(peer, session.peer)) return trust;
  if (nfcThumbprint !== undefined) return { kind: 'pin', thumbprint: nfcThumbprint };
  return trust.kind === 'pin' ? { kind: 'system', isNfc: true } : { ...trust, isNfc: true };
}

function pinOf(peer: Peer, pem: string): Thumbprint {
  try {
    return { algorithm: 'SHA-256', text: new X509Certificate(pem).fingerprint256.toUpperCase() };
  } catch {
    throw new TlsVerificationError(authority(peer), 'the expected certificate cannot be read', {});
  }
}
