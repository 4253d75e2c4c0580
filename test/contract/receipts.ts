/**
 * Calls that `job.once` makes, over the attempts of a generation: made once, answered with what they gave, and when nobody knows
 * whether one was made, made again only as somebody allows it.
 */
import {
  type Continuation,
  createSeal,
  type GenerationJob,
  type GenerationJobOptions,
  type OnceOptions,
  type OnceOutcome,
  type PublicAction,
  type Receipt,
} from 'generation-jobs';
import { type LeaseClaim, type StoredReceipt, streamKey } from 'generation-jobs/ports';
import { DEAF, lossyStore, lossyTransport, wrapStore } from 'generation-jobs/testing';
import { ASK, resolveOn, YES } from './asking.js';
import {
  type Contract,
  expectCode,
  type Harness,
  type Replica,
  type ReplicaInput,
  rejection,
  TIMES,
} from './harness.js';
import { expect } from './tools.js';

const WITHIN = 3 * TIMES.leaseMs;
const SEAL = createSeal({ keys: [{ id: 'k', key: new Uint8Array(32).fill(7) }] });

/** A call that never comes back, as one that its process dies of. */
const never = () => new Promise<never>(() => {});

async function receiptsOf(h: Harness, { streamId = 's', generation = 'current' as 'current' | number } = {}) {
  const key = streamKey(streamId);
  const [record] = await h.store.read(key, generation);
  return record ? (await h.store.receipts(key, record.generation, { limit: 100 })).entries : [];
}

async function receiptOf(h: Harness, name: string, streamId = 's'): Promise<StoredReceipt | undefined> {
  return (await receiptsOf(h, { streamId })).find((one) => one.name === name);
}

/** What the attempts after a crash were given, in the order they began. */
interface Taken {
  readonly job: GenerationJob;
  readonly continuation: Continuation;
}

/** A replica that takes over and then does nothing by itself. */
async function taking(
  h: Harness,
  input: ReplicaInput = {},
  taken: Taken[] = [],
): Promise<{ replica: Replica; taken: Taken[] }> {
  const hooks = {
    recoverMode: 'continue' as const,
    recover: (job: GenerationJob, continuation: Continuation) => {
      taken.push({ job, continuation });
      return new Promise<void>((resolve) => job.signal.addEventListener('abort', () => resolve()));
    },
  };
  const options: GenerationJobOptions = { maxRecoveries: 9, ...input.options };
  return { replica: await h.replica({ ...input, hooks: { ...hooks, ...input.hooks }, options }), taken };
}

/** The attempt that has taken over from a crashed one. */
async function next(h: Harness, taken: Taken[], attempts = 1): Promise<Taken> {
  await h.until(() => taken.length >= attempts, 'it is taken over', WITHIN);
  return taken.at(-1) as Taken;
}

/** A call that was begun, and nobody knows more: its process has died of it. */
async function leftUnknown(h: Harness, name = 'k', input: ReplicaInput = {}): Promise<GenerationJob> {
  const doomed = await h.replica(input);
  const job = await h.start(doomed);
  void job.once(name, never);
  await h.until(async () => (await receiptOf(h, name))?.state === 'begun', 'it is begun');
  await doomed.crash();
  return job;
}

async function listed({ receipts }: Continuation): Promise<Receipt[]> {
  const all: Receipt[] = [];
  for await (const receipt of receipts) all.push(receipt);
  return all.sort((one, other) => (one.key < other.key ? -1 : 1));
}

/** Counts the calls, and what each was given. */
class Tool {
  readonly given: string[] = [];

  call<Result>(result: Result): (key: string) => Result {
    return (key) => {
      this.given.push(key);
      return result;
    };
  }

  get calls(): number {
    return this.given.length;
  }
}

/** Asks of an unknown call; resolves with the action that it pauses for. */
async function askedOf(
  h: Harness,
  replica: Replica,
  job: GenerationJob,
  tool: Tool,
  options: OnceOptions = {},
): Promise<PublicAction> {
  const error = await h.soon(rejection(job.once('k', tool.call('no'), options)), 'it stops to ask');
  expect(error).toMatchObject({ name: 'JobEndedError', reason: 'paused' });
  const action = await replica.manager.approvals.peek('s');
  return action as PublicAction;
}

export const receiptContracts: readonly Contract[] = [
  {
    id: 'L112',
    title:
      'a call is made once, with its receipt there before it; later attempts are answered with its result',
    timesLapse: true,
    async run(h) {
      const results: string[] = [];
      const observer = { onceCalled: (result: string) => void results.push(result) };
      const { replica, taken } = await taking(h, { observer });
      const doomed = await h.replica({ observer });
      const job = await h.start(doomed);
      const tool = new Tool();
      const made = await job.once('pay', async (key) => {
        expect(await receiptOf(h, 'pay')).toMatchObject({ state: 'begun', attempt: 1, runs: 1 });
        return tool.call({ paid: 5, at: new Date(0), none: undefined })(key);
      });
      expect(made).toEqual({ outcome: 'called', result: { paid: 5, at: new Date(0), none: undefined } });
      expect(await job.once('nothing', () => undefined)).toEqual({ outcome: 'called', result: undefined });
      const known = { outcome: 'finished', result: { paid: 5, at: '1970-01-01T00:00:00.000Z' } };
      expect(await job.once('pay', tool.call(0))).toEqual(known);
      await doomed.crash();
      const { job: second, continuation } = await next(h, taken);
      expect(await second.once('pay', tool.call(0))).toEqual(known);
      expect(await second.once('nothing', tool.call(0))).toEqual({ outcome: 'finished', result: null });
      expect(tool.given).toEqual([`/s/${job.generation}/pay`]);
      expect(await listed(continuation)).toMatchObject([
        { key: 'nothing', state: 'finished', attempt: 1, runs: 1, isKept: true, result: null },
        { key: 'pay', state: 'finished', isKept: true, result: known.result },
      ]);
      expect(await second.once('other', tool.call(1))).toEqual({ outcome: 'called', result: 1 });
      await second.complete();
      expect(results).toEqual(['called', 'called', 'known', 'known', 'known', 'called']);
      expect((await replica.manager.getJob('s'))?.receipts).toBe(3);
    },
  },
  {
    id: 'L112',
    title:
      'two at the same time are one call; one that throws is thrown to both, and may be made again, in any attempt',
    timesLapse: true,
    async run(h) {
      const { taken } = await taking(h);
      const doomed = await h.replica();
      const job = await h.start(doomed);
      const tool = new Tool();
      const fails = () => {
        tool.call(0)('');
        throw new Error('away');
      };
      const outcomes = await Promise.allSettled([job.once('k', fails), job.once('k', fails)]);
      expect(outcomes.map((one) => (one as PromiseRejectedResult).reason.message)).toEqual(['away', 'away']);
      expect(tool.calls).toBe(1);
      expect(await receiptOf(h, 'k')).toMatchObject({ state: 'failed', runs: 1 });
      await rejection(job.once('k', fails));
      await doomed.crash();
      const { job: second, continuation } = await next(h, taken);
      expect(await listed(continuation)).toMatchObject([
        { key: 'k', state: 'failed', runs: 2, isKept: false },
      ]);
      const both = await Promise.all([second.once('k', tool.call(7)), second.once('k', tool.call(8))]);
      expect(both).toEqual([
        { outcome: 'called', result: 7 },
        { outcome: 'called', result: 7 },
      ]);
      expect(tool.calls).toBe(3);
      expect(await receiptOf(h, 'k')).toMatchObject({ state: 'finished', attempt: 2, runs: 3, result: '7' });
      await second.complete();
    },
  },
  {
    id: 'L112 P9',
    title:
      'what is larger than the bound, or no JSON, is not kept, and has finished; one call too many is refused by name',
    async run(h) {
      const results: string[] = [];
      const observer = { onceCalled: (result: string) => void results.push(result) };
      const limits = { receiptBytes: 64, receipts: 5 };
      const replica = await h.replica({ options: { limits }, observer });
      const job = await h.start(replica);
      const circular: { self?: unknown } = {};
      circular.self = circular;
      const made: Record<string, unknown> = {
        fits: 'x'.repeat(62),
        'too large': 'x'.repeat(63),
        circular,
        looksSealed: { $sealed: 'x' },
      };
      for (const [key, result] of Object.entries(made))
        expect(await job.once(key, () => result), key).toEqual({ outcome: 'called', result });
      const again = async (key: string) => (await job.once(key, () => 'again')).outcome;
      expect(await Promise.all(Object.keys(made).map(again))).toEqual([
        'finished',
        ...['not_kept', 'not_kept', 'not_kept'],
      ]);
      expect(results.filter((one) => one === 'not_kept')).toHaveLength(3);
      await job.once('fifth', () => 5);
      const tool = new Tool();
      await expectCode(job.once('sixth', tool.call(6)), 'receipts_limit');
      expect([tool.calls, job.isOver, results.at(-1)]).toEqual([0, false, 'refused']);
      expect(await job.once('fits', tool.call(6))).toMatchObject({ outcome: 'finished' });
      await job.complete();
    },
  },
  {
    id: 'L113',
    title:
      'an unknown call asks a person: approved it is made again, once, and its result is there for who comes later',
    timesLapse: true,
    async run(h) {
      await leftUnknown(h);
      const { replica, taken } = await taking(h);
      const { job, continuation } = await next(h, taken);
      const other = await h.replica();
      expect(await listed(continuation)).toMatchObject([
        { key: 'k', state: 'unknown', attempt: 1, isKept: false },
      ]);
      const tool = new Tool();
      const asking = { name: 'pay', arguments: { amount: 5 }, description: 'Pays Ann.' };
      const action = await askedOf(h, replica, job, tool, asking);
      expect(action).toMatchObject({
        type: 'tool_unknown',
        requests: [{ id: 'k', ...asking, allowedDecisions: ['approve', 'reject', 'respond'] }],
        questions: [],
        payload: { attempt: 1, begunAt: (await receiptOf(h, 'k'))?.begunAt },
      });
      expect(Object.keys(action)).not.toContain('fingerprint');
      const { actionId } = action;
      const decisions = [{ id: 'k', decision: 'approve' }] as const;
      const decided = await resolveOn(other, { actionId, decisions, fingerprint: 'of the host' });
      expect(decided.continuation).toMatchObject({
        unknown: { action: { actionId }, resolution: { by: 'p', decisions } },
      });
      expect(decided.continuation.action).toBeUndefined();
      expect(await listed(decided.continuation)).toMatchObject([
        { key: 'k', state: 'unknown', decision: { decision: 'approve' } },
      ]);
      // It is allowed once: who dies of it has to ask again.
      void decided.job.once('k', never);
      await h.until(async () => (await receiptOf(h, 'k'))?.runs === 2, 'it is made again');
      await other.crash();
      const third = await next(h, taken, 2);
      expect(third.job.attempt).toBe(4);
      const second = await askedOf(h, replica, third.job, tool);
      expect(second.actionId).not.toBe(actionId);
      expect(tool.calls).toBe(0);
      const last = await resolveOn(replica, { actionId: second.actionId, decisions });
      expect(await last.job.once('k', tool.call('paid'))).toEqual({ outcome: 'called', result: 'paid' });
      expect(await last.job.once('k', tool.call('again'))).toEqual({ outcome: 'finished', result: 'paid' });
      expect(await receiptOf(h, 'k')).toMatchObject({ state: 'finished', attempt: 5, runs: 3 });
      expect(tool.given).toEqual([`/s/${job.generation}/k`]);
      await last.job.complete();
    },
  },
  {
    id: 'L113',
    title:
      'rejected it is never made again, and a text that is given stands for its result, in every attempt that comes',
    timesLapse: true,
    async run(h) {
      const { replica, taken } = await taking(h);
      for (const [decision, outcome] of [
        [
          { decision: 'reject', reason: 'it was paid' },
          { outcome: 'not_repeated', reason: 'it was paid' },
        ],
        [
          { decision: 'respond', text: 'paid by hand' },
          { outcome: 'responded', text: 'paid by hand' },
        ],
      ] as const) {
        taken.length = 0;
        await leftUnknown(h);
        const tool = new Tool();
        const { actionId } = await askedOf(h, replica, (await next(h, taken)).job, tool);
        const doomed = await h.replica();
        const decisions = [{ id: 'k', ...decision }];
        const { job } = await resolveOn(doomed, { actionId, decisions });
        expect(await job.once('k', tool.call(1))).toEqual(outcome);
        expect(await job.once('k', tool.call(1), { unknown: 'throw' })).toEqual(outcome);
        await doomed.crash();
        const later = await next(h, taken, 2);
        expect(later.continuation.unknown?.resolution).toMatchObject({ decisions });
        expect(await later.job.once('k', tool.call(1))).toEqual(outcome);
        expect(await later.job.once('k', tool.call(1), { idempotent: true })).toEqual(outcome);
        expect(tool.calls).toBe(0);
        await later.job.complete();
      }
    },
  },
  {
    id: 'L113',
    title:
      'an idempotent one is made again without a word; a host that wants no question gets an error by name',
    timesLapse: true,
    async run(h) {
      await leftUnknown(h);
      const { taken } = await taking(h);
      const { job } = await next(h, taken);
      const tool = new Tool();
      await expectCode(job.once('k', tool.call(1), { unknown: 'throw' }), 'receipt_unknown');
      expect([tool.calls, job.isOver]).toEqual([0, false]);
      expect(await job.once('k', tool.call(1), { idempotent: true })).toEqual({
        outcome: 'called',
        result: 1,
      });
      expect(await receiptOf(h, 'k')).toMatchObject({ attempt: 2, runs: 2, state: 'finished' });
      await job.complete();
    },
  },
  {
    id: 'L113 A23',
    title:
      'the attempt after the decision goes on from what the one that asked was resumed from, opened, and so does its successor',
    timesLapse: true,
    async run(h) {
      const { replica, taken } = await taking(h, { seal: SEAL });
      const doomed = await h.replica({ seal: SEAL });
      const first = await h.start(doomed);
      const resumeContext = { secret: 'canary-77' };
      const asked = await first.pause({ ...ASK, resumeContext });
      const { job } = await resolveOn(doomed, { actionId: asked.actionId });
      expect((await job.once('done', () => ({ canary: 'canary-77' }))).outcome).toBe('called');
      void job.once('k', never);
      await h.until(async () => (await receiptOf(h, 'k'))?.state === 'begun', 'it is begun');
      await doomed.crash();
      const from = { action: { actionId: asked.actionId, resumeContext }, resumeContext };
      const tool = new Tool();
      const recovered = await next(h, taken);
      expect(recovered.continuation).toMatchObject({ ...from, resolution: { decisions: YES } });
      expect(recovered.continuation.unknown).toBeUndefined();
      const action = await askedOf(h, replica, recovered.job, tool);
      const stored = await h.store.read(streamKey('s'), 'current');
      expect(JSON.stringify([stored, await receiptsOf(h), action])).not.toContain('canary-77');
      const decider = await h.replica({ seal: SEAL });
      const decisions = [{ id: 'k', decision: 'approve' }] as const;
      const decided = await resolveOn(decider, { actionId: action.actionId, decisions });
      const unknown = { action: { actionId: action.actionId }, resolution: { decisions } };
      const expected = { ...from, resolution: { actionId: asked.actionId, decisions: YES }, unknown };
      expect(decided.continuation).toMatchObject(expected);
      void decided.job.once('k', never);
      await h.until(async () => (await receiptOf(h, 'k'))?.runs === 2, 'it is made again');
      await decider.crash();
      const later = await next(h, taken, 2);
      expect(later.continuation).toMatchObject(expected);
      const done = { outcome: 'finished', result: { canary: 'canary-77' } };
      expect(await later.job.once('done', tool.call(0))).toEqual(done);
      expect((await listed(later.continuation))[0]).toMatchObject({ key: 'done', result: done.result });
      const again = await askedOf(h, replica, later.job, tool);
      const last = await resolveOn(replica, { actionId: again.actionId, decisions });
      expect(last.continuation).toMatchObject({ ...from, unknown: { action: { actionId: again.actionId } } });
      expect(await last.job.once('k', tool.call(1))).toEqual({ outcome: 'called', result: 1 });
      await last.job.complete();
    },
  },
  {
    id: 'L115',
    title:
      'what a call gives after its attempt was stopped or overtaken is recorded; what throws after that is left unknown',
    timesLapse: true,
    async run(h) {
      const taken: Taken[] = [];
      const { replica } = await taking(h, {}, taken);
      // It lives, and its lease lapses all the same.
      const { replica: slow } = await taking(
        h,
        {
          wrapStore: (store) =>
            lossyStore(store, ({ method, args: [claims] }) => {
              const isCut = ({ attempt, key }: LeaseClaim) => attempt === 1 && key.streamId === 's';
              return method === 'renew' && (claims as LeaseClaim[]).some(isCut) ? 'request' : 'none';
            }),
        },
        taken,
      );
      const late: Record<string, { resolve(value: string): void; reject(error: Error): void }> = {};
      const calls: Promise<unknown>[] = [];
      const begin = async (job: GenerationJob, names: readonly string[]) => {
        for (const name of names)
          calls.push(
            job
              .once(name, () => new Promise<string>((resolve, reject) => (late[name] = { resolve, reject })))
              .catch((error: unknown) => error),
          );
        const areBegun = async () => (await receiptsOf(h)).length >= names.length;
        await h.until(areBegun, 'they are begun');
      };
      const job = await h.start(slow);
      await begin(job, ['k', 'throws']);
      const second = await next(h, taken);
      const tool = new Tool();
      const { actionId } = await askedOf(h, replica, second.job, tool);
      expect(job.reason).toBe('lease_lost');
      late.k?.resolve('paid');
      late.throws?.reject(new Error('cut off'));
      expect(await h.soon(Promise.all(calls))).toMatchObject([
        { outcome: 'called', result: 'paid' },
        { message: 'cut off' },
      ]);
      expect(await receiptOf(h, 'k')).toMatchObject({ state: 'finished', attempt: 1, runs: 1 });
      expect(await receiptOf(h, 'throws')).toMatchObject({ state: 'begun' });
      // Though somebody allows it: what is known goes before what was said.
      const decided = await resolveOn(replica, { actionId, decisions: [{ id: 'k', decision: 'approve' }] });
      expect(await decided.job.once('k', tool.call(0))).toEqual({ outcome: 'finished', result: 'paid' });
      await replica.manager.abortJob('s');
      await expectCode(decided.job.once('new', tool.call(0)), 'job_ended');
      expect(tool.calls).toBe(0);

      const stopped = await h.start(slow, { streamId: 's2' });
      const stopping = stopped.once('k', () => {
        return replica.manager.abortJob('s2').then(() => h.rest().then(() => 'after the stop'));
      });
      expect(await h.soon(stopping)).toEqual({ outcome: 'called', result: 'after the stop' });
      expect(await receiptOf(h, 'k', 's2')).toMatchObject({ state: 'finished', result: '"after the stop"' });
    },
  },
  {
    id: 'L112',
    title: 'answers that are lost make no second call: neither that of a begin, nor that of what it came to',
    async run(h) {
      let losing = 0;
      const one = await h.replica({
        wrapStore: (store) =>
          lossyStore(store, ({ method, args }) => {
            const [commit] = args as [{ writer?: string } | undefined];
            return method === 'commit' && commit?.writer === 'receipts' && losing-- > 0 ? 'reply' : 'none';
          }),
      });
      const job = await h.start(one);
      const tool = new Tool();
      for (const lost of [1, 2, 3]) {
        losing = lost;
        const once = job.once(`k${lost}`, (key) => {
          losing = lost;
          return tool.call(lost)(key);
        });
        expect(await h.soon(once)).toEqual({ outcome: 'called', result: lost });
        expect(await receiptOf(h, `k${lost}`)).toMatchObject({ state: 'finished', runs: 1 });
      }
      losing = 1;
      await rejection(
        h.soon(
          job.once('fails', () => {
            losing = 2;
            throw new Error('x');
          }),
        ),
      );
      losing = 0;
      expect(await h.soon(job.once('fails', tool.call(9)))).toEqual({ outcome: 'called', result: 9 });
      expect(tool.calls).toBe(4);
      await job.complete();
    },
  },
  {
    id: 'L112 L115',
    title: 'a stop between the receipt and the call lets nobody make it, and its receipt says so',
    async run(h) {
      let stop: (() => Promise<unknown>) | undefined;
      const one = await h.replica({
        wrapStore: (store) =>
          wrapStore(store, async ({ method, args }, perform) => {
            const answer = await perform();
            const [commit] = args as [{ writer?: string; step?: string } | undefined];
            if (method === 'commit' && commit?.writer === 'receipts' && commit.step === 'begin')
              await stop?.();
            return answer;
          }),
      });
      const job = await h.start(one);
      const two = await h.replica();
      stop = async () => {
        stop = undefined;
        await two.manager.abortJob('s');
        await h.until(() => job.isOver, 'it is told');
      };
      const tool = new Tool();
      await expectCode(h.soon(job.once('k', tool.call(1))), 'job_ended');
      expect([tool.calls, (await receiptOf(h, 'k'))?.state]).toEqual([0, 'failed']);
    },
  },
  {
    id: 'L112 F4',
    title:
      'a process that stands still between the receipt and the call does not make it once somebody else has taken over',
    timesLapse: true,
    async run(h) {
      let wake = () => {};
      const awake = new Promise<void>((resolve) => {
        wake = resolve;
      });
      const sleeper = await h.replica({
        wrapTransport: (transport, clock) => lossyTransport(transport, clock, DEAF),
        wrapStore: (store) =>
          wrapStore(store, async ({ args: [commit] }, perform) => {
            const answer = await perform();
            if ((commit as { step?: unknown } | undefined)?.step === 'begin') await awake;
            return answer;
          }),
      });
      const { replica, taken } = await taking(h);
      const job = await h.start(sleeper);
      const tool = new Tool();
      const once = rejection(job.once('k', tool.call(1)));
      await h.until(async () => (await receiptOf(h, 'k'))?.state === 'begun', 'it is begun');
      sleeper.clock.sleep();
      const { actionId } = await askedOf(h, replica, (await next(h, taken)).job, tool);
      const decided = await resolveOn(replica, { actionId, decisions: [{ id: 'k', decision: 'reject' }] });
      wake();
      expect(await h.soon(once)).toMatchObject({ name: 'JobEndedError', reason: 'fenced' });
      expect(await decided.job.once('k', tool.call(2))).toEqual({ outcome: 'not_repeated' });
      expect(tool.calls).toBe(0);
      sleeper.clock.wake();
      await decided.job.complete();
    },
  },
  {
    id: 'L112 F4',
    title: 'a process that stands still before a call, and has lost nothing by it, makes the call, once',
    timesLapse: true,
    async run(h) {
      let sleeps = true;
      const replica = await h.replica({
        wrapStore: (store) =>
          wrapStore(store, async ({ args: [commit] }, perform) => {
            const answer = await perform();
            if ((commit as { step?: unknown } | undefined)?.step === 'begin' && sleeps) {
              sleeps = false;
              replica.clock.sleep();
              await h.advance(TIMES.leaseMs + 1);
            }
            return answer;
          }),
      });
      const job = await h.start(replica);
      const tool = new Tool();
      expect(await job.once('k', tool.call(1))).toEqual({ outcome: 'called', result: 1 });
      replica.clock.wake();
      expect(tool.calls).toBe(1);
      expect(await receiptOf(h, 'k')).toMatchObject({ state: 'finished', runs: 1 });
      await job.complete();
    },
  },
  {
    id: 'L113 P9',
    title: 'a call whose arguments are too large, or nest too deep, to be shown is asked about without them',
    timesLapse: true,
    async run(h) {
      const limits = { eventBytes: 2_048, jsonDepth: 8 };
      const { replica, taken } = await taking(h, { options: { limits } });
      const shown = { name: 'pay', description: 'Pays Ann.' };
      for (const args of ['x'.repeat(4_096), [[[[[[[[[[]]]]]]]]]]]) {
        taken.length = 0;
        await leftUnknown(h);
        const { job } = await next(h, taken);
        const tool = new Tool();
        const action = await askedOf(h, replica, job, tool, { ...shown, arguments: args });
        expect(action.requests).toEqual([
          { id: 'k', name: 'pay', allowedDecisions: ['approve', 'reject', 'respond'] },
        ]);
        const decisions = [{ id: 'k', decision: 'approve' }] as const;
        const decided = await resolveOn(replica, { actionId: action.actionId, decisions });
        expect(await decided.job.once('k', tool.call(1))).toEqual({ outcome: 'called', result: 1 });
        await decided.job.complete();
      }
    },
  },
  {
    id: 'L113',
    title: 'the library’s own question is asked by nobody else, and every option is held to its shape',
    async run(h) {
      const replica = await h.replica();
      const job = await h.start(replica);
      const pause = { type: 'tool_unknown', requests: [{ id: 'r', name: 't' }] };
      await expectCode(job.pause(pause), 'invalid_action');
      const tool = new Tool();
      for (const key of ['', 'x'.repeat(257), '\ud800', 7 as never])
        await expectCode(job.once(key, tool.call(1)), 'invalid_argument');
      await expectCode(job.once('k', 7 as never), 'invalid_argument');
      for (const options of [{ idempotentt: true }, { unknown: 'Ask' }, { name: '' }, null])
        await expectCode(job.once('k', tool.call(1), options as never), 'invalid_argument');
      expect([tool.calls, (await receiptsOf(h)).length, job.isOver]).toEqual([0, 0, false]);
      const outcome: OnceOutcome<number> = await job.once('x'.repeat(256), tool.call(1));
      expect(outcome).toEqual({ outcome: 'called', result: 1 });
      expect(await replica.manager.deleteStream('s')).toBe(true);
      await h.start(replica);
      expect(await receiptsOf(h)).toEqual([]);
    },
  },
];
