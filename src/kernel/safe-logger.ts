/**
 * The user's logger, behind a door: what it throws is dropped. A log line must never fail the work it tells about, and
 * least of all a recovery, where there is nobody left to hear of it.
 */
import type { Level, Logger } from 'pino';

type Write = (first: object | string, message?: string) => void;

export interface SafeLogger extends Readonly<Record<Level, Write>> {
  /** A logger that adds these fields to each line. */
  child(fields: object): SafeLogger;
}

export function safeLogger(logger: Logger): SafeLogger {
  const write =
    (level: Level): Write =>
    (first, message) => {
      try {
        if (typeof first === 'string') logger[level](first);
        else logger[level](first, message);
      } catch {
        // There is no other place to say it.
      }
    };
  return {
    trace: write('trace'),
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    fatal: write('fatal'),
    child(fields) {
      try {
        return safeLogger(logger.child(fields));
      } catch {
        return this;
      }
    },
  };
}
