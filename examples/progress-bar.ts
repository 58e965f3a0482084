import type { Progress } from 'vmdk-driver';

const width = 30;
const bytesPerMiB = 1024 * 1024;

/** How long nothing may be said before it is said that the work goes on, in milliseconds. */
const silenceMs = 4_000;

/** Draws an operation's progress: a bar that moves on a terminal; elsewhere a line per phase, and one every few seconds. */
export class ProgressBar {
  readonly #out = process.stderr;
  #phase = '';
  #phaseBegan = 0;
  #last: Progress | undefined;
  #saidAt = Date.now();

  /** To be given as `onProgress`. */
  readonly show = (progress: Progress): void => {
    if (progress.phase !== this.#phase) {
      this.finish();
      this.#phase = progress.phase;
      this.#phaseBegan = Date.now();
    }
    this.#last = progress;
    if (this.#out.isTTY) this.#say(`\r\x1b[2K${this.#line(progress)}`);
  };

  /** Watches over a step, which may say nothing of itself: until disposed of, silence is broken. */
  watch(): Disposable {
    const beganAt = Date.now();
    this.#saidAt = beganAt;
    const timer = setInterval(() => {
      const now = Date.now();
      if (now - this.#saidAt < silenceMs) return;
      const seconds = Math.round((now - beganAt) / 1000);
      this.#say(this.#last === undefined ? `    … ${seconds} s\n` : `${this.#line(this.#last)}\n`);
    }, silenceMs / 8);
    return {
      [Symbol.dispose]: () => {
        clearInterval(timer);
      },
    };
  }

  /** Ends the line of the phase that is shown. */
  finish(): void {
    if (this.#last === undefined) return;
    this.#say(this.#out.isTTY ? '\n' : `${this.#line(this.#last)}\n`);
    this.#last = undefined;
    this.#phase = '';
  }

  #say(text: string): void {
    this.#out.write(text);
    this.#saidAt = Date.now();
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
