/**
 * Secrets in what a host keeps with a job: no store has them in plain, they are there again where a run goes on, and a
 * replica that can't open them changes nothing.
 */
import { inspect } from 'node:util';
import {
  type Continuation,
  createSeal,
  type Hooks,
  type JobRecord,
  type ProposedVerdict,
  type Seal,
  type SealContext,
} from 'generation-jobs';
import { type JobStore, streamKey } from 'generation-jobs/ports';
import { wrapStore } from 'generation-jobs/testing';
import { ASK, asked, expectRefused, keptOf, resolveOn, YES } from './asking.js';
import {
  AT_ONCE_MS,
  type Contract,
  expectCode,
  type Harness,
  type ReplicaInput,
  rejection,
  SWEEPS_SELDOM,
  TIMES,
} from './harness.js';
import { expect } from './tools.js';

const MINUTE = 60_000;
const LONGEST_BACKOFF_MS = 10 * MINUTE;
const CANARY = 'canary-4be1';
const SECRET = { token: CANARY, nested: [CANARY, null, 'é\u{1f511}'] };

const key = (byte: number) => new Uint8Array(32).fill(byte);
const OLD = { id: 'old', key: key(1) };
const NEW = { id: 'new', key: key(2) };
const sealOf = (...keys: { id: string; key: Uint8Array }[]) => createSeal({ keys, metadata: ['token'] });
const SEAL = sealOf(OLD);

/** A seal that answers when the turn is over, as a key service would. */
function slow(seal: Seal): Seal {
  return {
    seal: async (text, context) => seal.seal(text, context),
    open: async (text, context) => seal.open(text, context),
    metadata: seal.metadata,
  };
}

/** A seal whose answers wait until they are let go, one by one. */
class HeldSeal implements Seal {
  readonly metadata = ['token'];
  readonly waiting: (() => void)[] = [];

  async seal(text: string, context: SealContext): Promise<string> {
    await new Promise<void>((resolve) => this.waiting.push(resolve));
    return SEAL.seal(text, context);
  }

  open(text: string, context: SealContext): string | PromiseLike<string> {
    return SEAL.open(text, context);
  }
}

const currentOf = async (h: Harness, streamId = 's') =>
  (await h.store.read(streamKey(streamId), 'current'))[0] as JobRecord;

/** Recovers into a list, and completes. */
function recovering(seen: Continuation[]): Hooks {
  return { recover: (_, continuation) => void seen.push(continuation) };
}

/** A job of a replica that died, and whose metadata is sealed. */
async function lost(h: Harness, seal: Seal, input: ReplicaInput = {}): Promise<void> {
  const doomed = await h.replica({ seal, ...input });
  const job = await h.start(doomed, { metadata: { token: SECRET } });
  await job.flush();
  await doomed.crash();
}

export const sealContracts: readonly Contract[] = [
  ...([SEAL, slow(SEAL)] as const).map(
    (seal, at): Contract => ({
      id: 'A23',
      title: `what is sealed ${at === 0 ? 'at once' : 'later'} is in no store in plain, and is there again for whoever judges or goes on`,
      timesLapse: true,
      async run(h) {
        const judged: ProposedVerdict[] = [];
        const recovered: Continuation[] = [];
        const settled: JobRecord[] = [];
        const hooks: Hooks = {
          ...recovering(recovered),
          beforeResolve: (proposed) => void judged.push(proposed),
          settle: ({ record }) => void settled.push(record),
        };
        const [one, two] = await h.two({ seal, hooks });
        const doomed = await h.replica({ seal, hooks });
        const metadata = { token: SECRET, shown: 'plain' };
        const job = await h.start(one, { metadata });
        const seen: unknown[] = [];
        const look = async () => {
          seen.push(await keptOf(h, job), await two.manager.getResumeState('s'));
          seen.push(await two.manager.listActiveJobs({ userId: 'u' }), await h.log());
        };
        await look();
        await job.update({ metadata: { token: [SECRET], late: 1 } });
        const { actionId } = await job.pause({ ...ASK, resumeContext: SECRET });
        await look();
        const found = (await two.manager.getJob('s')) as JobRecord;
        expect(found.metadata).toMatchObject({ shown: 'plain', late: 1 });
        const plain = { metadata: { token: [SECRET], shown: 'plain', late: 1 } };
        expect(await two.manager.openSealed(found)).toMatchObject({
          ...plain,
          pendingAction: { actionId, resumeContext: SECRET },
        });
        const resolved = await h.soon(resolveOn(doomed, { actionId }));
        expect(judged[0]).toMatchObject({ record: plain, action: { actionId, resumeContext: SECRET } });
        expect(resolved.continuation).toMatchObject({ resumeContext: SECRET, record: plain });
        expect(resolved.continuation.action).toMatchObject({ resumeContext: SECRET });
        await look();
        await doomed.crash();
        await h.until(() => recovered.length === 1, 'it is taken over', TIMES.leaseMs + 2 * TIMES.sweepMs);
        expect(recovered[0]).toMatchObject({ resumeContext: SECRET, record: plain });
        await h.until(() => settled.length === 1, 'it is settled');
        await look();
        expect(JSON.stringify([seen, found, settled])).not.toContain(CANARY);
        expect(await one.manager.openSealed(settled[0] as JobRecord)).toMatchObject(plain);
      },
    }),
  ),
  {
    id: 'A23',
    title:
      'a text is sealed for its tenant, stream and generation, and for its action or its key, and opens nowhere else',
    async run(h) {
      const contexts: { sealed: SealContext[]; opened: SealContext[] } = { sealed: [], opened: [] };
      const seal: Seal = {
        ...SEAL,
        seal: (text, context) => {
          contexts.sealed.push(context);
          return SEAL.seal(text, context);
        },
        open: (text, context) => {
          contexts.opened.push(context);
          return SEAL.open(text, context);
        },
      };
      const replica = await h.replica({ seal });
      const job = await h.start(replica, { tenantId: 't', metadata: { token: 1 } });
      const { actionId } = await job.pause({ ...ASK, resumeContext: 1 });
      const record = (await replica.manager.getJob('s', { tenantId: 't' })) as JobRecord;
      await replica.manager.openSealed(record);
      const place = { tenantId: 't', streamId: 's' };
      const expected = [
        { of: 'metadata', ...place, createId: record.createId, key: 'token' },
        { of: 'resumeContext', ...place, generation: job.generation, actionId },
      ];
      expect(contexts.sealed).toEqual(expected);
      expect(contexts.opened.toReversed()).toEqual(expected);
      const pending = record.pendingAction as object as { resumeContext: unknown };
      const elsewhere: readonly Partial<JobRecord>[] = [
        ...[{ tenantId: 'other' }, { streamId: 'other' }, { createId: 'other' }],
        { metadata: { other: record.metadata.token } },
        { generation: record.generation + 1 },
        {
          pendingAction: { ...(pending as object as JobRecord['pendingAction'] & object), actionId: 'other' },
        },
        { metadata: { token: pending.resumeContext } },
      ];
      for (const over of elsewhere) {
        await expectCode(replica.manager.openSealed({ ...record, ...over }), 'seal_unavailable');
      }
    },
  },
  {
    id: 'A23 L39',
    title:
      'a decision is refused by a replica that can’t open what it would go on from, and taken by the next that can',
    async run(h) {
      const failed: string[] = [];
      const observer = { hookFailed: (hook: string) => void failed.push(hook) };
      const judged: unknown[] = [];
      const hooks: Hooks = { beforeResolve: (proposed) => void judged.push(proposed) };
      const one = await h.replica({ seal: SEAL, hooks });
      const without = [
        await h.replica({ hooks }),
        await h.replica({ seal: sealOf(NEW), hooks, observer }),
        await h.replica({ seal: { ...SEAL, open: () => '' }, hooks, observer }),
        await h.replica({ seal: { ...SEAL, open: async () => 'no json' }, hooks, observer }),
        await h.replica({
          seal: { ...SEAL, open: () => new Promise(() => {}) },
          hooks,
          observer,
          options: { hookMs: 50 },
        }),
      ];
      for (const part of ['resumeContext', 'metadata']) {
        const job = await h.start(one, {
          streamId: part,
          metadata: part === 'metadata' ? { token: SECRET } : {},
        });
        const { actionId } = await job.pause({
          ...ASK,
          ...(part === 'resumeContext' && { resumeContext: SECRET }),
        });
        for (const replica of without) {
          const call = () => resolveOn(replica, { actionId }, part);
          const error = await expectRefused(h, { replica, job }, call, 'seal_unavailable');
          expect(String(error)).not.toContain(CANARY);
        }
        expect(judged).toEqual([]);
        const { continuation } = await resolveOn(one, { actionId }, part);
        expect(JSON.stringify(continuation)).toContain(CANARY);
        judged.length = 0;
      }
      expect(failed).toEqual(['seal', 'seal', 'seal', 'seal', 'seal', 'seal']);
    },
  },
  {
    id: 'A23',
    title: 'what was opened for a hook that then throws is in no report and no line of the log',
    timesLapse: true,
    async run(h) {
      const fails = (): never => {
        throw new Error('the database is away');
      };
      const lines: unknown[] = [];
      const log = (...line: unknown[]) => void lines.push(line);
      const logger = { debug: log, info: log, warn: log, error: log };
      const hooks: Hooks = { beforeResolve: fails, recoverMode: fails, recover: fails, settle: fails };
      const input = { seal: SEAL, logger, hooks, options: { settleTries: 1 } };
      const judges = await h.replica(input);
      const doomed = await h.replica({ seal: SEAL });
      const metadata = { token: SECRET };
      const { actionId } = await (await h.start(judges, { metadata })).pause({
        ...ASK,
        resumeContext: SECRET,
      });
      await expectCode(resolveOn(judges, { actionId }), 'action_refused');
      await resolveOn(doomed, { actionId });
      await doomed.crash();
      const told = () => new Set(judges.reports.map(({ where }) => where));
      await h.until(() => told().has('settle'), 'its settlement', 3 * TIMES.leaseMs);
      expect([...told()]).toEqual(
        expect.arrayContaining(['beforeResolve', 'recoverMode', 'producer', 'settle']),
      );
      for (const { record } of judges.reports) {
        expect(Object.keys(record as object)).toEqual(['streamId', 'generation', 'attempt']);
      }
      const everything = { depth: 20, showHidden: true, maxStringLength: null, maxArrayLength: null };
      expect(inspect([judges.reports, lines], everything)).not.toContain(CANARY);
    },
  },
  {
    id: 'A23 F1',
    title:
      'a recovery is left to a replica that can open what it goes on from; the others are told why, and followers nothing',
    timesLapse: true,
    async run(h) {
      const recovered: Continuation[] = [];
      await lost(h, sealOf(NEW, OLD));
      const upkeep: string[] = [];
      const observer = { upkeepFailed: (step: string) => void upkeep.push(step) };
      const without = [
        await h.replica({ hooks: { recover: () => undefined } }),
        await h.replica({ seal: SEAL, observer, hooks: { recover: () => undefined } }),
      ];
      const follower = h.follow(without[1] as (typeof without)[0]);
      await h.advance(3 * TIMES.leaseMs);
      expect(await currentOf(h)).toMatchObject({ status: 'running', attempt: 1 });
      expect(upkeep.length).toBeGreaterThan(1);
      // It is tried again after pauses that grow, not with every sweep.
      expect(upkeep.length).toBeLessThan((2 * TIMES.leaseMs) / TIMES.sweepMs / 2);
      expect(follower.isOver).toBe(false);
      for (const { reports } of without) {
        expect(reports.map(({ where }) => where)).toContain('upkeep');
        expect(reports.at(-1)?.error).toMatchObject({ code: 'seal_unavailable' });
      }
      await h.replica({ seal: sealOf(NEW), hooks: recovering(recovered) });
      await h.until(() => recovered.length === 1, 'it is taken over', 3 * TIMES.leaseMs);
      expect(recovered[0]?.record).toMatchObject({ metadata: { token: SECRET }, attempt: 2, recoveries: 1 });
      await h.finished(follower);
      expect(follower.names).toEqual(['created', 'recovered', 'completed']);
    },
  },
  {
    id: 'A23',
    title: 'a key is changed without a stop: the new one first on some replicas, then on all',
    async run(h) {
      const before = await h.replica({ seal: sealOf(OLD, NEW) });
      const after = await h.replica({ seal: sealOf(NEW, OLD) });
      for (const [asks, decides] of [
        [before, after],
        [after, before],
      ] as const) {
        const { actionId } = await asked(h, asks, { resumeContext: SECRET });
        const { continuation, job } = await resolveOn(decides, { actionId });
        expect(continuation.resumeContext).toEqual(SECRET);
        await job.complete();
      }
    },
  },
  {
    id: 'A23',
    title: 'what was kept in plain before there was a seal is found as it is',
    async run(h) {
      const before = await h.replica();
      const after = await h.replica({ seal: SEAL });
      const job = await h.start(before, { metadata: { token: SECRET } });
      const { actionId } = await job.pause({ ...ASK, resumeContext: SECRET });
      const { continuation } = await resolveOn(after, { actionId });
      expect(continuation).toMatchObject({ resumeContext: SECRET, record: { metadata: { token: SECRET } } });
    },
  },
  {
    id: 'A23',
    title:
      'what looks sealed and is not the library’s is refused where it is written, with or without a seal',
    async run(h) {
      const sealed = { $sealed: 'x' };
      for (const seal of [undefined, SEAL]) {
        const replica = await h.replica({ seal });
        const create = { streamId: 's', userId: 'u', metadata: { other: sealed } };
        await expectCode(replica.manager.createJob(create), 'invalid_argument');
        const job = await h.start(replica);
        await expectCode(job.update({ metadata: { token: sealed } }), 'invalid_argument');
        await expectCode(job.pause({ ...ASK, resumeContext: sealed }), 'invalid_action');
        await job.update({ metadata: { token: [sealed], other: { ...sealed, more: 1 } } });
        await job.complete();
      }
    },
  },
  {
    id: 'A23 L86',
    title:
      'an annotation seals the metadata that the seal names, of a generation that runs, has ended or was followed by another',
    async run(h) {
      const [one, two] = await h.two({ seal: SEAL });
      const job = await h.start(one, { metadata: { token: 'none' } });
      const { generation } = job;
      const seen: unknown[] = [];
      const annotated = async (at: string) => {
        const metadata = { token: [at, SECRET], shown: at };
        seen.push(await two.manager.annotate('s', { generation, metadata }));
        const record = (await one.manager.getJob('s', { generation })) as JobRecord;
        seen.push(record, await keptOf(h, job), await one.manager.getResumeState('s', { generation }));
        expect(record.metadata, at).toEqual({ token: { $sealed: expect.any(String) }, shown: at });
        expect((await one.manager.openSealed(record)).metadata, at).toEqual(metadata);
      };
      await annotated('runs');
      await job.complete();
      await annotated('has ended');
      const next = await h.start(one);
      await annotated('has a successor');
      expect((await two.manager.getJob('s'))?.metadata).toEqual({});
      await next.complete();
      expect(JSON.stringify(seen)).not.toContain(CANARY);
    },
  },
  {
    id: 'A23 L86',
    title: 'an annotation that can’t be sealed, or looks sealed, is refused and changes nothing',
    async run(h) {
      const bad = await h.replica({ seal: { ...SEAL, seal: async () => Promise.reject(new Error('away')) } });
      const job = await h.start(bad, { metadata: { shown: 1 } });
      const annotate = (token: unknown) => () =>
        bad.manager.annotate('s', {
          metadata: { token, shown: 2 },
          notes: [{ key: 'k', event: 'n', data: 1 }],
        });
      const of = { replica: bad, job };
      const error = await expectRefused(h, of, annotate(SECRET), 'seal_unavailable');
      expect(inspect(error)).not.toContain(CANARY);
      await expectRefused(h, of, annotate({ $sealed: 'x' }), 'invalid_argument');
      await job.complete();
      expect(await bad.manager.getJob('s')).toMatchObject({ metadata: { shown: 1 }, notes: [] });
    },
  },
  {
    id: 'A23',
    title: 'null is kept as it is, since it says that a secret was taken away',
    async run(h) {
      const replica = await h.replica({ seal: SEAL });
      const job = await h.start(replica, { metadata: { token: 1 } });
      await job.update({ metadata: { token: null } });
      expect((await currentOf(h)).metadata).toEqual({ token: null });
      await job.complete();
    },
  },
  {
    id: 'A23 L9',
    title:
      'a seal that fails, hangs or says nothing refuses the write alone: nothing is kept of it, and the job goes on',
    async run(h) {
      const bad: readonly Seal['seal'][] = [
        () => {
          throw new Error('no key service');
        },
        async () => Promise.reject(new Error('no key service')),
        () => new Promise<string>(() => {}),
        () => '',
        () => 7 as unknown as string,
      ];
      const good = await h.replica({ seal: SEAL });
      for (const seal of bad) {
        const options = { hookMs: 50, limits: { activeJobsPerUser: 1 } };
        const replica = await h.replica({ seal: { ...SEAL, seal }, options });
        const create = { streamId: 's', userId: 'u', metadata: { token: SECRET } };
        const error = await h.soon(rejection(replica.manager.createJob(create)));
        expect(error).toMatchObject({ code: 'seal_unavailable' });
        expect(String(error)).not.toContain(CANARY);
        const job = await h.soon(h.start(replica));
        await h.soon(expectCode(job.update({ metadata: { token: SECRET } }), 'seal_unavailable'));
        await h.soon(expectCode(job.pause({ ...ASK, resumeContext: SECRET }), 'seal_unavailable'));
        await job.update({ metadata: { shown: 1 } });
        await job.complete();
        expect(await currentOf(h)).toMatchObject({ status: 'completed', metadata: { shown: 1 } });
      }
      const job = await h.start(good, { metadata: { token: SECRET } });
      await job.complete();
    },
  },
  {
    id: 'A23',
    title: 'a replacement whose secret can’t be sealed leaves the old generation to go on',
    async run(h) {
      const one = await h.replica({ seal: SEAL, hooks: { describeEnd: () => null } });
      const other = await h.replica({
        seal: { ...SEAL, seal: () => '' },
        hooks: { describeEnd: () => null },
      });
      const job = await h.start(one);
      const create = { streamId: 's', userId: 'u', metadata: { token: 1 } };
      await expectCode(other.manager.createJob(create), 'seal_unavailable');
      await h.soon(job.emit({ event: 'n', data: 1 }), 'the held producer', TIMES.leaseMs);
      await job.complete();
      expect((await h.log()).map(({ event }) => event)).toEqual(['created', 'n', 'completed']);
    },
  },
  {
    id: 'A23',
    title: 'a slow seal changes no order: the last patch wins, and an end waits for the patches before it',
    async run(h) {
      const seal = new HeldSeal();
      const replica = await h.replica({ seal });
      const job = await h.start(replica);
      const first = job.update({ metadata: { token: 'first', other: 1 } });
      const second = job.update({ metadata: { other: 2 } });
      const third = job.update({ metadata: { token: 'third', other: 3 } });
      const done = job.complete();
      await h.rest();
      expect(seal.waiting).toHaveLength(2);
      expect((await currentOf(h)).status).toBe('running');
      // The later one is sealed first.
      for (const letGo of seal.waiting.toReversed()) {
        letGo();
        await h.rest();
      }
      await h.soon(Promise.all([first, second, third, done]));
      const record = await currentOf(h);
      expect(record.status).toBe('completed');
      const opened = await replica.manager.openSealed(record);
      expect(opened.metadata).toEqual({ token: 'third', other: 3 });
    },
  },
  {
    id: 'A23',
    title: 'what a stopped producer has sealed last is in its books before it leaves',
    async run(h) {
      const seal = new HeldSeal();
      const settled: JobRecord[] = [];
      const replica = await h.replica({ seal, hooks: { settle: ({ record }) => void settled.push(record) } });
      const job = await h.start(replica);
      const ran = job.run(async ({ signal }) => {
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
        void job.update({ metadata: { token: SECRET } });
      });
      await replica.manager.abortJob('s');
      await h.until(() => seal.waiting.length === 1, 'it is being sealed');
      await h.advance(50);
      expect(settled).toEqual([]);
      for (const letGo of seal.waiting) letGo();
      await h.soon(ran);
      await h.until(() => settled.length === 1, 'it is settled');
      const { metadata } = await replica.manager.openSealed(settled[0] as JobRecord);
      expect(metadata).toEqual({ token: SECRET });
    },
  },
  {
    id: 'A23',
    title: 'bounds hold for what is kept, which is longer sealed than in plain',
    async run(h) {
      const limits = { eventBytes: 1_000, metadataBytes: 1_000 };
      const replica = await h.replica({ seal: SEAL, options: { limits } });
      const long = 'x'.repeat(800);
      const create = { streamId: 's', userId: 'u', metadata: { token: long } };
      await expectCode(replica.manager.createJob(create), 'metadata_too_large');
      const job = await h.start(replica, { metadata: { shown: long } });
      await job.update({ metadata: { shown: 1 } });
      await expectCode(job.update({ metadata: { token: long } }), 'metadata_too_large');
      await expectCode(job.pause({ type: 'checkpoint', resumeContext: long }), 'event_too_large');
      await job.complete();
    },
  },
  {
    id: 'A23 F33',
    title:
      'what was opened before a decision or a take-over is asked for no more after it, since that might fail',
    timesLapse: true,
    async run(h) {
      const recovered: Continuation[] = [];
      let isOver = false;
      const seal: Seal = {
        ...SEAL,
        open: (text, context) => {
          if (isOver) throw new Error('the key service is away');
          return SEAL.open(text, context);
        },
      };
      const replica = await h.replica({
        seal,
        hooks: recovering(recovered),
        wrapStore: (store) => afterTakingOn(store, () => (isOver = true)),
      });
      const doomed = await h.replica({ seal: SEAL });
      const { actionId } = await asked(h, replica, { resumeContext: SECRET });
      expect((await resolveOn(replica, { actionId })).continuation.resumeContext).toEqual(SECRET);
      isOver = false;
      await (await h.start(doomed, { metadata: { token: SECRET } })).flush();
      await doomed.crash();
      await h.until(() => recovered.length === 1, 'it is taken over', 2 * TIMES.leaseMs);
      expect(recovered[0]?.record.metadata).toEqual({ token: SECRET });
      expect(isOver).toBe(true);
    },
  },
  ...(['resolve', 'recover'] as const).map(
    (act): Contract => ({
      id: 'A23 F33',
      title: `what is sealed anew with a key that a replica lacks, while it makes a ${act}, is another's to go on with at once`,
      timesLapse: true,
      async run(h) {
        const recovered: Continuation[] = [];
        let isChanged = false;
        const unlucky = await h.replica({
          seal: SEAL,
          hooks: { recover: () => undefined },
          wrapStore: (store) =>
            wrapStore(
              afterTakingOn(store, () => (isChanged = true)),
              async ({ method }, perform) => {
                const answer = await perform();
                const page = answer as { readonly record?: JobRecord };
                if (!isChanged || method !== 'readLog' || page.record === undefined) return answer;
                const metadata = { token: { $sealed: 'v1.lost.AAAA.AAAA' } };
                return { ...page, record: { ...page.record, metadata } };
              },
            ),
        });
        await h.replica({ seal: SEAL, hooks: recovering(recovered), options: SWEEPS_SELDOM });
        const asks = await h.replica({ seal: SEAL });
        const { actionId } = await asked(h, asks, { resumeContext: SECRET });
        if (act === 'recover') await resolveOn(asks, { actionId });
        await asks.crash();
        const decision = { actionId, decisions: YES, by: 'p' };
        if (act === 'resolve') {
          await expectCode(unlucky.manager.approvals.resolve('s', decision), 'seal_unavailable');
        }
        // Once it has given it up, it may take it on again, in vain.
        const within = act === 'resolve' ? AT_ONCE_MS : 2 * TIMES.leaseMs;
        await h.until(() => recovered.length === 1, 'another is told, and goes on', within);
        expect(recovered[0]).toMatchObject({ resumeContext: SECRET, resolution: { by: 'p' } });
        // The producer that was lost counts, and not the one that gave it up.
        expect(recovered[0]?.record.recoveries).toBe(act === 'resolve' ? 0 : 1);
      },
    }),
  ),
];

/** Says when a commit has been made that takes a generation on. */
function afterTakingOn(store: JobStore, tell: () => void): JobStore {
  return wrapStore(store, async ({ method, args: [commit] }, perform) => {
    const answer = await perform();
    const name = (commit as { readonly name?: string } | undefined)?.name;
    if (method === 'commit' && (name === 'resolve' || name === 'recover')) tell();
    return answer;
  });
}

/** Needs ten minutes: for stores whose time can be moved. */
export const longSealContracts: readonly Contract[] = [
  {
    id: 'A23',
    title:
      'a lost producer whose secret nobody can open is left for the longest back-off, and then its end says so',
    async run(h) {
      const options = { retentionMs: 3 * LONGEST_BACKOFF_MS, idempotencyMs: 4 * LONGEST_BACKOFF_MS };
      await lost(h, sealOf(NEW), { options });
      const given: string[] = [];
      const observer = { recovered: (result: string) => void given.push(result) };
      const replica = await h.replica({ seal: SEAL, options, observer, hooks: { recover: () => undefined } });
      await h.advance(LONGEST_BACKOFF_MS - 2_000);
      expect((await currentOf(h)).status).toBe('running');
      await h.advance(10_000);
      expect(await currentOf(h)).toMatchObject({ status: 'failed', error: { code: 'producer_lost' } });
      expect(given).toEqual(['given_up']);
      expect(replica.reports.at(-1)?.error).toMatchObject({ code: 'seal_unavailable' });
    },
  },
];
