/**
 * Who waits for a settlement waits for whoever makes it: also when the replica that had begun is killed, and another one takes
 * it over. What was saved lies in a Redis list, as in a database, and is looked for at the moment somebody was told.
 */
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { RedisServer } from '../support/redis-server.js';
import { type ReplicaConfig, Stage } from './replicas.js';

let server: RedisServer;
let database: Redis;
let stage: Stage;
beforeAll(async () => {
  server = await RedisServer.start();
  database = server.connect();
});
afterAll(async () => {
  database.disconnect();
  await server.stop();
});
beforeEach(() => {
  stage = new Stage(server.port);
});
afterEach(() => stage.close());

/** A lease is waited out, before which nobody looks at what the killed one had begun; none lapses while a machine is busy. */
const LEASE = { leaseMs: 5_000, createTimeoutMs: 10_000 };

function configured(settle: NonNullable<ReplicaConfig['settle']>): ReplicaConfig {
  const options = { ...LEASE, settleClaimMs: 2_000, settledWaitMs: 120_000, leaveMs: 500 };
  return { settle, saves: `${stage.keyPrefix}saves`, redisOptions: { timeoutMs: 2_400 }, options };
}

const saved = () => database.lrange(`${stage.keyPrefix}saves`, 0, -1);

it('L65 a follower and a stop wait on two replicas while the one that settles is killed: both are told when it is saved', async () => {
  const doomed = await stage.replica(configured('hang'));
  const two = await stage.replica(configured(true));
  const three = await stage.replica(configured(true));
  const { generation } = await doomed.create({ streamId: 's', contentModel: 'text', produce: { total: 3 } });
  const follower = await two.follow('s', { settled: true });
  const plain = await three.follow('s');
  await stage.until(() => plain.isOver && doomed.settling === 1, 'the end is told, and being saved');
  let toldWith: string[] | undefined;
  const stop = three.abort('s', { wait: 'settled', generation }).then(async (answer) => {
    toldWith = await saved();
    return answer;
  });
  const places = async () => (await three.stats()).process.followedStreams;
  await stage.until(async () => (await places()) === 1, 'the stop waits');
  expect([follower.isOver, toldWith, await saved()]).toEqual([false, undefined, []]);
  await doomed.kill();
  const answer = await stop;
  expect(answer).toMatchObject({ aborted: false, settlement: 'settled' });
  expect(new Set(toldWith), 'saved before it was told').toEqual(new Set([`/s/${generation}`]));
  await stage.until(() => follower.isOver, 'the follower is told');
  expect(follower.received.at(-1)).toMatchObject({ event: 'settled', data: { state: 'settled' } });
  expect(follower.closedBy).toBe('ended');
  expect(follower.received.map(({ event }) => event)).toEqual([
    ...plain.received.map(({ event }) => event),
    'settled',
  ]);
});

it('L65 a stop that waits, made on a replica that is killed, is made again elsewhere and finds it saved', async () => {
  const one = await stage.replica(configured(true));
  const doomed = await stage.replica(configured('hang'));
  const three = await stage.replica(configured(true));
  const { generation } = await one.create({
    streamId: 's',
    contentModel: 'text',
    produce: { total: 1, end: 'hang', inRun: true },
  });
  await stage.until(() => stage.producer('s').acknowledged === 1, 'it has begun');
  const lost = doomed.abort('s', { wait: 'settled' }).catch((error: { code?: string }) => error.code);
  await stage.until(async () => (await three.job('s'))?.status === 'aborted', 'it is stopped');
  await doomed.kill();
  expect(await lost).toBe('dead');
  const again = await three.abort('s', { wait: 'settled', generation });
  expect(again).toMatchObject({
    aborted: false,
    settlement: 'settled',
    content: { text: `${generation}/1/1 ` },
  });
  expect(new Set(await saved())).toEqual(new Set([`/s/${generation}`]));
});
