/**
 * Redis as a backend: every replica has a client and a link of its own, and time is real.
 */
import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises';
import { systemClock } from '../../src/clock.js';
import type { RedisClient } from '../../src/stream/implementations/redis/client.js';
import { RedisEventTransport } from '../../src/stream/implementations/redis/event-transport.js';
import { RedisJobStore } from '../../src/stream/implementations/redis/job-store.js';
import { Activity } from '../support/delayed-store.js';
import type { Backend } from './harness.js';

let backends = 0;

/** @param connect makes a client as a host would; called once a replica */
export async function redisBackend(connect: () => RedisClient): Promise<Backend> {
  const activity = new Activity();
  const options = { keyPrefix: `t${process.pid}-${++backends}:`, timeoutMs: 10_000, createHoldMs: 2_000 };
  const clients: RedisClient[] = [];
  const transports: RedisEventTransport[] = [];
  const rest = async () => {
    do for (let i = 0; i < 10; i++) await turn();
    while (activity.underWay > 0);
  };
  return {
    clock: systemClock,
    activity,
    rounds: 100,
    publishes: true,
    slackMs: 2_000,
    roomyTimes: { leaseMs: 4_000, renewMs: 1_300, retentionMs: 60_000, idempotencyMs: 120_000 },
    connect: () => {
      const client = connect();
      clients.push(client);
      const eventTransport = new RedisEventTransport(client, options);
      transports.push(eventTransport);
      return { jobStore: new RedisJobStore(client, options), eventTransport };
    },
    advance: (ms) => pause(ms),
    rest,
    dispose: async () => {
      await rest();
      for (const transport of transports) await transport.close();
      for (const client of clients) client.disconnect();
    },
  };
}
