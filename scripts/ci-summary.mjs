// Prints what .ci/run came to: node scripts/ci-summary.mjs <directory of jest's JSONs> <the stages that failed>...
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The part of jest's JSON that counts.
 *
 * @typedef {{ numPassedTests: number, numFailedTests: number, numPendingTests: number, numRuntimeErrorTestSuites: number }} Report
 */

const [directory = '', ...stages] = process.argv.slice(2);
let [passed, failed, skipped] = [0, 0, 0];

/** The stages that run tests; one that was not reached has failed elsewhere. */
for (const name of ['tests', 'peers']) {
  const file = join(directory, `${name}.json`);
  const report = existsSync(file) ? /** @type {Report} */ (JSON.parse(readFileSync(file, 'utf8'))) : undefined;
  // A test file that does not even load has no failed tests to its name.
  const broken = (report?.numFailedTests ?? 0) + (report?.numRuntimeErrorTestSuites ?? 0);
  passed += report?.numPassedTests ?? 0;
  skipped += report?.numPendingTests ?? 0;
  failed += broken;
  // The stage fails because its tests do: it counts only when it fails for another reason.
  if (broken > 0 && stages.includes(name)) stages.splice(stages.indexOf(name), 1);
  else if (report === undefined && stages.length === 0) failed += 1;
}
failed += stages.length;

for (const stage of stages) console.log(`failed: ${stage}`);
if (skipped > 0) console.log(`${skipped} skipped`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
