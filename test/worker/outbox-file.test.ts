import {
  chmodSync,
  closeSync,
  copyFileSync,
  openSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { openOutbox, type SqliteDatabase, type SqliteStatement } from 'generation-jobs/worker';
import { describe, expect, it, onTestFinished } from 'vitest';
import { freshPath, sqliteLibraries } from './outbox-databases.js';
import { again, OutboxStage, ReportSide, RunSide } from './outbox-stage.js';

const coded = (code: string) => expect.objectContaining({ code });

describe.each(sqliteLibraries)('the file of an outbox on $name', (library) => {
  /** Makes an outbox with some hundred reports, closed again. */
  async function filled(): Promise<string> {
    const path = freshPath();
    const outbox = openOutbox({ database: library.open(path) });
    const lane = outbox.reports('turns', { mode: 'append', deliver: new ReportSide('silence').deliver });
    for (let index = 0; index < 300; index++) lane.put('x'.repeat(1000));
    await outbox.close();
    const database = library.open(path);
    database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').all();
    database.close();
    // A library may hold what it has closed until it collects its statements; a copy is nobody's.
    const copy = freshPath();
    copyFileSync(path, copy);
    return copy;
  }

  it('is written ahead and synced with each write', () => {
    const path = freshPath();
    const database = library.open(path);
    const outbox = openOutbox({ database });
    onTestFinished(() => outbox.close());
    const pragma = (name: string) => database.prepare(`PRAGMA main.${name}`).get();
    expect(pragma('journal_mode')).toMatchObject({ journal_mode: 'wal' });
    expect(pragma('synchronous')).toMatchObject({ synchronous: 2 });
    outbox.run('run', new RunSide()).append(1, 1, 'a');
    expect(pragma('synchronous')).toMatchObject({ synchronous: 2 });
  });

  it('is for its user alone when it is made, with what is written ahead, and later as its owner wants it', async () => {
    const path = freshPath();
    const outbox = openOutbox({ database: library.open(path) });
    outbox.run('run', new RunSide()).append(1, 1, 'secret');
    const modeOf = (name: string) => statSync(name).mode & 0o777;
    expect([path, `${path}-wal`].map(modeOf)).toEqual([0o600, 0o600]);
    await outbox.close();
    chmodSync(path, 0o640);
    await openOutbox({ database: library.open(path) }).close();
    expect(modeOf(path)).toBe(0o640);
  });

  it.each(sqliteLibraries)(
    'is refused by name while another outbox of this process has it, on $name',
    async (other) => {
      const { path, outbox } = new OutboxStage(library);
      expect(() => openOutbox({ database: other.open(path) })).toThrow(coded('outbox_in_use'));
      const lane = outbox.run('run', new RunSide());
      lane.append(1, 1, 'a');
      await outbox.close();
      await openOutbox({ database: other.open(path) }).close();
    },
  );

  it('is refused by name when it is damaged, and left as it is', async () => {
    const path = await filled();
    const file = openSync(path, 'r+');
    for (let page = 4; page < 60; page++) writeSync(file, 'damaged '.repeat(64), page * 4096 + 16);
    closeSync(file);
    const before = readFileSync(path);
    expect(() => openOutbox({ database: library.open(path) })).toThrow(coded('outbox_damaged'));
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  it('is refused by name when it is no database, and left as it is', () => {
    const path = freshPath();
    const text = 'these are no pages of a database\n'.repeat(400);
    writeFileSync(path, text);
    expect(() => openOutbox({ database: library.open(path) })).toThrow(coded('outbox_damaged'));
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  it('is refused by name when it belongs to something else, and left as it is', () => {
    const path = freshPath();
    const database = library.open(path);
    database.exec('CREATE TABLE theirs (text TEXT)');
    database.close();
    const before = readFileSync(path);
    expect(() => openOutbox({ database: library.open(path) })).toThrow(coded('outbox_damaged'));
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  it('is refused by name when a newer release wrote it, and left as it is', async () => {
    const path = await filled();
    const database = library.open(path);
    database.exec('PRAGMA user_version=2');
    database.close();
    const before = readFileSync(path);
    expect(() => openOutbox({ database: library.open(path) })).toThrow(coded('outbox_newer_format'));
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  it('must be a file: what is in memory is lost with the process', () => {
    expect(() => openOutbox({ database: library.open(':memory:') })).toThrow(coded('invalid_options'));
  });

  it('may be read with integers as bigint', async () => {
    const database = library.open(freshPath());
    const asBigint: SqliteDatabase = {
      exec: (sql) => database.exec(sql),
      prepare: (sql) => {
        const statement = database.prepare(sql) as SqliteStatement & {
          safeIntegers?(is: boolean): unknown;
          setReadBigInts?(is: boolean): unknown;
        };
        statement.safeIntegers?.(true);
        statement.setReadBigInts?.(true);
        return statement;
      },
    };
    const outbox = openOutbox({ database: asBigint });
    onTestFinished(() => outbox.close());
    const [runs, reports] = [new RunSide(), new ReportSide({ kind: 'never', error: 'no' })];
    const [run, turns] = [
      outbox.run('run', runs),
      outbox.reports('turns', { mode: 'append', deliver: reports.deliver }),
    ];
    run.append(1, 2, 'a');
    turns.put('b');
    await Promise.all([run.idle(), turns.idle()]);
    expect(runs.items).toMatchObject([{ first: 1, last: 2, tries: 0 }]);
    expect(outbox.retry(outbox.setAside()[0]?.id)).toBe(1);
  });

  it('that has lost rows of a run ends that run by name, and no other', async () => {
    const stage = new OutboxStage(library);
    for (const name of ['holed', 'whole']) {
      const lane = stage.outbox.run(name, new RunSide('silence'));
      for (const first of [1, 2, 3]) lane.append(first, 1, 'a');
    }
    await stage.outbox.close();
    const database = library.open(stage.path);
    database.exec("DELETE FROM item WHERE lane = 'run:holed' AND first = 2");
    database.close();
    const outbox = await stage.restart();
    const [holed, whole] = [new RunSide(), new RunSide()];
    expect(outbox.run('holed', holed).ended).toMatchObject({
      reason: 'worker_events_lost',
      error: { code: 'outbox_damaged' },
    });
    await outbox.run('whole', whole).idle();
    await stage.clock.rest();
    expect(holed).toMatchObject({ calls: [], ends: [{ reason: 'worker_events_lost' }] });
    expect(whole.calls).toEqual([['a', 'a', 'a']]);
  });

  it('that has damaged the text of a report sets that one aside, and goes on', async () => {
    const stage = new OutboxStage(library);
    const lane = stage.outbox.reports('turns', {
      mode: 'append',
      deliver: new ReportSide('silence').deliver,
    });
    for (const data of ['a', 'b']) lane.put(data);
    await stage.outbox.close();
    const database = library.open(stage.path);
    database.exec(`UPDATE item SET text = '"a' WHERE text = '"a"'`);
    database.close();
    const outbox = await stage.restart();
    const side = new ReportSide();
    await outbox.reports('turns', { mode: 'append', deliver: side.deliver }).idle();
    expect(side.data).toEqual(['b']);
    expect(outbox.setAside()).toMatchObject([{ reason: expect.stringContaining('JSON') }]);
  });

  it('takes nothing of what the disk refuses, says so, and takes the same again afterwards', async () => {
    const stage = new OutboxStage(library);
    await stage.outbox.close();
    const database = library.open(stage.path);
    let isFull = false;
    const refusing: SqliteDatabase = {
      exec: (sql) => {
        if (isFull && sql === 'COMMIT')
          throw Object.assign(new Error('database or disk is full'), { errcode: 13 });
        return database.exec(sql);
      },
      prepare: (sql) => database.prepare(sql),
      close: () => database.close(),
    };
    const outbox = openOutbox({ database: refusing, clock: stage.clock });
    onTestFinished(() => outbox.close());
    const lane = outbox.run('run', new RunSide(again));
    lane.append(1, 1, 'a');
    isFull = true;
    expect(() => lane.append(2, 1, 'b')).toThrow(coded('outbox_failed'));
    await stage.clock.rest();
    expect(lane).toMatchObject({ pending: 1, ended: undefined });
    expect(outbox.stats()).toMatchObject({ rows: 1, bytes: 1 });
    isFull = false;
    lane.append(2, 1, 'b');
    await stage.clock.advance(10_000);
    expect(outbox.stats()).toMatchObject({ rows: 0, bytes: 0, delivered: 2 });
  });
});
