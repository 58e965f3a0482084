import { createCipheriv, createDecipheriv, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify, types } from 'node:util';
import * as z from 'zod';
import { mayPass } from '../../errors/foreign-error.js';
import { RepositoryDamagedError, throwIfAborted, WrongKeyError } from '../../errors/index.js';
import { reasonOf } from '../../errors/reason-of.js';
import { callbackSchema } from '../../live-input.js';
import type { ObjectInfo, ObjectStore } from '../../stores/object-store.js';
import { untilAborted } from '../../until-aborted.js';
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

/** What is accepted for {@link RepositoryEncryption}. */
export const encryptionSchema = z.union([
  z.strictObject({ passphrase: z.string().min(1) }),
  z.strictObject({ wrap: callbackSchema<KeyFunction>(), unwrap: callbackSchema<KeyFunction>() }),
]);

type KeyFunction = (bytes: Uint8Array) => Promise<Uint8Array>;

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

/**
 * Puts the master key, wrapped, among the repository's keys. It is put only once what wrapped it has unwrapped it again: if it could
 * not, all backups would be lost.
 *
 * @throws WrongKeyError where the application's functions fail, or do not give back what they were given
 */
export async function putKey(
  store: ObjectStore,
  encryption: RepositoryEncryption,
  master: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<string> {
  const wrapped = await wrap(encryption, master, signal);
  if (!timingSafeEqual(await unwrap(encryption, wrapped, signal), master)) {
    throw new WrongKeyError('unwrap() does not give back what wrap() was given');
  }
  const key = `${keysPrefix}${randomBytes(16).toString('hex')}.json`;
  await store.put(key, Buffer.from(JSON.stringify(wrapped)), { signal });
  return key;
}

/**
 * The master key: the oldest of the repository's wrapped keys that opens.
 *
 * @param isRight whether a key that opens is the repository's: one may be left of an initialization that came to nothing
 * @throws WrongKeyError where none does; retryable where the reason may pass, as when a key service cannot be reached
 */
export async function openKey(
  store: ObjectStore,
  encryption: RepositoryEncryption,
  isRight: (master: Buffer) => boolean,
  signal: AbortSignal | undefined,
): Promise<{ readonly master: Buffer; readonly key: string }> {
  let cause: unknown;
  const infos: ObjectInfo[] = [];
  for await (const info of store.list(keysPrefix, { signal })) infos.push(info);
  // Of the same time, the same for everybody.
  infos.sort((a, b) => a.lastModified.getTime() - b.lastModified.getTime() || (a.key < b.key ? -1 : 1));
  for (const { key } of infos) {
    const bytes = await readObject(store, key, signal);
    if (bytes === undefined) continue;
    try {
      const master = await unwrap(encryption, keySchema.parse(JSON.parse(bytes.toString())), signal);
      if (isRight(master)) return { master, key };
      cause ??= new WrongKeyError(`${key} is of another repository`);
    } catch (error) {
      throwIfAborted(signal);
      if (cause === undefined || mayPass(error)) cause = error;
    }
  }
  if (cause === undefined) throw new RepositoryDamagedError('the repository is encrypted and has no keys');
  const message = "none of the repository's keys can be opened with what was given";
  throw new WrongKeyError(message, { cause, retryable: mayPass(cause) });
}

async function wrap(
  encryption: RepositoryEncryption,
  master: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<z.infer<typeof keySchema>> {
  if (!('passphrase' in encryption)) {
    // A copy: who is given a key may clear it when he has done.
    const wrapped = await answerOf('wrap', () => encryption.wrap(Buffer.from(master)), signal);
    return { kind: 'wrapped', wrapped: wrapped.toString('base64') };
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

async function unwrap(
  encryption: RepositoryEncryption,
  stored: z.infer<typeof keySchema>,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const bytes = (text: string): Buffer => Buffer.from(text, 'base64');
  if (stored.kind === 'wrapped') {
    if ('passphrase' in encryption) throw new WrongKeyError('this key is wrapped by a function, not by a passphrase');
    return assertMaster(await answerOf('unwrap', () => encryption.unwrap(bytes(stored.wrapped)), signal));
  }
  if (!('passphrase' in encryption)) throw new WrongKeyError('this key is wrapped by a passphrase');
  const key = await fromPassphrase(encryption.passphrase, bytes(stored.salt));
  const decipher = createDecipheriv('aes-256-gcm', key, bytes(stored.nonce), { authTagLength: 16 });
  decipher.setAuthTag(bytes(stored.tag));
  return assertMaster(Buffer.concat([decipher.update(bytes(stored.sealed)), decipher.final()]));
}

/** What a function of the application's gives. It is waited for no longer than until the signal is aborted. */
async function answerOf(
  name: 'wrap' | 'unwrap',
  call: () => Promise<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  let answer: unknown;
  try {
    // Asynchronous from the start: what throws at once rejects as well.
    answer = await untilAborted((async () => call())(), signal);
  } catch (error) {
    throwIfAborted(signal);
    throw new WrongKeyError(`${name}() failed: ${reasonOf(error)}`, { cause: error, retryable: mayPass(error) });
  }
  if (!types.isUint8Array(answer)) throw new WrongKeyError(`${name}() gave no bytes`);
  return Buffer.from(answer);
}

function assertMaster(master: Buffer): Buffer {
  if (master.length !== masterBytes) throw new WrongKeyError(`the key has ${master.length} bytes, not ${masterBytes}`);
  return master;
}

function fromPassphrase(passphrase: string, salt: Buffer): Promise<Buffer> {
  const derive = promisify<string, Buffer, number, object, Buffer>(scrypt);
  return derive(passphrase.normalize('NFC'), salt, masterBytes, { ...scryptCost, maxmem: scryptMemory });
}
