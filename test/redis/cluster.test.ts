/**
 * Replicas on a cluster of three primaries: what the faults of one server become there, and what only a cluster does.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { Cluster, type Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { RedisJobStore } from '../../src/stream/implementations/redis/job-store.js';
import { streamKey } from '../../src/stream/model/stream-key.js';
import { type RedisCluster, type RedisServer, startCluster } from '../support/redis-server.js';
import { BUSY_MS, countOf, NOTHING_LAPSES, namesOf, Stage, TIMES } from './replicas.js';

let cluster: RedisCluster;
let nodes: { server: RedisServer; redis: Redis; id: string }[];
let stage: Stage;
beforeAll(async () => {
  cluster = await startCluster();
  nodes = await Promise.all(
    cluster.nodes.map(async (server) => {
      const redis = server.connect();
      return { server, redis, id: (await redis.call('CLUSTER', 'MYID')) as string };
    }),
  );
});
afterAll(async () => {
  for (const { redis } of nodes) redis.disconnect();
  await cluster.stop();
});
beforeEach(() => {
  stage = new Stage(0);
});
afterEach(() => stage.close());

const three = (config: object = {}) =>
  stage.three({ clusterPorts: cluster.nodes.map(({ port }) => port), ...config });

/** Short enough to be waited out, and long enough for twelve producers to keep theirs until they are killed. */
const LEASE = { leaseMs: 4_000, renewMs: 500 };

/** Streams that lie on all three nodes, by chance. */
const STREAMS = Array.from({ length: 12 }, (_, index) => `s${index}`);

it('F1 on a cluster: a killed producer is reported, or taken over, on every replica in time', async () => {
  const [one, two, victim] = await three({ options: LEASE });
  await Promise.all(STREAMS.map((streamId) => victim.create({ streamId, produce: { everyMs: 10 } })));
  const followers = await Promise.all(
    STREAMS.flatMap((streamId) => [one, two].map((replica) => replica.follow(streamId))),
  );
  await stage.until(() => followers.every((follower) => countOf(follower) > 5), 'all are followed');
  const since = performance.now();
  await victim.kill();
  await stage.until(() => followers.every((follower) => follower.isOver), 'all are told');
  for (const follower of followers) {
    expect(follower.received.at(-1)).toMatchObject({ event: 'failed', data: { code: 'producer_lost' } });
    expect((follower.times.at(-1) ?? 0) - since).toBeLessThan(LEASE.leaseMs + BUSY_MS);
  }
  stage.check();
});

it('F9 F10 on a cluster: scripts flushed and subscriber links killed every 200 ms lose nothing', async () => {
  const [one, two, other] = await three(NOTHING_LAPSES);
  await Promise.all(
    STREAMS.map((streamId) => one.create({ streamId, produce: { total: 200, everyMs: 15 } })),
  );
  const followers = await Promise.all(
    STREAMS.flatMap((streamId) => [two, other].map((replica) => replica.follow(streamId))),
  );
  await stage.until(() => followers.every((follower) => countOf(follower) > 5), 'all are followed');
  while (!followers.every((follower) => follower.isOver)) {
    for (const { redis } of nodes) {
      await redis.script('FLUSH');
      await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    }
    await pause(200); // so often
  }
  for (const follower of followers) {
    expect(countOf(follower)).toBe(200);
    expect(namesOf(follower).at(-1)).toBe('completed');
    const waits = follower.times.map((time, index) => time - (follower.times[index - 1] ?? time));
    expect(Math.max(...waits), 'the longest silence').toBeLessThan(TIMES.logPollMs + BUSY_MS);
  }
  stage.check();
});

it('a stream whose slot moves to another node while it is written and followed goes on', async () => {
  const [one, two, other] = await three({
    ...NOTHING_LAPSES,
    options: { ...NOTHING_LAPSES.options, logPollMs: 60_000 },
  });
  await one.create({ streamId: 'moving', produce: { everyMs: 5 } });
  const followers = [await two.follow('moving'), await other.follow('moving')];
  await stage.until(() => followers.every((follower) => countOf(follower) > 20), 'it is followed');
  const key = `${stage.keyPrefix}{/moving}:job`;
  const slot = Number(await nodes[0]?.redis.call('CLUSTER', 'KEYSLOT', key));
  for (let move = 0; move < 2; move++) {
    const owners = await Promise.all(
      nodes.map(({ redis }) => redis.call('CLUSTER', 'COUNTKEYSINSLOT', slot)),
    );
    const from = owners.findIndex((count) => Number(count) > 0);
    const [source, target] = [nodes[from], nodes[(from + 1) % nodes.length]];
    if (source === undefined || target === undefined) throw new Error('The slot has no owner.');
    await moveSlot(slot, source, target);
    const seen = followers.map(countOf);
    // No poll helps here: a subscription that was moved is made again.
    const goesOn = () => followers.every((follower, index) => countOf(follower) > (seen[index] ?? 0) + 50);
    await stage.until(goesOn, 'it goes on');
  }
  await two.abort('moving');
  await stage.until(() => followers.every((follower) => follower.isOver), 'all are told');
  await stage.until(() => stage.producer('moving').isComplete, 'the producer knows');
  expect(stage.producer('moving').reason).toBe('aborted');
  stage.check();
});

it('the store names the node that a stream’s commits go to', async () => {
  const client = new Cluster(cluster.nodes.map(({ port }) => ({ port, host: '127.0.0.1' })));
  const store = new RedisJobStore(client);
  await store.start();
  const shards = (await nodes[0]?.redis.call('CLUSTER', 'SLOTS')) as [number, number, [string, number]][];
  for (const tenantId of [undefined, 'tenant']) {
    for (const streamId of STREAMS) {
      const key = streamKey(streamId, tenantId);
      const slot = Number(await nodes[0]?.redis.call('CLUSTER', 'KEYSLOT', `gj:{${key.id}}:job`));
      const owner = shards.find(([first, last]) => first <= slot && slot <= last)?.[2];
      expect(store.nodeOf(key)).toBe(owner?.slice(0, 2).join(':'));
    }
  }
  expect(new Set(STREAMS.map((streamId) => store.nodeOf(streamKey(streamId)))).size).toBe(3);
  client.disconnect();
});

async function moveSlot(slot: number, source: (typeof nodes)[0], target: (typeof nodes)[0]): Promise<void> {
  await target.redis.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', source.id);
  await source.redis.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', target.id);
  const keys = (await source.redis.call('CLUSTER', 'GETKEYSINSLOT', slot, 100)) as string[];
  const { port } = target.server;
  await source.redis.call('MIGRATE', '127.0.0.1', port, '', 0, 5_000, 'KEYS', ...keys);
  for (const { redis } of [target, source, ...nodes]) {
    await redis.call('CLUSTER', 'SETSLOT', slot, 'NODE', target.id);
  }
}

it('a node that is away for less than the lease delays its streams, and no others', async () => {
  const [one, two] = await three({
    ...NOTHING_LAPSES,
    options: { ...NOTHING_LAPSES.options, renewMs: 1_000 },
  });
  await Promise.all(
    STREAMS.map((streamId) => one.create({ streamId, produce: { total: 300, everyMs: 10 } })),
  );
  const followers = await Promise.all(STREAMS.map((streamId) => two.follow(streamId)));
  await stage.until(() => followers.every((follower) => countOf(follower) > 20), 'all are followed');
  const away = nodes[1]?.server;
  away?.signal('SIGSTOP');
  const seen = followers.map(countOf);
  const goOn = () =>
    followers.filter((follower, index) => countOf(follower) > (seen[index] ?? 0) + 40).length;
  await stage.until(() => goOn() > 0, 'other streams go on');
  away?.signal('SIGCONT');
  await stage.until(() => followers.every((follower) => follower.isOver), 'all end');
  for (const follower of followers) expect(namesOf(follower).at(-1)).toBe('completed');
  stage.check();
});
