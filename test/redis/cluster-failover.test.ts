/**
 * A primary of a cluster is replaced by its replica: in good order, and by the cluster itself when it was killed. Streams
 * on its slots go on or are told why not, the others go on, and followers stay with the slots that move.
 */
import type { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type RedisCluster, startCluster } from '../support/redis-server.js';
import { countOf, type Follower, namesOf, type Replica, Stage, until } from './replicas.js';

/** Streams that lie on all three shards, by chance. */
const STREAMS = Array.from({ length: 12 }, (_, index) => `s${index}`);
/** Longer than the cluster takes to find a node dead and to elect its replica. */
const OPTIONS = { leaseMs: 8_000, renewMs: 1_000, logPollMs: 60_000 };
let cluster: RedisCluster;
let replica: Redis;
let stage: Stage;
beforeEach(async () => {
  cluster = await startCluster({ withReplica: true, nodeTimeoutMs: 1_000 });
  if (cluster.replica === undefined) throw new Error('There is no replica.');
  replica = cluster.replica.connect();
  stage = new Stage(0);
});
afterEach(async () => {
  await stage.close();
  replica.disconnect();
  await cluster.stop();
});

const isPrimary = async () => (await replica.info('replication')).includes('role:master');

/** Those on the primary that has a replica, which must have begun to copy them. */
async function moving(): Promise<string[]> {
  const keys = STREAMS.map((streamId) => `${stage.keyPrefix}{/${streamId}}:log`);
  const slots = await Promise.all(keys.map((key) => replica.call('CLUSTER', 'KEYSLOT', key)));
  const primary = cluster.nodes[0]?.connect();
  try {
    const counts = await Promise.all(
      slots.map((slot) => primary?.call('CLUSTER', 'COUNTKEYSINSLOT', Number(slot))),
    );
    const found = STREAMS.filter((_, index) => Number(counts[index]) > 0);
    const held = async () =>
      Promise.all(slots.map((slot) => replica.call('CLUSTER', 'COUNTKEYSINSLOT', Number(slot))));
    const isCopied = async () =>
      (await held()).every((count, index) => Number(count) >= Number(counts[index]));
    await until(isCopied, 'the replica has them');
    return found;
  } finally {
    primary?.disconnect();
  }
}

async function play(total: number, client: object = {}): Promise<[Replica, Replica, Follower[]]> {
  const clusterPorts = cluster.nodes.map(({ port }) => port);
  const [one, two] = await stage.two({ clusterPorts, client, options: OPTIONS });
  await Promise.all(STREAMS.map((streamId) => one.create({ streamId, produce: { total, everyMs: 10 } })));
  const followers = await Promise.all(STREAMS.map((streamId) => two.follow(streamId)));
  await stage.until(() => followers.every((follower) => countOf(follower) > 10), 'all are followed');
  return [one, two, followers];
}

async function worksAgain(one: Replica, two: Replica, streamIds: string[]): Promise<void> {
  await Promise.all(
    streamIds.map((streamId) => one.create({ streamId, produce: { total: 20, everyMs: 5 } })),
  );
  const followers = await Promise.all(streamIds.map((streamId) => two.follow(streamId)));
  await stage.until(() => followers.every((follower) => follower.isOver), 'new jobs end');
  for (const follower of followers) {
    expect(countOf(follower)).toBe(20);
    expect(namesOf(follower).at(-1)).toBe('completed');
  }
}

it('F17 CLUSTER FAILOVER of one primary costs its streams only time, and no poll is needed', async () => {
  const [one, two, followers] = await play(300);
  expect((await moving()).length).toBeGreaterThan(0);
  await replica.call('CLUSTER', 'FAILOVER');
  await until(isPrimary, 'the replica is promoted');
  await stage.until(() => followers.every((follower) => follower.isOver), 'all end');
  for (const follower of followers) {
    expect(namesOf(follower).at(-1)).toBe('completed');
    expect(countOf(follower)).toBe(300);
  }
  const isDone = () => stage.producers.every((producer) => producer.isComplete);
  await stage.until(isDone, 'the producers know');
  await worksAgain(one, two, STREAMS);
  stage.check();
});

it.each([
  ['killed', 'SIGKILL'],
  ['hung', 'SIGSTOP'],
] as const)(
  'F15 P5 when the cluster replaces a %s primary, its streams go on or say why not; the others go on',
  async (_, signal) => {
    const [one, two, followers] = await play(500, { redisOptions: { socketTimeout: 1_000 } });
    const moved = await moving();
    expect(moved.length).toBeGreaterThan(0);
    cluster.nodes[0]?.signal(signal);
    await until(isPrimary, 'the replica is promoted');
    await stage.until(() => followers.every((follower) => follower.isOver), 'all are told an end');
    const isDone = () => stage.producers.every((producer) => producer.isComplete);
    await stage.until(isDone, 'the producers know');
    for (const follower of followers) {
      const { streamId } = follower;
      const isWhole = stage.producer(streamId).reason === 'completed';
      if (!moved.includes(streamId)) expect(isWhole, streamId).toBe(true);
      expect(namesOf(follower).at(-1)).toBe(isWhole ? 'completed' : 'failed');
      if (isWhole) expect(countOf(follower)).toBe(500);
    }
    await worksAgain(one, two, STREAMS);
    stage.check({ mayLose: true });
  },
);
