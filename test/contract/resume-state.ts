/**
 * Content at a cursor: what a client that comes late is given instead of everything.
 */
import type { ContentModel, GenerationJob } from 'generation-jobs';
import type { LogPage } from 'generation-jobs/ports';
import { wrapStore } from 'generation-jobs/testing';
import { dataOf, Page, text, textOf } from './follower.js';
import { type Contract, TIMES } from './harness.js';
import { pick } from './seeded.js';
import { expect } from './tools.js';

/** Whatever a busy machine takes to follow so many times, the stream is still there. */
const KEPT_LONG = { retentionMs: 90_000, idempotencyMs: 90_000 };

export const resumeStateContracts: readonly Contract[] = [
  {
    id: 'L25',
    title: 'snapshot and tail equal the fold of all events, at every cursor, with and without trimming',
    async run(h) {
      for (const trimLog of [false, true]) {
        const [one, two] = await h.two({
          options: { snapshotEvents: 7, trimLog, limits: { pageEvents: 4 }, ...KEPT_LONG },
        });
        const streamId = `trim-${trimLog}`;
        const job = await h.start(one, { streamId, contentModel: 'text' });
        const states = [];
        let whole = '';
        for (let n = 0; n < 60; n++) {
          job.emit(text(`${n},`));
          if (n % 10 === 3) job.emit({ event: 'noise', data: n });
          whole += `${n},`;
          await job.flush();
          const state = await two.manager.getResumeState(streamId);
          expect(state?.content).toEqual({ text: whole });
          states.push(state);
        }
        await job.complete();
        for (const state of states) {
          const page = new Page();
          page.text = textOf(state);
          page.cursor = state?.cursor;
          for (const event of await h.finished(h.follow(two, { after: state?.cursor }, streamId)))
            page.see(event);
          expect(page.text).toBe(whole);
        }
        expect((await two.manager.getResumeState(streamId))?.content).toEqual({ text: whole });
      }
    },
  },
  {
    id: 'L25 P1',
    title:
      'what a model keeps of a question is what the log says, also when it comes from the snapshot of the pause',
    async run(h) {
      const keepAll = {
        name: 'all',
        initial: () => [],
        fold: (content: unknown[], { event, data }: { event: string; data: unknown }) => [
          ...content,
          { event, data },
        ],
      } as unknown as ContentModel<never>;
      for (const trimLog of [false, true]) {
        const streamId = `trim-${trimLog}`;
        const options = { contentModels: [keepAll], options: { trimLog } };
        const [one, two] = await h.two(options);
        const job = await h.start(one, { streamId, contentModel: 'all' });
        const follower = h.follow(two, {}, streamId);
        job.emit(text('before'));
        await h.until(() => follower.events.length === 2, 'what was before'); // later, a trim would leave it a sync
        const { actionId } = await job.pause({ type: 'checkpoint', expiresInMs: 60_000 });
        await one.manager.upkeep.idle();
        await h.until(() => follower.events.length === 3, 'the question');
        const seen = () => follower.events.map(({ event, data }) => ({ event, data }));
        expect((await two.manager.getResumeState(streamId))?.content).toEqual(seen());
        const { job: next } = await two.manager.approvals.resolve(streamId, { actionId, by: 'p' });
        next.emit(text('after'));
        await next.flush();
        await h.until(() => follower.events.length === 5, 'what comes after');
        expect((await one.manager.getResumeState(streamId))?.content).toEqual(seen());
        await next.complete();
        await h.finished(follower);
      }
    },
  },
  {
    id: 'L25 P1',
    title: 'subscribeWithResume in the middle of a stream has no gap and no repeat, 100 times',
    async run(h) {
      const [one, two] = await h.two({
        ...h.delayed,
        options: { snapshotEvents: 5, trimLog: true, limits: { pageEvents: 3 } },
      });
      const job = await h.soon(h.start(one, { contentModel: 'text' }));
      const pages: Promise<Page>[] = [];
      let whole = '';
      for (let n = 0; n < 100; n++) {
        job.emit(text(`${n},`));
        whole += `${n},`;
        pages.push(
          (async () => {
            const { state, subscription } = await two.manager.subscribeWithResume('s');
            const page = new Page();
            page.text = (state.content as { text: string }).text;
            page.cursor = state.cursor;
            for await (const event of subscription) page.see(event);
            return page;
          })(),
        );
        if (pick(h.random, 3) === 0) await h.rest();
      }
      await h.soon(job.complete());
      for (const page of await h.soon(Promise.all(pages))) expect(page.text).toBe(whole);
    },
  },
  {
    id: 'L26',
    title: 'a resume after 100,000 deltas reads the snapshot and a tail of at most a third of its text',
    async run(h) {
      const writer = await h.replica();
      let read = 0;
      const reader = await h.replica({
        wrapStore: (store) =>
          wrapStore(store, async ({ method }, perform) => {
            const answer = await perform();
            if (method === 'readLog' && (answer as LogPage).found)
              read += (answer as LogPage & { found: true }).events.length;
            return answer;
          }),
      });
      const job = await h.start(writer, { contentModel: 'text' });
      for (let n = 0; n < 100_000; n++) {
        const room = job.emit(text('x'));
        if (n % 500 === 0) await room;
      }
      await h.soon(job.flush());
      await h.rest();
      const state = await reader.manager.getResumeState('s');
      expect(textOf(state)).toHaveLength(100_000);
      // A third of the content in events of 12 characters, and the batches under way meanwhile.
      expect(read).toBeLessThan(100_000 / 3 / 12 + 256 * 2);
      await h.soon(job.complete());
    },
  },
  {
    id: 'L27',
    title:
      'metadata, usage, title and replay-only events survive to another replica, also when the log is trimmed',
    async run(h) {
      const options = { snapshotEvents: 4, trimLog: true };
      const publicMetadata = (record: { metadata: Readonly<Record<string, unknown>> }) => ({
        title: String(record.metadata.title),
      });
      const [one, two] = await h.two({ options, hooks: { publicMetadata } });
      const job = await h.start(one, { contentModel: 'text', conversationId: 'c' });
      job.emit({ event: 'oauth', data: { url: 'x' }, keep: 'oauth' });
      job.emit({ event: 'gauge', data: 1, keep: 'gauge' });
      for (let n = 0; n < 20; n++) job.emit(text(n));
      job.emit({ event: 'gauge', data: 2, keep: 'gauge' });
      job.emit({ event: 'prompt', data: 1, keep: 'prompt' });
      job.emit({ event: 'prompt', data: null, keep: 'prompt' });
      await job.addUsage({ input: 3, output: 1 });
      await job.addUsage({ output: 4 });
      await job.update({ metadata: { title: 'T', secret: 'S' } });
      for (const moment of ['running', 'completed']) {
        const state = await two.manager.getResumeState('s');
        expect(state).toMatchObject({
          status: moment,
          conversationId: 'c',
          metadata: { title: 'T', secret: 'S' },
          usage: { input: 3, output: 5 },
        });
        expect(state?.kept.map(({ event, data }) => [event, data])).toEqual([
          ['oauth', { url: 'x' }],
          ['gauge', 2],
        ]);
        const shown = await two.manager.getPublicState('s');
        expect(shown?.metadata).toEqual({ title: 'T' });
        const synced = h.follow(two, { resume: true });
        await h.until(() => synced.events.length > 0, 'a sync');
        const { now: _, ...same } = JSON.parse(JSON.stringify(shown));
        expect(synced.events[0]?.data).toMatchObject(same);
        synced.leave();
        if (moment === 'running') await job.complete();
      }
    },
  },
  {
    id: 'L28 P2',
    title: 'a pause landing between snapshot and attach is shown once, in the state or in the tail',
    async run(h) {
      for (let at = 1; at <= 4; at++) {
        let reads = 0;
        let pauseNow: () => Promise<unknown> = async () => {};
        const reader = await h.replica({
          wrapStore: (store) =>
            wrapStore(store, async ({ method }, perform) => {
              if (method === 'readLog' && ++reads === at) await pauseNow();
              return perform();
            }),
        });
        const writer = await h.replica();
        const streamId = `s${at}`;
        const job = await h.start(writer, { streamId, contentModel: 'text' });
        job.emit(text('a'));
        await job.flush();
        let paused: Promise<{ actionId: string }> | undefined;
        pauseNow = async () => {
          paused = job.pause({ type: 'checkpoint', payload: { question: '?' } });
          await paused;
        };
        const { state, subscription } = await h.soon(reader.manager.subscribeWithResume(streamId));
        const { actionId } = await h.soon(paused ?? job.pause({ type: 'checkpoint' }));
        const { job: next } = await writer.manager.approvals.resolve(streamId, {
          actionId,
          decisions: [],
          by: 'p',
        });
        await next.complete();
        const tail = [];
        for await (const event of subscription) tail.push(event.event);
        const inState = state.pendingAction?.actionId === actionId;
        const inTail = tail.filter((name) => name === 'requires_action').length;
        expect(inTail).toBe(inState ? 0 : 1);
        expect(tail.slice(-2)).toEqual(['resumed', 'completed']);
      }
    },
  },
  {
    id: 'L41',
    title: 'what the host needs to resume never reaches a follower, a state or a log entry',
    async run(h) {
      const [one, two] = await h.two();
      const job = await h.start(one, { contentModel: 'text' });
      const canary = 'canary-5fd1';
      const { actionId } = await job.pause({
        type: 'tool_approval',
        resumeContext: { canary },
        fingerprint: canary,
        requests: [{ id: 'r', name: 'tool' }],
      });
      const synced = h.follow(two, { resume: true });
      const follower = h.follow(two);
      await h.until(() => synced.events.length > 0 && follower.events.length > 1, 'both have the prompt');
      expect(follower.events.at(-1)).toMatchObject({
        event: 'requires_action',
        data: { action: { actionId, requests: [{ id: 'r' }] } },
      });
      expect(synced.events[0]).toMatchObject({
        data: { pendingAction: { actionId, type: 'tool_approval' } },
      });
      const shown = [
        synced.events,
        follower.events,
        await h.log(),
        await two.manager.getResumeState('s'),
        await two.manager.approvals.peek('s'),
      ];
      expect(JSON.stringify(shown)).not.toContain(canary);
      const record = await two.manager.getJob('s');
      expect(record?.pendingAction?.expiresAt).toBe(
        dataOf<{ action: { expiresAt: number } }>(follower.events.at(-1)).action.expiresAt,
      );
      const decisions = [{ id: 'r', decision: 'approve' as const }];
      const input = { actionId, decisions, by: 'p', fingerprint: canary };
      const resolved = await two.manager.approvals.resolve('s', input);
      expect(resolved.continuation.resumeContext).toEqual({ canary });
      await resolved.job.complete();
      expect(JSON.stringify([await h.log(), await two.manager.getResumeState('s')])).not.toContain(canary);
    },
  },
  {
    id: 'L54 P5',
    title: 'a restarted answer stands once: content after `recovered { restart }` holds only the second try',
    timesLapse: true,
    async run(h) {
      for (const mode of ['restart', 'continue'] as const) {
        const seen: unknown[] = [];
        const recover = (
          job: GenerationJob,
          continuation: { content: unknown; record: { recoveries: number } },
        ) => {
          seen.push([continuation.content, continuation.record.recoveries, job.attempt]);
          void job.emit(text('second'));
          return 'done';
        };
        const hooks = { recover, recoverMode: mode };
        const [doomed, other] = await h.two({ hooks, options: { snapshotEvents: 3 } });
        const streamId = `s-${mode}`;
        const job = await h.start(doomed, { streamId, contentModel: 'text' });
        const live = h.follow(other, {}, streamId);
        for (let n = 0; n < 5; n++) job.emit({ ...text('first'), keep: 'k' });
        await job.flush();
        await doomed.crash();
        const events = await h.finished(live, 'the recovered end');
        const log = await h.log(streamId);
        expect(events).toEqual(log);
        expect(live.names).toEqual(['created', ...Array(5).fill('text'), 'recovered', 'text', 'completed']);
        expect(events[6]?.data).toEqual({ fromSequence: 6, restart: mode === 'restart', attempt: 2 });
        const whole = mode === 'restart' ? 'second' : `${'first'.repeat(5)}second`;
        const state = await other.manager.getResumeState(streamId);
        expect(state?.content).toEqual({ text: whole });
        expect(state?.kept).toHaveLength(mode === 'restart' ? 0 : 1);
        expect(seen).toEqual([[{ text: mode === 'restart' ? '' : 'first'.repeat(5) }, 1, 2]]);
        const page = new Page();
        for (const event of events) page.see(event);
        expect(page.text).toBe(whole);
        expect((await other.manager.getJob(streamId))?.recoveries).toBe(1);
        await other.crash();
      }
    },
  },
  {
    id: 'F1 L54',
    title: 'a generation is recovered at most maxRecoveries times, then ends as lost',
    timesLapse: true,
    async run(h) {
      let runs = 0;
      const hooks = { recover: () => new Promise(() => runs++) };
      const first = await h.replica({ hooks });
      const second = await h.replica({ hooks });
      const third = await h.replica({ hooks });
      const job = await h.start(first);
      await first.crash();
      await h.until(() => runs === 1, 'recovered once', TIMES.leaseMs + TIMES.sweepMs);
      const [holder, other] =
        (await second.manager.stats()).process.producing > 0 ? [second, third] : [third, second];
      await holder.crash();
      await h.until(
        async () => (await other.manager.getJob('s'))?.status === 'failed',
        'given up',
        TIMES.leaseMs + TIMES.sweepMs,
      );
      expect(runs).toBe(1);
      const log = await h.log('s', job.generation);
      expect(log.map((event) => event.event)).toEqual(['created', 'recovered', 'failed']);
      expect(log.at(-1)?.data).toMatchObject({ code: 'producer_lost', retryable: true });
    },
  },
];
