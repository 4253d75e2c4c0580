/**
 * The contracts on one private Redis server, through ioredis 5.
 */
import { Redis } from 'ioredis5';
import { afterAll, beforeAll } from 'vitest';
import { RedisServer } from '../support/redis-server.js';
import { describeStoreContract, describeStreamContract } from './describe.js';
import { redisBackend } from './redis.js';

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.stop());

const factory = () => redisBackend(() => new Redis({ port: server.port, host: '127.0.0.1' }));

describeStoreContract('Redis through ioredis 5', factory, { concurrent: true });
describeStreamContract('Redis through ioredis 5', factory, { concurrent: true });
