/**
 * A worker's outbox whose process is killed at random points, over and over, on one file, while the other side is away half of
 * the time, for shorter and for longer than a lease. The seed is printed; FAULT_SEED repeats it and FAULT_ROUNDS runs more or
 * fewer rounds. What a seed repeats is the choice of moments; what the processes make of it is theirs.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pick, seededRandom } from '../../contract/seeded.js';
import { howOften } from '../../support/how-often.js';
import { freshPath, sqliteLibraries } from '../outbox-databases.js';
import { OtherSide, OUTAGES, OutboxWorker, type Said } from './outbox-worker.js';

const ROUNDS = Number(process.env.FAULT_ROUNDS ?? howOften(200));
const SEED = Number(process.env.FAULT_SEED ?? Date.now() % 1_000_000);
const RUNS = 3;
/** So many refusals in a row are an outage longer than a lease. */
const REFUSALS_OF_A_LEASE = 6;
/** The most lines of a process before it is killed. */
const MOST_LINES = 120;
/** Within this time (ms) a process is just starting, or opening its file. */
const STARTING_MS = 400;

let side: OtherSide;
let url: string;
beforeAll(async () => {
  console.log(`FAULT_SEED=${SEED}`);
  side = new OtherSide(REFUSALS_OF_A_LEASE);
  url = await side.listen();
});
afterAll(() => side.close());

/** The lines of one kind, of all processes. */
function linesOf<Key extends string>(said: readonly Said[], key: Key): Extract<Said, Record<Key, unknown>>[] {
  return said.filter((line): line is Extract<Said, Record<Key, unknown>> => key in line);
}

it.each(sqliteLibraries)(
  'every event a killed worker’s outbox on $name had taken arrives once and in order, or its run has ended by name and the rest is set aside',
  { timeout: 600_000 + ROUNDS * 10_000 },
  async ({ name: driver }) => {
    const random = seededRandom(SEED);
    const path = freshPath();
    const said: Said[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      side.weather = (random() < 0.5 && OUTAGES[pick(random, OUTAGES.length)]) || 'well';
      const worker = new OutboxWorker({ path, url, driver, name: `${driver}-${round}`, runs: RUNS });
      if (random() < 0.2) await pause(random() * STARTING_MS);
      else await worker.untilLines(Math.ceil(random() * MOST_LINES));
      await worker.kill();
      expect(linesOf(worker.said, 'refused')).toEqual([]);
      said.push(...worker.said);
    }
    side.weather = 'well';
    const last = new OutboxWorker({ path, url, driver, name: 'last', runs: 0, drains: true });
    expect(await last.ended(), `FAULT_SEED=${SEED}`).toBe(0);
    said.push(...last.said);
    expect(side.faults, `FAULT_SEED=${SEED}`).toEqual([]);
    expect(linesOf(last.said, 'drained')).toMatchObject([{ drained: { waiting: 0 } }]);
    checkRuns(said);
    for (const { report } of linesOf(said, 'report')) expect(side.reports.has(report), report).toBe(true);
    const runs = new Set(linesOf(said, 'run').map(({ run }) => run));
    const ended = new Set(linesOf(said, 'ended').map((line) => line.ended));
    console.log(
      `FAULT_SEED=${SEED}: ${ROUNDS} kills, ${runs.size} runs, of which ${ended.size} have ended by name`,
    );
  },
);

/** Each run has arrived from its first event on; what was taken and has not arrived is set aside, and its run has ended. */
function checkRuns(said: readonly Said[]): void {
  const taken = new Map(linesOf(said, 'run').map(({ run, last }) => [run, last]));
  expect(taken.size).toBeGreaterThan(0);
  const ended = new Map(linesOf(said, 'ended').map((line) => [line.ended, line.reason]));
  const aside = linesOf(said, 'aside');
  for (const [run, last] of taken) {
    const arrived = side.runs.get(run) ?? [];
    const set = aside
      .filter((line) => line.aside === run)
      .flatMap(({ text }) => JSON.parse(text) as string[]);
    if (set.length > 0) expect(ended.get(run), `${run} has ended by name`).toBe('ended');
    const number = (event: string) => Number(event.split(':').at(-1));
    expect(arrived.map(number), run).toEqual(Array.from({ length: arrived.length }, (_, index) => index + 1));
    // A batch whose answer was lost may have arrived and be set aside as well.
    const all = new Set([...arrived, ...set]);
    expect(all.size, `${run}: what was taken is there`).toBeGreaterThanOrEqual(last);
    expect([...all].map(number)).toEqual(Array.from({ length: all.size }, (_, index) => index + 1));
  }
}

it.each(sqliteLibraries)(
  'a second process on the file is refused by name, and has it once the first was killed, on $name',
  async ({ name: driver }) => {
    const path = freshPath();
    side.weather = 'well';
    const first = new OutboxWorker({ path, url, driver, name: 'first', runs: 1 });
    await first.untilLines(5);
    for (const other of sqliteLibraries) {
      const second = new OutboxWorker({
        path,
        url,
        driver: other.name,
        name: 'second',
        runs: 0,
        drains: true,
      });
      expect(await second.ended()).toBe(3);
      expect(second.said).toEqual([{ refused: 'outbox_in_use' }]);
    }
    const before = first.said.length;
    await first.untilLines(before + 5);
    await first.kill();
    const third = new OutboxWorker({ path, url, driver, name: 'third', runs: 0, drains: true });
    expect(await third.ended()).toBe(0);
    expect(linesOf(third.said, 'drained')).toMatchObject([{ drained: { waiting: 0, rows: 0 } }]);
    expect(side.faults).toEqual([]);
  },
);
