/**
 * Behind real Sentinels: a primary dies, hangs or is replaced on request, and the clients find the promoted replica by
 * themselves, the subscriber link too. How the promises hold when events are lost is in failover.test.ts; here it is
 * whether it happens at all when nobody but the Sentinels acts.
 */
import type { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { RedisProxy } from '../support/redis-proxy.js';
import { RedisServer } from '../support/redis-server.js';
import { codeOf, countOf, type Follower, namesOf, type ReplicaConfig, Stage, until } from './replicas.js';

const NAME = 'jobs';
const STREAMS = ['a', 'b', 'c'];
/** Longer than a failover takes: down-after, the Sentinels' election, which waits up to a second, and the promotion. */
const LEASE = { leaseMs: 6_000, renewMs: 1_000 };

let first: RedisServer;
let second: RedisServer;
let secondRedis: Redis;
let sentinels: RedisServer[];
/** Between the two servers. */
let replication: RedisProxy;
let stage: Stage;

beforeEach(async () => {
  const args = ['--repl-diskless-sync-delay', '0'];
  [first, second] = await Promise.all([RedisServer.start(...args), RedisServer.start(...args)]);
  secondRedis = second.connect();
  replication = await RedisProxy.start(first.port);
  sentinels = [];
  stage = new Stage(0);
});
afterEach(async () => {
  await stage.close();
  secondRedis.disconnect();
  await Promise.all(sentinels.map((sentinel) => sentinel.stop()));
  await Promise.all([replication.close(), first.stop(), second.stop()]);
});

/** @param port where the replica finds its primary */
async function replicateFrom(port: number): Promise<void> {
  await secondRedis.call('REPLICAOF', '127.0.0.1', `${port}`);
  const isSynced = async () => (await secondRedis.info('replication')).includes('master_link_status:up');
  await until(isSynced, 'the replica has copied the primary');
}

/** Up to a second after it has copied the rest, a replica gets no writes: a stream made then may be lost as a whole. */
async function isReplicated(streamId: string): Promise<boolean> {
  return (await secondRedis.xlen(`${stage.keyPrefix}{/${streamId}}:log`)) > 10;
}

/** Waits until each of them knows the replica, and the others. */
async function watch(count: number): Promise<void> {
  const watched = { name: NAME, port: first.port };
  const times = { quorum: Math.floor(count / 2) + 1 };
  sentinels = await Promise.all(
    Array.from({ length: count }, () => RedisServer.startSentinel(watched, times)),
  );
  const looking = sentinels.map((sentinel) => sentinel.connect());
  try {
    for (const redis of looking) {
      const knows = async () => {
        const [master] = (await redis.call('SENTINEL', 'MASTERS')) as string[][];
        const facts = new Map(master?.map((text, index) => [text, master[index + 1]]));
        return facts.get('num-slaves') === '1' && facts.get('num-other-sentinels') === `${count - 1}`;
      };
      await until(knows, 'a Sentinel knows the others');
    }
  } finally {
    for (const redis of looking) redis.disconnect();
  }
}

/** As in docs/redis.md. */
function behindSentinels(config: ReplicaConfig = {}): ReplicaConfig {
  const places = sentinels.map(({ port }) => ({ host: '127.0.0.1', port }));
  const client = {
    sentinels: places,
    name: NAME,
    socketTimeout: 2_000,
    ...config.client,
  };
  return { ...config, client };
}

/** A job that begins and ends after the failover. */
async function worksAgain(): Promise<void> {
  const [one, two] = stage.replicas;
  if (one === undefined || two === undefined) throw new Error('There are no replicas.');
  // A host asks again as well: the client may still have its link to the primary that was.
  const isTaken = async () => {
    const code = await codeOf(one.create({ streamId: 'after', produce: { total: 20, everyMs: 5 } }));
    expect(['ok', 'unavailable']).toContain(code);
    return code === 'ok';
  };
  await until(isTaken, 'a new job is taken');
  const follower = await two.follow('after');
  await stage.until(() => follower.isOver, 'a new job ends');
  expect(countOf(follower)).toBe(20);
  expect(namesOf(follower).at(-1)).toBe('completed');
}

const haveMore = (followers: readonly Follower[], more: number) => {
  const seen = followers.map(countOf);
  return () => followers.every((follower, index) => countOf(follower) > (seen[index] ?? 0) + more);
};

it('F15 F17 P5 when Sentinels promote the replica of a killed primary, jobs go on or say why not, and nobody sees a hole', async () => {
  await replicateFrom(first.port);
  await watch(3);
  const [one, two, three] = await stage.three(behindSentinels({ options: LEASE }));
  await Promise.all(STREAMS.map((streamId) => one.create({ streamId, produce: { total: 600, everyMs: 5 } })));
  const followers = await Promise.all(
    STREAMS.flatMap((streamId) => [two, three].map((replica) => replica.follow(streamId))),
  );
  await stage.until(haveMore(followers, 30), 'all are followed');
  for (const streamId of STREAMS) await until(() => isReplicated(streamId), 'they are replicated');
  await first.halt('SIGKILL');
  await stage.until(() => followers.every((follower) => follower.isOver), 'all are told an end');
  for (const streamId of STREAMS) {
    await stage.until(() => stage.producer(streamId).isComplete, 'the producer knows');
    const mine = followers.filter((follower) => follower.streamId === streamId);
    // What the replica had not copied is lost and told of; without loss the failover costs only time.
    const isWhole = stage.producer(streamId).reason === 'completed';
    for (const follower of mine) {
      expect(namesOf(follower).at(-1)).toBe(isWhole ? 'completed' : 'failed');
      if (isWhole) expect(countOf(follower)).toBe(600);
    }
  }
  await worksAgain();
  stage.check({ mayLose: true });
});

it('F15 P5 when the promoted replica lacks acknowledged events, followers get a gap and the end, and new jobs work', async () => {
  await replicateFrom(replication.port);
  // One Sentinel: the election can't be split, so the first failover is the only one.
  await watch(1);
  const [one, two] = await stage.two(behindSentinels({ options: LEASE }));
  await one.create({ streamId: 's', produce: { everyMs: 5 } });
  const follower = await two.follow('s');
  await stage.until(haveMore([follower], 30), 'it is followed');
  await until(() => isReplicated('s'), 'it is replicated');
  replication.freeze('all');
  const before = countOf(follower);
  await stage.until(() => countOf(follower) > before + 20, 'events are acknowledged that no replica has');
  await first.halt('SIGKILL');
  await stage.until(() => follower.isOver && stage.producer('s').isComplete, 'all are told');
  expect(['log_lost', 'lease_lost']).toContain(stage.producer('s').reason);
  expect(namesOf(follower).slice(-3)).toEqual(['gap', 'sync', 'failed']);
  await worksAgain();
  stage.check({ mayLose: true });
});

it('F16 F17 when a hung primary is replaced and comes back as a replica, nobody reads on from it', async () => {
  await replicateFrom(first.port);
  await watch(1);
  const [one, two] = await stage.two(behindSentinels({ options: LEASE }));
  await one.create({ streamId: 's', produce: { total: 600, everyMs: 5 } });
  const follower = await two.follow('s');
  await stage.until(haveMore([follower], 30), 'it is followed');
  await until(() => isReplicated('s'), 'it is replicated');
  first.signal('SIGSTOP');
  const isPrimary = async () => (await secondRedis.info('replication')).includes('role:master');
  await until(isPrimary, 'the replica is promoted');
  first.signal('SIGCONT');
  await stage.until(() => follower.isOver && stage.producer('s').isComplete, 'all are told');
  const isWhole = stage.producer('s').reason === 'completed';
  expect(namesOf(follower).at(-1)).toBe(isWhole ? 'completed' : 'failed');
  if (isWhole) expect(countOf(follower)).toBe(600);
  const late = await one.follow('s');
  await stage.until(() => late.isOver, 'the log is read');
  await worksAgain();
  stage.check({ mayLose: true });
});

it('F17 a failover asked of a Sentinel, as for maintenance, moves commands and links to the new primary', async () => {
  await replicateFrom(first.port);
  await watch(1);
  const [one, two] = await stage.two(behindSentinels({ options: { ...LEASE, logPollMs: 60_000 } }));
  await one.create({ streamId: 's', produce: { everyMs: 5 } });
  const follower = await two.follow('s');
  await stage.until(haveMore([follower], 30), 'it is followed');
  await until(() => isReplicated('s'), 'it is replicated');
  const sentinel = sentinels[0]?.connect();
  try {
    await sentinel?.call('SENTINEL', 'FAILOVER', NAME);
  } finally {
    sentinel?.disconnect();
  }
  // No poll helps here: the link is new, and so the log is looked at.
  const isPrimary = async () => (await secondRedis.info('replication')).includes('role:master');
  await until(isPrimary, 'the replica is promoted');
  await first.halt('SIGKILL'); // whoever is still with it would stay behind
  const isOver = () => follower.isOver && stage.producer('s').isComplete;
  const goesOn = haveMore([follower], 100);
  await stage.until(() => goesOn() || isOver(), 'it goes on, or is told why not');
  if (!isOver()) await two.abort('s');
  await stage.until(isOver, 'all are told');
  expect(['aborted', 'log_lost', 'lease_lost']).toContain(stage.producer('s').reason);
  await worksAgain();
  stage.check({ mayLose: true });
});
