import { type CipherGCM, createCipheriv, createDecipheriv, createHmac, type DecipherGCM, hkdfSync } from 'node:crypto';
import { RepositoryDamagedError, WrongKeyError } from '../../errors/index.js';
import { EventLoopTurns } from '../../event-loop-turns.js';
import { chunkBytes } from '../../stream/chunk-bytes.js';
import { joinPieces } from '../../stream/join-pieces.js';
import { hashMemory } from './hash-memory.js';
import { hashPieces } from './hash-pieces.js';
import type { Vault } from './vault.js';

const cipher = 'aes-256-gcm';
const secretBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;
/** Subkeys of packs that are kept: backups read and write few at a time. */
const keptKeys = 64;

/**
 * The vault of an encrypted repository. Each pack and each root has a key of its own, derived from the master key and its
 * name, which is never used again; so a blob's ordinal can be its nonce, and no blob can be passed off as another.
 */
export function sealedVault(master: Uint8Array): Vault {
  const derive = (purpose: string): Buffer => Buffer.from(hkdfSync('sha256', master, '', purpose, secretBytes));
  const grainSecret = derive('grain keys');
  const proofSecret = derive('records');
  const packKeys = new Map<string, Buffer>();
  const packKey = (pack: string): Buffer => {
    let key = packKeys.get(pack);
    if (key === undefined) {
      const [oldest] = packKeys.keys();
      if (oldest !== undefined && packKeys.size >= keptKeys) packKeys.delete(oldest);
      packKeys.set(pack, (key = derive(`pack ${pack}`)));
    }
    return key;
  };
  return {
    keysOf: (pieces) => hashPieces(pieces, grainSecret),
    keysIn: (memory, bounds) => hashMemory(memory, bounds, grainSecret),
    seal: (pack, ordinal, bytes) => seal(packKey(pack), ordinal, bytes),
    open: (pack, ordinal, sealed) => open(packKey(pack), ordinal, sealed, `pack ${pack}`),
    sealRoot: (attempt, bytes) => sealLong(derive(`root ${attempt}`), bytes),
    openRoot: (attempt, sealed) => openLong(derive(`root ${attempt}`), sealed, `root ${attempt}`),
    prove: (text) => createHmac('sha256', proofSecret).update(text).digest('hex'),
    refuse: (key) => new WrongKeyError(`${key} was not written with the repository's key, or was changed since`),
  };
}

function nonceOf(ordinal: number): Buffer {
  const nonce = Buffer.alloc(nonceBytes);
  nonce.writeUInt32LE(ordinal);
  return nonce;
}

function seal(key: Buffer, ordinal: number, bytes: Uint8Array): Buffer {
  const sealing = createCipheriv(cipher, key, nonceOf(ordinal));
  return Buffer.concat([sealing.update(bytes), sealing.final(), sealing.getAuthTag()]);
}

function open(key: Buffer, ordinal: number, sealed: Buffer, name: string): Buffer {
  try {
    const opening = openingOf(key, ordinal, sealed);
    return Buffer.concat([opening.update(sealed.subarray(0, -tagBytes)), opening.final()]);
  } catch (cause) {
    throw damaged(name, ordinal, cause);
  }
}

/** {@link seal}, of what may be hundreds of megabytes long, over several turns of the event loop. */
async function sealLong(key: Buffer, bytes: Buffer): Promise<Buffer> {
  const sealing = createCipheriv(cipher, key, nonceOf(0));
  const pieces = await updateInTurns(sealing, bytes);
  return joinPieces([...pieces, sealing.final(), sealing.getAuthTag()]);
}

/** {@link open}, of what {@link sealLong} sealed. */
async function openLong(key: Buffer, sealed: Buffer, name: string): Promise<Buffer> {
  try {
    const opening = openingOf(key, 0, sealed);
    const pieces = await updateInTurns(opening, sealed.subarray(0, -tagBytes));
    return await joinPieces([...pieces, opening.final()]);
  } catch (cause) {
    throw damaged(name, 0, cause);
  }
}

function openingOf(key: Buffer, ordinal: number, sealed: Buffer): DecipherGCM {
  const opening = createDecipheriv(cipher, key, nonceOf(ordinal), { authTagLength: tagBytes });
  return opening.setAuthTag(sealed.subarray(sealed.length - tagBytes));
}

async function updateInTurns(work: CipherGCM | DecipherGCM, bytes: Buffer): Promise<Buffer[]> {
  const turns = new EventLoopTurns();
  const pieces: Buffer[] = [];
  for (let from = 0; from < bytes.length; from += chunkBytes) {
    await turns.pause();
    pieces.push(work.update(bytes.subarray(from, from + chunkBytes)));
  }
  return pieces;
}

function damaged(name: string, ordinal: number, cause: unknown): RepositoryDamagedError {
  return new RepositoryDamagedError(`${name}, blob ${ordinal}: not what was stored there`, { cause });
}
