import { randomBytes } from 'node:crypto';

/** What a pack holds: grains, or the map of a backup. */
export type PackKind = 'data' | 'map';

const attemptDigits = 24;
const idDigits = 32;

/** Names one run of one backup: 96 random bits, as 24 hexadecimal digits. Never used again. */
export function newAttempt(): string {
  return randomBytes(attemptDigits / 2).toString('hex');
}

/** Packs of either kind are counted from here, so that no two packs of an attempt have one id, and with it one key of the vault's. */
const firstNumbers: Readonly<Record<PackKind, number>> = { data: 0, map: 0x8000_0000 };

/** The id of an attempt's nth pack of a kind, 32 hexadecimal digits. Since attempts are never repeated, pack ids are not either. */
export function packId(kind: PackKind, attempt: string, number: number): string {
  return attempt + (firstNumbers[kind] + number).toString(16).padStart(idDigits - attemptDigits, '0');
}

/** The attempt that made a pack. */
export function attemptOf(pack: string): string {
  return pack.slice(0, attemptDigits);
}

/** The key of a pack's object. */
export function packKey(kind: PackKind, pack: string): string {
  return `${kind}/${attemptOf(pack)}/${pack.slice(attemptDigits)}`;
}

/** What the keys of a pack's rewritings begin with: they hold the same blobs at the same ordinals, but for those nobody needs. */
export function rewritingPrefix(kind: PackKind, pack: string): string {
  return `${packKey(kind, pack)}.`;
}

/** The key of a new rewriting of a pack. Like everything else it is never used again. */
export function newRewritingKey(kind: PackKind, pack: string): string {
  return rewritingPrefix(kind, pack) + newAttempt();
}

const packKeyPattern = /^(data|map)\/([0-9a-f]{24})\/([0-9a-f]{8})(?:\.[0-9a-f]{24})?$/;

/** The pack whose object, or whose rewriting, a key names; undefined where it names none. */
export function parsePackKey(key: string): { readonly kind: PackKind; readonly pack: string } | undefined {
  const [, kind, attempt, number] = packKeyPattern.exec(key) ?? [];
  if ((kind !== 'data' && kind !== 'map') || attempt === undefined || number === undefined) return undefined;
  return { kind, pack: attempt + number };
}
