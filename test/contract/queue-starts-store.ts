/**
 * The create that starts a run which waits: it takes the run and makes its generation in one step, once, whoever asks and however
 * often. And the slots a user's streams wait for.
 */
import { type CreateReply, userKey } from 'generation-jobs/ports';
import { firstReplies, lossyStore } from 'generation-jobs/testing';
import { inStatus, KEY, lifecycle } from './desk.js';
import type { Contract } from './harness.js';
import { QueueDesk } from './queue-desk.js';
import { expect } from './tools.js';

const REPLACED = { code: 'replaced', message: '', retryable: false };

/** The generation that a start has made, or found. */
function generationIn(reply: CreateReply): number {
  if (!('record' in reply)) throw new Error(`There is none: ${reply.outcome}`);
  return reply.record.generation;
}

const startContracts: readonly Contract[] = [
  {
    id: 'L161',
    title: 'a create starts the run that its call id names, which leaves the queue in the same step',
    async run(h) {
      const desk = new QueueDesk(h);
      const { revision } = await desk.added(['a', 'b', 'c']);
      const reply = await desk.start('b');
      expect(reply).toMatchObject({ outcome: 'created', record: { createId: 'b', fromQueue: true } });
      expect(await desk.waiting()).toBe('a c');
      const after = await desk.state();
      expect(after.revision).toBeGreaterThan(revision);
      const [record] = await desk.store.read(KEY, 'current');
      expect(record).toEqual((reply as { record?: unknown }).record);
      await desk.ok(desk.store.commit(desk.end(record as never, 'complete')));
      // A create of the host's own takes nothing, not even under the id of a run.
      const own = await desk.created({ callId: 'own' });
      expect(own.fromQueue).toBeUndefined();
      expect(await desk.state()).toEqual(after);
      const [newest, kept] = await desk.store.read(KEY, 'kept');
      expect([newest?.fromQueue, kept?.fromQueue, kept?.createId]).toEqual([undefined, true, 'b']);
      await desk.ok(desk.store.commit(desk.end(own, 'complete')));
      expect((await desk.start('a')).outcome).toBe('created');
      expect(await desk.waiting()).toBe('c');
    },
  },
  {
    id: 'L161',
    title: 'of starts of one run that race, one gets it, and the others learn which generation it is',
    async run(h) {
      const desk = new QueueDesk(h);
      for (let round = 0; round < h.backend.rounds; round++) {
        await desk.added(['a', 'b']);
        const starts = ['one', 'two', 'three', 'four'].map((startId) => desk.start('a', startId));
        const replies = await Promise.all(starts);
        const outcomes = replies.map(({ outcome }) => outcome).toSorted();
        expect(outcomes).toEqual(['created', 'started', 'started', 'started']);
        expect(new Set(replies.map(generationIn)).size).toBe(1);
        expect(await desk.waiting()).toBe('b');
        await desk.store.delete(KEY);
        await desk.store.queues.drop(KEY);
      }
    },
  },
  {
    id: 'L161',
    title:
      'a start whose answer was lost is made again, whatever the generation has come to; another start is not it',
    async run(h) {
      const desk = new QueueDesk(h);
      await desk.added(['a', 'b']);
      const lossy = lossyStore(desk.store, firstReplies('create', 1));
      const request = desk.starting('a', 'one');
      expect(await lossy.create(request).catch(() => 'lost')).toBe('lost');
      const first = await lossy.create(request);
      expect(first).toMatchObject({ outcome: 'created', record: { createId: 'a' } });
      expect(await desk.waiting()).toBe('b');
      const generation = generationIn(first);
      const replaces = { generation, end: lifecycle('aborted'), error: REPLACED };
      expect(await desk.start('b', 'two', { replaces })).toMatchObject({ outcome: 'created' });
      const before = await desk.all();
      for (const [startId, outcome] of [
        ['one', 'created'],
        ['two', 'started'],
      ] as const) {
        // The run does not come back with what comes late.
        const late = await desk.start('a', startId, { notAfter: 0 });
        expect(late).toMatchObject({ outcome, record: { generation, status: 'aborted', fromQueue: true } });
      }
      expect(await desk.all()).toEqual(before);
      expect(await desk.waiting()).toBe('');
    },
  },
  {
    id: 'L161',
    title: 'a start of what does not wait, or may not begin, is refused for its reason and takes nothing',
    async run(h) {
      const desk = new QueueDesk(h);
      expect(await desk.refused('a'), 'no queue').toBe('unqueued');
      await desk.added(['a', 'b', 'c']);
      await desk.changed({ name: 'cancel', queueId: 'c' });
      expect(await desk.refused('c'), 'cancelled').toBe('unqueued');
      expect(await desk.refused('a', { notAfter: 1 })).toBe('expired');
      expect(await desk.refused('a', { userId: 'v' }), 'another’s queue').toBe('unqueued');
      const record = await inStatus(desk, 'running');
      expect(await desk.refused('a', { userId: 'v' }), 'another’s stream').toBe('taken');
      expect(await desk.refused('a')).toBe('conflict');
      expect(await desk.refused('a', { expects: null })).toBe('unexpected');
      expect(await desk.refused('c'), 'beside one that is active').toBe('unqueued');
      await desk.ok(desk.store.commit(desk.end(record, 'complete')));
      const keyed = await desk.created({ idempotencyKey: 'k' });
      await desk.ok(desk.store.commit(desk.end(keyed, 'complete')));
      expect(await desk.refused('a', { idempotencyKey: 'k' })).toBe('joined');
      expect(await desk.refused('a', { expects: record })).toBe('unexpected');
      expect(await desk.waiting()).toBe('a b');
      expect((await desk.start('a', 'one', { expects: keyed })).outcome).toBe('created');
      expect(await desk.waiting()).toBe('b');
    },
  },
  {
    id: 'L161',
    title: 'a run that is cancelled while it starts is either: never both, and never neither',
    async run(h) {
      const desk = new QueueDesk(h);
      for (let round = 0; round < h.backend.rounds; round++) {
        await desk.added(['a']);
        const step = { name: 'cancel', queueId: 'a' } as const;
        const calls = [() => desk.start('a'), () => desk.change(step)] as const;
        const [begun, cancelled] =
          round % 2
            ? await Promise.all([calls[0](), calls[1]()])
            : (await Promise.all([calls[1](), calls[0]()])).toReversed();
        const outcomes = `${begun?.outcome} ${cancelled?.outcome}`;
        expect(['created unknown', 'unqueued ok']).toContain(outcomes);
        expect(await desk.waiting()).toBe('');
        await desk.store.delete(KEY);
        await desk.store.queues.drop(KEY);
      }
    },
  },
];

const slotContracts: readonly Contract[] = [
  {
    id: 'L163',
    title:
      'a stream that is refused a slot may wait for one: who gives one back is told of those that wait longest',
    async run(h) {
      const { slots } = h.store;
      const user = userKey('u');
      const slot = { holder: '1', limit: 2, forMs: 60_000 };
      const take = (streamId: string, awaitsMs?: number) => slots.take(user, { ...slot, streamId, awaitsMs });
      const give = (streamId: string, holder = '1') => slots.give(user, { streamId, holder });
      expect([await take('a', 9_000), await take('b')]).toEqual([true, true]);
      expect(await give('x'), 'nobody waits').toEqual([]);
      expect([await take('z', 9_000), await take('y')]).toEqual([false, false]);
      await h.advance(5);
      expect(await take('c', 9_000)).toBe(false);
      await h.advance(5);
      expect(await take('z', 9_000), 'asking again').toBe(false);
      expect(await give('a', 'another’s')).toEqual(['z', 'c']);
      expect(await take('y'), 'nothing was given').toBe(false);
      expect(await give('a')).toEqual(['z', 'c']);
      expect(await give('a'), 'made again').toEqual(['z', 'c']);
      // Those that wait hold nothing, and a slot goes to whoever asks first.
      expect([await take('y'), await take('z', 9_000)]).toEqual([true, false]);
      await give('y');
      expect(await take('z', 9_000)).toBe(true);
      expect(await give('b'), 'it waits no longer').toEqual(['c']);
      // A stream that holds a slot goes on holding it, whatever the limit has become.
      await take('b');
      expect(await slots.take(user, { ...slot, streamId: 'b', limit: 1, awaitsMs: 9_000 })).toBe(false);
      expect(await give('x')).toEqual(['c']);
      expect(await take('y')).toBe(false);
      await slots.clear(user);
      expect(await give('x')).toEqual([]);
    },
  },
  {
    id: 'L163',
    title:
      'a stream waits for a slot for as long as it has said, each user’s by themselves, and ten are named at most',
    timesLapse: true,
    async run(h) {
      const { slots } = h.store;
      const user = userKey('u');
      const slot = { holder: '1', limit: 1, forMs: 60_000 };
      const wait = (streamId: string, awaitsMs: number, of = user) =>
        slots.take(of, { ...slot, streamId, awaitsMs });
      await slots.take(user, { ...slot, streamId: 'a' });
      const names = Array.from({ length: 12 }, (_, n) => `w${10 + n}`);
      for (const name of names) expect(await wait(name, 60_000)).toBe(false);
      expect(await slots.give(user, { streamId: 'x', holder: '1' })).toEqual(names.slice(0, 10));
      await slots.clear(user);
      await slots.take(user, { ...slot, streamId: 'a', forMs: 1_500 });
      expect([await wait('b', 300), await wait('c', 20_000)]).toEqual([false, false]);
      expect(await wait('b', 300, userKey('u', 't')), 'another tenant').toBe(true);
      await h.advance(310);
      expect(await slots.give(user, { streamId: 'x', holder: '1' })).toEqual(['c']);
      // The holder's time is over: its slot is free, and the one that waits still waits.
      await h.advance(1_500);
      expect(await slots.give(user, { streamId: 'x', holder: '1' })).toEqual(['c']);
      expect(await slots.take(user, { ...slot, streamId: 'd' })).toBe(true);
      expect(await slots.give(user, { streamId: 'd', holder: '1' })).toEqual(['c']);
    },
  },
];

export const queueStartStoreContracts: readonly Contract[] = [...startContracts, ...slotContracts];
