/**
 * Ends that no producer announces are described from exactly what is committed before them, however fast the producer
 * writes; and a description that comes to nothing ends nothing.
 */
import type { GenerationJob, Hooks, JobRecord, StreamEvent } from 'generation-jobs';
import { type Commit, type CommitReply, type CreateRequest, streamKey } from 'generation-jobs/ports';
import { turns, wrapStore } from 'generation-jobs/testing';
import { ASK_MS, claimOf, Desk, KEY, lifecycle } from './desk.js';
import { dataOf, text } from './follower.js';
import { type Contract, expectCode, type Harness, type Replica } from './harness.js';
import { expect } from './tools.js';

const LIMITS = { describeEndMs: 400 } as const;
const STOPS = 30;

const textOf = (content: unknown): string => (content as { text: string } | null)?.text ?? '';

/** What the log says that was told before its end, and what the end says. */
function toldIn(log: readonly StreamEvent[]): { before: string; final: string } {
  const before = log
    .filter(({ event }) => event === 'text')
    .map((event) => dataOf<{ text: string }>(event).text);
  const { final } = dataOf<{ final?: { text: string } }>(log.at(-1));
  return { before: before.join(''), final: textOf(final) };
}

/** A producer that writes as fast as it is let, until its handle is over. Time that is moved stands still while it does. */
async function write(h: Harness, job: GenerationJob): Promise<void> {
  const most = h.backend.jump ? 300 : Number.POSITIVE_INFINITY;
  for (let n = 0; n < most && !job.isOver; n++) {
    try {
      void job.emit(text(`${n} `));
    } catch {
      return; // over since
    }
    await turns(1);
  }
}

/** The end's content, and what `settle` got, over many stops of a producer that goes on writing. */
async function stopWriting(
  h: Harness,
  stop: (stopper: Replica, streamId: string) => Promise<unknown>,
): Promise<void> {
  // Before it answers, the producer has all the time it wants.
  const describeEnd = async (_: JobRecord, content: unknown) => {
    await turns(20);
    return content;
  };
  const settled = new Map<number, string>();
  const settle: Hooks['settle'] = ({ record, content }) =>
    void settled.set(record.generation, textOf(content));
  // What is late would come without its content.
  const input = { ...h.delayed, hooks: { describeEnd, settle }, options: { describeEndMs: 5_000 } };
  const [producers, stopper] = await h.two(input);
  for (let round = 0; round < STOPS; round++) {
    const streamId = `s${round}`;
    const job = await h.soon(h.start(producers, { streamId, contentModel: 'text' }));
    const writing = write(h, job);
    const { generation } = job;
    const tail = async () => (await h.store.read(job.key, generation))[0]?.lastSequence ?? 0;
    while ((await tail()) < 4) await turns(1);
    await h.soon(stop(stopper, streamId), 'the stop');
    await h.soon(writing, 'the producer to be told');
    const { before, final } = toldIn(await h.log(streamId, generation));
    // By length first: what differs is long.
    expect([round, final.length]).toEqual([round, before.length]);
    expect(final === before, `stop ${round}`).toBe(true);
    await h.until(() => settled.has(generation), 'it settles');
    expect(settled.get(generation) === final, `settlement ${round}`).toBe(true);
  }
}

export const descriptionContracts: readonly Contract[] = [
  {
    id: 'P4 L34',
    title: 'describeEnd sees exactly what is committed before the end: 30 of 30 stops of a writing producer',
    async run(h) {
      await stopWriting(h, ({ manager }, streamId) => manager.abortJob(streamId));
    },
  },
  {
    id: 'P4 L34',
    title: 'describeEnd sees exactly what is committed before a replacement: 30 of 30 of a writing producer',
    async run(h) {
      await stopWriting(h, async (stopper, streamId) => (await h.start(stopper, { streamId })).complete());
    },
  },
  {
    id: 'F4 P4',
    title: 'a lost producer that is not dead adds nothing between its description and its end',
    timesLapse: true,
    async run(h) {
      const late: string[] = [];
      const describeEnd = async (record: JobRecord, content: unknown) => {
        const { generation, attempt, lastSequence: afterSequence } = record;
        const event = { event: 'text', data: '{"text":"late"}', sequence: afterSequence + 1, attempt };
        const reply = await h.store.commit({
          writer: 'producer',
          key: streamKey(record.streamId),
          ...{ generation, attempt, afterSequence, events: [event] },
        });
        late.push(reply.ok ? 'taken' : reply.refusal);
        return content;
      };
      const doomed = await h.replica();
      await h.replica({ hooks: { describeEnd } });
      const job = await h.start(doomed, { contentModel: 'text' });
      void job.emit(text('a'));
      await job.flush();
      await doomed.crash();
      await h.until(async () => (await h.log()).at(-1)?.event === 'failed', 'it is lost');
      expect(late).toEqual(['held']);
      expect(toldIn(await h.log())).toEqual({ before: 'a', final: 'a' });
    },
  },
  {
    id: 'P4 P8',
    title:
      'an end that finds the generation gone on is described anew: a decision came while the host described',
    async run(h) {
      const described: string[] = [];
      const [one, two] = await h.two();
      const describeEnd = async (record: JobRecord, content: unknown) => {
        described.push(`${record.status} ${textOf(content)}`);
        if (described.length > 1) return content;
        const actionId = record.pendingAction?.actionId as string;
        const { job } = await two.manager.approvals.resolve('s', { actionId, by: 'p' });
        void job.emit(text('b'));
        await job.flush();
        return content;
      };
      const stopper = await h.replica({ hooks: { describeEnd } });
      const job = await h.start(one, { contentModel: 'text' });
      void job.emit(text('a'));
      await job.pause({ type: 'checkpoint' });
      expect(await h.soon(stopper.manager.abortJob('s'))).toMatchObject({ aborted: true });
      expect(described).toEqual(['requires_action a', 'running ab']);
      expect(toldIn(await h.log())).toEqual({ before: 'ab', final: 'ab' });
    },
  },
  {
    id: 'P4 P5',
    title:
      'a producer whose end was described by somebody who died goes on once the hold is over, and ends as it would',
    async run(h) {
      const options = { ...LIMITS, leaseMs: 3_000, renewMs: 300 };
      const one = await h.replica({ options });
      const doomed = await h.replica({
        options,
        hooks: {
          describeEnd: async () => {
            await doomed.crash();
          },
        },
      });
      const job = await h.start(one, { contentModel: 'text' });
      const startedAt = h.backend.clock.monotonic();
      void doomed.manager.abortJob('s').catch(() => {});
      await h.until(() => doomed.isDead, 'it dies');
      void job.emit(text('a'));
      await h.rest();
      expect((await h.log()).map(({ event }) => event)).toEqual(['created']);
      await h.soon(job.flush(), 'the hold to lapse', LIMITS.describeEndMs + 300 + 500);
      expect(h.backend.clock.monotonic() - startedAt).toBeGreaterThanOrEqual(LIMITS.describeEndMs);
      expect(job.isOver).toBe(false);
      await job.complete('done');
      expect((await h.log()).map(({ event }) => event)).toEqual(['created', 'text', 'completed']);
    },
  },
  {
    id: 'P4 L9',
    title: 'a replacement that never comes leaves the producer going on at once',
    async run(h) {
      const describeEnd = () => 'said';
      const options = { describeEndMs: 20_000, limits: { activeJobsPerUser: 2 } };
      const [one, two] = await h.two({ hooks: { describeEnd }, options });
      const job = await h.start(one);
      await h.start(one, { streamId: 'second' });
      await h.start(one, { streamId: 'third', userId: 'other' });
      // A third of the user's: the replacement of a stranger's stream is refused before, one beyond the limit after.
      await two.store.slots.take(
        { tenantId: undefined, userId: 'u' },
        {
          ...{ streamId: 'elsewhere', holder: 'x', limit: 9, forMs: 60_000 },
        },
      );
      await expectCode(h.soon(two.manager.createJob({ streamId: 's', userId: 'u' })), 'user_limit_exceeded');
      void job.emit(text('a'));
      await h.soon(job.flush(), 'the producer goes on', 1_000);
      expect(job.isOver).toBe(false);
    },
  },
  {
    id: 'P4',
    title: 'a producer that completes while its end is described has completed: a success is not stopped',
    async run(h) {
      let completing: Promise<void> | undefined;
      const one = await h.replica();
      const job = await h.start(one);
      const describeEnd = async () => {
        completing ??= job.complete('done');
        await completing;
        return 'stopped';
      };
      const two = await h.replica({ hooks: { describeEnd } });
      expect(await h.soon(two.manager.abortJob('s'))).toMatchObject({
        aborted: false,
        record: { status: 'completed' },
      });
      expect((await h.log()).at(-1)).toMatchObject({ event: 'completed', data: { final: 'done' } });
      expect(job.reason).toBe('completed');
    },
  },
  {
    id: 'P4 P5',
    title:
      'a producer of a release that knows no hold is stopped after a bounded number of descriptions, and that is told',
    async run(h) {
      let described = 0;
      let behind = 0;
      // What such a producer does: it writes on, whatever stands in the field.
      const describeEnd = async (record: JobRecord) => {
        described++;
        const { generation, attempt, lastSequence: afterSequence } = record;
        await h.store.commit({ writer: 'describer', key: KEY, generation, forMs: 0 });
        const event = { event: 'text', data: '{}', sequence: afterSequence + 1, attempt };
        const commit = { key: KEY, generation, attempt, afterSequence, events: [event] };
        expect((await h.store.commit({ writer: 'producer', ...commit })).ok).toBe(true);
        return 'half';
      };
      const replica = await h.replica({
        hooks: { describeEnd },
        observer: { endBehind: () => behind++ },
      });
      await h.start(await h.replica());
      expect(await h.soon(replica.manager.abortJob('s'))).toMatchObject({ aborted: true });
      expect(described).toBe(6);
      expect(behind).toBe(1);
      expect((await h.log()).at(-1)).toMatchObject({ event: 'aborted', data: { final: 'half' } });
    },
  },
  {
    id: 'P4',
    title: 'without a describeEnd hook an end holds nobody, and is guarded by nothing',
    async run(h) {
      const commits: Commit[] = [];
      const creates: CreateRequest[] = [];
      const replica = await h.replica({
        wrapStore: (store) =>
          wrapStore(store, ({ method, args }, perform) => {
            if (method === 'commit') commits.push(args[0] as Commit);
            if (method === 'create') creates.push(args[0] as CreateRequest);
            return perform();
          }),
      });
      await h.start(replica);
      await (await h.start(replica)).pause({ type: 'checkpoint' });
      await replica.manager.abortJob('s');
      // Beside what the replaced producer says when it leaves.
      const ends = commits.filter(({ writer }) => writer !== 'leaver');
      expect(ends.map(({ writer }) => writer)).toEqual(['producer', 'other']);
      expect(ends[1]).toMatchObject({ describedFrom: undefined });
      expect(creates[1]?.replaces).toMatchObject({ describedFrom: undefined });
    },
  },
  {
    id: 'P4 L30',
    title: 'a stop or a replacement in the turn of emits nobody awaited loses none of those taken',
    async run(h) {
      for (const hooks of [{}, { describeEnd: (_: JobRecord, content: unknown) => content }]) {
        const replica = await h.replica({ hooks });
        const stops: Record<string, (job: GenerationJob) => Promise<unknown>> = {
          aborted: ({ streamId }) => replica.manager.abortJob(streamId),
          replaced: ({ streamId }) => h.start(replica, { streamId }),
        };
        for (const [name, stop] of Object.entries(stops)) {
          const streamId = `${name}-${Object.keys(hooks).length}`;
          const job = await h.start(replica, { streamId, contentModel: 'text' });
          for (let n = 0; n < 600; n++) void job.emit(text('x'));
          await h.soon(stop(job));
          const { before, final } = toldIn(await h.log(streamId, job.generation));
          expect(before.length, streamId).toBe(600);
          if ('describeEnd' in hooks) expect(final).toBe(before);
        }
      }
    },
  },
];

const refusalOf = (reply: CommitReply): string => (reply.ok ? 'ok' : reply.refusal);

export const holdContracts: readonly Contract[] = [
  {
    id: 'P4',
    title:
      'a hold keeps a producer from writing until it lapses or is let go, its end and every other change excepted',
    async run(h) {
      const desk = new Desk(h);
      const record = await desk.created();
      const hold = (forMs: number) =>
        desk.store.commit({ writer: 'describer', key: KEY, generation: record.generation, forMs });
      expect(await desk.ok(hold(60_000))).toMatchObject({
        lastSequence: 1,
        frames: [],
        record: { lastSequence: 1 },
      });
      const before = await desk.all();
      const batch = desk.batch(record, 2, 1);
      expect(await desk.refusal(desk.store.commit(batch))).toBe('held');
      const patch = { number: 1, usage: { a: 1 } };
      expect(await desk.refusal(desk.store.commit(desk.batch(record, 2, 0, { patch })))).toBe('held');
      expect(await desk.refusal(desk.store.commit({ ...batch, patch }))).toBe('held');
      expect(await desk.all()).toEqual(before);
      expect(await desk.store.renew([claimOf(record)], 5_000), 'a lease lasts all the same').toEqual([
        'held',
      ]);
      await desk.ok(hold(50)); // no shorter than the first
      await h.advance(150);
      expect(await desk.refusal(desk.store.commit(batch))).toBe('held');
      await desk.ok(hold(0));
      await desk.ok(hold(50));
      await h.advance(150);
      await desk.ok(desk.store.commit(batch));
      await desk.ok(hold(60_000));
      expect(await desk.ok(desk.store.commit(batch)), 'a repeat is none').toMatchObject({ lastSequence: 2 });
      await desk.ok(hold(0));
      await desk.ok(desk.store.commit(desk.batch(record, 3, 1)));
      await desk.ok(hold(60_000));
      const paused = await desk.ok(desk.store.commit(desk.end({ ...record, lastSequence: 3 }, 'pause')));
      const resolved = await desk.ok(desk.store.commit(desk.other(paused.record as JobRecord, 'resolve')));
      const next = resolved.record as JobRecord;
      await desk.ok(desk.store.commit(desk.batch(next, 6, 1)));
      await desk.ok(hold(60_000));
      const ended = desk.end({ ...next, lastSequence: 6 }, 'complete');
      await desk.ok(desk.store.commit(ended));
      expect(await desk.refusal(hold(1))).toBe('ended');
      await desk.created();
      expect(await desk.refusal(hold(1))).toBe('ended');
      expect(
        refusalOf(await desk.store.commit({ writer: 'describer', key: KEY, generation: 1, forMs: 1 })),
      ).toBe('gone');
    },
  },
  {
    id: 'P4',
    title: 'a hold of a paused generation holds nobody who goes on with it',
    async run(h) {
      const desk = new Desk(h);
      const record = await desk.created();
      const paused = (await desk.ok(desk.store.commit(desk.end(record, 'pause')))).record as JobRecord;
      const { generation } = record;
      await desk.ok(desk.store.commit({ writer: 'describer', key: KEY, generation, forMs: 60_000 }));
      const resolved = (await desk.ok(desk.store.commit(desk.other(paused, 'resolve')))).record as JobRecord;
      await desk.ok(desk.store.commit(desk.batch(resolved, 4, 1)));
    },
  },
  {
    id: 'P4 L34',
    title:
      'an end that names where it was described from is refused when the generation has gone on, with nothing changed',
    timesLapse: true,
    async run(h) {
      const desk = new Desk(h);
      const record = await desk.created();
      await desk.ok(desk.store.commit(desk.batch(record, 2, 3)));
      const { generation } = record;
      const before = await desk.all();
      const end = { ...lifecycle('aborted') };
      const error = { code: 'replaced', message: 'x', retryable: false };
      const places = [
        { sequence: 3, attempt: 1 },
        { sequence: 5, attempt: 1 },
        { sequence: 4, attempt: 2 },
      ];
      for (const describedFrom of places) {
        const abort = desk.other(record, 'abort', { describedFrom });
        expect(await desk.refusal(desk.store.commit(abort))).toBe('behind');
        const create = desk.request({ replaces: { generation, end, error, describedFrom } });
        expect(await desk.store.create(create)).toMatchObject({
          outcome: 'conflict',
          record: { generation },
        });
      }
      expect(await desk.all()).toEqual(before);
      await desk.store.renew([claimOf(record)], 0);
      const lose = desk.other(record, 'lose', { describedFrom: { sequence: 3, attempt: 1 } });
      expect(await desk.refusal(desk.store.commit(lose))).toBe('behind');
      const describedFrom = { sequence: 4, attempt: 1 };
      const create = desk.request({ replaces: { generation, end, error, describedFrom } });
      const created = await desk.store.create(create);
      expect(created).toMatchObject({ outcome: 'created', replaced: { generation, lastSequence: 5 } });
      const next = (created as { record: JobRecord }).record;
      const paused = (await desk.ok(desk.store.commit(desk.end(next, 'pause')))).record as JobRecord;
      await h.advance(ASK_MS + 1);
      const expire = (sequence: number) =>
        desk.store.commit(desk.other(paused, 'expire', { describedFrom: { sequence, attempt: 1 } }));
      expect(await desk.refusal(expire(1))).toBe('behind');
      const abort = desk.other(paused, 'abort', { describedFrom: { sequence: 2, attempt: 1 } });
      await desk.ok(expire(2));
      expect(await desk.refusal(desk.store.commit(abort))).toBe('ended');
    },
  },
];
