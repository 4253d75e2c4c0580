/**
 * A Redis that stops answering, runs out of memory, comes back empty, or comes back as it was a while ago.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { RedisServer } from '../support/redis-server.js';
import { BUSY_MS, codeOf, countOf, namesOf, type Producer, Stage, TIMES } from './replicas.js';

const S = 1_000;

let server: RedisServer;
let redis: Redis;
let stage: Stage;
beforeEach(async () => {
  server = await RedisServer.start();
  redis = server.connect();
  stage = new Stage(server.port);
});
afterEach(async () => {
  await stage.close();
  redis.disconnect();
  await server.stop();
});

it('F12 Redis stopped for less than the lease: emit waits at its bound, then all goes on, once', async () => {
  const BUFFER = 128;
  const lease = { leaseMs: 3_000, renewMs: 500 };
  const [one, two] = await stage.two({ options: { ...lease, limits: { bufferEvents: BUFFER } } });
  await one.create({ streamId: 's', produce: { total: 3_000, everyMs: 1, burst: 4 } });
  const follower = await two.follow('s');
  await stage.until(() => countOf(follower) > 50, 'it is followed');
  server.signal('SIGSTOP');
  let work: Producer | undefined;
  const waits = async () => {
    const before = work?.emitted;
    work = await one.call<Producer>('work', { streamId: 's' });
    return work.emitted === before && work.emitted - work.acknowledged >= BUFFER;
  };
  await stage.until(waits, 'the producer waits');
  // What is buffered, and the batch under way.
  expect((work?.emitted ?? 0) - (work?.acknowledged ?? 0)).toBeLessThanOrEqual(BUFFER + 64 + 1);
  server.signal('SIGCONT');
  await stage.until(() => follower.isOver, 'it ends');
  expect(countOf(follower)).toBe(3_000);
  expect(namesOf(follower).at(-1)).toBe('completed');
  expect((await one.counts()).leaseLost).toBeUndefined();
  await stage.until(() => stage.producer('s').isComplete, 'the producer knows');
  stage.check();
});

it('F13 Redis stopped beyond the lease: the producer stops by its own clock, and there is one end', async () => {
  const [one, two, three] = await stage.three();
  await one.create({ streamId: 's', produce: { everyMs: 2 } });
  const followers = [await two.follow('s'), await three.follow('s')];
  await stage.until(() => followers.every((one) => countOf(one) > 20), 'it is followed');
  const since = performance.now();
  server.signal('SIGSTOP');
  await stage.until(() => stage.producer('s').isComplete, 'the producer stops');
  expect(performance.now() - since).toBeLessThan(TIMES.leaseMs + BUSY_MS);
  expect(stage.producer('s').reason).toBe('lease_lost');
  expect(await codeOf(two.create({ streamId: 't' }))).toBe('unavailable');
  server.signal('SIGCONT');
  await stage.until(() => followers.every((one) => one.isOver), 'everybody is told');
  for (const follower of followers) {
    expect(follower.received.at(-1)).toMatchObject({ event: 'failed', data: { code: 'producer_lost' } });
  }
  const late = await three.follow('s');
  await stage.until(() => late.isOver, 'a late follower is told');
  expect(late.received).toEqual(followers[0]?.received);
  stage.check();
});

it('F14 P5 Redis restarted empty: followers are told that the stream is gone, the producer that it is over', async () => {
  const [one, two, three] = await stage.three();
  const { generation } = await one.create({ streamId: 's', produce: { everyMs: 2 } });
  await one.create({ streamId: 'silent', produce: { total: 3, end: 'hang' } });
  const followers = [await two.follow('s'), await three.follow('s'), await two.follow('silent')];
  await stage.until(() => followers.every((one) => countOf(one) >= 3), 'they are followed');
  await server.halt('SIGKILL');
  await server.run();
  const since = performance.now();
  await stage.until(() => followers.every((one) => one.isOver), 'everybody is told');
  await stage.until(() => stage.producers.every((one) => one.isComplete), 'the producers are told');
  // A reconnect, at most 2 s later with ioredis's own pauses, and one poll.
  expect(performance.now() - since).toBeLessThan(2 * S + TIMES.logPollMs + BUSY_MS);
  for (const follower of followers) expect(namesOf(follower).at(-1)).toBe('gone');
  for (const { reason } of stage.producers) expect(['gone', 'lease_lost']).toContain(reason);
  stage.check({ mayLose: true });
  // Who comes now finds nothing, or a new generation; nobody goes on in the old one.
  const again = await two.follow('s', { after: followers[0]?.received.at(-1)?.cursor });
  await stage.until(() => again.error !== undefined, 'a late follower is told');
  expect(again.error).toBe('stream_not_found');
  const next = await two.create({ streamId: 's', produce: { total: 3 } });
  expect(next.generation).toBeGreaterThan(generation);
  const fresh = await one.follow('s', { after: `${generation}-40` });
  await stage.until(() => fresh.isOver, 'a new one ends');
  expect(namesOf(fresh).at(0)).toBe('sync');
  expect(namesOf(fresh).at(-1)).toBe('completed');
});

it('F14 F15 Redis restarted as it was a while ago: the producer stops, and who was ahead is told', async () => {
  const [one, two, three] = await stage.three();
  await one.create({ streamId: 's', produce: { everyMs: 2 } });
  const ahead = await two.follow('s');
  await stage.until(() => countOf(ahead) > 20, 'it is followed');
  await redis.save();
  const saved = countOf(ahead);
  await stage.until(() => countOf(ahead) > saved + 50, 'it has gone on');
  await server.halt('SIGKILL');
  await server.run();
  await stage.until(() => stage.producer('s').isComplete, 'the producer is told');
  expect(['log_lost', 'lease_lost']).toContain(stage.producer('s').reason);
  const behind = await three.follow('s');
  await stage.until(() => ahead.isOver && behind.isOver, 'everybody is told');
  expect(namesOf(ahead).slice(-3)).toEqual(['gap', 'sync', 'failed']);
  expect(namesOf(behind)).not.toContain('gap');
  expect(namesOf(behind).at(-1)).toBe('failed');
  expect(countOf(behind)).toBeLessThan(countOf(ahead));
  stage.check({ mayLose: true });
});

it('F19 out of memory with noeviction: the job ends in error, the process lives, the end is written later', async () => {
  const [one, two] = await stage.two();
  await one.create({ streamId: 's', produce: { everyMs: 5 } });
  const follower = await two.follow('s');
  await stage.until(() => countOf(follower) > 10, 'it is followed');
  await redis.config('SET', 'maxmemory-policy', 'noeviction');
  await redis.config('SET', 'maxmemory', '1mb');
  await stage.until(() => stage.producer('s').isComplete, 'the producer is told');
  expect(stage.producer('s').reason).toBe('lease_lost');
  expect(await codeOf(one.create({ streamId: 't' }))).toBe('unavailable');
  expect(follower.isOver).toBe(false);
  expect((await two.job('s'))?.status).toBe('running');
  await redis.config('SET', 'maxmemory', '0');
  await stage.until(() => follower.isOver, 'the end is written');
  expect(follower.received.at(-1)).toMatchObject({ event: 'failed', data: { code: 'producer_lost' } });
  stage.check();
  // Nothing is left of what could not be made.
  expect(await two.job('t')).toBeNull();
  const again = await one.create({ streamId: 't', produce: { total: 5 } });
  expect(again.started).toBe(true);
});

it('F19 a shortage that ends within the lease is only a delay', async () => {
  const lease = { leaseMs: 6_000, renewMs: 1_000 };
  const [one, two] = await stage.two({ options: lease });
  await one.create({ streamId: 's', produce: { total: 200, everyMs: 5 } });
  const follower = await two.follow('s');
  await stage.until(() => countOf(follower) > 10, 'it is followed');
  await redis.config('SET', 'maxmemory', '1mb');
  const stalled = async () => {
    const before = countOf(follower);
    await pause(100);
    return countOf(follower) === before;
  };
  await stage.until(stalled, 'nothing is committed');
  await redis.config('SET', 'maxmemory', '0');
  await stage.until(() => follower.isOver, 'it ends');
  expect(countOf(follower)).toBe(200);
  expect(namesOf(follower).at(-1)).toBe('completed');
  stage.check();
});

it('a Redis that can’t be reached fails the start by name, and never falls back to memory', async () => {
  await server.halt();
  await expect(stage.replica({ client: { retryStrategy: null } })).rejects.toThrow(/unavailable|Redis/);
  stage.replicas.length = 0;
});
