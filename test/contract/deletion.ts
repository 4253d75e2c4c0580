/**
 * Deleting: nothing is left, everybody is told, and no late write brings anything back.
 */
import { expect } from 'vitest';
import { streamKey, userKey } from '../../src/stream/stream-key.js';
import { text } from './follower.js';
import {
  AT_ONCE_MS,
  type Contract,
  expectCode,
  type Harness,
  ownedBy,
  RENEWS_SELDOM,
  TIMES,
} from './harness.js';

const statusOf = async (h: Harness, streamId = 's') =>
  (await h.store.read(streamKey(streamId), 'current'))[0]?.status;

/** Whether nothing at all is kept of these users, nor anything due but the streams named. */
export async function isEmpty(
  h: Harness,
  users: readonly string[],
  but: readonly string[] = [],
): Promise<boolean> {
  const all = (await h.store.due.list({ limit: 10_000, all: true })).entries;
  const due = all.filter((entry) => !but.includes(entry.key.streamId));
  const owned = await Promise.all(users.map((user) => ownedBy(h.store, userKey(user))));
  return due.length === 0 && owned.flat().length === 0;
}

export const deletionContracts: readonly Contract[] = [
  {
    id: 'L51',
    title:
      'deleting a stream or a user leaves nothing, tells producers and followers, and a late write brings nothing back',
    leasesLapse: true,
    async run(h) {
      const options = { limits: { activeJobsPerUser: 3 } };
      const two = await h.replica({ options });
      const one = await h.replica({ options: { ...options, ...RENEWS_SELDOM } });
      const job = await h.start(one, { streamId: 's', idempotencyKey: 'k' });
      job.emit(text('a'));
      await job.flush();
      expect(await two.manager.deleteStream('s')).toBe(true);
      expect(await two.manager.deleteStream('s')).toBe(false);
      await h.until(() => job.isOver, 'the producer is told', AT_ONCE_MS);
      expect(job.reason).toBe('gone');
      expect(await two.manager.getJob('s')).toBeNull();
      expect(await ownedBy(h.store, userKey('u'))).toEqual([]);
      const again = await h.start(two, { streamId: 's', idempotencyKey: 'k' });
      expect(again.generation).toBeGreaterThan(job.generation);
      const paused = await h.start(one, { streamId: 't' });
      await paused.pause({ type: 'checkpoint' });
      const ended = await h.start(one, { streamId: 'e', idempotencyKey: 'e' });
      await ended.complete();
      const others = await h.start(one, { streamId: 'x', userId: 'v' });
      expect(await two.manager.deleteUser({ userId: 'u' })).toBe(3);
      await h.until(
        () => isEmpty(h, ['u'], ['x']),
        'nothing is kept',
        RENEWS_SELDOM.leaseMs + 2 * TIMES.leaseMs,
      );
      expect(again.isOver).toBe(true);
      expect(others.isOver).toBe(false);
      await others.complete();
      expect(
        (await two.manager.createJob({ streamId: 'e2', userId: 'u', idempotencyKey: 'e' })).started,
      ).toBe(true);
      // Every write of the old handles is refused at the store.
      const claim = { key: job.key, generation: job.generation, attempt: 1 };
      expect(await h.store.renew([claim], 1_000)).toEqual(['gone']);
      const event = { event: 'n', data: '1', sequence: 3, attempt: 1 };
      expect(
        await h.store.commit({ writer: 'producer', ...claim, afterSequence: 2, events: [event] }),
      ).toMatchObject({ ok: false });
      await expectCode(
        two.manager.approvals.resolve('t', { actionId: 'x', decisions: [], by: 'p' }),
        'stream_not_found',
      );
    },
  },
  {
    id: 'L51',
    title:
      'deleting a stream whose generation has expired already leaves nothing of its idempotency key either',
    async run(h) {
      const replica = await h.replica();
      const old = await h.start(replica, { idempotencyKey: 'k', conversationId: 'private' });
      await old.complete();
      await h.until(async () => (await statusOf(h)) === undefined, 'retention', TIMES.retentionMs * 2);
      await h.start(replica);
      await replica.manager.deleteUser({ userId: 'u' });
      const remembered = await h.store.slots.remember(userKey('u'), 'k', { streamId: 'probe' }, 10);
      expect(remembered).toEqual({ streamId: 'probe' });
    },
  },
];
