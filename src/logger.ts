import * as z from 'zod';

/**
 * Where the library says what it does: the shape of a pino logger, so that one can be given as it is. Nothing it is given
 * holds a secret. Silent by default.
 *
 * A method that is missing says nothing, and one that throws or rejects fails nothing.
 */
export interface Logger {
  /** What is of use to somebody who looks for a fault. */
  debug(fields: object, message: string): void;
  /** What happened: one line when an operation begins, one when it has ended. */
  info(fields: object, message: string): void;
  /** What went wrong and was dealt with, or is left for later. */
  warn(fields: object, message: string): void;
  /** What went wrong. */
  error(fields: object, message: string): void;
}

const ignore = (): void => undefined;

/** The default logger: says nothing. */
export const silentLogger: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

const levels = ['debug', 'info', 'warn', 'error'] as const satisfies readonly (keyof Logger)[];

/** Whether a value can be logged to: whichever of the methods it has are functions. */
export function isLogger(value: unknown): value is Partial<Logger> {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  const methods = value as Readonly<Record<string, unknown>>;
  return levels.every((level) => methods[level] === undefined || typeof methods[level] === 'function');
}

export const loggerSchema = z.custom<Partial<Logger>>(isLogger, 'must be a logger: its methods must be functions');

/** A logger of the application's, made harmless, that adds the same fields to each line. */
export function guardLogger(logger: Partial<Logger>, bound: object = {}): Logger {
  const at =
    (level: (typeof levels)[number]) =>
    (fields: object, message: string): void => {
      try {
        const said: unknown = logger[level]?.({ ...bound, ...fields }, message);
        // An asynchronous one may reject, which nobody else would handle.
        if (said !== undefined) Promise.resolve(said).catch(ignore);
      } catch {
        // There is nowhere to say that nothing can be said.
      }
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
