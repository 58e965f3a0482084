/** Disks that are the same everywhere: zeros, text and what does not compress, from a seeded generator. */
import { createCipheriv, createHash } from 'node:crypto';
import { open } from 'node:fs/promises';

const MIB = 2 ** 20;

const FILE = 64 * 1024;

/** Made up once. Each file of a text has a few of them, so that most of what repeats does so nearby, as in real files. */
const WORDS = vocabulary(1_000_000, 1);
const PHRASES = vocabulary(200_000, 4);
const WORDS_OF_A_FILE = 4000;
const PHRASES_OF_A_FILE = 800;

export async function digest(path: string): Promise<string> {
  const hash = createHash('sha256');
  const handle = await open(path, 'r');
  const buffer = Buffer.allocUnsafeSlow(MIB);
  for (;;) {
    const { bytesRead } = await handle.read(buffer, 0, MIB, null);
    if (bytesRead === 0) break;
    hash.update(buffer.subarray(0, bytesRead));
  }
  await handle.close();
  return hash.digest('hex');
}

/** Writes a disk, 40 % zeros, 30 % text, 30 % incompressible: extents of 64 KiB to 8 MiB, their kind and length from a seeded generator. Returns its SHA-256. */
export async function writeDisk(path: string, sizeBytes: number): Promise<string> {
  const random = generator(20_261_101);
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, 1), Buffer.alloc(16, 2));
  const handle = await open(path, 'w');
  // So that the shares come out exactly, each kind has its budget.
  const budgets = [0.4, 0.3, 0.3].map((share) => Math.round((share * sizeBytes) / 65_536) * 65_536);
  budgets[2] = sizeBytes - (budgets[0] ?? 0) - (budgets[1] ?? 0);
  for (let position = 0; position < sizeBytes;) {
    const left = budgets.reduce((sum, budget) => sum + budget, 0);
    let pick = random() * left;
    const kind = budgets.findIndex((budget) => (pick -= budget) < 0);
    const budget = budgets[kind] ?? 0;
    const length = Math.min(65_536 * 2 ** Math.floor(random() * 8), budget);
    if (length === 0) continue;
    budgets[kind] = budget - length;
    if (kind === 1) await handle.write(text(length, random), 0, length, position);
    if (kind === 2) await handle.write(cipher.update(Buffer.alloc(length)), 0, length, position);
    position += length;
  }
  await handle.truncate(sizeBytes);
  await handle.close();
  return digest(path);
}

/**
 * Files of words and phrases, some much more frequent than others, numbers, indentation. A deflater of level 1 takes a block of
 * 64 KiB to 0.45, and zstd a mebibyte to 0.38; the programs and libraries of a Debian machine, in a tar, come to 0.44 and 0.39.
 */
export function text(length: number, random: () => number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let at = 0; at < length; at += FILE) writeFile(bytes.subarray(at, at + FILE), random);
  return bytes;
}

function writeFile(bytes: Buffer, random: () => number): void {
  const vocabularyAt = (all: readonly string[], count: number): ((place: number) => string) => {
    const first = Math.floor((all.length - count) * random());
    return (place) => all[first + Math.floor(count * place)] ?? '';
  };
  const word = vocabularyAt(WORDS, WORDS_OF_A_FILE);
  const phrase = vocabularyAt(PHRASES, PHRASES_OF_A_FILE);
  for (let at = 0; at < bytes.length;) {
    const dice = random();
    const next = dice > 0.93 ? String(Math.floor(random() * 1e5)) : (dice < 0.3 ? phrase : word)(random() ** 2.2);
    at += bytes.write(dice > 0.85 ? `${next};\n    ` : `${next} `, at, 'latin1');
    // The next one may not fit any more.
    if (bytes.length - at < 120) bytes.fill(0x0a, at, (at = bytes.length));
  }
}

/** Made-up words, or sequences of as many as `length` of them. */
function vocabulary(count: number, length: number): string[] {
  const random = generator(7);
  const letter = (): string => 'etaoinshrdlucmfwypvbgkjqxz'[Math.floor(26 * random() ** 1.7)] ?? 'e';
  const word = (): string => Array.from({ length: 2 + Math.floor(random() * 9) }, letter).join('');
  return Array.from({ length: count }, () => Array.from({ length }, word).join(length > 1 ? '_' : ''));
}

/** mulberry32: small, fast, and the same everywhere. */
export function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
