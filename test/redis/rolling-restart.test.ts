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
const EVERY_MS = 150;
const BEFORE: ReplicaConfig = {
  library: new URL('../fixtures/releases/0.1.0/index.js', import.meta.url).href,
};
const PACED = { paced: true, everyMs: EVERY_MS } as const;
const GOES_ON: ReplicaConfig = { ...NOTHING_LAPSES, recover: PACED, graceMs: 5_000 };

let stage: Stage;
/** The replicas that requests are sent to. */
let balanced: Replica[];
stageForEach((made) => {
  stage = made;
  balanced = [];
});
afterEach(() => {
  balanced = [];
});

const numbersIn = ({ received }: Follower) =>
  received.flatMap(({ event, data }) => (event === 'text' ? [Number((data as { text: string }).text)] : []));
const total = async (name: string) => {
  const counts = await Promise.all(stage.replicas.filter(({ isDead }) => !isDead).map((one) => one.counts()));
  return counts.reduce((sum, count) => sum + (count[name] ?? 0), 0);
};

/** Follows to the end as a browser does: told that its replica leaves, or cut off, it goes on at another one. */
async function followThrough(streamId: string, random: () => number, followers: Follower[]): Promise<void> {
  for (let follower: Follower | undefined; ; ) {
    const replica = balanced[pick(random, balanced.length)] as Replica;
    const joined = await replica.follow(streamId, {}, follower).catch(() => undefined);
    if (joined !== undefined && follower === undefined) followers.push(joined);
    follower ??= joined;
    if (joined === undefined || follower === undefined) {
      await pause(20);
      continue;
    }
    const current = follower;
    await stage.until(() => current.closedBy !== undefined || replica.isDead, `${streamId} ends`, 120_000);
    if (current.isOver) return;
    current.closedBy = undefined;
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
  const followers: Follower[] = [];
  const following = Promise.all(streams.map((streamId) => followThrough(streamId, random, followers)));
  following.catch(() => {}); // awaited when the answers are to end
  await stage.until(() => followers.length === count && followers.every(numbered), 'all are followed');
  return { followers, following };
}

const numbered = (follower: Follower) => numbersIn(follower).length > 0;

async function finish(following: Promise<unknown>): Promise<void> {
  for (const replica of balanced) await replica.call('finish');
  await following;
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
    const options = { leaseMs: 4_000, createTimeoutMs: 10_000 };
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
