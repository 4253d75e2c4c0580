/**
 * A deploy as a supervisor makes it, with real processes: each replica in turn gets SIGTERM and another one takes its place,
 * before it leaves or after, while answers are written and followed. Nobody notices: every number comes once and in order, and
 * no answer ends before it is told to. The seed is printed; FAULT_SEED repeats it.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { pick, seededRandom } from '../contract/seeded.js';
import { howOften } from '../support/how-often.js';
import {
  type Follower,
  NOTHING_LAPSES,
  namesOf,
  type Replica,
  type ReplicaConfig,
  type Stage,
} from './replicas.js';
import { stageForEach } from './stages.js';

const SEED = Number(process.env.FAULT_SEED ?? Date.now() % 1_000_000);
const ANSWERS = howOften(200);
const REPLICAS = 3;
/** The more answers, the slower each: the machine is not what is tried. */
const EVERY_MS = 50 + ANSWERS;
const BEFORE: ReplicaConfig = {
  library: new URL('../fixtures/releases/0.1.0/index.js', import.meta.url).href,
};
const PACED = { paced: true, everyMs: EVERY_MS } as const;
/** Upkeep and polls as seldom as by default, so that it is not them that find what was handed over. */
const SELDOM = { renewMs: 5_000, sweepMs: 1_000, logPollMs: 5_000 } as const;
const GOES_ON: ReplicaConfig = {
  ...{ ...NOTHING_LAPSES, recover: PACED, graceMs: 5_000 },
  options: { ...NOTHING_LAPSES.options, ...SELDOM },
};

let stage: Stage;
/** The replicas that requests are sent to. */
let balanced: Replica[];
let over: AbortController;
stageForEach((made) => {
  stage = made;
  balanced = [];
  over = new AbortController();
});
afterEach(() => over.abort());

const numbersIn = ({ received }: Follower) =>
  received.flatMap(({ event, data }) => (event === 'text' ? [Number((data as { text: string }).text)] : []));
const total = async (name: string) => {
  const counts = await Promise.all(stage.replicas.filter(({ isDead }) => !isDead).map((one) => one.counts()));
  return counts.reduce((sum, count) => sum + (count[name] ?? 0), 0);
};

/** A reader of one answer, over all its connections. */
interface Reader {
  readonly streamId: string;
  follower?: Follower | undefined;
  replica?: Replica | undefined;
  isJoining: boolean;
}

/** Follows to the end as browsers do: told that its replica leaves, or cut off, each goes on at another one. */
async function followAll(
  readers: readonly Reader[],
  random: () => number,
  signal: AbortSignal,
): Promise<void> {
  const join = async (reader: Reader, replica: Replica): Promise<void> => {
    reader.isJoining = true;
    if (reader.follower) reader.follower.closedBy = undefined;
    const joined = await replica.follow(reader.streamId, {}, reader.follower).catch(() => undefined);
    reader.follower ??= joined;
    reader.replica = joined && replica;
    reader.isJoining = false;
  };
  // One look at all of them now and then: a look for each would be what the machine does.
  for (; !signal.aborted && readers.some(({ follower }) => !follower?.isOver); await pause(20)) {
    for (const reader of readers) {
      const { follower, replica, isJoining } = reader;
      const isCut = replica === undefined || replica.isDead || follower?.closedBy !== undefined;
      if (isJoining || follower?.isOver || !isCut) continue;
      void join(reader, balanced[pick(random, balanced.length)] as Replica);
    }
  }
}

/** One replica in turn leaves, and another one comes: before it or after it. */
async function roll(config: ReplicaConfig, random: () => number): Promise<void> {
  const old = balanced[0] as Replica;
  const surges = pick(random, 2) === 0;
  if (surges) balanced.push(await stage.replica(config));
  // Out of the balancer first.
  balanced = balanced.filter((one) => one !== old);
  old.signal('SIGTERM');
  expect(await old.exited).toEqual({ code: 0, signal: null });
  if (!surges) balanced.push(await stage.replica(config));
  await pause(pick(random, 3) * EVERY_MS);
}

/** Answers begun on all replicas, each followed. */
async function begin(count: number, random: () => number) {
  const streams = Array.from({ length: count }, (_, n) => `s${n}`);
  await Promise.all(
    streams.map((streamId, n) =>
      (balanced[n % balanced.length] as Replica).create({ streamId, contentModel: 'text', produce: PACED }),
    ),
  );
  const readers: Reader[] = streams.map((streamId) => ({ streamId, isJoining: false }));
  const following = followAll(readers, random, over.signal);
  const followers = () => readers.flatMap(({ follower }) => follower ?? []);
  await stage.until(() => followers().filter(numbered).length === count, 'all are followed', 120_000);
  return { followers: followers(), following };
}

const numbered = ({ received }: Follower) => received.some(({ event }) => event === 'text');

async function finish(following: Promise<unknown>): Promise<void> {
  for (const replica of balanced) await replica.call('finish');
  let isOver = false;
  void following.then(() => {
    isOver = true;
  });
  await stage.until(() => isOver, 'all are read to their end', 120_000);
}

/** @returns how long followers waited at each hand-over, less the answer's own pace (ms) */
function expectNobodyNoticed(followers: readonly Follower[]): number[] {
  return followers.flatMap((follower) => {
    const numbers = numbersIn(follower);
    expect(numbers, follower.streamId).toEqual(numbers.map((_, at) => at + 1));
    expect(namesOf(follower).at(-1), follower.streamId).toBe('completed');
    expect(new Set(namesOf(follower)), follower.streamId).toEqual(
      new Set(['created', 'text', 'recovered', 'completed']),
    );
    return waitsOf(follower);
  });
}

function waitsOf({ received, times }: Follower): number[] {
  return received.flatMap(({ event, data }, at) => {
    if (event !== 'recovered') return [];
    expect((data as { restart: boolean }).restart).toBe(false);
    const next = received.findIndex((one, place) => place > at && one.event === 'text');
    return next < 0 || at === 0 ? [] : [(times[next] ?? 0) - (times[at - 1] ?? 0) - EVERY_MS];
  });
}

function tell(what: string, waits: readonly number[]): void {
  const sorted = waits.toSorted((a, b) => a - b);
  const share = (part: number) => Math.round(sorted[Math.floor(part * (sorted.length - 1))] ?? Number.NaN);
  console.log(
    `FAULT_SEED=${SEED}: ${what}: ${waits.length} hand-overs, waited p50 ${share(0.5)}, p99 ${share(0.99)} ms more than the pace`,
  );
}

describe('A rolling restart', () => {
  it(`L134 F56 of ${REPLICAS} replicas is noticed by none of ${ANSWERS} answers`, async () => {
    const random = seededRandom(SEED);
    balanced = await Promise.all(Array.from({ length: REPLICAS }, () => stage.replica(GOES_ON)));
    const { followers, following } = await begin(ANSWERS, random);
    for (let seat = 0; seat < REPLICAS; seat++) await roll(GOES_ON, random);
    // Handed over by their producers, and not cut: each was at its replica when that left.
    await stage.until(
      () => followers.every((one) => namesOf(one).includes('recovered')),
      'each was handed over',
    );
    await finish(following);
    const waits = expectNobodyNoticed(followers);
    expect(waits.length).toBeGreaterThanOrEqual(ANSWERS);
    expect(await total('recovered:taken_over')).toBe(0);
    tell('a rolling restart', waits);
  });

  it('L134 F56 beside a replica of release 0.1.0, which is given no state, goes on from what is in the log', async () => {
    const random = seededRandom(SEED);
    const old = { ...GOES_ON, ...BEFORE, graceMs: 100 };
    balanced = [await stage.replica(GOES_ON), await stage.replica(old)];
    const [here, before] = balanced as [Replica, Replica];
    const { followers, following } = await begin(Math.ceil(ANSWERS / 10), random);
    balanced = [before];
    here.signal('SIGTERM');
    expect(await here.exited).toEqual({ code: 0, signal: null });
    const firstOnes = followers.filter((_, n) => n % 2 === 0); // those that were made here
    const goesOn = (follower: Follower) => {
      const names = namesOf(follower);
      return names.includes('recovered') && names.lastIndexOf('text') > names.lastIndexOf('recovered');
    };
    await stage.until(() => firstOnes.every(goesOn), 'the release before goes on');
    const next = await stage.replica(GOES_ON);
    balanced = [next];
    before.signal('SIGTERM');
    expect(await before.exited).toEqual({ code: 0, signal: null });
    await stage.until(() => followers.every(goesOn), 'and this one again');
    await finish(following);
    expectNobodyNoticed(followers);
    // What the old one cut has no mark, and what it has added to makes none hold: as after a crash.
    expect((await next.counts())['handedOver:taken'] ?? 0).toBe(0);
  });

  it('F56 in which a replica is killed between the flush and giving its leases up loses nothing', async () => {
    const random = seededRandom(SEED);
    const options = { ...SELDOM, leaseMs: 4_000, renewMs: 1_000, createTimeoutMs: 10_000 };
    const short = { ...GOES_ON, options, redisOptions: { timeoutMs: 1_900 } };
    balanced = [await stage.replica({ ...short, diesInHandOver: true })];
    const [dying] = balanced as [Replica];
    const { followers, following } = await begin(5, random);
    const staying = await stage.replica(short);
    balanced = [staying];
    dying.signal('SIGTERM');
    expect(await dying.exited).toEqual({ code: null, signal: 'SIGKILL' });
    await stage.until(
      () => followers.every((one) => namesOf(one).includes('recovered')),
      'each is taken over after its lease',
    );
    await finish(following);
    expectNobodyNoticed(followers);
    // The state of those whose flush was done is there; the others are gone on with from the log.
    const counts = await staying.counts();
    expect((counts['handedOver:taken'] ?? 0) + (counts['recovered:taken_over'] ?? 0)).toBeGreaterThanOrEqual(
      5,
    );
    expect(counts['handedOver:taken'] ?? 0).toBeGreaterThanOrEqual(1);
  });
});
