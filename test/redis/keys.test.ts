/**
 * What lies in Redis, for how long, and in which format.
 */
import { cp, mkdir, rm } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { GenerationJobManager } from '../../src/stream/generation-job-manager.js';
import { RedisEventTransport } from '../../src/stream/implementations/redis/event-transport.js';
import { RedisJobStore } from '../../src/stream/implementations/redis/job-store.js';
import { streamKey } from '../../src/stream/model/stream-key.js';
import type { JobRecord } from '../../src/stream/model/types.js';
import { callId, claimOf, Desk, KEY, LEASE } from '../contract/desk.js';
import type { Harness } from '../contract/harness.js';
import { RedisServer } from '../support/redis-server.js';
import { NO_WALK } from './no-walk.js';
import { codeOf, countOf, namesOf, type Replica, Stage, TIMES } from './replicas.js';

let server: RedisServer;
let redis: Redis;
let stage: Stage;
beforeAll(async () => {
  server = await RedisServer.start();
  redis = server.connect();
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});
beforeEach(() => {
  stage = new Stage(server.port);
});
afterEach(() => stage.close());

const GONE = -2;
const ENDLESS = -1;

const keysOf = (pattern = '*') => redis.keys(`${stage.keyPrefix}${pattern}`);

/** The times to live of a stream's keys. */
async function ttlsOf(streamId: string): Promise<number[]> {
  const keys = await keysOf(`{/${streamId}}:*`);
  expect(keys.length).toBeGreaterThan(0);
  const ttls = await Promise.all(keys.map((key) => redis.pttl(key)));
  return ttls.filter((ttl) => ttl !== GONE); // an emptied hash goes between the two looks
}

/** The shortest time to live of a stream's keys; every one of them must have one. */
const shortestTtl = async (streamId: string) => Math.min(...(await ttlsOf(streamId)));

/** Jobs of every outcome, and how many of them are begun together. */
const JOBS = 126;
const AT_ONCE = 42;

it(`L48 after ${JOBS} jobs of every outcome and retention, no key is left`, async () => {
  const brief = {
    options: {
      leaseMs: 9_000, // so many may wait long for their answers
      createTimeoutMs: 8_000,
      renewMs: 1_000,
      retentionMs: 400,
      idempotencyMs: 1_500,
      settleClaimMs: 1_500,
      ...NO_WALK, // whoever walks holds a slot of nobody's until the next walk
      limits: { activeJobsPerUser: 1_000 },
    },
    redisOptions: { createHoldMs: 500, timeoutMs: 4_000 },
    settle: true,
  };
  const [one, two] = await stage.two(brief);
  // Its lease is the one that is waited for. What it loses of it while it lives ends as what is lost when it is killed.
  const short = { ...brief.options, leaseMs: 4_000, renewMs: 500 };
  const redisOptions = { ...brief.redisOptions, timeoutMs: 1_900 };
  const victim = await stage.replica({ ...brief, options: short, redisOptions });
  const streams = Array.from({ length: JOBS }, (_, index) => `s${index}`);
  const action = { type: 'tool_approval', requests: [{ id: 'r', name: 't' }], expiresInMs: 300 };
  const live = async (streamId: string, index: number): Promise<unknown> => {
    const user = { userId: `u${index % 7}`, idempotencyKey: `k${index}`, contentModel: 'text' };
    const create = (replica: Replica, end: 'complete' | 'fail' | 'hang') =>
      replica.create({ streamId, ...user, produce: { total: 5, everyMs: 1, end } });
    switch (index % 7) {
      case 0:
        return create(one, 'complete');
      case 1:
        return create(one, 'fail');
      case 2:
        await create(one, 'hang');
        return two.abort(streamId);
      case 3: // replaced, then ended
        await create(one, 'hang');
        return two.create({ streamId, userId: user.userId, produce: { total: 5 } });
      case 4:
        await create(two, 'hang');
        return one.call('delete', { streamId });
      case 5: // nobody answers
        await create(two, 'hang');
        return two.call('pause', { streamId, action });
      default: // killed
        return create(victim, 'hang');
    }
  };
  // Some at a time, so that on a busy machine none waits behind all the others.
  for (let at = 0; at < streams.length; at += AT_ONCE) {
    const some = streams.slice(at, at + AT_ONCE);
    await Promise.all(some.map((streamId, index) => live(streamId, at + index)));
  }
  await victim.kill();
  let left: string[] = [];
  const isEmpty = async () => {
    left = [];
    for (const key of await keysOf()) {
      // Killed between a deletion and the end of a create's hold, a process leaves its index entry to the key's own expiry.
      const isLeftToExpire = key.endsWith('}:streams') && (await redis.pttl(key)) > 0;
      if (!isLeftToExpire) left.push(key);
    }
    return left.length === 0;
  };
  await stage.until(isEmpty, `no key is left of ${streams.length} jobs`).catch((error: Error) => {
    throw new Error(`${error.message}: ${left.length}, such as ${left.slice(0, 10).join(' ')}`);
  });
  const isIdle = async () => (await one.stats()).process.producing === 0;
  await stage.until(isIdle, 'its producers know');
  expect(await one.stats()).toMatchObject({ global: { streams: 0, running: 0 } });
  // Each end was settled, those of the deleted streams excepted; a process tells this test of it after the store.
  const expected = streams.filter((_, index) => index % 7 !== 4);
  const unsettled = () => {
    const told = [one, two, victim].flatMap((replica) => replica.settled);
    const settled = new Set(told.map((id) => id.split('/')[1]));
    return expected.filter((streamId) => !settled.has(streamId));
  };
  await stage.until(() => unsettled().length === 0, 'this test is told of every settlement').catch(() => {});
  expect(unsettled()).toEqual([]);
});

it('P5 a stream’s keys outlive what is due on it, and a renewal extends them', async () => {
  const MARGIN = 2_000;
  const short = { redisOptions: { expiryMarginMs: MARGIN }, options: { retentionMs: 900, leaveMs: 1_000 } };
  const [one, two] = await stage.two(short);
  await one.create({
    streamId: 's',
    contentModel: 'text',
    produce: { total: 2_000, everyMs: 5, end: 'hang' },
  });
  await one.create({ streamId: 's', contentModel: 'text', produce: { everyMs: 5 } }); // keeps an ended one beside it
  const follower = await two.follow('s');
  // Far beyond the first time to live; never near its end while somebody renews.
  let seen = 0;
  for (let look = 0; look < 25; look++) {
    await pause(200);
    const ttl = await shortestTtl('s');
    expect(ttl).toBeGreaterThan(MARGIN / 2);
    if (ttl > MARGIN + TIMES.leaseMs - 2 * TIMES.renewMs) seen++;
  }
  expect(seen, 'it was extended').toBeGreaterThan(0);
  // A pause lives for its window.
  const action = { type: 'tool_approval', requests: [{ id: 'r', name: 't' }], expiresInMs: 60_000 };
  await one.call('pause', { streamId: 's', action });
  expect(await shortestTtl('s')).toBeGreaterThan(60_000 + MARGIN / 2);
  await two.abort('s');
  await stage.until(() => follower.isOver, 'it ends');
  // Ended: retention is within the margin.
  expect(await shortestTtl('s')).toBeGreaterThan(MARGIN / 2);
  stage.check();
});

it('P5 with every replica down, a running and a paused stream are still there when one comes back', async () => {
  const [one, two] = await stage.two({ redisOptions: { expiryMarginMs: 90_000 } });
  await one.create({ streamId: 'running', produce: { everyMs: 2 } });
  await two.create({ streamId: 'paused', produce: { total: 5, everyMs: 1, end: 'hang' } });
  await stage.until(() => stage.producers.every((one) => one.acknowledged >= 5), 'both are written');
  const action = { type: 'tool_approval', requests: [{ id: 'r', name: 't' }], expiresInMs: 60_000 };
  const { actionId } = await two.call<{ actionId: string }>('pause', { streamId: 'paused', action });
  await Promise.all([one.kill(), two.kill()]);
  expect(await shortestTtl('running')).toBeGreaterThan(85_000);
  expect(await shortestTtl('paused')).toBeGreaterThan(145_000);
  await pause(2 * TIMES.leaseMs); // long over, and nobody has looked
  const three = await stage.replica();
  const followers = [await three.follow('running'), await three.follow('paused')];
  await stage.until(() => followers[0]?.isOver, 'the lost one is reported');
  expect(followers[0]?.received.at(-1)).toMatchObject({ event: 'failed', data: { code: 'producer_lost' } });
  const decisions = [{ id: 'r', decision: 'approve' }];
  const produce = { total: 5, everyMs: 1 };
  await three.call('resolve', { streamId: 'paused', actionId, decisions, by: 'me', produce });
  await stage.until(() => followers[1]?.isOver, 'the paused one goes on');
  expect(namesOf(followers[1] as never).at(-1)).toBe('completed');
  stage.check();
});

it('L35 the keys of a stream live as long as what was set aside in it, also when it goes on', async () => {
  const MARGIN = 30_000;
  const KEPT = 3_600_000;
  const { keyPrefix } = stage;
  const jobStore = new RedisJobStore(redis, { keyPrefix, expiryMarginMs: MARGIN });
  const eventTransport = new RedisEventTransport(redis, { keyPrefix });
  const manager = new GenerationJobManager({
    jobStore,
    eventTransport,
    options: {
      retentionMs: 100,
      settleTries: 1,
      settleForMs: MARGIN,
      setAsideMs: KEPT,
      setAsideRetryMs: MARGIN,
    },
    hooks: {
      settle: () => {
        throw new Error('never');
      },
      onError: () => {},
    },
  });
  await manager.start();
  try {
    const start = async () => {
      const result = await manager.createJob({ streamId: 's', userId: 'u', onConflict: 'replace' });
      if (!result.started) throw new Error('The job was not started.');
      return result.job;
    };
    const first = await start();
    await first.emit({ event: 'token', data: 'a' });
    await first.complete();
    const setAside = async () => (await manager.settlements({ state: 'set_aside' })).length;
    await stage.until(async () => (await setAside()) === 1, 'it is set aside');
    expect(await shortestTtl('s')).toBeGreaterThan(KEPT - MARGIN);
    // It stands among the ended ones now; a create, an end and a renewal of the next one leave it its time.
    const next = await start();
    expect(await shortestTtl('s')).toBeGreaterThan(KEPT - MARGIN);
    await next.emit({ event: 'token', data: 'b' });
    await next.complete();
    expect(await shortestTtl('s')).toBeGreaterThan(KEPT - MARGIN);
    await stage.until(async () => (await setAside()) === 2, 'both are set aside');
  } finally {
    await manager.close();
  }
  expect(await shortestTtl('s')).toBeGreaterThan(KEPT - MARGIN);
});

/** A desk at the stage's keys, and a generation to which messages are sent. */
async function steered(expiryMarginMs: number): Promise<{
  desk: Desk;
  record: JobRecord;
  send(messageId: string, idempotencyKey?: string): Promise<unknown>;
}> {
  const store = new RedisJobStore(redis, { keyPrefix: stage.keyPrefix, expiryMarginMs });
  const desk = new Desk({ store } as unknown as Harness);
  const record = await desk.created();
  const { generation } = record;
  const bounds = { waiting: 9, accepted: 9 };
  const send = (messageId: string, idempotencyKey?: string) => {
    const step = { name: 'send', messageId, kind: 'steer', message: '1', bounds, idempotencyKey } as const;
    return desk.ok(store.commit({ writer: 'sender', key: KEY, generation, step }));
  };
  return { desk, record, send };
}

it.each(['pause', 'complete', 'fail'] as const)(
  'L48 what the commit of a %s takes of the inbox is kept as long as the record',
  async (name) => {
    const MARGIN = 60_000;
    const { desk, record, send } = await steered(MARGIN);
    await send('m');
    for (const key of await keysOf()) await redis.pexpire(key, MARGIN / 4);
    const { attempt, lastSequence } = record;
    const message = { event: 'message', data: '{"messageId":"m"}', sequence: lastSequence + 1, attempt };
    const end = desk.end({ ...record, lastSequence: lastSequence + 1 }, name);
    const both = { afterSequence: lastSequence, events: [message, ...end.events] };
    await desk.ok(desk.store.commit({ ...end, ...both, takes: ['m'] }));
    expect(await keysOf('*:inbox')).toHaveLength(1);
    expect(await shortestTtl('s')).toBeGreaterThan(MARGIN / 2);
  },
);

it('L48 beside a record that has no end of its own, as after a restore, nothing goes that is kept for it', async () => {
  const { desk, record, send } = await steered(60_000);
  const [job = ''] = await keysOf('*:job');
  await redis.persist(job);
  const { generation, attempt } = record;
  const place = { key: KEY, generation, attempt };
  await send('m', 'its key');
  const snapshot = { sequence: 1, content: '""', kept: [] };
  await desk.store.saveSnapshot({ ...place, snapshot, trim: false });
  const step = { step: 'begin', name: 'n', callId: callId(), most: 9 } as const;
  await desk.ok(desk.store.commit({ writer: 'receipts', ...place, ...step }));
  for (const name of ['inbox', 'snapshots', 'receipts']) {
    const [key = ''] = await keysOf(`*:${name}`);
    expect(await redis.pttl(key), name).toBe(ENDLESS);
  }
  // The next renewal gives all of them their time.
  expect(await desk.store.renew([claimOf(record)], LEASE)).toMatchObject([{ held: true }]);
  expect(await shortestTtl('s')).toBeGreaterThan(0);
});

it('L51 what a killed process left in a user’s index goes when the user’s streams are listed', async () => {
  const one = await stage.replica();
  await one.create({ streamId: 'there', userId: 'u', produce: { total: 0, end: 'hang' } });
  const [index] = await keysOf('{user:*}:streams');
  if (index === undefined) throw new Error('There is no index.');
  // As a deletion leaves it whose process was killed while a create held the entry; and as one that is still held.
  const [seconds = ''] = await redis.time();
  const now = Number(seconds) * 1_000;
  const holds = { deleted: now - 60_000, there: now - 60_000, 'about-to-come': now + 60_000 };
  for (const [streamId, until] of Object.entries(holds)) await redis.zadd(index, until, streamId);
  const store = new RedisJobStore(redis, { keyPrefix: stage.keyPrefix });
  await store.start();
  const { entries } = await store.listByUser({ userId: 'u', tenantId: undefined }, { limit: 10 });
  expect(entries.map(({ key }) => key.streamId).toSorted()).toEqual(['about-to-come', 'there']);
  expect((await redis.zrange(index, '0', '-1')).toSorted()).toEqual(['about-to-come', 'there']);
});

it('L160 a queue’s key lives a day longer than its last run may wait, and a user’s index names the stream as long', async () => {
  const DAY = 24 * 3_600_000;
  const store = new RedisJobStore(redis, { keyPrefix: stage.keyPrefix, createHoldMs: 1 });
  const key = streamKey('only-queued');
  const run = { userId: 'u', request: '{}', mostWaiting: 9 };
  const ttl = () => redis.pttl(`${stage.keyPrefix}{/only-queued}:queue`);
  const add = (queueId: string, expiresInMs: number) =>
    store.queues.add(key, { ...run, queueId, expiresInMs });
  await add('long', 5_000_000);
  await add('short', 1_000);
  expect(await ttl()).toBeGreaterThan(DAY + 4_900_000);
  expect(await ttl()).toBeLessThanOrEqual(DAY + 5_000_000);
  await store.queues.change(key, { name: 'cancel', queueId: 'long' });
  expect(await ttl()).toBeLessThanOrEqual(DAY + 1_000);
  await store.queues.change(key, { name: 'clear' });
  // Its revision, for whoever reads it late.
  expect(await ttl()).toBeGreaterThan(DAY - 60_000);
  expect(await ttl()).toBeLessThanOrEqual(DAY);
  const owned = async () => {
    const { entries } = await store.listByUser({ userId: 'u', tenantId: undefined }, { limit: 10 });
    return entries.map((entry) => entry.key.streamId);
  };
  // The hold of the index is long over.
  await pause(5);
  for (let look = 0; look < 2; look++) expect(await owned()).toEqual(['only-queued']);
  await store.queues.drop(key);
  await stage.until(async () => (await keysOf('{/only-queued}:*')).length === 0, 'the key has gone');
  expect(await owned()).toEqual([]);
  expect(await keysOf()).toEqual([]);
});

it('L50 two releases side by side: each follows, ends, recovers and resolves the other’s jobs', async () => {
  // For now two builds of the same sources; from the second release on, the one before it.
  const folder = new URL(`../../.cache/release-${process.pid}/`, import.meta.url);
  await mkdir(folder, { recursive: true });
  try {
    await cp(fileURLToPath(new URL('../../dist', import.meta.url)), fileURLToPath(folder), {
      recursive: true,
    });
    const library = pathToFileURL(fileURLToPath(new URL('index.js', folder))).href;
    const recover = { total: 5, everyMs: 1 };
    const [older, newer] = await Promise.all([
      stage.replica({ library, recover }),
      stage.replica({ recover }),
    ]);
    for (const [name, ours, theirs] of [
      ['a', older, newer],
      ['b', newer, older],
    ] as const) {
      // Follow and end.
      await ours.create({ streamId: `${name}1`, produce: { everyMs: 2 } });
      const followed = await theirs.follow(`${name}1`);
      await stage.until(() => countOf(followed) > 10, 'it is followed');
      expect(await theirs.abort(`${name}1`)).toMatchObject({ aborted: true });
      // Resolve.
      await ours.create({ streamId: `${name}2`, produce: { total: 5, everyMs: 1, end: 'hang' } });
      const action = { type: 'tool_approval', requests: [{ id: 'r', name: 't' }] };
      const pausing = { streamId: `${name}2`, action };
      const { actionId } = await ours.call<{ actionId: string }>('pause', pausing);
      const resolving = { streamId: `${name}2`, actionId, decisions: [{ id: 'r', decision: 'approve' }] };
      await theirs.call('resolve', { ...resolving, by: 'me', produce: { total: 5, everyMs: 1 } });
      const resumed = await ours.follow(`${name}2`);
      // Recover.
      const victim = await stage.replica(ours === older ? { library } : {});
      await victim.create({ streamId: `${name}3`, produce: { everyMs: 2 } });
      const recovered = await theirs.follow(`${name}3`);
      await stage.until(() => countOf(recovered) > 10, 'it is followed');
      await victim.kill();
      const followers = [followed, resumed, recovered];
      await stage.until(() => followers.every((one) => one.isOver), 'all end');
      expect(followers.map((one) => namesOf(one).at(-1))).toEqual(['aborted', 'completed', 'completed']);
      expect(namesOf(recovered)).toContain('recovered');
    }
    await stage.until(
      () => stage.producers.every((one) => one.isComplete || one.replica.isDead),
      'all producers know',
    );
    stage.check();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

it('L50 a format of a later release is refused by name, and harms no other stream', async () => {
  const [one, two] = await stage.two();
  const key = `${stage.keyPrefix}{/later}:`;
  await one.create({ streamId: 'later', produce: { total: 3, everyMs: 1, end: 'hang' } });
  await one.create({ streamId: 'own', produce: { total: 300, everyMs: 5 } });
  const followers = [await two.follow('later'), await two.follow('own')];
  await stage.until(() => followers.every((one) => countOf(one) >= 3), 'both are followed');
  const { generation } = stage.producer('later');
  // A frame, an entry and a record as a later release might write them.
  const entry = `2 ${generation} 1 5 5\n{"some":"thing"}\n`;
  await redis.xadd(`${key}log`, `${generation}-5`, 'e', entry);
  await redis.hset(`${key}job`, 'fence', `${generation} 1 running 5`);
  await redis.publish(`${key}live`, entry);
  await redis.publish(`${stage.keyPrefix}signals`, 'a later release’s signal');
  await stage.until(() => followers[0]?.error !== undefined, 'its follower is told');
  expect(followers[0]?.error).toBe('newer_format');
  await redis.hset(`${key}job`, 'format', '2');
  expect(await codeOf(two.job('later'))).toBe('newer_format');
  await expect(two.job('later')).rejects.toThrow(/of format 2; this release reads up to/);
  await stage.until(() => followers[1]?.isOver, 'the other one ends');
  expect(namesOf(followers[1] as never).at(-1)).toBe('completed');
  expect(one.isDead || two.isDead).toBe(false);
});
