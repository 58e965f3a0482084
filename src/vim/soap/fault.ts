import { VimFault } from '../../errors/index.js';
import type { Reply } from './envelope-decoder.js';

/**
 * The error for a fault that a server answered a call with.
 *
 * @param clean takes secrets out of what the server wrote
 */
export function faultOf(
  method: string,
  { name, message, detail }: Extract<Reply, { readonly kind: 'fault' }>,
  clean: (text: string) => string,
): VimFault {
  return new VimFault(
    clean(name ?? 'RuntimeFault'),
    method,
    clean(message),
    cleaned(detail, clean) as Record<string, unknown>,
  );
}

function cleaned(value: unknown, clean: (text: string) => string): unknown {
  if (typeof value === 'string') return clean(value);
  if (Array.isArray(value)) return value.map((item) => cleaned(item, clean));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, cleaned(field, clean)]));
}
