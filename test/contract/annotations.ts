/**
 * What a host adds to a generation from anywhere: metadata and notes, in any state that is kept, without a fence and within
 * bounds that the store checks on the record.
 */
import type { JobRecord } from 'generation-jobs';
import type { AnnotationCommit, CommitReply, FoundPage, Frame } from 'generation-jobs/ports';
import { callId, Desk, inStatus, KEY } from './desk.js';
import type { Contract, Harness } from './harness.js';
import { expect } from './tools.js';

const BOUNDS = { metadataBytes: 1_000, notes: 4, notesBytes: 1_000 };

/** A desk at which generations are annotated. */
class NoteDesk extends Desk {
  annotation(record: JobRecord, over: Partial<AnnotationCommit> = {}): AnnotationCommit {
    const { generation } = record;
    return {
      ...{ writer: 'annotator', key: KEY, generation, callId: callId(), bounds: BOUNDS },
      ...{ metadata: {}, notes: [] },
      ...over,
    };
  }

  async annotated(record: JobRecord, over: Partial<AnnotationCommit>): Promise<JobRecord> {
    const reply = await this.ok(this.store.commit(this.annotation(record, over)));
    return reply.record as JobRecord;
  }

  refused(record: JobRecord, over: Partial<AnnotationCommit>): Promise<string> {
    return this.refusal(this.store.commit(this.annotation(record, over)));
  }

  async page(generation?: number): Promise<FoundPage> {
    const page = await this.store.readLog({ key: KEY, generation, after: 0, maxEvents: 99, maxBytes: 9_999 });
    if (!page.found) throw new Error('The generation is not kept.');
    return page;
  }

  async current(generation?: number): Promise<JobRecord> {
    const [record] = await this.store.read(KEY, generation ?? 'current');
    return record as JobRecord;
  }
}

const note = (key: string, data: unknown, event = 'n') => ({ key, event, data: JSON.stringify(data) });
const told = ({ notes }: JobRecord) =>
  notes.map(({ key, data, revision }) => `${key}=${JSON.stringify(data)}@${revision}`);

/** What of a record an annotation must leave as it is. */
function rest({ metadata: _, notes: __, revision: ___, ...record }: JobRecord): object {
  return record;
}

async function heard(h: Harness, frames: Frame[]): Promise<() => Promise<void>> {
  const transport = h.backend.connect().eventTransport;
  await transport.start();
  const stop = await transport.subscribe(KEY, {
    onFrame: (frame) => void frames.push(frame),
    onGone() {},
    onReset() {},
  });
  return async () => {
    await stop();
    await transport.close();
  };
}

export const annotationStoreContracts: readonly Contract[] = [
  {
    id: 'L86',
    title:
      'in each state an annotation writes metadata and notes and raises the revision, and moves no sequence, fence or time',
    async run(h) {
      const desk = new NoteDesk(h);
      for (const status of ['running', 'requires_action', 'completed', 'failed', 'aborted'] as const) {
        await inStatus(desk, status);
        const before = await desk.current();
        const metadata = { title: '"A"', none: 'null' };
        const after = await desk.annotated(before, { metadata, notes: [note('id', { id: 7 }, 'saved')] });
        expect(rest(after), status).toEqual(rest(before));
        expect(after.metadata).toEqual({ title: 'A', none: null });
        expect(after.notes).toEqual([
          { key: 'id', event: 'saved', data: { id: 7 }, revision: before.revision + 1 },
        ]);
        expect(after.revision).toBe(before.revision + 1);
        expect(await desk.current()).toEqual(after);
        expect(await desk.page()).toMatchObject({
          revision: after.revision,
          changedRevision: after.revision,
          lastSequence: before.lastSequence,
        });
        await desk.store.delete(KEY);
      }
    },
  },
  {
    id: 'L86',
    title: 'a generation that is not current any more is annotated; one that is not kept is gone',
    async run(h) {
      const desk = new NoteDesk(h);
      const first = await inStatus(desk, 'completed');
      const second = await desk.created();
      const replaces = {
        generation: second.generation,
        end: { event: 'aborted', data: '{}' },
        error: { code: 'replaced', message: 'x', retryable: false },
      };
      const third = await desk.created({ replaces, settles: true });
      const others = [await desk.current(second.generation), await desk.current(third.generation)];
      const metadata = { b: '1', a: '{"deep":[]}' };
      const after = await desk.annotated(first, { metadata, notes: [note('k', [])] });
      expect(Object.entries(after.metadata)).toEqual([
        ['b', 1],
        ['a', { deep: [] }],
      ]);
      expect(await desk.current(first.generation)).toEqual(after);
      expect(await desk.current(second.generation)).toEqual(others[0]);
      expect(await desk.current(third.generation)).toEqual(others[1]);
      expect(await desk.page(first.generation)).toMatchObject({ revision: 2, changedRevision: 2 });
      expect(await desk.refused({ ...first, generation: 7 }, { notes: [note('k', 1)] })).toBe('gone');
      await desk.store.delete(KEY);
      expect(await desk.refused(first, { notes: [note('k', 1)] })).toBe('gone');
      expect(await desk.all()).toEqual({ kept: [], pages: [] });
    },
  },
  {
    id: 'L86',
    title:
      'the last note of a key wins, has the revision it was written at, and stands in that order; null takes it away',
    async run(h) {
      const desk = new NoteDesk(h);
      const record = await desk.created();
      await desk.annotated(record, { notes: [note('b', 1), note('a', 1), note('c', 'it’s null')] });
      expect(told(await desk.current())).toEqual(['b=1@1', 'a=1@1', 'c="it’s null"@1']);
      await desk.annotated(record, { notes: [note('b', 2)] });
      expect(told(await desk.current())).toEqual(['a=1@1', 'c="it’s null"@1', 'b=2@2']);
      await desk.annotated(record, { notes: [note('a', null), note('nothing', null)] });
      expect(told(await desk.current())).toEqual(['c="it’s null"@1', 'b=2@2', 'a=null@3']);
      await desk.annotated(record, { notes: [note('a', 3)] });
      expect(told(await desk.current())).toEqual(['c="it’s null"@1', 'b=2@2', 'a=3@4']);
    },
  },
  {
    id: 'L86',
    title: 'what is already so, and a repeat after others have written, change nothing and announce nothing',
    async run(h) {
      const desk = new NoteDesk(h);
      const record = await desk.created({ metadata: { a: '1' } });
      const first = desk.annotation(record, { metadata: { a: '2' }, notes: [note('k', 1)] });
      await desk.ok(desk.store.commit(first));
      const second = await desk.annotated(record, { metadata: { a: '3' }, notes: [note('k', 2)] });
      const frames: Frame[] = [];
      const leave = await heard(h, frames);
      for (const repeat of [
        first,
        desk.annotation(record, { metadata: { a: '3' }, notes: [note('k', 2)] }),
      ]) {
        const reply = await desk.ok(desk.store.commit(repeat));
        expect(reply.record).toEqual(second);
        expect(reply.frames).toEqual([]);
      }
      const frame = await desk.ok(desk.store.commit(desk.annotation(record, { metadata: { a: '4' } })));
      for (const one of frame.frames) frames.push(one);
      await h.until(() => frames.length > 0, 'the change is heard');
      expect(frames).toMatchObject([{ events: [], revision: 3, changedRevision: 3, lastSequence: 1 }]);
      await leave();
    },
  },
  {
    id: 'L86',
    title: 'a settlement’s step leaves the revision at which metadata and notes last changed as it was',
    async run(h) {
      const desk = new NoteDesk(h);
      await inStatus(desk, 'completed');
      const record = await desk.current();
      expect(await desk.page()).toMatchObject({ revision: 1, changedRevision: 0 });
      const frames: Frame[] = [];
      const leave = await heard(h, frames);
      await desk.annotated(record, { notes: [note('k', 1)] });
      const { revision, tries } = record.settlement;
      const step = { state: 'set_aside' as const, tries, notBeforeMs: 0, revision };
      const { generation } = record;
      const reply = await desk.ok(desk.store.commit({ writer: 'settler', key: KEY, generation, ...step }));
      for (const one of reply.frames) frames.push(one);
      expect(await desk.page()).toMatchObject({ revision: 3, changedRevision: 2 });
      await h.until(() => frames.at(-1)?.revision === 3, 'the step is heard');
      expect(frames.at(-1)).toMatchObject({ revision: 3, changedRevision: 2 });
      await leave();
    },
  },
  {
    id: 'L86',
    title:
      'what would make metadata or notes larger than their bounds is refused whole; what makes them no larger is taken',
    async run(h) {
      const desk = new NoteDesk(h);
      const record = await desk.created({ metadata: { ü: '"ü"' } }); // 2 and 4 bytes
      const exact = { ...BOUNDS, metadataBytes: 6 + 4, notesBytes: 3 * (1 + 1 + 1) };
      const both = {
        metadata: { b: '123' },
        notes: [note('1', 1), note('2', 2), note('3', 3)],
        bounds: exact,
      };
      await desk.annotated(record, both);
      const before = await desk.current();
      const attempts: [Partial<AnnotationCommit>, string][] = [
        [{ metadata: { b: '1234' }, notes: [note('1', 9)] }, 'metadata'],
        [{ metadata: { b: '9' }, notes: [note('1', 10)] }, 'notes'],
        [{ notes: [note('4', 4)] }, 'notes'],
        [{ notes: [note('4', 4)], bounds: { ...exact, notesBytes: 1_000, notes: 3 } }, 'notes'],
      ];
      for (const [over, refusal] of attempts) {
        expect(await desk.refused(record, { bounds: exact, ...over })).toBe(refusal);
        expect(await desk.current()).toEqual(before);
      }
      // A bound that was lowered since stands in nobody's way who makes it smaller.
      const none = { metadataBytes: 0, notes: 0, notesBytes: 0 };
      await desk.annotated(record, {
        metadata: { b: '9' },
        notes: [note('1', 9), note('2', null)],
        bounds: none,
      });
      expect(told(await desk.current())).toEqual(['3=3@1', '1=9@2']);
      expect(await desk.refused(record, { notes: [note('2', 2)], bounds: none })).toBe('notes');
    },
  },
  {
    id: 'L86',
    title: 'of the notes that were taken away those of longest ago are forgotten to make room',
    async run(h) {
      const desk = new NoteDesk(h);
      const record = await desk.created();
      for (const key of ['d', 'c', 'b', 'a']) await desk.annotated(record, { notes: [note(key, 1)] });
      await desk.annotated(record, { notes: [note('b', null)] });
      await desk.annotated(record, { notes: [note('c', null), note('a', null)] });
      await desk.annotated(record, { notes: [note('e', 1)] });
      expect(told(await desk.current())).toEqual(['d=1@1', 'c=null@6', 'a=null@6', 'e=1@7']);
      await desk.annotated(record, { notes: [note('f', 1), note('g', 1)] });
      expect(told(await desk.current())).toEqual(['d=1@1', 'e=1@7', 'f=1@8', 'g=1@8']);
      expect(await desk.refused(record, { notes: [note('h', 1)] })).toBe('notes');
    },
  },
  {
    id: 'L86',
    title:
      'annotators that race with a producer’s patches, its end and a replacement lose nothing, and nobody is refused',
    async run(h) {
      // Each has some thirty writers.
      for (let round = 0; round < h.backend.rounds / 10; round++) {
        const desk = new NoteDesk(h);
        const record = await desk.created();
        const bounds = { metadataBytes: 10_000, notes: 50, notesBytes: 10_000 };
        const commits: Promise<CommitReply>[] = [];
        let sequence = 1;
        let patches = 0;
        const annotators = Array.from({ length: 20 }, (_, at) => ({
          metadata: { [`a${at}`]: `${at}`, shared: `"a${at}"` },
          notes: [note(`n${at}`, at), note('shared', at)],
        }));
        const producing = (async () => {
          for (; patches < 5; ) {
            const patch = { number: ++patches, metadata: { [`p${patches}`]: '1', shared: '"p"' } };
            await desk.ok(desk.store.commit(desk.batch(record, sequence + 1, 2, { patch })));
            sequence += 2;
          }
          const last = { ...record, lastSequence: sequence };
          if (round % 2 === 0) await desk.ok(desk.store.commit(desk.end(last, 'complete')));
          const end = { event: 'aborted', data: '{}' };
          const error = { code: 'replaced', message: 'x', retryable: false };
          await desk.created({ replaces: { generation: record.generation, end, error } });
        })();
        for (const over of annotators) {
          commits.push(desk.store.commit(desk.annotation(record, { ...over, bounds })));
          if (h.random() < 0.5) await commits.at(-1);
        }
        await producing;
        expect((await Promise.all(commits)).every(({ ok }) => ok)).toBe(true);
        const after = await desk.current(record.generation);
        for (let at = 0; at < 20; at++) expect(after.metadata[`a${at}`]).toBe(at);
        for (let at = 1; at <= 5; at++) expect(after.metadata[`p${at}`]).toBe(1);
        expect(after.notes.length).toBe(21);
        expect(after.lastSequence).toBe(12);
        // Each of 20 annotations and 5 patches, and the end.
        expect(after.revision).toBe(26);
        await desk.store.delete(KEY);
      }
    },
  },
];
