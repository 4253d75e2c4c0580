/**
 * What a readiness probe is told of a Redis that hangs, is away, and comes back.
 */
import { performance } from 'node:perf_hooks';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createStreamServices } from '../../src/services.js';
import { GenerationJobManager } from '../../src/stream/generation-job-manager.js';
import type { Health } from '../../src/stream/interfaces/operators.js';
import { RedisServer } from '../support/redis-server.js';
import { until } from './replicas.js';

let server: RedisServer;
let client: Redis;
let manager: GenerationJobManager;
beforeEach(async () => {
  server = await RedisServer.start();
  client = new Redis({ port: server.port, host: '127.0.0.1', retryStrategy: () => 50 });
  client.on('error', () => {}); // what these tests are for
  manager = new GenerationJobManager({
    ...createStreamServices({ redis: client }),
    hooks: { onError: () => {} },
  });
});
afterEach(async () => {
  await manager.close();
  client.disconnect();
  await server.stop();
});

/** The answer, which must come far sooner than any call to Redis is given up. */
async function asked(): Promise<Health> {
  const askedAt = performance.now();
  const health = await manager.health();
  expect(performance.now() - askedAt, 'it answers in a moment').toBeLessThan(3_000);
  return health;
}

const isReady = async () => (await asked()).isReady;

it('health answers in a moment while Redis hangs, says since when, and is ready again by itself', async () => {
  expect(await asked()).toMatchObject({ isReady: false, startedAt: undefined, store: { status: 'unknown' } });
  await manager.start();
  expect(await asked()).toMatchObject({
    isReady: true,
    store: { status: 'ok' },
    transport: { status: 'ok' },
  });
  const hungAt = Date.now();
  server.signal('SIGSTOP');
  const hung = await asked();
  const failing = { status: 'failing', code: 'unavailable' };
  expect(hung).toMatchObject({ isReady: false, store: failing, transport: failing });
  const { since } = hung.store as { since: number };
  expect(since).toBeGreaterThanOrEqual(hungAt);
  expect(since).toBeLessThanOrEqual(Date.now());
  expect((await asked()).store, 'since it began').toEqual(hung.store);
  server.signal('SIGCONT');
  await until(isReady, 'it is ready again');
  await until(async () => (await asked()).transport.status === 'ok', 'the transport too');
});

it('health says what a stopped Redis means, and is ready once it runs again', async () => {
  await manager.start();
  expect(await isReady()).toBe(true);
  await server.halt('SIGKILL');
  await until(async () => !(await isReady()), 'it is seen');
  expect((await asked()).store).toMatchObject({ status: 'failing', code: 'unavailable' });
  await server.run();
  await until(isReady, 'it is ready again');
});
