import type { X509Certificate } from 'node:crypto';

/** The SHA-1 or SHA-256 of a certificate, as vSphere and its tools show it. */
export interface Thumbprint {
  readonly algorithm: 'SHA-1' | 'SHA-256';
  /** Upper-case hexadecimal with colons. */
  readonly text: string;
}

const algorithms: Readonly<Record<number, Thumbprint['algorithm']>> = { 20: 'SHA-1', 32: 'SHA-256' };

/**
 * Reads a thumbprint: SHA-1 or SHA-256 (told by length), hexadecimal in either case, with colons between the bytes or
 * without.
 *
 * @returns `undefined` where it is none
 */
export function parseThumbprint(text: string): Thumbprint | undefined {
  const trimmed = text.trim();
  if (!/^(?:[0-9a-f]{2})+$/i.test(trimmed) && !/^[0-9a-f]{2}(?::[0-9a-f]{2})+$/i.test(trimmed)) return undefined;
  const bytes = trimmed.replaceAll(':', '').toUpperCase().match(/../g) ?? [];
  const algorithm = algorithms[bytes.length];
  return algorithm === undefined ? undefined : { algorithm, text: bytes.join(':') };
}

/** The thumbprint of a certificate, by the same algorithm as another one. `undefined` where the peer showed none. */
export function thumbprintOf(
  certificate: X509Certificate | undefined,
  algorithm: Thumbprint['algorithm'],
): string | undefined {
  return (algorithm === 'SHA-1' ? certificate?.fingerprint : certificate?.fingerprint256)?.toUpperCase();
}
