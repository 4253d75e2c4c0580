/**
 * The contracts on one private Redis server, through iovalkey.
 */
import { Redis } from 'iovalkey';
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

describeStoreContract('Redis through iovalkey', factory, { concurrent: true });
describeStreamContract('Redis through iovalkey', factory, { concurrent: true });
