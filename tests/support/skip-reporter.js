import { relative } from 'node:path';

/** Ends a run with the tests that were skipped, and why: `needing()` writes the reason into the title. */
export default class SkipReporter {
  #chosen;

  /** @param {import('@jest/types').Config.GlobalConfig} config */
  constructor({ testNamePattern }) {
    this.#chosen = testNamePattern !== undefined;
  }

  /**
   * @param {unknown} _contexts
   * @param {import('@jest/reporters').AggregatedResult} results
   */
  onRunComplete(_contexts, results) {
    /** @type {Map<string, number>} */
    const counts = new Map();
    for (const { testFilePath, testResults } of results.testResults) {
      for (const { status, fullName } of testResults) {
        const reason = /\[skipped: ([^\]]+)\]/.exec(fullName)?.[1];
        // What `--testNamePattern` leaves out is pending too, and was not asked for.
        if (status !== 'pending' || (this.#chosen && reason === undefined)) continue;
        const line = `${relative(process.cwd(), testFilePath)}: ${reason ?? fullName}`;
        counts.set(line, (counts.get(line) ?? 0) + 1);
      }
    }
    if (counts.size === 0) return;
    process.stderr.write('\nSkipped, and why:\n');
    for (const [line, count] of counts) process.stderr.write(`  ${count} in ${line}\n`);
  }
}
