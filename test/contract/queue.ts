/**
 * Runs that wait for their turn, through managers: each starts once, in order, on whichever replica sees that its turn has come, or
 * is handed back.
 */
import { createSeal, type JobRecord, type QueuedRunResult } from 'generation-jobs';
import { streamKey, userKey } from 'generation-jobs/ports';
import {
  type Contract,
  expectCode,
  type Harness,
  RENEWS_SELDOM,
  type Replica,
  TIMES,
  tally,
} from './harness.js';
import { ended, enqueue, Starts, wait, waiting } from './queue-host.js';
import { expect } from './tools.js';

const HOUR = 3_600_000;
/** Long enough that whoever may start something would have. */
const LOOKED_MS = TIMES.leaseMs * 3;
const USER = userKey('u');

const isOf = (id: string) => (created: unknown) => `${created}`.startsWith(id);
const idsOf = (runs: readonly { readonly queueId: string }[]) => runs.map(({ queueId }) => queueId);

/** Nothing starts, however long everybody looks. */
async function nothingStarts(h: Harness, starts: Starts, what: string): Promise<void> {
  const before = starts.all.length;
  await h.advance(LOOKED_MS);
  expect(starts.all.length, what).toBe(before);
}

export const queueContracts: readonly Contract[] = [
  {
    id: 'L161',
    title:
      'a create that enqueues starts at once where nothing is active, and waits behind what is: as it was asked for',
    async run(h) {
      const starts = new Starts();
      const counted: QueuedRunResult[] = [];
      const observer = { runQueued: (result: QueuedRunResult) => void counted.push(result) };
      const one = await h.replica({ hooks: starts.hooks('', { stays: true }), observer });
      const first = await h.soon(enqueue(one, { created: 'a' }));
      if (!first.started) throw new Error('It was not started.');
      expect(first.record.fromQueue).toBeUndefined();
      const input = { created: { text: 'b' }, conversationId: 'c', metadata: { n: 1 }, contentModel: 'text' };
      const second = await h.soon(enqueue(one, input));
      expect(second).toMatchObject({ started: false, record: { generation: first.record.generation } });
      expect(second.job).toBeUndefined();
      const { queueId, queuedAt, expiresAt, ...shown } = second.queued ?? ({} as never);
      expect([shown, expiresAt - queuedAt]).toEqual([
        { streamId: 's', position: 1, conversationId: 'c', created: { text: 'b' } },
        HOUR,
      ]);
      expect(await one.manager.queue.list('s', { userId: 'u' })).toEqual({
        waiting: [second.queued as never],
        returned: [],
        held: false,
      });
      expect(starts.all).toEqual([]);
      await h.soon(first.job.complete());
      await h.until(() => starts.all.length === 1, 'its start');
      const [start] = starts.all;
      expect(start).toMatchObject({ created: { text: 'b' }, queueId, attempt: 1 });
      const record = await one.manager.getJob('s');
      expect(record).toMatchObject({
        ...{ createId: queueId, fromQueue: true, conversationId: 'c', metadata: { n: 1 } },
        ...{ contentModel: 'text', status: 'running', userId: 'u' },
      });
      expect(start?.record).toMatchObject({ generation: record?.generation, metadata: { n: 1 } });
      expect((await h.log()).map(({ event, data }) => [event, data])).toEqual([
        ['created', { created: { text: 'b' } }],
      ]);
      expect(await one.manager.queue.list('s')).toEqual({ waiting: [], returned: [], held: false });
      expect(counted).toEqual(['queued', 'started']);
    },
  },
  {
    id: 'L161',
    title: 'a run starts on another replica, once the one before has ended and is settled',
    timesLapse: true,
    async run(h) {
      const starts = new Starts();
      let settle = () => {};
      const settling = new Promise<void>((resolve) => (settle = resolve));
      const plain = await h.replica({ hooks: { settle: () => settling } });
      const one = await h.replica({ hooks: starts.hooks('one') });
      const job = await h.start(plain, { created: 'a' });
      await h.soon(wait(one, { created: 'b' }));
      await nothingStarts(h, starts, 'while it runs');
      await h.soon(job.complete());
      await nothingStarts(h, starts, 'while it is not settled');
      settle();
      await h.until(() => starts.all.length === 1, 'its start', TIMES.leaseMs * 4);
      expect(starts.all).toMatchObject([{ created: 'b', by: 'one' }]);
      const record = await h.soon(ended(h, one, starts.all[0]?.record.generation as number));
      expect(record).toMatchObject({ status: 'completed', fromQueue: true });
    },
  },
  {
    id: 'L161',
    title:
      'runs start in their order, one behind the other; a plain create goes first, and what waits stays behind it',
    async run(h) {
      const starts = new Starts();
      const replicas = [
        await h.replica({ hooks: starts.hooks('one') }),
        await h.replica({ hooks: starts.hooks('two') }),
      ] as const;
      await h.start(replicas[0]);
      for (let n = 0; n < 6; n++) {
        const queued = await h.soon(wait(replicas[(n % 2) as 0 | 1], { created: n }));
        expect(queued.position).toBe(n + 1);
      }
      const other = await h.start(replicas[1], { created: 'other' });
      expect([await waiting(replicas[0]), starts.all]).toEqual([[0, 1, 2, 3, 4, 5], []]);
      await h.soon(other.complete());
      await h.until(() => starts.all.length === 6, 'all have started', 9_000);
      expect(starts.created).toEqual([0, 1, 2, 3, 4, 5]);
      const generations = starts.all.map(({ record }) => record.generation);
      expect(generations).toEqual([...generations].sort((a, b) => a - b));
      await h.until(async () => (await replicas[0].manager.getJob('s'))?.status === 'completed', 'the last');
    },
  },
  {
    id: 'L161',
    title: 'a pause holds up what waits, until it is decided and has ended',
    timesLapse: true,
    async run(h) {
      const starts = new Starts();
      const [one, two] = await h.two({ hooks: starts.hooks() });
      const job = await h.start(one);
      await h.soon(wait(two, { created: 'a' }));
      await h.soon(job.pause({ type: 'checkpoint', actionId: 'q' }));
      await nothingStarts(h, starts, 'while it is paused');
      const { job: next } = await h.soon(two.manager.approvals.resolve('s', { actionId: 'q', by: 'u' }));
      await nothingStarts(h, starts, 'while it goes on');
      await h.soon(next.complete());
      await h.until(() => starts.all.length === 1, 'its start', TIMES.leaseMs * 4);
      expect(starts.created).toEqual(['a']);
    },
  },
  {
    id: 'L161',
    title:
      'what is sealed in a run is sealed in the store while it waits and when it runs, and opened for who starts it',
    async run(h) {
      const starts = new Starts();
      const seal = createSeal({ keys: [{ id: 'k', key: new Uint8Array(32).fill(7) }], metadata: ['token'] });
      const one = await h.replica({ hooks: starts.hooks(), seal });
      const job = await h.start(one);
      const { queueId } = await h.soon(wait(one, { metadata: { token: 'secret', n: 1 } }));
      const [run] = (await h.store.queues.read(streamKey('s'))).runs;
      expect([run?.queueId, run?.request.includes('secret')]).toEqual([queueId, false]);
      await h.soon(job.complete());
      await h.until(() => starts.all.length === 1, 'its start');
      expect(starts.all[0]?.record.metadata).toEqual({ token: 'secret', n: 1 });
      const record = await ended(h, one, starts.all[0]?.record.generation as number);
      expect(JSON.stringify(record.metadata).includes('secret')).toBe(false);
      expect((await one.manager.openSealed(record)).metadata).toEqual({ token: 'secret', n: 1 });
    },
  },
  {
    id: 'L160',
    title: 'runs are moved and cancelled by any replica until they start; whose they are not finds none',
    async run(h) {
      const starts = new Starts();
      const counted: QueuedRunResult[] = [];
      const [one, two] = await h.two({
        hooks: starts.hooks(),
        options: { limits: { queuedRuns: 3 } },
        observer: { runQueued: (result) => void counted.push(result) },
      });
      const job = await h.start(one);
      const [a, b, c] = [
        await h.soon(wait(one, { created: 'a' })),
        await h.soon(wait(two, { created: 'b', idempotencyKey: 'k' })),
        await h.soon(wait(one, { created: 'c' })),
      ] as const;
      await expectCode(enqueue(one, { created: 'd' }), 'queue_full');
      const { queue } = two.manager;
      const moved = await h.soon(queue.move('s', { queueId: c.queueId, position: 1, userId: 'u' }));
      expect(moved.waiting.map(({ created, position }) => [created, position])).toEqual([
        ['c', 1],
        ['a', 2],
        ['b', 3],
      ]);
      await h.soon(queue.move('s', { queueId: c.queueId, position: 99 }));
      expect(await waiting(one)).toEqual(['a', 'b', 'c']);
      const cancelled = await h.soon(queue.cancel('s', { queueId: b.queueId, userId: 'u' }));
      expect(cancelled).toEqual(b);
      await expectCode(queue.cancel('s', { queueId: b.queueId }), 'run_not_queued');
      await expectCode(queue.move('s', { queueId: b.queueId, position: 1 }), 'run_not_queued');
      for (const theirs of [{ userId: 'v' }, { tenantId: 't' }]) {
        await expectCode(queue.cancel('s', { queueId: a.queueId, ...theirs }), 'run_not_queued');
        await expectCode(queue.move('s', { queueId: a.queueId, position: 2, ...theirs }), 'run_not_queued');
        expect(await queue.list('s', theirs)).toEqual({ waiting: [], returned: [], held: false });
        expect(await queue.resume('s', theirs)).toBe(false);
      }
      await expectCode(enqueue(one, { userId: 'v' }), 'stream_taken');
      for (const wrong of [{ queueId: '' }, { queueId: 'x'.repeat(129) }, {}, { queueId: 'x', at: 1 }])
        await expectCode(queue.cancel('s', wrong as never), 'invalid_argument');
      await expectCode(queue.move('s', { queueId: a.queueId, position: 0 }), 'invalid_argument');
      await expectCode(queue.list(''), 'invalid_stream_id');
      // Its key is free again: it may be asked for on another stream.
      const known = await h.store.slots.remember(USER, 'k', { streamId: 'other' }, 1);
      expect(known.streamId).toBe('other');
      await h.soon(job.complete());
      await h.until(() => starts.all.length === 2, 'both have started', 9_000);
      expect(starts.created).toEqual(['a', 'c']);
      await expectCode(queue.cancel('s', { queueId: a.queueId }), 'run_not_queued');
      expect(tally(counted)).toEqual({ queued: 3, full: 1, cancelled: 1, started: 2 });
    },
  },
  {
    id: 'L164',
    title: 'a stop holds what waits, longer than an ended generation is kept, until somebody lets it go on',
    timesLapse: true,
    async run(h) {
      const starts = new Starts();
      const [one, two] = await h.two({ hooks: starts.hooks() });
      await h.start(one);
      await h.soon(wait(one, { created: 'a' }));
      await h.soon(wait(one, { created: 'b' }));
      const stopped = await h.soon(two.manager.abortJob('s', { by: 'u' }));
      expect(stopped).toMatchObject({ aborted: true, unqueued: [] });
      expect(await two.manager.queue.list('s')).toMatchObject({ held: true, waiting: [{}, {}] });
      await h.advance(TIMES.retentionMs + LOOKED_MS);
      expect(starts.all).toEqual([]);
      expect(await two.manager.queue.list('s', { userId: 'u' })).toMatchObject({ held: true });
      expect((await two.manager.getJob('s'))?.generation).toBe(stopped.record.generation);
      expect(await h.soon(two.manager.queue.resume('s', { userId: 'u' }))).toBe(true);
      await h.until(() => starts.all.length === 2, 'both have started', 9_000);
      expect(starts.created).toEqual(['a', 'b']);
      expect(await two.manager.queue.resume('s')).toBe(false);
    },
  },
  {
    id: 'L164',
    title:
      'behind a stop a new create goes first, also one that would wait its turn; when that is done, what waits goes on',
    timesLapse: true,
    async run(h) {
      const starts = new Starts();
      const [one, two] = await h.two({ hooks: starts.hooks() });
      for (const onConflict of ['enqueue', 'replace'] as const) {
        const streamId = onConflict;
        await h.start(one, { streamId });
        await h.soon(wait(one, { streamId, created: streamId }));
        await h.soon(two.manager.abortJob(streamId));
        const asked = { streamId, userId: 'u', created: 'asked' };
        const made =
          onConflict === 'enqueue'
            ? await h.soon(enqueue(two, asked))
            : await h.soon(two.manager.createJob(asked));
        if (!made.started) throw new Error('It was not started.');
        expect((await one.manager.queue.list(streamId)).held).toBe(false);
        await nothingStarts(h, starts, 'while that runs');
        await h.soon(made.job.complete());
        await h.until(() => starts.created.includes(streamId), 'what waits goes on', TIMES.leaseMs * 4);
      }
    },
  },
  {
    id: 'L164',
    title: 'a stop that clears the queue hands back what waited, and nothing of it starts, whoever resumes',
    async run(h) {
      const starts = new Starts();
      const [one, two] = await h.two({ hooks: starts.hooks(), options: RENEWS_SELDOM });
      await h.start(one);
      const runs = [await h.soon(wait(one, { created: 'a' })), await h.soon(wait(two, { created: 'b' }))];
      const { unqueued } = await h.soon(two.manager.abortJob('s', { queue: 'clear', userId: 'u' }));
      expect(unqueued).toEqual(runs);
      expect(await one.manager.queue.list('s')).toEqual({ waiting: [], returned: [], held: false });
      expect(await one.manager.queue.resume('s')).toBe(false);
      const again = await h.soon(two.manager.abortJob('s', { queue: 'clear' }));
      expect(again).toMatchObject({ aborted: false, unqueued: [] });
      await h.rest();
      expect(starts.all).toEqual([]);
      await expectCode(one.manager.abortJob('s', { queue: 'empty' } as never), 'invalid_argument');
    },
  },
  {
    id: 'L163',
    title:
      'runs wait for a slot of their user: one that is given back on another replica goes to the stream that waits longest, and then to the next',
    timesLapse: true,
    async run(h) {
      const starts = new Starts();
      const options = { limits: { activeJobsPerUser: 1 } };
      const plain = await h.replica({ options });
      const [one, two] = await h.two({ options, hooks: starts.hooks() });
      for (const giver of [two, plain]) {
        const id = giver === two ? 'two' : 'plain';
        const own = { userId: id };
        const job = await h.start(giver, { ...own, streamId: `${id}-a` });
        await h.soon(wait(one, { ...own, streamId: `${id}-b`, created: `${id}-b` }));
        await h.advance(50);
        await h.soon(wait(one, { ...own, streamId: `${id}-c`, created: `${id}-c` }));
        await expectCode(giver.manager.createJob({ ...own, streamId: `${id}-d` }), 'user_limit_exceeded');
        const another = await h.soon(enqueue(one, { userId: `not ${id}`, streamId: `${id}-e` }));
        expect(another.started).toBe(true);
        await nothingStarts(h, starts, 'while the slot is held');
        await h.soon(job.complete());
        await h.until(() => starts.created.filter(isOf(id)).length === 2, 'both have started', 9_000);
        const started = starts.created.filter(isOf(id));
        // Where the giver starts nothing, others come upon them, in whatever order.
        if (giver === two) expect(started).toEqual([`${id}-b`, `${id}-c`]);
        else expect([...started].sort()).toEqual([`${id}-b`, `${id}-c`]);
      }
    },
  },
  {
    id: 'L163',
    title: 'a slot whose holder has died goes to a run that waits, when its lease is over',
    timesLapse: true,
    async run(h) {
      const starts = new Starts();
      const options = { limits: { activeJobsPerUser: 1 } };
      const doomed = await h.replica({ options });
      const one = await h.replica({ options, hooks: starts.hooks() });
      await h.start(doomed, { streamId: 'a' });
      await h.soon(wait(one, { streamId: 'b', created: 'b' }));
      await doomed.crash();
      await h.until(() => starts.all.length === 1, 'its start', TIMES.leaseMs * 6);
      await h.until(async () => (await one.manager.getJob('b'))?.status === 'completed', 'its end');
    },
  },
  {
    id: 'L162',
    title:
      'a run that waits too long is handed back, once, with its key; it never starts, and is listed until it is cancelled',
    timesLapse: true,
    async run(h) {
      const starts = new Starts();
      const counted: QueuedRunResult[] = [];
      const [one, two] = await h.two({
        hooks: starts.hooks(),
        options: { queuedMs: 1_000 },
        observer: { runQueued: (result) => void counted.push(result) },
      });
      const job = await h.start(one);
      const { queueId } = await h.soon(wait(one, { created: 'a', idempotencyKey: 'k' }));
      await h.until(() => counted.includes('expired'), 'it is handed back', 9_000);
      const { waiting: left, returned } = await two.manager.queue.list('s');
      expect([left, returned]).toMatchObject([[], [{ queueId, created: 'a', reason: 'expired' }]]);
      await h.soon(job.complete());
      await nothingStarts(h, starts, 'what was handed back');
      const elsewhere = await h.soon(enqueue(two, { streamId: 't', idempotencyKey: 'k' }));
      expect(elsewhere).toMatchObject({ started: true, record: { streamId: 't' } });
      const cancelled = await h.soon(two.manager.queue.cancel('s', { queueId }));
      expect(cancelled).toMatchObject({ queueId, reason: 'expired' });
      expect((await one.manager.queue.list('s')).returned).toEqual([]);
      expect(tally(counted)).toEqual({ queued: 1, expired: 1 });
    },
  },
  {
    id: 'L162',
    title:
      'a key names the run while it waits, on whatever stream it is asked for, then its generation, also when that is not kept',
    timesLapse: true,
    async run(h) {
      const starts = new Starts();
      const [one, two] = await h.two({ hooks: starts.hooks() });
      const job = await h.start(one, { idempotencyKey: 'running' });
      const joined = await h.soon(enqueue(two, { idempotencyKey: 'running' }));
      expect(joined).toMatchObject({ started: false, record: { generation: job.generation } });
      expect(joined.queued).toBeUndefined();
      const run = await h.soon(wait(one, { created: 'a', idempotencyKey: 'k' }));
      const again = [
        await h.soon(wait(two, { created: 'b', idempotencyKey: 'k' })),
        await h.soon(wait(two, { streamId: 'other', created: 'c', idempotencyKey: 'k' })),
        // What it has seen then is older by now: the run is named all the same.
        await h.soon(wait(one, { idempotencyKey: 'k', expects: null })),
      ];
      expect(idsOf(again)).toEqual([run.queueId, run.queueId, run.queueId]);
      expect(await waiting(one)).toEqual(['a']);
      await h.soon(job.complete());
      await h.until(() => starts.all.length === 1, 'its start', TIMES.leaseMs * 4);
      const { generation } = starts.all[0]?.record ?? {};
      const started = await h.soon(enqueue(two, { idempotencyKey: 'k' }));
      expect(started).toMatchObject({ started: false, record: { generation, createId: run.queueId } });
      await h.until(async () => (await one.manager.getJob('s')) === null, 'it is forgotten', 12_000);
      const later = await h.soon(enqueue(two, { idempotencyKey: 'k' }));
      expect(later).toMatchObject({ started: false, record: { generation } });
      expect(starts.all).toHaveLength(1);
    },
  },
  {
    id: 'L162',
    title:
      'a create that expects something older is refused before it waits; one that waits expects nothing any more',
    async run(h) {
      const starts = new Starts();
      const [one, two] = await h.two({ hooks: starts.hooks() });
      const first = await h.start(one);
      await expectCode(enqueue(two, { expects: null }), 'conflict');
      const expects = { generation: first.generation };
      await h.soon(wait(two, { created: 'a', expects }));
      await h.soon(wait(two, { created: 'b', expects }));
      await h.soon(first.complete());
      await h.until(() => starts.all.length === 2, 'both have started', 9_000);
      expect(starts.created).toEqual(['a', 'b']);
    },
  },
  {
    id: 'L165',
    title: 'a queue goes with its stream, and with its user, who may have nothing else there',
    async run(h) {
      const starts = new Starts();
      const options = { limits: { activeJobsPerUser: 1 } };
      const one = await h.replica({ hooks: starts.hooks(), options });
      await h.start(one, { streamId: 'a' });
      await h.soon(wait(one, { streamId: 'a', idempotencyKey: 'k' }));
      await h.soon(wait(one, { streamId: 'b' }));
      await h.soon(wait(one, { streamId: 'c' }));
      expect(await h.soon(one.manager.deleteStream('b', { userId: 'v' }))).toBe(false);
      expect(await waiting(one, 'b')).toHaveLength(1);
      expect(await h.soon(one.manager.deleteStream('b', { userId: 'u' }))).toBe(true);
      expect(await h.soon(one.manager.deleteStream('b'))).toBe(false);
      expect(await waiting(one, 'b')).toEqual([]);
      await h.soon(one.manager.deleteUser({ userId: 'u' }));
      for (const streamId of ['a', 'b', 'c']) {
        expect((await h.store.queues.read(streamKey(streamId))).runs, streamId).toEqual([]);
        expect(await one.manager.getJob(streamId)).toBeNull();
      }
    },
  },
  {
    id: 'L165',
    title: 'without the hook nothing can be queued, and no queue is ever looked at; those who list one may',
    timesLapse: true,
    async run(h) {
      const settled: number[] = [];
      const settle = ({ record }: { record: JobRecord }) => void settled.push(record.generation);
      const hooks = { settle };
      const plain = await h.replica({ hooks, options: { limits: { activeJobsPerUser: 2 } } });
      await expectCode(enqueue(plain), 'invalid_argument');
      await h.soon((await h.start(plain)).complete());
      await h.start(plain);
      await h.soon(plain.manager.abortJob('s'));
      await h.until(() => settled.length === 2, 'both are settled');
      await h.until(async () => (await plain.manager.getJob('s')) === null, 'they are forgotten', 12_000);
      expect(queueCallsOf(plain)).toEqual([]);
      expect(await plain.manager.queue.list('s')).toEqual({ waiting: [], returned: [], held: false });
    },
  },
];

function queueCallsOf({ calls }: Replica): readonly string[] {
  return Object.keys(calls).filter((method) => method.startsWith('queues.'));
}
