/**
 * A user with a thousand streams (a twentieth of them in an ordinary run), three replicas, and links that are killed while the
 * streams change by chance. After each round the feed of everybody who follows it says what the records say. The seed is printed;
 * FAULT_SEED repeats it.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createStreamServices } from '../../src/services.js';
import { GenerationJobManager } from '../../src/stream/generation-job-manager.js';
import type { GenerationJob } from '../../src/stream/interfaces/generation-job.js';
import type { FeedStream } from '../../src/stream/model/feed.js';
import { pick, seededRandom } from '../contract/seeded.js';
import { howOften } from '../support/how-often.js';
import { RedisProxy } from '../support/redis-proxy.js';
import { RedisServer } from '../support/redis-server.js';
import { NO_WALK } from './no-walk.js';
import { until } from './replicas.js';

const STREAMS = howOften(1_000);
const ROUNDS = 4;
/** Steps of a round at the same time. */
const AT_ONCE = 25;
const SEED = Number(process.env.FAULT_SEED ?? Date.now() % 1_000_000);

interface Seat {
  readonly proxy: RedisProxy;
  readonly client: Redis;
  readonly manager: GenerationJobManager;
  readonly streams: Map<string, FeedStream>;
}

let server: RedisServer;
let admin: Redis;
let seats: Seat[];

beforeAll(async () => {
  console.log(`FAULT_SEED=${SEED}`);
  server = await RedisServer.start();
  admin = server.connect();
  seats = await Promise.all([0, 1, 2].map(() => seat()));
});
afterAll(async () => {
  for (const { manager, client, proxy } of seats) {
    await manager.close();
    client.disconnect();
    await proxy.close();
  }
  admin.disconnect();
  await server.stop();
});

async function seat(): Promise<Seat> {
  const proxy = await RedisProxy.start(server.port);
  const client = new Redis({ port: proxy.port, host: '127.0.0.1' });
  client.on('error', () => {});
  const manager = new GenerationJobManager({
    ...createStreamServices({ redis: client, timeoutMs: 3_000, pingMs: 200, pingTimeoutMs: 400 }),
    options: {
      ...NO_WALK,
      feed: true,
      leaseMs: 20_000,
      logPollMs: 500,
      createTimeoutMs: 20_000,
      limits: { feedEntries: 4 * STREAMS },
    },
    hooks: { onError() {} }, // links are broken on purpose
  });
  await manager.start();
  const streams = new Map<string, FeedStream>();
  void readFeed(manager, streams);
  return { proxy, client, manager, streams };
}

/** Reads as a page does, and comes back with its cursor now and then, as one that has lost its connection. */
async function readFeed(manager: GenerationJobManager, streams: Map<string, FeedStream>): Promise<void> {
  const random = seededRandom(SEED);
  let after: string | undefined;
  while (!manager.isDraining) {
    let left = 20 + pick(random, 200);
    try {
      for await (const { cursor, event, data } of manager.subscribeUser({ userId: 'u', after })) {
        after = cursor;
        if (event === 'sync') {
          streams.clear();
          for (const stream of data.streams) streams.set(stream.streamId, stream);
        } else if (event === 'removed') streams.delete(data.streamId);
        else streams.set(data.streamId, data);
        if (--left === 0) break;
      }
    } catch {
      await pause(20); // it could not attach: the link is down
    }
  }
}

/** One step on a stream by any replica; what can't be done as it stands is left. */
async function step(streamId: string, random: () => number): Promise<void> {
  const { manager } = seats[pick(random, seats.length)] as Seat;
  const record = await manager.getJob(streamId);
  const chance = random();
  if (record === null || (record.status !== 'running' && record.status !== 'requires_action')) {
    const { job } = await manager.createJob({ streamId, userId: 'u' });
    if (job) await goOn(job, random());
  } else if (record.status === 'requires_action' && chance < 0.7) {
    const { actionId = '' } = record.pendingAction ?? {};
    const { job } = await manager.approvals.resolve(streamId, { actionId, by: 'p' });
    await goOn(job, random());
  } else if (chance < 0.5) await manager.abortJob(streamId);
  else await manager.annotate(streamId, { notes: [{ key: 'title', event: 'title', data: `${chance}` }] });
}

async function goOn(job: GenerationJob, chance: number): Promise<void> {
  void job.emit({ event: 'text', data: chance });
  if (chance < 0.4) await job.pause({ type: 'checkpoint' });
  else if (chance < 0.8) await job.complete();
}

const FAULTS: readonly ((random: () => number) => unknown)[] = [
  () => admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub'),
  (random) => seats[pick(random, seats.length)]?.proxy.cut(),
  async (random) => {
    const { proxy } = seats[pick(random, seats.length)] as Seat;
    proxy.down();
    await pause(100);
    proxy.up();
  },
  (random) => seats[pick(random, seats.length)]?.proxy.freeze('links'),
];

const stateOf = ({ generation, status }: Pick<FeedStream, 'generation' | 'status'>) =>
  `${generation} ${status}`;

/** Where each stream stands by its record. */
async function truth(): Promise<Map<string, string>> {
  const { manager } = seats[0] as Seat;
  const found = new Map<string, string>();
  for (let at = 0; at < STREAMS; at++) {
    const record = await manager.getJob(`s${at}`);
    if (record) found.set(`s${at}`, stateOf(record));
  }
  return found;
}

/** Whether every replica answers again. */
async function areBack(): Promise<boolean> {
  const asked = await Promise.allSettled(seats.map(({ manager }) => manager.getJob('s0')));
  return asked.every(({ status }) => status === 'fulfilled');
}

const titlesOf = ({ streams }: Seat) =>
  JSON.stringify([...streams.values()].map(({ streamId, title }) => `${streamId} ${title}`).sort());

it('L122 F55 the feed of a user with many streams says what the records say after each round of killed links', async () => {
  const random = seededRandom(SEED);
  for (let round = 1; round <= ROUNDS; round++) {
    let isOver = false;
    const storm = (async () => {
      while (!isOver) {
        await FAULTS[pick(random, FAULTS.length)]?.(random);
        await pause(60);
      }
    })();
    for (let at = 0; at < STREAMS; at += AT_ONCE) {
      const some = Array.from({ length: Math.min(AT_ONCE, STREAMS - at) }, (_, index) => `s${at + index}`);
      // What a broken link refuses is not done, or done and not answered: the records say which.
      await Promise.allSettled(some.map((streamId) => step(streamId, random)));
    }
    isOver = true;
    await storm;
    for (const { proxy } of seats) proxy.cut(); // what is frozen thaws with a new connection
    await until(areBack, 'all are back');
    for (const { manager } of seats) await manager.upkeep.idle();
    const records = await truth();
    for (const [index, { streams }] of seats.entries()) {
      const isShown = ([streamId, state]: readonly [string, string]) => {
        const shown = streams.get(streamId);
        return shown !== undefined && stateOf(shown) === state;
      };
      await until(() => [...records].every(isShown), `replica ${index + 1} says so in round ${round}`);
    }
  }
  await until(() => new Set(seats.map(titlesOf)).size === 1, 'each has one title everywhere');
  expect([...(seats[0]?.streams.values() ?? [])].some(({ title }) => title !== undefined)).toBe(true);
});
