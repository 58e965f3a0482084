/**
 * A disk's UUID as `VirtualDiskManager.SetVirtualDiskUuid` takes it: sixteen spaced bytes with a dash in the middle
 * (`60 00 C2 9d 8a …-…`), where `VirtualDiskFlatVer2BackingInfo.uuid` has the usual form (`6000C29d-8a…`).
 */
export function spacedDiskUuid(uuid: string): string {
  const bytes = hexDigits(uuid).match(/../g) ?? [];
  return `${bytes.slice(0, 8).join(' ')}-${bytes.slice(8).join(' ')}`;
}

/** Whether two spellings name one disk UUID. */
export function sameDiskUuid(one: string, other: string): boolean {
  return hexDigits(one) === hexDigits(other);
}

/** Whether a text is a UUID at all; a volume's id need not be one. */
export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
}

function hexDigits(uuid: string): string {
  return uuid.replace(/[^0-9a-f]/gi, '').toLowerCase();
}
