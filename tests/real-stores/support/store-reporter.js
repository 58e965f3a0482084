import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** @typedef {import('./trial.js').Outcome} Outcome */

/** @type {(text: string) => Outcome} */
const parse = JSON.parse;

/** Ends a run with what was tried: store × operation × fault, and what became of the backups. */
export default class StoreReporter {
  #directory = mkdtempSync(join(tmpdir(), 'vmdk-driver-stores-'));
  #record = join(this.#directory, 'outcomes');

  onRunStart() {
    // Inherited by the processes that run the tests.
    process.env['VMDK_DRIVER_STORES_RECORD'] = this.#record;
  }

  onRunComplete() {
    const outcomes = existsSync(this.#record)
      ? readFileSync(this.#record, 'utf8')
          .trim()
          .split('\n')
          .map((line) => parse(line))
      : [];
    rmSync(this.#directory, { recursive: true });
    if (outcomes.length > 0) print(outcomes);
  }
}

/** @param {readonly Outcome[]} outcomes */
function print(outcomes) {
  /** @type {Map<string, Outcome[]>} */
  const kinds = new Map();
  for (const outcome of outcomes) {
    const kind = [outcome.store, outcome.operation, outcome.fault].join('\0');
    kinds.set(kind, [...(kinds.get(kind) ?? []), outcome]);
  }
  const head = ['store', 'operation', 'fault', 'tried', 'survived', 'lost', 'half visible', 'leaked'];
  const rows = [...kinds].map(([kind, some]) => [...kind.split('\0'), ...counts(some)]);
  rows.push(['all', '', '', ...counts(outcomes)]);
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)));
  const line = (/** @type {readonly string[]} */ row) =>
    row.map((cell, column) => (column < 3 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)));
  // Beside jest's own report: standard output is the JSON where that is asked for.
  process.stderr.write(`\n${[head, ...rows].map((row) => line(row).join('  ')).join('\n')}\n`);
}

/** @param {readonly Outcome[]} outcomes */
function counts(outcomes) {
  const sum = (/** @type {'lost' | 'halfVisible' | 'leaked'} */ key) =>
    outcomes.reduce((total, outcome) => total + outcome[key], 0);
  const survived = outcomes.filter((outcome) => outcome.survived).length;
  return [outcomes.length, survived, sum('lost'), sum('halfVisible'), sum('leaked')].map(String);
}
