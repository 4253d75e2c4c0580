/**
 * Failures as a mongod reports them: drivers and hosts branch on `code`, so each has the real number and name.
 */
import type { Document } from 'bson';

const CODES = {
  BadValue: 2,
  UnknownError: 8,
  FailedToParse: 9,
  TypeMismatch: 14,
  IllegalOperation: 20,
  InvalidBSON: 22,
  NamespaceNotFound: 26,
  IndexNotFound: 27,
  PathNotViable: 28,
  ConflictingUpdateOperators: 40,
  CursorNotFound: 43,
  NamespaceExists: 48,
  InvalidIdField: 53,
  CommandNotFound: 59,
  ImmutableField: 66,
  CannotCreateIndex: 67,
  InvalidOptions: 72,
  IndexOptionsConflict: 85,
  IndexKeySpecsConflict: 86,
  CommandNotSupported: 115,
  TransactionTooOld: 225,
  BSONObjectTooLarge: 10334,
  DuplicateKey: 11000,
  /** An update's result that is too large by less than the allowance for commands. */
  Location17419: 17419,
  /** A stage that no version has. */
  Location40324: 40324,
  /** A change stream on a server without an oplog. */
  Location40573: 40573,
} as const;

/** A command, or one write of it, that the server refuses. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
  readonly codeName: keyof typeof CODES;
  /** More fields of the error, such as `keyPattern` and `keyValue`. */
  readonly details: Document;

  constructor(codeName: keyof typeof CODES, message: string, details: Document = {}) {
    super(message);
    this.codeName = codeName;
    this.details = details;
  }

  get code(): number {
    return CODES[this.codeName];
  }
}

/** The whole command failed. A bug of this server shows itself in the client with its stack. */
export function failedReply(error: unknown): Document {
  const failure =
    error instanceof CommandFailure
      ? error
      : new CommandFailure('UnknownError', error instanceof Error ? `${error.stack}` : String(error));
  const { code, codeName, message, details } = failure;
  return { ok: 0, errmsg: message, code, codeName, ...details };
}

/** One write of several failed. */
export function writeError(index: number, { code, message, details }: CommandFailure): Document {
  return { index, code, errmsg: message, ...details };
}
