import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import * as z from 'zod';
import { RepositoryDamagedError, WrongKeyError } from '../../errors/index.js';
import type { ObjectStore } from '../../stores/object-store.js';
import { keysPrefix } from '../format/names.js';
import { readObject } from '../repository.js';

/** What opens an encrypted repository: a passphrase, or functions of the application's that a key service stands behind. */
export type RepositoryEncryption =
  | { readonly passphrase: string }
  | {
      /** Encrypts the repository's key; called when the repository is created or its key wrapped anew. */
      readonly wrap: (key: Uint8Array) => Promise<Uint8Array>;
      /** Decrypts it again. */
      readonly unwrap: (wrapped: Uint8Array) => Promise<Uint8Array>;
    };

const masterBytes = 32;
/** 64 MiB and a tenth of a second: what RFC 7914 calls interactive, four times. */
const scryptCost = { N: 2 ** 16, r: 8, p: 1 } as const;
const scryptMemory = 160 * scryptCost.N * scryptCost.r;

const keySchema = z.union([
  z.strictObject({
    kind: z.literal('passphrase'),
    salt: z.base64(),
    nonce: z.base64(),
    sealed: z.base64(),
    tag: z.base64(),
  }),
  z.strictObject({ kind: z.literal('wrapped'), wrapped: z.base64() }),
]);

/** A new master key. */
export function newMasterKey(): Buffer {
  return randomBytes(masterBytes);
}

/** Puts the master key, wrapped, among the repository's keys. */
export async function putKey(
  store: ObjectStore,
  encryption: RepositoryEncryption,
  master: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<string> {
  const key = `${keysPrefix}${randomBytes(16).toString('hex')}.json`;
  await store.put(key, Buffer.from(JSON.stringify(await wrap(encryption, master))), { signal });
  return key;
}

/**
 * The master key. Any of the repository's wrapped keys may be the one that opens.
 *
 * @throws WrongKeyError where none does
 */
export async function openKey(
  store: ObjectStore,
  encryption: RepositoryEncryption,
  signal: AbortSignal | undefined,
): Promise<{ readonly master: Buffer; readonly key: string }> {
  let cause: unknown;
  let found = false;
  for await (const { key } of store.list(keysPrefix, { signal })) {
    const bytes = await readObject(store, key, signal);
    if (bytes === undefined) continue;
    found = true;
    try {
      return { master: await unwrap(encryption, keySchema.parse(JSON.parse(bytes.toString()))), key };
    } catch (error) {
      cause = error;
    }
  }
  if (!found) throw new RepositoryDamagedError('the repository is encrypted and has no keys');
  throw new WrongKeyError("none of the repository's keys can be opened with what was given", { cause });
}

async function wrap(encryption: RepositoryEncryption, master: Uint8Array): Promise<z.infer<typeof keySchema>> {
  if (!('passphrase' in encryption)) {
    return { kind: 'wrapped', wrapped: Buffer.from(await encryption.wrap(master)).toString('base64') };
  }
  const [salt, nonce] = [randomBytes(16), randomBytes(12)];
  const cipher = createCipheriv('aes-256-gcm', await fromPassphrase(encryption.passphrase, salt), nonce);
  const sealed = Buffer.concat([cipher.update(master), cipher.final()]);
  const text = (bytes: Buffer): string => bytes.toString('base64');
  return {
    kind: 'passphrase',
    salt: text(salt),
    nonce: text(nonce),
    sealed: text(sealed),
    tag: text(cipher.getAuthTag()),
  };
}

async function unwrap(encryption: RepositoryEncryption, stored: z.infer<typeof keySchema>): Promise<Buffer> {
  const bytes = (text: string): Buffer => Buffer.from(text, 'base64');
  if (stored.kind === 'wrapped') {
    if ('passphrase' in encryption) throw new WrongKeyError('this key is wrapped by a function, not by a passphrase');
    return assertMaster(Buffer.from(await encryption.unwrap(bytes(stored.wrapped))));
  }
  if (!('passphrase' in encryption)) throw new WrongKeyError('this key is wrapped by a passphrase');
  const key = await fromPassphrase(encryption.passphrase, bytes(stored.salt));
  const decipher = createDecipheriv('aes-256-gcm', key, bytes(stored.nonce), { authTagLength: 16 });
  decipher.setAuthTag(bytes(stored.tag));
  return assertMaster(Buffer.concat([decipher.update(bytes(stored.sealed)), decipher.final()]));
}

function assertMaster(master: Buffer): Buffer {
  if (master.length !== masterBytes) throw new WrongKeyError(`the key has ${master.length} bytes, not ${masterBytes}`);
  return master;
}

function fromPassphrase(passphrase: string, salt: Buffer): Promise<Buffer> {
  const derive = promisify<string, Buffer, number, object, Buffer>(scrypt);
  return derive(passphrase.normalize('NFC'), salt, masterBytes, { ...scryptCost, maxmem: scryptMemory });
}
