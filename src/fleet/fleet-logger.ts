import type { Logger } from '../index.js';

/** The application's logger, made harmless: a method that is missing says nothing, and one that throws or rejects fails nothing. */
export function fleetLogger(given: Partial<Logger> | undefined): Logger {
  const at =
    (level: keyof Logger) =>
    (fields: object, message: string): void => {
      try {
        const said: unknown = given?.[level]?.(fields, message);
        Promise.resolve(said).catch(() => undefined);
      } catch {
        // There is nowhere to say that nothing can be said.
      }
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
