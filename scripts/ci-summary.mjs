// Prints what .ci/run came to: node scripts/ci-summary.mjs <jest's JSON> <the stages that failed>...
import { existsSync, readFileSync } from 'node:fs';

/**
 * The part of jest's JSON that counts.
 *
 * @typedef {{ numPassedTests: number, numFailedTests: number, numPendingTests: number, numRuntimeErrorTestSuites: number }} Report
 */

const [file = '', ...stages] = process.argv.slice(2);
const report = existsSync(file) ? /** @type {Report} */ (JSON.parse(readFileSync(file, 'utf8'))) : undefined;

const passed = report?.numPassedTests ?? 0;
// A test file that does not even load has no failed tests to its name.
const broken = (report?.numFailedTests ?? 0) + (report?.numRuntimeErrorTestSuites ?? 0);
// The stage that runs the tests fails because they do: it counts only when it fails for another reason.
const counted = stages.filter((stage) => stage !== 'tests' || broken === 0);
const failed = broken + counted.length + (report === undefined && !stages.length ? 1 : 0);

for (const stage of stages) console.log(`failed: ${stage}`);
if (report !== undefined && report.numPendingTests > 0) console.log(`${report.numPendingTests} skipped`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
