/**
 * What operators see: jobs without what their users wrote, page by page.
 */
import { type GenerationJob, GenerationJobError, type JobSummary, type ListJobsInput } from 'generation-jobs';
import type { EventTransport } from 'generation-jobs/ports';
import { wrapStore } from 'generation-jobs/testing';
import { type Contract, expectCode, type Harness, type Replica } from './harness.js';
import { expect } from './tools.js';

const SECRET = 'what only the user may read';

async function allPages(replica: Replica, input: ListJobsInput): Promise<JobSummary[]> {
  const seen = new Map<string, JobSummary>();
  for (let cursor: string | undefined, pages = 0; ; pages++) {
    expect(pages, 'it comes to an end').toBeLessThan(50);
    const page = await replica.manager.listJobs({ ...input, cursor });
    expect(page.length).toBeLessThanOrEqual(input.limit ?? 1_000);
    for (const job of page) seen.set(`${job.tenantId ?? ''}/${job.streamId}`, job);
    if (page.next === undefined) return [...seen.values()];
    cursor = page.next;
  }
}

const namesOf = (jobs: Iterable<JobSummary>) =>
  [...jobs].map(({ streamId, tenantId }) => `${tenantId ?? ''}/${streamId}`).sort();

const whenOver = (job: GenerationJob) =>
  new Promise((resolve) => job.signal.addEventListener('abort', resolve, { once: true }));

/** The calls of a transport, for one that changes some of them. */
function callsOf(inner: EventTransport): EventTransport {
  return {
    kind: inner.kind,
    start: (report) => inner.start(report),
    subscribe: (key, listener) => inner.subscribe(key, listener),
    publish: (frame) => inner.publish(frame),
    publishGone: (key) => inner.publishGone(key),
    signal: (signal) => inner.signal(signal),
    onSignal: (listener) => inner.onSignal(listener),
    close: () => inner.close(),
  };
}

/** One of each state, of two users and a tenant. */
async function jobsOfAllKinds(h: Harness, replica: Replica): Promise<void> {
  const metadata = { title: SECRET };
  await h.start(replica, { streamId: 'running', metadata, created: SECRET });
  const paused = await h.start(replica, { streamId: 'paused', metadata });
  await paused.pause({
    type: 'tool_approval',
    requests: [{ id: 'r', name: SECRET, allowedDecisions: ['approve'], arguments: { to: SECRET } }],
    resumeContext: SECRET,
  });
  const completed = await h.start(replica, { streamId: 'completed', userId: 'v' });
  await completed.emit({ event: 'text', data: { text: SECRET } });
  await completed.complete(SECRET);
  const failed = await h.start(replica, { streamId: 'failed', tenantId: 't' });
  await failed.fail({ code: 'model_away', message: SECRET, retryable: true });
}

export const operatorContracts: readonly Contract[] = [
  {
    id: 'L56',
    title:
      'listJobs shows operators ids, state, age, replica, the last event and what is waited for, and nothing that was written',
    async run(h) {
      const replica = await h.replica({ replicaId: 'eu-1' });
      await jobsOfAllKinds(h, replica);
      const jobs = await replica.manager.listJobs();
      expect(JSON.stringify(jobs)).not.toContain(SECRET);
      const byId = Object.fromEntries(jobs.map((job) => [job.streamId, job]));
      expect(Object.keys(byId).sort()).toEqual(['completed', 'failed', 'paused', 'running']);
      for (const job of jobs) {
        expect(job.ageMs).toBeGreaterThanOrEqual(0);
        expect(job.updatedAt).toBeGreaterThanOrEqual(job.createdAt);
        expect(job).toMatchObject({ attempt: 1, recoveries: 0 });
        // What waits for a person is at no replica.
        expect(job.replicaId).toBe(job.streamId === 'paused' ? undefined : 'eu-1');
        expect(job.generation).toBeGreaterThan(0);
      }
      const { running, paused, completed, failed } = byId;
      expect(running).toMatchObject({ userId: 'u', status: 'running', lastSequence: 1 });
      expect(running?.leaseUntil).toBeGreaterThan(running?.createdAt ?? Number.POSITIVE_INFINITY);
      expect(paused).toMatchObject({ status: 'requires_action', pendingAction: { type: 'tool_approval' } });
      const { actionId, askedAt, expiresAt, ...rest } = paused?.pendingAction ?? {};
      expect(Object.keys(rest)).toEqual(['type']);
      expect(actionId).toEqual(expect.any(String));
      expect(expiresAt).toBeGreaterThan(askedAt ?? Number.POSITIVE_INFINITY);
      expect(completed).toMatchObject({ userId: 'v', lastSequence: 3, settlement: 'settled' });
      expect(completed?.endedAt).toBeGreaterThanOrEqual(completed?.createdAt ?? Number.POSITIVE_INFINITY);
      expect(failed).toMatchObject({ tenantId: 't', errorCode: 'model_away' });
    },
  },
  {
    id: 'L56',
    title: 'listJobs filters by status, user and tenant, and its pages together are the whole',
    async run(h) {
      // Nothing ends by time meanwhile.
      const long = { approvalWindowMs: 60_000, retentionMs: 60_000, idempotencyMs: 120_000 };
      const replica = await h.replica({ options: long });
      await jobsOfAllKinds(h, replica);
      for (let n = 0; n < 5; n++) await h.start(replica, { streamId: `more${n}`, userId: 'v' });
      for (const limit of [1, 3, 1_000]) {
        const listed = async (input: ListJobsInput) => namesOf(await allPages(replica, { ...input, limit }));
        const more = [0, 1, 2, 3, 4].map((n) => `/more${n}`);
        expect(await listed({})).toEqual(['/completed', ...more, '/paused', '/running', 't/failed']);
        expect(await listed({ status: 'requires_action' })).toEqual(['/paused']);
        expect(await listed({ status: 'running' })).toEqual([...more, '/running']);
        expect(await listed({ userId: 'v' })).toEqual(['/completed', ...more]);
        expect(await listed({ userId: 'v', status: 'completed' })).toEqual(['/completed']);
        expect(await listed({ tenantId: 't' })).toEqual(['t/failed']);
        expect(await listed({ tenantId: 't', userId: 'u' })).toEqual(['t/failed']);
        expect(await listed({ tenantId: 't', userId: 'v' })).toEqual([]);
      }
      await expectCode(replica.manager.listJobs({ cursor: 'nonsense' }), 'invalid_argument');
      await expectCode(replica.manager.listJobs({ cursor: 'nonsense', userId: 'u' }), 'invalid_argument');
      await expectCode(replica.manager.listJobs({ limit: 0 }), 'invalid_argument');
      await expectCode(replica.manager.listJobs({ tenantId: '/' }), 'invalid_stream_id');
    },
  },
  {
    id: 'L56',
    title: 'listJobs names who took over: the replica of the attempt that a decision or a crash began',
    timesLapse: true,
    async run(h) {
      const first = await h.replica({ replicaId: 'first' });
      const second = await h.replica({ replicaId: 'second', hooks: { recover: (job) => whenOver(job) } });
      const job = await h.start(first, { streamId: 'asked' });
      const { actionId } = await job.pause({ type: 'checkpoint' });
      await h.start(first, { streamId: 'crashed' });
      const decided = await second.manager.approvals.resolve('asked', { actionId, by: 'u' });
      const replicaOf = async (streamId: string) => {
        const jobs = await second.manager.listJobs();
        return jobs.find((one) => one.streamId === streamId)?.replicaId;
      };
      expect([await replicaOf('asked'), await replicaOf('crashed')]).toEqual(['second', 'first']);
      await first.crash();
      await h.until(async () => (await replicaOf('crashed')) === 'second', 'the take-over', 6_000);
      await second.manager.abortJob('crashed');
      expect(await replicaOf('crashed'), 'it stays known after the end').toBe('second');
      await decided.job.complete();
    },
  },
  {
    id: 'L56',
    title: 'listJobs names the streams it could not read, and lists the others',
    async run(h) {
      const replica = await h.replica({
        wrapStore: (store) =>
          wrapStore(store, async ({ method, args }, perform) => {
            const isDamaged = (args[0] as { streamId?: string })?.streamId === 'damaged';
            if (method === 'read' && isDamaged && args[1] === 'current' && isBroken)
              throw new GenerationJobError('store_damaged', 'It can not be read.');
            return perform();
          }),
      });
      let isBroken = false;
      for (const streamId of ['a', 'damaged', 'b']) await h.start(replica, { streamId });
      isBroken = true;
      const page = await replica.manager.listJobs();
      expect(namesOf(page)).toEqual(['/a', '/b']);
      expect(page.unread).toEqual(['damaged']);
      expect(page.next).toBeUndefined();
      expect(replica.reports.map(({ where }) => where)).toContain('upkeep');
    },
  },
  {
    id: 'L56',
    title: 'health says that a replica is ready, and not while it drains',
    async run(h) {
      const replica = await h.replica({ replicaId: 'eu-1' });
      const before = h.backend.clock.now();
      const health = await replica.manager.health();
      expect(health).toMatchObject({ isReady: true, isDraining: false, replicaId: 'eu-1' });
      expect(health).toMatchObject({ store: { status: 'ok' }, transport: { status: 'ok' } });
      expect(health.startedAt).toBeLessThanOrEqual(before);
      await h.soon(replica.manager.drain({ graceMs: 0 }));
      expect(await replica.manager.health()).toMatchObject({ isReady: false, isDraining: true });
      await h.soon(replica.manager.close());
      expect((await replica.manager.health()).isReady).toBe(false);
    },
  },
  {
    id: 'L56',
    title:
      'health answers in a moment when store and transport hang, says since when, and when they are back',
    async run(h) {
      let held: Promise<void> | undefined;
      let release = () => {};
      const replica = await h.replica({
        wrapStore: (store) =>
          wrapStore(store, async ({ method }, perform) => {
            if (method === 'due.list') await held;
            return perform();
          }),
        wrapTransport: (transport) => ({
          ...callsOf(transport),
          subscribe: async (key, listener) => {
            await held;
            return transport.subscribe(key, listener);
          },
        }),
      });
      const { clock } = h.backend;
      held = new Promise((resolve) => {
        release = resolve;
      });
      const hungAt = clock.now();
      const askedAt = clock.monotonic();
      const health = await h.soon(replica.manager.health(), 'an answer', 1_000);
      expect(clock.monotonic() - askedAt).toBeLessThan(1_000 + h.backend.slackMs);
      const failing = { status: 'failing', code: 'unavailable', since: expect.any(Number) };
      expect(health).toMatchObject({ isReady: false, store: failing, transport: failing });
      expect((health.store as { since: number }).since).toBeGreaterThanOrEqual(hungAt);
      await h.advance(300);
      const later = await h.soon(replica.manager.health(), 'an answer', 1_000);
      expect([later.store, later.transport], 'since it began').toEqual([health.store, health.transport]);
      release();
      const backAt = clock.now();
      await h.until(async () => (await replica.manager.health()).isReady, 'the store is back');
      const back = await replica.manager.health();
      expect(back).toMatchObject({ store: { status: 'ok' }, transport: { status: 'ok' } });
      expect((back.store as { since: number }).since).toBeGreaterThanOrEqual(backAt);
    },
  },
  {
    id: 'L56',
    title: 'health names the code of what fails, and knows from the sweeps since when',
    async run(h) {
      let isBroken = false;
      const replica = await h.replica({
        wrapStore: (store) =>
          wrapStore(store, async ({ method }, perform) => {
            if (method === 'due.list' && isBroken)
              throw new GenerationJobError('newer_format', 'It is newer.');
            return perform();
          }),
      });
      const { clock } = h.backend;
      isBroken = true;
      const brokenAt = clock.now();
      await h.until(
        () => replica.reports.some(({ details }) => details?.step === 'sweep'),
        'a sweep that failed',
      );
      const sweptAt = clock.now();
      await h.advance(200);
      const { store, transport, isReady } = await replica.manager.health();
      expect(isReady).toBe(false);
      expect(store).toMatchObject({ status: 'failing', code: 'newer_format' });
      expect(transport).toMatchObject({ status: 'ok' });
      const { since } = store as { since: number };
      expect(since).toBeGreaterThanOrEqual(brokenAt);
      expect(since).toBeLessThanOrEqual(sweptAt);
    },
  },
  {
    id: 'L56',
    title:
      'each step of a job’s life is a line at debug with ids and durations: created, paused, resumed, ended, settled; events and what they say are not there',
    async run(h) {
      const lines: { fields: Record<string, unknown>; message: string }[] = [];
      const silent = () => {};
      const debug = (fields: object, message: string) => lines.push({ fields: { ...fields }, message });
      const logger = { debug, info: silent, warn: silent, error: silent };
      const replica = await h.replica({ logger, hooks: { settle: () => {} } });
      const job = await h.start(replica, { tenantId: 't', metadata: { title: SECRET }, created: SECRET });
      for (let n = 0; n < 20; n++) await job.emit({ event: 'text', data: { text: SECRET } });
      const { actionId } = await job.pause({ type: 'checkpoint', payload: SECRET });
      await h.advance(40);
      const decided = await replica.manager.approvals.resolve('s', { tenantId: 't', actionId, by: 'u' });
      await decided.job.complete(SECRET);
      const ids = { tenantId: 't', streamId: 's', generation: job.generation };
      await h.until(() => lines.some(({ message }) => message === 'a job was settled'), 'it is settled');
      expect(lines.map(({ message }) => message)).toEqual([
        ...['a job was created', 'a job was paused', 'a job was resumed', 'a job has ended'],
        'a job was settled',
      ]);
      for (const { fields } of lines) expect(fields).toMatchObject(ids);
      const [created, paused, resumed, ended, settled] = lines.map(({ fields }) => fields);
      const ms = expect.any(Number);
      expect(created).toEqual({ ...ids, attempt: 1 });
      expect(paused).toEqual({ ...ids, attempt: 1, actionId, sinceCreatedMs: ms });
      expect(resumed).toEqual({ ...ids, attempt: 2, actionId, sinceCreatedMs: ms, waitedMs: ms });
      expect(resumed?.waitedMs).toBeGreaterThanOrEqual(39);
      expect(ended).toEqual({ ...ids, attempt: 2, result: 'completed', sinceCreatedMs: ms });
      expect(settled).toMatchObject({ outcome: 'settled', tries: 1, sinceCreatedMs: ms, sinceEndedMs: ms });
    },
  },
];
