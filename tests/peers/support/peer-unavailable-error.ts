/** A peer cannot be had on this machine; the message is the reason. */
export class PeerUnavailableError extends Error {
  override readonly name = 'PeerUnavailableError';
}
