/**
 * Where the library says what it does: the shape of a pino logger, so that one can be given as it is. Nothing it is given
 * holds a secret. Silent by default.
 */
export interface Logger {
  /** What is of use to somebody who looks for a fault. */
  debug(fields: object, message: string): void;
  /** What happened. */
  info(fields: object, message: string): void;
  /** What went wrong and was dealt with, or is left for later. */
  warn(fields: object, message: string): void;
  /** What went wrong. */
  error(fields: object, message: string): void;
}

const ignore = (): void => undefined;

/** The default logger: says nothing. */
export const silentLogger: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };
