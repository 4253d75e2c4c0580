/**
 * A Redis whose user may read and not write any more: a right taken away, or a user meant for something else. Nothing that
 * is kept says so, since nobody can write it; so those who wait are told by the replicas themselves.
 */
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { createStreamServices } from '../../src/services.js';
import { GenerationJobManager } from '../../src/stream/generation-job-manager.js';
import type { ErrorReport } from '../../src/stream/model/error-report.js';
import { RedisServer } from '../support/redis-server.js';
import { BUSY_MS, until } from './replicas.js';

const TIMES = { leaseMs: 3_000, renewMs: 500, sweepMs: 200, logPollMs: 400 };

let server: RedisServer;
let admin: Redis;
let closing: (() => Promise<void>)[];
beforeAll(async () => {
  server = await RedisServer.start();
  admin = server.connect();
});
afterAll(async () => {
  admin.disconnect();
  await server.stop();
});
beforeEach(() => {
  closing = [];
});
afterEach(async () => {
  await Promise.all(closing.map((close) => close()));
  await admin.flushall();
});

/** A replica that is a user of its own. */
async function replica(user: string) {
  await admin.call('ACL', 'SETUSER', user, 'reset', 'on', '>pw', '~*', '&*', '+@all');
  const client = server.connect();
  client.options.username = user;
  client.options.password = 'pw';
  await client.call('AUTH', user, 'pw');
  const reports: ErrorReport[] = [];
  const manager = new GenerationJobManager({
    ...createStreamServices({ redis: client, timeoutMs: 1_000 }),
    options: TIMES,
    hooks: { onError: (report) => void reports.push(report) },
  });
  await manager.start();
  closing.push(async () => {
    await allowWrites(user);
    await manager.close();
    client.disconnect();
  });
  return { manager, reports };
}

const forbidWrites = (user: string) => admin.call('ACL', 'SETUSER', user, '-@write', '+eval', '+evalsha');
const allowWrites = (user: string) => admin.call('ACL', 'SETUSER', user, '+@all');

async function started(manager: GenerationJobManager) {
  const created = await manager.createJob({ streamId: 's', userId: 'u' });
  if (!created.started) throw new Error('The job was not started.');
  void created.job.emit({ event: 'text', data: 1 });
  await created.job.flush();
  return created.job;
}

/** What a follower gets, what it fails with, and when it was over. */
function followed(manager: GenerationJobManager) {
  const seen = { events: [] as string[], error: undefined as unknown, overAt: 0 };
  void (async () => {
    try {
      for await (const { event } of manager.subscribe('s')) seen.events.push(event);
    } catch (error) {
      seen.error = error;
    }
    seen.overAt = performance.now();
  })();
  return seen;
}

it.each([
  ['emits', true],
  ['is silent', false],
])(
  'a producer that %s ends as store_damaged, and its followers are told within a poll of it',
  async (_, emits) => {
    const { manager, reports } = await replica('one');
    const job = await started(manager);
    const follower = followed(manager);
    await until(() => follower.events.includes('text'), 'it follows');
    await forbidWrites('one');
    if (emits) void job.emit({ event: 'text', data: 2 });
    await until(() => job.isOver, 'the producer is told');
    const endedAt = performance.now();
    expect(job.reason).toBe('store_damaged');
    await until(() => follower.overAt > 0, 'the follower is told');
    expect(follower.overAt - endedAt).toBeLessThan(TIMES.logPollMs + BUSY_MS);
    expect(follower.error).toMatchObject({
      code: 'store_damaged',
      cause: { message: expect.stringContaining('NOPERM') },
    });
    expect(reports.some(({ where, record }) => where === 'store' && record?.streamId === 's')).toBe(true);
  },
);

it('a replica that may write ends it by name once the lease has lapsed, and its own followers get that end', async () => {
  const one = await replica('one');
  const two = await replica('two');
  const job = await started(one.manager);
  const follower = followed(two.manager);
  await until(() => follower.events.includes('text'), 'it follows');
  await forbidWrites('one');
  void job.emit({ event: 'text', data: 2 });
  await until(() => follower.overAt > 0, 'the end comes', TIMES.leaseMs + 5 * TIMES.sweepMs + BUSY_MS);
  expect(follower.error).toBeUndefined();
  expect(follower.events).toEqual(['created', 'text', 'failed']);
  expect(await two.manager.getJob('s')).toMatchObject({ status: 'failed', error: { code: 'producer_lost' } });
});

it('where no replica may write, the followers of each are told when it finds that it can’t end it, also those who come back', async () => {
  const one = await replica('one');
  const two = await replica('two');
  const job = await started(one.manager);
  const follower = followed(two.manager);
  await until(() => follower.events.includes('text'), 'it follows');
  await Promise.all([forbidWrites('one'), forbidWrites('two')]);
  void job.emit({ event: 'text', data: 2 });
  await until(() => follower.overAt > 0, 'it is told', TIMES.leaseMs + 5 * TIMES.sweepMs + BUSY_MS);
  expect(follower.error).toMatchObject({ code: 'store_damaged' });
  const again = followed(two.manager);
  await until(() => again.overAt > 0, 'told again', 2 * TIMES.leaseMs + BUSY_MS);
  expect(again.error).toMatchObject({ code: 'store_damaged' });
  await allowWrites('two');
  await until(
    async () => (await two.manager.getJob('s'))?.status === 'failed',
    'ended as soon as one may',
    2 * TIMES.leaseMs + BUSY_MS,
  );
});
