/**
 * The outbox's table: one row for each batch of a run and each report, and every statement there is. What decides and what
 * counts stands elsewhere; here each method is one statement. All of them are run to their end, so none holds a read open.
 */
import type { SqliteDatabase, SqliteRow, SqliteStatement, SqliteValue } from './sqlite.js';

/**
 * `due` is 0 until a try has failed; from then on it is the time of the next one on the monotonic clock of this process, so it
 * is cleared when the file is opened. `aside` is the reason for which a row is not tried any more.
 */
export const SCHEMA = `
  CREATE TABLE item (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    lane TEXT NOT NULL,
    first INTEGER,
    last INTEGER,
    key TEXT,
    idempotency TEXT,
    at INTEGER NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL DEFAULT 0,
    aside TEXT,
    aside_at INTEGER,
    bytes INTEGER NOT NULL,
    text TEXT NOT NULL
  ) STRICT;
  CREATE INDEX item_waiting ON item (lane, due, id) WHERE aside IS NULL;
  CREATE INDEX item_aside ON item (id) WHERE aside IS NOT NULL;
  CREATE INDEX item_key ON item (lane, key) WHERE key IS NOT NULL;
  CREATE INDEX item_idempotency ON item (lane, idempotency) WHERE idempotency IS NOT NULL;
`;

export interface ItemRow {
  readonly id: number;
  readonly lane: string;
  readonly first: number | null;
  readonly last: number | null;
  readonly key: string | null;
  readonly idempotency: string | null;
  readonly at: number;
  readonly tries: number;
  readonly due: number;
  readonly aside: string | null;
  readonly asideAt: number | null;
  readonly bytes: number;
}

export type NewItem = Pick<ItemRow, 'lane' | 'first' | 'last' | 'key' | 'idempotency' | 'at' | 'bytes'> & {
  readonly text: string;
};

/** A number of rows, and how much text they have. */
export interface Amount {
  readonly rows: number;
  readonly bytes: number;
}

const COLUMNS = 'id, lane, first, last, key, idempotency, at, tries, due, aside, aside_at AS asideAt, bytes';
const WAITING = `SELECT ${COLUMNS} FROM item WHERE lane = ? AND aside IS NULL`;

const STATEMENTS = {
  add: `INSERT INTO item (id, lane, first, last, key, idempotency, at, tries, due, bytes, text)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  untried: `${WAITING} AND due = 0 ORDER BY id LIMIT ?`,
  tried: `${WAITING} AND due > 0 ORDER BY due LIMIT 1`,
  oldestTried: `${WAITING} AND due > 0 ORDER BY id LIMIT 2`,
  uncovered: `${WAITING} AND due = 0 AND last > ? ORDER BY id LIMIT 1`,
  removeBefore:
    'DELETE FROM item WHERE lane = ? AND aside IS NULL AND due = 0 AND id < ? RETURNING last, bytes',
  remove: 'DELETE FROM item WHERE id = ?',
  removeWaiting: 'DELETE FROM item WHERE lane = ? AND aside IS NULL',
  failed: 'UPDATE item SET tries = tries + 1, due = ? WHERE id = ?',
  setAside: 'UPDATE item SET aside = ?, aside_at = ?, due = 0 WHERE id = ?',
  setAsideLane: 'UPDATE item SET aside = ?, aside_at = ?, due = 0 WHERE lane = ? AND aside IS NULL',
  tombstone: `INSERT INTO item (id, lane, first, last, at, aside, aside_at, bytes, text) VALUES (?, ?, ?, ?, ?, ?, ?, 0, '')`,
  putBack: 'UPDATE item SET aside = NULL, aside_at = NULL, tries = 0, due = 0 WHERE id = ?',
  row: `SELECT ${COLUMNS} FROM item WHERE id = ?`,
  text: 'SELECT text FROM item WHERE id = ?',
  keyed: `SELECT ${COLUMNS} FROM item WHERE lane = ? AND key = ? ORDER BY id DESC`,
  idempotent: `SELECT ${COLUMNS} FROM item WHERE lane = ? AND idempotency = ? LIMIT 1`,
  aside: `SELECT ${COLUMNS} FROM item WHERE aside IS NOT NULL AND id > ? ORDER BY id LIMIT ?`,
  asideReports: `SELECT ${COLUMNS} FROM item WHERE aside IS NOT NULL AND id > ? AND first IS NULL ORDER BY id LIMIT ?`,
  ended: `SELECT ${COLUMNS} FROM item WHERE lane = ? AND aside IS NOT NULL ORDER BY id DESC LIMIT 1`,
  span: `SELECT MIN(first) AS first, MAX(last) AS last, SUM(last - first + 1) AS count FROM item
    WHERE lane = ? AND aside IS NULL`,
  clearDue: 'UPDATE item SET due = 0 WHERE aside IS NULL AND due > 0',
  holdings: `SELECT lane, aside IS NOT NULL AS isAside, COUNT(*) AS rows, SUM(bytes) AS bytes FROM item
    GROUP BY lane, aside IS NOT NULL`,
  lastId: `SELECT seq FROM sqlite_sequence WHERE name = 'item'`,
} as const;

type Name = keyof typeof STATEMENTS;

export class ItemTable {
  readonly #statements: Readonly<Record<Name, SqliteStatement>>;
  #lastId: number;

  /** @throws what the library throws when the file has another table */
  constructor(database: SqliteDatabase) {
    const compiled = Object.entries(STATEMENTS).map(([name, sql]) => [name, database.prepare(sql)]);
    this.#statements = Object.fromEntries(compiled) as Record<Name, SqliteStatement>;
    this.#lastId = Number(this.#one('lastId')?.seq ?? 0);
  }

  /** Adds a row under an id that was never used, or in the place of one that has been removed, with its tries. */
  add(item: NewItem, place?: Pick<ItemRow, 'id' | 'tries' | 'due'>): void {
    const { id, tries, due } = place ?? { id: ++this.#lastId, tries: 0, due: 0 };
    const { lane, first, last, key, idempotency, at, bytes, text } = item;
    this.#run('add', id, lane, first, last, key, idempotency, at, tries, due, bytes, text);
  }

  /** Returns the first waiting rows that have not failed in this process, oldest first. */
  untried(lane: string, limit: number): ItemRow[] {
    return this.#rows('untried', lane, limit);
  }

  /** Returns the row that has failed and is due first. */
  tried(lane: string): ItemRow | undefined {
    return this.#row('tried', lane);
  }

  /** Returns the two oldest waiting rows. */
  oldest(lane: string): ItemRow[] {
    return [...this.#rows('untried', lane, 2), ...this.#rows('oldestTried', lane)].sort(
      (a, b) => a.id - b.id,
    );
  }

  /** Returns a run's oldest batch that ends after that number. */
  uncovered(lane: string, upTo: number): ItemRow | undefined {
    return this.#row('uncovered', lane, upTo);
  }

  /** Removes a run's batches before a row; returns how much that was, and the last event of it. */
  removeBefore(lane: string, id: number): Amount & { readonly last: number } {
    const removed = this.#all('removeBefore', lane, id);
    const bytes = removed.reduce((sum, row) => sum + Number(row.bytes), 0);
    return { rows: removed.length, bytes, last: Math.max(0, ...removed.map(({ last }) => Number(last))) };
  }

  remove(id: number): void {
    this.#run('remove', id);
  }

  removeWaiting(lane: string): void {
    this.#run('removeWaiting', lane);
  }

  /** Counts a failed try. @param due the time of the next one on the monotonic clock; 0 for a run, whose lane waits as a whole */
  failed(id: number, due: number): void {
    this.#run('failed', due, id);
  }

  setAside(id: number, reason: string, at: number): void {
    this.#run('setAside', reason, at, id);
  }

  setAsideLane(lane: string, reason: string, at: number): void {
    this.#run('setAsideLane', reason, at, lane);
  }

  /** Leaves a row without text where a run's batches were, so that a later process knows of their loss as well. */
  addTombstone(
    lane: string,
    { first, last, reason, at }: { first: number; last: number; reason: string; at: number },
  ): void {
    this.#run('tombstone', ++this.#lastId, lane, first, last, at, reason, at);
  }

  putBack(id: number): void {
    this.#run('putBack', id);
  }

  row(id: number): ItemRow | undefined {
    return this.#row('row', id);
  }

  text(id: number): string | undefined {
    const row = this.#one('text', id);
    return row && String(row.text);
  }

  /** Returns a key's rows, newest first. */
  keyed(lane: string, key: string): ItemRow[] {
    return this.#rows('keyed', lane, key);
  }

  idempotent(lane: string, key: string): ItemRow | undefined {
    return this.#row('idempotent', lane, key);
  }

  /** Returns what is set aside, oldest first, from the row after that id. */
  aside(after: number, limit: number): ItemRow[] {
    return this.#rows('aside', after, limit);
  }

  asideReports(after: number, limit: number): ItemRow[] {
    return this.#rows('asideReports', after, limit);
  }

  /** Returns what a lane has set aside last. */
  lastAside(lane: string): ItemRow | undefined {
    return this.#row('ended', lane);
  }

  /** Returns the first and last event that wait in a run's lane, and how many events those rows have. */
  span(lane: string): { readonly first: number; readonly last: number; readonly count: number } | undefined {
    const row = this.#one('span', lane);
    if (row === undefined || row.first === null) return undefined;
    return { first: Number(row.first), last: Number(row.last), count: Number(row.count) };
  }

  /** Ends all waiting: everything is due. */
  clearDue(): void {
    this.#run('clearDue');
  }

  /** Returns what each lane holds. */
  holdings(): (Amount & { readonly lane: string; readonly isAside: boolean })[] {
    return this.#all('holdings').map(({ lane, isAside, rows, bytes }) => ({
      ...{ lane: String(lane), isAside: Number(isAside) === 1 },
      ...{ rows: Number(rows), bytes: Number(bytes) },
    }));
  }

  #run(name: Name, ...values: SqliteValue[]): void {
    this.#statements[name].run(...values);
  }

  #all(name: Name, ...values: SqliteValue[]): SqliteRow[] {
    return this.#statements[name].all(...values) as SqliteRow[];
  }

  #one(name: Name, ...values: SqliteValue[]): SqliteRow | undefined {
    return this.#all(name, ...values)[0];
  }

  #rows(name: Name, ...values: SqliteValue[]): ItemRow[] {
    return this.#all(name, ...values).map(itemOf);
  }

  #row(name: Name, ...values: SqliteValue[]): ItemRow | undefined {
    return this.#rows(name, ...values)[0];
  }
}

/** A library may be set to give integers as bigint. */
function itemOf(row: SqliteRow): ItemRow {
  return {
    ...{ id: Number(row.id), lane: String(row.lane), at: Number(row.at), tries: Number(row.tries) },
    ...{ due: Number(row.due), bytes: Number(row.bytes), asideAt: numberOf(row.asideAt) },
    ...{ first: numberOf(row.first), last: numberOf(row.last), key: textOf(row.key) },
    ...{ idempotency: textOf(row.idempotency), aside: textOf(row.aside) },
  };
}

function numberOf(value: unknown): number | null {
  return value === null ? null : Number(value);
}

function textOf(value: unknown): string | null {
  return value === null ? null : String(value);
}
