import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';

/** SHA-256, 64 lowercase hexadecimal digits. */
export function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Fails where the bytes differ, and does not print megabytes of them. */
export function assertBytes(actual: Uint8Array, expected: Uint8Array, what: string): void {
  assert.equal(actual.length, expected.length, `${what}: the length`);
  assert.equal(digest(actual), digest(expected), `${what}: the SHA-256`);
}
