import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from 'node:crypto';
import { RepositoryDamagedError, WrongKeyError } from '../../errors/index.js';
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
    sealRoot: (attempt, bytes) => seal(derive(`root ${attempt}`), 0, bytes),
    openRoot: (attempt, sealed) => open(derive(`root ${attempt}`), 0, sealed, `root ${attempt}`),
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
    const opening = createDecipheriv(cipher, key, nonceOf(ordinal), { authTagLength: tagBytes });
    opening.setAuthTag(sealed.subarray(sealed.length - tagBytes));
    return Buffer.concat([opening.update(sealed.subarray(0, -tagBytes)), opening.final()]);
  } catch (cause) {
    throw new RepositoryDamagedError(`${name}, blob ${ordinal}: not what was stored there`, { cause });
  }
}
