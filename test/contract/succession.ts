/**
 * Asking again after a stop: the next producer begins when what came before it is saved.
 */
import type { CreateJobResult, GenerationJob, Hooks } from 'generation-jobs';
import { type ProducerCommit, streamKey } from 'generation-jobs/ports';
import { lossyStore, wrapStore } from 'generation-jobs/testing';
import { ASK_MS, Desk, inStatus, KEY, lifecycle } from './desk.js';
import { text } from './follower.js';
import {
  AT_ONCE_MS,
  type Contract,
  expectCode,
  type Harness,
  type Replica,
  rejection,
  TIMES,
} from './harness.js';
import { expect } from './tools.js';

type Ended = Parameters<NonNullable<Hooks['settle']>>[0];

/** A host's history, whose saving waits to be let through. */
class Saving {
  readonly saved: number[] = [];
  readonly begun: number[] = [];
  #isOpen = false;
  #release: (() => void)[] = [];

  readonly settle = async ({ record, signal }: Ended): Promise<void> => {
    this.begun.push(record.generation);
    if (!this.#isOpen)
      await new Promise<void>((resolve) => {
        this.#release.push(resolve);
        signal.addEventListener('abort', () => resolve());
      });
    this.saved.push(record.generation);
  };

  open(): void {
    this.#isOpen = true;
    for (const release of this.#release.splice(0)) release();
  }

  close(): void {
    this.#isOpen = false;
  }
}

/** A producer that emits, and returns when it is stopped. */
async function until(job: GenerationJob): Promise<void> {
  void job.emit(text('a'));
  await job.flush();
  await new Promise((resolve) => job.signal.addEventListener('abort', resolve, { once: true }));
}

function create(
  { manager }: Replica,
  input: Partial<Parameters<Replica['manager']['createJob']>[0]> = {},
): Promise<CreateJobResult> {
  const creating = manager.createJob({ streamId: 's', userId: 'u', waitFor: 'settled', ...input });
  creating.catch(() => {}); // each test asks for it in its own time
  return creating;
}

async function answerOf(creating: Promise<CreateJobResult>): Promise<CreateJobResult & { started: true }> {
  const result = await creating;
  if (!result.started) throw new Error('not started');
  return result;
}

/** The number of the stream's current generation, once it is another than `before`. */
async function newest(h: Harness, before: number): Promise<number> {
  let found = before;
  await h.until(async () => {
    const [record] = await h.store.read(streamKey('s'), 'current');
    found = record?.generation ?? before;
    return found !== before;
  }, 'the new generation');
  return found;
}

/** The store by itself. */
export const successionStoreContracts: readonly Contract[] = [
  {
    id: 'L73',
    title:
      'create and fail: the wish is kept with the generation it was made for; a key is given back with the end',
    async run(h) {
      const desk = new Desk(h);
      const waiting = await desk.created({ waits: 'settled', idempotencyKey: 'k' });
      expect(waiting.waits).toBe('settled');
      const end = desk.end(waiting, 'fail');
      const transition = { ...end.transition, releasesKey: true } as ProducerCommit['transition'];
      const { record } = await desk.ok(desk.store.commit({ ...end, transition }));
      expect([record?.waits, record?.idempotencyKey]).toEqual(['settled', undefined]);
      const again = await desk.created({ waits: 'left', idempotencyKey: 'k' });
      expect(again.generation).toBeGreaterThan(waiting.generation);
      expect(again.waits).toBe('left');
      await desk.ok(desk.store.commit(desk.end(again, 'fail')));
      expect((await desk.store.read(KEY, 'current'))[0]?.idempotencyKey, 'not of itself').toBe('k');
      expect((await desk.created()).waits).toBeUndefined();
    },
  },
  {
    id: 'L73',
    title: 'an end of what waits for a person notes that nobody produces it; of what runs it does not',
    async run(h) {
      const desk = new Desk(h);
      for (const name of ['abort', 'expire', 'replace'] as const) {
        for (const status of ['running', 'requires_action'] as const) {
          if (name === 'expire' && status === 'running') continue;
          const record = await inStatus(desk, status);
          if (name === 'expire') await h.advance(ASK_MS + 1);
          if (name === 'replace') {
            const end = {
              end: lifecycle('aborted'),
              error: { code: 'replaced', message: 'x', retryable: false },
            };
            await desk.created({ replaces: { generation: record.generation, ...end } });
          } else await desk.ok(desk.store.commit(desk.other(record, name)));
          const [ended] = await desk.store.read(KEY, record.generation);
          const left = status === 'requires_action' ? true : undefined;
          expect(ended?.producerLeft, `${name} of ${status}`).toBe(left);
          await desk.store.delete(KEY);
        }
      }
    },
  },
];

export const successionContracts: readonly Contract[] = [
  {
    id: 'L73',
    title:
      'what was stopped or replaced is saved before the next producer begins; the generation is there at once',
    async run(h) {
      for (const end of ['stopped', 'replaced', 'completed'] as const) {
        const saving = new Saving();
        const [one, two] = await h.two({ hooks: { settle: saving.settle } });
        const streamId = 's';
        const old = await h.start(one, { streamId });
        const run = end === 'completed' ? old.complete() : old.run(() => until(old));
        await h.until(async () => (await h.log()).length > 1, 'its first event');
        if (end === 'stopped') await two.manager.abortJob('s');
        const creating = create(two);
        const generation = await newest(h, old.generation);
        const follower = h.follow(one);
        await h.until(() => follower.names.includes('created'), 'followers see it begin');
        await h.until(() => saving.begun.length > 0, 'the settlement begins');
        await h.advance(50);
        expect(saving.saved).toEqual([]);
        expect(await Promise.race([creating, 'waits'])).toBe('waits');
        saving.open();
        const { job, predecessor } = await h.soon(answerOf(creating), 'its producer');
        expect(saving.saved).toEqual([old.generation]);
        expect(job.generation).toBe(generation);
        expect([predecessor, job.predecessor], end).toEqual(['left', 'left']);
        await run;
        await job.complete();
        await h.until(() => saving.saved.length === 2, 'its own settlement');
        await one.manager.deleteStream('s');
      }
    },
  },
  {
    id: 'L73',
    title:
      'a create that waited in vain is refused: its generation failed, and the request may be made again',
    async run(h) {
      const saving = new Saving();
      const options = { predecessorMs: 300, leaveMs: 200 };
      const [one, two] = await h.two({ options, hooks: { settle: saving.settle } });
      const old = await h.start(one);
      await old.complete();
      const refused = create(two, { idempotencyKey: 'k' });
      const error = await h.soon(rejection(refused), 'the refusal');
      expect(error).toMatchObject({ code: 'predecessor_unsettled', status: 503 });
      const failed = await newest(h, old.generation);
      expect((await h.log()).at(-1)).toMatchObject({
        event: 'failed',
        data: { code: 'predecessor_unsettled', retryable: true },
      });
      const record = await two.manager.getJob('s');
      expect(record).toMatchObject({ generation: failed, status: 'failed' });
      expect(record?.idempotencyKey).toBeUndefined();
      saving.open();
      await h.until(() => saving.saved.length === 2, 'both are saved');
      const { job } = await h.soon(answerOf(create(one, { idempotencyKey: 'k' })), 'the same request again');
      expect(job.generation).toBeGreaterThan(failed);
      await job.complete();
    },
  },
  {
    id: 'L73 F8',
    title: 'a refusal whose steps are lost on their way is made all the same, and its key given back',
    async run(h) {
      for (const loss of ['request', 'reply'] as const) {
        let lost = 0;
        const saving = new Saving();
        const replica = await h.replica({
          options: { predecessorMs: 100, leaveMs: 50 },
          hooks: { settle: saving.settle },
          wrapStore: (store) =>
            lossyStore(store, ({ method }) => (method === 'slots.forget' && lost++ === 0 ? loss : 'none')),
        });
        const streamId = loss;
        await (await h.start(replica, { streamId })).complete();
        const refused = create(replica, { streamId, idempotencyKey: loss });
        expect(await h.soon(rejection(refused))).toMatchObject({ code: 'predecessor_unsettled' });
        expect(lost).toBeGreaterThan(1);
        const { job } = await answerOf(
          create(replica, { streamId, idempotencyKey: loss, waitFor: undefined }),
        );
        saving.open();
        await job.complete();
      }
    },
  },
  {
    id: 'L73 F13',
    title:
      'a refusal that the store never answers leaves no producer behind: its lease lapses, and the key is given back',
    timesLapse: true,
    async run(h) {
      let isAway = true;
      const options = { predecessorMs: 100, leaveMs: 50 };
      const saving = new Saving();
      const hooks = { settle: saving.settle };
      const other = await h.replica({ options, hooks });
      const cutOff = await h.replica({
        ...{ options, hooks },
        wrapStore: (store) =>
          lossyStore(store, ({ method }) => (method === 'slots.forget' && isAway ? 'request' : 'none')),
      });
      const old = await h.start(other);
      await old.complete();
      const { job } = await h.soon(answerOf(create(cutOff, { idempotencyKey: 'k' })), 'the answer');
      expect(job.reason).toBe('lease_lost');
      expect((await cutOff.manager.stats()).process.producing).toBe(0);
      expect(await job.run(() => undefined)).toEqual({ reason: 'lease_lost' });
      const isOver = async () => (await other.manager.getJob('s'))?.status === 'failed';
      await h.until(isOver, 'its end', 3 * TIMES.leaseMs);
      expect(await other.manager.getJob('s')).toMatchObject({ error: { code: 'producer_lost' } });
      const again = await answerOf(create(other, { idempotencyKey: 'k', waitFor: undefined }));
      expect(again.job.generation).toBeGreaterThan(job.generation);
      await again.job.complete();
      isAway = false;
      saving.open();
    },
  },
  {
    id: 'L73 F26',
    title:
      'a drain refuses the create that waits, where nobody else could go on with it; the request may be made again',
    async run(h) {
      const saving = new Saving();
      const options = { predecessorMs: 60_000 };
      const [one, two] = await h.two({ hooks: { settle: saving.settle }, options });
      const old = await h.start(two);
      await old.complete();
      await h.until(() => saving.begun.length === 1, 'the settlement begins');
      const creating = create(one, { idempotencyKey: 'k' });
      const waiting = await newest(h, old.generation);
      const draining = one.manager.drain({ graceMs: 0 });
      await h.soon(expectCode(creating, 'draining'), 'the refusal');
      await h.soon(draining, 'the drain', 10_000);
      const record = await two.manager.getJob('s');
      expect(record).toMatchObject({ generation: waiting, status: 'failed', error: { code: 'interrupted' } });
      expect(record?.idempotencyKey).toBeUndefined();
      saving.open();
      const { job } = await h.soon(answerOf(create(two, { idempotencyKey: 'k' })), 'the same request again');
      expect(job.generation).toBeGreaterThan(waiting);
      await job.complete();
    },
  },
  {
    id: 'L35 F26',
    title: 'an end that is written only when its replica has taken leave is settled by another one at once',
    async run(h) {
      const saving = new Saving();
      saving.open();
      const options = { leaseMs: 30_000, renewMs: 10_000 };
      const given = { hooks: { settle: saving.settle }, options };
      await h.replica(given);
      let write = () => {};
      const written = new Promise<void>((resolve) => (write = resolve));
      const leaving = await h.replica({
        ...given,
        wrapStore: (store) =>
          wrapStore(store, async ({ method, args }, perform) => {
            const [commit] = args as [Partial<ProducerCommit>];
            if (method === 'commit' && commit.writer === 'producer' && commit.transition) await written;
            return perform();
          }),
      });
      const job = await h.start(leaving);
      await h.soon(leaving.manager.drain({ graceMs: 0 }), 'the drain', 20_000);
      write();
      await h.until(() => saving.saved.includes(job.generation), 'another replica saves it');
    },
  },
  {
    id: 'L73',
    title: 'what is set aside counts as unsettled at once; nothing is waited for where nothing is settled',
    async run(h) {
      const settle = () => Promise.reject(new Error('the database is away'));
      const failing = await h.replica({
        options: { settleTries: 1 },
        hooks: { settle, onError: () => {} },
      });
      const old = await h.start(failing);
      await old.complete();
      const isSetAside = async () =>
        (await failing.manager.getGenerations('s'))[0]?.settlement === 'set_aside';
      await h.until(isSetAside, 'it is set aside');
      const startedAt = h.backend.clock.monotonic();
      await h.soon(expectCode(create(failing), 'predecessor_unsettled'), 'the refusal');
      expect(h.backend.clock.monotonic() - startedAt).toBeLessThan(AT_ONCE_MS + h.backend.slackMs);
      const { job } = await answerOf(create(failing, { waitFor: undefined }));
      expect(job.predecessor, 'the one that was refused').toBe('left');
      await job.complete();

      const plain = await h.replica();
      const first = await h.start(plain, { streamId: 'plain' });
      const second = await h.soon(answerOf(create(plain, { streamId: 'plain' })), 'no settle hook');
      expect(first.isOver).toBe(true);
      expect(second.predecessor).toBe('running');
      await second.job.complete();
    },
  },
  {
    id: 'L73',
    title: 'while a producer waits its lease is renewed and its own time does not run',
    timesLapse: true,
    async run(h) {
      const saving = new Saving();
      const options = { idleTimeoutMs: 600, maxRunMs: 1_200, predecessorMs: 20_000 };
      const [one, two] = await h.two({ options, hooks: { settle: saving.settle } });
      await (await h.start(one)).complete();
      const creating = create(two);
      await h.advance(2_500); // longer than the lease, than any silence and than any run
      saving.open();
      const { job } = await h.soon(answerOf(creating), 'its producer');
      expect(job.isOver).toBe(false);
      await h.advance(options.idleTimeoutMs / 2);
      job.emit(text('still there'));
      await job.complete();
      expect(await two.manager.getJob('s')).toMatchObject({ status: 'completed', attempt: 1 });
      saving.open();
    },
  },
  {
    id: 'L73',
    title: 'a stop and a replacement end a generation that waits as any other, and nothing of it runs',
    async run(h) {
      for (const end of ['aborted', 'replaced'] as const) {
        const saving = new Saving();
        const [one, two] = await h.two({ hooks: { settle: saving.settle } });
        const old = await h.start(one);
        await old.complete();
        const creating = create(one);
        const waiting = await newest(h, old.generation);
        if (end === 'aborted') expect((await two.manager.abortJob('s')).aborted).toBe(true);
        const next = end === 'replaced' ? await h.start(two) : undefined;
        const { job } = await h.soon(answerOf(creating), 'the one that waited');
        expect([job.generation, job.reason]).toEqual([waiting, end]);
        let produced = 0;
        expect(await job.run(() => produced++)).toEqual({ reason: end });
        expect(produced).toBe(0);
        saving.open();
        await next?.complete();
        await h.until(() => saving.saved.length === (next ? 3 : 2), 'all are saved');
        await one.manager.deleteStream('s');
      }
    },
  },
  {
    id: 'L73 F1',
    title: 'who takes over from a producer that died while it waited waits as well',
    timesLapse: true,
    async run(h) {
      const saving = new Saving();
      const recovered: number[] = [];
      const recover = async (job: GenerationJob) => {
        recovered.push(saving.saved.length);
        await job.complete({ predecessor: job.predecessor });
      };
      const hooks = { settle: saving.settle, recover };
      const options = { predecessorMs: 8_000 };
      const other = await h.replica({ hooks, options });
      const doomed = await h.replica({ hooks: { ...hooks, settle: () => {} }, options });
      const old = await h.start(other);
      await old.complete();
      await h.until(() => saving.begun.length === 1, 'the settlement begins');
      void create(doomed);
      const generation = await newest(h, old.generation);
      await doomed.crash();
      const isTakenOver = async () => (await other.manager.getJob('s'))?.attempt === 2;
      await h.until(isTakenOver, 'it is taken over', TIMES.leaseMs * 3);
      await h.advance(TIMES.leaseMs);
      expect(recovered).toEqual([]);
      saving.open();
      await h.until(() => recovered.length === 1, 'it goes on');
      expect(recovered).toEqual([1]);
      const state = () => other.manager.getResumeState('s', { generation });
      await h.until(async () => (await state())?.status === 'completed', 'its end');
      expect((await state())?.end).toMatchObject({ final: { predecessor: 'left' } });
    },
  },
  {
    id: 'L73',
    title: 'a successor is told whether what it ended has returned, still runs or was lost',
    timesLapse: true,
    async run(h) {
      const hooks = { settle: () => {} };
      const options = { predecessorMs: TIMES.approvalWindowMs, leaveMs: TIMES.createTimeoutMs };
      const [one, two] = await h.two({ hooks, options });
      expect((await answerOf(create(one, { streamId: 'first' }))).predecessor).toBeUndefined();
      const told = async (streamId: string, waitFor?: 'settled' | 'left') => {
        const made = answerOf(create(two, { streamId, waitFor }));
        const { job, predecessor } = await h.soon(made, streamId, options.predecessorMs + 3_000);
        expect(job.predecessor).toBe(predecessor);
        await job.complete();
        return predecessor;
      };
      const paused = await h.start(one, { streamId: 'paused' });
      await paused.pause({ type: 'checkpoint' });
      expect(await told('paused')).toBe('left');
      let release = () => {};
      const deaf = await h.start(one, { streamId: 'deaf' });
      const run = deaf.run(() => new Promise<void>((resolve) => (release = resolve)));
      expect(await told('deaf', 'left'), 'its own bound').toBe('running');
      release();
      await run;
      const quick = await h.start(one, { streamId: 'quick' });
      void quick.run(() => until(quick));
      expect(await told('quick', 'left')).toBe('left');
      const lost = await h.replica({ hooks, options });
      await h.start(lost, { streamId: 'lost' });
      await lost.crash();
      await h.until(async () => (await two.manager.getJob('lost'))?.status === 'failed', 'it is lost');
      expect(await told('lost', 'settled')).toBe('lost');
      const dead = await h.replica({ hooks, options });
      const silent = await h.start(dead, { streamId: 'silent' });
      await dead.crash();
      expect(await told('silent'), 'its lease had not lapsed').toBe('running');
      expect(silent.generation).toBeGreaterThan(0);
    },
  },
  {
    id: 'L73',
    title:
      'a successor is told that a producer may still run also when what it had said is settled long since',
    timesLapse: true,
    async run(h) {
      const hooks = { settle: () => {} };
      const options = { predecessorMs: 500, leaveMs: 50 };
      const [one, two] = await h.two({ hooks, options });
      const releases: (() => void)[] = [];
      const deaf = () => new Promise<void>((resolve) => releases.push(resolve));
      for (const end of ['stopped', 'failed'] as const) {
        for (const waitFor of ['settled', 'left', undefined] as const) {
          const streamId = `${end}-${waitFor}`;
          const old = await h.start(one, { streamId });
          void old.run(async () => {
            if (end === 'failed') await old.fail({ code: 'limit_exceeded', message: 'x' });
            await deaf();
          });
          const isSettled = async () =>
            (await two.manager.getGenerations(streamId))[0]?.settlement === 'settled';
          if (end === 'stopped') await two.manager.abortJob(streamId);
          await h.until(isSettled, `${streamId} is settled`);
          await h.advance(options.predecessorMs);
          const next = await h.soon(answerOf(create(two, { streamId, waitFor })), streamId);
          expect([next.predecessor, next.job.predecessor], streamId).toEqual(['running', 'running']);
          await next.job.complete();
          // Who waits has read all that is kept, who does not knows the newest alone.
          const last = await h.soon(answerOf(create(two, { streamId, waitFor })), streamId);
          expect(last.predecessor, streamId).toBe(waitFor === undefined ? 'left' : 'running');
          await last.job.complete();
        }
      }
      for (const release of releases) release();
    },
  },
  {
    id: 'L73',
    title: 'a settlement that asks for a successor of its own is told that it would wait for itself',
    async run(h) {
      const codes: unknown[] = [];
      const replica: Replica = await h.replica({
        hooks: {
          settle: async ({ record }) => {
            if (record.streamId !== 's') return;
            codes.push(await rejection(create(replica)));
            codes.push((await create(replica, { streamId: 'another' })).started);
          },
        },
      });
      await (await h.start(replica)).complete();
      await h.until(() => codes.length === 2, 'the settlement');
      expect(codes).toMatchObject([{ code: 'invalid_argument' }, true]);
    },
  },
  {
    id: 'L73',
    title: 'what a settlement starts is inside it no longer once it has returned',
    async run(h) {
      const started: GenerationJob[] = [];
      let returned = () => {};
      const isBack = new Promise<void>((resolve) => (returned = resolve));
      let first = 0;
      const replica: Replica = await h.replica({
        hooks: {
          settle: async ({ record }) => {
            if (record.generation !== first) return;
            const next = await answerOf(create(replica, { waitFor: undefined }));
            void next.job.run(async () => {
              await isBack;
              started.push((await answerOf(create(replica))).job);
            });
          },
        },
      });
      const job = await h.start(replica);
      first = job.generation;
      await job.complete();
      const isSettled = async () => (await h.store.read(job.key, first))[0]?.settlement.state === 'settled';
      await h.until(isSettled, 'its settlement');
      returned();
      await h.until(() => started.length === 1, 'the next one');
      await started[0]?.complete();
    },
  },
];
