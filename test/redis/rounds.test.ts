/**
 * Three replicas, a few streams, and whatever can go wrong, by chance: in each round some faults at some time, then calm,
 * then the history is checked. The seed is printed; FAULT_SEED repeats it and FAULT_ROUNDS runs more or fewer rounds.
 * What a seed repeats is the choice of faults and moments; what the processes make of it is theirs.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pick, seededRandom } from '../contract/seeded.js';
import { violations } from '../support/history.js';
import { howOften } from '../support/how-often.js';
import { RedisProxy } from '../support/redis-proxy.js';
import { RedisServer } from '../support/redis-server.js';
import { codeOf, type Follower, type Producer, type Replica, Stage, TIMES, until } from './replicas.js';

const ROUNDS = Number(process.env.FAULT_ROUNDS ?? howOften(100));
const SEED = Number(process.env.FAULT_SEED ?? Date.now() % 1_000_000);
const REPLICAS = 3;
const STREAMS = 4;
/** How long a round's faults go on. */
const STORM_MS = 1_200;

/** A place for a replica, with a way to Redis of its own. */
interface Seat {
  readonly proxy: RedisProxy;
  replica: Replica;
}

let server: RedisServer;
let redis: Redis;
let stage: Stage;
let seats: Seat[];

const config = { recover: { total: 40, everyMs: 4 }, options: { maxRecoveries: 1 } };

beforeAll(async () => {
  console.log(`FAULT_SEED=${SEED}`);
  server = await RedisServer.start();
  redis = server.connect();
  stage = new Stage(server.port);
  seats = await Promise.all(
    Array.from({ length: REPLICAS }, async () => {
      const proxy = await RedisProxy.start(server.port);
      return { proxy, replica: await stage.replica({ ...config, port: proxy.port }) };
    }),
  );
});
afterAll(async () => {
  await stage.close();
  await Promise.all(seats.map(({ proxy }) => proxy.close()));
  redis.disconnect();
  await server.stop();
});

type Fault = (seat: Seat, random: () => number) => Promise<unknown>;

const FAULTS: Readonly<Record<string, Fault>> = {
  'kill the process': async (seat) => {
    if (seat.replica.isDead) return; // its successor is on its way
    await seat.replica.kill();
    seat.replica = await stage.replica({ ...config, port: seat.proxy.port });
  },
  'stop the process for 1.5 leases': async ({ replica }) => {
    replica.signal('SIGSTOP');
    await pause(1.5 * TIMES.leaseMs);
    replica.signal('SIGCONT');
  },
  'stop the process for half a lease': async ({ replica }) => {
    replica.signal('SIGSTOP');
    await pause(0.5 * TIMES.leaseMs);
    replica.signal('SIGCONT');
  },
  'kill the subscriber links': () => redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub'),
  'kill all clients': () => redis.call('CLIENT', 'KILL', 'TYPE', 'normal'),
  'forget the scripts': () => redis.script('FLUSH'),
  'lose replies': async ({ proxy }, random) => {
    const losses = proxy.loseReplies((request) => request.includes('evalsha'), 1 + pick(random, 3));
    await pause(300);
    losses.stop();
  },
  'come late': async ({ proxy }, random) => {
    proxy.delayMs = 5 + pick(random, 40);
    await pause(400);
    proxy.delayMs = 0;
  },
  'break all connections': async ({ proxy }) => proxy.cut(),
  'be away for a while': async ({ proxy }, random) => {
    proxy.down();
    await pause(pick(random, 500));
    proxy.up();
  },
  'half-open subscriber link': async ({ proxy }) => proxy.freeze('links'),
  'stop Redis for a moment': async () => {
    server.signal('SIGSTOP');
    await pause(150);
    server.signal('SIGCONT');
  },
};

interface Round {
  readonly streams: readonly string[];
  readonly followers: Follower[];
  readonly faults: string[];
}

/** Goes on at some living replica whenever a connection ends without an end, as a browser does. */
async function keepReading(streamId: string, seat: number, followers: Follower[]): Promise<void> {
  let follower: Follower | undefined;
  let replica: Replica | undefined;
  for (let at = seat; ; at++) {
    const next = (seats[at % REPLICAS] as Seat).replica;
    if (next !== replica && !next.isDead) {
      replica = next;
      const asked = replica.follow(streamId, {}, follower).catch(() => undefined);
      // A stopped process answers late, and a reader goes elsewhere.
      const joined = await Promise.race([asked, pause(3 * TIMES.leaseMs)]);
      follower ??= joined ?? undefined;
      if (follower !== undefined && !followers.includes(follower)) followers.push(follower);
    }
    if (follower === undefined || replica === undefined) {
      replica = undefined;
      await pause(20);
      continue;
    }
    const current = follower;
    const on = replica;
    const state = () =>
      `${streamId} is over for ${current.name}, who has ${JSON.stringify(current.received.at(-1))}`;
    await until(() => current.closedBy !== undefined || on?.isDead, state);
    if (current.closedBy === 'ended' || current.closedBy === 'gone') return;
    if (current.closedBy === 'failed' && current.error !== 'unavailable') return;
    current.closedBy = undefined;
    current.error = undefined;
    replica = undefined;
    await pause(20);
  }
}

async function runRound(number: number, random: () => number): Promise<Round> {
  const streams = Array.from({ length: STREAMS }, (_, index) => `r${number}-${index}`);
  const followers: Follower[] = [];
  const faults: string[] = [];
  const moments = Array.from({ length: 2 + pick(random, 4) }, () => pick(random, STORM_MS));
  const names = Object.keys(FAULTS);
  const plan = moments
    .toSorted((a, b) => a - b)
    .map((at) => ({ at, name: names[pick(random, names.length)] as string, seat: pick(random, REPLICAS) }));
  const reading: Promise<void>[] = [];
  await Promise.all(
    streams.map(async (streamId, index) => {
      const [everyMs, burst] = [2 + pick(random, 6), 1 + pick(random, 3)];
      // About as long as the storm, so that faults meet beginnings, middles and ends.
      const total = Math.round(((0.6 + random()) * STORM_MS * burst) / everyMs);
      const produce = { total, everyMs, burst };
      for (let tries = 0; ; tries++) {
        const { replica } = seats[(index + tries) % REPLICAS] as Seat;
        if ((await codeOf(replica.create({ streamId, onConflict: 'join', produce }))) === 'ok') break;
      }
      for (let seat = 0; seat < REPLICAS; seat++) reading.push(keepReading(streamId, seat, followers));
    }),
  );
  const startedAt = performance.now();
  await Promise.all(
    plan.map(async ({ at, name, seat }) => {
      await pause(Math.max(0, at - (performance.now() - startedAt)));
      faults.push(`${name} (${seat}, at ${at} ms)`);
      await FAULTS[name]?.(seats[seat] as Seat, random);
    }),
  );
  try {
    await Promise.all(reading);
  } catch (error) {
    const jobs = await Promise.all(streams.map((one) => redis.hgetall(`${stage.keyPrefix}{/${one}}:job`)));
    const facts = { seed: SEED, number, faults, jobs, counts: [] as unknown[] };
    for (const { replica } of seats) facts.counts.push(await Promise.race([replica.counts(), pause(500)]));
    throw new Error(`${(error as Error).message}\n${JSON.stringify(facts, null, 1)}`);
  }
  return { streams, followers, faults };
}

it(`${ROUNDS} rounds of faults by chance keep P1 to P5`, { timeout: ROUNDS * 30_000 }, async () => {
  const random = seededRandom(SEED);
  const seen: Record<string, number> = {};
  for (let number = 1; number <= ROUNDS; number++) {
    const { streams, followers, faults } = await runRound(number, random);
    const context = `FAULT_SEED=${SEED}, round ${number}: ${faults.join('; ')}`;
    const producers = stage.producers.filter(({ streamId }) => streams.includes(streamId)) as Producer[];
    expect(followers, context).toHaveLength(STREAMS * REPLICAS);
    expect(violations({ producers, followers, isFinished: true }), context).toEqual([]);
    for (const { received } of followers) {
      for (const { event } of received) if (event !== 'text') seen[event] = (seen[event] ?? 0) + 1;
    }
  }
  console.log(`FAULT_SEED=${SEED}: ${JSON.stringify(seen)}`);
  expect(seen.created).toBe(ROUNDS * STREAMS * REPLICAS);
});
