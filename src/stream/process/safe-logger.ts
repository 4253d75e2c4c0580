/** A logger that can't fail what it logs. */
import type { Logger } from '../interfaces/logger.js';
import { callUnawaited } from './host-code.js';

const ignore = () => {};
const silent: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

/** A logger that can't fail its caller. */
export function safeLogger(logger: Logger = silent, failed: (error: unknown) => void = ignore): Logger {
  const guard = (level: keyof Logger) => (fields: object, message: string) =>
    callUnawaited(() => logger[level](fields, message), failed);
  return { debug: guard('debug'), info: guard('info'), warn: guard('warn'), error: guard('error') };
}
