/**
 * The host's own side effect after every end, at least once.
 */
import { type GenerationJob, type Hooks, isGenerationJobError } from 'generation-jobs';
import { type SettlementCommit, streamKey } from 'generation-jobs/ports';
import { type Loss, lossyStore } from 'generation-jobs/testing';
import { text } from './follower.js';
import { type Contract, expectCode, type Harness, TIMES, tally } from './harness.js';
import { expect } from './tools.js';

type Settle = NonNullable<Hooks['settle']>;
type Ended = Parameters<Settle>[0];

const settlementOf = async (h: Harness, streamId: string) => {
  const [record] = await h.store.read(streamKey(streamId), 'current');
  return record?.settlement;
};

/** For `ReplicaInput.wrapStore`: loses what `lose` says of the steps of a settlement, counted from 1, the claim. */
function lossySteps(lose: (step: SettlementCommit, count: number) => Loss): {
  wrapStore: (store: Harness['store']) => Harness['store'];
} {
  let count = 0;
  return {
    wrapStore: (store) =>
      lossyStore(store, ({ method, args }) => {
        const [commit] = args as [{ writer?: string }];
        if (method !== 'commit' || commit.writer !== 'settler') return 'none';
        return lose(commit as SettlementCommit, ++count);
      }),
  };
}

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
      // A claim that lapsed on a busy machine would be made again.
      const lasting = { ...options, settleClaimMs: 60_000 };
      const replicas = await h.three({ ...h.delayed, options: lasting, hooks: { settle } });
      // Ten at a time share the wait for their claims to lapse.
      for (let round = 0; round < 5; round++) {
        // Whoever ends them dies before it can settle.
        const doomed = await h.replica({ options, hooks: { settle: () => new Promise(() => {}) } });
        const jobs: GenerationJob[] = [];
        for (let n = 0; n < 10; n++) jobs.push(await h.start(doomed, { streamId: `s${round}-${n}` }));
        const ending = Promise.all(jobs.map((job) => job.complete()));
        await Promise.race([ending, h.rest()]);
        await doomed.crash();
        await h.advance(TIMES.settleClaimMs + 50);
        for (const job of jobs) await h.store.due.nearer(job.key, 0);
        await h.soon(Promise.all(replicas.map((replica) => replica.manager.upkeep.sweep())));
        for (const { streamId } of jobs) {
          const isSettled = async () => (await settlementOf(h, streamId))?.state === 'settled';
          await h.until(isSettled, `${streamId} is settled`);
        }
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
    title: 'a renewal whose answer is lost keeps the claim: nobody settles or deletes beside the hook',
    timesLapse: true,
    async run(h) {
      const finish: (() => void)[] = [];
      const outcomes: string[] = [];
      const settle: Settle = () => new Promise<void>((resolve) => finish.push(resolve));
      const claimMs = 2_000;
      const input = {
        hooks: { settle },
        observer: { settled: (outcome: string) => outcomes.push(outcome) },
        options: { settleClaimMs: claimMs },
      };
      const one = await h.replica({
        ...input,
        ...lossySteps((step, count) => (step.claimed && count % 2 === 0 ? 'reply' : 'none')),
      });
      await h.replica(input);
      await (await h.start(one)).complete();
      await h.until(() => finish.length === 1, 'it has begun');
      await h.advance(claimMs * 3);
      expect(finish, 'nobody settles beside it').toHaveLength(1);
      const settlement = await settlementOf(h, 's');
      expect(settlement).toMatchObject({ state: 'open', claimed: true, tries: 1 });
      expect(settlement?.notBefore, 'a deletion waits for it').toBeGreaterThan(h.store.now());
      finish[0]?.();
      await h.until(async () => (await settlementOf(h, 's'))?.state === 'settled', 'settled');
      await h.until(() => outcomes.length > 0, 'it is told');
      expect(finish).toHaveLength(1);
      expect(outcomes).toEqual(['settled']);
    },
  },
  ...(['reply', 'request'] as const).map(
    (loss): Contract => ({
      id: 'L35',
      title: `a settlement that succeeded is not made again when the ${loss} that records it is lost`,
      timesLapse: true,
      async run(h) {
        let tries = 0;
        const outcomes: string[] = [];
        const observer = { settled: (outcome: string) => outcomes.push(outcome) };
        const hooks = { settle: () => void tries++ };
        let losses = 0;
        const one = await h.replica({
          ...lossySteps((step) => (step.state === 'settled' && losses++ < 2 ? loss : 'none')),
          hooks,
          observer,
        });
        await h.replica({ hooks, observer });
        await (await h.start(one)).complete();
        await h.until(async () => (await settlementOf(h, 's'))?.state === 'settled', 'settled');
        await h.advance(TIMES.settleClaimMs + TIMES.leaseMs);
        expect(tries).toBe(1);
        await h.until(() => outcomes.length > 0, 'it is counted');
        expect(outcomes).toEqual(['settled']);
        expect(losses).toBeGreaterThan(loss === 'reply' ? 1 : 2);
      },
    }),
  ),
  {
    id: 'L35',
    title:
      'a failed try whose record is lost is followed by another one after its pause, not after the claim',
    timesLapse: true,
    async run(h) {
      let tries = 0;
      let losses = 0;
      const one = await h.replica({
        ...lossySteps((step) => (!step.claimed && losses++ === 0 ? 'request' : 'none')),
        options: { settleClaimMs: 60_000 },
        hooks: {
          settle: () => {
            if (++tries === 1) throw new Error('the database is away');
          },
        },
      });
      await (await h.start(one)).complete();
      await h.until(async () => (await settlementOf(h, 's'))?.state === 'settled', 'settled');
      expect(tries).toBe(2);
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
    title:
      'what is tried too long is set aside, kept and listed, tried again by itself and by call, and told of before it goes',
    timesLapse: true,
    async run(h) {
      const outcomes: string[] = [];
      const told: string[] = [];
      let tries = 0;
      let works = false;
      const setAsideMs = 2 * TIMES.retentionMs;
      const options = { settleForMs: 500, setAsideRetryMs: 1_000, setAsideMs, retentionMs: 800 };
      const replica = await h.replica({
        options,
        hooks: {
          settle: () => {
            tries++;
            if (!works) throw new Error('never');
          },
          onError: ({ error }) => void (isGenerationJobError(error) && told.push(error.code)),
        },
        observer: { settled: (outcome) => outcomes.push(outcome) },
      });
      const started = async (streamId: string) => (await h.start(replica, { streamId })).complete();
      await started('s');
      await h.until(async () => (await settlementOf(h, 's'))?.state === 'set_aside', 'set aside');
      await h.until(() => outcomes.at(-1) === 'set_aside', 'it is counted');
      expect(outcomes.slice(0, -1).every((outcome) => outcome === 'retried')).toBe(true);
      const triedBefore = tries;
      await h.until(() => tries > triedBefore, 'it is tried again by itself', options.setAsideRetryMs + 500);
      expect((await settlementOf(h, 's'))?.state).toBe('set_aside');
      await started('t');
      await h.until(async () => (await settlementOf(h, 't'))?.state === 'set_aside', 'set aside');
      const listed: string[] = [];
      for (let cursor: string | undefined; ; ) {
        const page = await replica.manager.settlements({ state: 'set_aside', limit: 1, cursor });
        listed.push(...page.map(({ streamId }) => streamId));
        if (page.next === undefined) break;
        cursor = page.next;
      }
      expect([...new Set(listed)].sort()).toEqual(['s', 't']);
      expect(await h.soon(replica.manager.settleAgain('t'))).toBe(false);
      works = true;
      expect(await h.soon(replica.manager.settleAgain('t'))).toBe(true);
      works = false;
      await expectCode(replica.manager.settleAgain('unknown'), 'stream_not_found');
      expect(await replica.manager.getJob('s'), 'kept beyond its retention').not.toBeNull();
      expect(told).toEqual([]);
      await h.until(async () => (await replica.manager.getJob('s')) === null, 'it goes', options.setAsideMs);
      expect(told).toEqual(['settlement_dropped']);
    },
  },
  {
    id: 'L35',
    title:
      'a number of tries can be set as well; what is set aside and then settled is forgotten after its retention',
    timesLapse: true,
    async run(h) {
      const outcomes: string[] = [];
      let works = false;
      const replica = await h.replica({
        options: { settleTries: 3, setAsideRetryMs: 60_000 },
        hooks: {
          settle: () => {
            if (!works) throw new Error('not yet');
          },
        },
        observer: { settled: (outcome) => outcomes.push(outcome) },
      });
      await (await h.start(replica)).complete();
      await h.until(async () => (await settlementOf(h, 's'))?.state === 'set_aside', 'set aside');
      await h.until(() => outcomes.length > 2, 'it is counted');
      expect(outcomes).toEqual(['retried', 'retried', 'set_aside']);
      works = true;
      expect(await h.soon(replica.manager.settleAgain('s'))).toBe(true);
      const isGone = async () => (await replica.manager.getJob('s')) === null;
      await h.until(isGone, 'forgotten', TIMES.retentionMs + 1_000);
    },
  },
  {
    id: 'L35',
    title: 'of more than setAsideMost set aside the oldest goes, told once before it does and counted',
    timesLapse: true,
    async run(h) {
      const told: string[] = [];
      const outcomes: string[] = [];
      const make = () =>
        h.replica({
          options: { settleTries: 1, setAsideMost: 2, setAsideRetryMs: 60_000, retentionMs: 800 },
          hooks: {
            settle: () => {
              throw new Error('never');
            },
            onError: async ({ error, record }) => {
              if (!isGenerationJobError(error) || error.code !== 'settlement_dropped') return;
              const isThere = record !== undefined && (await settlementOf(h, record.streamId));
              told.push(`${record?.streamId} ${isThere ? 'is there' : 'is gone'}`);
            },
          },
          observer: { settled: (outcome) => outcomes.push(outcome) },
        });
      const one = await make();
      const two = await make();
      const setAside = async (replica: typeof one, streamId: string) => {
        await (await h.start(replica, { streamId })).complete();
        await h.until(async () => (await settlementOf(h, streamId))?.state === 'set_aside', 'set aside');
        await h.advance(5);
      };
      const listed = async () => {
        const page = await one.manager.settlements({ state: 'set_aside' });
        return page.map(({ streamId }) => streamId).sort();
      };
      await setAside(one, 'a');
      await setAside(two, 'b');
      expect(await listed()).toEqual(['a', 'b']);
      await setAside(one, 'c');
      await h.until(() => told.length > 0, 'the host is told');
      expect(told).toEqual(['a is there']);
      await h.until(async () => (await one.manager.getJob('a')) === null, 'the oldest goes', 800 + 1_000);
      expect(await listed()).toEqual(['b', 'c']);
      expect((await two.manager.stats()).global).toMatchObject({ setAside: 2, completed: 2 });
      await Promise.all([setAside(one, 'd'), setAside(two, 'e')]);
      await h.until(async () => (await listed()).join() === 'd,e', 'all but two');
      const dropped = () => outcomes.filter((outcome) => outcome === 'dropped').length;
      await h.until(() => dropped() === 3, 'each is counted');
      expect(told.sort()).toEqual(['a is there', 'b is there', 'c is there']);
    },
  },
];
