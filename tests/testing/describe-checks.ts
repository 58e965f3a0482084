import { describe, expect, it } from '@jest/globals';
import type { Check } from '../../src/testing/index.js';

/** Declares a suite of checks. Those in `skipped`, by the beginnings of their names, have to be skipped, and no others. */
export function describeChecks(name: string, checks: readonly Check[], skipped: readonly string[] = []): void {
  describe(name, () => {
    it.each(checks.map((check) => [check.name, check] as const))('%s', async (checkName, check) => {
      const expected = skipped.some((beginning) => checkName.startsWith(beginning)) ? 'skipped' : 'passed';
      expect(await check.run()).toBe(expected);
    });
  });
}
