/** What a listing of receipts costs Redis, by the server's own clock: one listing is held against another. */
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RedisJobStore } from '../../src/stream/implementations/redis/job-store.js';
import { RedisKeys } from '../../src/stream/implementations/redis/keys.js';
import { streamKey } from '../../src/stream/model/stream-key.js';
import { RedisServer } from '../support/redis-server.js';

const HOUR = 3_600_000;
const RECEIPTS = 1_000;
const ROUNDS = 5;

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

/** A generation with receipts under names that all begin so; the number of its generation is returned. */
async function begun(streamId: string, beginning: string): Promise<number> {
  const key = streamKey(streamId);
  const created = await store.create({
    ...{ key, userId: 'u', callId: streamId, notAfter: Date.now() + HOUR, leaseMs: HOUR },
    ...{ metadata: {}, created: { event: 'created', data: '{}' }, settles: false },
  });
  if (created.outcome !== 'created') throw new Error(`The store says ${created.outcome}.`);
  const { generation } = created.record;
  const [job, , , , , receipts] = new RedisKeys('gj:').stream(key);
  const fields = Array.from({ length: RECEIPTS }, (_, at) => [
    `${generation}:${beginning}${at}`,
    'begun 1 1 1 1 c ',
  ]);
  await redis.hset(receipts, Object.fromEntries(fields));
  await redis.hset(job, 'receipts', RECEIPTS);
  return generation;
}

/** The names of all receipts, page by page. */
async function namesOf(streamId: string, generation: number): Promise<string[]> {
  const names: string[] = [];
  for (let after: string | undefined; ; ) {
    const { entries, next } = await store.receipts(streamKey(streamId), generation, { limit: 128, after });
    names.push(...entries.map(({ name }) => name));
    after = next;
    if (after === undefined) return names;
  }
}

/** How long the server was at work for a listing, in microseconds. */
async function workOf(streamId: string, generation: number): Promise<number> {
  await redis.config('RESETSTAT');
  await namesOf(streamId, generation);
  return Number(/cmdstat_evalsha:calls=\d+,usec=(\d+)/.exec(await redis.info('commandstats'))?.[1]);
}

it('L114 receipts whose long names begin alike are listed in order, and in a few times as long as others', async () => {
  const beginning = 'x'.repeat(250);
  const generations = { alike: await begun('alike', beginning), short: await begun('short', '') };
  const inOrder = Array.from({ length: RECEIPTS }, (_, at) => `${beginning}${at}`).sort();
  expect(await namesOf('alike', generations.alike)).toEqual(inOrder);
  const least = { alike: Number.POSITIVE_INFINITY, short: Number.POSITIVE_INFINITY };
  for (let round = 0; round < ROUNDS; round++) {
    for (const which of ['alike', 'short'] as const)
      least[which] = Math.min(least[which], await workOf(which, generations[which]));
  }
  // Compared byte by byte they take seventy times as long, and eight times in pieces.
  expect(least.alike / least.short).toBeLessThan(25);
});
