import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';

/** Seconds it takes; `VMDK_DRIVER_FUZZ_SECONDS=3600 VMDK_DRIVER_FUZZ_SEED=$RANDOM npm run test:fuzz` for a long run. */
const seconds = process.env['VMDK_DRIVER_FUZZ_SECONDS'] ?? '45';
const seed = process.env['VMDK_DRIVER_FUZZ_SEED'] ?? '20261127';

test('damaged streams end no process, no thread and no turn late, and leave nothing', async () => {
  const program = ['--import', './scripts/ts-node.mjs', 'tests/fuzz/vmdk/program.ts', seed, seconds];
  const { stdout } = await promisify(execFile)(process.execPath, program);
  const found = JSON.parse(stdout) as { cases: number; longestTurnMs: number; failures: string[] };
  console.log(`seed ${seed}: ${found.cases} cases, longest turn ${found.longestTurnMs} ms of CPU time`);
  expect(found.failures).toEqual([]);
  expect(found.longestTurnMs).toBeLessThan(50);
  expect(found.cases).toBeGreaterThan(50);
}, 86_400_000);
