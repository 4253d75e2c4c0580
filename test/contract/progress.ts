/** What a generation has come to so far, told to the host now and then: seldom, in order, the newest, and at nobody's cost. */
import type { GenerationJobOptions, Hooks, ProgressInput } from 'generation-jobs';
import { text } from './follower.js';
import type { Contract, Harness } from './harness.js';
import { expect } from './tools.js';

const PROGRESS_MS = 400;

const textOf = (content: unknown): string => (content as { text: string } | null)?.text ?? '';

interface Told {
  readonly texts: string[];
  readonly calls: ProgressInput[];
}

async function toldReplica(h: Harness, more: { hooks?: Hooks; options?: GenerationJobOptions } = {}) {
  const told: Told = { texts: [], calls: [] };
  const onProgress = (progress: ProgressInput) => {
    told.calls.push(progress);
    told.texts.push(textOf(progress.content));
  };
  const replica = await h.replica({
    hooks: { onProgress, ...more.hooks },
    options: { progressMs: PROGRESS_MS, ...more.options },
  });
  return { replica, told };
}

export const progressContracts: readonly Contract[] = [
  {
    id: 'L57',
    title:
      'a host is told the newest content at most once in progressMs while something changes, and not otherwise',
    async run(h) {
      const { replica, told } = await toldReplica(h);
      const job = await h.start(replica, { contentModel: 'text' });
      for (const word of ['one ', 'two ', 'three']) await job.emit(text(word));
      await job.flush();
      await h.until(() => told.texts.length === 1, 'told of the words', 4 * PROGRESS_MS);
      expect(told.texts).toEqual(['one two three']);
      expect(told.calls[0]?.record).toMatchObject({ streamId: 's', status: 'running' });
      expect(told.calls[0]?.sequence).toBe(4);
      await h.advance(3 * PROGRESS_MS);
      await h.rest();
      expect(told.texts, 'nothing has changed').toHaveLength(1);
      await job.emit(text(' four'));
      await h.until(() => told.texts.length === 2, 'told of what came later', 4 * PROGRESS_MS);
      expect(told.texts[1]).toBe('one two three four');
    },
  },
  {
    id: 'L57',
    title: 'a pause and an end are told at once with all there is; where a settlement follows, before it',
    async run(h) {
      const order: string[] = [];
      const missed: number[] = [];
      const hooks: Hooks = {
        settle: ({ content }) => void order.push(`settle ${textOf(content)}`),
        onProgress: ({ content, record, sequence }) => {
          missed.push(record.lastSequence - sequence);
          order.push(`${record.status} ${textOf(content)}`);
        },
      };
      const { replica } = await toldReplica(h, { hooks, options: { progressMs: 60_000 } });
      const job = await h.start(replica, { contentModel: 'text' });
      await job.emit(text('half'));
      await job.pause({ type: 'ask_user_question', questions: [{ id: 'q', question: 'Go on?' }] });
      await h.until(() => order.length === 1, 'told of the pause');
      expect(missed, 'the content has the question in it').toEqual([0]);
      await replica.manager.abortJob('s');
      await h.until(() => order.length === 3, 'settled');
      expect(order).toEqual(['requires_action half', 'aborted half', 'settle half']);
    },
  },
  {
    id: 'L57',
    title:
      'without a settlement the process that produced tells the last content, also after a stop by others',
    async run(h) {
      const { replica, told } = await toldReplica(h, { options: { progressMs: 60_000 } });
      const job = await h.start(replica, { contentModel: 'text', streamId: 'ends' });
      await job.emit(text('whole'));
      await job.complete();
      await h.until(() => told.texts.length === 1, 'told of the end');
      const stopped = await h.start(replica, { contentModel: 'text', streamId: 'stopped' });
      await stopped.emit(text('part'));
      await stopped.flush();
      await (await h.replica()).manager.abortJob('stopped');
      await h.until(() => told.texts.length === 2, 'told of the stop');
      expect(told.texts).toEqual(['whole', 'part']);
    },
  },
  {
    id: 'L57 P5',
    title:
      'a host that is slow to take it delays no event, gets one call at a time, and then the newest content',
    async run(h) {
      const release: (() => void)[] = [];
      const texts: string[] = [];
      const hooks: Hooks = {
        onProgress: ({ content }) => {
          texts.push(textOf(content));
          return new Promise<void>((resolve) => release.push(resolve));
        },
      };
      const { replica } = await toldReplica(h, { hooks });
      const job = await h.start(replica, { contentModel: 'text' });
      await job.emit(text('a'));
      await h.until(() => texts.length === 1, 'the first call', 4 * PROGRESS_MS);
      for (const word of ['b', 'c', 'd']) {
        await job.emit(text(word));
        await h.soon(job.flush(), 'a commit');
        await h.advance(PROGRESS_MS);
      }
      expect(texts, 'one at a time').toEqual(['a']);
      release[0]?.();
      await h.until(() => texts.length === 2, 'the next call', 4 * PROGRESS_MS);
      expect(texts[1]).toBe('abcd');
      release[1]?.();
      await job.complete();
      await h.until(() => texts.length === 3, 'told of the end');
      expect(texts[2]).toBe('abcd');
      release[2]?.();
    },
  },
  {
    id: 'L57 P5',
    title: 'a host that hangs in it keeps nobody from the settlement for longer than progressMs',
    async run(h) {
      const settled: string[] = [];
      const release: (() => void)[] = [];
      const hooks: Hooks = {
        onProgress: () => new Promise<void>((resolve) => release.push(resolve)),
        settle: ({ content }) => void settled.push(textOf(content)),
      };
      const { replica } = await toldReplica(h, { hooks, options: { hookMs: 9_000 } });
      const job = await h.start(replica, { contentModel: 'text' });
      await job.emit(text('whole'));
      await h.advance(2 * PROGRESS_MS); // a call is under way
      await job.complete();
      await h.until(() => settled.length === 1, 'settled', 2 * PROGRESS_MS);
      expect(settled).toEqual(['whole']);
      release[0]?.();
      await h.until(() => release.length === 2, 'told of the end');
      release[1]?.();
    },
  },
  {
    id: 'L57 P5',
    title: 'a host that throws, or writes on what it is given, harms nothing',
    async run(h) {
      const hooks: Hooks = {
        onProgress: ({ content }) => {
          (content as { text: string }).text = 'overwritten';
          throw new Error('no room');
        },
      };
      const { replica } = await toldReplica(h, { hooks, options: { progressMs: 100 } });
      const job = await h.start(replica, { contentModel: 'text' });
      await job.emit(text('kept'));
      const failures = () => replica.reports.filter(({ where }) => where === 'onProgress');
      await h.until(() => failures().length === 1, 'the host is told of its error');
      await job.emit(text(' whole'));
      await job.complete();
      const state = await replica.manager.getResumeState('s');
      expect(textOf(state?.content)).toBe('kept whole');
    },
  },
];
