import { randomBytes } from 'node:crypto';

/** A new disk UUID, in the dashed form and with the prefix that vSphere gives its own. */
export function newDiskUuid(): string {
  return dashed(`6000c29${randomBytes(13).toString('hex').slice(1)}`);
}

/** `6000C29f-e40c-8733-ea3e-c31b2b4352e9`: the form of `backing.uuid`. */
function dashed(hex: string): string {
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)];
  return `${(parts[0] ?? '').toUpperCase()}-${parts.slice(1).join('-')}`;
}

/** Any form of a UUID in the dashed one, or undefined where it is none. */
export function parseDiskUuid(text: string): string | undefined {
  const hex = text.replaceAll(/[\s-]/g, '');
  return /^[0-9a-fA-F]{32}$/.test(hex) ? dashed(hex.toLowerCase()) : undefined;
}

/** `60 00 C2 9f e4 0c 87 33-ea 3e c3 1b 2b 43 52 e9`: the form of the virtual disk manager and of descriptors. */
export function spacedDiskUuid(uuid: string): string {
  const bytes = uuid.replaceAll('-', '').toLowerCase().match(/../g) ?? [];
  return `${bytes.slice(0, 8).join(' ')}-${bytes.slice(8).join(' ')}`;
}
