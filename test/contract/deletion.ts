/**
 * Deleting: nothing is left, everybody is told, and no late write brings anything back.
 */
import type { JobRecord } from 'generation-jobs';
import { type Commit, streamKey, userKey } from 'generation-jobs/ports';
import { wrapStore } from 'generation-jobs/testing';
import { text } from './follower.js';
import {
  AT_ONCE_MS,
  type Contract,
  expectCode,
  type Harness,
  ownedBy,
  RENEWS_SELDOM,
  type Replica,
  TIMES,
} from './harness.js';
import { expect } from './tools.js';

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
    id: 'L51 L35',
    title:
      'a deletion waits for a settlement under way on another replica: nothing is saved for who has gone',
    timesLapse: true,
    async run(h) {
      const saved: string[] = [];
      const finish: (() => void)[] = [];
      const settle = async ({ record }: { record: JobRecord }) => {
        await new Promise<void>((resolve) => finish.push(resolve));
        saved.push(record.streamId);
      };
      const one = await h.replica({ hooks: { settle } });
      const onDeleted = ({ streamId }: JobRecord) => void saved.splice(saved.indexOf(streamId), 1);
      const two = await h.replica({ hooks: { onDeleted } });
      await (await h.start(one)).complete();
      await (await h.start(one, { streamId: 't' })).complete();
      await h.until(() => finish.length === 2, 'they settle');
      let isDeleted = false;
      const deleting = two.manager.deleteUser({ userId: 'u' }).finally(() => {
        isDeleted = true;
      });
      await h.advance(TIMES.settleClaimMs * 2);
      expect([isDeleted, saved]).toEqual([false, []]);
      for (const end of finish) end();
      expect(await h.soon(deleting, 'the deletion')).toBe(2);
      expect(saved, 'what was saved is there to be deleted').toEqual([]);
      await h.until(() => isEmpty(h, ['u']), 'nothing is kept'); // what a create has held goes by its time
    },
  },
  {
    id: 'L51 L35',
    title: 'a settlement that is about to begin finds nothing after a deletion, and does not call the host',
    async run(h) {
      const called: string[] = [];
      const settle = ({ record }: { record: JobRecord }) => void called.push(record.streamId);
      let hold: Promise<void> | undefined;
      let release = () => {};
      const one = await h.replica({
        hooks: { settle },
        wrapStore: (store) =>
          wrapStore(store, async ({ method, args }, perform) => {
            if (method === 'commit' && (args[0] as Commit).writer === 'settler') await hold;
            return perform();
          }),
      });
      const two = await h.replica();
      hold = new Promise((resolve) => {
        release = resolve;
      });
      await (await h.start(one)).complete();
      expect(await h.soon(two.manager.deleteStream('s'))).toBe(true);
      release();
      await h.advance(TIMES.settleClaimMs);
      expect(called).toEqual([]);
    },
  },
  {
    id: 'L51 L35',
    title:
      'a deletion waits no longer than hookMs for a settlement, nor for the settle that asks for it, nor for a claim that lapsed',
    timesLapse: true,
    async run(h) {
      const options = { hookMs: 400 };
      let giveUp = () => {};
      const never = new Promise<void>((resolve) => {
        giveUp = resolve;
      });
      const stuck = await h.replica({ options, hooks: { settle: () => never } });
      await (await h.start(stuck)).complete();
      await h.until(
        async () => (await h.store.read(streamKey('s'), 'current'))[0]?.settlement.claimed,
        'claimed',
      );
      const startedAt = h.backend.clock.monotonic();
      expect(await h.soon(stuck.manager.deleteStream('s'), 'deleted', options.hookMs + 300)).toBe(true);
      expect(h.backend.clock.monotonic() - startedAt).toBeGreaterThanOrEqual(options.hookMs - 5);
      const asked: boolean[] = [];
      const own: Replica = await h.replica({
        options: { hookMs: 60_000 },
        hooks: {
          settle: async ({ record }) => void asked.push(await own.manager.deleteStream(record.streamId)),
        },
      });
      await (await h.start(own, { streamId: 'own' })).complete();
      await h.until(() => asked.length === 1, 'it deletes itself');
      expect(asked).toEqual([true]);
      const doomed = await h.replica({ hooks: { settle: () => new Promise(() => {}) } });
      const lapsed = await h.start(doomed, { streamId: 'lapsed' });
      await lapsed.complete();
      await h.until(
        async () => (await h.store.read(lapsed.key, 'current'))[0]?.settlement.claimed,
        'claimed',
      );
      await doomed.crash();
      const other = await h.replica({ options: { hookMs: 60_000 } });
      expect(await h.soon(other.manager.deleteStream('lapsed'), 'deleted', TIMES.settleClaimMs + 400)).toBe(
        true,
      );
      giveUp();
    },
  },
  {
    id: 'L51',
    title:
      'deleting a stream or a user leaves nothing, tells producers and followers, and a late write brings nothing back',
    timesLapse: true,
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
    timesLapse: true,
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
