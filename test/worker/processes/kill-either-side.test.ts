/**
 * A worker with its outbox, two gateways on one Redis, and readers, killed and cut off by chance: in each round some faults at
 * some time, then calm, then the history is checked. Every third round ends with an outage that outlasts the worker's lease. The
 * seed is printed; FAULT_SEED repeats it and FAULT_ROUNDS runs more or fewer rounds. What a seed repeats is the choice of faults
 * and moments; what the processes make of it is theirs.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { pick, seededRandom } from '../../contract/seeded.js';
import { violations } from '../../support/history.js';
import { howOften } from '../../support/how-often.js';
import { until } from '../gateway.js';
import { sqliteLibraries } from '../outbox-databases.js';
import { BothSides, historyOf, Reader, type Seat, Worker } from './either-side.js';
import { type ReadRun, violationsOf, type WorkerLife } from './workers.js';

const ROUNDS = Number(process.env.FAULT_ROUNDS ?? howOften(40));
const SEED = Number(process.env.FAULT_SEED ?? Date.now() % 1_000_000);
/** How long a round's faults go on. */
const STORM_MS = 1_500;
/** A lease that outlasts every outage of a storm, however busy the machine; and one that a storm may outlast. */
const LEASE_MS = { long: 120_000, short: 2_000 };
const OPTIONS = { leaseMs: 20_000, sweepMs: 100, retentionMs: 3_600_000, logPollMs: 500 };
const FAULTS = ['kill the worker', 'kill a gateway', 'kill both gateways', 'cut off', 'break links'] as const;

interface Round {
  readonly worker: Worker;
  readonly readers: readonly Reader[];
  readonly faults: string[];
  readonly read: ReadRun;
}

type Pace = Parameters<Worker['live']>[0];

async function befall(
  sides: BothSides,
  fault: (typeof FAULTS)[number],
  worker: Worker,
  pace: Pace,
  ms: number,
): Promise<void> {
  const [one, other] = sides.seats as [Seat, Seat];
  switch (fault) {
    case 'kill the worker': {
      const { life } = worker;
      if (life.isClosed) return;
      await life.kill();
      // It may have closed in the meantime, or another fault have brought the next one.
      if (!life.isClosed && worker.life === life) worker.live(pace);
      return;
    }
    case 'kill a gateway':
      return sides.killGateway(ms % 2 === 0 ? one : other, ms);
    case 'kill both gateways':
      await Promise.all([sides.killGateway(one, ms), sides.killGateway(other, ms)]);
      return;
    case 'cut off':
      return sides.without(() => pause(ms));
    case 'break links': {
      const redis = sides.redis.connect();
      await redis.call('CLIENT', 'KILL', 'TYPE', 'normal');
      await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      redis.disconnect();
      return;
    }
    default:
      fault satisfies never;
  }
}

/** Lives on, from one to the next if it must, until one has said everything. */
async function untilSaid(worker: Worker, pace: Pace): Promise<WorkerLife> {
  if (worker.life.isGone && !worker.life.isClosed) worker.live(pace);
  const { life } = worker;
  await until(`${life.name} has said everything`, () => life.isClosed || life.isGone);
  return life;
}

async function runRound(
  sides: BothSides,
  number: number,
  random: () => number,
  outlasts: boolean,
): Promise<Round> {
  const streamId = `r${number}`;
  const run = await sides.handOver(streamId, outlasts ? LEASE_MS.short : LEASE_MS.long);
  const driver = (sqliteLibraries[pick(random, sqliteLibraries.length)] ?? sqliteLibraries[0]).name;
  const worker = new Worker(sides, run, driver);
  const readers = sides.seats.map((_, at) => new Reader(`${streamId}-reader-${at}`, streamId));
  const reading = Promise.all(readers.map((reader, at) => reader.read(sides, at)));
  const burst = 1 + pick(random, 8);
  // Some are through in the middle of the storm, some before it, and those that are outlasted never.
  const pace = {
    burst,
    everyMs: 1 + pick(random, 5),
    total: outlasts ? 1_000_000 : 50 + pick(random, 1_000),
  };
  const plan = Array.from({ length: 2 + pick(random, 4) }, () => ({
    at: pick(random, STORM_MS),
    fault: FAULTS[pick(random, FAULTS.length)] as (typeof FAULTS)[number],
    ms: pick(random, 800),
  }));
  const first = worker.live(pace);
  await until('the worker has begun', () => first.hasBegun || first.isGone);
  await Promise.all(
    plan.map(async ({ at, fault, ms }) => {
      await pause(at);
      await befall(sides, fault, worker, pace, ms);
    }),
  );
  const faults = plan.map(({ at, fault, ms }) => `${fault} (at ${at} ms, ${ms} ms)`);
  // An outage for as long as it takes: the read is over when the run has ended.
  const outlasted = outlasts ? await sides.without(() => sides.read(streamId)) : undefined;
  if (outlasts) await untilSaid(worker, pace);
  // Another life, which is told as well, and tells what is left.
  if (outlasts) worker.live(pace);
  await untilSaid(worker, pace);
  const read = outlasted ?? (await sides.read(streamId));
  await reading;
  return { worker, readers, faults, read };
}

/** The events of a life that its outbox has set aside. */
function asideOf({ name }: WorkerLife, { left }: WorkerLife): number[] {
  const batches = (left?.aside ?? []).map(
    ({ text }) => JSON.parse(text) as { events: { data: LifeEvent }[] },
  );
  return batches
    .flatMap(({ events }) => events.map(({ data }) => data))
    .filter(({ life }) => life === name)
    .map(({ n }) => n);
}
interface LifeEvent {
  readonly life: string;
  readonly n: number;
}

function arrivedOf({ events }: ReadRun, { name }: WorkerLife): number[] {
  return events
    .filter(({ event, data }) => event === 'text' && data.life === name)
    .map(({ data }) => data.n ?? 0);
}

/** The run has ended by name; what was kept of it has arrived, or is set aside: told, counted and listed. */
function checkOutlasted({ worker, read }: Round, context: string): void {
  const { record, events } = read;
  expect(record, context).toMatchObject({ status: 'failed', error: { code: 'producer_lost' }, attempt: 1 });
  expect(events.at(-1)?.event, context).toBe('failed');
  const last = worker.life;
  expect(last.refused, `${context}: the worker is told`).toBe('lease_lost');
  const { aside = [], stats } = last.left ?? {};
  expect(stats, context).toMatchObject({ waiting: 0, setAside: aside.length, dropped: 0, discarded: 0 });
  expect(new Set(aside.map(({ reason }) => reason)), context).toEqual(
    new Set(aside.length > 0 ? ['lease_lost'] : []),
  );
  for (const life of worker.lives) {
    const numbers = new Set([...arrivedOf(read, life), ...asideOf(life, last)]);
    const whole = Array.from({ length: Math.max(life.kept, numbers.size) }, (_, at) => at + 1);
    expect(
      [...numbers].sort((a, b) => a - b),
      `${context}: ${life.name}`,
    ).toEqual(whole);
  }
}

/** The run is complete, with every event that was kept and the usage of each. */
function checkComplete({ worker, read }: Round, context: string): void {
  const { record, events } = read;
  expect(record, context).toMatchObject({ status: 'completed', attempt: 1 });
  expect(violationsOf(read, worker.lives), context).toEqual([]);
  expect(worker.life.left?.stats, context).toMatchObject({ waiting: 0, setAside: 0, discarded: 0 });
  const texts = events.filter(({ event }) => event === 'text').length;
  const kept = worker.lives.reduce((sum, life) => sum + life.kept, 0);
  expect(record.usage.events, `${context}: usage`).toBeGreaterThanOrEqual(kept);
  expect(record.usage.events, `${context}: usage`).toBeLessThanOrEqual(texts);
}

it(`${ROUNDS} rounds: what was kept arrives exactly once and in order, or its run has ended by name`, {
  timeout: 300_000 + ROUNDS * 60_000,
}, async () => {
  console.log(`FAULT_SEED=${SEED}`);
  const sides = await BothSides.start(OPTIONS);
  onTestFinished(() => sides.close());
  const random = seededRandom(SEED);
  const seen = { lives: 0, events: 0, completed: 0, outlasted: 0, setAside: 0 };
  for (let number = 1; number <= ROUNDS; number++) {
    const outlasts = number % 3 === 2;
    const round = await runRound(sides, number, random, outlasts);
    const context = `FAULT_SEED=${SEED}, round ${number}: ${round.faults.join('; ')}`;
    expect(violations(historyOf(round.read, round.readers)), context).toEqual([]);
    if (outlasts) checkOutlasted(round, context);
    else checkComplete(round, context);
    seen.lives += round.worker.lives.length;
    seen.events += round.read.events.length;
    seen.setAside += round.worker.life.left?.aside.length ?? 0;
    seen[outlasts ? 'outlasted' : 'completed']++;
  }
  console.log(`FAULT_SEED=${SEED}: ${JSON.stringify(seen)}`);
  expect(seen.completed + seen.outlasted).toBe(ROUNDS);
});
