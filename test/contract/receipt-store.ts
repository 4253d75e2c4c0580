/**
 * Receipts as a store keeps them: a call that has finished is never begun again, one that is unknown only when the caller names
 * it, and what a call has come to is taken from that call alone, whoever produces by then.
 */
import type { JobRecord, JobStatus } from 'generation-jobs';
import type { CommitReply, ReceiptCommit, StoredReceipt } from 'generation-jobs/ports';
import { callId, Desk, KEY } from './desk.js';
import type { Contract } from './harness.js';
import { expect } from './tools.js';

const MOST = 3;

/** A desk at which calls are made. */
class ReceiptDesk extends Desk {
  step(record: JobRecord, step: ReceiptCommit['step'], over: Partial<ReceiptCommit> = {}): ReceiptCommit {
    const { generation, attempt } = record;
    const place = { key: KEY, generation, attempt };
    return { writer: 'receipts', ...place, step, name: 'k', callId: callId(), most: MOST, ...over };
  }

  commit(commit: ReceiptCommit): Promise<CommitReply> {
    return this.store.commit(commit);
  }

  /** What the step is answered with. */
  async stands(commit: ReceiptCommit): Promise<StoredReceipt> {
    const { receipt } = await this.ok(this.commit(commit));
    return receipt as StoredReceipt;
  }

  /** Begins a call, or fails to. */
  async began(commit: ReceiptCommit): Promise<boolean> {
    const { state, callId } = await this.stands(commit);
    return state === 'begun' && callId === commit.callId;
  }

  cameTo(begun: ReceiptCommit, step: 'finish' | 'fail', result?: string): ReceiptCommit {
    const { over: _, ...same } = begun;
    return { ...same, step, ...(result !== undefined && { result }) };
  }

  /** A page after the other, for as long as there are. */
  async pages(generation: number, limit: number): Promise<StoredReceipt[][]> {
    const pages: StoredReceipt[][] = [];
    for (let after: string | undefined; ; ) {
      const page = await this.store.receipts(KEY, generation, { limit, after });
      expect(page.entries.length).toBeLessThanOrEqual(limit);
      pages.push([...page.entries]);
      expect(pages.length).toBeLessThanOrEqual(100);
      after = page.next;
      if (after === undefined) return pages;
    }
  }

  async listed(generation: number): Promise<StoredReceipt[]> {
    return (await this.pages(generation, 100)).flat();
  }

  /** The next attempt, taken over from a producer that gave its lease up. */
  async takenOver(record: JobRecord): Promise<JobRecord> {
    const { generation, attempt } = record;
    await this.store.renew([{ key: KEY, generation, attempt }], 0);
    const reply = await this.ok(this.store.commit(this.other(record, 'recover')));
    return reply.record as JobRecord;
  }
}

const namesOf = (receipts: readonly StoredReceipt[]) => receipts.map(({ name }) => name).sort();

export const receiptStoreContracts: readonly Contract[] = [
  {
    id: 'L111',
    title: 'a call begins once, and what it came to stands: finished it is never begun again, failed it is',
    async run(h) {
      const desk = new ReceiptDesk(h);
      const record = await desk.created();
      const first = desk.step(record, 'begin');
      const before = desk.store.now();
      const begun = await desk.stands(first);
      expect(begun).toMatchObject({ name: 'k', state: 'begun', attempt: 1, runs: 1, callId: first.callId });
      expect(begun.begunAt).toBeGreaterThanOrEqual(before - h.backend.slackMs);
      expect([begun.changedAt, begun.result]).toEqual([begun.begunAt, undefined]);
      expect(await desk.listed(record.generation)).toEqual([begun]);
      // Made again, each step is the same one.
      expect(await desk.stands(first)).toEqual(begun);
      const failed = await desk.stands(desk.cameTo(first, 'fail'));
      expect(failed).toMatchObject({ state: 'failed', runs: 1, begunAt: begun.begunAt });
      expect(await desk.stands(desk.cameTo(first, 'fail'))).toEqual(failed);
      expect(await desk.stands(first), 'a begin that is answered late').toEqual(failed);
      const second = desk.step(record, 'begin');
      expect(await desk.stands(second)).toMatchObject({ state: 'begun', runs: 2, callId: second.callId });
      const result = JSON.stringify({ a: 'é\u{1f511} \n', spaces: ' x  y ' });
      const finished = await desk.stands(desk.cameTo(second, 'finish', result));
      expect(finished).toMatchObject({ state: 'finished', attempt: 1, runs: 2, result });
      for (const over of [undefined, 'any', { callId: second.callId }, { callId: first.callId }] as const)
        expect(await desk.stands(desk.step(record, 'begin', { over }))).toEqual(finished);
      const next = await desk.takenOver(record);
      expect(await desk.stands(desk.step(next, 'begin', { over: 'any' }))).toEqual(finished);
      expect(await desk.listed(record.generation)).toEqual([finished]);
      // One whose result is not kept has finished all the same.
      const silent = desk.step(next, 'begin', { name: 'silent' });
      await desk.stands(silent);
      expect(await desk.stands(desk.cameTo(silent, 'finish'))).toMatchObject({ state: 'finished' });
      expect((await desk.stands(desk.cameTo(silent, 'finish', '1'))).result).toBeUndefined();
    },
  },
  {
    id: 'L111',
    title:
      'one that is unknown begins again only for who names it, or any of an earlier attempt; then it is that one’s',
    async run(h) {
      const desk = new ReceiptDesk(h);
      const record = await desk.created();
      const lost = desk.step(record, 'begin');
      await desk.stands(lost);
      const begin = (of: JobRecord, over?: ReceiptCommit['over']) => desk.step(of, 'begin', { over });
      expect(await desk.began(begin(record))).toBe(false);
      expect(await desk.began(begin(record, 'any')), 'its own attempt’s').toBe(false);
      expect(await desk.began(begin(record, { callId: 'another' }))).toBe(false);
      const next = await desk.takenOver(record);
      expect(await desk.began(begin(next))).toBe(false);
      const named = begin(next, { callId: lost.callId });
      expect(await desk.stands(named)).toMatchObject({ attempt: 2, runs: 2, callId: named.callId });
      expect(await desk.began(begin(next, { callId: lost.callId })), 'it was allowed once').toBe(false);
      // The one whose place was taken says nothing any more.
      for (const step of ['finish', 'fail'] as const)
        expect(await desk.refusal(desk.commit(desk.cameTo(lost, step)))).toBe('call');
      const third = await desk.takenOver(next);
      const any = begin(third, 'any');
      expect(await desk.stands(any)).toMatchObject({ attempt: 3, runs: 3, callId: any.callId });
      expect(await desk.stands(desk.cameTo(any, 'finish', 'null'))).toMatchObject({ state: 'finished' });
    },
  },
  {
    id: 'L111 L115',
    title:
      'a begin is fenced in every state, and what a call has come to is not; neither moves a sequence, a revision or a time',
    async run(h) {
      const desk = new ReceiptDesk(h);
      const reach: Record<JobStatus, (record: JobRecord) => Promise<CommitReply | undefined>> = {
        running: async () => undefined,
        requires_action: (record) => desk.store.commit(desk.end(record, 'pause')),
        completed: (record) => desk.store.commit(desk.end(record, 'complete')),
        failed: (record) => desk.store.commit(desk.end(record, 'fail')),
        aborted: (record) => desk.store.commit(desk.other(record, 'abort')),
      };
      for (const [status, go] of Object.entries(reach)) {
        const record = await desk.created();
        const finishing = desk.step(record, 'begin', { name: 'finishes' });
        const failing = desk.step(record, 'begin', { name: 'fails' });
        for (const call of [finishing, failing]) expect(await desk.began(call)).toBe(true);
        const overtaken = { ...finishing, name: 'new', attempt: 2 };
        expect(await desk.refusal(desk.commit(overtaken))).toBe('fenced');
        await go(record);
        const before = await desk.all();
        const begin = desk.commit(desk.step(record, 'begin', { name: 'late' }));
        const refusals = { running: 'not refused', requires_action: 'paused' } as const;
        expect(await desk.refusal(begin), status).toBe(refusals[status as 'running'] ?? 'ended');
        expect(await desk.stands(desk.cameTo(finishing, 'finish', '7'))).toMatchObject({ result: '7' });
        expect(await desk.stands(desk.cameTo(failing, 'fail'))).toMatchObject({ state: 'failed' });
        const after = await desk.all();
        // Records don't carry receipts: only how many there are.
        expect(withoutCount(after), status).toEqual(withoutCount(before));
        const [current] = await desk.store.read(KEY, 'current');
        expect(current?.receipts, status).toBe(status === 'running' ? 3 : 2);
        await desk.store.delete(KEY, { whileSettling: true });
      }
    },
  },
  {
    id: 'L111 L115',
    title:
      'what a call has come to is taken of a generation that was replaced, and not of one that is not kept',
    async run(h) {
      const desk = new ReceiptDesk(h);
      const record = await desk.created();
      const call = desk.step(record, 'begin');
      await desk.stands(call);
      const none = desk.step(record, 'begin', { name: 'none' });
      expect(await desk.refusal(desk.commit(desk.cameTo(none, 'finish', '1')))).toBe('call');
      const replaces = {
        generation: record.generation,
        end: { event: 'aborted', data: '{}' },
        error: { code: 'replaced', message: 'x', retryable: false },
      };
      const next = await desk.created({ replaces });
      expect(await desk.refusal(desk.commit(desk.step(record, 'begin', { name: 'late' })))).toBe('replaced');
      expect(await desk.began(desk.step(next, 'begin')), 'of another generation').toBe(true);
      expect(await desk.stands(desk.cameTo(call, 'finish', '"old"'))).toMatchObject({ result: '"old"' });
      expect(await desk.listed(record.generation)).toMatchObject([{ state: 'finished', result: '"old"' }]);
      expect(await desk.listed(next.generation)).toMatchObject([{ state: 'begun' }]);
      await desk.store.delete(KEY, { endedGeneration: record.generation });
      expect(await desk.listed(record.generation)).toEqual([]);
      expect(await desk.refusal(desk.commit(desk.cameTo(call, 'finish', '1')))).toBe('gone');
      expect(await desk.listed(next.generation)).toHaveLength(1);
      await desk.store.delete(KEY);
      expect(await desk.refusal(desk.commit(desk.step(next, 'begin')))).toBe('gone');
      const again = await desk.created();
      expect(await desk.listed(next.generation)).toEqual([]);
      expect(await desk.listed(again.generation)).toEqual([]);
      expect(await desk.began(desk.step(again, 'begin'))).toBe(true);
    },
  },
  {
    id: 'L111',
    title:
      'one more than the bound is refused and changes nothing; those that are there go on, and none is forgotten',
    async run(h) {
      const desk = new ReceiptDesk(h);
      const record = await desk.created();
      const begun = ['a', 'b', 'c'].map((name) => desk.step(record, 'begin', { name }));
      for (const call of begun) expect(await desk.began(call)).toBe(true);
      expect(await desk.refusal(desk.commit(desk.step(record, 'begin', { name: 'd' })))).toBe('receipts');
      expect(namesOf(await desk.listed(record.generation))).toEqual(['a', 'b', 'c']);
      for (const call of begun) await desk.stands(desk.cameTo(call, 'fail'));
      expect(await desk.began(desk.step(record, 'begin', { name: 'b' }))).toBe(true);
      const next = await desk.takenOver(record);
      expect(next.receipts).toBe(MOST);
      expect(await desk.refusal(desk.commit(desk.step(next, 'begin', { name: 'd' })))).toBe('receipts');
      expect(await desk.began(desk.step(next, 'begin', { name: 'd', most: MOST + 1 }))).toBe(true);
    },
  },
  {
    id: 'L114',
    title: 'a listing has each receipt once, page by page, whatever their names and however many there are',
    async run(h) {
      const desk = new ReceiptDesk(h);
      const record = await desk.created();
      const odd = [' ', '1:2', 'é', '\u{1f511}', '*', '?[a]', '\n', '{"a":1}', '-', 'x'.repeat(256)];
      const names = [...odd, ...Array.from({ length: 40 }, (_, at) => `call ${at}`)];
      for (const name of names) {
        const call = desk.step(record, 'begin', { name, most: 100 });
        expect(await desk.began(call), name).toBe(true);
        await desk.stands(desk.cameTo(call, 'finish', JSON.stringify(name)));
      }
      for (const limit of [1, 7, 50, 100]) {
        const pages = await desk.pages(record.generation, limit);
        const all = pages.flat();
        expect(all.map(({ result }) => JSON.parse(result ?? '')).sort()).toEqual([...names].sort());
        expect(namesOf(all)).toEqual([...names].sort());
      }
      expect(await desk.listed(record.generation + 1)).toEqual([]);
    },
  },
];

/** What is kept of a stream, but how many receipts there are. */
function withoutCount(all: unknown): unknown {
  const { kept, ...rest } = all as { readonly kept: readonly JobRecord[] };
  return { ...rest, kept: kept.map(({ receipts: _, ...record }) => record) };
}
