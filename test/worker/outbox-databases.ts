/**
 * The SQLite libraries that this Node has: `libsql` everywhere, and `node:sqlite` from Node 22.5 on. What runs on both is
 * chosen by what is there and not by a flag, and says which.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SqliteDatabase } from 'generation-jobs/worker';
import Libsql from 'libsql';
import { onTestFinished } from 'vitest';

export interface SqliteLibrary {
  readonly name: string;
  open(path: string): Required<SqliteDatabase>;
}

const libsql: SqliteLibrary = { name: 'libsql', open: (path) => new Libsql(path) };

function nodeSqlite(): SqliteLibrary[] {
  if (!isBuiltin('node:sqlite')) return [];
  const { DatabaseSync } = createRequire(import.meta.url)('node:sqlite') as {
    DatabaseSync: new (path: string) => Required<SqliteDatabase>;
  };
  return [{ name: 'node:sqlite', open: (path) => new DatabaseSync(path) }];
}

export const sqliteLibraries: readonly [SqliteLibrary, ...SqliteLibrary[]] = [libsql, ...nodeSqlite()];
console.log(`outbox: Node ${process.version} has ${sqliteLibraries.map(({ name }) => name).join(' and ')}`);

/** A path for a file in a folder that goes with the test, or with what else `atEnd` belongs to. */
export function freshPath(atEnd: (remove: () => void) => void = onTestFinished): string {
  const folder = mkdtempSync(join(tmpdir(), 'outbox-'));
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'outbox.db');
}
