/**
 * The part of a pino logger the library uses. What is logged names streams and generations, never payloads; objects
 * come first and the message is constant, so a line break in an id can't forge a record.
 */
export interface Logger {
  /** Takes what only somebody who looks for a fault wants to know. */
  debug(fields: object, message: string): void;
  /** Takes what is worth knowing and is no trouble. */
  info(fields: object, message: string): void;
  /** Takes what is tried again, or was done with less. */
  warn(fields: object, message: string): void;
  /** Takes what has failed. */
  error(fields: object, message: string): void;
}
