/**
 * Replicas that were not given a generation's content model, as in a rolling deploy: they lose no answer, and what they
 * must do without content they do aloud.
 */
import type { Hooks } from 'generation-jobs';
import { streamKey } from 'generation-jobs/ports';
import { text } from './follower.js';
import { type Contract, type Harness, type ReplicaInput, TIMES } from './harness.js';
import { expect } from './tools.js';

const MINUTE = 60_000;

const LONGEST_BACKOFF_MS = 10 * MINUTE;
/** Everything must outlive what is waited for. */
const LONG = { retentionMs: 3 * LONGEST_BACKOFF_MS, idempotencyMs: 4 * LONGEST_BACKOFF_MS } as const;

interface Told {
  readonly settled: unknown[];
  readonly steps: string[];
  readonly errors: string[];
}

/** A replica of the release before: without the content model. */
function without(told: Told, hooks: Hooks = {}): ReplicaInput {
  return {
    contentModels: [],
    options: LONG,
    hooks: { settle: ({ content }) => void told.settled.push(content), ...hooks },
    observer: { contentless: (step) => told.steps.push(step) },
    logger: { debug() {}, info() {}, warn() {}, error: (_, message) => void told.errors.push(message) },
  };
}

const newTold = (): Told => ({ settled: [], steps: [], errors: [] });
const describeEnd = (_: unknown, content: unknown) => ({ content }) as never;

const statusOf = async (h: Harness) => (await h.store.read(streamKey('s'), 'current'))[0]?.status;

async function started(h: Harness, input: ReplicaInput = {}) {
  const knows = await h.replica({ options: LONG, ...input });
  const job = await h.start(knows, { contentModel: 'text' });
  await job.emit(text('a'));
  await job.flush();
  return { knows, job };
}

export const unknownModelContracts: readonly Contract[] = [
  {
    id: 'L35',
    title: 'a settlement is left to a replica that can fold the content',
    async run(h) {
      const told = newTold();
      const contents: unknown[] = [];
      const settle: Hooks['settle'] = ({ content }) => void contents.push(content);
      const { job } = await started(h, { hooks: { settle } });
      const lacks = await h.replica(without(told, { describeEnd }));
      await lacks.manager.abortJob('s');
      await h.until(() => contents.length > 0, 'it is settled', TIMES.leaseMs);
      expect(contents).toEqual([{ text: 'a' }]);
      expect(told.settled).toEqual([]);
      await h.until(() => job.isOver, 'the producer knows');
    },
  },
  {
    id: 'L34',
    title:
      'an abort or a replacement by a replica that can’t fold the content comes at once, without final, and is told',
    async run(h) {
      const told = newTold();
      const { job, knows } = await started(h);
      const lacks = await h.replica(without(told, { describeEnd }));
      const result = await lacks.manager.abortJob('s');
      expect(result).toMatchObject({ aborted: true, content: null, missing: { from: 1, to: 2 } });
      expect((await h.log()).at(-1)?.data).toEqual({ code: 'aborted' });
      await h.until(() => job.isOver, 'the producer knows');
      const { generation } = await h.start(knows, { contentModel: 'text' });
      await (await h.start(lacks)).complete();
      expect((await h.log('s', generation)).at(-1)?.data).toEqual({ code: 'replaced' });
      expect(told.steps).toEqual(['aborted', 'replaced']);
      expect(told.errors).toHaveLength(2);
      expect(told.errors[0]).toContain('content model');
    },
  },
  {
    id: 'F1',
    title: 'a lost producer is left to a replica that can fold what it said',
    timesLapse: true,
    async run(h) {
      const told = newTold();
      const { knows } = await started(h);
      const lacks = await h.replica(without(told, { describeEnd, recover: () => undefined }));
      await knows.crash();
      await h.advance(3 * TIMES.leaseMs);
      expect(await statusOf(h)).toBe('running');
      let content: unknown;
      const recover: Hooks['recover'] = (_, continuation) => {
        content = continuation.content;
      };
      await h.replica({ options: LONG, hooks: { recover, recoverMode: 'continue' } });
      await h.until(async () => (await statusOf(h)) === 'completed', 'it is taken over', 3 * TIMES.leaseMs);
      expect(content).toEqual({ text: 'a' });
      expect(told.steps).toEqual([]);
      await lacks.crash();
    },
  },
  {
    id: 'L42',
    title:
      'an expiry is left to a replica that can fold the content, and a decision that comes too late is told so',
    async run(h) {
      const told = newTold();
      const { job, knows } = await started(h);
      const lacks = await h.replica(without(told, { describeEnd }));
      const { actionId } = await job.pause({ type: 'checkpoint', expiresInMs: 200 });
      await knows.crash();
      await h.advance(3 * TIMES.leaseMs);
      expect(await statusOf(h)).toBe('requires_action');
      const late = lacks.manager.approvals.resolve('s', { actionId, by: 'u' });
      await expect(h.soon(late)).rejects.toMatchObject({ code: 'action_expired' });
      expect(await statusOf(h)).toBe('requires_action');
      await h.replica({ options: LONG, hooks: { describeEnd } });
      await h.until(async () => (await statusOf(h)) === 'aborted', 'it expires', 3 * TIMES.leaseMs);
      expect((await h.log()).at(-1)?.data).toEqual({ code: 'expired', final: { content: { text: 'a' } } });
      expect(told.steps).toEqual([]);
    },
  },
  {
    id: 'L25',
    title: 'a follower with resume gets its sync with what is missing, and the events after it',
    async run(h) {
      const { job } = await started(h);
      const lacks = await h.replica(without(newTold()));
      const follower = h.follow(lacks, { resume: true });
      await h.until(() => follower.events.length > 0, 'it is told');
      await job.emit(text('b'));
      await job.complete();
      await h.finished(follower);
      expect(follower.names).toEqual(['sync', 'text', 'completed']);
      expect(follower.events[0]?.data).toMatchObject({ content: null, missing: { from: 1, to: 2 } });
    },
  },
];

/** Needs ten minutes: for stores whose time can be moved. */
export const longUnknownModelContracts: readonly Contract[] = [
  {
    id: 'L35',
    title:
      'where nobody can fold the content, a settlement is made without it after the longest back-off, aloud',
    async run(h) {
      const told = newTold();
      const { knows } = await started(h);
      const lacks = await h.replica(without(told));
      await lacks.manager.abortJob('s');
      await knows.crash();
      await h.advance(LONGEST_BACKOFF_MS - 2_000);
      expect(told.settled).toEqual([]);
      await h.advance(10_000);
      expect(told.settled).toEqual([null]);
      expect(told.steps).toEqual(['aborted', 'settled']);
    },
  },
];
