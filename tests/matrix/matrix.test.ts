import { expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/**
 * A sample of the matrix, the same each time: `npm run test:matrix` runs all of it. Outside of jest, since it forks
 * workers, and kills processes of its own.
 */
test('no interruption of a sample loses a volume, leaks anything, or is reported wrongly', () => {
  const root = fileURLToPath(new URL('../../', import.meta.url));
  const args = ['--seed', '20', '--sample', '60', '--doubles', '10', '--model-runs', '6'];
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', './scripts/ts-node.mjs', 'tests/matrix/run.ts', ...args],
    { cwd: root, encoding: 'utf8' },
  );
  expect({ status, output: status === 0 ? '' : stdout + stderr }).toEqual({ status: 0, output: '' });
}, 300_000);
