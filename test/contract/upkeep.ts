/**
 * Upkeep when something is wrong with some: a stream that can't be read, a part of an index that gives no answer, a hook
 * that hangs. Each answers for itself, and the others get what they would get without it.
 */
import { GenerationJobError } from 'generation-jobs';
import { type DuePage, type OwnedStream, type Page, type StreamKey, streamKey } from 'generation-jobs/ports';
import { type Intercept, wrapStore } from 'generation-jobs/testing';
import { type Contract, type Harness, rejection, TIMES, tally } from './harness.js';
import { expect } from './tools.js';

/** A store that can't read the streams whose names begin with `odd`. */
function withOddStreams(onRead: (streamId: string) => void = () => {}): {
  wrapStore: (store: Harness['store']) => Harness['store'];
} {
  const unreadable = () => new GenerationJobError('internal', 'It can’t be read.');
  const intercept: Intercept = async ({ method, args }, perform) => {
    const { streamId } = (args[0] ?? {}) as Partial<StreamKey>;
    if (method === 'read' && streamId?.startsWith('odd')) {
      onRead(streamId);
      throw unreadable();
    }
    const answer = await perform();
    if (method !== 'listByUser') return answer;
    const page = answer as Page<OwnedStream>;
    return {
      ...page,
      entries: page.entries.map((entry) =>
        entry.key.streamId.startsWith('odd') ? { ...entry, current: unreadable() } : entry,
      ),
    };
  };
  return { wrapStore: (store) => wrapStore(store, intercept) };
}

/** What these contracts deny is for ever; how soon the rest is done is told by others. */
const SOON_MS = TIMES.leaseMs * 8;

const named = (prefix: string, count: number) => Array.from({ length: count }, (_, n) => `${prefix}${n}`);

/** Streams whose producers have died. */
async function orphaned(h: Harness, streamIds: readonly string[]): Promise<void> {
  const doomed = await h.replica();
  await Promise.all(streamIds.map((streamId) => h.start(doomed, { streamId })));
  await doomed.crash();
}

const isLost = async (h: Harness, streamId: string) => (await h.log(streamId)).at(-1)?.event === 'failed';

export const upkeepContracts: readonly Contract[] = [
  {
    id: 'P5',
    title: 'two sweeps begun at once visit no stream twice at a time',
    timesLapse: true,
    async run(h) {
      let atOnce = 0;
      let most = 0;
      const sweeper = await h.replica({
        wrapStore: (store) =>
          wrapStore(store, async ({ method }, perform) => {
            if (method !== 'due.later') return perform();
            most = Math.max(most, ++atOnce);
            try {
              return await perform();
            } finally {
              atOnce--;
            }
          }),
      });
      const job = await h.start(await h.replica());
      for (let round = 0; round < 5; round++) {
        await h.store.due.nearer(job.key, 0);
        const sweeps = Array.from({ length: 4 }, () => sweeper.manager.upkeep.sweep());
        await h.soon(Promise.all(sweeps));
      }
      expect(most).toBe(1);
      await job.complete();
    },
  },
  {
    id: 'P5',
    title: 'more damaged streams than a sweep has places for keep no other stream from its upkeep',
    timesLapse: true,
    async run(h) {
      const reads: string[] = [];
      const sweepStreams = 4;
      const failures: string[] = [];
      await orphaned(h, [...named('odd', 20), ...named('good', 5)]);
      await h.replica({
        ...withOddStreams((streamId) => reads.push(streamId)),
        options: { sweepStreams },
        observer: { upkeepFailed: (step) => failures.push(step) },
      });
      const allAreLost = async () =>
        (await Promise.all(named('good', 5).map((streamId) => isLost(h, streamId)))).every(Boolean);
      await h.until(allAreLost, 'the others’ loss is reported', SOON_MS);
      const looked = reads.length;
      const later = () => tally(reads.slice(looked));
      await h.until(() => Object.keys(later()).length === 20, 'each is looked at again', SOON_MS);
      const before = reads.length;
      await h.advance(TIMES.leaseMs * 3);
      // By itself, and no more than once a lease when it has failed for long.
      const most = Math.max(...Object.values(tally(reads.slice(before))));
      expect(most).toBeLessThan((TIMES.leaseMs * 3) / TIMES.sweepMs / 2);
      // Also those that a walk over all streams has met, where the store is walked over.
      const counted = () => failures.filter((step) => step === 'visit' || step === 'repair').length;
      await h.until(() => counted() === reads.length, 'each failure is counted', SOON_MS);
    },
  },
  {
    id: 'P5',
    title: 'a part of the due index that fails is counted, and what the others hold is looked after',
    timesLapse: true,
    async run(h) {
      const failures: string[] = [];
      await orphaned(h, ['good']);
      await h.replica({
        observer: { upkeepFailed: (step) => failures.push(step) },
        wrapStore: (store) =>
          wrapStore(store, async ({ method }, perform) => {
            const answer = await perform();
            if (method !== 'due.list') return answer;
            const shard = new GenerationJobError('unavailable', 'A shard is away.');
            return { ...(answer as DuePage), failures: [shard] };
          }),
      });
      await h.until(() => isLost(h, 'good'), 'its loss is reported', SOON_MS);
      expect(failures).toContain('sweep');
    },
  },
  {
    id: 'P5',
    title: 'what hangs in a host’s hook takes no place from others in a sweep, however many they are',
    timesLapse: true,
    async run(h) {
      const [count, sweepStreams] = h.backend.jump ? [300, 256] : [40, 32];
      let release = () => {};
      const hanging = new Promise<void>((resolve) => {
        release = resolve;
      });
      let hung = 0;
      await orphaned(h, named('hung', count));
      await h.replica({
        options: { sweepStreams, describeEndMs: 60_000, hookMs: 60_000 },
        hooks: {
          describeEnd: ({ streamId }) => {
            if (!streamId.startsWith('hung')) return undefined;
            hung++;
            return hanging;
          },
        },
      });
      await h.until(() => hung === count, 'all of them hang', SOON_MS);
      await orphaned(h, ['good']);
      await h.until(() => isLost(h, 'good'), 'its loss is reported', SOON_MS);
      expect(hung, 'none is visited twice').toBe(count);
      release();
      const allAreLost = async () =>
        (await Promise.all(named('hung', count).map((streamId) => isLost(h, streamId)))).every(Boolean);
      await h.until(allAreLost, 'they end when the hook answers', SOON_MS);
    },
  },
  {
    id: 'P5',
    title: 'settlements that hang by the hundred keep no dead producer from being noticed',
    timesLapse: true,
    async run(h) {
      const [count, sweepStreams] = h.backend.jump ? [300, 256] : [40, 32];
      let hung = 0;
      let release = () => {};
      const hanging = new Promise<void>((resolve) => {
        release = resolve;
      });
      const hooks = {
        settle: () => {
          hung++;
          return hanging;
        },
      };
      await orphaned(h, named('hung', count));
      await h.replica({ options: { sweepStreams }, hooks });
      await h.until(() => hung === count, 'all settlements hang', SOON_MS);
      await orphaned(h, ['good']);
      await h.until(() => isLost(h, 'good'), 'its loss is reported', SOON_MS);
      release();
    },
  },
  {
    id: 'P5',
    title:
      'what the store lists as due and a clock an hour behind does not keeps no dead producer from being noticed',
    timesLapse: true,
    async run(h) {
      const options = { sweepStreams: 4, retentionMs: 300 };
      const failures: string[] = [];
      // It keeps them itself, and lets the store keep them, longer than a busy machine takes to look.
      const doomed = await h.replica({
        options: { sweepStreams: options.sweepStreams, retentionMs: 600_000, idempotencyMs: 600_000 },
      });
      const kept = named('kept', 20);
      for (const streamId of kept) await (await h.start(doomed, { streamId })).complete();
      await h.start(doomed, { streamId: 'good' });
      await doomed.crash();
      for (const streamId of kept) await h.store.due.nearer(streamKey(streamId), 0);
      await h.advance(TIMES.leaseMs + options.retentionMs);
      await h.replica({
        options,
        observer: { upkeepFailed: (step) => failures.push(step) },
        wrapStore: (store) => ({
          ...wrapStore(store, (_, perform) => perform()),
          now: () => store.now() - 3_600_000,
        }),
      });
      await h.until(() => isLost(h, 'good'), 'its loss is reported', SOON_MS);
      expect(await h.log('kept0'), 'it does not think that they are over').not.toEqual([]);
      expect(failures, 'none of it is a failure').toEqual([]);
      await h.replica({ options });
      const isForgotten = async (streamId: string) => (await h.log(streamId)).length === 0;
      const areForgotten = async () => (await Promise.all(kept.map(isForgotten))).every(Boolean);
      await h.until(areForgotten, 'one with the right time forgets them', SOON_MS);
    },
  },
  {
    id: 'P5',
    title: 'one generation whose look fails keeps no other generation of its stream waiting',
    timesLapse: true,
    async run(h) {
      let failing = true;
      const old = await h.replica({ hooks: { settle: () => new Promise(() => {}) } });
      const job = await h.start(old);
      await job.complete();
      await h.start(old);
      await old.crash();
      const settled: number[] = [];
      await h.replica({
        hooks: { settle: ({ record }) => void settled.push(record.generation) },
        wrapStore: (store) =>
          wrapStore(store, async ({ method, args }, perform) => {
            const [commit] = args as [{ name?: string }];
            if (method !== 'commit' || commit.name !== 'lose' || !failing) return perform();
            throw new GenerationJobError('internal', 'It can’t be ended.');
          }),
      });
      await h.until(() => settled.includes(job.generation), 'the old one is settled', SOON_MS);
      failing = false;
      await h.until(() => isLost(h, 's'), 'and the other ends when it can', SOON_MS);
    },
  },
  {
    id: 'P9',
    title: 'one record that can’t be read is named, and the user’s other jobs are listed and counted',
    async run(h) {
      const producer = await h.replica();
      const jobs = await Promise.all(['a', 'odd', 'b'].map((streamId) => h.start(producer, { streamId })));
      const replica = await h.replica(withOddStreams());
      const page = await replica.manager.listActiveJobs({ userId: 'u' });
      expect(page.map(({ streamId }) => streamId).toSorted()).toEqual(['a', 'b']);
      expect(page.unread).toEqual(['odd']);
      expect((await replica.manager.stats()).global).toMatchObject({ running: 2, streams: 3, unread: 1 });
      for (const job of jobs) await job.complete();
    },
  },
  {
    id: 'P9 L51',
    title: 'deleting a user deletes all that can be deleted, names the rest, and may be done again',
    async run(h) {
      const producer = await h.replica();
      const jobs = await Promise.all(['a', 'odd', 'b'].map((streamId) => h.start(producer, { streamId })));
      const replica = await h.replica(withOddStreams());
      const error = await rejection(replica.manager.deleteUser({ userId: 'u' }));
      expect(error).toMatchObject({ code: 'deletion_incomplete', deleted: 2, left: ['odd'] });
      expect((error as Error).message).toContain('odd');
      expect(await h.log('a')).toEqual([]);
      expect(await h.log('b')).toEqual([]);
      await h.until(() => jobs[0]?.isOver && jobs[2]?.isOver, 'their producers are told', SOON_MS);
      expect(jobs.map((job) => job.reason)).toEqual(['gone', undefined, 'gone']);
      expect(await producer.manager.deleteUser({ userId: 'u' })).toBe(1);
    },
  },
  {
    id: 'P9',
    title:
      'a user’s active jobs are listed page by page, each of them once, and a page holds no more than was asked',
    async run(h) {
      const replica = await h.replica();
      const streamIds = named('s', 23);
      const jobs = await Promise.all(streamIds.map((streamId) => h.start(replica, { streamId })));
      await Promise.all(jobs.filter((_, at) => at % 5 === 0).map((job) => job.complete()));
      const active = streamIds.filter((_, at) => at % 5 !== 0);
      const listed: string[] = [];
      let pages = 0;
      for (let cursor: string | undefined; ; ) {
        const page = await replica.manager.listActiveJobs({ userId: 'u', limit: 4, cursor });
        expect(page.length).toBeLessThanOrEqual(4);
        listed.push(...page.map(({ streamId }) => streamId));
        pages++;
        if (page.next === undefined) break;
        expect(encodeURIComponent(page.next), 'it goes into a URL as it is').toBe(page.next);
        cursor = page.next;
      }
      expect(listed.toSorted()).toEqual(active.toSorted());
      expect(pages).toBeLessThanOrEqual(6);
      expect(await replica.manager.listActiveJobs({ userId: 'u' })).toHaveLength(active.length);
      for (const wrong of [
        { limit: 0 },
        { limit: 1_001 },
        { limit: 1.5 },
        { cursor: 'nonsense' },
        { cursor: '' },
      ])
        expect(await rejection(replica.manager.listActiveJobs({ userId: 'u', ...wrong }))).toMatchObject({
          code: 'invalid_argument',
        });
      await replica.manager.deleteUser({ userId: 'u' });
    },
  },
];
