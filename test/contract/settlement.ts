/**
 * The host's own side effect after every end, at least once.
 */
import { expect } from 'vitest';
import type { Hooks } from '../../src/stream/manager-types.js';
import { streamKey } from '../../src/stream/stream-key.js';
import { text } from './follower.js';
import { type Contract, type Harness, TIMES, tally } from './harness.js';

type Settle = NonNullable<Hooks['settle']>;
type Ended = Parameters<Settle>[0];

const settlementOf = async (h: Harness, streamId: string) => {
  const [record] = await h.store.read(streamKey(streamId), 'current');
  return record?.settlement;
};

export const settlementContracts: readonly Contract[] = [
  {
    id: 'L35',
    title: 'settlement runs once for completed, failed, crashed, expired, aborted and replaced generations',
    timesLapse: true,
    async run(h) {
      const seen: Ended[] = [];
      const hooks = { settle: (ended: Ended) => void seen.push(ended) };
      const [one, two] = await h.two({ hooks });
      const doomed = await h.replica({ hooks });
      const ends = ['completed', 'failed', 'crashed', 'expired', 'aborted', 'replaced'];
      for (const streamId of ends) {
        const job = await h.start(streamId === 'crashed' ? doomed : one, { streamId, contentModel: 'text' });
        job.emit(text(streamId));
        await job.addUsage({ tokens: 2 });
        if (streamId === 'completed') await job.complete();
        if (streamId === 'failed') await job.fail({ code: 'x', message: 'x' });
        if (streamId === 'crashed') await doomed.crash();
        if (streamId === 'expired') await job.pause({ type: 'checkpoint', expiresInMs: 200 });
        if (streamId === 'aborted') await two.manager.abortJob(streamId);
        if (streamId === 'replaced') await h.start(two, { streamId, contentModel: 'text' });
      }
      await h.until(() => seen.length === 6, 'all are settled');
      await h.advance(TIMES.leaseMs * 2);
      expect(tally(seen.map((ended) => ended.record.streamId))).toEqual(tally(ends));
      for (const { record, content, usage, settlementId } of seen) {
        expect(content).toEqual({ text: record.streamId });
        expect(usage).toEqual({ tokens: 2 });
        expect(record.endedAt).toBeDefined();
        expect(settlementId).toContain(String(record.generation));
      }
      expect(new Set(seen.map((ended) => ended.settlementId)).size).toBe(6);
      for (const streamId of ends.slice(0, 5))
        expect((await settlementOf(h, streamId))?.state).toBe('settled');
    },
  },
  {
    id: 'L35',
    title: 'it runs again after a throw, by one replica at a time, and retention starts after it',
    timesLapse: true,
    async run(h) {
      let tries = 0;
      let running = 0;
      let most = 0;
      const settle = async () => {
        tries++;
        most = Math.max(most, ++running);
        await new Promise((resolve) => setImmediate(resolve));
        running--;
        if (tries < 4) throw new Error('the database is away');
      };
      const [one, two, three] = await h.three({ hooks: { settle } });
      const job = await h.start(one);
      await job.complete();
      // Its pauses are 120, 240 and 480 ms.
      const longest = 7 * TIMES.settleBackoffMs + 4 * TIMES.sweepMs;
      await h.until(async () => (await settlementOf(h, 's'))?.state === 'settled', 'settled', longest);
      expect(tries).toBe(4);
      expect(most).toBe(1);
      const settledAt = (await two.manager.getJob('s'))?.updatedAt ?? 0;
      const isForgotten = async () => (await three.manager.getJob('s')) === null;
      await h.until(isForgotten, 'forgotten', TIMES.retentionMs + 1_000);
      expect(h.store.now() - settledAt).toBeGreaterThanOrEqual(TIMES.retentionMs - 50);
    },
  },
  {
    id: 'L35',
    title: 'three replicas that find the same end at the same moment settle it once, 50 times',
    timesLapse: true,
    async run(h) {
      const settled: string[] = [];
      const settle: Settle = async ({ settlementId }) => {
        settled.push(settlementId);
        await h.rest();
      };
      const options = { sweepMs: 900 };
      const replicas = await h.three({ ...h.delayed, options, hooks: { settle } });
      for (let round = 0; round < 50; round++) {
        const streamId = `s${round}`;
        // Whoever ends it dies before it can settle.
        const doomed = await h.replica({ options, hooks: { settle: () => new Promise(() => {}) } });
        const job = await h.start(doomed, { streamId });
        const ending = job.complete();
        await Promise.race([ending, h.rest()]);
        await doomed.crash();
        await h.advance(TIMES.settleClaimMs + 50);
        await h.store.due.nearer(job.key, 0);
        await h.soon(Promise.all(replicas.map((replica) => replica.manager.sweep())));
        await h.until(
          async () => (await settlementOf(h, streamId))?.state === 'settled',
          `${streamId} is settled`,
        );
      }
      expect(new Set(settled).size).toBe(50);
      expect(settled).toHaveLength(50);
    },
  },
  {
    id: 'L35',
    title: 'a slow settlement keeps its claim against other replicas for as long as it runs',
    timesLapse: true,
    async run(h) {
      const finish: (() => void)[] = [];
      const settle: Settle = () => new Promise<void>((resolve) => finish.push(resolve));
      const [one] = await h.three({ hooks: { settle } });
      await (await h.start(one)).complete();
      await h.until(() => finish.length === 1, 'it has begun');
      await h.advance(TIMES.settleClaimMs * 6);
      expect(finish).toHaveLength(1);
      await h.advance(TIMES.retentionMs * 2);
      expect(finish).toHaveLength(1);
      expect((await settlementOf(h, 's'))?.state, 'retention has not begun').toBe('open');
      finish[0]?.();
      await h.until(async () => (await settlementOf(h, 's'))?.state === 'settled', 'settled');
    },
  },
  {
    id: 'L35',
    title: 'a replica that dies while it settles is succeeded by another within its claim',
    timesLapse: true,
    async run(h) {
      let began = 0;
      const stuck: Settle = () => new Promise(() => began++);
      const doomed = await h.replica({ hooks: { settle: stuck } });
      const seen: string[] = [];
      await h.replica({ hooks: { settle: ({ settlementId }) => void seen.push(settlementId) } });
      await (await h.start(doomed)).complete();
      await h.until(() => began === 1, 'it has begun');
      await doomed.crash();
      await h.until(
        () => seen.length === 1,
        'another one settles',
        TIMES.settleClaimMs + TIMES.leaseMs + TIMES.sweepMs,
      );
      await h.until(async () => (await settlementOf(h, 's'))?.state === 'settled', 'settled');
    },
  },
  {
    id: 'L35',
    title: 'after too many tries it is set aside and counted, not dropped; then retention starts',
    timesLapse: true,
    async run(h) {
      const outcomes: string[] = [];
      let tries = 0;
      const replica = await h.replica({
        options: { settleTries: 3 },
        hooks: {
          settle: () => {
            tries++;
            throw new Error('never');
          },
        },
        observer: { settled: (outcome) => outcomes.push(outcome) },
      });
      await (await h.start(replica)).complete();
      await h.until(async () => (await settlementOf(h, 's'))?.state === 'set_aside', 'set aside');
      expect(tries).toBe(3);
      expect(outcomes).toEqual(['retried', 'retried', 'set_aside']);
      await h.until(
        async () => (await replica.manager.getJob('s')) === null,
        'forgotten',
        TIMES.retentionMs + 1_000,
      );
    },
  },
];
