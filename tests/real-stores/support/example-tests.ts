import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { Bundle } from './bundle.js';

/** Declares the test of `examples/stores.ts` with one store. */
export function testExample(kind: string, variables: () => Readonly<Record<string, string>>): void {
  test(`examples/stores.ts ${kind}`, async () => {
    await using example = await Bundle.of('examples/stores.ts');
    const env = { ...process.env, ...variables() };
    const { stdout } = await promisify(execFile)(process.execPath, [example.program, kind], { env });
    expect(stdout).toMatch(/^stored: .*\nrestored: identical\n$/);
  });
}
