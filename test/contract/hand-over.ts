/**
 * A replica that leaves hands its jobs over: another one goes on at once, with what the producer has said, and followers get
 * every event once. What nobody hands over is cut when its time is over, as it was before there were hand-overs.
 */
import type {
  Continuation,
  GenerationJob,
  GenerationJobOptions,
  Hooks,
  JobRecord,
  Json,
  Seal,
  StreamObserver,
  TakeOver,
} from 'generation-jobs';
import type { JobStore, KeptHandOver, RecordPatch } from 'generation-jobs/ports';
import { lossyTransport, wrapStore } from 'generation-jobs/testing';
import { ASK, asked, resolveOn } from './asking.js';
import { callId, claimOf, Desk, KEY, LEASE } from './desk.js';
import { text } from './follower.js';
import {
  AT_ONCE_MS,
  type Contract,
  expectCode,
  type Harness,
  type Replica,
  type ReplicaInput,
  rejection,
  TIMES,
} from './harness.js';
import { HeldEnds } from './held-ends.js';
import { expect } from './tools.js';

/** Sweeps come so seldom that only a hint brings a take-over at once. */
const SWEEPS_SELDOM = { sweepMs: 30_000, leaseMs: 45_000, renewMs: 15_000 } as const;
const GRACE = 3_000;
const PLAIN = { token: 'canary-7c20' };

/** In memory too the store is as if other processes saw it: replicas of one process hand over to each other then. */
function seenByOthers(store: JobStore): JobStore {
  return { ...wrapStore(store, (_, perform) => perform()), shared: true };
}

/** What goes on with jobs: it waits for the end of its handle. */
class Successor {
  readonly jobs: GenerationJob[] = [];
  readonly continuations: Continuation[] = [];
  readonly takeOvers: TakeOver[] = [];
  readonly steps: string[] = [];

  input(given: ReplicaInput & { readonly mode?: 'restart' | 'continue' } = {}): ReplicaInput {
    const { mode = 'continue', ...rest } = given;
    const hooks: Hooks = {
      recover: (job, continuation) => {
        this.jobs.push(job);
        this.continuations.push(continuation);
        return new Promise((resolve) => job.signal.addEventListener('abort', resolve));
      },
      recoverMode: (_, takeOver) => {
        this.takeOvers.push(takeOver);
        return mode;
      },
      ...given.hooks,
    };
    const observer: Partial<StreamObserver> = {
      handedOver: (step) => void this.steps.push(step),
      recovered: (result) => void this.steps.push(result),
    };
    return { wrapStore: seenByOthers, observer, ...rest, hooks };
  }
}

/** Two replicas that hand over to each other, and what the second goes on with. */
async function pair(
  h: Harness,
  given: { readonly options?: GenerationJobOptions; readonly seal?: Seal } = {},
): Promise<{ leaving: Replica; staying: Replica; successor: Successor; steps: string[] }> {
  const [mine, successor] = [new Successor(), new Successor()];
  const leaving = await h.replica(mine.input(given));
  const staying = await h.replica(successor.input(given));
  return { leaving, staying, successor, steps: mine.steps };
}

async function recordOf(h: Harness): Promise<JobRecord> {
  const [record] = await h.store.read(KEY, 'current');
  if (record === undefined) throw new Error('There is no record.');
  return record;
}

const gone = (replica: Replica, graceMs = GRACE) => replica.manager.drain({ graceMs });
const textsIn = (events: readonly { readonly event: string; readonly data: unknown }[]) =>
  events.flatMap(({ event, data }) => (event === 'text' ? [(data as { text: string }).text] : []));

/** What the store promises by itself. */
export const handOverStoreContracts: readonly Contract[] = [
  {
    id: 'L131',
    title: 'a hand-over is on the record until anybody has produced more; a take-over leaves it there',
    async run(h) {
      const desk = new Desk(h);
      const first = await desk.created();
      const kept = (over: Partial<KeptHandOver>): RecordPatch => ({
        number: 1,
        handOver: { attempt: 1, events: 2, resolutions: 0, state: '{"at":[2,null]}', ...over },
      });
      await desk.ok(desk.store.commit(desk.batch(first, 2, 2, { patch: kept({}) })));
      const handOver = { attempt: 1, state: { at: [2, null] } };
      expect((await recordOf(h)).handOver).toEqual(handOver);
      expect(await desk.store.renew([claimOf(first)], 0)).toEqual(['held']);
      expect(await recordOf(h)).toMatchObject({ handOver, leaseUntil: 0 });
      const taken = (await desk.ok(desk.store.commit(desk.other(await recordOf(h), 'recover')))).record;
      expect(taken).toMatchObject({ handOver, attempt: 2, recoveries: 0 });
      const page = await desk.store.readLog({
        key: KEY,
        after: 0,
        maxEvents: 9,
        maxBytes: 9_999,
        record: true,
      });
      expect(page.found && page.record?.handOver).toEqual(handOver);
      const record = taken as JobRecord;
      await desk.ok(desk.store.commit(desk.batch(record, record.lastSequence + 1, 1)));
      expect((await recordOf(h)).handOver).toBeUndefined();
      // Handed over once more, by an attempt whose changes are counted anew.
      const again = { number: 1, handOver: { attempt: 2, events: 3, resolutions: 0, state: undefined } };
      const place = record.lastSequence + 2;
      await desk.ok(desk.store.commit(desk.batch(record, place, 0, { patch: again })));
      expect((await recordOf(h)).handOver).toEqual({ attempt: 2 });
    },
  },
  {
    id: 'L131',
    title:
      'a hand-over that holds for another place than the record’s is none, and a pause or an end takes it away',
    async run(h) {
      const desk = new Desk(h);
      const handOver: KeptHandOver = { attempt: 1, events: 0, resolutions: 0, state: '1' };
      const elsewhere: readonly Partial<KeptHandOver>[] = [{ events: 1 }, { resolutions: 1 }];
      for (const over of elsewhere) {
        const record = await desk.created();
        const patch = { number: 1, handOver: { ...handOver, ...over } };
        await desk.ok(desk.store.commit(desk.batch(record, 2, 0, { patch })));
        expect((await recordOf(h)).handOver, JSON.stringify(over)).toBeUndefined();
        await desk.store.delete(KEY);
      }
      for (const name of ['pause', 'complete', 'fail', 'abort'] as const) {
        const record = await desk.created();
        const patch = { number: 1, handOver };
        await desk.ok(desk.store.commit(desk.batch(record, 2, 0, { patch })));
        expect((await recordOf(h)).handOver, name).toEqual({ attempt: 1, state: 1 });
        const commit = name === 'abort' ? desk.other(record, name) : desk.end(record, name);
        expect((await desk.ok(desk.store.commit(commit))).record?.handOver, name).toBeUndefined();
        if (name === 'pause') {
          const resolved = await desk.ok(desk.store.commit(desk.other(await recordOf(h), 'resolve')));
          expect(resolved.record?.handOver, 'resumed').toBeUndefined();
        }
        await desk.store.delete(KEY);
      }
    },
  },
  {
    id: 'L131',
    title: 'a hand-over is refused to an attempt that is fenced, and a repeat of its commit keeps it once',
    async run(h) {
      const desk = new Desk(h);
      const record = await desk.created();
      const handOver: KeptHandOver = { attempt: 1, events: 1, resolutions: 0, state: '"s"' };
      const commit = desk.batch(record, 2, 1, { patch: { number: 1, handOver } });
      await desk.ok(desk.store.commit(commit));
      const before = await desk.all();
      await desk.ok(desk.store.commit(commit));
      expect(await desk.all()).toEqual(before);
      await desk.store.renew([claimOf(record)], 0);
      await desk.ok(desk.store.commit(desk.other(record, 'recover', { callId: callId(), leaseMs: LEASE })));
      const late = desk.batch(record, 4, 0, { patch: { number: 2, handOver: { ...handOver, state: '2' } } });
      expect(await desk.refusal(desk.store.commit(late))).toBe('fenced');
      expect((await recordOf(h)).handOver).toEqual({ attempt: 1, state: 's' });
    },
  },
];

/** What managers make of it. */
export const handOverContracts: readonly Contract[] = [
  {
    id: 'L131 L132',
    title:
      'a job that is handed over goes on elsewhere at once, with its state, and its followers get each event once',
    async run(h) {
      const { leaving, staying, successor, steps } = await pair(h, { options: SWEEPS_SELDOM });
      const job = await h.start(leaving, { contentModel: 'text' });
      const followers = [h.follow(leaving), h.follow(staying), h.follow(staying, { resume: true })];
      await job.emit(text('a'));
      await h.until(() => followers.every(({ events }) => events.length > 0), 'they follow');
      let asks = 0;
      job.handover.addEventListener('abort', () => {
        asks++;
        void job.emit(text('b')); // taken, and not yet committed
        void job.handOver({ next: 'c' });
      });
      await h.soon(gone(leaving), 'the drain');
      expect([asks, job.reason, steps]).toEqual([1, 'handed_over', ['given']]);
      await h.until(() => successor.jobs.length === 1, 'another one goes on', AT_ONCE_MS);
      expect(successor.continuations[0]).toMatchObject({
        handover: true,
        handoverState: { next: 'c' },
        content: { text: 'ab' },
        record: { attempt: 2, recoveries: 0 },
      });
      expect(successor.takeOvers).toEqual([{ handover: true, handoverState: { next: 'c' } }]);
      expect(successor.steps).toEqual(['taken']);
      const [next] = successor.jobs as [GenerationJob];
      await next.emit(text('c'));
      await next.complete();
      const moved = h.follow(staying, { after: followers[0]?.events.at(-1)?.cursor });
      await h.finished(moved);
      const log = await h.log();
      expect(log.map(({ event }) => event)).toEqual([
        'created',
        'text',
        'text',
        'recovered',
        'text',
        'completed',
      ]);
      expect(log[3]?.data).toEqual({ fromSequence: 3, restart: false, attempt: 2 });
      expect([...(followers[0]?.events ?? []), ...moved.events]).toEqual(log);
      expect(await h.finished(followers[1] as (typeof followers)[number])).toEqual(log);
      const [sync, ...rest] = await h.finished(followers[2] as (typeof followers)[number]);
      expect(sync?.event).toBe('sync');
      expect(log.slice(-rest.length)).toEqual(rest);
    },
  },
  {
    id: 'L131',
    title: 'a hint that is lost, or has no kind any more, costs a sweep and nothing else',
    async run(h) {
      for (const loss of ['lost', 'plain'] as const) {
        const streamId = loss;
        const successor = new Successor();
        const leaving = await h.replica(new Successor().input());
        const staying = await h.replica({
          ...successor.input(),
          wrapTransport: (transport, clock) => ({
            ...lossyTransport(transport, clock, { signal: () => loss === 'lost' }),
            ...(loss === 'plain' && {
              onSignal: (hear) => transport.onSignal(({ key, generation }) => hear({ key, generation })),
            }),
          }),
        });
        const job = await h.start(leaving, { streamId });
        job.handover.addEventListener('abort', () => void job.handOver());
        await h.soon(gone(leaving), 'the drain');
        await h.until(() => successor.jobs.length === 1, 'a sweep finds it', 4 * TIMES.sweepMs + AT_ONCE_MS);
        expect(successor.continuations[0]).toMatchObject({ handover: true, handoverState: undefined });
        await successor.jobs[0]?.complete();
        await h.soon(staying.manager.close());
      }
    },
  },
  {
    id: 'L131',
    title: 'who throws the signal’s reason is handed over, and so is who passes on what was made of it',
    async run(h) {
      const throwers: readonly ((job: GenerationJob) => Promise<unknown>)[] = [
        (job) => whenAsked(job).then(() => job.handover.throwIfAborted()),
        (job) => whenAsked(job).then(() => Promise.reject(new Error('cut', { cause: job.handover.reason }))),
        (job) => job.pipe(() => waitingFor(job.handover)),
        // Handed over by itself, and not awaited.
        (job) => whenAsked(job).then(() => void job.handOver({ by: 'itself' })),
      ];
      for (const [at, produce] of throwers.entries()) {
        const { leaving, staying, successor, steps } = await pair(h);
        const job = await h.start(leaving, { streamId: `s${at}` });
        await job.emit(text('a'));
        const ran = job.run(() => produce(job));
        await h.soon(gone(leaving), 'the drain');
        expect(await h.soon(ran)).toEqual({ reason: 'handed_over' });
        expect(steps).toEqual(['given']);
        await h.until(() => successor.jobs.length === 1, 'another one goes on');
        const state = at === 3 ? { by: 'itself' } : undefined;
        expect(successor.continuations[0]).toMatchObject({ handover: true, handoverState: state });
        expect(leaving.reports).toEqual([]);
        await successor.jobs[0]?.complete();
        await h.soon(staying.manager.close());
      }
    },
  },
  {
    id: 'L133',
    title:
      'a producer that has never heard of it has all of the grace time, and is cut at its end; one that fails, fails',
    async run(h) {
      const { leaving, successor, steps } = await pair(h);
      const deaf = await h.start(leaving, { streamId: 'deaf', contentModel: 'text' });
      const failing = await h.start(leaving, { streamId: 'failing' });
      const finishing = await h.start(leaving, { streamId: 'finishing' });
      const draining = gone(leaving, GRACE);
      await h.advance(100);
      expect([deaf.isOver, failing.isOver, finishing.isOver]).toEqual([false, false, false]);
      await deaf.emit(text('still here'));
      await finishing.complete('done');
      await failing.run(() => Promise.reject(new Error('a mistake of the host')));
      await h.soon(draining, 'the drain', GRACE + 2_000);
      expect([deaf.reason, failing.reason, finishing.reason]).toEqual(['handed_over', 'failed', 'completed']);
      expect(steps).toEqual(['cut']);
      await h.until(() => successor.jobs.length === 1, 'another one goes on');
      expect(successor.continuations[0]).toMatchObject({
        handover: true,
        handoverState: undefined,
        content: { text: 'still here' },
      });
      await successor.jobs[0]?.complete();
    },
  },
  {
    id: 'L133',
    title:
      'a drain with handOverMs cuts what can go on elsewhere when that is over, and lets finish who says so in time',
    async run(h) {
      const { leaving, successor, steps } = await pair(h);
      const cut = await h.start(leaving, { streamId: 'cut' });
      const finishing = await h.start(leaving, { streamId: 'finishing' });
      const asked = await h.start(leaving, { streamId: 'asked' });
      const never = await h.start(leaving, { streamId: 'never' });
      const late = await h.start(leaving, { streamId: 'late' });
      finishing.finishesWithin(15_000);
      never.finishesWithin(24 * 3_600_000); // no drain waits so long
      late.finishesWithin(600); // and then has not finished
      const asks: string[] = [];
      for (const job of [cut, finishing, asked, never, late])
        job.handover.addEventListener('abort', () => asks.push(job.streamId));
      asked.handover.addEventListener('abort', () => asked.finishesWithin(15_000));
      const draining = leaving.manager.drain({ graceMs: 20_000, handOverMs: 0 });
      await h.until(() => cut.isOver && never.isOver, 'two are cut', AT_ONCE_MS);
      expect(asks.toSorted()).toEqual(['asked', 'cut', 'never']);
      expect([finishing.isOver, asked.isOver]).toEqual([false, false]);
      await finishing.complete();
      await asked.complete();
      await h.soon(draining, 'the drain', 5_000);
      expect(asks.toSorted()).toEqual(['asked', 'cut', 'late', 'never']);
      expect([cut, never, late].map(({ reason }) => reason)).toEqual(Array(3).fill('handed_over'));
      expect(steps).toEqual(['cut', 'cut', 'cut']);
      await h.until(() => successor.jobs.length === 3, 'others go on');
      for (const job of successor.jobs) await job.complete();
    },
  },
  {
    id: 'L133 L49',
    title:
      'nobody is asked where nobody else could go on: those jobs end as interrupted, as they always have',
    async run(h) {
      const alone: readonly ReplicaInput[] = [
        { wrapStore: (store) => ({ ...seenByOthers(store), shared: false }), hooks: { recover: () => {} } },
        { wrapStore: seenByOthers },
      ];
      for (const [at, input] of alone.entries()) {
        const leaving = await h.replica(input);
        const job = await h.start(leaving, { streamId: `s${at}` });
        const { handover } = job;
        const draining = gone(leaving, 1_500);
        await h.rest();
        expect(handover.aborted).toBe(false);
        await expectCode(job.handOver({}), 'not_leaving');
        expect(job.isOver).toBe(false);
        await h.soon(draining, 'the drain', 5_000);
        expect((await h.log(`s${at}`)).at(-1)).toMatchObject({
          event: 'failed',
          data: { code: 'interrupted' },
        });
        expect(handover.aborted).toBe(false);
      }
    },
  },
  {
    id: 'L133',
    title:
      'a replica without a recover hook leaves what was handed over to one that has it, and ends it when none comes',
    timesLapse: true,
    async run(h) {
      const leaving = await h.replica(new Successor().input());
      const patient = { leaseMs: 30_000, renewMs: 10_000 };
      const idle = await h.replica({ wrapStore: seenByOthers, options: patient });
      const job = await h.start(leaving);
      job.handover.addEventListener('abort', () => void job.handOver('state'));
      await h.soon(gone(leaving), 'the drain');
      for (let sweeps = 0; sweeps < 3; sweeps++) await h.soon(idle.manager.upkeep.sweep());
      expect((await recordOf(h)).status).toBe('running');
      // As soon as one starts that can, it is there.
      const successor = new Successor();
      const started = await h.replica(successor.input());
      await h.until(() => successor.jobs.length === 1, 'it goes on', AT_ONCE_MS + 2 * TIMES.sweepMs);
      expect(successor.continuations[0]).toMatchObject({ handover: true, handoverState: 'state' });
      const next = successor.jobs[0] as GenerationJob;
      next.handover.addEventListener('abort', () => void next.handOver());
      await h.soon(gone(started), 'the drain');
      await h.replica({ wrapStore: seenByOthers });
      await h.until(async () => (await recordOf(h)).status === 'failed', 'it ends', TIMES.leaseMs + 2_000);
      expect((await recordOf(h)).error?.code).toBe('producer_lost');
    },
  },
  {
    id: 'L131',
    title: 'a job is handed over by a replica that leaves alone, once, and takes nothing after it',
    async run(h) {
      const { leaving, successor } = await pair(h);
      const job = await h.start(leaving);
      await expectCode(job.handOver({}), 'not_leaving');
      await job.emit(text('it goes on'));
      for (const ms of [-1, Number.NaN, 25 * 3_600_000, '5' as unknown as number])
        expect(await rejection((async () => job.finishesWithin(ms))())).toMatchObject({
          code: 'invalid_argument',
        });
      const late: unknown[] = [];
      job.handover.addEventListener('abort', () => {
        void job.handOver({ at: 1 });
        for (const write of [
          () => job.emit(text('late')),
          () => job.handOver({ at: 2 }),
          () => job.complete(),
        ])
          late.push((async () => write())().catch((error: unknown) => error));
        late.push(job.tryEmit(text('late')));
      });
      await h.soon(gone(leaving), 'the drain');
      const [emitted, handed, completed, tried] = await Promise.all(late);
      for (const error of [emitted, handed, completed])
        expect(error).toMatchObject({ reason: 'handed_over' });
      expect(tried).toBe(false);
      await h.until(() => successor.jobs.length === 1, 'another one goes on');
      expect(successor.continuations[0]).toMatchObject({ handoverState: { at: 1 } });
      expect(textsIn(await h.log())).toEqual(['it goes on']);
      await expectCode(job.handOver(), 'job_ended');
      await successor.jobs[0]?.complete();
    },
  },
  {
    id: 'L131',
    title: 'a state that can’t be kept is left out and told, and the job is handed over all the same',
    async run(h) {
      const circle: Record<string, unknown> = {};
      circle.self = circle;
      const failing: Seal = { seal: () => Promise.reject(new Error('no key')), open: () => '' };
      const cases: readonly [unknown, string, Seal?][] = [
        [{ text: 'x'.repeat(400) }, 'hand_over_too_large'],
        [circle, 'invalid_argument'],
        [JSON.parse('['.repeat(80) + ']'.repeat(80)), 'json_too_deep'],
        [{ $sealed: 'text' }, 'invalid_argument'],
        [{ fine: true }, 'seal_unavailable', failing],
      ];
      for (const [at, [state, code, seal]] of cases.entries()) {
        const options = { limits: { handOverBytes: 256 } };
        const { leaving, staying, successor } = await pair(h, { options, ...(seal && { seal }) });
        const job = await h.start(leaving, { streamId: `s${at}` });
        let thrown: unknown;
        job.handover.addEventListener('abort', () => {
          job.handOver(state as Json).catch((error: unknown) => {
            thrown = error;
          });
        });
        await h.soon(gone(leaving), 'the drain');
        expect(thrown, code).toMatchObject({ code });
        expect(
          leaving.reports.map(({ where }) => where),
          code,
        ).toContain('producer');
        await h.until(() => successor.jobs.length === 1, 'another one goes on');
        expect(successor.continuations[0]).toMatchObject({ handover: true, handoverState: undefined });
        await successor.jobs[0]?.complete();
        await h.soon(staying.manager.close());
      }
    },
  },
  {
    id: 'L131 A23',
    title: 'a state is in no store in plain where there is a seal, and is there again for whoever goes on',
    async run(h) {
      const sealed: string[] = [];
      // It answers when the turn is over, as a key service would.
      const seal: Seal = {
        seal: async (plain, context) => {
          sealed.push(JSON.stringify(context));
          return Buffer.from(`${JSON.stringify(context)} ${plain}`).toString('base64');
        },
        open: async (hidden, context) => {
          const [place, plain] = splitAt(Buffer.from(hidden, 'base64').toString('utf8'));
          if (place !== JSON.stringify(context)) throw new Error('It lies elsewhere.');
          return plain;
        },
      };
      const { leaving, staying, successor } = await pair(h, { seal });
      const job = await h.start(leaving);
      job.handover.addEventListener('abort', () => void job.handOver(PLAIN));
      let seen = '';
      const looking = h.follow(staying);
      await h.soon(gone(leaving), 'the drain');
      seen += JSON.stringify(await recordOf(h));
      await h.until(() => successor.jobs.length === 1, 'another one goes on');
      expect(successor.continuations[0]?.handoverState).toEqual(PLAIN);
      expect(successor.takeOvers).toEqual([{ handover: true, handoverState: PLAIN }]);
      const { generation } = job;
      expect(sealed).toEqual([JSON.stringify({ of: 'handOver', streamId: 's', generation, attempt: 1 })]);
      const record = (await staying.manager.getJob('s')) as JobRecord;
      expect((await staying.manager.openSealed(record)).handOver).toEqual({ attempt: 1, state: PLAIN });
      await successor.jobs[0]?.complete();
      seen += JSON.stringify([await recordOf(h), looking.events, await h.log()]);
      expect(seen).not.toContain(PLAIN.token);
    },
  },
  {
    id: 'L132 F56',
    title:
      'a crash between the flush and giving the lease up costs the lease, and neither an event nor the state',
    timesLapse: true,
    async run(h) {
      for (const [at, moment] of (['before', 'after'] as const).entries()) {
        const mine = new Successor();
        const leaving: Replica = await h.replica(
          mine.input({
            wrapStore: (store) =>
              seenByOthers(
                wrapStore(store, async ({ method, args }, perform) => {
                  if (method !== 'renew' || args[1] !== 0) return perform();
                  if (moment === 'after') await perform();
                  await leaving.crash();
                  return new Promise(() => {});
                }),
              ),
          }),
        );
        const streamId = `s${at}`;
        const successor = new Successor();
        const staying = await h.replica(successor.input());
        const job = await h.start(leaving, { streamId });
        const follower = h.follow(staying, {}, streamId);
        job.handover.addEventListener('abort', () => {
          void job.emit(text('the last'));
          void job.handOver({ moment });
        });
        void gone(leaving);
        const within = TIMES.leaseMs + 2 * TIMES.sweepMs + AT_ONCE_MS;
        await h.until(() => successor.jobs.length === 1, `${moment}: another one goes on`, within);
        expect(successor.continuations[0]).toMatchObject({ handover: true, handoverState: { moment } });
        expect(successor.continuations[0]?.record.recoveries).toBe(moment === 'before' ? 1 : 0);
        await successor.jobs[0]?.complete();
        expect(textsIn(await h.finished(follower))).toEqual(['the last']);
        await h.soon(staying.manager.close());
      }
    },
  },
  {
    id: 'L132 F56',
    title:
      'who took over and died before its first event is succeeded with the same state; after it, as by a crash',
    timesLapse: true,
    async run(h) {
      const options = { maxRecoveries: 3 };
      const { leaving, staying, successor } = await pair(h, { options });
      const last = new Successor();
      const job = await h.start(leaving);
      job.handover.addEventListener('abort', () => void job.handOver({ n: 1 }));
      await h.soon(gone(leaving), 'the drain');
      await h.until(() => successor.jobs.length === 1, 'another one goes on');
      await staying.crash();
      const third = await h.replica(last.input({ options }));
      await h.until(() => last.jobs.length === 1, 'one more goes on', TIMES.leaseMs + AT_ONCE_MS);
      expect(last.continuations[0]).toMatchObject({ handover: true, handoverState: { n: 1 } });
      await last.jobs[0]?.emit(text('first'));
      await last.jobs[0]?.flush();
      await third.crash();
      const fourth = new Successor();
      await h.replica(fourth.input({ options }));
      await h.until(() => fourth.jobs.length === 1, 'and one more', TIMES.leaseMs + AT_ONCE_MS);
      expect(fourth.continuations[0]?.handover).toBeUndefined();
      expect(fourth.takeOvers).toEqual([{ handover: false }]);
      expect(fourth.steps).toEqual(['taken_over']);
      await fourth.jobs[0]?.complete();
    },
  },
  {
    id: 'L132 F56',
    title:
      'who took over and leaves before its first event leaves the state that it was given; after it, there is none',
    async run(h) {
      const { leaving, staying, successor } = await pair(h);
      const [third, fourth] = [new Successor(), new Successor()];
      const job = await h.start(leaving);
      job.handover.addEventListener('abort', () => void job.handOver({ n: 1 }));
      await h.soon(gone(leaving), 'the drain');
      await h.until(() => successor.jobs.length === 1, 'another one goes on');
      const middle = await h.replica(third.input());
      await h.soon(gone(staying, 0), 'the second drain');
      await h.until(() => third.jobs.length === 1, 'a third one goes on', AT_ONCE_MS);
      expect(third.continuations[0]).toMatchObject({
        ...{ handover: true, handoverState: { n: 1 }, record: { attempt: 3, recoveries: 0 } },
      });
      await third.jobs[0]?.emit(text('first'));
      await h.replica(fourth.input());
      await h.soon(gone(middle, 0), 'the third drain');
      await h.until(() => fourth.jobs.length === 1, 'a fourth one goes on', AT_ONCE_MS);
      expect(fourth.continuations[0]).toMatchObject({ handover: true, handoverState: undefined });
      await fourth.jobs[0]?.complete();
    },
  },
  {
    id: 'L131',
    title: 'what is emitted while a hand-over waits for a seal costs its state alone',
    async run(h) {
      let isThere = () => {};
      const key = new Promise<void>((resolve) => {
        isThere = resolve;
      });
      const seal: Seal = {
        metadata: ['secret'],
        seal: async (plain) => {
          await key;
          return Buffer.from(plain).toString('base64');
        },
        open: (hidden) => Buffer.from(hidden, 'base64').toString('utf8'),
      };
      const { leaving, successor, steps } = await pair(h, { seal });
      const job = await h.start(leaving, { contentModel: 'text' });
      job.handover.addEventListener('abort', () => {
        void job.update({ metadata: { secret: 1 } });
        void job.handOver({ n: 1 });
        void job.emit(text('a'));
        isThere();
      });
      await h.soon(gone(leaving), 'the drain');
      expect([job.reason, steps]).toEqual(['handed_over', ['given']]);
      await h.until(() => successor.jobs.length === 1, 'another one goes on');
      expect(successor.continuations[0]).toMatchObject({
        ...{ handover: true, handoverState: undefined, content: { text: 'a' } },
        record: { metadata: { secret: 1 }, recoveries: 0 },
      });
      await successor.jobs[0]?.complete();
    },
  },
  {
    id: 'L133 L106',
    title:
      'an end that is refused because a message waits is none: the job is cut then, and goes on elsewhere',
    async run(h) {
      const ends = new HeldEnds();
      const [mine, successor] = [new Successor(), new Successor()];
      const options = SWEEPS_SELDOM;
      const wrapStore = (store: JobStore) => seenByOthers(ends.wrap(store, 'call'));
      const leaving = await h.replica({ ...mine.input({ options }), wrapStore });
      const staying = await h.replica(successor.input({ options }));
      const job = await h.start(leaving);
      const refused = expectCode(job.complete(null, { ifInboxEmpty: true }), 'inbox_not_empty');
      await h.until(() => ends.held === 1, 'it is on its way');
      await h.soon(staying.manager.inbox.send('s', { message: 1 }));
      const draining = gone(leaving, 0);
      await h.rest();
      expect(job.isOver).toBe(false);
      ends.letGo();
      await h.soon(Promise.all([refused, draining]), 'the drain');
      expect([job.reason, mine.steps]).toEqual(['handed_over', ['cut']]);
      await h.until(() => successor.jobs.length === 1, 'another one goes on', AT_ONCE_MS);
      expect(successor.continuations[0]).toMatchObject({
        ...{ handover: true, record: { inbox: [{ message: 1 }], recoveries: 0 } },
      });
      await successor.jobs[0]?.complete();
    },
  },
  {
    id: 'L132',
    title:
      'a resumed attempt hands over with what was decided, and what waits for a person is nobody’s to hand over',
    async run(h) {
      const { leaving, successor } = await pair(h);
      const waiting = await asked(h, leaving, { streamId: 'waits' });
      const { actionId } = await asked(h, leaving);
      const { job } = await resolveOn(leaving, { actionId });
      job.handover.addEventListener('abort', () => void job.handOver({ step: 2 }));
      await h.soon(gone(leaving), 'the drain');
      await h.until(() => successor.jobs.length === 1, 'another one goes on');
      expect(successor.continuations[0]).toMatchObject({
        ...{ handover: true, handoverState: { step: 2 } },
        ...{ action: { actionId }, resolution: { by: 'p' } },
      });
      const next = successor.jobs[0] as GenerationJob;
      await next.pause(ASK);
      expect((await recordOf(h)).handOver).toBeUndefined();
      const { entries } = await h.store.due.list({ limit: 10, all: true });
      expect(entries.map(({ key }) => key.streamId).toSorted()).toEqual(['s', 'waits']);
      expect(waiting.job.reason).toBe('paused');
    },
  },
  {
    id: 'L132',
    title: 'several replicas share what one hands over; each job is taken once, whoever else comes',
    async run(h) {
      const count = 24;
      const successors = [new Successor(), new Successor()];
      const options = { ...SWEEPS_SELDOM, limits: { activeJobsPerUser: count } };
      const leaving = await h.replica(new Successor().input({ options }));
      for (const successor of successors) await h.replica(successor.input({ options }));
      const jobs: GenerationJob[] = [];
      for (let n = 0; n < count; n++) jobs.push(await h.start(leaving, { streamId: `s${n}` }));
      for (const job of jobs) job.handover.addEventListener('abort', () => void job.handOver());
      await h.soon(gone(leaving), 'the drain');
      const taken = () => successors.flatMap(({ jobs }) => jobs.map(({ streamId }) => streamId));
      await h.until(() => taken().length === count, 'all go on', 2_000);
      expect(new Set(taken()).size).toBe(count);
      // Where time passes by itself, a replica that hears of it late on a busy machine may find nothing left.
      for (const { jobs } of h.backend.jump ? successors : [])
        expect(jobs.length, 'nobody has all of them').toBeLessThan(count);
      for (const { jobs } of successors) for (const job of jobs) await job.complete();
    },
  },
  {
    id: 'L132',
    title: 'an end by others that comes with the hand-over is one end, and nobody goes on',
    async run(h) {
      // Where time is real, each round waits for sweeps.
      const rounds = h.backend.jump ? 20 : 4;
      for (let round = 0; round < rounds; round++) {
        const [mine, successor] = [new Successor(), new Successor()];
        const leaving = await h.replica({ ...mine.input(), ...delayedAndShared(h) });
        const staying = await h.replica(successor.input());
        const streamId = `s${round}`;
        const job = await h.start(leaving, { streamId });
        job.handover.addEventListener('abort', () => void job.handOver({ round }).catch(() => {}));
        const draining = gone(leaving);
        for (let wait = round % 10; wait > 0; wait--) await new Promise((resolve) => setImmediate(resolve));
        await h.soon(staying.manager.abortJob(streamId), 'the stop');
        await h.soon(draining, 'the drain', 12_000);
        await h.rest();
        const ends = (await h.log(streamId)).filter(({ event }) =>
          /^(completed|failed|aborted)$/.test(event),
        );
        expect(ends.map(({ event }) => event)).toEqual(['aborted']);
        await h.until(() => successor.jobs.every((one) => one.isOver), 'whoever went on has stopped');
        await h.soon(staying.manager.close());
      }
    },
  },
];

function delayedAndShared(h: Harness): ReplicaInput {
  return { wrapStore: (store) => seenByOthers(h.delayed.wrapStore?.(store) ?? store) };
}

/** Resolves when a job is asked to hand over. */
function whenAsked({ handover }: GenerationJob): Promise<void> {
  return new Promise((resolve) => handover.addEventListener('abort', () => resolve(), { once: true }));
}

/** A source that waits for a signal, and ends as what is given one does. */
async function* waitingFor(signal: AbortSignal): AsyncGenerator<{ event: string; data: unknown }> {
  yield text('b');
  signal.throwIfAborted();
  await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
}

function splitAt(joined: string): [string, string] {
  const at = joined.indexOf('} ') + 1;
  return [joined.slice(0, at), joined.slice(at + 1)];
}
