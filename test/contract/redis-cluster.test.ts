/**
 * The contracts on a private cluster of three primaries, through ioredis with sharded subscribers.
 */
import { Cluster } from 'ioredis';
import { afterAll, beforeAll } from 'vitest';
import { type RedisCluster, startCluster } from '../support/redis-server.js';
import { describeStoreContract, describeStreamContract } from './describe.js';
import { redisBackend } from './redis.js';
import { SIDE_BY_SIDE } from './vitest-tools.js';

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster.stop());

const connect = () =>
  new Cluster(
    cluster.nodes.map(({ port }) => ({ port, host: '127.0.0.1' })),
    { shardedSubscribers: true },
  );
const factory = () => redisBackend(connect);

describeStoreContract('a Redis cluster', factory, SIDE_BY_SIDE);
describeStreamContract('a Redis cluster', factory, SIDE_BY_SIDE);
