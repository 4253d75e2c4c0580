/**
 * A run that waits is followed by its queue id: its position as it changes, then its own generation, on any replica and however it
 * is heard of.
 */
import { type EnqueueJobInput, GenerationJobError, type Hooks, type QueuedRun } from 'generation-jobs';
import { DEAF, lossyTransport, wrapStore } from 'generation-jobs/testing';
import { text } from './follower.js';
import {
  type Contract,
  codeOf,
  type Harness,
  type Replica,
  rejection,
  TIMES,
  thrownCode,
} from './harness.js';
import { expect } from './tools.js';

const startQueued: NonNullable<Hooks['startQueued']> = (job, { queueId }) => job.emit(text(queueId));
const QUEUES = { hooks: { startQueued } } as const;
const AFTER_A_POLL = TIMES.logPollMs * 3;

async function enqueue(replica: Replica, input: Partial<EnqueueJobInput> = {}): Promise<QueuedRun> {
  const made = await replica.manager.createJob({
    streamId: 's',
    userId: 'u',
    ...input,
    onConflict: 'enqueue',
  });
  if (made.queued === undefined) throw new Error('It does not wait.');
  return made.queued;
}

const queuedData = (follower: { events: readonly { event: string; data: unknown }[] }) =>
  follower.events.flatMap(({ event, data }) => (event === 'queued' ? [data] : []));

async function isTold(h: Harness, follower: ReturnType<Harness['follow']>, told: object): Promise<void> {
  const isLast = () => {
    const last = queuedData(follower).at(-1) as Record<string, unknown> | undefined;
    return Object.entries(told).every(([name, value]) => last?.[name] === value);
  };
  await h.until(isLast, `it is told ${JSON.stringify(told)}`, AFTER_A_POLL);
}

export const queueFollowingContracts: readonly Contract[] = [
  {
    id: 'L166',
    title:
      'who follows a queue id is told the position, then the events of its own generation from the first to the end, and of no other',
    async run(h) {
      const [one, two] = await h.two(QUEUES);
      const job = await h.start(one);
      const { queueId } = await h.soon(enqueue(one));
      const follower = h.follow(two, { queueId, userId: 'u' });
      await h.until(() => follower.events.length === 1, 'it waits');
      expect(follower.events).toEqual([{ cursor: '0-0', event: 'queued', data: { queueId, position: 1 } }]);
      expect([follower.subscription.cursor, two.manager.followerCount('s')]).toEqual(['0-0', 1]);
      void job.emit(text('a'));
      await h.soon(job.complete());
      await h.finished(follower);
      const [run] = (await h.store.read(job.key, 'kept')).filter(({ createId }) => createId === queueId);
      expect(follower.names).toEqual(['queued', 'created', 'text', 'completed']);
      expect(follower.events.slice(1)).toEqual(await h.log('s', run?.generation));
      expect(follower.events[2]?.data).toEqual({ text: queueId });
      expect(follower.subscription.closedBy).toBe('ended');
      expect(two.manager.followerCount('s')).toBe(0);
    },
  },
  {
    id: 'L166',
    title:
      'a position is told again when it changes; a run that is cancelled or cleared away is told as gone, and its follower ends',
    timesLapse: true,
    async run(h) {
      const [one, two] = await h.two(QUEUES);
      const job = await h.start(one);
      const runs: QueuedRun[] = [];
      for (let at = 0; at < 4; at++) runs.push(await h.soon(enqueue(one)));
      const [first, second, third, last] = runs.map(({ queueId }) => queueId) as [
        string,
        string,
        string,
        string,
      ];
      const [followed, other] = [h.follow(two, { queueId: third }), h.follow(two, { queueId: last })];
      await isTold(h, followed, { queueId: third, position: 3 });
      await isTold(h, other, { queueId: last, position: 4 });
      await h.soon(one.manager.queue.cancel('s', { queueId: first }));
      await isTold(h, followed, { position: 2 });
      await h.soon(one.manager.queue.move('s', { queueId: third, position: 1 }));
      await isTold(h, followed, { position: 1 });
      await h.soon(one.manager.queue.cancel('s', { queueId: third, userId: 'u' }));
      await h.until(() => followed.isOver, 'its end', AFTER_A_POLL);
      expect(queuedData(followed)).toEqual([
        { queueId: third, position: 3 },
        { queueId: third, position: 2 },
        { queueId: third, position: 1 },
        { queueId: third, position: 0, reason: 'cancelled' },
      ]);
      expect([followed.subscription.closedBy, followed.error]).toEqual(['ended', undefined]);
      await isTold(h, other, { position: 2 });
      const stopped = await h.soon(one.manager.abortJob('s', { queue: 'clear' }));
      expect(stopped.unqueued.map(({ queueId }) => queueId)).toEqual([second, last]);
      await h.until(() => other.isOver, 'its end', AFTER_A_POLL);
      expect(queuedData(other).at(-1)).toEqual({ queueId: last, position: 0, reason: 'cancelled' });
      expect(job.signal.aborted).toBe(true);
    },
  },
  {
    id: 'L166',
    title: 'a run that is handed back is told as that, also to whoever comes later',
    timesLapse: true,
    async run(h) {
      const [one, two] = await h.two({ ...QUEUES, options: { queuedMs: 1_000 } });
      await h.start(one);
      const { queueId } = await h.soon(enqueue(one));
      const follower = h.follow(two, { queueId });
      await isTold(h, follower, { position: 1 });
      await h.until(() => follower.isOver, 'it is handed back', 6_000);
      const told = { queueId, position: 0, reason: 'expired' };
      expect(queuedData(follower).at(-1)).toEqual(told);
      const late = h.follow(one, { queueId, userId: 'u' });
      await h.finished(late);
      expect(queuedData(late)).toEqual([told]);
      expect(late.subscription.closedBy).toBe('ended');
    },
  },
  {
    id: 'L166',
    title:
      'a run that has started is followed by its queue id as its generation, as long as that is kept: from the first event, or a sync',
    async run(h) {
      const [one, two] = await h.two(QUEUES);
      const job = await h.start(one, { contentModel: 'text' });
      const { queueId } = await h.soon(enqueue(one, { contentModel: 'text' }));
      const stays = h.follow(two, { queueId, follow: 'stream', settled: true });
      await h.soon(job.complete());
      const byId = h.follow(two, { queueId });
      expect((await h.finished(byId)).filter(({ event }) => event !== 'queued')).toEqual(await h.log());
      const next = await h.start(one, { contentModel: 'text' });
      await h.soon(next.complete());
      await h.until(
        () => stays.names.filter((name) => name === 'completed').length === 2,
        'it goes on into the next generation',
      );
      stays.leave();
      const again = h.follow(one, { queueId, userId: 'u' });
      expect((await h.finished(again)).map(({ event }) => event)).toEqual(['created', 'text', 'completed']);
      const synced = h.follow(two, { queueId, resume: true });
      await h.finished(synced);
      expect(synced.names).toEqual(['sync', 'completed']);
      expect(synced.events[0]?.data).toMatchObject({ content: { text: queueId } });
    },
  },
  {
    id: 'L166',
    title:
      'another’s run, one that nobody knows and what goes with no queue id are refused, each by its name',
    async run(h) {
      const one = await h.replica({ ...QUEUES, options: { limits: { followersPerStream: 1 } } });
      await h.start(one);
      const { queueId } = await h.soon(enqueue(one));
      for (const options of [
        { queueId, userId: 'v' },
        { queueId, tenantId: 't' },
        { queueId: 'none' },
        { queueId: '' },
      ]) {
        const refused = one.manager.subscribe('s', options);
        expect(codeOf(await rejection(refused.ready)), JSON.stringify(options)).toBe('stream_not_found');
      }
      for (const over of [{ after: '1-1' }, { after: 'tail' }, { generation: 1 }, { notes: 0 }])
        expect(
          thrownCode(() => one.manager.subscribe('s', { queueId, ...over })),
          JSON.stringify(over),
        ).toBe('invalid_argument');
      const first = one.manager.subscribe('s', { queueId });
      await first.ready;
      expect(thrownCode(() => one.manager.subscribe('s', { queueId }))).toBe('capacity_exceeded');
      const left = first.next();
      await first.return();
      expect([first.closedBy, one.manager.followerCount('s')]).toEqual(['left', 0]);
      expect(await left).toMatchObject({ done: false, value: { event: 'queued', data: { position: 1 } } });
      const leaving = new AbortController();
      const signalled = one.manager.subscribe('s', { queueId, signal: leaving.signal });
      await signalled.ready;
      leaving.abort();
      expect([signalled.closedBy, one.manager.followerCount('s')]).toEqual(['left', 0]);
    },
  },
  {
    id: 'L166',
    title:
      'a follower that hears nothing finds the start by its poll, reads its queue seldom while the answer before is written, and ends with a drain',
    timesLapse: true,
    async run(h) {
      const one = await h.replica(QUEUES);
      const deaf = await h.replica({
        ...QUEUES,
        wrapTransport: (transport, clock) => lossyTransport(transport, clock, DEAF),
      });
      const job = await h.start(one);
      const [first, second] = [await h.soon(enqueue(one)), await h.soon(enqueue(one))];
      const [follower, drained] = [
        h.follow(deaf, { queueId: first.queueId }),
        h.follow(one, { queueId: second.queueId }),
      ];
      await isTold(h, follower, { position: 1 });
      await isTold(h, drained, { position: 2 });
      const reads = one.calls['queues.read'] ?? 0;
      for (let at = 0; at < 50; at++) {
        void job.emit(text(at));
        await h.rest();
      }
      await h.soon(job.flush());
      expect((one.calls['queues.read'] ?? 0) - reads, 'not once for each event').toBeLessThan(10);
      const draining = one.manager.drain({ graceMs: 0 });
      await h.until(() => drained.isOver, 'it is sent away');
      expect(drained.subscription.closedBy).toBe('draining');
      await h.soon(draining);
      await h.until(() => follower.isOver, 'its run’s end', 6_000);
      expect(follower.names).toEqual(['queued', 'created', 'text', 'completed']);
    },
  },
  {
    id: 'L166',
    title:
      'a run that waits for its user’s slot, on a stream where nothing has begun, is followed in the same way',
    async run(h) {
      const [one, two] = await h.two({ ...QUEUES, options: { limits: { activeJobsPerUser: 1 } } });
      const job = await h.start(one);
      const { queueId } = await h.soon(enqueue(two, { streamId: 't' }));
      const follower = h.follow(one, { queueId, userId: 'u' }, 't');
      await h.until(() => follower.events.length === 1, 'it waits');
      await h.soon(job.complete());
      await h.until(() => follower.isOver, 'its run’s end', AFTER_A_POLL);
      expect(follower.names).toEqual(['queued', 'created', 'text', 'completed']);
    },
  },
  {
    id: 'F65',
    title: 'a store that is away while a run waits delays what its follower is told, and ends nothing',
    timesLapse: true,
    async run(h) {
      const one = await h.replica(QUEUES);
      let isAway = false;
      const two = await h.replica({
        ...QUEUES,
        wrapStore: (store) =>
          wrapStore(store, ({ method }, perform) =>
            isAway && method === 'queues.read'
              ? Promise.reject(new GenerationJobError('unavailable', 'The store is away.'))
              : perform(),
          ),
      });
      const job = await h.start(one);
      const { queueId } = await h.soon(enqueue(one));
      const follower = h.follow(two, { queueId });
      await isTold(h, follower, { position: 1 });
      isAway = true;
      const refused = two.manager.subscribe('s', { queueId });
      expect(codeOf(await rejection(refused.ready))).toBe('unavailable');
      await h.soon(job.complete());
      await h.advance(AFTER_A_POLL);
      expect([follower.isOver, follower.names]).toEqual([false, ['queued']]);
      isAway = false;
      await h.until(() => follower.isOver, 'its run’s end', AFTER_A_POLL);
      expect(follower.names).toEqual(['queued', 'created', 'text', 'completed']);
    },
  },
];
