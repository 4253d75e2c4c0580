/**
 * The part of a pino logger the library uses. What is logged names streams and generations, never payloads; objects
 * come first and the message is constant, so a line break in an id can't forge a record.
 */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

const ignore = () => {};
const silent: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

/** A logger that can't fail its caller. */
export function safeLogger(logger: Logger = silent, failed: (error: unknown) => void = ignore): Logger {
  const guard = (level: keyof Logger) => (fields: object, message: string) => {
    try {
      logger[level](fields, message);
    } catch (error) {
      failed(error);
    }
  };
  return { debug: guard('debug'), info: guard('info'), warn: guard('warn'), error: guard('error') };
}
