/** A worker whose gateway is away for 100,000 events: they wait on the disk, and the job takes no memory for them. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createWorkerClient, openOutbox } from 'generation-jobs/worker';
import { expect, it } from 'vitest';
import { afterTest, eventsOf, handedOver, startGateway, until } from './gateway.js';
import { freshPath, sqliteLibraries } from './outbox-databases.js';

setFlagsFromString('--expose_gc');
const collect = runInNewContext('gc') as () => void;

const MIB = 1024 ** 2;
const EVENTS = 100_000;
const BURST = 200;

/** Memory of JavaScript; with it, buffers outside the heap. */
function held(): number {
  for (let pass = 0; pass < 3; pass++) collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

it.each(sqliteLibraries)(
  'on $name: what waits of a job takes no memory, and arrives when the gateway is back',
  { timeout: 600_000 },
  async ({ open }) => {
    const limits = { unsnapshottedEvents: 2 * EVENTS };
    const gateway = await startGateway({ manager: { options: { limits } } });
    const { token } = await handedOver(gateway, { workerLeaseMs: 3_600_000 });
    const outbox = openOutbox({ database: open(freshPath(afterTest)), retryMs: 20, longestRetryMs: 200 });
    afterTest(() => outbox.close());
    const client = await createWorkerClient({ url: gateway.url, token, outbox, onError: () => {} });
    afterTest(() => client.close({ graceMs: 0 }));
    await gateway.stop();
    const padding = 'x'.repeat(300);
    const before = held();
    for (let n = 0; n < EVENTS; ) {
      for (const last = n + BURST; n < last; n++)
        await client.job.emit({ event: 'text', data: { n, padding } });
      await client.job.flush();
    }
    expect(outbox.stats().bytes).toBeGreaterThan(30 * MIB);
    expect(outbox.stats().waiting).toBeGreaterThanOrEqual(EVENTS / 1024);
    expect(held() - before).toBeLessThan(12 * MIB);
    await gateway.begin();
    await until('everything is delivered', () => client.pending === 0);
    await client.job.complete();
    const numbers = (await eventsOf(gateway.manager))
      .filter(({ event }) => event === 'text')
      .map(({ data }) => (data as { n: number }).n);
    expect(numbers).toHaveLength(EVENTS);
    expect(numbers.every((n, at) => n === at)).toBe(true);
    expect(outbox.stats()).toMatchObject({ rows: 0, discarded: 0, dropped: 0 });
  },
);
