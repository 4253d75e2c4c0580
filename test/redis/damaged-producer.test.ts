/** A producer whose store refuses it for good ends by name at once, and its followers are told within a poll. */
import type { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createStreamServices } from '../../src/services.js';
import { GenerationJobManager } from '../../src/stream/generation-job-manager.js';
import type { GenerationJob } from '../../src/stream/interfaces/generation-job.js';
import { RedisServer } from '../support/redis-server.js';
import { until } from './replicas.js';

const LOG = 'gj:{/s}:log';
const TIMES = { leaseMs: 60_000, renewMs: 20_000, sweepMs: 200, logPollMs: 300 };

let server: RedisServer;
let redis: Redis;
let manager: GenerationJobManager;
beforeEach(async () => {
  server = await RedisServer.start();
  redis = server.connect();
  manager = new GenerationJobManager({
    ...createStreamServices({ redis }),
    hooks: { onError: () => {} },
    options: TIMES,
  });
  await manager.start();
});
afterEach(async () => {
  await manager.close();
  redis.disconnect();
  await server.stop();
});

async function started(): Promise<GenerationJob> {
  const result = await manager.createJob({ streamId: 's', userId: 'u' });
  if (!result.started) throw new Error('The job was not started.');
  void result.job.emit({ event: 'text', data: 1 });
  await result.job.flush();
  return result.job;
}

/** What a follower got, or what it failed with. */
function followed() {
  const seen: { events: string[]; codes: unknown[]; error: unknown; isOver: boolean } = {
    ...{ events: [], codes: [], error: undefined, isOver: false },
  };
  void (async () => {
    try {
      for await (const { event, data } of manager.subscribe('s')) {
        seen.events.push(event);
        seen.codes.push((data as { code?: string } | null)?.code);
      }
    } catch (error) {
      seen.error = error;
    }
    seen.isOver = true;
  })();
  return seen;
}

it('a log that is none any more ends its producer as store_damaged, well within the lease, and fails its followers', async () => {
  const job = await started();
  const follower = followed();
  await until(() => follower.events.length >= 2, 'it follows');
  await redis.set(LOG, 'x');
  void job.emit({ event: 'text', data: 2 });
  await until(() => job.isOver, 'the producer is told');
  expect(job.reason).toBe('store_damaged');
  expect(job.signal.reason).toHaveProperty('code', 'store_damaged');
  await until(() => follower.isOver, 'the follower is told');
  expect(follower.error).toHaveProperty('code', 'store_damaged');
});

it.each([
  ['format'],
  ['patches'],
  ['resolutions'],
  ['calls'],
  ['usage'],
  ['lifecycle'],
  ['m:a'],
  ['settlement'],
])('garbage in %s does not block the end', async (field) => {
  const job = await started();
  await redis.hset('gj:{/s}:job', field, '{x');
  await job.complete();
  expect(await manager.getJob('s')).toMatchObject({ status: 'completed' });
});

it('a producer whose log is gone learns it at its next commit, and its followers are told', async () => {
  const job = await started();
  const follower = followed();
  await until(() => follower.events.length >= 2, 'it follows');
  await redis.del(LOG);
  void job.emit({ event: 'text', data: 2 });
  await until(() => job.isOver, 'the producer is told');
  expect(job.reason).toBe('log_lost');
  await until(() => follower.isOver, 'the follower is told');
  expect(follower.events.at(-1)).toBe('failed');
});
