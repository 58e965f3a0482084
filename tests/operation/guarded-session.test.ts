import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import {
  AbortError,
  InvalidLoginError,
  type MoRef,
  TransferError,
  type VimSession,
  VmdkDriverError,
} from '../../src/index.js';
import { guardVimSession } from '../../src/operation/guarded-session.js';
import { markTypedBytes } from '../../src/stream/byte-stream.js';
import { SoapVimSession } from '../../src/vim/index.js';
import { identityOf, isConforming } from '../../src/vim/session-identity.js';

const ref: MoRef = { type: 'VirtualMachine', value: 'vm-1' };
const serviceContent = { about: {}, rootFolder: ref, propertyCollector: ref };

let aborting: AbortController;
beforeEach(() => {
  aborting = new AbortController();
});
afterEach(() => {
  jest.useRealTimers();
});

/** A session that may be anything but what the interface says. */
function guarded(methods: object): VimSession {
  const vim = { serviceContent, host: 'h', port: 443, ...methods } as unknown as VimSession;
  return guardVimSession(vim, { signal: aborting.signal });
}

async function refusal(work: Promise<unknown>): Promise<VmdkDriverError> {
  const error = await work.then(
    (value) => new Error(`it came to ${String(value)}`),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof VmdkDriverError)) throw error;
  return error;
}

const never = () => new Promise<never>(() => {});
const upload = { method: 'POST', headers: {} } as const;

test.each<[string, () => unknown]>([
  ['rejects', () => Promise.reject(new Error('socket hang up'))],
  ['throws at once', () => { throw new Error('socket hang up'); }], // prettier-ignore
])('a session that %s fails typed: a call may have been carried out', async (_what, fail) => {
  const vim = guarded({ invoke: fail, download: fail, upload: fail });
  expect(await refusal(vim.invoke('ExportVm', ref, {}))).toMatchObject({
    code: 'VIM_CONNECTION_FAILED',
    outcome: 'unknown',
    message: 'the vSphere session failed: socket hang up',
  });
  for (const transfer of [vim.download('https://h/x'), vim.upload('https://h/x', Readable.from([]), upload)]) {
    expect(await refusal(transfer)).toMatchObject({
      code: 'TRANSFER_FAILED',
      message: 'the vSphere session failed: socket hang up',
    });
  }
});

test("the library's own errors are kept; one that a session throws again and again is not shared", async () => {
  const own = new InvalidLoginError('refused');
  const vim = guarded({
    invoke: () => Promise.reject(own),
    download: () => Promise.reject(new TransferError('m', { status: 503 })),
  });
  const first = await refusal(vim.invoke('ExportVm', ref, {}));
  first.phase = 'export';
  expect(await refusal(vim.invoke('ExportVm', ref, {}))).toMatchObject({ code: 'INVALID_LOGIN', phase: undefined });
  expect(await refusal(vim.download('https://h/x'))).toMatchObject({ status: 503 });
});

test.each<[string, unknown]>([
  ['nothing', undefined],
  ['no stream', {}],
  ['a text', { stream: 'text' }],
])('a download that resolves to %s is refused', async (_what, opened) => {
  expect(await refusal(guarded({ download: async () => opened }).download('https://h/x'))).toMatchObject({
    code: 'TRANSFER_FAILED',
  });
});

test('a download may be a web stream; one that breaks off, or gives texts, is a failed transfer', async () => {
  const download = (stream: unknown) =>
    guarded({ download: async () => ({ stream, length: 5 }) }).download('https://h/x');
  const { stream, length } = await download(new Blob(['bytes']).stream());
  expect([length, (await buffer(stream)).toString()]).toEqual([5, 'bytes']);
  const broken = new Readable({ read() { this.destroy(new Error('ECONNRESET')); } }); // prettier-ignore
  expect((await refusal(buffer((await download(broken)).stream))).message).toMatch(/its stream broke off: ECONNRESET/);
  expect(await refusal(buffer((await download(Readable.from(['text']))).stream))).toBeInstanceOf(TransferError);
});

test("a download of the library's own session is passed on as it is, without a stream between", async () => {
  const own = Readable.from([Buffer.from('bytes')], { objectMode: false });
  markTypedBytes(own);
  const { stream } = await guarded({ download: async () => ({ stream: own }) }).download('https://h/x');
  expect(stream).toBe(own);
  // Also one that fails when nobody reads it.
  own.destroy(new TransferError('it broke off'));
  await new Promise((resolve) => own.once('close', resolve));
});

test.each<[string, object]>([
  ['throws', { get serviceContent() { throw new Error('log in first'); } }], // prettier-ignore
  ['is missing', { serviceContent: undefined }],
  ['lacks what everything is found by', { serviceContent: { about: {} } }],
  ['has null where the server tells of itself', { serviceContent: { ...serviceContent, about: null } }],
])('a serviceContent that %s is a typed error', (_what, methods) => {
  const vim = guardVimSession(Object.create(null, Object.getOwnPropertyDescriptors(methods)) as VimSession, {
    signal: aborting.signal,
  });
  expect(() => vim.serviceContent).toThrow(VmdkDriverError);
});

test.each<[string, object]>([
  ['a host that throws', { get host() { throw new Error('log in first'); } }], // prettier-ignore
  ['a host that is none', { host: undefined }],
  ['a port that throws', { get port() { throw new Error('log in first'); } }], // prettier-ignore
])('%s is a typed error', (_what, methods) => {
  const session = Object.create({ host: 'h', port: 443 }, Object.getOwnPropertyDescriptors(methods)) as VimSession;
  const vim = guardVimSession(session, { signal: aborting.signal });
  expect(() => `${vim.host}:${vim.port}`).toThrow(VmdkDriverError);
});

describe('what a session answers', () => {
  const answering = (answer: unknown) => guarded({ invoke: async () => answer });
  const read = { specSet: [], options: {} };
  const noTypes = { code: 'VIM_PROTOCOL' };
  const find = { uuid: 'u', vmSearch: true };

  test.each<[string, unknown, unknown]>([
    ['nothing', null, undefined],
    ['an object without its arrays', {}, { objects: [] }],
    ['what is as it must be', { objects: [{ obj: ref, propSet: [{ name: 'name', val: 'v' }] }], token: '1' }, { objects: [{ obj: ref, propSet: [{ name: 'name', val: 'v' }] }], token: '1' }], // prettier-ignore
  ])('%s is taken for what the schema says', async (_what, answer, expected) => {
    expect(await answering(answer).invoke('RetrievePropertiesEx', ref, read)).toEqual(expected);
  });

  test.each<[unknown]>([
    [5],
    ['x'],
    [[]],
    [{ objects: [null] }],
    [{ objects: [{ obj: 'vm-1' }] }],
    [{ objects: [{ obj: ref, missingSet: [{}] }] }],
  ])('%j is refused: it is not of the types of the schema', async (answer) => {
    expect(await refusal(answering(answer).invoke('RetrievePropertiesEx', ref, read))).toMatchObject(noTypes);
  });

  test('is held against what that method returns', async () => {
    expect(await answering(undefined).invoke('FindAllByUuid', ref, find)).toBeUndefined();
    expect(await refusal(answering([null]).invoke('FindAllByUuid', ref, find))).toMatchObject(noTypes);
    expect(await refusal(answering(undefined).invoke('CurrentTime', ref, {}))).toMatchObject(noTypes);
    expect(await answering({ odd: true }).invoke('HttpNfcLeaseComplete', ref, {})).toBeUndefined();
  });

  test('is a lost reply where the call changes something', async () => {
    expect(await refusal(answering({}).invoke('ExportVm', ref, {}))).toMatchObject({
      code: 'VIM_CONNECTION_FAILED',
      outcome: 'unknown',
      retryable: false,
      cause: noTypes,
    });
  });

  test('is not an abort where nobody aborted', async () => {
    const fail = () => Promise.reject(new AbortError(AbortSignal.abort('its own timeout')));
    const vim = guarded({ invoke: fail, download: fail });
    const { signal } = new AbortController();
    expect(await refusal(vim.invoke('CurrentTime', ref, {}))).toMatchObject({ code: 'VIM_CONNECTION_FAILED' });
    expect(await refusal(vim.invoke('CurrentTime', ref, {}, { signal }))).toMatchObject({
      code: 'VIM_CONNECTION_FAILED',
    });
    expect(await refusal(vim.download('https://h/x'))).toMatchObject({ code: 'TRANSFER_FAILED' });
    const aborted = { signal: AbortSignal.abort() };
    expect(await refusal(vim.invoke('CurrentTime', ref, {}, aborted))).toMatchObject({ code: 'ABORTED' });
  });

  test('of the session that ships is not looked through again; that of one that extends it is', () => {
    class Odd extends SoapVimSession {}
    const options = { host: 'h', username: 'u', password: 'p' };
    expect([new SoapVimSession(options), new Odd(options)].map(isConforming)).toEqual([true, false]);
  });
});

describe('a session that never answers', () => {
  const silent = { invoke: never, download: never, upload: never };
  const elapsed = async (work: Promise<unknown>): Promise<{ error: VmdkDriverError; seconds: number }> => {
    const ended = new AbortController();
    const error = refusal(work).finally(() => {
      ended.abort();
    });
    let seconds = 0;
    for (; !ended.signal.aborted && seconds < 1000; seconds++) await jest.advanceTimersByTimeAsync(1000);
    return { error: await error, seconds };
  };

  test('is left behind 10 s after a call was told to stop', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
    const vim = guarded(silent);
    const { signal } = aborting;
    aborting.abort();
    for (const work of [
      () => vim.invoke('ExportVm', ref, {}, { signal }),
      () => vim.download('https://h/x', { signal }),
      () => vim.upload('https://h/x', Readable.from([]), { ...upload, signal }),
    ]) {
      const { error, seconds } = await elapsed(work());
      expect(error).toMatchObject({ code: 'ABORTED' });
      expect(seconds).toBeGreaterThanOrEqual(10);
      expect(seconds).toBeLessThanOrEqual(12);
    }
  });

  test('counts as one whose reply was lost a minute after the operation was aborted, and then at once', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
    const vim = guarded(silent);
    const change = () => vim.invoke('ReconfigVM_Task', ref, { spec: {} });
    aborting.abort();
    const first = await elapsed(change());
    expect(first.error).toMatchObject({ code: 'VIM_CONNECTION_FAILED', outcome: 'unknown', retryable: false });
    expect(first.seconds).toBeGreaterThanOrEqual(60);
    expect(first.seconds).toBeLessThanOrEqual(62);
    expect((await elapsed(change())).seconds).toBeLessThanOrEqual(12);
  });

  test('is told so: what it did not send yet is not to be sent', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
    const signals: (AbortSignal | undefined)[] = [];
    const invoke: VimSession['invoke'] = (_method, _target, _args, options) => {
      signals.push(options?.signal);
      return never();
    };
    const work = guarded({ invoke }).invoke('ReconfigVM_Task', ref, { spec: {} });
    await jest.advanceTimersByTimeAsync(1000);
    aborting.abort();
    await jest.advanceTimersByTimeAsync(1000);
    expect(signals.map((signal) => signal?.aborted)).toEqual([false]);
    await elapsed(work);
    expect(signals.map((signal) => signal?.aborted)).toEqual([true]);
  });

  test('has the time it was told to wait on top of that, and all the time while nobody aborts', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
    let answer!: () => void;
    const vim = guarded({ invoke: () => new Promise<void>((resolve) => (answer = resolve)) });
    const poll = () => vim.invoke('WaitForUpdatesEx', ref, { version: '', options: { maxWaitSeconds: 60 } });
    const unhurried = poll();
    await jest.advanceTimersByTimeAsync(3_600_000);
    answer();
    expect(await unhurried).toBeUndefined();
    aborting.abort();
    const { seconds } = await elapsed(poll());
    expect(seconds).toBeGreaterThanOrEqual(120);
    expect(jest.getTimerCount()).toBe(0);
  });

  test('what it downloads too late is destroyed', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
    const stream = new Readable({ read() {} });
    let open!: () => void;
    const vim = guarded({ download: () => new Promise((resolve) => (open = () => resolve({ stream }))) });
    aborting.abort();
    await elapsed(vim.download('https://h/x', { signal: aborting.signal }));
    open();
    await jest.advanceTimersByTimeAsync(0);
    jest.useRealTimers();
    while (!stream.destroyed) await new Promise(setImmediate);
  });
});

test('what is kept for each session is kept once, however many operations guard it', () => {
  const vim = { serviceContent, host: 'h', port: 443 } as unknown as VimSession;
  const { signal } = aborting;
  const views = [guardVimSession(vim, { signal }), guardVimSession(vim, { signal })];
  expect(views.map(identityOf)).toEqual([vim, vim]);
  expect(identityOf(guardVimSession(views[0]!, { signal }))).toBe(vim);
});
