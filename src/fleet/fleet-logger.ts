import type { Logger } from '../index.js';
import { withoutCommand } from './redis-failure.js';

/**
 * The application's logger, made harmless: a method that is missing says nothing, one that throws or rejects fails nothing, and none
 * is given what was sent to Redis.
 */
export function fleetLogger(given: Partial<Logger> | undefined): Logger {
  const at =
    (level: keyof Logger) =>
    (fields: object, message: string): void => {
      if ('err' in fields) withoutCommand(fields.err);
      try {
        const said: unknown = given?.[level]?.(fields, message);
        Promise.resolve(said).catch(() => undefined);
      } catch {
        // There is nowhere to say that nothing can be said.
      }
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
