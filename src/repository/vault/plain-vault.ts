import { createHash } from 'node:crypto';
import { RepositoryDamagedError } from '../../errors/index.js';
import { hashMemory } from './hash-memory.js';
import { hashPieces } from './hash-pieces.js';
import type { Vault } from './vault.js';

/** The vault of a repository that is not encrypted. */
export const plainVault: Vault = {
  keysOf: (pieces) => hashPieces(pieces),
  keysIn: (memory, bounds) => hashMemory(memory, bounds),
  seal: (_pack, _ordinal, bytes) => bytes,
  open: (_pack, _ordinal, sealed) => sealed,
  sealRoot: (_attempt, bytes) => Promise.resolve(bytes),
  openRoot: (_attempt, sealed) => Promise.resolve(sealed),
  prove: (text) => createHash('sha256').update(text).digest('hex'),
  refuse: (key) => new RepositoryDamagedError(`${key} is not as it was written`),
};
