import { type ChildProcess, spawn } from 'node:child_process';
import { StringDecoder } from 'node:string_decoder';
import { errnoOf } from '../../errors/errno.js';
import { AbortError, StoreError, throwIfAborted } from '../../errors/index.js';
import { StallTimer } from '../../stores/http/stall-timer.js';
import { bytesMoved } from './bytes-moved.js';

/** What a program is started with. */
export interface ProgramOptions {
  /** Its name, found by `PATH`, or its path. */
  readonly program: string;
  /** Its arguments. They are visible to every user of the machine: no secret is among them. */
  readonly args: readonly string[];
  /** What it gets beside this process's own environment. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** How long it may neither take nor give a byte while it is waited for, in milliseconds. */
  readonly stallTimeoutMs: number;
  /** Kills it when it is aborted. */
  readonly signal?: AbortSignal | undefined;
  /** Whether its standard input is written to; it is empty otherwise, so that nothing can ask there. */
  readonly hasInput?: boolean | undefined;
  /**
   * Whether it moves bytes elsewhere than to this process, and says nothing meanwhile. Then what the system counts of its reading and
   * writing is looked at before it is taken for stalled; where the system does not count (only Linux does), it never is.
   */
  readonly isSilent?: boolean | undefined;
}

/** How a program ended. */
export interface ProgramEnd {
  /** Its exit code; null where a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The end of what it said on standard error. */
  readonly stderr: string;
}

/** What is kept of standard error, in characters. */
const maxStderr = 4096;

/** For how long its pipes must have been silent, twice, before they are closed after its end, in milliseconds. */
const quietMs = 2500;

/** A program of somebody else's, started without a shell. */
export class RunningProgram {
  readonly #program: string;
  readonly #child: ChildProcess;
  /** Runs while it is waited for, and after its end while its pipes are. */
  #timer: StallTimer;
  readonly #end: Promise<ProgramEnd>;
  #stderr = '';
  #isAwaited = false;
  #moved: string | undefined;
  #hasExited = false;
  /** Whether its pipes were silent for one wait after its end. */
  #isQuiet = false;
  /** Why it was killed. */
  #failure: Error | undefined;

  constructor({ program, args, env, stallTimeoutMs, signal, hasInput, isSilent }: ProgramOptions) {
    throwIfAborted(signal);
    this.#program = program;
    this.#timer = new StallTimer(stallTimeoutMs, (error) => {
      if (isSilent === true) void this.#killUnlessMoving(error);
      else this.kill(error);
    });
    const child = spawn(program, args, {
      env: { ...process.env, ...env },
      stdio: [hasInput === true ? 'pipe' : 'ignore', 'pipe', 'pipe'],
      windowsHide: true,
    });
    this.#child = child;
    // Its exit tells; a pipe that breaks has no more to say, but to whom reads from it.
    child.stdin?.on('error', () => undefined);
    child.stdout?.on('error', () => undefined);
    const decoder = new StringDecoder('utf8');
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + decoder.write(chunk)).slice(-maxStderr);
      // What speaks after its end is what it started.
      if (!this.#hasExited) this.touch();
    });
    const onAbort = () => {
      if (signal !== undefined) this.kill(new AbortError(signal));
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#end = new Promise<ProgramEnd>((resolve, reject) => {
      child.once('error', (cause) => {
        if (child.pid === undefined) reject(notStarted(program, cause));
      });
      child.once('exit', () => {
        this.#hasExited = true;
        this.#waitForPipes();
      });
      child.once('close', (code, killedBy) => {
        resolve({ code, signal: killedBy, stderr: this.#stderr.trim() });
      });
    }).finally(() => {
      this.#timer.stop();
      signal?.removeEventListener('abort', onAbort);
    });
    // Whoever waits for the end hears of it.
    this.#end.catch(() => undefined);
  }

  /** Says that it took or gave something; from here on it is waited for anew, if it was. */
  touch(): void {
    this.#isQuiet = false;
    if (this.#isAwaited) this.#timer.start();
  }

  /** Whether the program is waited for, and not the one who uses it. */
  await(isAwaited: boolean): void {
    this.#isAwaited = isAwaited;
    this.#isQuiet = false;
    if (isAwaited) this.#timer.start();
    else this.#timer.stop();
  }

  /** Writes to its standard input. When it resolves, the chunk may be used again. */
  async write(chunk: Uint8Array): Promise<void> {
    const { stdin } = this.#child;
    if (stdin === null) throw new TypeError('the program has no standard input');
    this.await(true);
    try {
      await new Promise<void>((resolve, reject) => {
        stdin.write(chunk, (error) => {
          if (error) reject(error);
          else resolve();
        });
      });
    } catch {
      // Its own end tells more than the pipe that broke.
      this.#throwEnd(await this.end());
    }
    // A pipe that was given up while it was written to reports no error.
    if (stdin.destroyed) this.#throwEnd(await this.end());
    this.await(false);
  }

  /** Ends its standard input. */
  endInput(): void {
    this.#child.stdin?.end();
  }

  /** Its standard output, as fast as it is taken. */
  async *output(): AsyncGenerator<Buffer, void, undefined> {
    const { stdout } = this.#child;
    if (stdout === null) return;
    this.await(true);
    try {
      for await (const chunk of stdout as AsyncIterable<Buffer>) {
        this.await(false);
        yield chunk;
        this.await(true);
      }
    } catch (error) {
      // A pipe that breaks when the program is killed does not tell why it was.
      throw this.#failure ?? error;
    }
  }

  /** Waits for its end. */
  async end(): Promise<ProgramEnd> {
    this.await(true);
    try {
      const end = await this.#end;
      if (this.#failure !== undefined) throw this.#failure;
      return end;
    } finally {
      // It may have ended before it was waited for: no timer shall outlive it.
      this.await(false);
    }
  }

  /** Kills it, where it has not ended. @param failure why, for whoever waits for it */
  kill(failure?: Error): void {
    this.#failure ??= failure;
    this.#child.kill('SIGKILL');
    this.#child.stdin?.destroy();
    this.#child.stdout?.destroy();
    // What it started may hold it open, and lives on.
    this.#child.stderr?.destroy();
  }

  /**
   * It has ended, and what it gave may still be on its way. What it started may hold its pipes open for ever: where one is waited for and
   * silent, they are closed.
   */
  #waitForPipes(): void {
    this.#timer.stop();
    this.#timer = new StallTimer(quietMs, () => {
      if (this.#isQuiet) {
        this.#closePipes();
        return;
      }
      // Once more: where the event loop was held, what is in the pipes is read only now.
      this.#isQuiet = true;
      this.#timer.start();
    });
    if (this.#isAwaited) this.#timer.start();
  }

  #closePipes(): void {
    const { stdout, stderr } = this.#child;
    // Whoever reads it cannot know whether it is whole.
    stdout?.destroy(new StoreError('failed', `${this.#program} ended, and what it started keeps its output open`));
    stderr?.destroy();
  }

  async #killUnlessMoving(failure: Error): Promise<void> {
    const moved = await bytesMoved(this.#child.pid);
    if (moved !== undefined && moved === this.#moved) {
      this.kill(failure);
      return;
    }
    this.#moved = moved;
    this.touch();
  }

  #throwEnd({ code, signal, stderr }: ProgramEnd): never {
    if (this.#failure !== undefined) throw this.#failure;
    const how = signal === null ? `ended with ${code ?? 'no code'}` : `was ended by ${signal}`;
    throw new StoreError('failed', `${this.#program} ${how} before it had all: ${lastLine(stderr)}`);
  }
}

/** Runs a program to its end, and resolves with all it printed. */
export async function runProgram(options: ProgramOptions): Promise<ProgramEnd & { readonly stdout: string }> {
  const running = new RunningProgram(options);
  const chunks: Buffer[] = [];
  for await (const chunk of running.output()) chunks.push(chunk);
  return { ...(await running.end()), stdout: Buffer.concat(chunks).toString('utf8') };
}

/** The last thing it said, in one line. */
export function lastLine(text: string): string {
  return (
    text
      .trim()
      .split(/[\r\n]+/)
      .at(-1)
      ?.replace(/\p{Cc}/gu, ' ')
      .slice(-300) ?? ''
  );
}

function notStarted(program: string, cause: unknown): StoreError {
  const what = errnoOf(cause) === 'ENOENT' ? 'is not installed, or not where PATH looks' : 'cannot be started';
  return new StoreError('failed', `${program} ${what}`, { cause });
}
