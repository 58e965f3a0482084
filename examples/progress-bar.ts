import type { Progress } from '../src/index.js';

const width = 30;
const bytesPerMiB = 1024 * 1024;

/** Draws an operation's progress: a bar that moves on a terminal, a line per phase elsewhere. */
export class ProgressBar {
  readonly #out = process.stderr;
  #phase = '';
  #phaseBegan = 0;
  #last: Progress | undefined;

  /** To be given as `onProgress`. */
  readonly show = (progress: Progress): void => {
    if (progress.phase !== this.#phase) {
      this.finish();
      this.#phase = progress.phase;
      this.#phaseBegan = Date.now();
    }
    this.#last = progress;
    if (this.#out.isTTY) this.#out.write(`\r\x1b[2K${this.#line(progress)}`);
  };

  /** Ends the line of the phase that is shown. */
  finish(): void {
    if (this.#last === undefined) return;
    this.#out.write(this.#out.isTTY ? '\n' : `${this.#line(this.#last)}\n`);
    this.#last = undefined;
    this.#phase = '';
  }

  #line({ phase, bytesDone, bytesTotal, streamBytes }: Progress): string {
    const seconds = (Date.now() - this.#phaseBegan) / 1000;
    const filled = bytesTotal === undefined ? 0 : Math.round((bytesDone / bytesTotal) * width);
    const bar =
      bytesTotal === undefined || bytesDone === 0 ? '' : `[${'█'.repeat(filled)}${'·'.repeat(width - filled)}] `;
    const done = bytesDone === 0 ? '' : `${(bytesDone / bytesPerMiB).toFixed(0)} MiB`;
    const rate = streamBytes === 0 || seconds === 0 ? '' : `  ${(bytesDone / bytesPerMiB / seconds).toFixed(0)} MiB/s`;
    return `    ${phase.padEnd(9)}${bar}${done}${rate}`;
  }
}
