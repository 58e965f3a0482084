import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

/** A program of the project in one file: a loader that compiles on the way takes its time at each start. */
export class Bundle implements AsyncDisposable {
  private constructor(
    readonly directory: string,
    readonly program: string,
  ) {}

  static async of(source: string): Promise<Bundle> {
    // Inside the project, where the packages it imports are found.
    const directory = await mkdtemp(resolve('node_modules/.bundle-'));
    const program = join(directory, 'program.mjs');
    await promisify(execFile)('node_modules/.bin/esbuild', [
      source,
      '--bundle',
      '--packages=external',
      '--platform=node',
      '--target=node20',
      '--format=esm',
      `--outfile=${program}`,
      '--log-level=warning',
    ]);
    return new Bundle(directory, program);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.directory, { recursive: true });
  }
}
