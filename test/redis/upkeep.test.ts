/**
 * Upkeep on a Redis where something is damaged or has been lost: keys of another type, odd entries, and index entries that
 * went without the streams they speak of. The tests mostly wait for leases: several at once, each on a Redis of its own.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { createStreamServices } from '../../src/services.js';
import { GenerationJobManager } from '../../src/stream/generation-job-manager.js';
import { RedisKeys } from '../../src/stream/implementations/redis/keys.js';
import type { GenerationJob } from '../../src/stream/interfaces/generation-job.js';
import type { RepairedIndex } from '../../src/stream/interfaces/job-store.js';
import type { Hooks } from '../../src/stream/interfaces/manager-types.js';
import type { UpkeepStep } from '../../src/stream/interfaces/observer.js';
import type { GenerationJobOptions } from '../../src/stream/model/options.js';
import { streamKey, userKey } from '../../src/stream/model/stream-key.js';
import { RedisServer } from '../support/redis-server.js';
import { NO_WALK } from './no-walk.js';
import { BUSY_MS, until } from './replicas.js';

const TIMES = { leaseMs: 2_400, renewMs: 400, sweepMs: 100, ...NO_WALK };
const KEYS = new RedisKeys('gj:');

interface Given {
  readonly options?: GenerationJobOptions;
  readonly hooks?: Hooks;
  /** Called before the walk puts something back. */
  readonly beforeRestore?: () => Promise<void>;
}

/** A Redis of a test's own, replicas on it that end with the test, and what lies in it. */
async function ground(onTestFinished: (end: () => Promise<void>) => void) {
  const server = await RedisServer.start();
  const redis = server.connect();
  const closing: (() => Promise<void>)[] = [];
  onTestFinished(async () => {
    await Promise.all(closing.map((close) => close()));
    redis.disconnect();
    await server.stop();
  });
  return {
    redis,
    /** A replica, what has failed in its upkeep, and a way for it to die without a word. */
    async replica({ options, hooks, beforeRestore }: Given = {}) {
      const client = server.connect();
      const failed: UpkeepStep[] = [];
      const repaired: RepairedIndex[] = [];
      const setAside: (number | undefined)[] = [];
      const services = createStreamServices({ redis: client, timeoutMs: 1_100 });
      const { repair } = services.jobStore;
      if (repair && beforeRestore) {
        const restore = repair.restore.bind(repair);
        repair.restore = async (...lost) => {
          await beforeRestore();
          return restore(...lost);
        };
      }
      const manager = new GenerationJobManager({
        ...services,
        options: { ...TIMES, ...options },
        hooks,
        observer: {
          upkeepFailed: (step) => failed.push(step),
          indexRepaired: (index) => repaired.push(index),
          settlementsSetAside: (count) => setAside.push(count),
        },
      });
      await manager.start();
      const die = async () => client.disconnect();
      closing.push(async () => {
        await manager.close().catch(() => {});
        client.disconnect();
      });
      return { manager, failed, repaired, setAside, die };
    },
    scoreOf: async (streamId: string) => {
      const key = streamKey(streamId);
      return redis.zscore(KEYS.shard(key).scores, key.id);
    },
    forget: async (streamId: string) => {
      const key = streamKey(streamId);
      await redis.zrem(KEYS.shard(key).scores, key.id);
      await redis.del(KEYS.user(userKey('u')).streams);
    },
    isOwned: async (streamId: string) =>
      (await redis.zscore(KEYS.user(userKey('u')).streams, streamId)) !== null,
    statusOf: async (streamId: string) =>
      (await redis.hget(KEYS.stream(streamKey(streamId))[0], 'fence'))?.split(' ')[2],
  };
}

async function start(manager: GenerationJobManager, streamId: string): Promise<GenerationJob> {
  const created = await manager.createJob({ streamId, userId: 'u' });
  if (!created.started) throw new Error('The job was not started.');
  return created.job;
}

/** Streams whose due scores lie in another shard than the first. */
const outside = (prefix: string) =>
  Array.from({ length: 40 }, (_, n) => `${prefix}${n}`).filter(
    (name) => KEYS.shard(streamKey(name)) !== KEYS.shards[0],
  );

it.concurrent('a stream whose key has become another type ends no other job of its process', async ({
  onTestFinished,
}) => {
  const { redis, replica } = await ground(onTestFinished);
  const { manager, failed } = await replica();
  const [odd, ...others] = await Promise.all(['odd', 'a', 'b', 'c'].map((name) => start(manager, name)));
  const [key] = KEYS.stream(streamKey('odd'));
  await redis.set(key, 'not a hash');
  await until(() => odd?.isOver, 'the odd one has ended');
  await pause(TIMES.leaseMs * 2);
  expect(others.map((job) => job.isOver)).toEqual([false, false, false]);
  expect(failed).toContain('visit');
  for (const job of others) await job.complete();
});

it.concurrent('entries that name no stream, and a shard of another type, stop the upkeep of nothing else', async ({
  onTestFinished,
}) => {
  const { redis, replica, statusOf } = await ground(onTestFinished);
  const doomed = await replica();
  const streamIds = outside('s').slice(0, 3);
  await Promise.all(streamIds.map((streamId) => start(doomed.manager, streamId)));
  const [first, second] = KEYS.shards;
  await redis.del(first?.scores ?? '');
  await redis.set(first?.scores ?? '', 'not a sorted set');
  for (const odd of ['', 'nonsense', 'a b/c', '//', 'é/s', '/'.repeat(500)]) {
    await redis.zadd(second?.scores ?? '', '1', odd);
  }
  await redis.call('ZADD', second?.scores ?? '', '2', Buffer.from([0xff, 0xfe, 0x2f]));
  await doomed.die();
  const { failed } = await replica({ options: { sweepStreams: 4 } });
  const areLost = async () =>
    (await Promise.all(streamIds.map(statusOf))).every((status) => status === 'failed');
  await until(areLost, 'the dead are noticed');
  expect(new Set(failed)).toEqual(new Set(['sweep']));
  // What is wrong for good is told now and then, not with each sweep.
  const told = failed.length;
  await pause(TIMES.leaseMs);
  expect(failed.length - told).toBeLessThan((8 * TIMES.leaseMs) / TIMES.sweepMs / 3);
});

it.concurrent('a running stream whose due score is gone or an hour ahead, and whose user’s index is gone, is put right by its renewals', async ({
  onTestFinished,
}) => {
  const { redis, replica, scoreOf, forget, isOwned } = await ground(onTestFinished);
  const { manager } = await replica();
  const jobs = await Promise.all(['gone', 'ahead'].map((streamId) => start(manager, streamId)));
  await forget('gone');
  const ahead = streamKey('ahead');
  await redis.zadd(KEYS.shard(ahead).scores, Date.now() + 3_600_000, ahead.id);
  const isRight = async (streamId: string) => {
    const score = Number((await scoreOf(streamId)) ?? Number.POSITIVE_INFINITY);
    return score <= Date.now() + TIMES.leaseMs && (await isOwned(streamId));
  };
  await until(
    async () => (await isRight('gone')) && (await isRight('ahead')),
    'both are back',
    2 * TIMES.leaseMs + 3 * TIMES.renewMs + BUSY_MS,
  );
  for (const job of jobs) await job.complete();
});

it.concurrent('a renewal puts the indexes right once a lease, not each time', async ({ onTestFinished }) => {
  const { redis, replica } = await ground(onTestFinished);
  const { manager } = await replica();
  const job = await start(manager, 's');
  const counted = async () =>
    Number(/cmdstat_zadd:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1] ?? 0);
  await pause(TIMES.leaseMs);
  await redis.config('RESETSTAT');
  await pause(TIMES.leaseMs * 2);
  // At most three restorations, each with one write to the user's index; and the visits of a sweep.
  expect(await counted()).toBeLessThanOrEqual(3 + 4);
  await job.complete();
});

it.concurrent('what is put back is counted by its index, and what was there is not', async ({
  onTestFinished,
}) => {
  const { replica, forget } = await ground(onTestFinished);
  const { manager, repaired } = await replica();
  const job = await start(manager, 's');
  await pause(TIMES.leaseMs * 2);
  expect(repaired, 'nothing was lost').toEqual([]);
  await forget('s');
  await until(
    () => repaired.length >= 2,
    'both are put back',
    2 * TIMES.leaseMs + 3 * TIMES.renewMs + BUSY_MS,
  );
  await pause(TIMES.leaseMs);
  expect(repaired.toSorted()).toEqual(['due', 'user']);
  await job.complete();
});

it.concurrent('a walk over streams that have lost nothing counts no repair, and tells what is set aside of those it passes', async ({
  onTestFinished,
}) => {
  const { replica } = await ground(onTestFinished);
  const settle = () => Promise.reject(new Error('it is away'));
  const options = { settleForMs: 1, settleBackoffMs: 100, repairMs: 8_000 };
  const one = await replica({ options, hooks: { settle, onError: () => {} } });
  await (await start(one.manager, 'paused')).pause({ type: 'checkpoint' });
  await start(one.manager, 'running');
  for (const streamId of ['aside', 'other', 'newer', 'newer']) {
    const job = await start(one.manager, streamId);
    await job.complete();
    const isSetAside = async () => (await one.manager.getJob(streamId))?.settlement.state === 'set_aside';
    await until(isSetAside, `${streamId} is set aside`);
  }
  const two = await replica({ options });
  const both = [one, two];
  await until(() => both.some(({ setAside }) => setAside.at(-1) === 4), 'they are counted');
  await until(() => both.some(({ setAside }) => setAside.includes(undefined)), 'the other leaves it');
  expect(both.map(({ repaired }) => repaired)).toEqual([[], []]);
  expect(both.filter(({ setAside }) => setAside.at(-1) === 4)).toHaveLength(1);
});

it.concurrent('what another step has put off since a walk looked at it counts as no repair', async ({
  onTestFinished,
}) => {
  const { replica, scoreOf } = await ground(onTestFinished);
  let settled = () => {};
  const settling = new Promise<void>((resolve) => {
    settled = resolve;
  });
  const one = await replica({ hooks: { settle: () => settling } });
  await (await start(one.manager, 's')).complete();
  const isClaimed = async () => (await one.manager.getJob('s'))?.settlement.claimed === true;
  await until(isClaimed, 'somebody settles it');
  const claimedUntil = (await one.manager.getJob('s'))?.settlement.notBefore ?? 0;
  let isRestored = false;
  const beforeRestore = async () => {
    settled();
    const isPutOff = async () => Number((await scoreOf('s')) ?? 0) > claimedUntil + 1_000;
    await until(isPutOff, 'it is kept for long');
    isRestored = true;
  };
  const walker = await replica({ options: { repairMs: 2_000 }, beforeRestore });
  await until(() => walker.setAside.length > 0, 'the walk is over');
  expect([isRestored, walker.repaired]).toEqual([true, []]);
});

it.concurrent('a dead producer whose due score is gone is found by whoever reads its record', async ({
  onTestFinished,
}) => {
  const { replica, forget, statusOf } = await ground(onTestFinished);
  const doomed = await replica();
  for (const streamId of ['read', 'followed', 'listed']) await start(doomed.manager, streamId);
  await doomed.die();
  await forget('read');
  await forget('followed');
  const { manager } = await replica();
  await pause(TIMES.leaseMs * 2.5);
  expect(await statusOf('read')).toBe('running');
  await manager.getJob('read');
  await manager.getResumeState('followed');
  const areLost = async () =>
    (await statusOf('read')) === 'failed' && (await statusOf('followed')) === 'failed';
  await until(areLost, 'both are noticed');
});

it.concurrent('a follower by cursor has what its stream’s index lost put back: dead, paused or ended without a settlement, stay or leave', async ({
  onTestFinished,
}) => {
  const { replica, forget } = await ground(onTestFinished);
  const doomed = await replica({
    hooks: { settle: () => new Promise(() => {}) },
    options: { settleClaimMs: 1_000 },
  });
  const dead = await start(doomed.manager, 'dead');
  const paused = await start(doomed.manager, 'paused');
  await paused.pause({ type: 'checkpoint', expiresInMs: 1_000 });
  const unsettled = await start(doomed.manager, 'unsettled');
  await unsettled.complete();
  await doomed.die();
  for (const { streamId } of [dead, paused, unsettled]) await forget(streamId);
  const settled: string[] = [];
  const { manager, repaired } = await replica({
    options: { logPollMs: 300 },
    hooks: { settle: ({ record }) => void settled.push(record.streamId) },
  });
  const follow = async ({ streamId, generation }: GenerationJob, sequence: number) => {
    const events: string[] = [];
    for await (const { event } of manager.subscribe(streamId, { after: `${generation}-${sequence}` }))
      events.push(event);
    return events;
  };
  // These two come before anything is over, and stay.
  const staying = [follow(dead, 1), follow(paused, 2)];
  await pause(TIMES.leaseMs * 2.5);
  // This one leaves at once, since all is told.
  expect(await follow(unsettled, 2)).toEqual([]);
  await until(() => settled.includes('unsettled'), 'it is settled');
  expect((await Promise.all(staying)).map((events) => events.at(-1))).toEqual(['failed', 'aborted']);
  expect(repaired.filter((index) => index === 'due').length).toBeGreaterThanOrEqual(3);
});

it.concurrent('what nobody renews or reads, paused, unsettled and dead, is found by the walk, and by one replica at a time', async ({
  onTestFinished,
}) => {
  const { redis, replica, scoreOf, forget, isOwned, statusOf } = await ground(onTestFinished);
  const claim = { settleClaimMs: 1_000 };
  const doomed = await replica({ options: claim, hooks: { settle: () => new Promise(() => {}) } });
  const dead = await start(doomed.manager, 'dead');
  await (await start(doomed.manager, 'paused')).pause({ type: 'checkpoint', expiresInMs: 2_500 });
  await (await start(doomed.manager, 'unsettled')).complete();
  await (await start(doomed.manager, 'waiting')).pause({ type: 'checkpoint' });
  expect(dead.isOver).toBe(false);
  await doomed.die();
  for (const streamId of ['dead', 'paused', 'unsettled', 'waiting']) await forget(streamId);
  const settled: string[] = [];
  const hooks: Hooks = { settle: ({ record }) => void settled.push(record.streamId) };
  await redis.config('RESETSTAT');
  const options = { repairMs: 20_000, ...claim };
  const walkers = await Promise.all([1, 2, 3].map(() => replica({ options, hooks })));
  await Promise.all(
    ['dead', 'paused'].map((streamId) =>
      until(
        async () =>
          (await statusOf(streamId)) !== 'running' && (await statusOf(streamId)) !== 'requires_action',
        `${streamId} ends`,
        20_000,
      ),
    ),
  );
  await until(() => settled.includes('unsettled'), 'it is settled');
  expect(await statusOf('dead')).toBe('failed');
  expect(await statusOf('paused')).toBe('aborted');
  expect(await scoreOf('waiting')).not.toBeNull();
  expect(await Promise.all(['dead', 'paused', 'unsettled', 'waiting'].map(isOwned))).toEqual([
    true,
    true,
    true,
    true,
  ]);
  expect(
    (await walkers[0]?.manager.listActiveJobs({ userId: 'u' }))?.map(({ streamId }) => streamId),
  ).toEqual(['waiting']);
  // The whole of this small server is one page.
  const scans = Number(/cmdstat_scan:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1] ?? 0);
  expect(scans).toBeLessThanOrEqual(2);
  expect(walkers.flatMap(({ failed }) => failed)).toEqual([]);
});
