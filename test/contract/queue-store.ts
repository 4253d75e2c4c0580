/**
 * The queues of streams as a store keeps them: runs that wait in an order, each once and for a bounded time; a queue is one user's,
 * and needs no generation.
 */
import { streamKey, userKey } from 'generation-jobs/ports';
import { KEY } from './desk.js';
import type { Contract } from './harness.js';
import { HOUR, QueueDesk } from './queue-desk.js';
import { expect } from './tools.js';

const DAY = 24 * HOUR;
/** The time of a run that lapses: a busy machine adds some runs within it. */
const BRIEF_MS = 1_200;
const NONE = { userId: undefined, revision: 0, resumed: 0, runs: [] };

const orderContracts: readonly Contract[] = [
  {
    id: 'L160',
    title:
      'runs wait in the order in which they were added, as they were given, on a stream that has no generation',
    async run(h) {
      const desk = new QueueDesk(h);
      expect(await desk.state()).toEqual(NONE);
      const before = desk.store.now() - h.backend.slackMs;
      const request = JSON.stringify({ text: 'é\u{1f511} \n\t', spaces: ' x  y ' });
      await desk.added(['a'], { request, idempotencyKey: 'k \n"\u{1f511}', expiresInMs: 5_000 });
      const { revision } = await desk.added(['b', 'c']);
      const { runs, ...queue } = await desk.state();
      expect(queue).toEqual({ userId: 'u', revision, resumed: 0 });
      expect(runs.map(({ queueId }) => queueId)).toEqual(['a', 'b', 'c']);
      const places = runs.map(({ place }) => place);
      expect(places).toEqual(places.toSorted((one, other) => one - other));
      expect(new Set(places).size).toBe(3);
      const [first, second] = runs;
      expect(first).toMatchObject({ request, idempotencyKey: 'k \n"\u{1f511}' });
      expect([second?.idempotencyKey, second?.returned]).toEqual([undefined, undefined]);
      expect(first?.queuedAt).toBeGreaterThanOrEqual(before);
      expect((first?.expiresAt ?? 0) - (first?.queuedAt ?? 0)).toBe(5_000);
      expect((second?.expiresAt ?? 0) - (second?.queuedAt ?? 0)).toBe(HOUR);
      expect(await desk.store.read(KEY, 'kept')).toEqual([]);
      const { entries } = await desk.store.listByUser(userKey('u'), { limit: 9 });
      expect(entries.map(({ key, current }) => [key.id, current])).toEqual([[KEY.id, undefined]]);
      expect(await desk.store.queues.read(streamKey('s', 'tenant'))).toEqual(NONE);
    },
  },
  {
    id: 'L160',
    title:
      'a run that is added again, by its id or by its key, is the one that is there, once it has started too',
    async run(h) {
      const desk = new QueueDesk(h);
      await desk.added(['a'], { idempotencyKey: 'k', mostWaiting: 1 });
      const state = await desk.state();
      const known = { outcome: 'ok', changed: false, queueId: 'a', state, removed: [] };
      expect(await desk.add('a', { request: '"another"', mostWaiting: 1 })).toEqual(known);
      expect(await desk.add('b', { idempotencyKey: 'k', mostWaiting: 1 })).toEqual(known);
      expect(await desk.state()).toEqual(state);
      await desk.changed({ name: 'cancel', queueId: 'a' });
      await desk.added(['b'], { idempotencyKey: 'k' });
      await desk.changed({ name: 'return', queueId: 'b', reason: 'refused' });
      await desk.added(['c'], { idempotencyKey: 'k' });
      expect(await desk.add('b'), 'it was handed back').toMatchObject({ changed: false, queueId: 'b' });
      expect((await desk.start('c')).outcome).toBe('created');
      for (const add of [() => desk.add('c'), () => desk.add('c', { idempotencyKey: 'k' })])
        expect(await add()).toMatchObject({ outcome: 'ok', changed: false, queueId: 'c' });
      expect(await desk.waiting()).toBe('');
    },
  },
  {
    id: 'L160',
    title: 'runs that wait are moved, cancelled and cleared away, and what a repeat finds is left alone',
    async run(h) {
      const desk = new QueueDesk(h);
      await desk.added(['a', 'b', 'c', 'd']);
      const move = (queueId: string, position: number) => ({ name: 'move', queueId, position }) as const;
      for (const [queueId, position, order] of [
        ['d', 1, 'd a b c'],
        ['d', 9, 'a b c d'],
        ['a', 3, 'b c a d'],
        ['c', 1, 'c b a d'],
      ] as const) {
        expect(await desk.changed(move(queueId, position))).toEqual([]);
        expect(await desk.waiting()).toBe(order);
        await desk.unchanged(move(queueId, position));
      }
      expect(await desk.change(move('x', 1))).toEqual({ outcome: 'unknown' });
      const { runs } = await desk.state();
      expect(await desk.changed({ name: 'cancel', queueId: 'b' })).toEqual([runs[1]]);
      expect(await desk.change({ name: 'cancel', queueId: 'b' })).toEqual({ outcome: 'unknown' });
      await desk.added(['e']);
      expect(await desk.waiting()).toBe('c a d e');
      await desk.changed({ name: 'return', queueId: 'a', reason: 'refused' });
      await desk.changed(move('e', 1));
      expect(await desk.waiting(), 'those that wait no longer have no position').toBe('e c d');
      const cleared = await desk.changed({ name: 'clear' });
      expect(cleared.map(({ queueId }) => queueId)).toEqual(['e', 'c', 'd']);
      expect([await desk.waiting(), await desk.returned()]).toEqual(['', 'a:refused']);
      await desk.unchanged({ name: 'clear' });
    },
  },
  {
    id: 'L160',
    title: 'no more runs wait than may; what is there already, or is another’s, is answered before that',
    async run(h) {
      const desk = new QueueDesk(h);
      await desk.added(['a', 'b'], { mostWaiting: 2 });
      await desk.added(['c'], { mostWaiting: 3, idempotencyKey: 'k' });
      const full = await desk.state();
      expect(await desk.add('d', { mostWaiting: 3 })).toEqual({ outcome: 'full' });
      expect(await desk.add('d', { mostWaiting: 1, userId: 'v' })).toEqual({ outcome: 'taken' });
      expect(await desk.add('d', { mostWaiting: 1, idempotencyKey: 'k' })).toMatchObject({ queueId: 'c' });
      expect(await desk.add('a', { mostWaiting: 1 })).toMatchObject({ queueId: 'a' });
      expect(await desk.state()).toEqual(full);
      await desk.changed({ name: 'return', queueId: 'a', reason: 'refused' });
      await desk.added(['d'], { mostWaiting: 3 });
      await desk.changed({ name: 'cancel', queueId: 'b' });
      await desk.added(['e'], { mostWaiting: 3 });
      expect(await desk.waiting()).toBe('c d e');
    },
  },
];

const ownerContracts: readonly Contract[] = [
  {
    id: 'L160',
    title: 'a queue is one user’s, as its stream is: nobody else adds to it, changes it or drops it',
    async run(h) {
      const desk = new QueueDesk(h);
      await desk.added(['a']);
      const state = await desk.state();
      expect(await desk.add('b', { userId: 'v' })).toEqual({ outcome: 'taken' });
      for (const step of [
        { name: 'cancel', queueId: 'a' },
        { name: 'move', queueId: 'a', position: 1 },
        { name: 'clear' },
        { name: 'resume', generation: 5 },
        { name: 'return', queueId: 'a', reason: 'refused' },
        { name: 'lapse' },
      ] as const)
        expect(await desk.change(step, 'v'), step.name).toEqual({ outcome: 'unknown' });
      await desk.store.queues.drop(KEY, 'v');
      expect(await desk.state()).toEqual(state);
      expect(await desk.change({ name: 'clear' }, 'u')).toMatchObject({ outcome: 'ok', changed: true });
      // What is empty is in nobody's way; what the one before has said of it is forgotten.
      await desk.added(['b'], { userId: 'v' });
      expect(await desk.state()).toMatchObject({ userId: 'v', resumed: 0 });
      await desk.store.queues.drop(KEY, 'v');
      // The record says whose the stream is, once there is one.
      await desk.created();
      expect(await desk.add('c', { userId: 'v' })).toEqual({ outcome: 'taken' });
      expect(await desk.state()).toEqual(NONE);
      await desk.added(['c']);
    },
  },
  {
    id: 'L160',
    title: 'where there is no queue, there is nothing to change, to clear away, to go on with or to drop',
    async run(h) {
      const desk = new QueueDesk(h);
      for (const name of ['clear', 'lapse'] as const) await desk.unchanged({ name });
      await desk.unchanged({ name: 'resume', generation: 5 });
      for (const step of [
        { name: 'cancel', queueId: 'a' },
        { name: 'move', queueId: 'a', position: 1 },
        { name: 'return', queueId: 'a', reason: 'expired' },
      ] as const)
        expect(await desk.change(step, 'u'), step.name).toEqual({ outcome: 'unknown' });
      await desk.store.queues.drop(KEY);
      await desk.store.queues.drop(KEY, 'u');
      expect(await desk.state()).toEqual(NONE);
    },
  },
  {
    id: 'L160',
    title: 'a queue goes on behind the newest stop that was named, and never behind fewer',
    async run(h) {
      const desk = new QueueDesk(h);
      await desk.added(['a']);
      const resume = (generation: number) => ({ name: 'resume', generation }) as const;
      await desk.changed(resume(7));
      await desk.unchanged(resume(7));
      await desk.unchanged(resume(3));
      expect((await desk.state()).resumed).toBe(7);
      await desk.added(['b']);
      await desk.changed(resume(1_800_000_000_000));
      expect((await desk.state()).resumed).toBe(1_800_000_000_000);
    },
  },
  {
    id: 'L160',
    title: 'a queue’s revision grows with each change, also when the queue was gone in between',
    async run(h) {
      const desk = new QueueDesk(h);
      let newest = 0;
      const newer = async (change: () => Promise<unknown>) => {
        await change();
        const { revision } = await desk.state();
        expect(revision).toBeGreaterThan(newest);
        newest = revision;
      };
      for (let round = 0; round < 10; round++) {
        const [one, other] = [`a${round}`, `b${round}`];
        await newer(() => desk.added([one, other]));
        await newer(() => desk.changed({ name: 'move', queueId: other, position: 1 }));
        await newer(() => desk.changed({ name: 'cancel', queueId: one }));
        await newer(() => desk.changed({ name: 'clear' }));
        await newer(() => desk.added([one]));
        await desk.store.queues.drop(KEY, round % 2 ? 'u' : undefined);
        expect(await desk.state()).toEqual(NONE);
      }
    },
  },
  {
    id: 'L160',
    title: 'a queue outlives its stream, and is the user’s until it is dropped',
    async run(h) {
      const desk = new QueueDesk(h);
      const owned = async () =>
        (await desk.store.listByUser(userKey('u'), { limit: 9 })).entries.map(({ key }) => key.id);
      await desk.created();
      await desk.added(['a']);
      const state = await desk.state();
      expect(await desk.store.delete(KEY)).toBe(true);
      expect(await desk.state()).toEqual(state);
      // Longer than an index holds what may be about to come.
      await h.advance(2_100);
      expect(await owned()).toEqual([KEY.id]);
      await desk.store.queues.drop(KEY, 'u');
      expect(await desk.refused('a')).toBe('unqueued');
      await h.until(async () => (await owned()).length === 0, 'nothing is left of it');
    },
  },
];

const returnContracts: readonly Contract[] = [
  {
    id: 'L162',
    title: 'a run that is handed back waits no longer, and is listed until it is taken away',
    async run(h) {
      const desk = new QueueDesk(h);
      await desk.added(['a', 'b']);
      await desk.changed({ name: 'return', queueId: 'a', reason: 'refused' });
      await desk.unchanged({ name: 'return', queueId: 'a', reason: 'refused' });
      expect([await desk.waiting(), await desk.returned()]).toEqual(['b', 'a:refused']);
      expect(await desk.change({ name: 'move', queueId: 'a', position: 1 })).toEqual({ outcome: 'unknown' });
      expect(await desk.refused('a')).toBe('unqueued');
      await desk.unchanged({ name: 'lapse' });
      expect(await desk.changed({ name: 'cancel', queueId: 'a' })).toMatchObject([
        { queueId: 'a', returned: 'refused' },
      ]);
      expect([await desk.waiting(), await desk.returned()]).toEqual(['b', '']);
    },
  },
  {
    id: 'L162',
    title: 'of the runs that were handed back the newest hundred are kept',
    async run(h) {
      const desk = new QueueDesk(h);
      const ids = Array.from({ length: 104 }, (_, n) => `r${n}`);
      await desk.added(['waits']);
      for (const queueId of ids) {
        await desk.add(queueId);
        await desk.change({ name: 'return', queueId, reason: 'refused' });
      }
      await desk.added(['last']);
      expect(await desk.waiting()).toBe('waits last');
      expect(await desk.returned()).toBe(
        ids
          .slice(4)
          .map((id) => `${id}:refused`)
          .join(' '),
      );
    },
  },
  {
    id: 'L162',
    title: 'a run whose time is over by the store’s clock is handed back, written down or not',
    timesLapse: true,
    async run(h) {
      const desk = new QueueDesk(h);
      await desk.added(['a', 'b'], { expiresInMs: BRIEF_MS });
      await desk.added(['c'], { expiresInMs: BRIEF_MS, idempotencyKey: 'k' });
      await desk.added(['d']);
      expect(await desk.waiting()).toBe('a b c d');
      const { revision } = await desk.state();
      await desk.unchanged({ name: 'lapse' });
      await h.advance(BRIEF_MS + 10);
      expect(await desk.returned()).toBe('a:expired b:expired c:expired');
      expect((await desk.state()).revision).toBe(revision);
      expect(await desk.refused('a')).toBe('unqueued');
      expect(await desk.change({ name: 'move', queueId: 'a', position: 1 })).toEqual({ outcome: 'unknown' });
      await desk.changed({ name: 'cancel', queueId: 'b' });
      // Neither its place nor its key is in the way of another.
      await desk.added(['e'], { mostWaiting: 2, idempotencyKey: 'k' });
      const lapsed = await desk.changed({ name: 'lapse' });
      expect(lapsed.map(({ queueId, returned }) => [queueId, returned])).toEqual([
        ['a', 'expired'],
        ['c', 'expired'],
      ]);
      await desk.unchanged({ name: 'lapse' });
      await desk.unchanged({ name: 'return', queueId: 'a', reason: 'refused' });
      expect([await desk.waiting(), await desk.returned()]).toEqual(['d e', 'a:expired c:expired']);
      if (h.backend.jump === undefined) return;
      await h.backend.jump(DAY);
      expect([await desk.waiting(), await desk.returned()]).toEqual(['', 'd:expired e:expired']);
      await h.backend.jump(DAY);
      expect(await desk.state()).toEqual(NONE);
      expect(await desk.store.listByUser(userKey('u'), { limit: 9 })).toMatchObject({ entries: [] });
    },
  },
];

export const queueStoreContracts: readonly Contract[] = [
  ...orderContracts,
  ...ownerContracts,
  ...returnContracts,
];
