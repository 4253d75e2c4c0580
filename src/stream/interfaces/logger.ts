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
