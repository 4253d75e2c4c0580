/**
 * The part of a SQLite library that the outbox uses: `DatabaseSync` of `node:sqlite`, `Database` of `libsql` and of
 * `better-sqlite3` fit as they are. All of it is synchronous, so what has been written stands on the disk when the call
 * returns. A row may carry more than its columns (`libsql` adds `_metadata`): columns are read by name, and rows are neither
 * spread nor compared.
 */

/** The value of a column. */
export type SqliteValue = string | number | bigint | null | Uint8Array;

/** A row by the names of its columns. */
export type SqliteRow = Readonly<Record<string, unknown>>;

export interface SqliteStatement {
  /** Runs the statement to its end and returns no rows. */
  run(...values: SqliteValue[]): unknown;
  /** Returns the first row, or undefined. */
  get(...values: SqliteValue[]): unknown;
  /** Returns all rows. */
  all(...values: SqliteValue[]): unknown[];
}

export interface SqliteDatabase {
  /** Runs statements without parameters, which may be several. */
  exec(sql: string): unknown;
  /** Compiles a statement; `?` stands for each of its parameters. */
  prepare(sql: string): SqliteStatement;
  /** Closes the file, and with that gives up its lock. */
  close?(): unknown;
}

/** The primary result codes that say what to do, and what those libraries say that give a name, or words alone. */
const BUSY = { codes: [5, 6], words: ['SQLITE_BUSY', 'SQLITE_LOCKED', 'is locked'] };
const DAMAGED = {
  codes: [11, 26],
  words: ['SQLITE_CORRUPT', 'SQLITE_NOTADB', 'malformed', 'is not a database'],
};

/** Says whether somebody else has the file. */
export function isBusy(error: unknown): boolean {
  return isOneOf(error, BUSY);
}

/** Says whether the file is not a database, or not a whole one. */
export function isDamaged(error: unknown): boolean {
  return isOneOf(error, DAMAGED);
}

/** Each library has a place of its own for the code: `errcode`, `rawCode`, or a name in `code`. */
function isOneOf(error: unknown, { codes, words }: typeof BUSY): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const { errcode, rawCode, code, message } = error as Record<string, unknown>;
  const numbers = [errcode, rawCode].filter((one) => typeof one === 'number');
  if (numbers.some((one) => codes.includes(one & 0xff))) return true;
  const said = `${code} ${message}`;
  return words.some((word) => said.includes(word));
}
