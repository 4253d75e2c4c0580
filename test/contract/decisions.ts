/**
 * Who decides: one of all who try, also when its answer was lost, its slot is taken, its replica leaves or its process
 * dies before the first event.
 */
import type { Continuation, GenerationJob, ProposedVerdict, Resolved } from 'generation-jobs';
import { type Loss, lossyStore, wrapStore } from 'generation-jobs/testing';
import { ASK, asked, expectDecided, expectRefused, NO, resolveOn, YES } from './asking.js';
import { text } from './follower.js';
import {
  AT_ONCE_MS,
  type Contract,
  codeOf,
  expectCode,
  type Harness,
  isTerminal,
  RENEWS_SELDOM,
  type Replica,
  type ReplicaInput,
  TIMES,
} from './harness.js';
import { pick, shuffled } from './seeded.js';
import { expect } from './tools.js';

const names = async (h: Harness, streamId = 's') => (await h.log(streamId)).map(({ event }) => event);
const isOne = (count: number, what: string) => expect(count, what).toBe(1);

/** A replica whose store loses the calls it is told to, once it is told to. */
async function unlucky(h: Harness, input: ReplicaInput = {}) {
  const luck: { loss: Loss; methods: readonly string[]; lost: number } = {
    loss: 'none',
    methods: ['commit'],
    lost: 0,
  };
  const replica = await h.replica({
    options: RENEWS_SELDOM,
    ...input,
    wrapStore: (store) =>
      lossyStore(store, ({ method }) => {
        if (luck.loss === 'none' || !luck.methods.includes(method)) return 'none';
        luck.lost++;
        return luck.loss;
      }),
  });
  return { replica, luck };
}

/** A decision whose outcome its caller was not told, and what it says of it. */
async function undecided(h: Harness, loss: 'reply' | 'request') {
  const made = await unlucky(h);
  const other = await h.replica({ options: RENEWS_SELDOM });
  const { job, actionId } = await asked(h, other, { resumeContext: { step: 1 } });
  made.luck.loss = loss;
  await expectCode(h.soon(resolveOn(made.replica, { actionId })), 'unavailable');
  made.luck.loss = 'none';
  expect(made.luck.lost).toBeGreaterThan(1);
  return { ...made, other, actionId, job };
}

const RECOVERS = { maxRecoveries: 3 };

export const decisionContracts: readonly Contract[] = [
  {
    id: 'L38 F31 P7',
    title:
      'two decisions at once on two replicas, a thousand times: one wins, the other is told who did and what',
    async run(h) {
      const replicas = await h.two(h.delayed);
      for (let round = 0; round < h.backend.rounds; round++) {
        const streamId = `s${round}`;
        const { actionId } = await asked(h, replicas[pick(h.random, 2)] as Replica, { streamId });
        const winners: Resolved[] = [];
        const losers: Promise<unknown>[] = [];
        const decide = async (index: number) => {
          const input = { actionId, decisions: index === 0 ? YES : NO, by: `p${index}` };
          const resolving = resolveOn(replicas[index] as Replica, input, streamId);
          await resolving.then(
            (resolved) => winners.push(resolved),
            () => losers.push(resolving),
          );
        };
        const deciding = shuffled(h.random, [0, 1]).map(async (index) => {
          for (let wait = pick(h.random, 4); wait > 0; wait--)
            await new Promise((resolve) => setImmediate(resolve));
          await decide(index);
        });
        await h.soon(Promise.all(deciding));
        isOne(winners.length, `winners of round ${round}`);
        isOne(losers.length, `losers of round ${round}`);
        const [won] = winners as [Resolved];
        const { resolution } = won.continuation;
        await expectDecided(h, losers[0] as Promise<unknown>, resolution as object);
        expect(resolution).toMatchObject(
          resolution?.by === 'p0' ? { decisions: YES } : { by: 'p1', decisions: NO },
        );
        expect(won.job.attempt).toBe(2);
        void won.job.emit(text('on'));
        await h.soon(won.job.complete());
        const expected = ['created', 'requires_action', 'resumed', 'text', 'completed'];
        expect(await names(h, streamId)).toEqual(expected);
      }
    },
  },
  {
    id: 'L38 F8 P7',
    title: 'a decision whose reply is lost once is made once, and its caller has won',
    async run(h) {
      const { replica, luck } = await unlucky(h);
      const { actionId } = await asked(h, replica);
      luck.loss = 'reply';
      const resolving = resolveOn(replica, { actionId });
      await h.until(() => luck.lost > 0, 'a reply is lost', AT_ONCE_MS);
      luck.loss = 'none';
      const { job } = await h.soon(resolving);
      expect(job.attempt).toBe(2);
      void job.emit(text('on'));
      await job.complete();
      expect(await names(h)).toEqual(['created', 'requires_action', 'resumed', 'text', 'completed']);
    },
  },
  ...(['reply', 'request'] as const).map(
    (loss): Contract => ({
      id: 'L38 F8 P7',
      title: `a decision of which every ${loss} was lost has won when it is made again, and has the handle exactly once`,
      async run(h) {
        const { replica, actionId, other } = await undecided(h, loss);
        // Two who ask again at once are not one.
        const again = [1, 2].map(() => resolveOn(replica, { actionId }));
        const results = await h.soon(Promise.allSettled(again));
        const won = results.filter((one) => one.status === 'fulfilled').map(({ value }) => value);
        isOne(won.length, 'handles');
        const lost = again[results.findIndex((one) => one.status === 'rejected')];
        await expectDecided(h, lost as Promise<unknown>, { by: 'p', decisions: YES });
        const { job, continuation } = won[0] as Resolved;
        expect(job.attempt).toBe(2);
        expect(continuation).toMatchObject({ resumeContext: { step: 1 }, resolution: { by: 'p' } });
        await expectDecided(h, resolveOn(replica, { actionId }), { by: 'p' });
        await expectDecided(h, resolveOn(other, { actionId }), { by: 'p' });
        void job.emit(text('on'));
        await job.complete();
        expect(await names(h)).toEqual(['created', 'requires_action', 'resumed', 'text', 'completed']);
      },
    }),
  ),
  {
    id: 'L38 P7 P8',
    title:
      'only the same said again is the same: other decisions, another decider, another user or another payload are not',
    async run(h) {
      const { replica, actionId } = await undecided(h, 'reply');
      const outcome = { by: 'p', decisions: YES };
      await expectDecided(h, resolveOn(replica, { actionId, decisions: NO }), outcome);
      await expectDecided(h, resolveOn(replica, { actionId, by: 'q' }), outcome);
      await expectDecided(h, resolveOn(replica, { actionId, payloadDigest: 'x' }), outcome);
      await expectCode(resolveOn(replica, { actionId, userId: 'v' }), 'stream_not_found');
      await expectCode(resolveOn(replica, { actionId, tenantId: 't' }), 'stream_not_found');
      const { job } = await h.soon(resolveOn(replica, { actionId, userId: 'u' }));
      expect(job.attempt).toBe(2);
      await job.complete();
    },
  },
  {
    id: 'L38 P7',
    title:
      'who has won and was not told stays the winner, however often the store is away when it asks again',
    async run(h) {
      const { replica, luck, actionId } = await undecided(h, 'reply');
      luck.loss = 'request';
      luck.methods = ['due.nearer'];
      await expectCode(h.soon(resolveOn(replica, { actionId })), 'unavailable');
      await expectCode(h.soon(resolveOn(replica, { actionId })), 'unavailable');
      luck.loss = 'none';
      const { job } = await h.soon(resolveOn(replica, { actionId }));
      await job.complete();
      expect((await names(h)).filter((name) => name === 'resumed')).toHaveLength(1);
    },
  },
  {
    id: 'L38 P7',
    title: 'who has won and was not told stays the winner, also beside another who has lost and was not told',
    async run(h) {
      const { replica, luck } = await unlucky(h);
      for (const first of ['p', 'q']) {
        const streamId = `s-${first}`;
        const { actionId } = await asked(h, replica, { streamId });
        luck.loss = 'reply';
        const both = shuffledPair(first).map((by) =>
          resolveOn(replica, { actionId, by }, streamId).catch(codeOf),
        );
        expect(await h.soon(Promise.all(both))).toEqual(['unavailable', 'unavailable']);
        luck.loss = 'none';
        const winner = (await replica.manager.approvals.history(streamId))[0]?.by as string;
        const loser = winner === 'p' ? 'q' : 'p';
        await expectDecided(h, resolveOn(replica, { actionId, by: loser }, streamId), { by: winner });
        const { job } = await h.soon(resolveOn(replica, { actionId, by: winner }, streamId));
        await job.complete();
        expect(await names(h, streamId)).toEqual(['created', 'requires_action', 'resumed', 'completed']);
      }
    },
  },
  {
    id: 'L38 P7',
    title: 'two who said the same and were not told: the one that won is found among them',
    async run(h) {
      const { replica, luck } = await unlucky(h);
      const { actionId } = await asked(h, replica);
      luck.loss = 'reply';
      const both = [1, 2].map(() => resolveOn(replica, { actionId }).catch(codeOf));
      expect(await h.soon(Promise.all(both))).toEqual(['unavailable', 'unavailable']);
      luck.loss = 'none';
      const { job } = await h.soon(resolveOn(replica, { actionId }));
      await expectDecided(h, resolveOn(replica, { actionId }), { by: 'p' });
      await job.complete();
      expect(await names(h)).toEqual(['created', 'requires_action', 'resumed', 'completed']);
    },
  },
  {
    id: 'L38 P3',
    title: 'who asks again when less than a renewal’s time is left of its lease gets a handle that lasts',
    timesLapse: true,
    async run(h) {
      const { replica, actionId } = await undecided(h, 'reply');
      await h.advance(RENEWS_SELDOM.leaseMs / 6);
      const { job } = await h.soon(resolveOn(replica, { actionId }));
      await h.advance(RENEWS_SELDOM.leaseMs / 2);
      expect(job.reason).toBeUndefined();
      void job.emit(text('on'));
      await job.complete();
    },
  },
  {
    id: 'L38 L45',
    title: 'who asks again when its lease is over is told that it is decided, and the generation is lost',
    timesLapse: true,
    async run(h) {
      const { replica, luck } = await unlucky(h, { options: {} });
      const { actionId } = await asked(h, replica);
      luck.loss = 'reply';
      await expectCode(h.soon(resolveOn(replica, { actionId })), 'unavailable');
      luck.loss = 'none';
      await h.advance(TIMES.leaseMs);
      await expectDecided(h, resolveOn(replica, { actionId }), { by: 'p' });
      await h.until(async () => (await names(h)).at(-1) === 'failed', 'it is lost', TIMES.leaseMs);
      await expectDecided(h, resolveOn(replica, { actionId }), { by: 'p' });
    },
  },
  {
    id: 'L38 P7',
    title:
      'asked again under the same key on another replica, it is decided as said; under another key, or said otherwise, it is not',
    async run(h) {
      const [one, two] = await h.two();
      const idempotencyKey = 'k1';
      const action = {
        type: 'own',
        expiresInMs: 60_000,
        requests: [{ id: 'r', name: 't' }],
        questions: [
          { id: 'q', question: '?' },
          { id: 'z', question: '?' },
        ],
      };
      const job = await h.start(one);
      const { actionId } = await job.pause(action);
      const answers = [
        { id: 'q', text: 'a' },
        { id: 'z', text: 'b' },
      ];
      await resolveOn(one, { actionId, answers, idempotencyKey });
      const again = async (over: object) =>
        (await expectDecided(h, resolveOn(two, { actionId, answers, ...over }), { by: 'p' })).repeated;
      expect(await again({ idempotencyKey })).toBe(true);
      expect(await again({ idempotencyKey, answers: answers.toReversed() }), 'in another order').toBe(true);
      expect(await again({})).toBe(false);
      expect(await again({ idempotencyKey: 'k2' })).toBe(false);
      expect(await again({ idempotencyKey, decisions: NO }), 'said otherwise').toBe(false);
      expect(await again({ idempotencyKey, answers: [] }), 'said less').toBe(false);
      expect(await again({ idempotencyKey, by: 'q' }), 'said by another').toBe(false);
    },
  },
  {
    id: 'L46 P9',
    title: 'a pause gives the slot back and a decision takes it; without a free one the action stays pending',
    async run(h) {
      const options = { ...RENEWS_SELDOM, limits: { activeJobsPerUser: 1 } };
      const [one, two] = await h.two({ options });
      const { actionId, job } = await asked(h, one);
      const second = await h.soon(startWhenFree(h, two, 'other'));
      await h.rest();
      const before = await h.store.read(job.key, 'kept');
      for (const replica of [one, two]) {
        await expectCode(h.soon(resolveOn(replica, { actionId })), 'user_limit_exceeded');
        expect(await h.store.read(job.key, 'kept')).toEqual(before);
      }
      await second.complete();
      const { job: next } = await h.soon(resolveWhenFree(h, two, actionId));
      await expectCode(h.start(one, { streamId: 'other' }), 'user_limit_exceeded');
      // Who is too late has not taken another one with it.
      await expectDecided(h, resolveOn(one, { actionId }), { by: 'p' });
      await next.complete();
      const third = await h.soon(startWhenFree(h, one, 'other'));
      await expectDecided(h, resolveOn(one, { actionId }), { by: 'p' });
      await third.complete();
      expect(await h.soon(startWhenFree(h, one, 'last'))).toBeDefined();
    },
  },
  {
    id: 'L46 P9',
    title: 'a decision that is refused at the commit gives its slot back, unless it is the winner’s',
    async run(h) {
      let meanwhile: () => Promise<unknown> = async () => undefined;
      const options = { ...RENEWS_SELDOM, limits: { activeJobsPerUser: 1 } };
      const hooks = { beforeResolve: () => meanwhile().then(() => true) };
      const one = await h.replica({ options, hooks });
      const two = await h.replica({ options });
      const outcomes: Record<
        string,
        [code: string, act: (streamId: string, actionId: string) => Promise<unknown>]
      > = {
        aborted: ['generation_ended', (streamId) => two.manager.abortJob(streamId)],
        deleted: ['stream_not_found', (streamId) => two.manager.deleteStream(streamId)],
        decided: [
          'action_decided',
          async (streamId, actionId) => (await resolveOn(two, { actionId }, streamId)).job.complete(),
        ],
        'paused-again': [
          'action_stale',
          async (streamId, actionId) => {
            const { job } = await resolveOn(two, { actionId }, streamId);
            await job.pause(ASK);
            await h.until(() => two.calls['slots.give'], 'its slot is given back', AT_ONCE_MS);
          },
        ],
      };
      for (const [streamId, [code, act]] of Object.entries(outcomes)) {
        meanwhile = async () => undefined;
        const job = await h.soon(startWhenFree(h, one, streamId));
        const { actionId } = await h.soon(job.pause(ASK));
        meanwhile = () => act(streamId, actionId);
        await expectCode(h.soon(resolveOn(one, { actionId }, streamId)), code);
        // At once, not when the slot would expire.
        await (await h.soon(startWhenFree(h, two, `after-${streamId}`))).complete();
      }
      // The loser takes nothing away from the winner.
      let won: Resolved | undefined;
      const { actionId } = await asked(h, one, { streamId: 'won' });
      meanwhile = async () => {
        won = await resolveOn(two, { actionId }, 'won');
      };
      await expectDecided(h, resolveOn(one, { actionId }, 'won'), { by: 'p' });
      await h.rest();
      await expectCode(h.start(one, { streamId: 'more' }), 'user_limit_exceeded');
      await won?.job.complete();
    },
  },
  {
    id: 'L46 P9',
    title: 'a slot that a pause gives back late is not taken from the attempt that goes on',
    async run(h) {
      const options = { ...RENEWS_SELDOM, limits: { activeJobsPerUser: 1 } };
      let giveLate = () => {};
      const late = new Promise<void>((resolve) => {
        giveLate = resolve;
      });
      let given: Promise<unknown> | undefined;
      const slow = await h.replica({
        options,
        wrapStore: (inner) =>
          wrapStore(inner, ({ method }, perform) => {
            if (method !== 'slots.give' || given !== undefined) return perform();
            given = late.then(perform);
            return given;
          }),
      });
      const other = await h.replica({ options });
      const { actionId } = await asked(h, slow);
      const { job } = await h.soon(resolveOn(other, { actionId }));
      giveLate();
      await h.until(() => given !== undefined, 'the pause to give its slot back');
      await given;
      await expectCode(h.start(other, { streamId: 'other' }), 'user_limit_exceeded');
      await job.complete();
      await h.soon(startWhenFree(h, other, 'other'));
    },
  },
  {
    id: 'L46 P9',
    title: 'a decision that could not get as far as its commit gives its slot back',
    async run(h) {
      const options = { ...RENEWS_SELDOM, limits: { activeJobsPerUser: 1 } };
      const { replica, luck } = await unlucky(h, { options });
      const other = await h.replica({ options });
      const { actionId } = await asked(h, replica);
      await h.rest();
      luck.methods = ['due.nearer'];
      luck.loss = 'request';
      await expectCode(h.soon(resolveOn(replica, { actionId })), 'unavailable');
      luck.loss = 'none';
      await (await h.soon(startWhenFree(h, other, 'other'))).complete();
      await h.soon(resolveWhenFree(h, other, actionId));
    },
  },
  {
    id: 'L49 L38',
    title:
      'a decision that is under way when its replica drains doesn’t outlive it, and goes on elsewhere or has an end',
    timesLapse: true,
    async run(h) {
      for (const recovers of [false, true]) {
        for (let round = 0; round < 12; round++) {
          const streamId = `s${recovers}-${round}`;
          const recovered: Continuation[] = [];
          const hooks = recovers
            ? { recover: (_: unknown, continuation: Continuation) => void recovered.push(continuation) }
            : {};
          const other = await h.replica({ hooks, options: { sweepMs: 50 } });
          const leaving = await h.replica({ ...h.delayed, hooks });
          const { actionId, job } = await asked(h, other, { streamId });
          const deciding = resolveOn(leaving, { actionId }, streamId).then(
            (resolved) => resolved.job,
            () => undefined,
          );
          for (let wait = pick(h.random, 24); wait > 0; wait--)
            await new Promise((resolve) => setImmediate(resolve));
          await h.soon(leaving.manager.close(), 'the close', 8_000);
          const next = await h.soon(deciding);
          await h.rest();
          const context = `${streamId}: ${await names(h, streamId)}`;
          expect(next === undefined || next.isOver, context).toBe(true);
          expect(leaving.clock.pendingTimers, context).toBe(0);
          const isPending = async () => (await other.manager.approvals.peek(streamId)) !== null;
          const isEnded = async () => ((await names(h, streamId)).at(-1) ?? '').match(/completed|failed/);
          await h.until(async () => (await isPending()) || (await isEnded()), context, TIMES.leaseMs + 200);
          if (recovers && (await isEnded()) && !(await names(h, streamId)).includes('failed')) {
            expect(recovered.map(({ resolution }) => resolution?.by)).toEqual(['p']);
          }
          await other.manager.deleteStream(job.streamId);
          await h.soon(other.manager.close());
        }
      }
    },
  },
  {
    id: 'L49 L45',
    title:
      'a take-over that is under way when its replica drains doesn’t outlive it, and is left to another replica',
    timesLapse: true,
    async run(h) {
      // Where time is real, each round waits for a lease to lapse.
      const rounds = h.backend.jump ? 24 : 4;
      for (let round = 0; round < rounds; round++) {
        const streamId = `s${round}`;
        const goesOn: Continuation[] = [];
        const hooks = {
          recover: (job: GenerationJob, continuation: Continuation) => {
            goesOn.push(continuation);
            return new Promise((resolve) => job.signal.addEventListener('abort', resolve));
          },
        };
        const doomed = await h.replica();
        const options = { sweepMs: 900, maxRecoveries: 3 };
        const leaving = await h.replica({ ...h.delayed, hooks, options });
        const { actionId, job } = await asked(h, doomed, { streamId });
        await resolveOn(doomed, { actionId }, streamId);
        await doomed.crash();
        await h.advance(TIMES.leaseMs + 10);
        const sweeping = leaving.manager.upkeep.sweep();
        for (let wait = pick(h.random, 24); wait > 0; wait--)
          await new Promise((resolve) => setImmediate(resolve));
        await h.soon(leaving.manager.close(), 'the close', 12_000);
        await h.soon(sweeping);
        await h.rest();
        const log = await names(h, streamId);
        const context = `round ${round}: ${log.join(' ')}`;
        expect(leaving.clock.pendingTimers, context).toBe(0);
        // Memory is not shared: there a draining replica ends what it holds.
        if (!log.includes('failed')) {
          const other = await h.replica({ hooks, options: { ...options, sweepMs: 50 } });
          const before = goesOn.length;
          await h.until(() => goesOn.length > before, context, TIMES.leaseMs + 200);
          expect(goesOn.at(-1), context).toMatchObject({ action: { actionId }, resolution: { by: 'p' } });
          await other.manager.abortJob(streamId);
          await h.soon(other.manager.close());
        }
        await h.store.delete(job.key);
      }
    },
  },
  {
    id: 'L45 F33 P7',
    title:
      'a winner that dies before its first event is succeeded with what was decided; nobody is asked again',
    timesLapse: true,
    async run(h) {
      const tool: string[] = [];
      const continuations: Continuation[] = [];
      const takers: Replica[] = [];
      const able = async () => {
        const recover = async (job: { readonly attempt: number }, continuation: Continuation) => {
          continuations.push(continuation);
          takers.push(replica);
          // The second one dies as well.
          if (job.attempt === 3) return new Promise(() => {});
          tool.push(continuation.resolution?.decisions[0]?.decision ?? 'none');
          return 'done';
        };
        const hooks = { recover, recoverMode: 'continue' as const };
        const replica: Replica = await h.replica({ hooks, options: RECOVERS });
        return replica;
      };
      const [one, two, doomed] = [await able(), await able(), await able()];
      const job = await h.start(one, { contentModel: 'text' });
      void job.emit(text('so far'));
      const { actionId } = await job.pause({ ...ASK, fingerprint: 'f', resumeContext: { step: [1] } });
      await resolveOn(doomed, { actionId, fingerprint: 'f' });
      await doomed.crash();
      await h.until(() => takers.length === 1, 'it is taken over', TIMES.leaseMs + 2 * TIMES.sweepMs);
      await takers[0]?.crash();
      const asking = takers[0] === one ? two : one;
      const follower = h.follow(asking);
      await h.until(() => takers.length === 2, 'it is taken over again', TIMES.leaseMs + 2 * TIMES.sweepMs);
      const events = await h.finished(follower);
      for (const continuation of continuations) {
        expect(continuation).toMatchObject({
          action: { actionId, type: 'tool_approval', requests: ASK.requests, resumeContext: { step: [1] } },
          resolution: { actionId, by: 'p', decisions: YES, outcome: 'decided' },
          resumeContext: { step: [1] },
          content: { text: 'so far' },
        });
        expect(continuation.record.pendingAction).toBeUndefined();
      }
      expect(follower.names).toEqual([
        ...['created', 'text', 'requires_action', 'resumed'],
        ...['recovered', 'recovered', 'completed'],
      ]);
      expect(events).toEqual(await h.log());
      expect(tool).toEqual(['approve']);
      await expectDecided(h, resolveOn(asking, { actionId, decisions: NO, by: 'q' }), { by: 'p' });
    },
  },
  {
    id: 'L45 F33 L6',
    title:
      'a winner that dies and can’t be succeeded fails the generation; its request, made again, does not ask again',
    timesLapse: true,
    async run(h) {
      const [one, doomed] = await h.two();
      const input = { streamId: 's', userId: 'u', idempotencyKey: 'k' };
      const job = await h.start(one, input);
      const { actionId } = await job.pause(ASK);
      await resolveOn(doomed, { actionId });
      await doomed.crash();
      await h.until(
        async () => (await names(h)).at(-1) === 'failed',
        'it fails',
        TIMES.leaseMs + 2 * TIMES.sweepMs,
      );
      expect((await h.log()).at(-1)?.data).toMatchObject({ code: 'producer_lost' });
      expect(await one.manager.approvals.peek('s')).toBeNull();
      await expectDecided(h, resolveOn(one, { actionId, decisions: NO }), { by: 'p', decisions: YES });
      expect(await one.manager.createJob(input)).toMatchObject({
        started: false,
        record: { generation: job.generation, status: 'failed' },
      });
    },
  },
  {
    id: 'L45 L52 F33',
    title:
      'a winner that dies at any store call, before or after it, leaves the action pending or goes on once as decided',
    timesLapse: true,
    async run(h) {
      const continued: Record<string, Continuation[]> = {};
      const recover = ({ streamId }: { readonly streamId: string }, continuation: Continuation) => {
        continued[streamId] = [...(continued[streamId] ?? []), continuation];
      };
      const survivor = await h.replica({ hooks: { recover } });
      for (const moment of ['before', 'after'] as const) {
        for (let n = 1; ; n++) {
          expect(n).toBeLessThan(20);
          const streamId = `s-${moment}-${n}`;
          let left = Number.POSITIVE_INFINITY;
          let died = false;
          const doomed: Replica = await h.replica({
            options: { sweepMs: 900, renewMs: 450 },
            wrapStore: (store) =>
              wrapStore(store, async (_, perform) => {
                if (--left > 0) return perform();
                if (left === 0) {
                  if (moment === 'after') await perform();
                  died = true;
                  await doomed.crash();
                }
                return new Promise(() => {});
              }),
          });
          const { actionId } = await asked(h, survivor, { streamId });
          left = n;
          let won: Resolved | undefined;
          const deciding = resolveOn(doomed, { actionId }, streamId).then((resolved) => {
            won = resolved;
          });
          deciding.catch(() => {});
          await h.until(() => died || won !== undefined, 'it dies or wins');
          left = Number.POSITIVE_INFINITY;
          if (!died) await doomed.crash();
          const isPending = (await survivor.manager.approvals.peek(streamId)) !== null;
          if (isPending) await (await resolveOn(survivor, { actionId, by: 'q' }, streamId)).job.complete();
          const isEnded = async () => (await h.log(streamId)).some(isTerminal);
          await h.until(isEnded, `${streamId} ends`, TIMES.leaseMs + 2 * TIMES.sweepMs);
          const log = await names(h, streamId);
          expect(log.filter((name) => name === 'resumed')).toHaveLength(1);
          expect(log.filter((name) => name === 'requires_action')).toHaveLength(1);
          expect(log.at(-1)).toBe('completed');
          expect((continued[streamId] ?? []).map(({ resolution }) => resolution?.by)).toEqual(
            isPending ? [] : ['p'],
          );
          if (!died) break;
        }
      }
    },
  },
  {
    id: 'L141',
    title: 'a decision by a link is told so to beforeResolve, and recorded so; any other is not',
    async run(h) {
      const proposals: ProposedVerdict[] = [];
      const hooks = { beforeResolve: (proposed: ProposedVerdict) => void proposals.push(proposed) };
      const [one, two] = await h.two({ hooks });
      const { actionId } = await asked(h, one);
      const { job, continuation } = await h.soon(resolveOn(two, { actionId, via: 'link', by: 'p' }));
      expect(continuation.resolution).toMatchObject({ actionId, by: 'p', via: 'link' });
      const again = await h.soon(job.pause(ASK));
      const next = await h.soon(resolveOn(one, { actionId: again.actionId, by: 'q' }));
      expect(proposals.map(({ via, by }) => [via, by])).toEqual([
        ['link', 'p'],
        [undefined, 'q'],
      ]);
      for (const { manager } of [one, two]) {
        const [first, second] = await manager.approvals.history('s');
        expect(first).toMatchObject({ actionId, by: 'p', via: 'link' });
        expect(second).toMatchObject({ actionId: again.actionId, by: 'q' });
        expect(Object.keys(second ?? {})).not.toContain('via');
      }
      await h.soon(next.job.complete());
    },
  },
  {
    id: 'L142',
    title: 'a decision for a generation decides nothing of another one, though that asks under the same id',
    async run(h) {
      const still = { leaseMs: 60_000, renewMs: 20_000, sweepMs: 60_000, approvalWindowMs: 60_000 };
      const replica = await h.replica({ options: still });
      const first = await asked(h, replica, { actionId: 'a' });
      const second = await asked(h, replica, { actionId: 'a' });
      const [old, generation] = [first.job.generation, second.job.generation];
      expect(generation).toBeGreaterThan(old);
      const late = () => resolveOn(replica, { actionId: 'a', generation: old });
      await expectRefused(h, { replica, job: second.job }, late, 'generation_ended');
      const input = { actionId: 'a', generation, idempotencyKey: 'k' };
      const { job } = await h.soon(resolveOn(replica, input));
      await h.soon(job.complete());
      const third = await h.soon(h.start(replica));
      const repeated = await expectDecided(h, resolveOn(replica, input), { by: 'p' }, 'action_stale');
      expect(repeated.repeated).toBe(true);
      await expectRefused(h, { replica, job: third }, late, 'generation_ended');
      await h.soon(third.complete());
    },
  },
];

const shuffledPair = (first: string) => (first === 'p' ? ['p', 'q'] : ['q', 'p']);

/** A slot is given back in the background. */
function whenFree<Result>(h: Harness, call: () => Promise<Result>): Promise<Result> {
  let result: Promise<Result> | undefined;
  const isFree = async () => {
    const trying = call();
    const code = await trying.then(() => 'ok', codeOf);
    if (code !== 'user_limit_exceeded') result = trying;
    return result !== undefined;
  };
  return h.until(isFree, 'a slot is free', AT_ONCE_MS).then(() => result as Promise<Result>);
}

function startWhenFree(h: Harness, replica: Replica, streamId: string) {
  return whenFree(h, () => h.start(replica, { streamId }));
}

function resolveWhenFree(h: Harness, replica: Replica, actionId: string) {
  return whenFree(h, () => resolveOn(replica, { actionId }));
}
