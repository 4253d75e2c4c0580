/** A worker's job over an outbox: what is kept outlives the worker and the gateway, or the run ends by name. */
import { createStreamServices } from 'generation-jobs';
import { FakeClock } from 'generation-jobs/testing';
import { createWorkerClient, openOutbox, type WorkerClientInput } from 'generation-jobs/worker';
import { issueRunToken } from 'generation-jobs/worker/gateway';
import { expect, it } from 'vitest';
import {
  afterTest,
  eventsOf,
  type Gateway,
  handedOver,
  KEYS,
  startGateway,
  startJob,
  until,
} from './gateway.js';
import { freshPath, sqliteLibraries } from './outbox-databases.js';

const text = (n: number) => ({ event: 'text', data: { n } });
const numbersIn = (events: readonly { event: string; data: unknown }[]) =>
  events.filter(({ event }) => event === 'text').map(({ data }) => (data as { n: number }).n);
const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);

for (const { name, open } of sqliteLibraries) {
  const outboxAt = (path: string, settings: object = {}) =>
    openOutbox({ database: open(path), retryMs: 20, longestRetryMs: 100, pollMs: 200, ...settings });
  const connect = async (gateway: Gateway, input: Omit<WorkerClientInput, 'url'>) => {
    const client = await createWorkerClient({ url: gateway.url, onError: () => {}, ...input });
    afterTest(() => client.close({ graceMs: 0 }));
    return client;
  };

  it(`on ${name}: what a worker had kept when it died is delivered by the next one, which goes on behind it`, async () => {
    const gateway = await startGateway();
    const { token } = await handedOver(gateway);
    const path = freshPath(afterTest);
    const dying = outboxAt(path);
    const first = await connect(gateway, { token, outbox: dying });
    for (const n of upTo(10)) await first.job.emit(text(n));
    await first.job.flush();
    await gateway.stop();
    for (const n of upTo(100).slice(10)) await first.job.emit(text(n));
    await first.job.addUsage({ out: 100 });
    await dying.close(); // as a death: nothing is told or delivered any more
    await first.close({ graceMs: 0 });
    await gateway.begin();
    const outbox = outboxAt(path);
    afterTest(() => outbox.close());
    const second = await connect(gateway, { token, outbox });
    await second.job.run(async (job) => {
      for (const n of upTo(120).slice(100)) await job.emit(text(n));
      await job.addUsage({ out: 20 });
    });
    expect(numbersIn(await eventsOf(gateway.manager))).toEqual(upTo(120));
    expect((await gateway.manager.getJob('s'))?.usage).toEqual({ out: 120 });
  });

  it(`on ${name}: a run whose events find no room ends by name, and has no hole`, async () => {
    const gateway = await startGateway();
    const { token } = await handedOver(gateway);
    const outbox = outboxAt(freshPath(afterTest), { maxBytes: 20_000 });
    afterTest(() => outbox.close());
    const client = await connect(gateway, { token, outbox });
    await client.job.emit(text(0));
    await client.job.flush();
    await until('it is delivered', () => client.pending === 0);
    await gateway.stop();
    const end = await client.job.run(async (job) => {
      for (let n = 1; ; n++) {
        await job.emit(text(n));
        await job.flush();
      }
    });
    expect(end.error).toMatchObject({ reason: 'store_damaged' });
    expect(client.job.signal.reason.cause).toMatchObject({ code: 'worker_events_lost' });
    await gateway.begin();
    const events = await eventsOf(gateway.manager);
    expect(events.at(-1)).toMatchObject({
      event: 'failed',
      data: { code: 'worker_events_lost', retryable: true },
    });
    const numbers = numbersIn(events);
    expect(numbers).toEqual(upTo(numbers.length));
  });

  it(`on ${name}: a run that has lost events in an earlier process ends by that name as soon as the next one is there`, async () => {
    const gateway = await startGateway();
    const { token } = await handedOver(gateway);
    const path = freshPath(afterTest);
    const dying = outboxAt(path, { maxRows: 3 });
    const first = await connect(gateway, { token, outbox: dying });
    await gateway.stop();
    const end = await first.job.run(async (job) => {
      for (let n = 0; ; n++) {
        await job.emit(text(n));
        await job.flush();
      }
    });
    expect(end.error).toMatchObject({ reason: 'store_damaged' });
    await dying.close(); // as a death, before anybody could be told
    await first.close({ graceMs: 0 });
    await gateway.begin();
    const outbox = outboxAt(path);
    afterTest(() => outbox.close());
    await expect(connect(gateway, { token, outbox })).rejects.toMatchObject({ reason: 'failed' });
    expect((await gateway.manager.getJob('s'))?.error).toMatchObject({ code: 'worker_events_lost' });
  });

  it(`on ${name}: what an attempt has left is never taken for the next one's, which the token was renewed for`, async () => {
    const clock = new FakeClock();
    let isRecovered = false;
    const gateway = await startGateway({
      services: createStreamServices({ clock }),
      manager: {
        clock,
        hooks: {
          recover: async (job) => {
            await issueRunToken(job, {
              keys: KEYS,
              agentId: 'writer',
              waiting: true,
              workerLeaseMs: 3_600_000,
            });
            isRecovered = true;
          },
        },
      },
    });
    const { token } = await handedOver(gateway, { expiresInMs: 30_000, workerLeaseMs: 60_000 });
    const outbox = outboxAt(freshPath(afterTest));
    afterTest(() => outbox.close());
    const client = await connect(gateway, { token, outbox });
    await gateway.stop();
    for (const n of upTo(10)) {
      await client.job.emit(text(n));
      await client.job.flush();
    }
    await clock.advance(90_000);
    await until('it is recovered', () => isRecovered);
    await gateway.begin();
    await until('it is told', () => client.job.isOver && client.pending === 0);
    expect(client.job.reason).toBe('fenced');
    expect(outbox.setAside().map(({ reason }) => reason)).toEqual(upTo(10).map(() => 'fenced'));
    expect(await gateway.manager.getJob('s')).toMatchObject({
      status: 'running',
      attempt: 2,
      lastSequence: 2,
    });
    await gateway.manager.abortJob('s');
  });

  it(`on ${name}: a start that finds no gateway may be tried again in the same process`, async () => {
    const gateway = await startGateway();
    const { token } = await handedOver(gateway);
    const path = freshPath(afterTest);
    const dying = outboxAt(path);
    const first = await connect(gateway, { token, outbox: dying });
    await gateway.stop();
    for (const n of upTo(10)) await first.job.emit(text(n));
    await first.job.flush();
    await dying.close(); // as a death
    await first.close({ graceMs: 0 });
    const outbox = outboxAt(path);
    afterTest(() => outbox.close());
    await expect(connect(gateway, { token, outbox, startMs: 200 })).rejects.toMatchObject({
      code: 'unavailable',
    });
    expect(outbox.stats()).toMatchObject({ setAside: 0, discarded: 0 });
    await gateway.begin();
    const second = await connect(gateway, { token, outbox });
    await second.job.run((job) => job.emit(text(10)));
    expect(numbersIn(await eventsOf(gateway.manager))).toEqual(upTo(11));
  });

  it(`on ${name}: usage and metadata of the host, a worker and its next life all count`, async () => {
    const gateway = await startGateway();
    const job = await startJob(gateway.manager);
    await job.update({ metadata: { host: 1 } });
    await job.addUsage({ out: 1 });
    const { token } = await issueRunToken(job, { keys: KEYS, agentId: 'writer' });
    const path = freshPath(afterTest);
    for (const life of [1, 2, 3]) {
      const outbox = outboxAt(path);
      const client = await connect(gateway, { token, outbox });
      await client.job.addUsage({ out: 1 });
      await client.job.update({ metadata: { [`life${life}`]: life } });
      await until('it is delivered', () => client.pending === 0);
      if (life === 3) await client.job.complete();
      await outbox.close(); // as a death
      await client.close({ graceMs: 0 });
    }
    expect(await gateway.manager.getJob('s')).toMatchObject({
      usage: { out: 4 },
      metadata: { host: 1, life1: 1, life2: 2, life3: 3 },
    });
  });

  it(`on ${name}: what waits of a run that has ended meanwhile is set aside, counted and listed`, async () => {
    const gateway = await startGateway();
    const { token } = await handedOver(gateway);
    const outbox = outboxAt(freshPath(afterTest));
    afterTest(() => outbox.close());
    const client = await connect(gateway, { token, outbox });
    await gateway.stop();
    for (const n of upTo(50)) await client.job.emit(text(n));
    await client.job.flush();
    await gateway.manager.abortJob('s');
    await gateway.begin();
    await until('it is told', () => client.job.isOver && outbox.stats().setAside > 0);
    expect(client.job.reason).toBe('aborted');
    expect(outbox.setAside().every(({ reason }) => reason === 'aborted')).toBe(true);
    expect((await gateway.manager.getJob('s'))?.lastSequence).toBe(2);
  });
}
