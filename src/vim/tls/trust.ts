import type { Thumbprint } from './thumbprint.js';

/**
 * How a peer's certificate is checked.
 *
 * - `pin`: it is the one with this thumbprint; names, dates and issuers do not matter
 * - `ca`: its chain ends in one of these certificates (PEM), and it is made out to the host
 * - `system`: its chain ends in one of Node's own certificates, and it is made out to the host
 * - `insecure`: not at all
 */
export type Trust = (
  | { readonly kind: 'pin'; readonly thumbprint: Thumbprint }
  | { readonly kind: 'ca'; readonly pem: string | readonly string[] }
  | { readonly kind: 'system' }
  | { readonly kind: 'insecure' }
) & {
  /** Whether it is about a host that disks' bytes come from, and not about the session's server. */
  readonly isNfc?: boolean;
};
