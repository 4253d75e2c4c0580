/**
 * `manager.annotate`: a title that comes later, an id that is known once the message is saved; written from any replica, read
 * by everybody, gone with the stream.
 */
import { GenerationJobError, type JobRecord } from 'generation-jobs';
import { streamKey } from 'generation-jobs/ports';
import { wrapStore } from 'generation-jobs/testing';
import { text } from './follower.js';
import { type Contract, expectCode, RENEWS_SELDOM } from './harness.js';
import { expect } from './tools.js';

const refuse = (code: string, call: () => Promise<unknown>) => expectCode(call(), code);
const saved = (id: number) => ({ key: 'saved', event: 'saved', data: { id } });

export const annotationContracts: readonly Contract[] = [
  {
    id: 'L87',
    title:
      'a resume state has the notes by key, and what is kept has them behind the kept events, without a cursor; taken away, they are gone',
    async run(h) {
      const [one, two] = await h.two({
        hooks: { publicMetadata: ({ metadata }) => ({ title: `${metadata.title}` }) },
      });
      const job = await h.start(one, { contentModel: 'text' });
      void job.emit({ event: 'gauge', data: 1, keep: 'gauge' });
      void job.emit({ event: 'draft', data: 'half', keep: 'saved' });
      await h.soon(job.flush());
      const notes = [{ key: 'sources', event: 'sources', data: [1] }, saved(7)];
      const record = await two.manager.annotate('s', { metadata: { title: 'T', secret: 1 }, notes });
      expect(record).toMatchObject({ generation: job.generation, metadata: { title: 'T' }, revision: 1 });
      const state = await one.manager.getResumeState('s');
      expect(state).toMatchObject({ metadata: { title: 'T', secret: 1 }, revision: 1 });
      expect(state?.notes).toEqual(notes);
      // A note stands for a kept event of the same key.
      expect(state?.kept).toEqual([
        { key: 'gauge', event: 'gauge', data: 1, cursor: `${job.generation}-2` },
        ...notes,
      ]);
      const shown = await two.manager.getPublicState('s');
      expect(shown).toMatchObject({ metadata: { title: 'T' }, kept: state?.kept ?? [], notes });
      const follower = h.follow(one, { resume: true });
      await h.until(() => follower.events.length > 0, 'a sync');
      expect(follower.events[0]?.data).toMatchObject({
        metadata: { title: 'T' },
        kept: state?.kept ?? [],
        notes,
      });
      follower.leave();
      const taken = await one.manager.annotate('s', { notes: [{ ...saved(0), data: null }] });
      expect(taken.notes.at(-1)).toEqual({ key: 'saved', event: 'saved', data: null, revision: 2 });
      const after = await two.manager.getResumeState('s');
      expect(after?.notes.map(({ key }) => key)).toEqual(['sources']);
      expect(after?.kept.map(({ key, data }) => [key, data])).toEqual([
        ['gauge', 1],
        ['saved', 'half'],
        ['sources', [1]],
      ]);
      await h.soon(job.complete());
    },
  },
  {
    id: 'L87',
    title: 'it is fenced by generation and by whose stream it is, and no producer of it is disturbed',
    async run(h) {
      const [one, two] = await h.two({ options: RENEWS_SELDOM });
      const first = await h.start(one);
      await h.soon(first.complete());
      const job = await h.start(one);
      void job.emit(text('a'));
      await h.soon(
        two.manager.annotate('s', { generation: first.generation, userId: 'u', notes: [saved(1)] }),
      );
      await h.soon(two.manager.annotate('s', { userId: 'u', notes: [saved(2)] }));
      const kept = await one.manager.getJob('s', { generation: first.generation });
      expect(kept?.notes.map(({ data }) => data)).toEqual([{ id: 1 }]);
      for (const over of [{ userId: 'v' }, { generation: 5 }, { tenantId: 't' }]) {
        await refuse('stream_not_found', () => two.manager.annotate('s', { ...over, notes: [saved(3)] }));
      }
      await refuse('stream_not_found', () => two.manager.annotate('none', { notes: [saved(3)] }));
      void job.emit(text('b'));
      await h.soon(job.update({ metadata: { mine: 1 } }));
      await h.soon(job.complete());
      const record = await two.manager.getJob('s');
      expect(record).toMatchObject({
        status: 'completed',
        attempt: 1,
        lastSequence: 4,
        metadata: { mine: 1 },
      });
      expect(record?.notes.map(({ data }) => data)).toEqual([{ id: 2 }]);
    },
  },
  {
    id: 'L87',
    title:
      'a malformed note is refused by name, a bound of the record by its code, and nothing of it is written',
    async run(h) {
      const limits = { metadataBytes: 100, notes: 2, notesBytes: 100, eventBytes: 90, jsonDepth: 3 };
      const replica = await h.replica({ options: { limits } });
      const job = await h.start(replica, { metadata: { a: 'x'.repeat(60) } });
      const good = [saved(1), { key: 'b', event: 'b', data: 1 }];
      await h.soon(replica.manager.annotate('s', { notes: good }));
      const refused: [string, object][] = [
        ['invalid_argument', { key: '', event: 'n', data: 1 }],
        ['invalid_argument', { key: 'a b', event: 'n', data: 1 }],
        ['invalid_argument', { key: 'k', event: 'n', data: 1, keep: 'k' }],
        ['invalid_event', { key: 'k', event: 'a\nb', data: 1 }],
        ['invalid_event', { key: 'k', event: 'n', data: () => {} }],
        ['reserved_event', { key: 'k', event: 'completed', data: 1 }],
        ['reserved_event', { key: 'k', event: 'updated', data: 1 }],
        ['json_too_deep', { key: 'b', event: 'n', data: [[[[1]]]] }],
        ['event_too_large', { key: 'b', event: 'n', data: 'x'.repeat(90) }],
        ['notes_limit', { key: 'c', event: 'n', data: 1 }],
        ['notes_limit', { key: 'b', event: 'n', data: 'x'.repeat(85) }],
      ];
      for (const [code, note] of refused) {
        const input = { metadata: { written: true }, notes: [note] } as never;
        await refuse(code, () => replica.manager.annotate('s', input));
      }
      for (const metadata of [{ b: 'x'.repeat(40) }, { b: 'x'.repeat(101) }])
        await refuse('metadata_too_large', () =>
          replica.manager.annotate('s', { metadata, notes: [saved(2)] }),
        );
      const record = await replica.manager.getJob('s');
      expect(record).toMatchObject({ metadata: { a: 'x'.repeat(60) }, revision: 1 });
      expect(record?.notes.map(({ data }) => data)).toEqual([{ id: 1 }, 1]);
      // Nothing at all is no mistake, and no change.
      expect(await h.soon(replica.manager.annotate('s', {}))).toEqual(record);
      await h.soon(job.complete());
    },
  },
  {
    id: 'L87',
    title:
      'what others have written beyond it stands in the way of no attempt: each writer keeps to its own bound',
    async run(h) {
      const options = { limits: { metadataBytes: 200 } };
      const [one, two] = await h.two({ options });
      const job = await h.start(one, { metadata: { a: 'x'.repeat(100) } });
      await h.soon(two.manager.annotate('s', { metadata: { b: 'y'.repeat(80) } }));
      // The producer does not know of `b`.
      await h.soon(job.update({ metadata: { c: 'z'.repeat(80) } }));
      await refuse('metadata_too_large', () => job.update({ metadata: { d: 'x'.repeat(80) } }));
      await h.soon(job.pause({ type: 'checkpoint', actionId: 'q' }));
      const { job: next } = await h.soon(two.manager.approvals.resolve('s', { actionId: 'q', by: 'u' }));
      expect(await two.manager.getJob('s')).toMatchObject({
        metadata: { b: 'y'.repeat(80), c: 'z'.repeat(80) },
      });
      await refuse('metadata_too_large', () => next.update({ metadata: { d: 1 } }));
      await refuse('metadata_too_large', () => one.manager.annotate('s', { metadata: { d: 1 } }));
      await h.soon(one.manager.annotate('s', { metadata: { b: null } }));
      await h.soon(next.update({ metadata: { a: 1, c: 2 } }));
      expect((await two.manager.getJob('s'))?.metadata).toEqual({ a: 1, c: 2, b: null });
      await h.soon(next.complete());
    },
  },
  {
    id: 'L87',
    title: 'a call whose answer was lost is made again, and takes nothing from who has written meanwhile',
    async run(h) {
      let lost = 0;
      const other = await h.replica();
      const replica = await h.replica({
        wrapStore: (store) =>
          wrapStore(store, async ({ method, args }, perform) => {
            const reply = await perform();
            if (method !== 'commit' || (args[0] as { writer: string }).writer !== 'annotator' || lost++ > 0)
              return reply;
            await other.manager.annotate('s', { notes: [saved(2)] });
            throw new GenerationJobError('unavailable', 'The answer was lost.');
          }),
      });
      const job = await h.start(other);
      const record = await h.soon(replica.manager.annotate('s', { notes: [saved(1)] }));
      expect(lost).toBe(2);
      expect(record.notes).toEqual([{ ...saved(2), revision: 2 }]);
      await h.soon(job.complete());
    },
  },
  {
    id: 'L87',
    title: 'a settlement is given what was annotated before its claim, and how annotations went is counted',
    async run(h) {
      const settled: JobRecord[] = [];
      const counted: string[] = [];
      const replica = await h.replica({
        hooks: { settle: ({ record }) => void settled.push(record) },
        observer: { annotated: (result) => void counted.push(result) },
        options: { limits: { notes: 1 } },
      });
      const job = await h.start(replica);
      await h.soon(replica.manager.annotate('s', { metadata: { title: 'T' }, notes: [saved(1)] }));
      const another = { key: 'k', event: 'n', data: 1 };
      await refuse('notes_limit', () => replica.manager.annotate('s', { notes: [another] }));
      await refuse('stream_not_found', () => replica.manager.annotate('none', { notes: [another] }));
      await refuse('invalid_event', () =>
        replica.manager.annotate('s', { notes: [{ ...another, event: '' }] }),
      );
      await h.soon(job.complete());
      await h.until(() => settled.length === 1, 'the settlement');
      expect(settled[0]).toMatchObject({ metadata: { title: 'T' }, notes: [saved(1)] });
      expect(counted).toEqual(['written', 'too_large', 'not_found', 'failed']);
    },
  },
  {
    id: 'L87',
    title: 'a run that a key remembers is remembered without notes, and a deleted user leaves none',
    timesLapse: true,
    async run(h) {
      const replica = await h.replica({ options: { retentionMs: 1_500 } });
      const job = await h.start(replica, { idempotencyKey: 'k' });
      await h.soon(job.complete());
      await h.soon(replica.manager.annotate('s', { metadata: { title: 'T' }, notes: [saved(1)] }));
      await h.until(async () => (await replica.manager.getJob('s')) === null, 'it is dropped');
      const again = await replica.manager.createJob({ streamId: 's', userId: 'u', idempotencyKey: 'k' });
      expect(again).toMatchObject({ started: false, record: { metadata: {}, notes: [] } });
      const next = await h.start(replica, { streamId: 'two' });
      await h.soon(replica.manager.annotate('two', { notes: [saved(2)] }));
      await h.soon(replica.manager.deleteUser({ userId: 'u' }));
      await h.until(() => next.signal.aborted, 'the producer stops');
      expect(await h.store.read(streamKey('two'), 'kept')).toEqual([]);
      await refuse('stream_not_found', () => replica.manager.annotate('two', { notes: [saved(3)] }));
      expect(await h.store.read(streamKey('two'), 'kept')).toEqual([]);
    },
  },
];
