// Prints what .ci/run came to: node scripts/ci-summary.mjs <directory of the stages' reports> <the stages that failed>...
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

/**
 * What counts of a stage's report, which is jest's JSON or has its names.
 *
 * @typedef {object} Report
 * @property {number} numPassedTests
 * @property {number} numFailedTests
 * @property {number} [numPendingTests]
 * @property {number} [numRuntimeErrorTestSuites] Files that do not even load: they have no failed tests to their name.
 * @property {readonly FileReport[]} [testResults]
 */

/**
 * @typedef {object} FileReport
 * @property {string} name
 * @property {string} status
 * @property {string} message What the file failed with, all its tests together.
 * @property {readonly { readonly status: string, readonly fullName: string, readonly failureMessages: readonly string[] }[]} assertionResults
 */

/** @type {(text: string) => Report} */
const parse = JSON.parse;

/** Who reads the end only is to learn what failed: its name, and how its message begins. */
const mostOfMessage = 300;

/**
 * @param {FileReport} file
 * @returns {string[]}
 */
function failuresOf({ name, status, message, assertionResults }) {
  const tests = assertionResults.filter((one) => one.status === 'failed');
  const lines = tests.map(({ fullName, failureMessages }) => `${fullName}: ${failureMessages.join(' ')}`);
  if (lines.length === 0 && status === 'failed') lines.push(message);
  return lines.map((line) => `${relative(process.cwd(), name)}: ${oneLine(line).slice(0, mostOfMessage)}`);
}

/** @param {string} text */
function oneLine(text) {
  return stripVTControlCharacters(text).replaceAll(/\s+/g, ' ').trim();
}

const [directory = '', ...failedStages] = process.argv.slice(2);
const broken = new Set(failedStages);
let passed = 0;
let failed = 0;
let skipped = 0;
/** @type {string[]} */
const failures = [];

for (const file of readdirSync(directory).filter((name) => name.endsWith('.json'))) {
  const report = parse(readFileSync(join(directory, file), 'utf8'));
  const count = report.numFailedTests + (report.numRuntimeErrorTestSuites ?? 0);
  failures.push(...(report.testResults ?? []).flatMap(failuresOf));
  passed += report.numPassedTests;
  skipped += report.numPendingTests ?? 0;
  failed += count;
  // The stage fails because its tests do: it counts by itself only when it fails for another reason.
  if (count > 0) broken.delete(basename(file, '.json'));
}
failed += broken.size;
// Nothing was tried where nothing was counted.
if (passed + failed === 0) failed = 1;

for (const failure of failures) console.log(failure);
for (const stage of failedStages) console.log(`failed: ${stage}`);
if (skipped > 0) console.log(`${skipped} skipped`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
