import { describe, test } from '@jest/globals';

/**
 * `describe` and `test` for what this machine must have for them. Where it has not, they are skipped, and the title says why:
 * `npm test` ends with a list of these.
 *
 * @param reason what is lacking, as `qemu-img is not installed`
 */
export function needing(
  present: boolean,
  reason: string,
): {
  describe: (name: string, define: () => void) => void;
  test: (name: string, run: () => Promise<void> | void, timeoutMs?: number) => void;
} {
  if (present) return { describe, test };
  const titled = (name: string): string => `${name} [skipped: ${reason}]`;
  return {
    describe: (name, define) => describe.skip(titled(name), define),
    test: (name, run, timeoutMs) => test.skip(titled(name), run, timeoutMs),
  };
}
