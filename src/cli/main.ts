#!/usr/bin/env node
import { createRequire } from 'node:module';
import { CommanderError } from 'commander';
import { exitCodes } from './exit-codes.js';
import { createProgram } from './program.js';

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
  process.exitCode = error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
}
