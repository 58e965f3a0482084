import { inspect } from 'node:util';
import type { Logger } from '../index.js';
import { adviceFor } from './advice.js';
import { isVmdkDriverError, type Outcome, outcomeOf } from './exit-codes.js';
import { ProgressLine } from './progress-line.js';
import { UsageError } from './usage-error.js';

/** The options that every command has. */
export interface OutputOptions {
  readonly json?: boolean;
  readonly debug?: boolean;
}

/**
 * What a command says: its result to stdout, for people or, with `--json`, as one JSON document for programs; progress, warnings and
 * errors to stderr.
 */
export class Output {
  readonly progress = new ProgressLine(process.stderr);
  /** `host:port` of the vCenter or ESXi host of `--url`: what to do about another peer is something else. */
  server: string | undefined;
  readonly #json: boolean;
  readonly #debug: boolean;

  constructor({ json = false, debug = false }: OutputOptions) {
    this.#json = json;
    this.#debug = debug;
  }

  /** To be given to the library. Its errors are said where they end the command. */
  get logger(): Logger {
    const detail = (fields: object, message: string): void => {
      if (this.#debug) this.say(`${message} ${inspect(fields, { breakLength: Infinity })}`);
    };
    return {
      debug: detail,
      info: detail,
      error: detail,
      warn: (fields, message) => {
        const { err } = fields as { readonly err?: unknown };
        this.say(`warning: ${message}${err instanceof Error ? `: ${err.message}` : ''}`);
      },
    };
  }

  /** Says a command's result: `result` to programs, `lines` to people. */
  result(result: object, lines: readonly string[]): void {
    this.progress.clear();
    const text = this.#json ? JSON.stringify(result, undefined, 2) : lines.join('\n');
    if (text !== '') process.stdout.write(`${text}\n`);
  }

  /** Says something beside the result. */
  say(line: string): void {
    this.progress.clear();
    process.stderr.write(`${line}\n`);
  }

  /** Says why a command failed. */
  failure(error: unknown): Outcome {
    this.progress.clear();
    const { outcome, shown, lines } = describe(error, this.server);
    if (this.#json) process.stdout.write(`${JSON.stringify({ error: shown }, undefined, 2)}\n`);
    else for (const line of lines) this.say(line);
    if (this.#debug) this.say(inspect(error));
    return outcome;
  }
}

/** How a command ended that failed, and what is said of it to programs and to people. */
function describe(error: unknown, server: string | undefined): { outcome: Outcome; shown: object; lines: string[] } {
  if (isVmdkDriverError(error)) {
    const advice = adviceFor(error, server);
    const { code, message } = error;
    const headline = code === 'ABORTED' ? 'cancelled' : `error: ${code}: ${message}`;
    const lines = advice === undefined ? [headline] : [headline, `  ${advice}`];
    return { outcome: outcomeOf(error), shown: { ...error.toJSON(), ...(advice && { advice }) }, lines };
  }
  const isUsage = error instanceof UsageError;
  const message = error instanceof Error ? error.message : String(error);
  return {
    outcome: isUsage ? 'usage' : 'failed',
    shown: { code: isUsage ? 'USAGE' : 'FAILED', message },
    lines: [`error: ${message}`],
  };
}
