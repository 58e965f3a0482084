import { nameOf, type Scenario, scenarios } from './scenario.js';
import type { Verdict } from './verdict.js';

/** A case, and where it counts. */
interface Counted {
  readonly scenario: Scenario;
  readonly column: string;
  readonly name: string;
}

/** What came of the cases. */
export class Tally {
  readonly #columns: readonly string[];
  #shown = 0;
  readonly #tried = new Map<string, number>();
  readonly #survived = new Map<string, number>();
  readonly endings = { completed: 0, undone: 0, recovered: 0 };
  readonly failures: string[] = [];
  tried = 0;
  survived = 0;
  lost = 0;
  leaked = 0;
  untrue = 0;
  /** Interruptions that found no moment to happen in: a poll that came one time less. */
  missed = 0;
  /** Cases that could not be run. */
  broken = 0;

  constructor(columns: readonly string[]) {
    this.#columns = columns;
  }

  add({ scenario, column, name }: Counted, verdict: Verdict): void {
    const cell = cellOf(nameOf(scenario), column);
    this.tried++;
    this.endings[verdict.ending]++;
    increment(this.#tried, cell);
    if (verdict.lost.length > 0) this.lost++;
    if (verdict.leaked.length > 0) this.leaked++;
    if (verdict.untrue.length > 0) this.untrue++;
    const problems = [
      ...verdict.lost.map((what) => `lost: ${what}`),
      ...verdict.leaked.map((what) => `leaked: ${what}`),
      ...verdict.untrue.map((what) => `untrue: ${what}`),
    ];
    if (problems.length === 0) {
      this.survived++;
      increment(this.#survived, cell);
    } else {
      this.failures.push([name, ...problems].join('\n    '));
    }
  }

  /** A case that could not be run. */
  fail(name: string, error: unknown): void {
    this.broken++;
    this.failures.push(`${name}\n    not run: ${error instanceof Error ? error.message : String(error)}`);
  }

  /** Prints the failures that were not printed yet. */
  showNew(): void {
    for (const failure of this.failures.slice(this.#shown)) console.log(`\n${failure}`);
    this.#shown = this.failures.length;
  }

  get passed(): boolean {
    return this.failures.length === 0;
  }

  /** Scenarios × interruptions: how many survived of how many were tried. */
  table(): string {
    const rows = scenarios
      .map((scenario) => nameOf(scenario))
      .map((name) => [name, ...this.#columns.map((column) => this.#cell(name, column))])
      .filter(([, ...cells]) => cells.some((cell) => cell !== none));
    return format([
      ['survived / tried', ...this.#columns],
      ...rows,
      ['all', ...this.#columns.map((column) => this.#total(column))],
    ]);
  }

  summary(): string {
    const { tried, survived, lost, leaked, untrue, missed, broken, endings } = this;
    return [
      `tried ${tried}, survived ${survived}, lost ${lost}, leaked ${leaked}, untrue ${untrue}`,
      `the work went on: ${endings.completed}; was undone: ${endings.undone}; was ended by recover(): ${endings.recovered}`,
      ...(missed + broken > 0 ? [`found no moment to happen in: ${missed}; could not be run: ${broken}`] : []),
    ].join('\n');
  }

  #cell(name: string, column: string): string {
    return ratio(this.#survived.get(cellOf(name, column)), this.#tried.get(cellOf(name, column)));
  }

  #total(column: string): string {
    const sum = (counts: ReadonlyMap<string, number>): number =>
      scenarios.reduce((total, scenario) => total + (counts.get(cellOf(nameOf(scenario), column)) ?? 0), 0);
    return ratio(sum(this.#survived), sum(this.#tried));
  }
}

/** Stands where nothing was tried. */
const none = '-';

function ratio(survived = 0, tried = 0): string {
  return tried === 0 ? none : `${survived}/${tried}`;
}

function cellOf(name: string, column: string): string {
  return `${name} | ${column}`;
}

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function format(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows
    .map((row) =>
      row.map((cell, n) => (n === 0 ? cell.padEnd(widths[n] ?? 0) : cell.padStart(widths[n] ?? 0))).join('  '),
    )
    .join('\n');
}
