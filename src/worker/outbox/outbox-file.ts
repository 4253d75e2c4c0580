/**
 * Opens the outbox's file, or refuses it by name and leaves it as it is. Beside it stands a small database that is locked by
 * SQLite itself for as long as the outbox is open: a second process is refused, and one that dies leaves no lock behind. It is
 * attached, since what is attached can be let go: a library may keep the file itself open after `close` until its statements
 * are collected. Two libraries in one process don't see each other's locks, so a registry on `globalThis` knows what is open.
 */
import { chmodSync, realpathSync } from 'node:fs';
import { GenerationJobError } from '../../errors.js';
import { ItemTable, SCHEMA } from './item-table.js';
import { isBusy, isDamaged, type SqliteDatabase, type SqliteRow } from './sqlite.js';

/** Marks a file as an outbox: `GJob` in ASCII. */
const APPLICATION_ID = 0x474a6f62;
/** Rises with each change of the table that an older release could not read. */
const FORMAT = 1;
/** A process that is just dying has this long (ms) to let the file go. */
const BUSY_MS = 500;
/** A write-ahead log larger than this (bytes) is cut when it has been written back. */
const WAL_BYTES = 16 * 1024 * 1024;

const FOR_ITS_USER_ALONE = 0o600;

const LOCK = 'outbox_lock';
const REGISTRY = Symbol.for('generation-jobs.outbox-files');

export class OutboxFile {
  readonly table: ItemTable;
  readonly #database: SqliteDatabase;
  readonly #path: string;

  /** @throws GenerationJobError `outbox_in_use` · `outbox_damaged` · `outbox_newer_format` · `invalid_options` · `outbox_failed` */
  constructor(database: SqliteDatabase) {
    this.#database = database;
    let isAttached = false;
    try {
      this.#path = attempt(() => pathOf(database));
      attempt(() => attachLock(database, this.#path));
      isAttached = true;
      attempt(() => lock(database));
      this.table = attempt(() => openTable(database, this.#path));
    } catch (error) {
      closeRefused(database, isAttached, error);
      throw error;
    }
    openFiles().add(this.#path);
  }

  /** Runs writes as one, on the disk when it returns. @throws GenerationJobError `outbox_failed` · `outbox_damaged` · what `step` throws */
  transaction<Result>(step: () => Result): Result {
    attempt(() => this.#database.exec('BEGIN IMMEDIATE'));
    try {
      const result = attempt(step);
      attempt(() => this.#database.exec('COMMIT'));
      return result;
    } catch (error) {
      rollBack(this.#database, error);
      throw error;
    }
  }

  /**
   * Runs writes that may be undone by a power cut, though not by the death of the process: what they note, such as that a
   * batch has been taken, is found out again by delivering it again.
   */
  relaxed<Result>(step: () => Result): Result {
    return attempt(() => {
      this.#database.exec('PRAGMA main.synchronous=NORMAL');
      try {
        return this.transaction(step);
      } finally {
        this.#database.exec('PRAGMA main.synchronous=FULL');
      }
    });
  }

  /** Runs reads. @throws GenerationJobError `outbox_failed` · `outbox_damaged` */
  read<Result>(step: () => Result): Result {
    return attempt(step);
  }

  close(): void {
    openFiles().delete(this.#path);
    attempt(() => {
      this.#database.exec(`DETACH ${LOCK}`);
      this.#database.close?.();
    });
  }
}

function openFiles(): Set<string> {
  const registry = globalThis as { [REGISTRY]?: Set<string> };
  registry[REGISTRY] ??= new Set();
  return registry[REGISTRY];
}

/** Gives what a library throws one of our codes. */
function attempt<Result>(step: () => Result): Result {
  try {
    return step();
  } catch (cause) {
    if (cause instanceof GenerationJobError) throw cause;
    if (isDamaged(cause)) {
      throw new GenerationJobError('outbox_damaged', 'The outbox’s file is not whole.', { cause });
    }
    throw new GenerationJobError('outbox_failed', 'The outbox’s file could not be read or written.', {
      cause,
    });
  }
}

/** Ends a failed transaction; one that SQLite itself has ended can't be, and its error says so beside the first. */
function rollBack(database: SqliteDatabase, error: unknown): void {
  try {
    database.exec('ROLLBACK');
  } catch (rollback) {
    if (error instanceof Error) error.cause = new AggregateError([error.cause, rollback]);
  }
}

function closeRefused(database: SqliteDatabase, isAttached: boolean, error: unknown): void {
  try {
    if (isAttached) database.exec(`DETACH ${LOCK}`);
    database.close?.();
  } catch (failure) {
    if (error instanceof Error) error.cause = new AggregateError([error.cause, failure]);
  }
}

function pragma(database: SqliteDatabase, name: string): unknown {
  return Object.values((database.prepare(`PRAGMA ${name}`).get() as SqliteRow | undefined) ?? {})[0];
}

function pathOf(database: SqliteDatabase): string {
  const main = (database.prepare('PRAGMA database_list').all() as SqliteRow[]).find(
    ({ name }) => name === 'main',
  );
  const path = String(main?.file ?? '');
  if (path === '') {
    throw new GenerationJobError(
      'invalid_options',
      'database: must be a file, since memory is lost with the process.',
    );
  }
  const real = realpathSync(path);
  if (openFiles().has(real)) {
    throw new GenerationJobError('outbox_in_use', 'This process has the outbox open already.');
  }
  return real;
}

/** A database that is locked can't even be attached. */
function attachLock(database: SqliteDatabase, path: string): void {
  database.exec(`PRAGMA busy_timeout=${BUSY_MS}`);
  unlessBusy(() => database.prepare(`ATTACH ? AS ${LOCK}`).run(`${path}-lock`));
}

/** Takes the lock, for as long as it is attached: in this mode what a write has locked stays locked. */
function lock(database: SqliteDatabase): void {
  unlessBusy(() => {
    database.exec(`PRAGMA ${LOCK}.locking_mode=EXCLUSIVE; PRAGMA ${LOCK}.user_version=${FORMAT}`);
  });
}

function unlessBusy(step: () => void): void {
  try {
    step();
  } catch (cause) {
    if (!isBusy(cause)) throw cause;
    throw new GenerationJobError('outbox_in_use', 'Another process has the outbox open.', { cause });
  }
}

function openTable(database: SqliteDatabase, path: string): ItemTable {
  const isNew = inspect(database);
  // What agents say is in it. SQLite gives what is written ahead the same mode, so this comes first.
  if (isNew) chmodSync(path, FOR_ITS_USER_ALONE);
  const mode = pragma(database, 'main.journal_mode=WAL');
  if (mode !== 'wal') {
    throw new GenerationJobError(
      'invalid_options',
      `database: has no write-ahead log there (${mode}): use a local disk.`,
    );
  }
  database.exec(`PRAGMA main.synchronous=FULL; PRAGMA main.journal_size_limit=${WAL_BYTES}`);
  if (isNew) {
    database.exec(
      `BEGIN IMMEDIATE; ${SCHEMA} PRAGMA application_id=${APPLICATION_ID}; PRAGMA user_version=${FORMAT}; COMMIT`,
    );
  }
  return new ItemTable(database);
}

/** Says whether the file is a new one. Reads, and changes nothing. */
function inspect(database: SqliteDatabase): boolean {
  const id = Number(pragma(database, 'main.application_id'));
  const format = Number(pragma(database, 'main.user_version'));
  const { tables } = database.prepare('SELECT COUNT(*) AS tables FROM main.sqlite_schema').get() as SqliteRow;
  if (id === 0 && format === 0 && Number(tables) === 0) return true;
  if (id !== APPLICATION_ID) {
    throw new GenerationJobError('outbox_damaged', 'The file is a database of something else.');
  }
  if (format > FORMAT) {
    throw new GenerationJobError(
      'outbox_newer_format',
      `The outbox has format ${format}; known is ${FORMAT}.`,
    );
  }
  const found = pragma(database, 'main.quick_check(1)');
  if (found !== 'ok')
    throw new GenerationJobError('outbox_damaged', `The outbox’s file is not whole: ${found}.`);
  return false;
}
