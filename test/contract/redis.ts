/**
 * Redis as a backend: every replica has a client and a link of its own, and time is real.
 */
import type { RedisClient } from '../../src/stream/implementations/redis/client.js';
import { RedisEventTransport } from '../../src/stream/implementations/redis/event-transport.js';
import { RedisJobStore } from '../../src/stream/implementations/redis/job-store.js';
import { backendOnRealTime } from './backends.js';
import type { Backend } from './harness.js';
import './vitest-tools.js';

let backends = 0;

/** @param connect makes a client as a host would; called once a replica */
export async function redisBackend(connect: () => RedisClient): Promise<Backend> {
  const options = { keyPrefix: `t${process.pid}-${++backends}:`, timeoutMs: 10_000, createHoldMs: 2_000 };
  const clients: RedisClient[] = [];
  const transports: RedisEventTransport[] = [];
  return backendOnRealTime({
    publishes: true,
    connect: () => {
      const client = connect();
      clients.push(client);
      const eventTransport = new RedisEventTransport(client, options);
      transports.push(eventTransport);
      return { jobStore: new RedisJobStore(client, options), eventTransport };
    },
    dispose: async () => {
      for (const transport of transports) await transport.close();
      for (const client of clients) client.disconnect();
    },
  });
}
