/**
 * What one turn of the event loop takes from all producers of a process, how many commits a node of the store is given
 * at once, and who is next. Exact: a store that keeps commits until it is told, and a clock that stands still.
 */
import {
  createStreamServices,
  type GenerationJob,
  GenerationJobManager,
  type ManagerInput,
} from 'generation-jobs';
import { afterEach, expect, it } from 'vitest';
import type { Commit, CommitReply, ProducerCommit } from '../../src/stream/interfaces/commits.js';
import type { JobStore } from '../../src/stream/interfaces/job-store.js';
import { FakeClock, turns } from '../../src/testing/fake-clock.js';
import { wrapStore } from '../../src/testing/wrapped-store.js';

const managers: GenerationJobManager[] = [];
afterEach(async () => {
  await Promise.all(managers.splice(0).map((manager) => manager.close()));
});

type Limits = NonNullable<NonNullable<ManagerInput['options']>['limits']>;

function managerOn(
  services: Pick<ManagerInput, 'jobStore' | 'eventTransport'>,
  limits: Limits,
  clock?: FakeClock,
) {
  const manager = new GenerationJobManager({ ...services, options: { limits }, clock });
  managers.push(manager);
  return manager;
}

async function start(manager: GenerationJobManager, streamId: string): Promise<GenerationJob> {
  const made = await manager.createJob({ streamId, userId: 'u' });
  if (!made.started) throw new Error('not started');
  return made.job;
}

const startAll = (manager: GenerationJobManager, count: number, name = 'g') =>
  Promise.all(Array.from({ length: count }, (_, index) => start(manager, `${name}${index}`)));

/** How many of something each turn of the event loop has had. */
class TurnCounter {
  readonly counts: number[] = [0];
  #isOver = false;

  constructor() {
    const next = () => {
      if (this.#isOver) return;
      this.counts.push(0);
      setImmediate(next);
    };
    setImmediate(next);
  }

  count(): void {
    this.counts[this.counts.length - 1] = (this.counts.at(-1) ?? 0) + 1;
  }

  stop(): number[] {
    this.#isOver = true;
    return this.counts;
  }
}

async function emitAwaiting(job: GenerationJob, count: number, onEmit = () => {}, data: unknown = 'x') {
  for (let left = count; left > 0; left--) {
    const room = job.emit({ event: 'n', data });
    onEmit();
    await room;
  }
}

it('producers that only await emit let the event loop go: no turn takes more than its bound from all of them', async () => {
  const manager = managerOn(createStreamServices(), { turnEvents: 100 });
  const jobs = await startAll(manager, 10);
  const turn = new TurnCounter();
  await Promise.all(jobs.map((job) => emitAwaiting(job, 500, () => turn.count())));
  const counts = turn.stop();
  // A producer learns of the bound by the promise of the emit that meets it.
  expect(Math.max(...counts)).toBeLessThanOrEqual(100 + jobs.length);
  expect(Math.max(...counts.slice(2))).toBeLessThanOrEqual(101);
  expect(counts.filter((count) => count > 0).length).toBeGreaterThanOrEqual(5_000 / 110);
});

it('a large event counts as much as the KiB it has', async () => {
  const manager = managerOn(createStreamServices(), { turnEvents: 100 });
  const job = await start(manager, 'large');
  const turn = new TurnCounter();
  await emitAwaiting(job, 60, () => turn.count(), 'x'.repeat(19 * 1024));
  expect(Math.max(...turn.stop())).toBe(5);
});

it('a producer that has emitted less goes on before those that have emitted more', async () => {
  const manager = managerOn(createStreamServices(), { turnEvents: 10 });
  const [greedy, modest, last] = (await startAll(manager, 3)) as [
    GenerationJob,
    GenerationJob,
    GenerationJob,
  ];
  const order: string[] = [];
  const emit = (job: GenerationJob, name: string, count: number) => {
    for (let left = count; left > 1; left--) void job.emit({ event: 'n', data: 0 });
    return job.emit({ event: 'n', data: 0 }).then(() => order.push(name));
  };
  await Promise.all([emit(greedy, 'greedy', 50), emit(last, 'last', 60), emit(modest, 'modest', 1)]);
  expect(order).toEqual(['modest', 'greedy', 'last']);
});

it('an emit below the bound of its turn need not wait for another', async () => {
  const manager = managerOn(createStreamServices(), { turnEvents: 100 });
  const job = await start(manager, 's');
  const turn = new TurnCounter();
  await emitAwaiting(job, 99, () => turn.count());
  expect(turn.stop()).toEqual([99]);
});

// --- commits

/** A store that answers no producer until it is told to, and names a node for each stream. */
function heldStore(nodeOf?: (streamId: string) => string) {
  const { jobStore, eventTransport } = createStreamServices();
  const held: { commit: ProducerCommit; answer: () => void }[] = [];
  const sent: ProducerCommit[] = [];
  let isHolding = true;
  const wrapped = wrapStore(jobStore, async ({ method, args }, perform) => {
    const [commit] = args as [Commit];
    if (method === 'commit' && commit.writer === 'producer') {
      sent.push(commit);
      if (isHolding) await new Promise<void>((answer) => held.push({ commit, answer }));
    }
    return perform();
  });
  const store: JobStore = nodeOf ? { ...wrapped, nodeOf: (key) => nodeOf(key.streamId) } : wrapped;
  return {
    services: { jobStore: store, eventTransport },
    /** Under way, by stream. */
    get underWay(): string[] {
      return held.map(({ commit }) => commit.key.streamId);
    },
    sent,
    async answer(streamId: string): Promise<void> {
      const at = held.findIndex(({ commit }) => commit.key.streamId === streamId);
      held.splice(at, 1)[0]?.answer();
      await turns(3);
    },
    release(): void {
      isHolding = false;
      for (const { answer } of held.splice(0)) answer();
    },
  };
}

const emitOne = (job: GenerationJob | undefined) => void job?.emit({ event: 'n', data: 0 });

it('a node of the store is given no more commits at once than its bound; the next goes when one is answered', async () => {
  const store = heldStore();
  const jobs = await startAll(managerOn(store.services, { commitsUnderWay: 3 }), 5);
  for (const job of jobs) emitOne(job);
  await turns(3);
  expect(store.underWay).toEqual(['g0', 'g1', 'g2']);
  await store.answer('g1');
  expect(store.underWay).toEqual(['g0', 'g2', 'g3']);
  store.release();
  await Promise.all(jobs.map((job) => job.flush()));
  expect(store.sent).toHaveLength(5);
});

it('of those that wait for a commit, who has had least is next', async () => {
  const store = heldStore();
  const manager = managerOn(store.services, { commitsUnderWay: 1 });
  const [greedy, other, quiet] = (await startAll(manager, 3)) as [
    GenerationJob,
    GenerationJob,
    GenerationJob,
  ];
  for (const [job, count] of [
    [greedy, 50],
    [other, 20],
  ] as const) {
    for (let left = count; left > 0; left--) emitOne(job);
    await turns(3);
  }
  for (let round = 0; round < 3; round++) {
    await store.answer('g0');
    await store.answer('g1');
    for (const job of [greedy, other]) for (let left = 50; left > 0; left--) emitOne(job);
  }
  await turns(3);
  emitOne(quiet);
  const [busy] = store.underWay;
  await store.answer(busy as string);
  expect(store.underWay).toEqual(['g2']);
  store.release();
});

it('a batch is made when it is sent: what comes while its producer waits goes with it', async () => {
  const store = heldStore();
  const manager = managerOn(store.services, { commitsUnderWay: 1 });
  const [first, second] = await startAll(manager, 2);
  emitOne(first);
  for (let n = 0; n < 10; n++) {
    emitOne(second);
    await turns(1);
  }
  await store.answer('g0');
  expect(store.sent.map(({ events }) => events.length)).toEqual([1, 10]);
  store.release();
});

it('below the bound a commit is sent in the turn of its emit, also beside others under way', async () => {
  const store = heldStore();
  const jobs = await startAll(managerOn(store.services, { commitsUnderWay: 4 }), 4);
  for (const [index, job] of jobs.entries()) {
    emitOne(job);
    expect(store.sent).toHaveLength(index + 1);
  }
  store.release();
});

it('nobody passes those who wait, not even in a moment when a place is free', async () => {
  const store = heldStore();
  const manager = managerOn(store.services, { commitsUnderWay: 1 });
  const [first, second, third] = await startAll(manager, 3);
  emitOne(first);
  emitOne(second);
  store.release();
  // The place is free, and the second has not got it yet.
  await Promise.resolve().then(() => emitOne(third));
  await turns(5);
  expect(store.sent.map(({ key }) => key.streamId)).toEqual(['g0', 'g1', 'g2']);
});

it('a store that answers within the turn is given no more commits in a turn than the bound', async () => {
  const store = heldStore();
  store.release();
  const jobs = await startAll(managerOn(store.services, { commitsUnderWay: 5 }), 40);
  const turn = new TurnCounter();
  const commit = store.services.jobStore.commit;
  store.services.jobStore.commit = ((one: never) => {
    turn.count();
    return commit(one) as Promise<CommitReply>;
  }) as JobStore['commit'];
  for (let round = 0; round < 10; round++) {
    for (const job of jobs) emitOne(job);
    await turns(1);
  }
  await Promise.all(jobs.map((job) => job.flush()));
  expect(Math.max(...turn.stop())).toBe(5);
});

it('awaited flushes let the event loop go on a store that answers within the turn', async () => {
  const manager = managerOn(createStreamServices(), { commitsUnderWay: 5 });
  const job = await start(manager, 's');
  const turn = new TurnCounter();
  for (let n = 0; n < 50; n++) {
    emitOne(job);
    turn.count();
    await job.flush();
  }
  expect(Math.max(...turn.stop())).toBeLessThanOrEqual(6);
});

it('ends, pauses, decisions, renewals and reads wait for no place', async () => {
  const store = heldStore((streamId) => (streamId === 'decided' ? 'elsewhere' : 'here'));
  const manager = managerOn(store.services, { commitsUnderWay: 1 });
  const [busy, ends, pauses] = (await startAll(manager, 3)) as [GenerationJob, GenerationJob, GenerationJob];
  const decided = await start(manager, 'decided');
  const asking = decided.pause({ type: 'checkpoint' });
  await store.answer('decided');
  const { actionId } = await asking;
  emitOne(busy);
  emitOne(ends);
  const over = [ends.complete(), pauses.pause({ type: 'checkpoint' })];
  await turns(3);
  // What was emitted before the end goes before it, and as it.
  expect(store.underWay).toEqual(['g0', 'g1', 'g2']);
  await manager.upkeep.renewLeases();
  await manager.approvals.resolve('decided', { actionId, by: 'p' });
  expect((await manager.getJob('g0'))?.status).toBe('running');
  store.release();
  await Promise.all(over);
  expect(store.sent.find(({ key }) => key.streamId === 'g1')?.transition?.name).toBe('complete');
});

it('a commit that is not answered within a poll’s time leaves the count, and holds nobody else up', async () => {
  const clock = new FakeClock();
  const store = heldStore();
  const manager = managerOn(store.services, { commitsUnderWay: 2 }, clock);
  const jobs = await startAll(manager, 4);
  for (const job of jobs) emitOne(job);
  await clock.advance(4_990); // logPollMs is 5 s
  expect(store.underWay).toEqual(['g0', 'g1']);
  await clock.advance(20);
  expect(store.underWay).toEqual(['g0', 'g1', 'g2', 'g3']);
  store.release();
});

it('each node of the store has a bound of its own', async () => {
  const store = heldStore((streamId) => (streamId.startsWith('a') ? 'one' : 'two'));
  const manager = managerOn(store.services, { commitsUnderWay: 2 });
  const here = await startAll(manager, 4, 'a');
  const there = await startAll(manager, 2, 'b');
  for (const job of [...here, ...there]) emitOne(job);
  await turns(3);
  expect(store.underWay).toEqual(['a0', 'a1', 'b0', 'b1']);
  store.release();
});

it('a producer that is over while it waits leaves its place and no timer', async () => {
  const clock = new FakeClock();
  const store = heldStore();
  const manager = managerOn(store.services, { commitsUnderWay: 1 }, clock);
  const jobs = await startAll(manager, 3);
  for (const job of jobs) emitOne(job);
  await turns(3);
  const aborting = manager.abortJob('g1', { userId: 'u' });
  await clock.advance(1_000); // a stop waits a moment for what was taken before it
  await aborting;
  await store.answer('g0');
  expect(store.underWay).toEqual(['g2']);
  store.release();
  await manager.close();
  await clock.rest();
  expect(clock.pendingTimers).toBe(0);
});

it('a producer that is held while its end is described keeps no place from others', async () => {
  const store = heldStore();
  let isDescribed = false;
  const jobStore = wrapStore(store.services.jobStore, async ({ method, args }, perform) => {
    const [commit] = args as [Commit];
    const isHeld = method === 'commit' && commit.writer === 'producer' && commit.key.streamId === 'g0';
    return isHeld && !isDescribed ? ({ ok: false, refusal: 'held' } satisfies CommitReply) : perform();
  });
  const manager = managerOn({ ...store.services, jobStore }, { commitsUnderWay: 1 });
  const jobs = await startAll(manager, 2);
  for (const job of jobs) emitOne(job);
  await turns(3);
  expect(store.underWay).toEqual(['g1']);
  isDescribed = true;
  store.release();
  await Promise.all(jobs.map((job) => job.flush()));
});
