import { types } from 'node:util';

/** The code of a system call's error, such as `ENOENT`; undefined for any other error. */
export function errnoOf(error: unknown): string | undefined {
  try {
    // Not `instanceof`: under a test runner, Node's own errors are of another realm than this code.
    return types.isNativeError(error) && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  } catch {
    // Somebody else's may throw when it is looked at.
    return undefined;
  }
}

/** Whether an error is a system call's with one of these codes. */
export function hasErrno(error: unknown, ...codes: string[]): boolean {
  const code = errnoOf(error);
  return code !== undefined && codes.includes(code);
}
