/**
 * The contracts on a private cluster of three primaries, through ioredis with sharded subscribers: those that a cluster can
 * change. It sends a call to the node of its keys, which must lie in one slot; it has to ask every node for what lies on all; and it
 * listens on a link to each shard. So the store's contract runs, which makes every call, and of what managers do with a store the
 * subjects below. The others make the same calls and get the same answers as on one server, where they run (redis.test.ts); with
 * LONG_TESTS (`npm run test:long`) they all run here too.
 */
import { Cluster } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RedisJobStore } from '../../src/stream/implementations/redis/job-store.js';
import { type RedisCluster, startCluster } from '../support/redis-server.js';
import { describeStoreContract, describeStreamContract, type Subject } from './describe.js';
import { redisBackend } from './redis.js';
import { scriptsMissing, watched } from './scripts-sent.js';
import { SIDE_BY_SIDE } from './vitest-tools.js';

const SUBJECTS: readonly Subject[] = [
  // What is told by frames, on the link to a stream's or a user's shard.
  'Follow',
  'Lost and late frames',
  'Feeds of users',
  // What is gathered from the due index, the indexes of users and the walks, and so from every node.
  'Housekeeping',
  'Upkeep',
  'Deletion',
];

/** They have a key of their own, which no stream shares: test/redis/rules.test.ts has their contract on a cluster. */
const OF_RULES = /^rule-/;

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster.stop());

const sent = new Set<string>();
const connect = () =>
  watched(
    new Cluster(
      cluster.nodes.map(({ port }) => ({ port, host: '127.0.0.1' })),
      { shardedSubscribers: true },
    ),
    sent,
  );
const factory = () => redisBackend(connect);

const subjects = process.env.LONG_TESTS ? undefined : SUBJECTS;
describeStoreContract('a Redis cluster', factory, SIDE_BY_SIDE);
describeStreamContract('a Redis cluster', factory, SIDE_BY_SIDE, subjects);

it('every script has gone to the cluster', async () => {
  const client = connect();
  await new RedisJobStore(client).raiseFormat(1); // the one call that is no part of the store's port
  client.disconnect();
  expect(scriptsMissing(sent).filter((name) => !OF_RULES.test(name))).toEqual([]);
});
