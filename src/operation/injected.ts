import * as z from 'zod';
import { isLogger, type Logger } from '../logger.js';
import type { BackupService } from '../services/backup-service.js';
import type { VimSession } from '../vim/vim-session.js';

/** What the application hands over to be called. It is checked when it is handed over, not when it is first called. */

export const vimSessionSchema = withMethods<VimSession>(['invoke', 'download', 'upload']);

export const backupServiceSchema = withMethods<BackupService>(
  ['backup', 'restore'],
  ['delete', 'readManifest', 'openBackup', 'openRestore'],
);

export const loggerSchema = z.custom<Partial<Logger>>(isLogger, 'must be a logger: its methods must be functions');

/** What a signal must be is what is done with it; one of another kind would be ignored in silence, or throw much later. */
export const signalSchema = z.custom<AbortSignal>(isAbortSignal, 'must be an AbortSignal');

/** A function of the application's that is called from time to time. */
export function callbackSchema<T extends (...args: never[]) => unknown>() {
  return z.custom<T>((value) => typeof value === 'function', 'must be a function');
}

/** An object of the application's whose methods are called. */
export function withMethods<T extends object>(
  required: readonly (string & keyof T)[],
  optional: readonly (string & keyof T)[] = [],
) {
  return z.custom<T>().superRefine((value: unknown, context) => {
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null) {
      context.addIssue('must be an object');
      return;
    }
    for (const name of [...required, ...optional]) {
      const method = (value as Readonly<Record<string, unknown>>)[name];
      if (typeof method === 'function' || (method === undefined && !required.includes(name))) continue;
      context.addIssue({ code: 'custom', path: [name], message: 'must be a function' });
    }
  });
}

/** By its own getter, which takes no other object for one: what only looks like one fails where signals are joined. */
function isAbortSignal(value: unknown): boolean {
  try {
    return typeof isAborted?.call(value) === 'boolean';
  } catch {
    return false;
  }
}

// eslint-disable-next-line @typescript-eslint/unbound-method -- it is called with another `this`
const isAborted = Object.getOwnPropertyDescriptor(AbortSignal.prototype, 'aborted')?.get;
