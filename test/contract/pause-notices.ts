/** The host is told of each pause at least once, by whichever replica lives, and never of one that it knows to be decided. */
import type { Hooks, PausedInput } from 'generation-jobs';
import { streamKey } from 'generation-jobs/ports';
import { wrapStore } from 'generation-jobs/testing';
import { text } from './follower.js';
import { type Contract, type Harness, type Replica, TIMES } from './harness.js';
import { expect } from './tools.js';

const ASKS = { type: 'tool_approval', requests: [{ id: 'r', name: 'tool' }] } as const;
const DECIDES = { decisions: [{ id: 'r', decision: 'approve' }], by: 'u' } as const;

const textOf = (content: unknown): string => (content as { text: string } | null)?.text ?? '';

/** A hook that notes each call, and whether it throws or waits is the test's to say. */
function paused(answer: (call: PausedInput, number: number) => unknown = () => undefined) {
  const calls: PausedInput[] = [];
  const hooks: Hooks = { onPaused: (call) => answer(call, calls.push(call)) };
  return { calls, hooks };
}

async function pause(h: Harness, replica: Replica, streamId = 's') {
  const job = await h.start(replica, { streamId, contentModel: 'text' });
  await job.emit(text('half'));
  return job.pause(ASKS);
}

async function noticeOf(h: Harness, streamId = 's') {
  const [record] = await h.store.read(streamKey(streamId), 'current');
  return record?.pauseNotice;
}

export const pauseNoticeContracts: readonly Contract[] = [
  {
    id: 'L80',
    title: 'a pause is told once, with what is asked and the half answer, by the process that paused',
    async run(h) {
      const { calls, hooks } = paused();
      const [replica] = await h.two({ hooks });
      const { actionId } = await pause(h, replica);
      await h.until(async () => (await noticeOf(h))?.state === 'settled', 'told');
      expect(calls).toHaveLength(1);
      const [call] = calls as [PausedInput];
      expect(call.pauseId).toBe(`/s/${call.record.generation}/${actionId}`);
      expect(call).toMatchObject({ action: { actionId }, record: { status: 'requires_action' } });
      expect(textOf(call.content)).toBe('half');
      await h.advance(3 * TIMES.settleClaimMs);
      await h.rest();
      expect(calls).toHaveLength(1);
      const { job } = await replica.manager.approvals.resolve('s', { actionId, ...DECIDES });
      const again = await job.pause(ASKS);
      await h.until(() => calls.length === 2, 'told of the next');
      expect(calls[1]?.action.actionId).toBe(again.actionId);
    },
  },
  {
    id: 'L80',
    title: 'what a host could not take is told again with growing pauses, until it has',
    async run(h) {
      const outcomes: string[] = [];
      const { calls, hooks } = paused((_, number) => {
        if (number < 3) throw new Error('not now');
      });
      const replica = await h.replica({
        hooks,
        observer: { pauseTold: (outcome) => outcomes.push(outcome) },
        options: { approvalWindowMs: 60_000 },
      });
      await pause(h, replica);
      await h.until(() => outcomes.at(-1) === 'told', 'told', 20 * TIMES.settleBackoffMs);
      expect(outcomes).toEqual(['retried', 'retried', 'told']);
      expect(new Set(calls.map(({ pauseId }) => pauseId)).size).toBe(1);
      const failures = replica.reports.filter(({ where }) => where === 'onPaused');
      expect(failures).toHaveLength(2);
      expect(await noticeOf(h)).toMatchObject({ state: 'settled', tries: 3 });
    },
  },
  {
    id: 'L80 F30',
    title: 'when the process that paused dies while it tells, another one tells it',
    timesLapse: true,
    async run(h) {
      const first = paused(() => new Promise(() => {}));
      const second = paused();
      const doomed = await h.replica({ hooks: first.hooks });
      await h.replica({ hooks: second.hooks, options: { approvalWindowMs: 60_000 } });
      const job = await h.start(doomed, { contentModel: 'text' });
      await job.pause({ ...ASKS, expiresInMs: 60_000 });
      await h.until(() => first.calls.length === 1, 'it begins to tell');
      await doomed.crash();
      await h.until(() => second.calls.length === 1, 'the other one tells', 4 * TIMES.settleClaimMs);
      expect(second.calls[0]?.pauseId).toBe(first.calls[0]?.pauseId);
      await h.until(async () => (await noticeOf(h))?.state === 'settled', 'told');
    },
  },
  {
    id: 'L80',
    title:
      'a decision by another replica while the host is being told fires its signal, and it is not told again',
    async run(h) {
      const { calls, hooks } = paused(
        ({ signal }) =>
          new Promise((_, reject) => {
            signal.addEventListener('abort', () => reject(new Error('left')), { once: true });
          }),
      );
      const replica = await h.replica({ hooks });
      const other = await h.replica();
      const { actionId } = await pause(h, replica);
      await h.until(() => calls.length === 1, 'it begins to tell');
      const { job } = await other.manager.approvals.resolve('s', { actionId, ...DECIDES });
      await h.until(() => calls[0]?.signal.aborted, 'its signal fires', 500);
      await job.complete();
      await h.advance(2 * TIMES.settleClaimMs);
      await h.rest();
      expect(calls).toHaveLength(1);
      expect(replica.reports.filter(({ where }) => where === 'onPaused')).toEqual([]);
    },
  },
  {
    id: 'L80',
    title: 'a process that drains before it has told leaves the telling to another one',
    async run(h) {
      const reads: (() => void)[] = [];
      const first = paused();
      const leaving = await h.replica({
        hooks: first.hooks,
        options: { approvalWindowMs: 60_000 },
        wrapStore: (store) =>
          wrapStore(store, async ({ method }, perform) => {
            const isPaused = method === 'readLog' && (await noticeOf(h)) !== undefined;
            if (isPaused) await new Promise<void>((resolve) => reads.push(resolve));
            return perform();
          }),
      });
      const second = paused();
      await h.replica({ hooks: second.hooks, options: { approvalWindowMs: 60_000 } });
      await pause(h, leaving);
      await h.until(() => reads.length > 0, 'it is about to tell');
      await h.soon(leaving.manager.drain({ graceMs: 0 }), 'the drain', 15_000);
      for (const go of reads) go();
      await h.until(() => second.calls.length === 1, 'the other one tells', 6 * TIMES.settleClaimMs);
      expect(first.calls).toEqual([]);
    },
  },
  {
    id: 'L80',
    title: 'a pause that was decided before anybody came to tell it is not told',
    async run(h) {
      const doomed = await h.replica({ hooks: { onPaused: () => new Promise(() => {}) } });
      const { actionId } = await pause(h, doomed);
      await doomed.crash();
      const { calls, hooks } = paused();
      const next = await h.replica({ hooks });
      const { job } = await next.manager.approvals.resolve('s', { actionId, ...DECIDES });
      await h.advance(2 * TIMES.settleClaimMs);
      await job.complete();
      await h.rest();
      expect(calls).toEqual([]);
    },
  },
  {
    id: 'L80',
    title: 'a replica without the hook leaves the telling to one that has it, and pauses without a notice',
    timesLapse: true,
    async run(h) {
      const bare = await h.replica();
      await pause(h, bare, 'bare');
      expect(await noticeOf(h, 'bare')).toBeUndefined();
      const doomed = await h.replica({ hooks: { onPaused: () => new Promise(() => {}) } });
      const job = await h.start(doomed, { contentModel: 'text' });
      await job.pause({ ...ASKS, expiresInMs: 60_000 });
      await doomed.crash();
      await h.advance(2 * TIMES.settleClaimMs);
      expect(await noticeOf(h)).toMatchObject({ state: 'open' });
      const { calls, hooks } = paused();
      await h.replica({ hooks });
      await h.until(() => calls.length === 1, 'told', 4 * TIMES.leaseMs);
    },
  },
];
