import { readFile } from 'node:fs/promises';
import { inspect } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import * as errors from '../../src/errors/index.js';
import type { ErrorCode } from '../../src/index.js';
import { hostileError } from '../support/hostile-error.js';

const { VmdkDriverError } = errors;

const one = {
  AbortError: new errors.AbortError({ reason: new Error('enough') }),
  BackingInUseError: new errors.BackingInUseError('m'),
  BackingInvalidError: new errors.BackingInvalidError('m'),
  BackupCorruptError: new errors.BackupCorruptError('m'),
  BackupNotFoundError: new errors.BackupNotFoundError('m'),
  BackupServiceError: new errors.BackupServiceError('m', { cause: new Error('down') }),
  FileError: new errors.FileError('m'),
  InvalidInputError: new errors.InvalidInputError('volume.size', 'm'),
  InvalidLoginError: new errors.InvalidLoginError('m'),
  InvalidVmdkError: new errors.InvalidVmdkError('truncated', 512, 'm'),
  LeaseError: new errors.LeaseError('m'),
  NoTemporarySpaceError: new errors.NoTemporarySpaceError('m'),
  NoValidDatastoreError: new errors.NoValidDatastoreError('m', [{ name: 'ds', reason: 'full' }]),
  NoValidHostError: new errors.NoValidHostError('m', [{ name: 'h', reason: 'in maintenance mode' }]),
  ObjectNotFoundError: new errors.ObjectNotFoundError('data/0123'),
  RepositoryDamagedError: new errors.RepositoryDamagedError('m'),
  OwnershipLostError: new errors.OwnershipLostError('m'),
  RestoreError: new errors.RestoreError('m'),
  StoreError: new errors.StoreError('throttled', 'm', { status: 503, retryAfterMs: 1000 }),
  TemporaryDirectoryError: new errors.TemporaryDirectoryError('m'),
  ThreadError: new errors.ThreadError('m'),
  TlsVerificationError: new errors.TlsVerificationError('host:443', 'm', { expected: 'AB', actual: 'CD' }),
  TransferError: new errors.TransferError('m', { status: 503 }),
  TransferStalledError: new errors.TransferStalledError(1000),
  UnsupportedBackupError: new errors.UnsupportedBackupError('m'),
  VimConnectionError: new errors.VimConnectionError('m', 'unknown'),
  VimFault: new errors.VimFault('FileLocked', 'ReconfigVM_Task', 'm', { file: 'f' }),
  VimProtocolError: new errors.VimProtocolError('m'),
  VolumeBusyError: new errors.VolumeBusyError('m'),
  VolumeHasSnapshotsError: new errors.VolumeHasSnapshotsError('m'),
  VolumeTooSmallError: new errors.VolumeTooSmallError('m'),
  WrongKeyError: new errors.WrongKeyError('m'),
};
const all = Object.entries(one);
const codes = new Set<ErrorCode>(all.map(([, error]) => error.code));

describe('every error', () => {
  test('that is exported is known here', () => {
    const exported = Object.keys(errors).filter((name) => name.endsWith('Error') || name === 'VimFault');
    expect(exported.filter((name) => name !== 'VmdkDriverError').sort()).toEqual(Object.keys(one).sort());
  });

  test.each(all)('%s has its class’s name, a code, and is told by instanceof', (name, error) => {
    expect(error).toBeInstanceOf(VmdkDriverError);
    expect(error).toBeInstanceOf(Error);
    expect(error).toBeInstanceOf(errors[name as keyof typeof one]);
    expect(error.name).toBe(name);
    expect(error.code).toMatch(/^[A-Z_]+$/);
    expect(error.stack).toContain(name);
    expect(inspect(error)).toContain(name);
  });

  test.each(all)('%s can be logged as plain JSON', (name, error) => {
    error.phase = 'import';
    const json = JSON.parse(JSON.stringify(error)) as Record<string, unknown>;
    const { code, message, retryable, cleanup } = error;
    expect(json).toMatchObject({ name, code, message, retryable, cleanup, phase: 'import' });
    for (const field of [
      'field',
      'reason',
      'offset',
      'rejected',
      'expected',
      'actual',
      'status',
      'outcome',
      'faultName',
      'key',
      'retryAfterMs',
    ]) {
      const value = (error as unknown as Record<string, unknown>)[field];
      if (value !== undefined) expect(json[field]).toEqual(value);
    }
  });

  const fails = () => {
    throw new Error('trapped');
  };
  test.each<[string, unknown]>([
    ['a proxy that throws', hostileError()],
    [
      'an error whose fields throw',
      Object.defineProperties(new Error('x'), { message: { get: fails }, code: { get: fails } }),
    ],
    ['an error that cannot be looked through', Object.assign(new Error('x'), { [inspect.custom]: fails })],
    ['an error with a code that is no code', Object.assign(new Error('x'), { code: 7n })],
    ['an error with a circle in it', Object.assign(new Error('x'), { code: globalThis })],
    ['a function', fails],
  ])('may have %s for its cause', (_what, cause) => {
    expect(cause).not.toBeInstanceOf(VmdkDriverError);
    const error = new errors.BackupServiceError('m', { cause });
    expect(JSON.parse(JSON.stringify(error))).toMatchObject({ code: 'BACKUP_SERVICE_FAILED', message: 'm' });
  });

  test('that is a kind of another is told as both; others are not', () => {
    expect(one.TransferStalledError).toBeInstanceOf(errors.TransferError);
    expect(one.TransferError).not.toBeInstanceOf(errors.TransferStalledError);
    expect(one.AbortError).not.toBeInstanceOf(errors.TransferError);
    expect(new Error('plain')).not.toBeInstanceOf(VmdkDriverError);
    class OfTheHost extends errors.TransferError {}
    expect(new OfTheHost('m')).toBeInstanceOf(errors.TransferError);
    expect(one.TransferError).not.toBeInstanceOf(OfTheHost);
  });

  /** What each code says where whoever made the error knew nothing better. */
  const retryable = {
    ABORTED: false,
    BACKING_IN_USE: false,
    BACKING_INVALID: false,
    BACKUP_CORRUPT: false,
    BACKUP_NOT_FOUND: false,
    BACKUP_SERVICE_FAILED: false,
    FILE_FAILED: false,
    INVALID_INPUT: false,
    INVALID_LOGIN: false,
    INVALID_VMDK: false,
    LEASE_FAILED: false,
    NO_TEMPORARY_SPACE: false,
    NO_VALID_DATASTORE: false,
    NO_VALID_HOST: false,
    OBJECT_NOT_FOUND: false,
    OWNERSHIP_LOST: false,
    REPOSITORY_DAMAGED: false,
    RESTORE_FAILED: false,
    STORE_FAILED: true,
    TEMPORARY_DIRECTORY_UNUSABLE: false,
    THREAD_FAILED: true,
    TLS_VERIFICATION_FAILED: false,
    TRANSFER_FAILED: true,
    TRANSFER_STALLED: true,
    UNSUPPORTED_BACKUP: false,
    VIM_CONNECTION_FAILED: true,
    VIM_FAULT: true,
    VIM_PROTOCOL: false,
    VOLUME_BUSY: true,
    VOLUME_HAS_SNAPSHOTS: false,
    VOLUME_TOO_SMALL: false,
    WRONG_KEY: false,
  } as const satisfies Record<ErrorCode, boolean>;

  test.each(all)('%s says whether to try again: what passes by itself, and nothing else', (_name, error) => {
    expect(error.retryable).toBe(retryable[error.code]);
  });

  test('each code has an error here', () => {
    expect([...codes].sort()).toEqual(Object.keys(retryable).sort());
  });

  test.each<[boolean, InstanceType<typeof VmdkDriverError>]>([
    [false, new errors.StoreError('credentials', 'm')],
    [false, new errors.VimFault('NoPermission', 'm', '')],
    [false, new errors.VimFault('NoDiskSpace', 'm', '')],
    [true, new errors.VimFault('TaskInProgress', 'm', '')],
    [true, new errors.VimFault('ConcurrentAccess', 'm', '')],
    [true, new errors.VimFault('RequestCanceled', 'm', '')],
    [false, new errors.VimConnectionError('m', 'not-sent', { retryable: false })],
    [false, new errors.TransferError('m', { retryable: false })],
    [true, new errors.LeaseError('m', { retryable: true })],
  ])('%s, where more is known: %s', (is, error) => {
    expect(error.retryable).toBe(is);
  });

  test('keeps its cause; JSON reduces it to what it was, not to what it carried', () => {
    const cause = Object.assign(new Error('down'), { code: 'ECONNRESET', secret: 'do not tell' });
    const error = new errors.BackupServiceError('m', { cause });
    expect(error.cause).toBe(cause);
    expect(error.toJSON()['cause']).toEqual({ name: 'Error', message: 'down', code: 'ECONNRESET' });
  });
});

describe('a fault is told by its type', () => {
  test("also another namespace's, and never by its text", () => {
    const pbm = new errors.VimFault('PbmFaultNotAuthenticated', 'PbmCheck', '');
    expect(errors.isVimFault(pbm, 'NotAuthenticated')).toBe(true);
    expect(errors.isVimFault(one.VimFault, 'NotAuthenticated', 'FileLocked')).toBe(true);
    // A leftover folder is not another restore's VM.
    expect(errors.isVimFault(new errors.VimFault('FileAlreadyExists', 'm', ''), 'AlreadyExists')).toBe(false);
    expect(errors.isVimFault(new errors.VimFault('RuntimeFault', 'm', 'FileLocked'), 'FileLocked')).toBe(false);
    expect(errors.isVimFault(new Error('FileLocked'), 'FileLocked')).toBe(false);
  });
});

describe('the documentation', () => {
  const read = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8');

  test('has every code, in docs/errors.md and in the README', async () => {
    const [page, readme] = [await read('docs/errors.md'), await read('README.md')];
    expect([...codes].filter((code) => !page.includes(`\`${code}\``))).toEqual([]);
    expect([...codes].filter((code) => !readme.includes(`\`${code}\``))).toEqual([]);
  });

  test('has every reason a stream is refused for', async () => {
    const source = await read('src/errors/invalid-vmdk-error.ts');
    const reasons = [...source.matchAll(/^ {2}\| '([a-z-]+)'/gm)].map(([, reason]) => reason);
    expect(reasons.length).toBeGreaterThan(15);
    const page = await read('docs/errors.md');
    expect(reasons.filter((reason) => !page.includes(`\`${reason}\``))).toEqual([]);
  });

  test('has every reason a store fails for', async () => {
    const source = await read('src/errors/store-errors.ts');
    const reasons = [...source.matchAll(/^ {2}\| '([a-z-]+)'/gm)].map(([, reason]) => reason);
    expect(reasons.length).toBeGreaterThan(10);
    const page = await read('docs/errors.md');
    expect(reasons.filter((reason) => !page.includes(`\`${reason}\``))).toEqual([]);
  });

  test('every code of the type is one an error has', async () => {
    const source = await read('src/errors/error-code.ts');
    const declared = [...source.matchAll(/\| '([A-Z_]+)'/g)].map(([, code]) => code);
    expect(declared.sort()).toEqual([...codes].sort());
  });
});
