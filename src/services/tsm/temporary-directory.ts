import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ownerInName } from '../../process/owner-in-name.js';
import { newAttemptName } from '../../stores/file/attempt-name.js';
import { makeDirectory } from '../../stores/file/make-directory.js';
import { processState } from '../../stores/file/process-state.js';

const suffix = '.tmp';

/** Does something with a directory of its own below another, which is gone afterwards. */
export async function inTemporaryDirectory<T>(parent: string, action: (path: string) => Promise<T>): Promise<T> {
  const attempt = newAttemptName();
  const path = join(parent, `${attempt}${suffix}`);
  await makeDirectory(parent);
  processState.attempts.add(attempt);
  try {
    await mkdir(path, { mode: 0o700 });
    return await action(path);
  } finally {
    await rm(path, { recursive: true, force: true }).catch(() => undefined);
    processState.attempts.delete(attempt);
  }
}

/** Whose temporary directory this is; undefined for what is none. */
export function temporaryDirectoryOf(name: string): string | undefined {
  const attempt = name.slice(0, -suffix.length);
  return name.endsWith(suffix) && ownerInName(attempt) !== undefined ? attempt : undefined;
}
