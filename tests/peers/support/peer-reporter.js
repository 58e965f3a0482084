import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';

/** What a test recorded: see `exercised()`. */
const rowSchema = z.object({
  peer: z.string(),
  version: z.string(),
  what: z.string(),
  exchanges: z.number(),
  testPath: z.string(),
  test: z.string(),
});

/** Prints, after everything else, what was exercised against which peer, and what came of it. */
export default class PeerReporter {
  #directory = mkdtempSync(join(tmpdir(), 'vmdk-driver-peers-'));
  #record = join(this.#directory, 'rows');

  onRunStart() {
    // Inherited by the processes that run the tests.
    process.env['VMDK_DRIVER_PEERS_RECORD'] = this.#record;
  }

  /**
   * @param {unknown} _contexts
   * @param {import('@jest/reporters').AggregatedResult} results
   */
  onRunComplete(_contexts, results) {
    const rows = this.#rows();
    const tests = results.testResults.flatMap(({ testFilePath, testResults }) =>
      testResults.map((result) => ({ testPath: testFilePath, ...result })),
    );
    /** @type {string[][]} */
    const table = [];
    let exchanges = 0;
    for (const { testPath, fullName, ancestorTitles, title, status } of tests) {
      const recorded = rows.filter((row) => row.testPath === testPath && row.test === fullName);
      const result = status === 'passed' ? 'ok' : status === 'failed' ? 'FAILED' : 'skipped';
      for (const row of recorded) {
        table.push([row.peer, row.version, row.what, String(row.exchanges), result]);
        exchanges += row.exchanges;
      }
      if (recorded.length === 0 && status !== 'passed') {
        table.push([ancestorTitles[0] ?? '', '', title, '', result]);
      }
    }
    for (const { testFilePath, testExecError } of results.testResults) {
      if (testExecError) table.push([testFilePath, '', 'the file does not load', '', 'FAILED']);
    }
    print([['peer', 'version', 'what was exercised', 'exchanges', 'result'], ...table]);
    const skipped = results.numPendingTests;
    const counts = `${results.numPassedTests} passed, ${results.numFailedTests} failed, ${skipped} skipped`;
    // Beside jest's own report: standard output is the JSON where that is asked for.
    process.stderr.write(`\n${exchanges} exchanges with peers checked; tests: ${counts}\n`);
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #rows() {
    if (!existsSync(this.#record)) return [];
    const lines = readFileSync(this.#record, 'utf8').trim().split('\n');
    return lines.map((line) => rowSchema.parse(JSON.parse(line)));
  }
}

/** @param {string[][]} table */
function print(table) {
  const [head] = table;
  const widths = (head ?? []).map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  for (const row of table) {
    const line = row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ');
    process.stderr.write(`${line.trimEnd()}\n`);
  }
}
