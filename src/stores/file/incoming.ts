import { type FileHandle, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAll } from '../../stream/write-all.js';
import { isAbandoned, newAttemptName } from './attempt-name.js';
import { makeDirectory } from './make-directory.js';
import { processState } from './process-state.js';

/** How often one store looks for what dead processes left, in milliseconds. */
const sweepIntervalMs = 60 * 60 * 1000;

/** Where a store writes objects before they get their names. No key's path begins with a dot. */
export class Incoming {
  readonly #directory: string;
  #sweptAt = Number.NEGATIVE_INFINITY;

  constructor(storeDirectory: string) {
    this.#directory = join(storeDirectory, '.incoming');
  }

  /**
   * Writes a durable file and hands it to the action, which may rename or link it. No trace of it is left here afterwards.
   *
   * @param onBuffer called before each buffer is written; what it throws ends the put
   */
  async with(
    buffers: readonly Uint8Array[],
    onBuffer: () => void,
    action: (path: string) => Promise<void>,
  ): Promise<void> {
    await makeDirectory(this.#directory);
    await this.#sweep();
    const name = newAttemptName();
    const path = join(this.#directory, name);
    // Known before its file is there: another store's sweep may see the file at once.
    processState.attempts.add(name);
    try {
      const handle = await open(path, 'wx', 0o600);
      try {
        await write(handle, buffers, onBuffer);
      } finally {
        await handle.close();
      }
      await action(path);
    } finally {
      await rm(path, { force: true }).catch(() => undefined);
      processState.attempts.delete(name);
    }
  }

  /** Removes what dead processes left. Never fails: what cannot be removed stays for the next time. */
  async #sweep(): Promise<void> {
    const now = performance.now();
    if (now - this.#sweptAt < sweepIntervalMs) return;
    this.#sweptAt = now;
    for (const name of await readdir(this.#directory).catch(() => [])) {
      const path = join(this.#directory, name);
      if (await isAbandoned(name, path)) await rm(path, { force: true }).catch(() => undefined);
    }
  }
}

async function write(handle: FileHandle, buffers: readonly Uint8Array[], onBuffer: () => void): Promise<void> {
  let position = 0;
  for (const buffer of buffers) {
    onBuffer();
    await writeAll(handle, buffer, position);
    position += buffer.length;
  }
  await handle.sync();
}
