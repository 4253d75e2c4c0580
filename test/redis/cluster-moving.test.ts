/**
 * A slot that moves to another node. While its keys are still where they were, a key that goes in the middle of a script is
 * not made again: the node takes it for one that has moved already, and refuses the rest of the script. And a script of
 * which a key is not there is refused as a whole, so it is given no key that it can do without.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { Cluster, type Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RedisJobStore } from '../../src/stream/implementations/redis/job-store.js';
import { RedisKeys } from '../../src/stream/implementations/redis/keys.js';
import { type RedisCluster, startCluster } from '../support/redis-server.js';
import { HOUR, StreamSteps } from './stream-steps.js';

const keys = new RedisKeys('gj:');

let cluster: RedisCluster;
let nodes: readonly { redis: Redis; id: string; port: number }[];
let client: Cluster;
let store: RedisJobStore;
beforeAll(async () => {
  cluster = await startCluster();
  nodes = await Promise.all(
    cluster.nodes.map(async (server) => {
      const redis = server.connect();
      return { redis, id: String(await redis.call('CLUSTER', 'MYID')), port: server.port };
    }),
  );
  const addresses = cluster.nodes.map(({ port }) => ({ port, host: '127.0.0.1' }));
  // It asks sixteen times before it says that a call is refused.
  client = new Cluster(addresses, { retryDelayOnTryAgain: 10 });
  store = new RedisJobStore(client);
  await store.start();
});
afterAll(async () => {
  client.disconnect();
  for (const { redis } of nodes) redis.disconnect();
  await cluster.stop();
});

async function ownerOf(key: string) {
  const slot = Number(await nodes[0]?.redis.call('CLUSTER', 'KEYSLOT', key));
  const counts = await Promise.all(nodes.map(({ redis }) => redis.call('CLUSTER', 'COUNTKEYSINSLOT', slot)));
  const at = counts.findIndex((count) => Number(count) > 0);
  const [source, target] = [nodes[at], nodes[(at + 1) % nodes.length]];
  if (source === undefined || target === undefined) throw new Error('Nobody has the key.');
  return { slot, source, target };
}

/** What a call answers while the slot of `key` is on its way, and all its keys are still at the source. */
async function whileMoving<Answer>(key: string, call: () => Promise<Answer>): Promise<Answer> {
  const { slot, source, target } = await ownerOf(key);
  await target.redis.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', source.id);
  await source.redis.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', target.id);
  try {
    return await call();
  } finally {
    for (const { redis } of [source, target]) await redis.call('CLUSTER', 'SETSLOT', slot, 'STABLE');
  }
}

/** The steps of a stream of the name, through a store that remembers nothing of any. */
const stepsOf = (streamId: string) => new StreamSteps(new RedisJobStore(client), streamId);

/** How many of the stream's keys are there. */
async function countKeys({ key }: StreamSteps): Promise<number> {
  const all = keys.stream(key);
  const { source } = await ownerOf(all[0]);
  return source.redis.exists(...all);
}

/** A generation that has ended, with a snapshot, and a running one behind it: the stream has its first four keys. */
async function begun(streamId: string): Promise<StreamSteps> {
  const steps = stepsOf(streamId);
  await steps.create();
  await steps.snapshot();
  await steps.complete();
  await steps.create();
  return steps;
}

const page = { after: 'snapshot', maxEvents: 100, maxBytes: 9_999 } as const;

it('a stream without messages and receipts lives on while its slot moves: it needs no key for either', async () => {
  const steps = await begun('usual');
  const [job] = keys.stream(steps.key);
  expect(await countKeys(steps)).toBe(4);
  await whileMoving(job, async () => {
    expect(await steps.renew()).toBe('held');
    await steps.produce();
    await steps.patch(1);
    await steps.snapshot();
    await steps.pause();
    await steps.resolve();
    await steps.startOver();
    expect(await store.readLog({ ...page, key: steps.key })).toMatchObject({ found: true, lastSequence: 6 });
    await steps.abort();
    await steps.settle(await steps.current(), 240 * HOUR);
    await steps.create();
    await steps.create({ replaces: await steps.current() });
    await steps.complete();
  });
  expect(await countKeys(steps)).toBe(4);
  const kept = await store.read(steps.key, 'kept');
  expect(kept.map(({ status }) => status)).toEqual(['completed', 'aborted', 'aborted', 'completed']);
});

it('a stream that has nothing but its record and its log keeps its lease and is written to; its end waits', async () => {
  const steps = stepsOf('first');
  await steps.create();
  const [job] = keys.stream(steps.key);
  expect(await countKeys(steps)).toBe(2);
  await whileMoving(job, async () => {
    expect(await steps.renew()).toBe('held');
    await steps.produce();
    await steps.patch(1);
    await expect(steps.complete()).rejects.toMatchObject({ code: 'unavailable' });
    expect(await steps.renew()).toBe('held');
    await steps.produce();
  });
  expect(await steps.current()).toMatchObject({ status: 'running', lastSequence: 4, usage: { tokens: 1 } });
  await steps.complete();
});

it('a stream with messages lives on without receipts, and what it took waits again, though its inbox goes', async () => {
  const steps = await begun('steered');
  for (const id of ['m1', 'm2']) await steps.send(id);
  await steps.take('m1');
  const [job] = keys.stream(steps.key);
  expect(await countKeys(steps)).toBe(5);
  await whileMoving(job, async () => {
    expect(await steps.renew()).toMatchObject({ held: true, waiting: 1 });
    await steps.pause();
    await steps.resolve();
    await steps.send('m3');
    await steps.take('m2');
    await stepsOf('steered').startOver();
  });
  // All that the key had was what was taken.
  expect(await countKeys(steps)).toBe(4);
  const record = await steps.current();
  expect(record.inbox.map(({ messageId }) => messageId)).toEqual(['m1', 'm2', 'm3']);
  expect(record).toMatchObject({ status: 'running', attempt: 3 });
  await steps.complete();
});

it('a lease is renewed wherever its slot is on its way, key by key', async () => {
  const steps = await begun('moved');
  const all = keys.stream(steps.key);
  const { slot, source, target } = await ownerOf(all[0]);
  await target.redis.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', source.id);
  await source.redis.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', target.id);
  for (const key of all) {
    expect(await steps.renew(), `before ${key} has moved`).toBe('held');
    await source.redis.call('MIGRATE', '127.0.0.1', target.port, key, 0, 10_000);
  }
  expect(await steps.renew(), 'when all have moved').toBe('held');
  await steps.complete();
  for (const { redis } of [target, source, ...nodes])
    await redis.call('CLUSTER', 'SETSLOT', slot, 'NODE', target.id);
  expect((await steps.create()).status).toBe('running');
  expect(await steps.renew()).toBe('held');
});

it('a create while its slot moves keeps the record, and every generation before it', async () => {
  const steps = await begun('s');
  const [job] = keys.stream(steps.key);
  await steps.snapshot();
  await steps.complete();
  const [second, first] = await store.read(steps.key, 'kept');
  const third = await whileMoving(job, () => steps.create({ callId: 'three' }));
  const kept = await store.read(steps.key, 'kept');
  expect(kept.map(({ generation }) => generation)).toEqual([
    third.generation,
    second?.generation,
    first?.generation,
  ]);
  // The new record has nothing of the one before it.
  expect(await store.read(steps.key, 'current')).toEqual([third]);
  expect(third.metadata).toEqual({ 'of three': 1 });
  expect(third.endedAt).toBeUndefined();
  const { source } = await ownerOf(job);
  const fields = await source.redis.hkeys(job);
  expect(fields).toEqual(expect.arrayContaining(['m:of three', 'fence', 'leaseUntil']));
  expect(fields.filter((name) => /of call|endedAt|calls|snapshot|firstSequence/.test(name))).toEqual([]);
});

it('L161 a run is started, and another one added, while its slot moves and nothing is left of the queue in between', async () => {
  const steps = await begun('queued');
  await steps.complete();
  const [job, , , , ...others] = keys.stream(steps.key);
  const { key } = steps;
  // A start waits for the slot unless every key is there: it names them all.
  for (const other of [...others, keys.queue(key)]) await client.hset(other, 'some', 'field');
  const run = { userId: 'u', request: '{}', expiresInMs: HOUR, mostWaiting: 9 };
  await store.queues.add(key, { ...run, queueId: 'only' });
  await whileMoving(job, async () => {
    const reply = await store.create({
      ...{ key, userId: 'u', callId: 'only', notAfter: Date.now() + HOUR, leaseMs: HOUR, metadata: {} },
      ...{ created: { event: 'created', data: '{}' }, settles: false, start: { startId: 'start' } },
    });
    expect(reply).toMatchObject({ outcome: 'created', record: { createId: 'only', fromQueue: true } });
    expect(await store.queues.read(key)).toMatchObject({ runs: [] });
    expect(await store.queues.add(key, { ...run, queueId: 'next' })).toMatchObject({ changed: true });
    expect(await store.queues.change(key, { name: 'clear' })).toMatchObject({ changed: true });
    await store.queues.drop(key);
  });
  expect(await store.queues.read(key)).toMatchObject({ revision: 0, runs: [] });
});

it('a deletion while its slot moves leaves the number that lies ahead of the clock, and nothing else', async () => {
  const steps = stepsOf('ahead');
  const [job, , , , ...others] = keys.stream(steps.key);
  await steps.create(); // so that its node is known
  const { source } = await ownerOf(job);
  await store.delete(steps.key);
  await source.redis.hset(job, 'floor', String(Date.now() + HOUR)); // as after a jump of the clock
  await begun('ahead');
  const { generation } = await steps.current();
  // A deletion waits for the slot unless every key is there: it names them all.
  for (const key of [...others, keys.queue(steps.key)]) await client.hset(key, 'some', 'field');
  await whileMoving(job, () => store.delete(steps.key));
  expect(await source.redis.hgetall(job)).toEqual({ floor: String(generation) });
  expect(await source.redis.pttl(job)).toBeGreaterThan(HOUR / 2);
  expect(await source.redis.pttl(job)).toBeLessThanOrEqual(HOUR + 2);
  expect(await countKeys(steps)).toBe(1);
  expect(await store.read(steps.key, 'kept')).toEqual([]);
  expect((await steps.create()).generation).toBe(generation + 1);
});

it('a slot is taken, and a run remembered, while theirs moves and all that is there has lapsed', async () => {
  const user = { tenantId: undefined, userId: 'u' };
  const slot = { holder: 'h', limit: 1, forMs: HOUR };
  await store.slots.take(user, { ...slot, streamId: 'long' });
  await store.slots.take(user, { ...slot, limit: 2, streamId: 'brief', forMs: 1 });
  await store.slots.give(user, { ...slot, streamId: 'long' });
  await store.slots.remember(user, 'long', { streamId: 'long' }, HOUR);
  await store.slots.remember(user, 'brief', { streamId: 'brief' }, 1);
  await store.slots.forget(user, 'long', { streamId: 'long' });
  await pause(5); // the server's clock goes on
  const { slots, runs } = keys.user(user);
  await whileMoving(slots, async () => {
    expect(await store.slots.take(user, { ...slot, streamId: 'next' })).toBe(true);
    const run = { streamId: 'next' };
    expect(await store.slots.remember(user, 'next', run, HOUR)).toEqual(run);
    // What has lapsed may also be had again under its own name.
    await store.slots.give(user, { ...slot, streamId: 'next' });
    expect(await store.slots.remember(user, 'brief', run, 1)).toEqual(run);
    expect(await store.slots.take(user, { ...slot, streamId: 'brief', forMs: 1 })).toBe(true);
  });
  await pause(5);
  const again = { streamId: 'again' };
  expect(await store.slots.remember(user, 'brief', again, HOUR)).toEqual(again);
  expect(await store.slots.take(user, { ...slot, streamId: 'brief' })).toBe(true);
  const { source } = await ownerOf(slots);
  expect(await source.redis.hkeys(slots)).toEqual(['brief']);
  expect((await source.redis.hkeys(runs)).sort()).toEqual(['brief', 'next']);
});

it('a cluster that is down and allows reads refuses a write for now, not for good', async () => {
  const steps = stepsOf('down');
  await steps.create();
  const { source, slot } = await ownerOf(keys.stream(steps.key)[0]);
  const own = await source.redis.call('CLUSTER', 'SLOTS');
  const other = (own as [number, number, [string, number, string]][]).find(
    ([, , owner]) => owner[2] === source.id,
  );
  const missing = other?.[0] === slot ? slot + 1 : (other?.[0] ?? 0);
  await source.redis.config('SET', 'cluster-allow-reads-when-down', 'yes');
  await source.redis.call('CLUSTER', 'DELSLOTS', missing);
  try {
    await expect(steps.produce()).rejects.toMatchObject({
      code: 'unavailable',
      cause: { message: expect.stringContaining('while the cluster is down') },
    });
  } finally {
    await source.redis.call('CLUSTER', 'ADDSLOTS', missing);
  }
  expect(await steps.produce()).toMatchObject({ ok: true });
});
