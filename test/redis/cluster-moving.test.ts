/**
 * A slot that moves to another node while its keys are still where they were. There a key that goes in the middle of a
 * script is not made again: the node takes it for one that has moved already, and refuses the rest of the script.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { Cluster, type Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RedisJobStore } from '../../src/stream/implementations/redis/job-store.js';
import { RedisKeys } from '../../src/stream/implementations/redis/keys.js';
import { streamKey } from '../../src/stream/model/stream-key.js';
import type { JobRecord } from '../../src/stream/model/types.js';
import { type RedisCluster, startCluster } from '../support/redis-server.js';

const HOUR = 3_600_000;
const keys = new RedisKeys('gj:');

let cluster: RedisCluster;
let nodes: readonly { redis: Redis; id: string }[];
let client: Cluster;
let store: RedisJobStore;
beforeAll(async () => {
  cluster = await startCluster();
  nodes = await Promise.all(
    cluster.nodes.map(async (server) => {
      const redis = server.connect();
      return { redis, id: String(await redis.call('CLUSTER', 'MYID')) };
    }),
  );
  client = new Cluster(cluster.nodes.map(({ port }) => ({ port, host: '127.0.0.1' })));
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

/** A script whose keys are not all there is refused until the slot has moved: here all are. */
async function addOtherKeys(streamId: string): Promise<void> {
  const [, , , , inbox, receipts] = keys.stream(streamKey(streamId));
  for (const key of [inbox, receipts]) await client.hset(key, 'some', 'field');
}

const created = { event: 'created', data: '{}' };

async function create(streamId: string, callId: string): Promise<JobRecord> {
  const reply = await store.create({
    ...{ key: streamKey(streamId), userId: 'u', callId, notAfter: Date.now() + HOUR, leaseMs: HOUR },
    ...{ metadata: { [`of ${callId}`]: '1' }, created, settles: false },
  });
  if (reply.outcome !== 'created') throw new Error(`The store says ${reply.outcome}.`);
  return reply.record;
}

async function complete({ streamId, generation }: JobRecord): Promise<void> {
  const of = { key: streamKey(streamId), generation, attempt: 1 };
  const snapshot = { sequence: 1, content: '""', kept: [] };
  await store.saveSnapshot({ ...of, snapshot, trim: false });
  await store.commit({
    ...{ writer: 'producer', ...of, afterSequence: 1 },
    events: [{ event: 'completed', data: '{}', sequence: 2, attempt: 1 }],
    transition: { name: 'complete', callId: `end-${generation}`, settles: false },
  });
}

it('a create while its slot moves keeps the record, and every generation before it', async () => {
  const [key, job] = [streamKey('s'), keys.stream(streamKey('s'))[0]];
  const first = await create('s', 'one');
  await complete(first);
  const second = await create('s', 'two');
  await complete(second);
  await addOtherKeys('s');
  const third = await whileMoving(job, () => create('s', 'three'));
  const kept = await store.read(key, 'kept');
  expect(kept.map(({ generation }) => generation)).toEqual([
    third.generation,
    second.generation,
    first.generation,
  ]);
  // The new record has nothing of the one before it.
  expect(await store.read(key, 'current')).toEqual([third]);
  expect(third.metadata).toEqual({ 'of three': 1 });
  expect(third.endedAt).toBeUndefined();
  const { source } = await ownerOf(job);
  const fields = await source.redis.hkeys(job);
  expect(fields).toEqual(expect.arrayContaining(['m:of three', 'fence', 'leaseUntil']));
  expect(fields.filter((name) => /of two|endedAt|calls|snapshot|firstSequence/.test(name))).toEqual([]);
});

it('a deletion while its slot moves leaves the number that lies ahead of the clock, and nothing else', async () => {
  const [key, job] = [streamKey('ahead'), keys.stream(streamKey('ahead'))[0]];
  await create('ahead', 'one'); // so that its node is known
  const { source } = await ownerOf(job);
  await store.delete(key);
  await source.redis.hset(job, 'floor', String(Date.now() + HOUR)); // as after a jump of the clock
  await complete(await create('ahead', 'two'));
  const { generation } = await create('ahead', 'three');
  await store.saveSnapshot({
    ...{ key, generation, attempt: 1, trim: false },
    snapshot: { sequence: 1, content: '""', kept: [] },
  });
  await addOtherKeys('ahead');
  await whileMoving(job, () => store.delete(key));
  expect(await source.redis.hgetall(job)).toEqual({ floor: String(generation) });
  expect(await source.redis.pttl(job)).toBeGreaterThan(HOUR / 2);
  expect(await source.redis.pttl(job)).toBeLessThanOrEqual(HOUR + 2);
  expect(await store.read(key, 'kept')).toEqual([]);
  expect((await create('ahead', 'four')).generation).toBe(generation + 1);
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
  const { generation } = await create('down', 'one');
  const { source, slot } = await ownerOf(keys.stream(streamKey('down'))[0]);
  const own = await source.redis.call('CLUSTER', 'SLOTS');
  const other = (own as [number, number, [string, number, string]][]).find(
    ([, , owner]) => owner[2] === source.id,
  );
  const missing = other?.[0] === slot ? slot + 1 : (other?.[0] ?? 0);
  await source.redis.config('SET', 'cluster-allow-reads-when-down', 'yes');
  await source.redis.call('CLUSTER', 'DELSLOTS', missing);
  const commit = () =>
    store.commit({
      ...{ writer: 'producer', key: streamKey('down'), generation, attempt: 1, afterSequence: 1 },
      events: [{ event: 'text', data: '"a"', sequence: 2, attempt: 1 }],
    });
  try {
    await expect(commit()).rejects.toMatchObject({
      code: 'unavailable',
      cause: { message: expect.stringContaining('while the cluster is down') },
    });
  } finally {
    await source.redis.call('CLUSTER', 'ADDSLOTS', missing);
  }
  expect(await commit()).toMatchObject({ ok: true });
});
