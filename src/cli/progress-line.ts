import type { WriteStream } from 'node:tty';
import { formatBytes } from './amounts.js';

/** How far something is. */
export interface Step {
  /** What is done: a phase. */
  readonly phase: string;
  readonly bytesDone: number;
  readonly bytesTotal?: number | undefined;
}

const barLength = 30;

/** One line that is drawn over and over on a terminal. Elsewhere nothing is drawn: a log is no place for it. */
export class ProgressLine {
  readonly #out: WriteStream;
  #phase = '';
  #phaseBegan = 0;
  #isDrawn = false;

  constructor(out: WriteStream) {
    this.#out = out;
  }

  /** Shows how far it is. */
  readonly show = ({ phase, bytesDone, bytesTotal }: Step): void => {
    if (!this.#out.isTTY) return;
    if (phase !== this.#phase) {
      this.#phase = phase;
      this.#phaseBegan = performance.now();
    }
    const seconds = (performance.now() - this.#phaseBegan) / 1000;
    const share = bytesTotal ? Math.min(1, bytesDone / bytesTotal) : undefined;
    const filled = Math.round((share ?? 0) * barLength);
    const line = [
      phase.padEnd(8),
      ...(share === undefined ? [] : [`[${'#'.repeat(filled).padEnd(barLength)}] ${Math.floor(share * 100)} %`]),
      ...(bytesDone === 0 ? [] : [formatBytes(bytesDone)]),
      // Of less than a second nothing can be told.
      ...(seconds < 1 || bytesDone === 0 ? [] : [`${formatBytes(Math.round(bytesDone / seconds))}/s`]),
    ].join('  ');
    this.#draw(line.slice(0, this.#out.columns - 1));
    this.#isDrawn = true;
  };

  /** Takes the line away, so that something else can be said. */
  clear(): void {
    if (this.#isDrawn) this.#draw('');
    this.#isDrawn = false;
  }

  #draw(line: string): void {
    this.#out.write(`\r\x1b[2K${line}`);
  }
}
