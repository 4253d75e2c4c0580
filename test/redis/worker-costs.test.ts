/** What a worker's batch costs Redis, exactly: counted by the server. The clock stands still, so that a lease is renewed once. */
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createStreamServices } from '../../src/services.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { RedisServer } from '../support/redis-server.js';
import { afterTest, handedOver, post, startGateway } from '../worker/gateway.js';
import { NO_WALK } from './no-walk.js';

const BATCHES = 200;
const LEASE_MS = 600_000;

let server: RedisServer;
let looker: Redis;
beforeAll(async () => {
  server = await RedisServer.start();
  looker = server.connect();
});
afterAll(async () => {
  looker.disconnect();
  await server.stop();
});

/** Calls by command while `work` runs, those made inside scripts included. */
async function commandsOf(work: () => Promise<void>): Promise<Record<string, number>> {
  await looker.config('RESETSTAT');
  await work();
  const stats = await looker.info('commandstats');
  const counted = [...stats.matchAll(/cmdstat_(\S+?):calls=(\d+)/g)].map(([, name = '', count]) => [
    name,
    Number(count),
  ]);
  const { info: _, 'config|resetstat': __, ...calls } = Object.fromEntries(counted) as Record<string, number>;
  return calls;
}

it('an accepted batch is the one script call of a local producer’s; its lease is renewed once in a while beside it', async () => {
  const clock = new FakeClock();
  const redis = server.connect();
  afterTest(() => redis.disconnect()); // after the gateway that uses it
  const services = createStreamServices({ redis, pingMs: 600_000 });
  const options = {
    ...{ leaseMs: LEASE_MS, renewMs: 300_000, sweepMs: 300_000, logPollMs: 300_000 },
    ...{ ...NO_WALK, snapshotEvents: 100_000 },
  };
  const gateway = await startGateway({ services, manager: { clock, options } });
  const { token } = await handedOver(gateway, { workerLeaseMs: LEASE_MS });
  let after = 1;
  const send = async () => {
    const batch = {
      after,
      events: [
        { event: 'text', data: { delta: 'a' } },
        { event: 'text', data: { delta: 'b' } },
      ],
    };
    expect(await post(gateway, 'events', token, batch)).toMatchObject({ status: 200 });
    after += 2;
  };
  await send(); // every script is known by now, and the lease has just been renewed
  const calls = await commandsOf(async () => {
    for (let n = 0; n < BATCHES; n++) await send();
  });
  const each = { evalsha: 1, hmget: 1, xadd: 1, hset: 1, publish: 1 };
  const all = Object.fromEntries(Object.entries(each).map(([name, count]) => [name, count * BATCHES]));
  expect(calls).toEqual(all);
  const nothing = await commandsOf(async () => {
    for (let n = 0; n < 5; n++)
      expect(await post(gateway, 'events', token, { after, events: [] })).toMatchObject({
        status: 200,
        body: { sequence: after },
      });
  });
  expect(nothing, 'a batch of nothing').toEqual({});
  await clock.advance(1_000);
  const { evalsha } = await commandsOf(async () => {
    for (let n = 0; n < 10; n++) await send();
  });
  expect(evalsha, 'ten batches and a renewal').toBe(11);
});
