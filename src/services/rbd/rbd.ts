import * as z from 'zod';
import { StoreError, type StoreFailure } from '../../errors/index.js';
import { lastLine, type ProgramEnd, RunningProgram, runProgram } from '../program/running-program.js';

/** How Ceph is reached. */
export interface RbdOptions {
  readonly pool: string;
  readonly namespace?: string | undefined;
  readonly conf?: string | undefined;
  readonly id?: string | undefined;
  readonly keyring?: string | undefined;
  readonly program: string;
  readonly stallTimeoutMs: number;
}

/** Exit codes of `rbd` are those of the system's errors. */
const failures: Readonly<Record<number, StoreFailure>> = {
  1: 'denied',
  13: 'denied',
  28: 'quota',
  108: 'connection',
  110: 'connection',
  122: 'quota',
};

/** ENOSPC and EDQUOT, as Ceph's programs print them. */
const saysFull = /\((?:28|122)\) /;

const notFound = 2;
const busy = 16;

const namesSchema = z.array(z.string());
const infoSchema = z.object({ size: z.int().nonnegative(), modify_timestamp: z.string().optional() });
const statusSchema = z.object({ watchers: z.array(z.unknown()) });

/** What an image is like. */
export interface ImageInfo {
  /** In bytes. */
  readonly size: number;
  /** When it was last written to, by the cluster's clock, in milliseconds since the epoch. */
  readonly modifiedMs: number | undefined;
}

/** The `rbd` program: one call for each step, its arguments never through a shell, its outcome by exit code. */
export class Rbd {
  readonly #options: RbdOptions;

  constructor(options: RbdOptions) {
    this.#options = options;
  }

  /** Starts an import from standard input. */
  startImport(image: string, signal: AbortSignal | undefined): RunningProgram {
    // Larger objects than the default halve the cluster's work.
    return this.#start(['import', '--no-progress', '--object-size', '16M', '-', this.#spec(image)], signal, true);
  }

  /** An image's bytes. */
  async *export(image: string, signal: AbortSignal | undefined): AsyncGenerator<Buffer, void, undefined> {
    const program = this.#start(['export', '--no-progress', this.#spec(image), '-'], signal, false);
    let isWhole = false;
    try {
      yield* program.output();
      this.assertDone(await program.end(), `${image} cannot be exported`);
      isWhole = true;
    } finally {
      if (!isWhole) program.kill();
    }
  }

  /** The names of all images. */
  async list(signal: AbortSignal | undefined): Promise<string[]> {
    const { pool, namespace } = this.#options;
    const place = namespace === undefined ? pool : `${pool}/${namespace}`;
    const text = await this.#run(['ls', '--format', 'json', place], 'images cannot be listed', signal);
    if (text === undefined) {
      throw new StoreError('no-container', `rbd: there is no pool ${place}`);
    }
    return parse(namesSchema, text);
  }

  /** Undefined where there is no such image. */
  async info(image: string, signal: AbortSignal | undefined): Promise<ImageInfo | undefined> {
    const text = await this.#run(
      ['info', '--format', 'json', this.#spec(image)],
      `${image} cannot be looked at`,
      signal,
    );
    if (text === undefined) return undefined;
    const { size, modify_timestamp: modified } = parse(infoSchema, text);
    const modifiedMs = Date.parse(`${modified ?? ''} UTC`);
    return { size, modifiedMs: Number.isNaN(modifiedMs) ? undefined : modifiedMs };
  }

  /** Whether somebody has the image open for writing. */
  async isOpen(image: string, signal: AbortSignal | undefined): Promise<boolean> {
    const text = await this.#run(
      ['status', '--format', 'json', this.#spec(image)],
      `${image} cannot be looked at`,
      signal,
    );
    return text !== undefined && parse(statusSchema, text).watchers.length > 0;
  }

  async setMeta(image: string, key: string, value: string, signal: AbortSignal | undefined): Promise<void> {
    const end = await runProgram(this.#program(['image-meta', 'set', this.#spec(image), key, value], signal));
    this.assertDone(end, `${image} cannot be described`);
  }

  /** Undefined where there is no such image, or it has no such value. */
  async getMeta(image: string, key: string, signal: AbortSignal | undefined): Promise<string | undefined> {
    return this.#run(['image-meta', 'get', this.#spec(image), key], `${image} cannot be read`, signal);
  }

  /** Resolves to false where there is no such image. */
  async rename(image: string, name: string, signal: AbortSignal | undefined): Promise<boolean> {
    const text = await this.#run(['rename', this.#spec(image), this.#spec(name)], `${image} cannot be renamed`, signal);
    return text !== undefined;
  }

  /** Removes an image; resolves to false where it stays, since somebody has it open. Resolves where there is none. */
  async remove(image: string, signal: AbortSignal | undefined): Promise<boolean> {
    const what = `${image} cannot be removed`;
    // With its progress: a large image takes long, and is seen to get on.
    const end = await runProgram(this.#program(['rm', this.#spec(image)], signal));
    if (end.code === busy) return false;
    if (this.#check(end, what)) return true;
    // In a pool that is full it says of every image that there is none, and what is wrong only before that.
    if (saysFull.test(end.stderr)) throw new StoreError('quota', `rbd: ${what}: the pool is full`);
    return (await this.info(image, signal)) === undefined;
  }

  /** @throws StoreError where it did not end well. False where it said that there is no such thing */
  #check(end: ProgramEnd, what: string): boolean {
    const { code, signal, stderr } = end;
    if (code === 0) return true;
    if (code === notFound) return false;
    const how = signal === null ? `it ended with ${code ?? 'no code'}` : `it was ended by ${signal}`;
    const said = lastLine(stderr);
    const reason = failures[code ?? -1] ?? 'failed';
    throw new StoreError(reason, `rbd: ${what}: ${how}${said === '' ? '' : `: ${said}`}`);
  }

  /** @throws StoreError where the program did not end well */
  assertDone(end: ProgramEnd, what: string): void {
    if (!this.#check(end, what)) throw new StoreError('failed', `rbd: ${what}: ${lastLine(end.stderr)}`);
  }

  async #run(args: readonly string[], what: string, signal: AbortSignal | undefined): Promise<string | undefined> {
    const end = await runProgram(this.#program(args, signal));
    // The line's end is the program's own.
    return this.#check(end, what) ? end.stdout.replace(/\n$/, '') : undefined;
  }

  #start(args: readonly string[], signal: AbortSignal | undefined, hasInput: boolean): RunningProgram {
    return new RunningProgram({ ...this.#program(args, signal), hasInput });
  }

  #program(args: readonly string[], signal: AbortSignal | undefined) {
    const { program, conf, id, keyring, stallTimeoutMs } = this.#options;
    const cluster = Object.entries({ conf, id, keyring }).flatMap(([name, value]) =>
      value === undefined ? [] : [`--${name}`, value],
    );
    // Times are printed in the local time zone, and without it.
    return { program, args: [...cluster, ...args], env: { TZ: 'UTC', LC_ALL: 'C' }, stallTimeoutMs, signal };
  }

  #spec(image: string): string {
    const { pool, namespace } = this.#options;
    return namespace === undefined ? `${pool}/${image}` : `${pool}/${namespace}/${image}`;
  }
}

function parse<T>(schema: z.ZodType<T>, text: string): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new StoreError('protocol', 'rbd printed something else than it was asked for', { cause });
  }
}
