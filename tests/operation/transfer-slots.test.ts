import { describe, expect, test } from '@jest/globals';
import { TransferSlots } from '../../src/operation/transfer-slots.js';

const never = new AbortController().signal;
const [one, other] = ['https://esx1.example/nfc/1', 'https://esx2.example/nfc/1'];

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

describe('transfer slots', () => {
  test('the next in line gets a slot when one is given back, in order of arrival', async () => {
    const slots = new TransferSlots(2);
    const [first] = [await slots.take(one, never), await slots.take(one, never)];
    const order: number[] = [];
    const third = slots.take(one, never).then((slot) => (order.push(3), slot));
    const fourth = slots.take(one, never).then((slot) => (order.push(4), slot));
    expect(await isSettled(third)).toBe(false);
    first[Symbol.dispose]();
    (await third)[Symbol.dispose]();
    await fourth;
    expect(order).toEqual([3, 4]);
  });

  test('hosts do not wait for each other', async () => {
    const slots = new TransferSlots(1);
    await slots.take(one, never);
    expect(await isSettled(slots.take(other, never))).toBe(true);
    expect(await isSettled(slots.take('https://esx1.example:902/nfc/1', never))).toBe(true);
    expect(await isSettled(slots.take(one, never))).toBe(false);
  });

  test('who gives up waiting leaves the line, and takes nobody’s slot along', async () => {
    const slots = new TransferSlots(1);
    const first = await slots.take(one, never);
    const abort = new AbortController();
    const second = slots.take(one, abort.signal);
    const third = slots.take(one, never);
    abort.abort(new Error('enough'));
    await expect(second).rejects.toMatchObject({ code: 'ABORTED', cause: { message: 'enough' } });
    expect(await isSettled(third)).toBe(false);
    first[Symbol.dispose]();
    (await third)[Symbol.dispose]();
    // All given back: the next does not wait.
    expect(await isSettled(slots.take(one, never))).toBe(true);
  });

  test('nobody begins to wait with a signal that is aborted', async () => {
    await expect(new TransferSlots(1).take(one, AbortSignal.abort())).rejects.toMatchObject({ code: 'ABORTED' });
  });
});
