/**
 * Jumps of the store's clock, on a memory store whose clock can be set: who is judged, by what, and when. Replicas keep
 * their own monotonic time, as processes beside a server do. test/redis/clock-jumps.test.ts moves a real Redis' clock.
 */
import { describe, expect, it } from 'vitest';
import { type Clock, HOUR } from '../../src/clock.js';
import { InMemoryEventTransport } from '../../src/stream/implementations/memory/event-transport.js';
import { InMemoryJobStore } from '../../src/stream/implementations/memory/job-store.js';
import type { JobStore } from '../../src/stream/interfaces/job-store.js';
import { streamKey } from '../../src/stream/model/stream-key.js';
import type { JobRecord } from '../../src/stream/model/types.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { wrapStore } from '../../src/testing/wrapped-store.js';
import { Activity } from '../contract/delayed-store.js';
import {
  type Backend,
  type Contract,
  expectCode,
  type Harness,
  runContract,
  TIMES,
} from '../contract/harness.js';
import { useExpect } from '../contract/tools.js';

useExpect(expect);

/** A machine's clock that somebody sets: for the one who looks at it, it jumps. */
class SetClock implements Clock {
  readonly #inner: FakeClock;
  shiftMs = 0;

  constructor(inner: FakeClock) {
    this.#inner = inner;
  }

  now = () => this.#inner.now() + this.shiftMs;
  monotonic = () => this.#inner.monotonic() + this.shiftMs;
  setTimeout: Clock['setTimeout'] = (callback, ms) => this.#inner.setTimeout(callback, ms);
  clearTimeout: Clock['clearTimeout'] = (timer) => this.#inner.clearTimeout(timer);
  defer: Clock['defer'] = (callback) => this.#inner.defer(callback);
}

interface Server {
  /** Sets the store's clock. */
  jump(ms: number): void;
}

function onServer(title: string, run: (h: Harness, server: Server) => Promise<void>): void {
  it(title, () => runOnServer(title, run));
}

async function runOnServer(title: string, run: (h: Harness, server: Server) => Promise<void>): Promise<void> {
  const clock = new FakeClock();
  const serverClock = new SetClock(clock);
  const jobStore = new InMemoryJobStore({ clock: serverClock });
  const eventTransport = new InMemoryEventTransport();
  const rest = () => clock.rest();
  const backend: Backend = {
    clock,
    activity: new Activity(),
    rounds: 1,
    publishes: false,
    slackMs: 50,
    connect: () => ({ jobStore, eventTransport }),
    advance: (ms) => clock.advance(ms),
    rest,
    dispose: rest,
  };
  const server = {
    jump: (ms: number) => {
      serverClock.shiftMs += ms;
    },
  };
  const contract: Contract = { id: '', title, run: (h) => run(h, server) };
  await runContract(contract, async () => backend);
}

const statusOf = async (h: Harness, streamId = 's') =>
  (await h.store.read(streamKey(streamId), 'current'))[0]?.status;

const TWO_LEASES = TIMES.leaseMs * 2;
/** Which of the judges looks when is left to chance, and says nothing of when it is found. */
const JUDGES = Array.from({ length: 12 }, (_, n) => n);
const RETENTION = { retentionMs: 600_000, idempotencyMs: 700_000 };

describe('The store’s clock jumps an hour ahead', () => {
  onServer('living producers go on, and the dead are found within two leases', async (h, server) => {
    const jumps: string[] = [];
    const logged: string[] = [];
    const [one, two] = await h.two({
      observer: { clockJumped: (direction) => jumps.push(direction) },
      logger: { ...SILENT, error: (_, message) => logged.push(message) },
    });
    const living = await h.start(one, { streamId: 'living' });
    await h.start(two, { streamId: 'dead' });
    await h.advance(TWO_LEASES);
    server.jump(HOUR);
    await two.crash();
    await h.until(async () => (await statusOf(h, 'dead')) === 'failed', 'the dead one is found', TWO_LEASES);
    expect(living.isOver).toBe(false);
    await h.advance(TWO_LEASES);
    expect(living.isOver).toBe(false);
    await living.complete();
    expect(jumps).toEqual(['ahead']);
    expect(logged.filter((message) => message.includes('clock jumped'))).toHaveLength(1);
  });

  onServer(
    'no question expires, no decision is told that it did, and nothing kept is dropped by a jump that comes back',
    async (h, server) => {
      const [one, two] = await h.two({ options: RETENTION });
      const job = await h.start(one, { streamId: 'asks' });
      await job.pause(QUESTION);
      const kept = await h.start(one, { streamId: 'kept' });
      await kept.complete();
      await h.advance(TWO_LEASES);
      server.jump(HOUR);
      const decision = { actionId: 'a', answers: [{ id: 'q', text: 'yes' }], by: 'u', userId: 'u' };
      await h.advance(TIMES.sweepMs);
      await expectCode(two.manager.approvals.resolve('asks', decision), 'unavailable');
      expect(await two.manager.approvals.expire('asks')).toBe(false);
      await h.advance(TIMES.renewMs - TIMES.sweepMs);
      server.jump(-HOUR);
      await h.advance(TWO_LEASES);
      expect(await statusOf(h, 'asks')).toBe('requires_action');
      expect(await statusOf(h, 'kept')).toBe('completed');
      const { job: resumed } = await two.manager.approvals.resolve('asks', decision);
      await resumed.complete();
    },
  );

  onServer('once it has stood for a renewal’s time, windows and retention follow it', async (h, server) => {
    const one = await h.replica({ options: RETENTION });
    const kept = await h.start(one, { streamId: 'kept' });
    await kept.complete();
    await h.advance(TIMES.leaseMs);
    server.jump(HOUR);
    await h.advance(TIMES.renewMs);
    expect(await statusOf(h, 'kept')).toBe('completed');
    await h.advance(TIMES.leaseMs);
    expect(await statusOf(h, 'kept')).toBeUndefined();
  });

  onServer(
    'a replica that has just started judges nobody before it has watched the clock',
    async (h, server) => {
      const one = await h.replica();
      const living = await h.start(one);
      await h.advance(TWO_LEASES);
      server.jump(HOUR);
      const two = await h.replica();
      await two.manager.upkeep.sweep();
      await h.advance(TWO_LEASES);
      expect(living.isOver).toBe(false);
      expect(await statusOf(h)).toBe('running');
      await living.complete();
    },
  );

  onServer('a dead producer is found by a replica that has just started', async (h) => {
    const one = await h.replica();
    await h.start(one);
    await one.crash();
    await h.advance(TWO_LEASES);
    await h.replica();
    const within = TIMES.leaseMs + TIMES.renewMs + 1_000;
    await h.until(async () => (await statusOf(h)) === 'failed', 'the loss is found', within);
  });

  onServer('a settlement under claim is left to who holds it', async (h, server) => {
    let calls = 0;
    const settle = () => {
      calls++;
      return new Promise((resolve) => h.backend.clock.setTimeout(() => resolve(undefined), TIMES.renewMs));
    };
    const [one] = await h.two({ hooks: { settle } });
    await h.advance(TIMES.leaseMs);
    const job = await h.start(one);
    await job.complete();
    await h.advance(10);
    server.jump(HOUR);
    await h.advance(TWO_LEASES);
    expect(calls).toBe(1);
  });

  onServer('creates go on at once, before this process has seen it', async (h) => {
    const behind = (store: JobStore): JobStore => ({
      ...wrapStore(store, (_, perform) => perform()),
      now: () => store.now() - HOUR,
    });
    const one = await h.replica({ wrapStore: behind });
    const job = await h.start(one);
    await job.complete();
  });
});

describe('The store’s clock jumps an hour back', () => {
  it.each(JUDGES)(
    'living producers go on, and one whose record stands still is lost within two leases (%i)',
    (n) =>
      runOnServer(`stands still ${n}`, async (h, server) => {
        const jumps: string[] = [];
        const observer = { clockJumped: (direction: string) => jumps.push(direction) };
        const [one, two] = await h.two({ observer });
        const three = await h.replica({ observer });
        const living = await h.start(one, { streamId: 'living' });
        await h.start(two, { streamId: 'dead' });
        await h.start(two, { streamId: 'dies' });
        await h.advance(TWO_LEASES);
        await two.crash();
        server.jump(-HOUR);
        const isLost = async () => (await statusOf(h, 'dead')) === 'failed';
        await h.until(isLost, 'the dead one is found', TWO_LEASES);
        await h.until(async () => (await statusOf(h, 'dies')) === 'failed', 'and the other', TIMES.sweepMs);
        await h.advance(TWO_LEASES * 2);
        expect(living.isOver).toBe(false);
        await living.complete();
        expect(jumps).toEqual(['back', 'back']);
        await three.crash();
      }),
  );

  onServer('who dies after the jump is found within two leases as well', async (h, server) => {
    const [one, two] = await h.two();
    const living = await h.start(one, { streamId: 'living' });
    await h.start(two, { streamId: 'dead' });
    await h.advance(TWO_LEASES);
    server.jump(-HOUR);
    await h.advance(TWO_LEASES);
    await two.crash();
    await h.until(async () => (await statusOf(h, 'dead')) === 'failed', 'the dead one is found', TWO_LEASES);
    expect(living.isOver).toBe(false);
    await living.complete();
  });

  onServer(
    'how long a lease is stands in the record, not in the options of who judges',
    async (h, server) => {
      const long = { leaseMs: 30_000, renewMs: 12_000 };
      const one = await h.replica({ options: { ...long, createTimeoutMs: 20_000 } });
      const two = await h.replica();
      const living = await h.start(one);
      await h.advance(TWO_LEASES);
      server.jump(-HOUR);
      await h.advance(11_000); // many leases of the judge, none of the producer's renewals
      expect(living.isOver).toBe(false);
      expect(await statusOf(h)).toBe('running');
      await one.crash();
      const within = long.leaseMs + TWO_LEASES;
      await h.until(async () => (await statusOf(h)) === 'failed', 'lost after its own lease', within);
      await two.crash();
    },
  );

  onServer('a producer that renews as it is judged is not lost', async (h, server) => {
    const one = await h.replica();
    const job = await h.start(one);
    const [seen] = await h.store.read(streamKey('s'), 'current');
    server.jump(-HOUR);
    await one.manager.upkeep.renewLeases();
    const reply = await h.store.commit({
      writer: 'other',
      key: streamKey('s'),
      generation: job.generation,
      name: 'lose',
      callId: 'c',
      attempt: 1,
      unmovedLeaseUntil: seen?.leaseUntil,
      event: { event: 'failed', data: '{}' },
      settles: false,
    });
    expect(reply).toMatchObject({ ok: false, refusal: 'lease' });
    await job.complete();
  });
});

describe('The store’s clock jumps back after a stop', () => {
  const stopped = async (h: Harness) => {
    const settled: string[] = [];
    const hooks = { settle: ({ record }: { record: JobRecord }) => void settled.push(record.streamId) };
    const options = { leaveMs: TIMES.renewMs };
    const [one, doomed] = await h.two({ hooks, options });
    await h.advance(TWO_LEASES);
    for (const [streamId, replica] of Object.entries({ staying: one, dead: doomed })) {
      const job = await h.start(replica, { streamId });
      void job.run(() => new Promise(() => {}));
    }
    await doomed.crash();
    for (const streamId of ['staying', 'dead']) await one.manager.abortJob(streamId);
    return { one, settled, hooks, options };
  };
  const both = (settled: string[]) => () => [...settled].sort().join() === 'dead,staying';

  onServer('the producer’s books are open no longer than they would have been', async (h, server) => {
    const { settled, options } = await stopped(h);
    server.jump(-HOUR);
    await h.advance(options.leaveMs / 2);
    expect(settled).toEqual([]);
    await h.until(both(settled), 'both are settled', options.leaveMs + 3 * TIMES.sweepMs);
    await h.advance(TWO_LEASES);
    expect(settled).toHaveLength(2);
  });

  onServer('a replica that knows no other clock waits for no books an hour ahead', async (h, server) => {
    const { one, settled, hooks, options } = await stopped(h);
    await one.crash();
    server.jump(-HOUR);
    const later = await h.replica({ hooks, options });
    for (const streamId of ['staying', 'dead']) await later.store.due.nearer(streamKey(streamId), 0);
    await h.until(both(settled), 'both are settled', 4 * TIMES.sweepMs);
  });
});

describe('A process’s own date is set', () => {
  it('in memory kept answers stay as long as they should, and creates go on', async () => {
    const clock = new FakeClock();
    const store = new InMemoryJobStore({ clock });
    const before = store.now();
    clock.setDate(HOUR);
    expect(store.now()).toBe(before);
    clock.setDate(-2 * HOUR);
    await clock.advance(1_000);
    expect(store.now()).toBe(before + 1_000);
  });
});

const SILENT = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

const QUESTION = {
  actionId: 'a',
  type: 'ask_user_question',
  questions: [{ id: 'q', question: 'Well?', options: [], allowText: true, multiSelect: false }],
  expiresInMs: HOUR / 2,
} as const;
