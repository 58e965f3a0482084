import { execFile } from 'node:child_process';
import { mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import {
  AbortError,
  type Backup,
  type BackupManifest,
  BackupNotFoundError,
  type BackupService,
  BackupServiceError,
  VmdkDriverError,
} from '../../src/index.js';
import { type Logger, silentLogger } from '../../src/logger.js';
import { guardBackupService } from '../../src/operation/guarded-service.js';
import { hostileError } from '../support/hostile-error.js';

const backup: Backup = { id: 'b', volumeId: 'v' };
const manifest = { backupId: 'b' } as BackupManifest;

let directory: string;
let file: { path: string };
let aborting: AbortController;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'guard-'));
  file = { path: join(directory, 'file') };
  await writeFile(file.path, '');
  aborting = new AbortController();
});
afterEach(async () => {
  jest.useRealTimers();
  await rm(directory, { recursive: true });
});

/** A service of which some things are as given, and that may be anything but what the interface says. */
function guarded(methods: object, logger: Logger = silentLogger): BackupService {
  const service = { backup: async () => {}, restore: async () => {}, ...methods } as BackupService;
  return guardBackupService(service, { signal: aborting.signal, logger });
}

async function refusal(work: Promise<unknown> | undefined): Promise<VmdkDriverError> {
  const error = await Promise.resolve(work).then(
    (value) => new Error(`it came to ${String(value)}`),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof VmdkDriverError)) throw error;
  return error;
}

const never = () => new Promise<never>(() => {});

describe('what a service returned of a backup', () => {
  const circle: Record<string, unknown> = {};
  circle['self'] = circle;
  const deep: Record<string, unknown> = {};
  for (let i = 0, at = deep; i < 100; i++) at = at['deeper'] = {} as Record<string, unknown>;

  test.each<[string, unknown, unknown]>([
    ['nothing', undefined, undefined],
    ['null', null, undefined],
    ['plain JSON', { a: [1, 'x', true, null, { b: -1.5 }] }, { a: [1, 'x', true, null, { b: -1.5 }] }],
    ['fields that are not there', { etag: undefined, key: 'k' }, { key: 'k' }],
    ['what makes JSON of itself', { at: new Date(0) }, { at: '1970-01-01T00:00:00.000Z' }],
    ['an object without prototype', Object.assign(Object.create(null) as object, { a: 1 }), { a: 1 }],
  ])('%s is kept as JSON has it', async (_what, returned, kept) => {
    const service = guarded({ backup: async () => returned, openBackup: async () => writerOf(returned) });
    expect(await service.backup(backup, file)).toEqual(kept);
    const writer = await service.openBackup?.(backup);
    expect(await writer?.commit(manifest)).toEqual(kept);
  });

  const throwing = {
    get a(): string {
      throw new Error('no');
    },
  };
  test.each<[string, unknown, RegExp]>([
    ['a text', 'done', /it is a string, not an object/],
    ['an array', [1], /it is an array, not an object/],
    ['a BigInt', { size: 10n }, /size is a bigint/],
    ['a function', { on: { end: () => {} } }, /on\.end is a function/],
    ['a symbol', { s: Symbol('x') }, /s is a symbol/],
    ['not a number', { rate: NaN }, /rate is NaN/],
    ['infinity', { list: [1, Infinity] }, /list\[1\] is Infinity/],
    ['a hole', { list: [1, , 2] }, /list\[1\] is undefined/], // eslint-disable-line no-sparse-arrays -- it is the case
    ['a map', { m: new Map() }, /m is a Map/],
    ['a circle', circle, /nested more than 32 levels, or in a circle/],
    ['what is nested deeply', deep, /nested/],
    ['a key that would be a prototype', JSON.parse('{"a":{"__proto__":{"x":1}}}'), /a has a key __proto__/],
    ['more than a megabyte', { data: 'x'.repeat(1_100_000) }, /longer than 1048576/],
    ['an array without end', { list: new Array(4_000_000_000) }, /list\[0\] is undefined/],
    ['a getter that throws', throwing, /cannot be read/],
    ['a toJSON that never ends', { toJSON() { return this; } }, /nested/], // prettier-ignore
  ])('%s is refused, at backup time, and the backup said to be there', async (_what, returned, reason) => {
    const abort = jest.fn(async () => {});
    const service = guarded({
      backup: async () => returned,
      openBackup: async () => ({ ...writerOf(returned), abort }),
    });
    const writer = await service.openBackup?.(backup);
    for (const refused of [service.backup(backup, file), writer?.commit(manifest)]) {
      const error = await refusal(refused);
      expect(error).toMatchObject({ code: 'BACKUP_SERVICE_FAILED', cleanup: 'pending' });
      expect(error.message).toMatch(reason);
    }
    // It is stored: to abort it now would be to delete it.
    await writer?.abort();
    expect(abort).not.toHaveBeenCalled();
  });
});

function writerOf(returned?: unknown) {
  return { write: async () => {}, commit: async () => returned, abort: async () => {} };
}

describe('what a service fails with', () => {
  test.each<[string, () => unknown, string]>([
    ['an error', () => Promise.reject(new Error('the disk is full')), 'the disk is full'],
    ['an error at once', () => { throw new Error('no such bucket'); }, 'no such bucket'], // prettier-ignore
    ['a text', () => Promise.reject('quota exceeded'), 'quota exceeded'], // eslint-disable-line @typescript-eslint/prefer-promise-reject-errors -- it is the case
    ['nothing', () => Promise.reject(undefined), 'no reason given'], // eslint-disable-line @typescript-eslint/prefer-promise-reject-errors -- it is the case
    ['null', () => Promise.reject(null), 'no reason given'], // eslint-disable-line @typescript-eslint/prefer-promise-reject-errors -- it is the case
    ['a proxy that throws', () => Promise.reject(hostileError()), 'no reason that could be read'],
    ['an error that says less than its cause', () => Promise.reject(new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED') })), 'fetch failed: connect ECONNREFUSED'], // prettier-ignore
    ['errors of several addresses', () => Promise.reject(new AggregateError([new Error('connect ECONNREFUSED ::1')], '')), 'connect ECONNREFUSED ::1'], // prettier-ignore
    ['lines of text', () => Promise.reject(new Error('first\n  second\r\n\u001b[31mthird')), 'first second [31mthird'],
    ['a page', () => Promise.reject(new Error('x'.repeat(100_000))), `${'x'.repeat(300)}…`],
  ])('%s: its reason stands in the message', async (_what, fail, reason) => {
    const service = guarded({ backup: fail, restore: fail, readManifest: fail, openBackup: fail, openRestore: fail });
    for (const call of [
      () => service.backup(backup, file),
      () => service.restore(backup, 'v', file),
      () => service.readManifest?.(backup),
      () => service.openBackup?.(backup),
      () => service.openRestore?.(backup),
    ]) {
      expect(await refusal(call())).toMatchObject({
        code: 'BACKUP_SERVICE_FAILED',
        message: `the backup service failed: ${reason}`,
      });
    }
  });

  test.each([
    ['PUT https://me:hunter2@store/x failed', 'hunter2'],
    ['401 Authorization: Bearer hunter2hunter2', 'hunter2'],
    ['{"secretAccessKey":"hunter2","region":"x"}', 'hunter2'],
    ['GET /x?X-Amz-Signature=hunter2&y=1', 'hunter2'],
    ['cookie: vmware_soap_session="hunter2"', 'hunter2'],
    ['GET https://esx/nfc/hunter2/disk-0.vmdk 404', 'hunter2'],
    ['login failed, password=hunter2', 'hunter2'],
  ])('without what looks like a secret: %s', async (text, secret) => {
    const error = await refusal(guarded({ backup: () => Promise.reject(new Error(text)) }).backup(backup, file));
    expect(error.message).not.toContain(secret);
  });

  test("one of the library's own errors is kept, but not shared between operations", async () => {
    const own = Object.freeze(new BackupNotFoundError('there is no backup b'));
    const service = guarded({ restore: () => Promise.reject(own) });
    const errors = [
      await refusal(service.restore(backup, 'v', file)),
      await refusal(service.restore(backup, 'v', file)),
    ];
    for (const error of errors) {
      expect(error).toMatchObject({ code: 'BACKUP_NOT_FOUND', message: own.message, name: 'BackupNotFoundError' });
      expect(error).toBeInstanceOf(BackupNotFoundError);
      error.phase = 'fetch';
    }
    expect(errors[0]).not.toBe(errors[1]);
  });

  test('while it was aborted is an abort that the operation can note its phase on, also where it is frozen', async () => {
    const fail = () => {
      aborting.abort();
      return Promise.reject(Object.freeze(new AbortError(aborting.signal)));
    };
    const error = await refusal(guarded({ restore: fail }).restore(backup, 'v', file));
    expect(error).toMatchObject({ code: 'ABORTED' });
    error.phase = 'fetch';
  });

  test('by getters that throw only when it is used', async () => {
    const lazily = (...names: string[]): object => {
      const fails = () => { throw new Error('too late'); }; // prettier-ignore
      return Object.defineProperties({}, Object.fromEntries(names.map((name) => [name, { get: fails }])));
    };
    const abort = jest.fn(async () => {});
    const half = Object.defineProperties({ abort }, Object.getOwnPropertyDescriptors(lazily('write')));
    for (const writer of [lazily('write', 'commit', 'abort'), half]) {
      const opened = guarded({ openBackup: async () => writer }).openBackup?.(backup);
      expect(await refusal(opened)).toMatchObject({ message: 'the backup service failed: too late' });
    }
    // It may have begun a backup all the same.
    expect(abort).toHaveBeenCalledTimes(1);
    const opened = guarded({ openRestore: async () => lazily('stream') }).openRestore?.(backup);
    expect(await refusal(opened)).toMatchObject({ message: 'the backup service failed: too late' });
    const service = Object.defineProperties(
      { backup, restore: async () => {} },
      Object.getOwnPropertyDescriptors(lazily('openBackup')),
    );
    expect(() =>
      guardBackupService(service as unknown as BackupService, { signal: aborting.signal, logger: silentLogger }),
    ).toThrow(BackupServiceError);
  });

  test('that nobody aborted is not called an abort', async () => {
    const own = new AbortError(AbortSignal.abort('its own timeout'));
    const error = await refusal(guarded({ restore: () => Promise.reject(own) }).restore(backup, 'v', file));
    expect(error).toMatchObject({ code: 'BACKUP_SERVICE_FAILED' });
  });

  test.each([
    [{ code: 'ECONNRESET' }, true],
    [{ cause: { code: 'ETIMEDOUT' } }, true],
    [{ code: 'EACCES' }, false],
    [{ retryable: true }, true],
    [{ retryable: false, code: 'ECONNRESET' }, false],
    [{}, false],
  ])('%j: retryable %s', async (fields, retryable) => {
    const error = Object.assign(new Error('m'), fields);
    expect(await refusal(guarded({ backup: () => Promise.reject(error) }).backup(backup, file))).toMatchObject({
      retryable,
    });
  });
});

describe('a service that does not stop when it is told to', () => {
  /** Runs a call, aborts it, and lets the grace pass. */
  async function leftBehind(call: (service: BackupService) => Promise<unknown> | undefined, methods: object) {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
    const warn = jest.fn();
    const ended = refusal(call(guarded(methods, { ...silentLogger, warn })));
    let over = false;
    void ended.then(() => (over = true));
    aborting.abort('enough');
    await jest.advanceTimersByTimeAsync(9_900);
    expect(over).toBe(false);
    await jest.advanceTimersByTimeAsync(200);
    jest.useRealTimers();
    expect(warn).toHaveBeenCalledTimes(1);
    return ended;
  }

  test.each<[string, (service: BackupService) => Promise<unknown> | undefined]>([
    ['backup', (service) => service.backup(backup, file)],
    ['restore', (service) => service.restore(backup, 'v', file)],
    ['readManifest', (service) => service.readManifest?.(backup)],
    ['openBackup', (service) => service.openBackup?.(backup)],
    ['openRestore', (service) => service.openRestore?.(backup)],
  ])('%s is left behind after 10 s, and said to be pending', async (name, call) => {
    expect(await leftBehind(call, { [name]: never })).toMatchObject({
      code: 'ABORTED',
      cleanup: 'pending',
      cause: 'enough',
    });
  });

  test('nothing is waited for while nobody aborted', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
    let resolve!: () => void;
    const stored = guarded({ backup: () => new Promise<void>((done) => (resolve = done)) }).backup(backup, file);
    await jest.advanceTimersByTimeAsync(10 * 24 * 3_600_000);
    resolve();
    expect(await stored).toBeUndefined();
    expect(jest.getTimerCount()).toBe(0);
  });

  test('what comes too late is ended: a writer aborted, a stream destroyed, a file removed', async () => {
    const gates: (() => void)[] = [];
    const gate = () => new Promise<void>((open) => gates.push(open));
    const abort = jest.fn(async () => {});
    const stream = new Readable({ read() {} });
    const openBackup = async () => gate().then(() => ({ ...writerOf(), abort }));
    const openRestore = async () => gate().then(() => ({ stream }));
    const restore = async () => gate().then(() => writeFile(file.path, 'late'));
    await leftBehind((service) => service.openBackup?.(backup), { openBackup });
    aborting = new AbortController();
    await leftBehind((service) => service.openRestore?.(backup), { openRestore });
    aborting = new AbortController();
    await leftBehind((service) => service.restore(backup, 'v', file), { restore });
    await rm(file.path);

    for (const open of gates) open();
    while (abort.mock.calls.length === 0 || !stream.destroyed) await new Promise(setImmediate);
    // Written, then removed: gone in the end.
    const gone = () => stat(file.path).then(() => false, () => true); // prettier-ignore
    for (let quiet = 0; quiet < 20; quiet = (await gone()) ? quiet + 1 : 0)
      await new Promise((next) => setTimeout(next, 5));
  });
});

describe('a writer', () => {
  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['a text', 'writer'],
    ['an object without write', { commit: async () => {}, abort: async () => {} }],
    ['an object without abort', { write: async () => {}, commit: async () => {} }],
  ])('that is %s is refused', async (_what, writer) => {
    const error = await refusal(guarded({ openBackup: async () => writer }).openBackup?.(backup));
    expect(error).toMatchObject({ code: 'BACKUP_SERVICE_FAILED' });
    expect(error.message).toContain('openBackup() gave no writer');
  });

  test('is aborted once its write that is under way has ended', async () => {
    const order: string[] = [];
    let end!: () => void;
    const writer = {
      write: () => new Promise<void>((done) => (end = done)).then(() => order.push('write')),
      commit: async () => {},
      abort: async () => void order.push('abort'),
    };
    const guardedWriter = await guarded({ openBackup: async () => writer }).openBackup?.(backup);
    const written = guardedWriter?.write(new Uint8Array(1));
    const aborted = guardedWriter?.abort();
    await new Promise(setImmediate);
    end();
    await Promise.all([written, aborted]);
    expect(order).toEqual(['write', 'abort']);
  });

  test('whose abort throws, rejects or never ends: said by a typed error or in time, and no later', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
    const aborts: unknown[] = [() => { throw new Error('sync'); }, () => Promise.reject(new Error('async')), never, () => undefined]; // prettier-ignore
    const outcomes = aborts.map(async (abort) => {
      const writer = await guarded({ openBackup: async () => ({ ...writerOf(), abort }) }).openBackup?.(backup);
      return writer?.abort().then(
        () => 'ended',
        (error: unknown) => (error as Error).message,
      );
    });
    await jest.advanceTimersByTimeAsync(10_100);
    expect(await Promise.all(outcomes)).toEqual([
      'sync',
      'async',
      'the backup service failed: abort() did not end within 10000 ms',
      'ended',
    ]);
  });
});

describe('a stream', () => {
  const bytes = [Buffer.from('some '), new Uint8Array(0), Buffer.from('bytes')];
  const oldStyle = () => {
    const stream = Readable.from(bytes);
    // As libraries of their own streams have them: events and pipe(), and nothing newer.
    return {
      on: stream.on.bind(stream),
      pipe: stream.pipe.bind(stream),
      pause: stream.pause.bind(stream),
      resume: stream.resume.bind(stream),
    };
  };
  test.each<[string, () => unknown]>([
    ['a Node stream', () => Readable.from(Buffer.from('some bytes'), { objectMode: false })],
    ['a Node stream in object mode', () => Readable.from(bytes)],
    ['a stream of the old kind', oldStyle],
    ['a web stream', () => new Blob(['some bytes']).stream()],
    ['an iterable', () => bytes],
    ['a buffer', () => Buffer.concat(bytes)],
    ['an asynchronous iterable', async function* () { yield* bytes; }], // prettier-ignore
  ])('may be %s', async (_what, make) => {
    const opened = await guarded({ openRestore: async () => ({ stream: make(), length: 10 }) }).openRestore?.(backup);
    expect(opened?.length).toBe(10);
    expect((await buffer(opened!.stream)).toString()).toBe('some bytes');
  });

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['no stream', {}],
    ['a text', { stream: 'text' }],
    ['a promise', { stream: Promise.resolve(Readable.from([])) }],
    ['a web stream somebody else reads', { stream: (() => { const stream = new Blob(['x']).stream(); stream.getReader(); return stream; })() }], // prettier-ignore
    ['a length that is none', { stream: Readable.from([]), length: -1 }],
    ['a length that is a text', { stream: Readable.from([]), length: '10' }],
  ])('that is %s is refused', async (_what, opened) => {
    expect(await refusal(guarded({ openRestore: async () => opened }).openRestore?.(backup))).toMatchObject({
      code: 'BACKUP_SERVICE_FAILED',
    });
  });

  test.each<[string, () => unknown, RegExp]>([
    ['texts', () => Readable.from(['text']), /gives strings where bytes were expected/],
    [
      'decoded texts',
      () => Readable.from(Buffer.from('x'), { objectMode: false }).setEncoding('utf8'),
      /gives strings/,
    ],
    ['objects', () => [{ data: 1 }], /gives objects/],
    ['numbers', () => new Uint8Array(3), /gives numbers/],
    ['an error', () => new Readable({ read() { this.destroy(new Error('ECONNRESET')); } }), /broke off: ECONNRESET/], // prettier-ignore
    ['an end before its end', () => { const stream = new Readable({ read() {} }); setImmediate(() => stream.destroy()); return stream; }, /broke off/], // prettier-ignore
    ['an iterator that throws', async function* () { yield Buffer.from('x'); throw new Error('tired'); }, /broke off: tired/], // prettier-ignore
  ])('that gives %s fails', async (_what, make, reason) => {
    const opened = await guarded({ openRestore: async () => ({ stream: make() }) }).openRestore?.(backup);
    const error = await refusal(buffer(opened!.stream));
    expect(error).toBeInstanceOf(BackupServiceError);
    expect(error.message).toMatch(reason);
  });

  test('that emits an error when nobody reads any more ends nothing', async () => {
    const stream = Readable.from(Buffer.from('x'), { objectMode: false, autoDestroy: false });
    const opened = await guarded({ openRestore: async () => ({ stream }) }).openRestore?.(backup);
    await buffer(opened!.stream);
    // Would be thrown here, and end the process, were nobody listening.
    stream.emit('error', new Error('late'));
    stream.emit('error', new Error('later'));
  });

  test('that cannot be given up ends nothing', async () => {
    // In a process of its own: what is thrown where nobody listens would end it.
    const program = `
      import { Readable } from 'node:stream';
      import { guardBackupService } from './src/operation/guarded-service.ts';
      import { silentLogger } from './src/logger.ts';
      const fails = () => { throw new Error('the socket is gone'); };
      const rejects = () => Promise.reject(new Error('the socket is gone'));
      for (const destroy of [fails, rejects]) {
        const openRestore = async () => ({ stream: Object.assign(new Readable({ read() {} }), { destroy }) });
        const openBackup = async () => { abort.abort(); await new Promise(setImmediate); return { get abort() { return fails(); } }; };
        const abort = new AbortController();
        const service = guardBackupService({ openRestore, openBackup }, { signal: abort.signal, logger: silentLogger });
        const { stream } = await service.openRestore({});
        stream.destroy();
        await service.openBackup({}).catch((error) => console.log(error.code));
        for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
      }
      console.log('alive');`;
    const args = ['--import', './scripts/ts-node.mjs', '--input-type=module', '--eval', program];
    expect((await promisify(execFile)(process.execPath, args)).stdout).toBe('ABORTED\nABORTED\nalive\n');
  });

  test('that is given up is destroyed, also where its iterator hangs', async () => {
    const stream = new Readable({ read() {} });
    const opened = await guarded({ openRestore: async () => ({ stream }) }).openRestore?.(backup);
    opened?.stream.destroy();
    while (!stream.destroyed) await new Promise(setImmediate);
    const hanging = { [Symbol.asyncIterator]: () => ({ next: never }) };
    const other = await guarded({ openRestore: async () => ({ stream: hanging }) }).openRestore?.(backup);
    other?.stream.destroy();
    expect(other?.stream.destroyed).toBe(true);
  });
});

test.each<[string, (path: string) => Promise<void>]>([
  ['it deleted', (path) => rm(path)],
  ['it made a link of', async (path) => rm(path).then(() => symlink('/etc/hostname', path))],
])('a restored file that %s is not read', async (_what, change) => {
  const error = await refusal(guarded({ restore: () => change(file.path) }).restore(backup, 'v', file));
  expect(error.message).toContain('restore() left no regular file');
});

test("a service cannot change the operation's own objects, nor confuse its progress", async () => {
  const seen: unknown[] = [];
  const given = { ...backup };
  const service = guarded({
    backup: async (theirs: Record<string, unknown>, at: { path: string }, options: Record<string, unknown>) => {
      theirs['id'] = 'another';
      at.path = '/etc/passwd';
      (options['manifest'] as Record<string, unknown>)['backupId'] = 'another';
      const onProgress = options['onProgress'] as (progress: unknown) => void;
      for (const odd of [undefined, null, 7, {}, { bytesDone: 'x' }, { bytesDone: NaN }, { bytesDone: -1 }])
        onProgress(odd);
      onProgress({ bytesDone: 5, bytesTotal: 'many' });
    },
  });
  const kept = { ...manifest };
  await service.backup(given, file, { manifest: kept, onProgress: (progress) => seen.push(progress) });
  expect(given).toEqual(backup);
  expect(kept).toEqual(manifest);
  expect(file.path).not.toBe('/etc/passwd');
  expect(seen).toEqual([{ bytesDone: 5 }]);
});

test('methods are called on the service itself; those it lacks are lacking', async () => {
  class Service {
    readonly stored: string[] = [];
    async backup(): Promise<void> {
      this.stored.push('file');
    }
    async restore(): Promise<void> {}
    async openBackup() {
      this.stored.push('stream');
      return { ...writerOf(), commit: async () => {} };
    }
  }
  const service = new Service();
  const safe = guardBackupService(service, { signal: aborting.signal, logger: silentLogger });
  await safe.backup(backup, file);
  await safe.openBackup?.(backup);
  expect(service.stored).toEqual(['file', 'stream']);
  expect(safe).not.toHaveProperty('openRestore');
  expect(safe).not.toHaveProperty('readManifest');
});
