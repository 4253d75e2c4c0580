/**
 * What snapshots cost as an answer grows: as much for an event of a long one as for an event of a short one, to those who
 * write and to those who come late.
 */
import type { GenerationJob } from 'generation-jobs';
import { type JobStore, type LogPage, type Snapshot, streamKey } from 'generation-jobs/ports';
import { wrapStore } from 'generation-jobs/testing';
import { text, textOf } from './follower.js';
import type { Contract, Harness } from './harness.js';
import { expect } from './tools.js';

interface Saved {
  readonly snapshot: Snapshot;
  readonly trim: boolean;
}

/** Writes down what is saved. */
function savedTo(saved: Saved[]): (store: JobStore) => JobStore {
  return (store) =>
    wrapStore(store, (call, perform) => {
      if (call.method === 'saveSnapshot') saved.push(call.args[0] as Saved);
      return perform();
    });
}

/** Counts the events of the pages read. */
function countingReads(counted: { events: number }): (store: JobStore) => JobStore {
  return (store) =>
    wrapStore(store, async (call, perform) => {
      const answer = await perform();
      if (call.method === 'readLog' && (answer as LogPage).found)
        counted.events += (answer as LogPage & { found: true }).events.length;
      return answer;
    });
}

async function emitAll(h: Harness, job: GenerationJob, count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    const room = job.emit(text('word '));
    if (n % 50 === 49) await h.soon(room);
  }
  await h.soon(job.flush());
}

const textOfSaved = (saved: readonly Saved[]) =>
  saved.reduce((sum, { snapshot }) => sum + snapshot.content.length, 0);

export const snapshotContracts: readonly Contract[] = [
  {
    id: 'L26 P9',
    title: 'all snapshots of an answer together are a few times its events, however long it is',
    async run(h) {
      const perEvent: number[] = [];
      // Small batches, since a snapshot comes between two.
      const options = { snapshotEvents: 50, limits: { batchEvents: 16 } };
      for (const count of [6_000, 24_000]) {
        const saved: Saved[] = [];
        const replica = await h.replica({ wrapStore: savedTo(saved), options });
        const streamId = `s${count}`;
        const job = await h.start(replica, { streamId, contentModel: 'text' });
        await emitAll(h, job, count);
        await h.soon(job.complete());
        await h.soon(replica.manager.upkeep.idle());
        expect(textOf(await replica.manager.getResumeState(streamId))).toHaveLength(5 * count);
        perEvent.push(textOfSaved(saved) / count);
        for (const [index, { snapshot }] of saved.slice(1).entries())
          expect(snapshot.sequence - (saved[index]?.snapshot.sequence ?? 0)).toBeGreaterThanOrEqual(
            index === saved.length - 2 ? 1 : 50,
          );
      }
      const [short = 0, long = 0] = perEvent;
      expect(long / short).toBeLessThan(1.4);
      expect(long).toBeLessThan(4 * '{"text":"word "}'.length);
    },
  },
  {
    id: 'L26 P9',
    title:
      'a snapshot comes before half of what a generation may emit without one, so that a long answer doesn’t fail',
    async run(h) {
      for (const [streamId, limits] of [
        ['events', { unsnapshottedEvents: 400, batchEvents: 16 }],
        ['bytes', { unsnapshottedBytes: 4_000, batchEvents: 16, batchBytes: 400 }],
      ] as const) {
        const saved: Saved[] = [];
        const replica = await h.replica({
          wrapStore: savedTo(saved),
          options: { limits, snapshotEvents: streamId === 'events' ? 50 : 5_000 },
        });
        const job = await h.start(replica, { streamId, contentModel: 'text' });
        // A content that dwarfs what follows, so that no tail would ever be a third of it.
        await h.soon(job.emit(text('x'.repeat(streamId === 'events' ? 20_000 : 3_000))));
        for (let n = 0; n < 2_000; n++) {
          void job.emit(text('y'));
          if (n % 10 === 9) await h.soon(job.flush());
        }
        await h.soon(job.complete());
        expect((await replica.manager.getJob(streamId))?.status).toBe('completed');
        expect(saved.length).toBeGreaterThan(3);
      }
    },
  },
  {
    id: 'L25 P9',
    title: 'with trimming, what is kept of an answer is its content and at most a third of that in events',
    async run(h) {
      const replica = await h.replica({ options: { trimLog: true, snapshotEvents: 50 } });
      const job = await h.start(replica, { contentModel: 'text' });
      for (const count of [1_000, 4_000]) {
        await emitAll(h, job, count);
        await h.soon(replica.manager.upkeep.idle());
        const page = await h.store.readLog({
          key: streamKey('s'),
          after: 'snapshot',
          maxEvents: 100_000,
          maxBytes: 10_000_000,
        });
        if (!page.found) throw new Error('The stream is gone.');
        const kept = page.lastSequence - page.firstSequence + 1;
        const size = page.snapshot?.content.length ?? 0;
        expect(kept * '{"text":"word "}'.length).toBeLessThan(size / 3 + 256 * 16);
        expect(page.firstSequence).toBe((page.snapshot?.sequence ?? 0) + 1);
      }
      await h.soon(job.complete());
    },
  },
  {
    id: 'L27',
    title: 'a resume state without a content model has the kept events without reading the whole log',
    async run(h) {
      const counted = { events: 0 };
      const saved: Saved[] = [];
      const options = { snapshotEvents: 50 };
      const writer = await h.replica({ options: { ...options, trimLog: true }, wrapStore: savedTo(saved) });
      const reader = await h.replica({ options, wrapStore: countingReads(counted) });
      const job = await h.start(writer);
      void job.emit({ event: 'gauge', data: 1, keep: 'gauge' });
      void job.emit({ event: 'oauth', data: { url: 'x' }, keep: 'oauth' });
      await emitAll(h, job, 1_000);
      void job.emit({ event: 'gauge', data: 2, keep: 'gauge' });
      await h.soon(job.flush());
      await h.soon(writer.manager.upkeep.idle());
      const state = await reader.manager.getResumeState('s');
      expect(state?.content).toBeNull();
      expect(state?.cursor).toBe(`${job.generation}-1004`);
      expect(state?.kept.map(({ event, data }) => [event, data])).toEqual([
        ['oauth', { url: 'x' }],
        ['gauge', 2],
      ]);
      expect(counted.events).toBeLessThan(4 * 50 + 256);
      // Nothing is trimmed behind content that nobody has, and an older release reads it as it reads any snapshot.
      expect(saved.every(({ trim, snapshot }) => !trim && snapshot.content === 'null')).toBe(true);
      expect(await h.log()).toHaveLength(1_004);
      const calls = saved.length;
      await h.soon(job.complete());
      await h.soon(writer.manager.upkeep.idle());
      expect(saved.length, 'a short tail is not worth a call').toBe(calls);
    },
  },
  {
    id: 'L27',
    title: 'a replica that does not know a generation’s content model makes no snapshots of it',
    async run(h) {
      const saved: Saved[] = [];
      const options = { snapshotEvents: 5 };
      const knows = await h.replica({ options });
      const ignorant = await h.replica({ options, contentModels: [], wrapStore: savedTo(saved) });
      const first = await h.start(knows, { contentModel: 'text' });
      await emitAll(h, first, 3);
      const { actionId } = await h.soon(first.pause({ type: 'checkpoint' }));
      const { job } = await h.soon(ignorant.manager.approvals.resolve('s', { actionId, by: 'p' }));
      await emitAll(h, job, 40);
      await h.soon(job.complete());
      await h.soon(ignorant.manager.upkeep.idle());
      expect(saved).toEqual([]);
      expect(textOf(await knows.manager.getResumeState('s'))).toBe('word '.repeat(43));
    },
  },
  {
    id: 'L16 L25',
    title: 'what hooks and callers do to the content they are given changes nobody else’s',
    async run(h) {
      const spoil = (content: unknown) => {
        (content as { text: string }).text = 'spoiled';
      };
      const settled: unknown[] = [];
      const replica = await h.replica({
        options: { snapshotEvents: 3 },
        hooks: {
          settle: ({ content }) => {
            settled.push(structuredClone(content));
            spoil(content);
          },
        },
      });
      const first = await h.start(replica, { contentModel: 'text' });
      await emitAll(h, first, 4);
      const state = await replica.manager.getResumeState('s');
      spoil(state?.content);
      const { actionId } = await h.soon(first.pause({ type: 'checkpoint' }));
      const { job, continuation } = await h.soon(
        replica.manager.approvals.resolve('s', { actionId, by: 'p' }),
      );
      expect(continuation.content).toEqual({ text: 'word '.repeat(4) });
      spoil(continuation.content);
      await emitAll(h, job, 4);
      await h.soon(job.complete());
      await h.until(() => settled.length === 1, 'the settlement');
      expect(settled).toEqual([{ text: 'word '.repeat(8) }]);
      expect(textOf(await replica.manager.getResumeState('s'))).toBe('word '.repeat(8));
    },
  },
  {
    id: 'L26 P9',
    title: 'a store that loses a snapshot’s answer is given the next one soon, and the answer is whole',
    async run(h) {
      let failed = 0;
      const saved: Saved[] = [];
      const replica = await h.replica({
        options: { snapshotEvents: 20 },
        wrapStore: (store) =>
          wrapStore(savedTo(saved)(store), (call, perform) =>
            call.method === 'saveSnapshot' && saved.length > 2 && failed++ < 2
              ? Promise.reject(new Error('no answer'))
              : perform(),
          ),
      });
      const job = await h.start(replica, { contentModel: 'text' });
      await emitAll(h, job, 2_000);
      await h.soon(job.complete());
      await h.soon(replica.manager.upkeep.idle());
      expect(failed).toBeGreaterThan(1);
      expect(textOf(await replica.manager.getResumeState('s'))).toBe('word '.repeat(2_000));
      expect((await replica.manager.getJob('s'))?.snapshotSequence).toBe(2_001);
    },
  },
];
