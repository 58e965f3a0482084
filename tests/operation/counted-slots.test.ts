import { describe, expect, test } from '@jest/globals';
import { CountedSlots } from '../../src/operation/transfer-slots.js';

const { signal } = new AbortController();
const [one, other] = ['host-1', 'host-2'];

/** Whether a promise is settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.then(
    () => (settled = true),
    () => (settled = true),
  );
  await new Promise(setImmediate);
  return settled;
}

describe('counted slots', () => {
  test('the next in line gets a slot when one is given back, in order of arrival', async () => {
    const slots = new CountedSlots(2);
    const [first] = [await slots.take(one, { signal }), await slots.take(one, { signal })];
    const order: number[] = [];
    const third = slots.take(one, { signal }).then((slot) => (order.push(3), slot));
    const fourth = slots.take(one, { signal }).then((slot) => (order.push(4), slot));
    expect(await isSettled(third)).toBe(false);
    first[Symbol.dispose]();
    (await third)[Symbol.dispose]();
    await fourth;
    expect(order).toEqual([3, 4]);
  });

  test('hosts do not wait for each other', async () => {
    const slots = new CountedSlots(1);
    await slots.take(one, { signal });
    expect(await isSettled(slots.take(other, { signal }))).toBe(true);
    expect(await isSettled(slots.take(one, { signal }))).toBe(false);
  });

  test('a slot that is given back twice is one slot', async () => {
    const slots = new CountedSlots(1);
    const first = await slots.take(one, { signal });
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    await slots.take(one, { signal });
    expect(await isSettled(slots.take(one, { signal }))).toBe(false);
  });

  test('who gives up waiting leaves the line, and takes nobody’s slot along', async () => {
    const slots = new CountedSlots(1);
    const first = await slots.take(one, { signal });
    const abort = new AbortController();
    const second = slots.take(one, { signal: abort.signal });
    const third = slots.take(one, { signal });
    abort.abort(new Error('enough'));
    await expect(second).rejects.toMatchObject({ code: 'ABORTED', cause: { message: 'enough' } });
    expect(await isSettled(third)).toBe(false);
    first[Symbol.dispose]();
    (await third)[Symbol.dispose]();
    // All given back: the next does not wait.
    expect(await isSettled(slots.take(one, { signal }))).toBe(true);
  });

  test('nobody begins to wait with a signal that is aborted', async () => {
    const slots = new CountedSlots(1);
    await expect(slots.take(one, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' });
  });
});
