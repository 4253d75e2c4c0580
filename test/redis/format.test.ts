/**
 * The format of a store: who reads it, who raises it, and what a release does about one that is newer than it knows.
 */
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { createStreamServices, GenerationJobManager } from '../../src/index.js';
import { RedisJobStore } from '../../src/redis/index.js';
import { RedisServer } from '../support/redis-server.js';

let server: RedisServer;
let redis: Redis;
beforeAll(async () => {
  server = await RedisServer.start();
  redis = server.connect();
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});
beforeEach(() => redis.flushall());

const managerOn = () => new GenerationJobManager({ ...createStreamServices({ redis }) });

it('a replica that starts writes no format, and refuses a store of a newer one by name', async () => {
  const manager = managerOn();
  await manager.start();
  expect(await redis.exists('gj:store')).toBe(0);
  await manager.close();
  await redis.hset('gj:store', 'format', '2');
  const late = managerOn();
  await expect(late.start()).rejects.toMatchObject({
    code: 'newer_format',
    message: expect.stringContaining('format 2'),
  });
  expect(await redis.hget('gj:store', 'format')).toBe('2');
  await late.close();
});

it('a record of a newer format is refused by name, and left as it is', async () => {
  const manager = managerOn();
  await manager.createJob({ streamId: 's', userId: 'u' });
  await redis.hset('gj:{/s}:job', 'format', '2');
  const before = await redis.hgetall('gj:{/s}:job');
  for (const call of [
    () => manager.getJob('s'),
    () => manager.abortJob('s'),
    () => manager.getResumeState('s'),
    () => manager.createJob({ streamId: 's', userId: 'u' }),
  ]) {
    await expect(call()).rejects.toMatchObject({ code: 'newer_format' });
  }
  await manager.upkeep.sweep();
  const after = await redis.hgetall('gj:{/s}:job');
  const { leaseUntil: _, updatedAt: __, ...unchanged } = before;
  expect(after).toMatchObject(unchanged);
  await manager.close();
});

it('L160 a run of a newer format is refused by name with its queue, which is left as it is; its stream goes on', async () => {
  const manager = managerOn();
  await manager.createJob({ streamId: 's', userId: 'u' });
  const store = new RedisJobStore(redis);
  const { queues } = store;
  const key = { tenantId: undefined, streamId: 's', id: '/s' };
  const run = { userId: 'u', request: '{}', expiresInMs: 60_000, mostWaiting: 9 };
  await queues.add(key, { ...run, queueId: 'own' });
  await redis.hset('gj:{/s}:queue', 'r:later', '2 of a later release');
  const before = await redis.hgetall('gj:{/s}:queue');
  for (const call of [
    () => queues.read(key),
    () => queues.add(key, { ...run, queueId: 'next' }),
    () => queues.change(key, { name: 'clear' }),
  ])
    await expect(call()).rejects.toMatchObject({ code: 'newer_format' });
  expect(await redis.hgetall('gj:{/s}:queue')).toEqual(before);
  expect(await manager.abortJob('s')).toMatchObject({ aborted: true });
  await queues.drop(key);
  expect(await redis.exists('gj:{/s}:queue')).toBe(0);
  await manager.close();
});

it('the format is raised by a call alone, up to what this release writes, and never lowered', async () => {
  const store = new RedisJobStore(redis);
  await store.raiseFormat(1);
  expect(await redis.hget('gj:store', 'format')).toBeNull(); // as good as 1
  for (const format of [0, 2, 1.5, Number.NaN]) {
    await expect(store.raiseFormat(format)).rejects.toMatchObject({ code: 'invalid_argument' });
  }
  await redis.hset('gj:store', 'format', '7');
  await store.raiseFormat(1);
  expect(await redis.hget('gj:store', 'format')).toBe('7');
});
