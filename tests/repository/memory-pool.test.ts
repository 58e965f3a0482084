import { expect, test } from '@jest/globals';
import { MemoryPool } from '../../src/repository/stream/memory-pool.js';

test('memory is used again once nobody holds a part of it, and not before', () => {
  const pool = new MemoryPool({ bytes: 1000, spares: 2 });
  const memory = pool.take(10);
  pool.keep(memory);
  const pieces = [memory.subarray(0, 10), memory.subarray(10, 20)] as const;
  for (const piece of pieces) pool.hold(piece);
  pool.release(memory);
  pool.release(pieces[0]);
  expect(pool.take(10).buffer).not.toBe(memory.buffer);
  pool.release(pieces[1]);
  expect(pool.take(10).buffer).toBe(memory.buffer);
});

test('memory of somebody else, or of another size, is none of its', () => {
  const pool = new MemoryPool({ bytes: 1000, spares: 2 });
  const others = Buffer.allocUnsafeSlow(1000);
  pool.hold(others);
  pool.release(others);
  expect(pool.take(10).buffer).not.toBe(others.buffer);
  const large = pool.take(5000);
  expect(large).toHaveLength(5000);
  pool.keep(large);
  pool.release(large);
  expect(pool.take(10)).toHaveLength(1000);
});
