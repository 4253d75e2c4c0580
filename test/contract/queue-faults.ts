/**
 * Runs that wait, while processes die, leave, lack what they need or lose answers: each starts once, and is begun anew or handed back
 * when nothing came of it.
 */
import { createSeal, type QueuedRunResult } from 'generation-jobs';
import { streamKey, userKey } from 'generation-jobs/ports';
import { lossyStore, wrapStore } from 'generation-jobs/testing';
import { text } from './follower.js';
import {
  type Contract,
  codeOf,
  type Harness,
  type Replica,
  type ReplicaInput,
  TIMES,
  tally,
} from './harness.js';
import { ended, enqueue, Starts, untilStopped, wait, waiting } from './queue-host.js';
import { expect } from './tools.js';

/** The time in which a lease lapses, that is noticed, and what is due then is done. */
const TAKEN_OVER_MS = TIMES.leaseMs * 6;
const ONE_SLOT = { options: { limits: { activeJobsPerUser: 1 } } };

/** A replica that dies as soon as a call of this name is performed. */
async function dyingAt(h: Harness, method: string, input: ReplicaInput): Promise<Replica> {
  const doomed: Replica = await h.replica({
    ...input,
    wrapStore: (store) =>
      wrapStore(store, async (call, perform) => {
        const answer = await perform();
        if (call.method === method) await doomed.crash();
        return answer;
      }),
  });
  return doomed;
}

/** A replica whose first start of a run kills it, at once or once it has said something. */
async function dyingOfStarts(
  h: Harness,
  starts: Starts,
  by: string,
  { speaks = false, recovered = [] }: { speaks?: boolean; recovered?: string[] } = {},
): Promise<Replica> {
  const doomed: Replica = await h.replica({
    hooks: {
      startQueued: async (job, queued) => {
        starts.tell(by, job, queued);
        if (speaks) void job.emit(text('a'));
        if (speaks) await job.flush();
        await doomed.crash();
        return untilStopped(job);
      },
      recover: () => void recovered.push(by),
    },
  });
  return doomed;
}

export const queueFaultContracts: readonly Contract[] = [
  {
    id: 'F60',
    title: 'who adds a run and dies at once has added it: another replica starts it when its turn comes',
    timesLapse: true,
    async run(h) {
      const starts = new Starts();
      const plain = await h.replica();
      const one = await h.replica({ hooks: starts.hooks('one') });
      const doomed = await dyingAt(h, 'queues.add', { hooks: starts.hooks('doomed') });
      const job = await h.start(plain);
      void enqueue(doomed, { created: 'a' }).catch(() => {});
      await h.until(() => doomed.isDead, 'it is added');
      expect(await waiting(one)).toEqual(['a']);
      await h.soon(job.complete());
      await h.until(() => starts.all.length === 1, 'its start', TAKEN_OVER_MS);
      expect(starts.all).toMatchObject([{ created: 'a', by: 'one', attempt: 1 }]);
    },
  },
  {
    id: 'F60',
    title:
      'a run that waits for a slot, on a stream that has nothing else, outlives the process that has added it',
    timesLapse: true,
    async run(h) {
      const starts = new Starts();
      const one = await h.replica({ ...ONE_SLOT, hooks: starts.hooks('one') });
      const doomed = await dyingAt(h, 'queues.add', { ...ONE_SLOT, hooks: starts.hooks('doomed') });
      const job = await h.start(one, { streamId: 'a' });
      void enqueue(doomed, { streamId: 'b', created: 'b' }).catch(() => {});
      await h.until(() => doomed.isDead, 'it is added');
      await h.soon(job.complete());
      await h.until(() => starts.all.length === 1, 'its start', TAKEN_OVER_MS);
      expect(starts.all).toMatchObject([{ created: 'b', by: 'one' }]);
    },
  },
  {
    id: 'F61',
    title:
      'a start that dies before it has said anything is begun anew, three times in all; then it has failed, and its key is free',
    timesLapse: true,
    async run(h) {
      const starts = new Starts();
      const recovered: string[] = [];
      const doomed: Replica[] = [];
      for (const by of ['one', 'two', 'three', 'four'])
        doomed.push(await dyingOfStarts(h, starts, by, { recovered }));
      const plain = await h.replica();
      const job = await h.start(plain);
      await h.soon(wait(doomed[0] as Replica, { created: { n: 1 }, idempotencyKey: 'k' }));
      await h.soon(job.complete());
      const newest = async () => (await plain.manager.getJob('s'))?.generation ?? 0;
      await h.until(async () => (await newest()) > job.generation, 'its start', TAKEN_OVER_MS);
      const record = await ended(h, plain, await newest());
      expect(starts.all.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
      expect(new Set(starts.all.map(({ by }) => by)).size).toBe(3);
      expect(starts.created).toEqual([{ n: 1 }, { n: 1 }, { n: 1 }]);
      expect([...new Set(starts.all.map(({ queueId }) => queueId))]).toEqual([record.createId]);
      expect(record).toMatchObject({ status: 'failed', error: { code: 'producer_lost', retryable: true } });
      expect([recovered, record.idempotencyKey]).toEqual([[], undefined]);
      const known = await h.store.slots.remember(userKey('u'), 'k', { streamId: 'other' }, 1);
      expect(known.streamId).toBe('other');
    },
  },
  {
    id: 'F61',
    title:
      'a start that dies right after its create is begun anew by another replica; one that has said something is recovered',
    timesLapse: true,
    async run(h) {
      const starts = new Starts();
      const recovered: string[] = [];
      const plain = await h.replica();
      const doomed = await dyingAt(h, 'create', { hooks: starts.hooks('doomed') });
      const first = await h.start(plain);
      await h.soon(wait(doomed, { created: 'a' }));
      await h.soon(first.complete());
      await h.until(() => doomed.isDead, 'its create', TAKEN_OVER_MS);
      const next = await dyingOfStarts(h, starts, 'next', { speaks: true });
      await h.until(() => next.isDead, 'it is begun anew', TAKEN_OVER_MS);
      expect(starts.all).toMatchObject([{ created: 'a', by: 'next', attempt: 2 }]);
      await dyingOfStarts(h, starts, 'last', { recovered });
      const { generation } = starts.all[0]?.record ?? { generation: 0 };
      const record = await ended(h, plain, generation);
      expect([record.attempt, recovered, starts.all.length]).toEqual(
        // It was taken over once already, which is as often as may be.
        [2, [], 1],
      );
      expect(record).toMatchObject({ status: 'failed', error: { code: 'producer_lost' } });
    },
  },
  {
    id: 'F61',
    title: 'a first start that has said something and dies is recovered as any generation',
    timesLapse: true,
    async run(h) {
      const starts = new Starts();
      const recovered: string[] = [];
      const plain = await h.replica({ hooks: { recover: () => void recovered.push('last') } });
      const doomed = await dyingOfStarts(h, starts, 'doomed', { speaks: true });
      const first = await h.start(plain);
      await h.soon(wait(doomed, { created: 'a' }));
      await h.soon(first.complete());
      await h.until(() => doomed.isDead, 'its start', TAKEN_OVER_MS);
      await dyingOfStarts(h, starts, 'last', { recovered });
      const record = await ended(h, plain, starts.all[0]?.record.generation ?? 0);
      expect([record.status, record.attempt, recovered, starts.all.length]).toEqual([
        ...['completed', 2],
        ...[['last'], 1],
      ]);
    },
  },
  {
    id: 'F62',
    title: 'of several replicas that start a run at the same moment one gets it',
    async run(h) {
      const starts = new Starts();
      const replicas = [
        await h.replica({ ...h.delayed, hooks: starts.hooks() }),
        await h.replica({ ...h.delayed, hooks: starts.hooks() }),
        await h.replica({ ...h.delayed, hooks: starts.hooks() }),
      ] as const;
      for (let n = 0; n < Math.min(30, h.backend.rounds); n++) {
        const streamId = `s${n}`;
        await h.soon(h.start(replicas[0], { streamId }));
        await h.soon(wait(replicas[0], { streamId, created: n }));
        await h.soon(replicas[0].manager.abortJob(streamId));
        const resumed = replicas.map(({ manager }) => manager.queue.resume(streamId));
        expect((await h.soon(Promise.all(resumed))).includes(true)).toBe(true);
        await h.until(() => starts.created.includes(n), 'its start', 9_000);
        await ended(h, replicas[1], starts.all.at(-1)?.record.generation ?? 0, streamId);
        expect(await h.store.read(streamKey(streamId), 'kept')).toHaveLength(2);
      }
      expect(Math.max(...Object.values(tally(starts.created.map(String))))).toBe(1);
    },
  },
  {
    id: 'F62',
    title:
      'a run that is cancelled as its turn comes has either started or was taken away, and whoever cancels is told which',
    async run(h) {
      const starts = new Starts();
      const input = { ...h.delayed, hooks: starts.hooks() };
      const [one, two] = [await h.replica(input), await h.replica(input)];
      const cancelled: number[] = [];
      for (let n = 0; n < Math.min(40, h.backend.rounds); n++) {
        const streamId = `s${n}`;
        const job = await h.soon(h.start(one, { streamId }));
        const { queueId } = await h.soon(wait(two, { streamId, created: n }));
        const ending = job.complete();
        await h.advance(n % 10);
        const cancel = two.manager.queue.cancel(streamId, { queueId }).then(
          () => void cancelled.push(n),
          (error: unknown) => expect(codeOf(error)).toBe('run_not_queued'),
        );
        await h.soon(Promise.all([ending, cancel]));
        if (!cancelled.includes(n)) await h.until(() => starts.created.includes(n), 'its start', 9_000);
      }
      await h.advance(200);
      for (const n of cancelled) expect(starts.created.includes(n), `${n} was taken away`).toBe(false);
      expect(new Set(starts.created).size).toBe(starts.all.length);
    },
  },
  {
    id: 'F64',
    title:
      'a run is left to a replica that can start it: one with the hook, the content model and the key of its seal',
    timesLapse: true,
    async run(h) {
      const starts = new Starts();
      const sealOf = (id: string) =>
        createSeal({ keys: [{ id, key: new Uint8Array(32).fill(id.length) }], metadata: ['token'] });
      const plain = await h.replica();
      await h.replica({ hooks: starts.hooks('modelless'), contentModels: [], seal: sealOf('key') });
      await h.replica({ hooks: starts.hooks('keyless'), seal: sealOf('other') });
      const able = await h.replica({ hooks: starts.hooks('able'), seal: sealOf('key') });
      for (let n = 0; n < 3; n++) {
        const job = await h.start(plain);
        await h.soon(wait(able, { created: n, contentModel: 'text', metadata: { token: 't' } }));
        await h.soon(job.complete());
        await h.until(() => starts.all.length === n + 1, 'its start', TAKEN_OVER_MS * 2);
        await ended(h, plain, starts.all[n]?.record.generation ?? 0);
      }
      expect(starts.all.map(({ by, attempt }) => [by, attempt])).toEqual([
        ['able', 1],
        ['able', 1],
        ['able', 1],
      ]);
    },
  },
  {
    id: 'F64',
    title: 'a replica that drains starts nothing, and what it has just taken is begun by another at once',
    timesLapse: true,
    async run(h) {
      const starts = new Starts();
      const plain = await h.replica();
      let drained: Promise<void> | undefined;
      const leaving: Replica = await h.replica({
        hooks: starts.hooks('leaving'),
        wrapStore: (store) =>
          wrapStore(store, async (call, perform) => {
            const answer = await perform();
            if (call.method === 'create') drained ??= leaving.manager.drain({ graceMs: 5_000 });
            return answer;
          }),
      });
      const job = await h.start(plain);
      await h.soon(wait(leaving, { created: 'a' }));
      await h.soon(wait(leaving, { created: 'b' }));
      await h.soon(job.complete());
      await h.until(() => drained !== undefined, 'its create', TAKEN_OVER_MS);
      const two = await h.replica({ hooks: starts.hooks('two') });
      await h.until(() => starts.all.length === 2, 'both starts', TAKEN_OVER_MS);
      expect(starts.all).toMatchObject([
        { created: 'a', by: 'two', attempt: 2 },
        { created: 'b', by: 'two', attempt: 1 },
      ]);
      const record = await ended(h, two, starts.all[0]?.record.generation ?? 0);
      expect(record).toMatchObject({ status: 'completed', recoveries: 0 });
      await h.soon(drained as Promise<void>, 'its leave', 9_000);
    },
  },
  {
    id: 'F64',
    title: 'lost answers queue nothing twice, start nothing twice, and hand back what was taken away',
    async run(h) {
      const starts = new Starts();
      const lost = { 'queues.add': 2, create: 0, 'queues.change': 0, 'slots.take': 0 };
      const one = await h.replica({
        ...ONE_SLOT,
        hooks: starts.hooks(),
        wrapStore: (store) =>
          lossyStore(store, ({ method }) => {
            const left = lost[method as keyof typeof lost] ?? 0;
            if (left > 0) lost[method as keyof typeof lost]--;
            return left > 0 ? 'reply' : 'none';
          }),
      });
      const job = await h.start(one);
      await h.soon(wait(one, { created: 'a' }));
      const [b, c, d] = [
        await h.soon(wait(one, { created: 'b' })),
        await h.soon(wait(one, { created: 'c' })),
        await h.soon(wait(one, { created: 'd' })),
      ] as const;
      expect(await waiting(one)).toEqual(['a', 'b', 'c', 'd']);
      lost['queues.change'] = 1;
      expect(await h.soon(one.manager.queue.cancel('s', { queueId: b.queueId }))).toEqual(b);
      lost.create = 2;
      await h.soon(job.complete());
      await h.until(() => starts.all.length === 3, 'all have started', 9_000);
      expect(starts.all.map(({ created, attempt }) => [created, attempt])).toEqual([
        ['a', 1],
        ['c', 1],
        ['d', 1],
      ]);
      expect([c.position, d.position]).toEqual([3, 4]);
      await ended(h, one, starts.all[2]?.record.generation ?? 0);
      await h.start(one);
      const runs = [await h.soon(wait(one, { created: 'e' })), await h.soon(wait(one, { created: 'f' }))];
      lost['queues.change'] = 2;
      expect((await h.soon(one.manager.abortJob('s', { queue: 'clear' }))).unqueued).toEqual(runs);
      expect(await waiting(one)).toEqual([]);
    },
  },
  {
    id: 'F64',
    title:
      'a run that can never start is handed back as refused, and the next one starts; one of a later form is left alone',
    timesLapse: true,
    async run(h) {
      const starts = new Starts();
      const counted: QueuedRunResult[] = [];
      const one = await h.replica({
        hooks: starts.hooks(),
        observer: { runQueued: (result) => void counted.push(result) },
      });
      const job = await h.start(one);
      const bounds = { userId: 'u', expiresInMs: 60_000, mostWaiting: 10 };
      await h.store.queues.add(job.key, { ...bounds, queueId: 'damaged', request: '{"format":1}' });
      await h.soon(wait(one, { created: 'known', idempotencyKey: 'k' }));
      await h.soon(wait(one, { created: 'a' }));
      await h.store.queues.add(job.key, { ...bounds, queueId: 'newer', request: '{"format":2}' });
      // A plain create of the same key runs what was asked for.
      const other = await h.start(one, { idempotencyKey: 'k' });
      await h.soon(other.complete());
      await h.until(() => starts.all.length === 1, 'the start of what can', TAKEN_OVER_MS);
      await h.advance(TIMES.leaseMs * 2);
      expect(starts.created).toEqual(['a']);
      const { waiting: left, returned } = await one.manager.queue.list('s');
      expect(left.map(({ queueId, position }) => [queueId, position])).toEqual([['newer', 1]]);
      expect(returned.map(({ created, reason }) => [created, reason])).toEqual([
        [undefined, 'refused'],
        ['known', 'refused'],
      ]);
      expect(tally(counted)).toEqual({ queued: 2, refused: 2, started: 1 });
    },
  },
];
