import { guardLogger, type Logger } from '../logger.js';
import { withoutCommand } from './redis-failure.js';

/** The application's logger, made harmless, and given nothing of what was sent to Redis. */
export function fleetLogger(given: Partial<Logger> = {}): Logger {
  const logger = guardLogger(given);
  const at =
    (level: keyof Logger) =>
    (fields: object, message: string): void => {
      if ('err' in fields) withoutCommand(fields.err);
      logger[level](fields, message);
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
