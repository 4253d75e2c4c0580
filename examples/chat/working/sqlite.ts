/** The SQLite that the worker's outbox stands on: Node's own where there is one, or libsql. */
import type { SqliteDatabase } from 'generation-jobs/worker';

export interface SqliteLibrary {
  readonly name: string;
  open(path: string): SqliteDatabase;
}

type Open = new (path: string) => SqliteDatabase;

/** Undefined when there is neither: then the worker goes without an outbox, and says so. */
export async function findSqlite(): Promise<SqliteLibrary | undefined> {
  // Node 20 hasn't got it, and some of 22 only behind a flag; libsql has no build for some systems.
  return (
    (await library('node:sqlite', ({ DatabaseSync }) => DatabaseSync as Open)) ??
    (await library('libsql', (module) => module.default as Open))
  );
}

async function library(
  name: string,
  databaseIn: (module: Readonly<Record<string, unknown>>) => Open,
): Promise<SqliteLibrary | undefined> {
  try {
    const Database = databaseIn(await import(name));
    return { name, open: (path) => new Database(path) };
  } catch {
    return undefined;
  }
}
