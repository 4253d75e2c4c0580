/**
 * A client from a URL; and the Redis implementations by name, for hosts that wire the parts themselves; `createStreamServices({ redis })` of the
 * main entry does it for all others.
 */

export type { RedisClient } from '../stream/implementations/redis/client.js';
export { RedisEventTransport } from '../stream/implementations/redis/event-transport.js';
export { RedisJobStore } from '../stream/implementations/redis/job-store.js';
export { type RedisOptions, redisOptionsSchema } from '../stream/implementations/redis/options.js';
export { type ConnectRedisOptions, connectRedis } from './connect.js';
