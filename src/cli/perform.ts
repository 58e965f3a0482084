import type { Command } from 'commander';
import { exitCodes, type Outcome } from './exit-codes.js';
import { Interruption } from './interruption.js';
import { Output, type OutputOptions } from './output.js';

/** What a command's work is given besides its options and arguments. */
export interface Run {
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  readonly output: Output;
}

/**
 * What commander calls for a command: the work is cancelled by Ctrl-C, its failure is said, and the process ends with its outcome.
 *
 * @param work its options are of the type that it declares: what the command's own options come to
 */
export function perform(
  work: (run: Run, options: never, ...args: string[]) => Promise<Outcome>,
): (...given: unknown[]) => Promise<void> {
  return async (...given) => {
    const command = given.at(-1) as Command;
    const options = command.optsWithGlobals<OutputOptions>();
    const output = new Output(options);
    using interruption = new Interruption(() => {
      output.say('stopping; Ctrl-C once more stops at once, and may leave something behind');
    });
    let outcome: Outcome;
    try {
      outcome = await work({ signal: interruption.signal, output }, options as never, ...command.args);
    } catch (error) {
      outcome = output.failure(error);
    }
    process.exitCode = exitCodes[outcome];
  };
}
