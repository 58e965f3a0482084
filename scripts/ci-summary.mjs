// Prints what .ci/run came to: node scripts/ci-summary.mjs <directory of the stages' reports> <the stages that failed>...
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/**
 * What counts of a stage's report, which is jest's JSON or has its names.
 *
 * @typedef {object} Report
 * @property {number} numPassedTests
 * @property {number} numFailedTests
 * @property {number} [numPendingTests]
 * @property {number} [numRuntimeErrorTestSuites] Files that do not even load: they have no failed tests to their name.
 */

/** @type {(text: string) => Report} */
const parse = JSON.parse;

const [directory = '', ...failedStages] = process.argv.slice(2);
const broken = new Set(failedStages);
let passed = 0;
let failed = 0;
let skipped = 0;

for (const file of readdirSync(directory).filter((name) => name.endsWith('.json'))) {
  const report = parse(readFileSync(join(directory, file), 'utf8'));
  const failures = report.numFailedTests + (report.numRuntimeErrorTestSuites ?? 0);
  passed += report.numPassedTests;
  skipped += report.numPendingTests ?? 0;
  failed += failures;
  // The stage fails because its tests do: it counts by itself only when it fails for another reason.
  if (failures > 0) broken.delete(basename(file, '.json'));
}
failed += broken.size;
// Nothing was tried where nothing was counted.
if (passed + failed === 0) failed = 1;

for (const stage of failedStages) console.log(`failed: ${stage}`);
if (skipped > 0) console.log(`${skipped} skipped`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
