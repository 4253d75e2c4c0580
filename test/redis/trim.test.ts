/** What a trim costs Redis: one command for what is before a snapshot, unless older generations are kept in the log. */
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { RedisJobStore } from '../../src/stream/implementations/redis/job-store.js';
import { streamKey } from '../../src/stream/model/stream-key.js';
import type { JobRecord } from '../../src/stream/model/types.js';
import { RedisServer } from '../support/redis-server.js';

const KEY = streamKey('s');
const LOG = 'gj:{/s}:log';
const HOUR = 3_600_000;
const BATCHES = 2_000;

let server: RedisServer;
let redis: Redis;
let store: RedisJobStore;
beforeAll(async () => {
  server = await RedisServer.start();
  redis = server.connect();
  store = new RedisJobStore(redis);
  await store.start();
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});
beforeEach(() => redis.flushall());

async function created(): Promise<JobRecord> {
  const reply = await store.create({
    ...{ key: KEY, userId: 'u', callId: `${Math.random()}`, notAfter: Date.now() + HOUR, leaseMs: HOUR },
    ...{ settles: false, metadata: {}, created: { event: 'created', data: '{}' } },
  });
  if (reply.outcome !== 'created') throw new Error(reply.outcome);
  return reply.record;
}

/** Batches of one event. */
async function write({ generation, attempt }: JobRecord, batches: number): Promise<void> {
  for (let afterSequence = 1; afterSequence <= batches; afterSequence++) {
    const events = [{ event: 'text', data: '"a"', sequence: afterSequence + 1, attempt }];
    await store.commit({ writer: 'producer', key: KEY, generation, attempt, afterSequence, events });
  }
}

const trimTo = ({ generation, attempt }: JobRecord, sequence: number) =>
  store.saveSnapshot({
    ...{ key: KEY, generation, attempt, trim: true },
    snapshot: { sequence, content: '"a"', kept: [] },
  });

async function commands(during: () => Promise<unknown>): Promise<Record<string, number>> {
  await redis.config('RESETSTAT');
  await during();
  const stats = [...(await redis.info('commandstats')).matchAll(/cmdstat_(x\w+):calls=(\d+)/g)];
  return Object.fromEntries(stats.map(([, name, calls]) => [name, Number(calls)]));
}

it('a trim is one XTRIM and one look at the log, however many entries lie before the snapshot', async () => {
  const record = await created();
  await write(record, BATCHES);
  const sent = await commands(async () => expect(await trimTo(record, BATCHES - 9)).toBe(true));
  expect(sent).toEqual({ xtrim: 1, xrange: 1, xlen: 1 });
  const left = await redis.xrange(LOG, '-', '+');
  expect(left.map(([id]) => id)).toEqual(
    Array.from({ length: 10 }, (_, n) => `${record.generation}-${BATCHES - 8 + n}`),
  );
  const page = await store.readLog({ key: KEY, after: BATCHES - 9, maxEvents: 100, maxBytes: 9_999 });
  expect(page).toMatchObject({ found: true, firstSequence: BATCHES - 8, lastSequence: BATCHES + 1 });
});

it('a batch that reaches beyond the snapshot stays whole', async () => {
  const record = await created();
  const { generation, attempt } = record;
  const events = [2, 3, 4].map((sequence) => ({ event: 'text', data: '"a"', sequence, attempt }));
  await store.commit({ writer: 'producer', key: KEY, generation, attempt, afterSequence: 1, events });
  expect(await trimTo(record, 3)).toBe(true);
  expect((await redis.xrange(LOG, '-', '+')).map(([id]) => id)).toEqual([`${generation}-4`]);
});

it('what older generations have in the log stays when a newer one is trimmed', async () => {
  const first = await created();
  await write(first, 3);
  const { generation, attempt } = first;
  await store.commit({
    ...{ writer: 'other', key: KEY, generation, name: 'abort', callId: 'end', settles: false },
    event: { event: 'aborted', data: '{}' },
  });
  const second = await created();
  await write(second, 600);
  const sent = await commands(async () => expect(await trimTo(second, 590)).toBe(true));
  expect(sent).not.toHaveProperty('xtrim');
  const ids = (await redis.xrange(LOG, '-', '+')).map(([id]) => id);
  expect(ids.slice(0, 5)).toEqual([1, 2, 3, 4, 5].map((sequence) => `${generation}-${sequence}`));
  expect(ids.slice(5)).toEqual(Array.from({ length: 11 }, (_, n) => `${second.generation}-${591 + n}`));
  expect(attempt).toBe(1);
});
