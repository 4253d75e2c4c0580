/**
 * The record's revision: it counts what changes of a record without an event, each change is announced, and every log page
 * names it.
 */
import type { JobRecord } from 'generation-jobs';
import type { CommitReply, FoundPage, Frame, SettlementCommit } from 'generation-jobs/ports';
import { Desk, inStatus, KEY } from './desk.js';
import type { Contract, Harness } from './harness.js';
import { expect } from './tools.js';

/** A desk whose frames are heard, also those that the store leaves to its caller. */
class HeardDesk extends Desk {
  readonly heard: string[] = [];
  readonly #transport;

  constructor(h: Harness) {
    super(h);
    this.#transport = h.backend.connect().eventTransport;
  }

  async listen(): Promise<() => Promise<void>> {
    await this.#transport.start();
    const hear = (frame: Frame) => void this.heard.push(textOf(frame));
    const stop = await this.#transport.subscribe(KEY, { onFrame: hear, onGone() {}, onReset() {} });
    return async () => {
      await stop();
      await this.#transport.close();
    };
  }

  async made(reply: Promise<CommitReply>): Promise<JobRecord> {
    const { frames } = await this.ok(reply);
    for (const frame of frames) this.#transport.publish(frame);
    const [record] = await this.store.read(KEY, 'current');
    return record as JobRecord;
  }

  step(record: JobRecord, over: Partial<SettlementCommit>): Promise<JobRecord> {
    const { revision, tries } = record.settlement;
    const rest = { state: 'open' as const, tries, notBeforeMs: 0, ...over };
    return this.made(
      this.store.commit({ writer: 'settler', key: KEY, generation: record.generation, revision, ...rest }),
    );
  }

  async page(generation?: number): Promise<FoundPage> {
    const page = await this.store.readLog({ key: KEY, generation, after: 0, maxEvents: 99, maxBytes: 9_999 });
    if (!page.found) throw new Error('The generation is not kept.');
    return page;
  }
}

/** Events by sequence; `r` and the revision for an announcement of the record, behind where it says the log ends. */
function textOf({ revision, events, firstSequence, lastSequence }: Frame): string {
  if (revision === undefined) return `${firstSequence}-${lastSequence}`;
  expect(events).toEqual([]);
  expect(firstSequence).toBe(lastSequence + 1);
  return `${lastSequence}r${revision}`;
}

export const revisionContracts: readonly Contract[] = [
  {
    id: 'L61',
    title:
      'each change of metadata raises the revision by one and is announced; usage and events alone are not',
    async run(h) {
      const desk = new HeardDesk(h);
      const created = await desk.created({ metadata: { a: '1' } });
      expect(created.revision).toBe(0);
      const leave = await desk.listen();
      const patch = (number: number, rest: object) => ({ patch: { number, ...rest } });
      const titled = desk.batch(created, 2, 0, patch(1, { metadata: { a: '2' } }));
      expect((await desk.made(desk.store.commit(titled))).revision).toBe(1);
      const counted = desk.batch(created, 2, 2, patch(2, { usage: { tokens: 1 }, conversationId: 'c' }));
      expect((await desk.made(desk.store.commit(counted))).revision).toBe(1);
      const both = desk.batch(created, 4, 1, patch(3, { metadata: { b: '1' } }));
      expect(await desk.made(desk.store.commit(both))).toMatchObject({ revision: 2, lastSequence: 4 });
      expect(await desk.made(desk.store.commit(both)), 'a repeat').toMatchObject({ revision: 2 });
      const end = desk.end({ ...created, lastSequence: 4 }, 'complete', patch(4, { metadata: { c: '1' } }));
      // The end is a change of the settlement, too, which its event tells.
      expect((await desk.made(desk.store.commit(end))).revision).toBe(4);
      await h.until(() => desk.heard.length >= 6, 'all is heard');
      expect(desk.heard).toEqual(['1r1', '2-3', '3r2', '4-4', '4r4', '5-5']);
      await leave();
    },
  },
  {
    id: 'L61',
    title:
      'a step of the settlement raises the revision, and is announced when it is seen: a renewed claim is not',
    async run(h) {
      const desk = new HeardDesk(h);
      const running = await desk.created();
      const leave = await desk.listen();
      const end = desk.end(running, 'complete', {});
      const settles = { ...end, transition: end.transition && { ...end.transition, settles: true } };
      let record = await desk.made(desk.store.commit(settles));
      expect(record.revision).toBe(1);
      const claim = { tries: 1, notBeforeMs: 60_000, claimed: true } as const;
      record = await desk.step(record, claim);
      expect(record.revision).toBe(2);
      record = await desk.step(record, claim);
      expect(record.revision).toBe(3);
      record = await desk.step(record, { tries: 1, notBeforeMs: 60_000 });
      expect(record.revision).toBe(4);
      record = await desk.step(record, { state: 'set_aside', tries: 2 });
      // Tried again, what was set aside stays so.
      record = await desk.step(record, { state: 'set_aside', tries: 3, notBeforeMs: 60_000, claimed: true });
      record = await desk.step(record, { state: 'settled', tries: 3 });
      expect(record.revision).toBe(7);
      await h.until(() => desk.heard.at(-1) === '2r7', 'the last step is heard');
      expect(desk.heard).toEqual(['2-2', '2r2', '2r4', '2r5', '2r7']);
      await leave();
    },
  },
  {
    id: 'L61',
    title: 'a claim that has lapsed is shown as open, and the next one is announced',
    async run(h) {
      const desk = new HeardDesk(h);
      const running = await desk.created();
      let record = await desk.made(desk.store.commit(desk.other(running, 'abort', { settles: true })));
      record = await desk.step(record, { tries: 1, notBeforeMs: 100, claimed: true });
      await h.until(() => desk.store.now() > record.settlement.notBefore, 'the claim has lapsed');
      const leave = await desk.listen();
      record = await desk.step(record, { tries: 2, notBeforeMs: 60_000, claimed: true });
      await h.until(() => desk.heard.length > 0, 'the claim is heard');
      expect(desk.heard).toEqual(['2r3']);
      await leave();
    },
  },
  {
    id: 'L61',
    title: 'a log page names the revision and the settlement of the generation it is of, current or not',
    async run(h) {
      const desk = new HeardDesk(h);
      const ended = await inStatus(desk, 'completed');
      expect(await desk.page()).toMatchObject({ revision: 1, settlement: ended.settlement });
      const generation = { generation: ended.generation };
      const second = await desk.created();
      const named = desk.batch(second, 2, 0, { patch: { number: 1, metadata: { a: '1' } } });
      await desk.made(desk.store.commit(named));
      expect(await desk.page()).toMatchObject({ revision: 1, settlement: { state: 'settled', revision: 0 } });
      expect(await desk.page(ended.generation)).toMatchObject({
        ...generation,
        ...{ revision: 1, settlement: { state: 'settled', revision: 1 } },
      });
      const replaces = {
        generation: second.generation,
        end: { event: 'aborted', data: '{}' },
        error: { code: 'replaced', message: 'x', retryable: false },
      };
      await desk.created({ replaces, settles: true });
      expect(await desk.page()).toMatchObject({ revision: 0 });
      const replaced = await desk.page(second.generation);
      expect(replaced).toMatchObject({ revision: 2, settlement: { state: 'open', revision: 1 } });
      const [record] = await desk.store.read(KEY, second.generation);
      expect(record?.revision).toBe(2);
      const leave = await desk.listen();
      await desk.step(record as JobRecord, { state: 'settled', tries: 1 });
      expect((await desk.page(second.generation)).revision).toBe(3);
      await h.until(() => desk.heard.length > 0, 'a step of one that is not current is heard');
      expect(desk.heard).toEqual([`${record?.lastSequence}r3`]);
      await leave();
    },
  },
];
