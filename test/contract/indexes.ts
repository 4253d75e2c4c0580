/**
 * The store’s indexes: what is due, and a user’s own slots and keys.
 */
import { type DuePage, streamKey, userKey } from 'generation-jobs/ports';
import { Desk, KEY } from './desk.js';
import { type Contract, expectCode } from './harness.js';
import { expect } from './tools.js';

export const indexContracts: readonly Contract[] = [
  {
    id: 'L52',
    title:
      'a due score may be early, never late: nearer only brings it nearer, later only moves what was read',
    async run(h) {
      const { due } = h.store;
      const other = streamKey('t', 'tenant');
      await due.nearer(KEY, 500);
      await due.nearer(other, 300);
      const all = async () => (await due.list({ limit: 10, all: true })).entries.map((entry) => entry.key.id);
      expect(await all()).toEqual([other.id, KEY.id]);
      expect((await due.list({ limit: 10 })).entries).toEqual([]);
      await due.nearer(KEY, 10_000);
      await h.advance(510);
      const listed = (await due.list({ limit: 10 })).entries;
      expect(listed.map((entry) => entry.key.id)).toEqual([other.id, KEY.id]);
      expect((await due.list({ limit: 1 })).entries).toHaveLength(1);
      const [, entry] = listed as [never, (typeof listed)[number]];
      expect(entry.key).toEqual(KEY);
      // Where time is real, a busy machine must not outlast the hold.
      const heldMs = h.backend.jump ? 20 : 1_000;
      await due.nearer(KEY, heldMs);
      const held = (await due.list({ limit: 10, all: true })).entries;
      const nearest = held.find((one) => one.key.id === KEY.id)?.at ?? Number.POSITIVE_INFINITY;
      expect(nearest).toBeLessThanOrEqual(h.store.now() + heldMs);
      // Somebody who read the score before can't put it off beyond what was asked for since.
      await due.later(entry, h.store.now() + 9_000);
      await due.later(entry, null);
      await h.advance(heldMs + 5);
      expect((await due.list({ limit: 10 })).entries.map((one) => one.key.id)).toContain(KEY.id);
      await h.advance(10_000);
      for (const one of (await due.list({ limit: 10 })).entries)
        expect(await due.later(one, h.store.now() + 700)).toBe(true);
      expect((await due.list({ limit: 10 })).entries).toEqual([]);
      for (const one of (await due.list({ limit: 10, all: true })).entries) {
        expect(await due.later({ ...one, at: one.at + 1 }, null)).toBe(false);
        expect(await due.later(one, null)).toBe(true);
      }
      expect(await all()).toEqual([]);
      expect(await due.later(entry, 5)).toBe(false);
      expect(await all()).toEqual([]);
    },
  },
  {
    id: 'L52',
    title:
      'the due index is listed page by page in its order, streams of one score included, also while entries go',
    async run(h) {
      const { due } = h.store;
      const keys = Array.from({ length: 30 }, (_, n) => streamKey(`s${n}`, n % 3 ? undefined : 't'));
      for (const key of keys) await due.nearer(key, 100);
      const order = async (limit: number, onPage: (page: DuePage) => unknown = () => {}) => {
        const seen: string[] = [];
        for (let after: string | undefined; ; ) {
          const page = await due.list({ limit, all: true, after });
          expect(page.failures).toEqual([]);
          expect(page.entries.length).toBeLessThanOrEqual(limit);
          seen.push(...page.entries.map(({ key }) => key.id));
          expect(seen.length, 'it comes to an end').toBeLessThanOrEqual(keys.length);
          await onPage(page);
          if (page.next === undefined) return seen;
          after = page.next;
        }
      };
      const whole = await order(100);
      expect(whole.toSorted()).toEqual(keys.map(({ id }) => id).toSorted());
      expect(await order(7)).toEqual(whole);
      expect(await order(1)).toEqual(whole);
      await h.advance(150);
      // What a sweep puts off behind itself does not stand in its way.
      const swept = await order(7, ({ entries }) =>
        Promise.all(entries.map((entry) => due.later(entry, null))),
      );
      expect(swept).toEqual(whole);
      expect((await due.list({ limit: 100, all: true })).entries).toEqual([]);
      await expectCode(due.list({ limit: 1, after: 'nonsense' }), 'invalid_argument');
    },
  },
  {
    id: 'L52 L51',
    title: 'a stream deleted between the `nearer` and the commit of a create is still found in time',
    async run(h) {
      const desk = new Desk(h);
      await desk.created();
      // Where time is real, a busy machine must not outlast the hold.
      const heldMs = h.backend.jump ? 60 : 1_500;
      await desk.store.due.nearer(KEY, heldMs);
      await desk.store.delete(KEY);
      const [stale] = (await desk.store.due.list({ limit: 10, all: true })).entries;
      if (stale) await desk.store.due.later(stale, null);
      await desk.created();
      await h.advance(heldMs + 10);
      expect((await desk.store.due.list({ limit: 10 })).entries.map((entry) => entry.key.id)).toEqual([
        KEY.id,
      ]);
    },
  },
  {
    id: 'L9',
    title:
      'slots: held per stream by their holder, bounded, given back only by the holder, and gone when they expire',
    async run(h) {
      const { slots } = h.store;
      const user = userKey('u');
      const take = (streamId: string, holder: string, forMs = 500) =>
        slots.take(user, { streamId, holder, limit: 2, forMs });
      expect([await take('a', '1'), await take('b', '1'), await take('c', '1')]).toEqual([true, true, false]);
      expect(await take('a', '1'), 'retaking').toBe(true);
      expect(await take('a', '2'), 'changing hands').toBe(true);
      expect(
        await slots.take(userKey('u', 't'), { streamId: 'c', holder: '1', limit: 1, forMs: 500 }),
        'another tenant',
      ).toBe(true);
      await slots.give(user, { streamId: 'a', holder: '1' });
      expect(await take('c', '1'), 'not the holder’s to give').toBe(false);
      await slots.give(user, { streamId: 'a', holder: '2' });
      expect(await take('c', '1', 2_000)).toBe(true);
      await h.advance(510);
      expect([await take('d', '1'), await take('e', '1')]).toEqual([true, false]);
      await slots.clear(user);
      expect([await take('e', '1'), await take('f', '1')]).toEqual([true, true]);
    },
  },
  {
    id: 'L5 L6',
    title: 'idempotency keys: the first run stays, is completed and forgotten only by its own, and expires',
    timesLapse: true,
    async run(h) {
      const { slots } = h.store;
      const user = userKey('u');
      const remember = (key: string, streamId: string) => slots.remember(user, key, { streamId }, 600);
      expect(await remember('k', 'a')).toEqual({ streamId: 'a' });
      expect(await remember('k', 'b')).toEqual({ streamId: 'a' });
      await slots.confirm(user, 'k', { streamId: 'b', generation: 1 });
      expect(await remember('k', 'b')).toEqual({ streamId: 'a' });
      await slots.confirm(user, 'k', { streamId: 'a', generation: 7 });
      await slots.confirm(user, 'k', { streamId: 'a', generation: 8 });
      expect(await remember('k', 'b')).toMatchObject({ streamId: 'a', generation: 7 });
      await slots.forget(user, 'k', { streamId: 'a', generation: 8 });
      expect(await remember('k', 'b')).toMatchObject({ generation: 7 });
      await slots.forget(user, 'k', { streamId: 'a', generation: 7 });
      expect(await remember('k', 'b')).toEqual({ streamId: 'b' });
      expect(await slots.remember(userKey('v'), 'k', { streamId: 'c' }, 600)).toEqual({ streamId: 'c' });
      await h.advance(610);
      expect(await remember('k', 'z')).toEqual({ streamId: 'z' });
      await slots.clear(user);
      expect(await remember('k', 'y')).toEqual({ streamId: 'y' });
      await slots.clear(user);
      await slots.clear(userKey('v'));
    },
  },
];
