import { describe, expect, test } from '@jest/globals';
import { AbortError, LeaseError, type TransferSlots, type VmdkDriverError } from '../../src/index.js';
import { ApplicationSlots } from '../../src/operation/application-slots.js';

const { signal } = new AbortController();
const turn = () => new Promise(setImmediate);

/** Slots of an application, and what was logged about them. */
function slotsOf(take: (host: string, options: { readonly signal: AbortSignal }) => unknown) {
  const warnings: unknown[] = [];
  const ignore = () => undefined;
  const logger = { debug: ignore, info: ignore, warn: (data: object) => warnings.push(data), error: ignore };
  return { slots: new ApplicationSlots({ take } as TransferSlots, logger), warnings };
}

describe("an application's transfer slots", () => {
  test('are asked for the host, and given back once', async () => {
    const log: string[] = [];
    const { slots } = slotsOf(async (host) => {
      log.push(`take ${host}`);
      return { [Symbol.dispose]: () => log.push(`give ${host}`) };
    });
    const slot = await slots.take('host-1', { signal });
    expect(log).toEqual(['take host-1']);
    slot[Symbol.dispose]();
    expect(log).toEqual(['take host-1', 'give host-1']);
  });

  test('keep what their method needs', async () => {
    class Slots {
      readonly #slot = { [Symbol.dispose]: () => undefined };
      async take() {
        return this.#slot;
      }
    }
    const slots = new ApplicationSlots(new Slots(), { debug() {}, info() {}, warn() {}, error() {} });
    await slots.take('host-1', { signal });
  });

  test.each<[string, () => unknown]>([
    [
      'throw',
      () => {
        throw new Error('no Redis');
      },
    ],
    ['reject', () => Promise.reject(new Error('no Redis'))],
  ])('that %s end the transfer with a typed error', async (_what, take) => {
    await expect(slotsOf(take).slots.take('host-1', { signal })).rejects.toMatchObject({
      code: 'TRANSFER_FAILED',
      retryable: true,
      message: expect.stringContaining('no Redis'),
      cause: { message: 'no Redis' },
    });
  });

  test.each<[string, Error, string]>([
    ["one of the library's own errors", new LeaseError('no lease'), 'LEASE_FAILED'],
    ['one that is frozen', Object.freeze(new LeaseError('no lease')), 'LEASE_FAILED'],
    ['an abort of nobody’s', new AbortError(AbortSignal.abort('their own timeout')), 'TRANSFER_FAILED'],
  ])('that reject with %s: typed, and the operation can note its phase on it', async (_what, thrown, code) => {
    const error: unknown = await slotsOf(() => Promise.reject(thrown))
      .slots.take('host-1', { signal })
      .catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code });
    (error as VmdkDriverError).phase = 'export';
  });

  test('that never answer are not waited for by who is aborted, and a late slot is given back', async () => {
    let answer: (slot: Disposable) => void = () => undefined;
    const { slots } = slotsOf(() => new Promise((resolve) => (answer = resolve)));
    const abort = new AbortController();
    const taking = slots.take('host-1', { signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(taking).rejects.toMatchObject({ code: 'ABORTED', cause: { message: 'enough' } });
    let given = 0;
    answer({ [Symbol.dispose]: () => given++ });
    await turn();
    expect(given).toBe(1);
  });

  test('are not asked by who is aborted already', async () => {
    let asked = 0;
    const { slots } = slotsOf(() => asked++);
    await expect(slots.take('host-1', { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' });
    expect(asked).toBe(0);
  });

  test.each<[string, unknown]>([
    [
      'throw',
      {
        [Symbol.dispose]() {
          throw new Error('no Redis');
        },
      },
    ],
    ['reject', { [Symbol.dispose]: () => Promise.reject(new Error('no Redis')) }],
    ['are none', undefined],
  ])('whose slots %s when they are given back cost nobody a transfer', async (_what, slot) => {
    const { slots, warnings } = slotsOf(async () => slot);
    (await slots.take('host-1', { signal }))[Symbol.dispose]();
    await turn();
    expect(warnings).toHaveLength(1);
  });
});
