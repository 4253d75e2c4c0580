/**
 * A replica of the Redis is promoted: with acknowledged events lost, with the old primary still there, and in good order.
 * The clients find the primary as behind a Sentinel: through a proxy that leads to it.
 */
import type { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { RedisProxy } from '../support/redis-proxy.js';
import { RedisServer } from '../support/redis-server.js';
import { countOf, NOTHING_LAPSES, namesOf, Stage, until } from './replicas.js';

let first: RedisServer;
let second: RedisServer;
let firstRedis: Redis;
let secondRedis: Redis;
/** Between the two servers. */
let replication: RedisProxy;
/** To the primary. */
let proxy: RedisProxy;
let primary: number;
let stage: Stage;

beforeEach(async () => {
  [first, second] = await Promise.all([
    RedisServer.start('--repl-diskless-sync-delay', '0'),
    RedisServer.start('--repl-diskless-sync-delay', '0'),
  ]);
  [firstRedis, secondRedis] = [first.connect(), second.connect()];
  replication = await RedisProxy.start(first.port);
  primary = first.port;
  proxy = await RedisProxy.start(() => primary);
  await secondRedis.call('REPLICAOF', '127.0.0.1', `${replication.port}`);
  await until(() => isSynced(secondRedis), 'the servers are one');
  stage = new Stage(proxy.port);
});
afterEach(async () => {
  await stage.close();
  firstRedis.disconnect();
  secondRedis.disconnect();
  await Promise.all([proxy.close(), replication.close(), first.stop(), second.stop()]);
});

async function isSynced(replica: Redis): Promise<boolean> {
  const state = await replica.info('replication');
  return state.includes('master_link_status:up') && state.includes('master_sync_in_progress:0');
}

async function hasReplicated(entries: number): Promise<boolean> {
  return (await secondRedis.xlen(`${stage.keyPrefix}{/s}:log`)) > entries;
}

async function hasSequence(sequence: number): Promise<boolean> {
  const fence = await secondRedis.hget(`${stage.keyPrefix}{/s}:job`, 'fence');
  return fence?.endsWith(` ${sequence}`) ?? false;
}

async function promote(): Promise<void> {
  await secondRedis.call('REPLICAOF', 'NO', 'ONE');
  primary = second.port;
  proxy.cut();
}

it('F15 P5 with acknowledged events lost: the producer stops, who was ahead is told, who was behind sees a prefix', async () => {
  const [one, two, three] = await stage.three();
  await one.create({ streamId: 's', produce: { everyMs: 5 } });
  const ahead = await two.follow('s');
  await stage.until(() => countOf(ahead) > 30, 'it is followed');
  await until(() => hasReplicated(10), 'it is replicated');
  replication.freeze('all');
  const before = countOf(ahead);
  await stage.until(() => countOf(ahead) > before + 20, 'events are acknowledged that no replica has');
  await first.halt('SIGKILL');
  await promote();
  await stage.until(() => stage.producer('s').isComplete, 'the producer is told');
  expect(['log_lost', 'lease_lost']).toContain(stage.producer('s').reason);
  const behind = await three.follow('s');
  await stage.until(() => ahead.isOver && behind.isOver, 'everybody is told');
  expect(namesOf(ahead).slice(-3)).toEqual(['gap', 'sync', 'failed']);
  expect(namesOf(behind)).not.toContain('gap');
  expect(behind.received.at(-1)).toMatchObject({ event: 'failed' });
  expect(countOf(behind)).toBeLessThan(countOf(ahead));
  stage.check({ mayLose: true });
});

it('F15 and with a recover hook another attempt goes on from what is left', async () => {
  const [one, two] = await stage.two({ recover: { total: 20, everyMs: 5 } });
  await one.create({ streamId: 's', produce: { everyMs: 5 } });
  const follower = await two.follow('s');
  await stage.until(() => countOf(follower) > 30, 'it is followed');
  await until(() => hasReplicated(10), 'it is replicated');
  replication.freeze('all');
  const before = countOf(follower);
  await stage.until(() => countOf(follower) > before + 20, 'events are acknowledged that no replica has');
  await first.halt('SIGKILL');
  await promote();
  await stage.until(() => follower.isOver, 'it ends');
  expect(namesOf(follower)).toContain('gap');
  expect(namesOf(follower).at(-1)).toBe('completed');
  await stage.until(() => stage.producer('s', 2).isComplete, 'its producer knows');
  expect(stage.producer('s', 2)).toMatchObject({ acknowledged: 20, ended: true });
  const late = await one.follow('s');
  await stage.until(() => late.isOver, 'the log is read');
  const attempts = late.received.filter((event) => event.event === 'text').map((event) => event.data);
  expect(attempts.at(-1)).toMatchObject({ text: expect.stringMatching(/\/2\/20 $/) });
  stage.check({ mayLose: true });
});

it('F16 the old primary, once demoted, has no entries of its own any more: who read them there gets a gap', async () => {
  const old = new Stage(first.port);
  try {
    // A reader and a producer on the wrong side of a partition: they still see the old primary.
    const options = {
      ...NOTHING_LAPSES,
      redisOptions: { ...NOTHING_LAPSES.redisOptions, keyPrefix: stage.keyPrefix },
    };
    const lonely = await old.replica(options);
    const [one, two] = await stage.two(NOTHING_LAPSES);
    const { generation } = await one.create({
      streamId: 's',
      produce: { total: 5, everyMs: 1, end: 'hang' },
    });
    const ahead = await lonely.follow('s');
    await stage.until(() => countOf(ahead) === 5, 'it is followed');
    await until(() => hasSequence(6), 'it is replicated');
    replication.freeze('all');
    // What only the old primary has: written by whoever is with it, as the producer would have.
    const fence = `${generation} 1 running`;
    const key = `${stage.keyPrefix}{/s}:`;
    for (let sequence = 7; sequence <= 11; sequence++) {
      const data = JSON.stringify({ text: `${generation}/1/${sequence - 1} ` });
      const entry = `1 ${generation} 1 ${sequence} ${sequence}\ntext\t\t${data}\n`;
      await firstRedis.xadd(`${key}log`, `${generation}-${sequence}`, 'e', entry);
      await firstRedis.hset(`${key}job`, 'fence', `${fence} ${sequence}`);
      await firstRedis.publish(`${key}live`, entry);
    }
    await stage.until(() => countOf(ahead) === 10, 'the lonely reader has them');
    await promote();
    await one.abort('s');
    const follower = await two.follow('s');
    await stage.until(() => follower.isOver, 'the new primary has its end');
    expect(countOf(follower)).toBe(5);
    await firstRedis.call('REPLICAOF', '127.0.0.1', `${second.port}`);
    await until(() => isSynced(firstRedis), 'the old primary follows');
    await stage.until(() => ahead.isOver, 'the lonely reader is told');
    expect(namesOf(ahead).slice(-3)).toEqual(['gap', 'sync', 'aborted']);
    const late = await lonely.follow('s');
    await stage.until(() => late.isOver, 'the log is read there');
    expect(late.received).toEqual(follower.received);
  } finally {
    await old.close();
  }
});

it('F17 a failover in good order, writes paused first, costs only time', async () => {
  const [one, two] = await stage.two({ options: { leaseMs: 8_000, renewMs: 1_000 } });
  await one.create({ streamId: 's', produce: { total: 400, everyMs: 5 } });
  const follower = await two.follow('s');
  await stage.until(() => countOf(follower) > 30, 'it is followed');
  await firstRedis.call('CLIENT', 'PAUSE', '20000', 'WRITE');
  const offsetOf = async (redis: Redis, field: string) =>
    new RegExp(`${field}:(\\d+)`).exec(await redis.info('replication'))?.[1];
  const isEven = async () =>
    (await offsetOf(firstRedis, 'master_repl_offset')) === (await offsetOf(secondRedis, 'slave_repl_offset'));
  await until(isEven, 'the replica has everything');
  await promote();
  await first.halt('SIGKILL');
  await stage.until(() => follower.isOver, 'it ends');
  expect(countOf(follower)).toBe(400);
  expect(namesOf(follower).at(-1)).toBe('completed');
  expect((await one.counts()).leaseLost).toBeUndefined();
  await stage.until(() => stage.producer('s').isComplete, 'the producer knows');
  stage.check();
});
