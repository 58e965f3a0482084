import { isIP } from 'node:net';
import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import { AbortError, TlsVerificationError, VimConnectionError } from '../../errors/index.js';
import { authority, type Peer } from './peer.js';
import { thumbprintOf } from './thumbprint.js';
import type { Trust } from './trust.js';

/** How long a connection may take to be made and verified, in milliseconds. */
const connectTimeoutMs = 30_000;
/** After how long without traffic the kernel asks whether the peer is still there, in milliseconds. */
const tcpKeepAliveMs = 30_000;

/**
 * Connects to a peer and checks its certificate before anyone can send it a byte.
 *
 * @throws TlsVerificationError where the certificate is not trusted
 * @throws VimConnectionError (`not-sent`) where the peer cannot be reached
 * @throws AbortError
 */
export function connectVerified(peer: Peer, trust: Trust, signal: AbortSignal | undefined): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(new AbortError(signal));
      return;
    }
    const socket = connect({
      host: peer.host,
      port: peer.port,
      // An address is no server name (RFC 6066, 3).
      servername: isIP(peer.host) === 0 ? peer.host : '',
      secureContext: contextOf(trust),
      // The check is refusal() below, in one place for every kind of trust: nothing is written before it.
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
    });
    // It stays: between here and the HTTP client, and after a refusal, an error has no other listener.
    socket.on('error', () => undefined);
    const settle = (error?: Error): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      socket.removeListener('error', fail);
      socket.removeListener('close', closed);
      if (error === undefined) {
        resolve(socket);
      } else {
        socket.destroy();
        reject(error);
      }
    };
    const abort = (): void => {
      settle(new AbortError({ reason: signal?.reason as unknown }));
    };
    const fail = (cause: Error): void => {
      settle(unreachable(peer, cause.message, cause));
    };
    const closed = (): void => {
      settle(unreachable(peer, 'the peer closed the connection during the TLS handshake'));
    };
    const timer = setTimeout(() => {
      settle(unreachable(peer, `no connection within ${connectTimeoutMs} ms`));
    }, connectTimeoutMs);
    signal?.addEventListener('abort', abort, { once: true });
    socket.once('error', fail);
    socket.once('close', closed);
    socket.once('secureConnect', () => {
      socket.setKeepAlive(true, tcpKeepAliveMs);
      socket.setNoDelay(true);
      settle(refusal(socket, peer, trust));
    });
  });
}

/** Made once: each time anew, it is the dearest part of a handshake. */
const contexts = new WeakMap<Trust, SecureContext>();
let common: SecureContext | undefined;

function contextOf(trust: Trust): SecureContext {
  if (trust.kind !== 'ca') return (common ??= createSecureContext());
  const context = contexts.get(trust) ?? createSecureContext({ ca: [trust.pem].flat() });
  contexts.set(trust, context);
  return context;
}

/**
 * Why the peer's certificate is not trusted; `undefined` where it is. To be asked once: `getPeerX509Certificate` takes the certificate
 * out of the connection. It is much cheaper than `getPeerCertificate`, which takes it apart.
 */
function refusal(socket: TLSSocket, peer: Peer, trust: Trust): TlsVerificationError | undefined {
  switch (trust.kind) {
    case 'pin': {
      const { algorithm, text: expected } = trust.thumbprint;
      const actual = thumbprintOf(socket.getPeerX509Certificate(), algorithm);
      if (actual === expected) return undefined;
      const message = `the certificate has another ${algorithm} thumbprint than expected (${expected}): ${actual ?? 'none'}`;
      return new TlsVerificationError(authority(peer), message, {
        expected,
        ...(actual === undefined ? {} : { actual }),
      });
    }
    case 'ca':
    case 'system': {
      if (socket.authorized) return undefined;
      const actual = thumbprintOf(socket.getPeerX509Certificate(), 'SHA-256');
      const reason = String(socket.authorizationError);
      const option = trust.isNfc === true ? 'nfcThumbprint' : 'thumbprint';
      const remedy =
        actual === undefined
          ? ''
          : `; if its SHA-256 thumbprint is the right one, ${actual}, give it as \`${option}\`, or its issuer as \`ca\``;
      return new TlsVerificationError(
        authority(peer),
        `the certificate is not trusted: ${reason}${remedy}`,
        actual === undefined ? {} : { actual },
      );
    }
    case 'insecure':
      return undefined;
  }
}

function unreachable(peer: Peer, reason: string, cause?: Error): VimConnectionError {
  return new VimConnectionError(`cannot connect to ${authority(peer)}: ${reason}`, 'not-sent', { cause });
}
