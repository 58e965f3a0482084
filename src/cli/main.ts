#!/usr/bin/env node
import { createRequire } from 'node:module';
import { CommanderError } from 'commander';
import { exitCodes } from './exit-codes.js';
import { Output } from './output.js';
import { createProgram } from './program.js';
import { UsageError } from './usage-error.js';

// `vmdk-driver list | head`: who reads has enough, and what is under way goes on.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

const { version } = createRequire(import.meta.url)('vmdk-driver/package.json') as { readonly version: string };
try {
  await createProgram(version).parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  // Help that was asked for is no mistake.
  if (error.exitCode === 0) process.exitCode = exitCodes.done;
  else {
    process.exitCode = exitCodes.usage;
    // People have been told already.
    if (process.argv.includes('--json')) new Output({ json: true }).failure(misuse(error));
  }
}

/** What was wrong with the arguments; `commander.help` is help that came because there was no command. */
function misuse({ code, message }: CommanderError): UsageError {
  return new UsageError(code === 'commander.help' ? 'no command is given' : message.replace(/^error: /, ''));
}
