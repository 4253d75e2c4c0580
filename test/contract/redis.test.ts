/**
 * The contracts on one private Redis server, through ioredis.
 */
import { Redis } from 'ioredis';
import { afterAll, beforeAll } from 'vitest';
import { RedisServer } from '../support/redis-server.js';
import { describeStoreContract, describeStreamContract } from './describe.js';
import { redisBackend } from './redis.js';
import { SIDE_BY_SIDE } from './vitest-tools.js';

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.stop());

const factory = () => redisBackend(() => new Redis({ port: server.port, host: '127.0.0.1' }));

describeStoreContract('Redis', factory, SIDE_BY_SIDE);
describeStreamContract('Redis', factory, SIDE_BY_SIDE);
