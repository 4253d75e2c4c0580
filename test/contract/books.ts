/**
 * The books of a producer that others have stopped: what it still says of its run is in what the host settles.
 */
import type { GenerationJob, Hooks, JobRecord } from 'generation-jobs';
import {
  type Commit,
  type CreateReply,
  type LeaverCommit,
  type RecordPatch,
  type SettlementCommit,
  streamKey,
} from 'generation-jobs/ports';
import { type Loss, lossyStore } from 'generation-jobs/testing';
import { Desk, KEY, LEASE, lifecycle } from './desk.js';
import { text } from './follower.js';
import {
  AT_ONCE_MS,
  type Contract,
  codeOf,
  type Harness,
  RENEWS_SELDOM,
  type Replica,
  rejection,
  TIMES,
} from './harness.js';
import { expect } from './tools.js';

type Ended = Parameters<NonNullable<Hooks['settle']>>[0];

const LEAVE = 400;

function leaver(record: JobRecord, leaves: boolean, patch?: RecordPatch): LeaverCommit {
  const { generation, attempt } = record;
  return { writer: 'leaver', key: KEY, generation, attempt, leaves, patch };
}

function firstClaim({ generation, settlement }: JobRecord): SettlementCommit {
  const { revision, tries } = settlement;
  return {
    ...{ writer: 'settler', key: KEY, generation, revision, state: 'open', tries: tries + 1 },
    ...{ notBeforeMs: 300, claimed: true },
  };
}

/** Ends of a running generation by others, each with its record; a replaced one is not the current one any more. */
const STOPS = {
  async abort(desk: Desk, record: JobRecord): Promise<JobRecord> {
    const commit = desk.other(record, 'abort', { settles: true, leaveMs: LEAVE });
    return (await desk.ok(desk.store.commit(commit))).record as JobRecord;
  },
  async replace(desk: Desk, { generation }: JobRecord): Promise<JobRecord> {
    const error = { code: 'replaced', message: 'x', retryable: false };
    const replaces = { generation, end: lifecycle('aborted'), error, leaveMs: LEAVE };
    const reply: CreateReply = await desk.store.create(desk.request({ replaces, settles: true }));
    if (reply.outcome !== 'created') throw new Error(`not created: ${reply.outcome}`);
    return reply.replaced as JobRecord;
  },
} as const;

/** What the store promises by itself. */
export const bookContracts: readonly Contract[] = [
  {
    id: 'L58',
    title: 'after a stop the books take changes and a leave, whether or not the generation is current',
    async run(h) {
      const desk = new Desk(h);
      for (const [name, stop] of Object.entries(STOPS)) {
        const record = await desk.created();
        expect(await desk.refusal(desk.store.commit(leaver(record, true))), name).toBe('running');
        const ended = await stop(desk, record);
        const { endedAt = 0, settlement } = ended;
        expect(settlement, name).toMatchObject({ state: 'open', tries: 0, notBefore: endedAt + LEAVE });
        expect(ended.producerLeft, name).toBe(undefined);
        const patch = { number: 3, usage: { tokens: 5 }, metadata: { b: '[2]', a: '1' } };
        const changed = (await desk.ok(desk.store.commit(leaver(ended, false, patch)))).record;
        expect(changed, name).toMatchObject({ usage: { tokens: 5 }, metadata: { b: [2], a: 1 }, settlement });
        expect(changed?.producerLeft, name).toBe(undefined);
        // A repeat, and what came before it, change nothing.
        const stale = { number: 2, usage: { tokens: 1 } };
        await desk.ok(desk.store.commit(leaver(ended, false, stale)));
        const left = await desk.ok(
          desk.store.commit(leaver(ended, true, { number: 4, metadata: { c: '3' } })),
        );
        // A change of metadata and a leave are told to followers, each with the record's next revision; no event is.
        const revision = ended.revision + 3;
        expect(left.lastSequence, name).toBe(ended.lastSequence);
        expect(left.record?.revision, name).toBe(revision);
        const told = left.frames.map((frame) => [frame.revision, frame.events]);
        expect(told, name).toEqual(h.backend.publishes ? [] : [[revision, []]]);
        const [kept] = await desk.store.read(KEY, ended.generation);
        expect(kept, name).toEqual(left.record);
        expect(kept, name).toMatchObject({ producerLeft: true, usage: { tokens: 5 } });
        expect(Object.entries(kept?.metadata ?? {}), name).toEqual([
          ['b', [2]],
          ['a', 1],
          ['c', 3],
        ]);
        expect(kept?.settlement, name).toMatchObject({ state: 'open', tries: 0 });
        expect(kept?.settlement.notBefore, name).toBeLessThanOrEqual(desk.store.now());
        const again = await desk.ok(desk.store.commit(leaver(ended, true)));
        expect(again.record, `${name}: a leave is noted once`).toEqual(kept);
        const late = { ...ended, attempt: ended.attempt + 1 };
        expect(await desk.refusal(desk.store.commit(leaver(late, true))), name).toBe('fenced');
        await desk.store.delete(KEY);
        expect(await desk.refusal(desk.store.commit(leaver(ended, true))), name).toBe('gone');
      }
    },
  },
  {
    id: 'L58',
    title: 'a change after a stop may have as many keys as one before it',
    async run(h) {
      const desk = new Desk(h);
      const texts = (first: number) =>
        Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`k${first + n}`, '1']));
      for (const [name, stop] of Object.entries(STOPS)) {
        const record = await desk.created();
        const patch = { number: 1, metadata: texts(0) };
        await desk.ok(desk.store.commit(desk.batch(record, record.lastSequence + 1, 0, { patch })));
        const ended = await stop(desk, record);
        await desk.ok(desk.store.commit(leaver(ended, true, { number: 2, metadata: texts(5_000) })));
        const [kept] = await desk.store.read(KEY, ended.generation);
        expect(kept?.producerLeft, name).toBe(true);
        const metadata = Object.entries(kept?.metadata ?? {});
        expect(metadata, name).toHaveLength(10_000);
        expect([metadata[0], metadata.at(-1)], name).toEqual([
          ['k0', 1],
          ['k9999', 1],
        ]);
        await desk.store.delete(KEY);
      }
    },
  },
  {
    id: 'L58',
    title:
      'the first claim of a settlement closes the books: a change is refused, a repeat and a leave are not',
    async run(h) {
      const desk = new Desk(h);
      for (const [name, stop] of Object.entries(STOPS)) {
        const ended = await stop(desk, await desk.created());
        const patch = { number: 1, usage: { tokens: 5 } };
        await desk.ok(desk.store.commit(leaver(ended, false, patch)));
        await desk.ok(desk.store.commit(firstClaim(ended)));
        const [claimed] = await desk.store.read(KEY, ended.generation);
        const more = { number: 2, usage: { tokens: 6 } };
        for (const leaves of [true, false])
          expect(await desk.refusal(desk.store.commit(leaver(ended, leaves, more))), name).toBe('closed');
        await desk.ok(desk.store.commit(leaver(ended, false, patch)));
        expect(await desk.store.read(KEY, ended.generation), name).toEqual([claimed]);
        const left = await desk.ok(desk.store.commit(leaver(ended, true)));
        expect(left.record, name).toMatchObject({ producerLeft: true, usage: { tokens: 5 } });
        expect(left.record?.settlement, `${name}: the claim stays`).toEqual(claimed?.settlement);
        expect(left.record?.revision, name).toBe((claimed?.revision ?? 0) + 1);
        await desk.store.delete(KEY);
      }
    },
  },
  {
    id: 'L58',
    title:
      'nobody waits for a producer that is lost, for one that has paused, and where there is nothing to settle',
    timesLapse: true,
    async run(h) {
      const desk = new Desk(h);
      const expectNoWait = async (commit: Commit, what: string) => {
        const { record } = await desk.ok(desk.store.commit(commit));
        expect(record?.settlement.notBefore, what).toBe(record?.endedAt);
        await desk.store.delete(KEY);
      };
      const over = { settles: true, leaveMs: LEAVE };
      const paused = await desk.created();
      await desk.ok(desk.store.commit(desk.end(paused, 'pause')));
      await expectNoWait(desk.other(paused, 'abort', over), 'paused');
      const unhooked = await desk.created();
      await expectNoWait(desk.other(unhooked, 'abort', { ...over, settles: false }), 'nothing to settle');
      const given = await desk.created();
      expect(
        await desk.store.renew(
          [given].map(({ generation, attempt }) => ({ key: KEY, generation, attempt })),
          0,
        ),
      ).toEqual(['held']);
      await expectNoWait(desk.other(given, 'abort', over), 'a lease that was given up');
      for (const name of ['abort', 'lose'] as const) {
        const silent = await desk.created();
        await h.advance(LEASE + 1);
        await expectNoWait(desk.other(silent, name, over), `${name} of a silent one`);
      }
    },
  },
];

/** A producer whose `run` goes on after a stop until it is let go. */
class Staying {
  readonly job: GenerationJob;
  #let: () => void = () => {};
  readonly #gate = new Promise<void>((resolve) => {
    this.#let = resolve;
  });
  readonly #returned: Promise<unknown>;

  constructor(job: GenerationJob, last: (job: GenerationJob) => unknown = () => undefined) {
    this.job = job;
    this.#returned = job.run(async () => {
      await this.#gate;
      return last(job);
    });
  }

  return(): Promise<unknown> {
    this.#let();
    return this.#returned;
  }
}

/** Replicas that settle slowly enough to see, and what they have settled. */
async function settling(
  h: Harness,
  input: Parameters<Harness['replica']>[0] = {},
): Promise<{ replicas: [Replica, Replica]; seen: Ended[] }> {
  const seen: Ended[] = [];
  const hooks: Hooks = { settle: (ended) => void seen.push(ended) };
  const options = { ...RENEWS_SELDOM, leaveMs: 60_000, predecessorMs: 61_000, ...input.options };
  return { replicas: await h.two({ ...input, hooks: { ...hooks, ...input.hooks }, options }), seen };
}

const STOPPED: Record<string, (h: Harness, by: Replica, streamId: string) => Promise<unknown>> = {
  aborted: (_, by, streamId) => by.manager.abortJob(streamId),
  replaced: (h, by, streamId) => h.start(by, { streamId }),
};

/** What the library makes of it. */
export const stoppedContracts: readonly Contract[] = [
  {
    id: 'L58',
    title:
      'what a stopped producer adds before its `run` returns is in what is settled, once, on any replica',
    async run(h) {
      const { replicas, seen } = await settling(h);
      const [one, two] = replicas;
      for (const [reason, stop] of Object.entries(STOPPED)) {
        const job = await h.start(one, { streamId: reason, contentModel: 'text' });
        const staying = new Staying(job, async () => {
          // Whoever returns need not wait for its last word.
          void job.addUsage({ tokens: 4 });
        });
        job.emit(text('abc'));
        await job.addUsage({ tokens: 1 });
        await stop(h, two, reason);
        await h.until(() => job.isOver, `the signal after ${reason}`, AT_ONCE_MS);
        expect(job.reason).toBe(reason);
        expect(await h.soon(job.addUsage({ tokens: 2, cost: 3 }))).toBe(true);
        expect(await h.soon(job.update({ metadata: { messageId: 'm1' } }))).toBe(true);
        expect(seen).toHaveLength(0);
        const [open] = await h.store.read(job.key, job.generation);
        expect(open).toMatchObject({
          usage: { tokens: 3, cost: 3 },
          settlement: { state: 'open', tries: 0 },
        });
        await staying.return();
        await h.until(() => seen.length === 1, `${reason}: settled when it has left`, AT_ONCE_MS);
        const [ended] = seen.splice(0) as [Ended];
        expect(ended.usage).toEqual({ tokens: 7, cost: 3 });
        expect(ended.content).toEqual({ text: 'abc' });
        expect(ended.record).toMatchObject({ producerLeft: true, metadata: { messageId: 'm1' } });
        expect(await h.soon(job.addUsage({ tokens: 8 }))).toBe(false);
        const settled = async () => (await h.store.read(job.key, job.generation))[0]?.settlement.state;
        await h.until(async () => (await settled()) === 'settled', 'it is settled', AT_ONCE_MS);
        expect((await h.store.read(job.key, job.generation))[0]?.usage).toEqual({ tokens: 7, cost: 3 });
        expect(seen).toHaveLength(0);
      }
    },
  },
  {
    id: 'L58',
    title:
      'one whose `run` does not return, or that has died, is waited for as long as `leaveMs`, and no longer',
    timesLapse: true,
    async run(h) {
      const { replicas, seen } = await settling(h, { options: { leaveMs: TIMES.leaveMs } });
      const [, two] = replicas;
      const doomed = await h.replica({ options: RENEWS_SELDOM });
      const job = await h.start(doomed, { streamId: 'dead' });
      void new Staying(job);
      await job.addUsage({ tokens: 1 });
      await doomed.crash();
      await two.manager.abortJob('dead');
      const longest = TIMES.leaveMs + 3 * TIMES.sweepMs;
      await h.until(() => seen.length === 1, 'the dead one is settled', longest);
      const hanging = await h.start(replicas[0], { streamId: 'hanging' });
      const staying = new Staying(hanging);
      await two.manager.abortJob('hanging');
      await h.until(() => hanging.isOver, 'it is told', AT_ONCE_MS);
      expect(await h.soon(hanging.addUsage({ tokens: 2 }))).toBe(true);
      await h.until(() => seen.length === 2, 'the hanging one is settled', longest);
      for (const { record } of seen) {
        const [kept] = await h.store.read(streamKey(record.streamId), 'current');
        const { settlement, endedAt = 0, producerLeft } = kept as JobRecord;
        expect(record.updatedAt - endedAt, record.streamId).toBeGreaterThanOrEqual(TIMES.leaveMs);
        expect([settlement.tries, producerLeft], record.streamId).toEqual([1, undefined]);
      }
      expect(seen.map(({ usage }) => usage)).toEqual([{ tokens: 1 }, { tokens: 2 }]);
      expect(await h.soon(hanging.addUsage({ tokens: 4 }))).toBe(false);
      // That it has left is noted even so: whoever comes after it may wait for that.
      await staying.return();
      const left = async () => (await h.store.read(hanging.key, 'current'))[0]?.producerLeft === true;
      await h.until(left, 'its return is noted', AT_ONCE_MS);
      expect((await h.store.read(hanging.key, 'current'))[0]?.usage).toEqual({ tokens: 2 });
      expect(seen).toHaveLength(2);
    },
  },
  {
    id: 'L58',
    title: 'a handle without a `run` leaves with its stop, and takes what it was given before that along',
    async run(h) {
      for (const [reason, stop] of Object.entries(STOPPED)) {
        // The store is slow for the commits of the producer, and not for the stop.
        const { replicas, seen } = await settling(h);
        const slow = await h.replica({
          options: { ...RENEWS_SELDOM, leaveMs: 60_000, predecessorMs: 61_000 },
          hooks: { settle: (ended) => void seen.push(ended) },
          wrapStore: (store) =>
            lossyStore(store, ({ method, args }) => {
              const [commit] = args as [Partial<Commit>];
              return method === 'commit' && commit.writer === 'producer' ? 'request' : 'none';
            }),
        });
        const job = await h.start(slow, { streamId: reason });
        const counted = job.addUsage({ tokens: 6 });
        const told = job.update({ metadata: { at: 'the stop' } });
        await stop(h, replicas[1], reason);
        await h.until(() => job.isOver, 'it is told', AT_ONCE_MS);
        expect(await h.soon(Promise.all([counted, told]))).toEqual([true, true]);
        await h.until(() => seen.length > 0, 'it is settled at once', AT_ONCE_MS);
        expect(seen).toHaveLength(1);
        expect(seen[0]).toMatchObject({
          usage: { tokens: 6 },
          record: { producerLeft: true, metadata: { at: 'the stop' } },
        });
        expect(await job.addUsage({ tokens: 1 })).toBe(false);
        expect(await job.update({ metadata: { late: true } })).toBe(false);
      }
    },
  },
  {
    id: 'L58',
    title: 'every try of a settlement sees the same, however long the producer goes on',
    timesLapse: true,
    async run(h) {
      const usages: unknown[] = [];
      const settle = (ended: Ended) => {
        usages.push(ended.usage);
        if (usages.length < 3) throw new Error('the database is away');
      };
      const [one, two] = await h.two({ hooks: { settle }, options: { leaveMs: TIMES.leaveMs } });
      const job = await h.start(one);
      const staying = new Staying(job);
      await two.manager.abortJob('s');
      await h.until(() => job.isOver, 'it is told', AT_ONCE_MS);
      expect(await h.soon(job.addUsage({ tokens: 1 }))).toBe(true);
      await h.until(() => usages.length === 1, 'the first try', TIMES.leaveMs + 3 * TIMES.sweepMs);
      expect(await h.soon(job.addUsage({ tokens: 2 }))).toBe(false);
      await staying.return();
      await h.until(() => usages.length === 3, 'the last try');
      expect(usages).toEqual([{ tokens: 1 }, { tokens: 1 }, { tokens: 1 }]);
    },
  },
  {
    id: 'L58',
    title: 'lost replies and requests of its books and of its leave lose nothing and count nothing twice',
    async run(h) {
      let commits = 0;
      const loseOne = (): Loss => (['reply', 'request', 'none'] as const)[commits++ % 3] ?? 'none';
      const { replicas, seen } = await settling(h, {
        wrapStore: (store) =>
          lossyStore(store, ({ method, args }) => {
            const [commit] = args as [Partial<Commit>];
            return method === 'commit' && commit.writer === 'leaver' ? loseOne() : 'none';
          }),
      });
      const [one, two] = replicas;
      const job = await h.start(one);
      const staying = new Staying(job);
      await two.manager.abortJob('s');
      await h.until(() => job.isOver, 'it is told', AT_ONCE_MS);
      for (let n = 0; n < 5; n++) expect(await h.soon(job.addUsage({ tokens: 1 }))).toBe(true);
      await staying.return();
      await h.until(() => seen.length === 1, 'it is settled', AT_ONCE_MS);
      expect(seen[0]).toMatchObject({ usage: { tokens: 5 }, record: { producerLeft: true } });
      expect(commits).toBeGreaterThan(6);
    },
  },
  {
    id: 'L58',
    title: 'a producer that can’t read why it was refused has been stopped, and may finish its books',
    async run(h) {
      const { replicas, seen } = await settling(h);
      let isBlind = false;
      const blind = await h.replica({
        options: { ...RENEWS_SELDOM, leaveMs: 60_000, predecessorMs: 61_000 },
        hooks: { settle: (ended) => void seen.push(ended) },
        wrapStore: (store) =>
          lossyStore(store, ({ method }) => (isBlind && method === 'read' ? 'request' : 'none')),
      });
      const job = await h.start(blind);
      const staying = new Staying(job);
      isBlind = true;
      await replicas[1].manager.abortJob('s');
      await h.until(() => job.isOver, 'it is told', AT_ONCE_MS);
      isBlind = false;
      expect(job.reason).toBe('aborted');
      expect(await h.soon(job.addUsage({ tokens: 1 }))).toBe(true);
      await staying.return();
      await h.until(() => seen.length === 1, 'it is settled', AT_ONCE_MS);
      expect(seen[0]?.usage).toEqual({ tokens: 1 });
    },
  },
  {
    id: 'L58',
    title: 'a producer of a release that keeps no books, which names no replica, is not waited for',
    async run(h) {
      const { replicas, seen } = await settling(h);
      await new Desk(h).created({ replicaId: undefined });
      const { record } = await replicas[0].manager.abortJob('s');
      expect(record.settlement.notBefore).toBe(record.endedAt);
      await h.until(() => seen.length === 1, 'it is settled at once', AT_ONCE_MS);
      expect(seen[0]?.record.producerLeft).toBe(undefined);
    },
  },
  {
    id: 'L58 L49',
    title: 'a replica that drains settles what it has stopped and waits for no producer that stays',
    async run(h) {
      const { replicas, seen } = await settling(h);
      const [one, two] = replicas;
      const job = await h.start(one);
      const staying = new Staying(job);
      await two.manager.abortJob('s');
      await h.until(() => job.isOver, 'it is told', AT_ONCE_MS);
      expect(await h.soon(job.addUsage({ tokens: 1 }))).toBe(true);
      await h.soon(one.manager.drain({ graceMs: 0 }), 'the drain');
      expect(seen.map(({ usage }) => usage)).toEqual([{ tokens: 1 }]);
      expect(await h.soon(job.addUsage({ tokens: 2 }))).toBe(false);
      await staying.return();
    },
  },
  {
    id: 'L58',
    title: 'after any other end there are no books, and no producer is begun on a handle that is over',
    async run(h) {
      const replica = await h.replica();
      const ends: Record<string, (job: GenerationJob) => Promise<unknown>> = {
        completed: (job) => job.complete(),
        failed: (job) => job.fail(new Error('x')),
        paused: (job) => job.pause({ type: 'checkpoint' }),
        gone: ({ streamId }) => replica.manager.deleteStream(streamId),
        aborted: ({ streamId }) => replica.manager.abortJob(streamId),
      };
      for (const [reason, end] of Object.entries(ends)) {
        const job = await h.start(replica, { streamId: reason });
        await end(job);
        await h.until(() => job.isOver, `the signal after ${reason}`, AT_ONCE_MS);
        if (reason !== 'aborted') {
          for (const late of [job.addUsage({ tokens: 1 }), job.update({ metadata: { late: true } })])
            expect(codeOf(await rejection(late)), reason).toBe('job_ended');
        }
        let begun = 0;
        expect(await job.run(() => begun++), reason).toEqual({ reason });
        expect(begun, reason).toBe(0);
      }
    },
  },
];
