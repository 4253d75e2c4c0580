/**
 * Where and whether a generation starts.
 */
import { ConflictError, type JobRecord } from 'generation-jobs';
import { streamKey, userKey } from 'generation-jobs/ports';
import { DEAF, firstReplies, lossyStore, lossyTransport, wrapStore } from 'generation-jobs/testing';
import { text } from './follower.js';
import {
  apartFromRenewals,
  type Contract,
  codeOf,
  expectCode,
  type Harness,
  ownedBy,
  rejection,
  TIMES,
  tally,
} from './harness.js';
import { expect } from './tools.js';

/** A limit of five running jobs for each user. */
const FIVE = { options: { limits: { activeJobsPerUser: 5 } } };

export const createContracts: readonly Contract[] = [
  {
    id: 'P9',
    title: 'metadata comes back with its keys in the order they went in, those of patches after them',
    async run(h) {
      const replica = await h.replica();
      // More and longer than what Redis keeps in the order it was written.
      const names = Array.from({ length: 150 }, (_, n) => `${'zyxwv'[n % 5]}${(n * 37) % 150} "/é\\`);
      const metadata = Object.fromEntries(names.map((name, n) => [name, n % 3 ? n : 'x'.repeat(100)]));
      const job = await h.start(replica, { metadata });
      const orderNow = async (generation?: number) =>
        Object.keys((await replica.manager.getJob('s', { generation }))?.metadata ?? {});
      expect(await orderNow()).toEqual(names);
      await job.update({ metadata: { 'a new one': 1, [names[3] as string]: 'changed', '': 2 } });
      await job.update({ metadata: { 'another "new" one/\\': 1 } });
      const expected = [...names, 'a new one', '', 'another "new" one/\\'];
      expect(await orderNow()).toEqual(expected);
      await job.complete();
      await (await h.start(replica)).complete();
      expect(await orderNow(job.generation), 'also when the generation is an older one').toEqual(expected);
      expect(await orderNow()).toEqual([]);
    },
  },
  {
    id: 'L1',
    title: 'two creates in one millisecond get different, growing generations, also after a delete',
    async run(h) {
      const replica = await h.replica();
      const first = await h.start(replica);
      const second = await h.start(replica);
      await replica.manager.deleteStream('s');
      const third = await h.start(replica);
      expect(second.generation).toBeGreaterThan(first.generation);
      expect(third.generation).toBeGreaterThan(second.generation);
    },
  },
  {
    id: 'L2',
    title: 'another tenant never meets the stream',
    async run(h) {
      const { manager } = await h.replica();
      const jobs = [];
      for (const tenantId of [undefined, 'a', 'b']) {
        const result = await manager.createJob({
          streamId: 's',
          userId: 'u',
          tenantId,
          metadata: { tenantId: tenantId ?? '-' },
        });
        if (result.started) jobs.push(result.job);
      }
      expect(jobs).toHaveLength(3);
      for (const [index, job] of jobs.entries()) job.emit(text(index));
      await Promise.all(jobs.map((job) => job.complete()));
      for (const [index, tenantId] of [undefined, 'a', 'b'].entries()) {
        const state = await manager.getResumeState('s', { tenantId });
        expect(state?.metadata).toEqual({ tenantId: tenantId ?? '-' });
        const events = await h.rawLog(streamKey('s', tenantId));
        expect(events.map(({ event }) => event.event)).toEqual(['created', 'text', 'completed']);
        expect(events[1]?.event.data).toBe(JSON.stringify({ text: String(index) }));
      }
      expect(await manager.deleteStream('s', { tenantId: 'a' })).toBe(true);
      expect((await manager.getJob('s', { tenantId: 'b' }))?.status).toBe('completed');
      expect((await manager.getJob('s'))?.status).toBe('completed');
      expect(await manager.getJob('s', { tenantId: 'a' })).toBeNull();
    },
  },
  {
    id: 'L2 P8',
    title: 'another user of the tenant is refused as if there were nothing, and changes nothing',
    async run(h) {
      const replica = await h.replica();
      const { manager } = replica;
      const job = await h.start(replica, { metadata: { mine: true } });
      job.emit(text('secret'));
      await job.flush();
      const kept = async () => apartFromRenewals(await h.store.read(job.key, 'kept'));
      const before = { records: await kept(), log: await h.log() };
      const other = { userId: 'thief' };
      for (const onConflict of ['replace', 'reject', 'join'] as const) {
        await expectCode(manager.createJob({ streamId: 's', ...other, onConflict }), 'stream_taken');
      }
      expect(await manager.getJob('s', other)).toBeNull();
      expect(await manager.getResumeState('s', other)).toBeNull();
      expect(await manager.getPublicState('s', other)).toBeNull();
      expect(await manager.deleteStream('s', other)).toBe(false);
      expect(await manager.listActiveJobs(other)).toEqual([]);
      expect(await manager.deleteUser(other)).toBe(0);
      await expectCode(manager.abortJob('s', other), 'stream_not_found');
      await expectCode(manager.subscribeWithResume('s', other), 'stream_not_found');
      const guesses = [
        undefined,
        'tail',
        `${job.generation}-1`,
        `${job.generation}-99`,
        `${job.generation - 1}-1`,
        `${job.generation + 1}-1`,
        '1-0',
      ];
      for (const after of guesses) {
        for (const resume of [false, true]) {
          const subscription = manager.subscribe('s', { ...other, after, resume });
          expect(`${after}: ${codeOf(await rejection(subscription.ready))}`).toBe(
            `${after}: stream_not_found`,
          );
          expect(await rejection(subscription.next())).toBeDefined();
        }
      }
      expect({ records: await kept(), log: await h.log() }).toEqual(before);
      expect(job.signal.aborted).toBe(false);
      await job.complete();
      await expectCode(manager.createJob({ streamId: 's', ...other }), 'stream_taken');
    },
  },
  {
    id: 'L3',
    title: 'replacing ends the old generation for its followers before the new one begins, in one step',
    async run(h) {
      const [one, two, three] = await h.three(h.delayed);
      const old = await h.start(one);
      old.emit(text('a'));
      await h.soon(old.flush());
      const own = h.follow(two);
      const stream = h.follow(three, { follow: 'stream' });
      await h.soon(Promise.all([own.subscription.ready, stream.subscription.ready]));
      const seen: string[] = [];
      let watching = true;
      const watch = (async () => {
        while (watching) {
          const kept = await h.store.read(old.key, 'kept');
          seen.push(kept.map((record) => record.status).join(' '));
          await h.rest();
        }
      })();
      const fresh = await h.soon(h.start(two));
      watching = false;
      await h.soon(watch);
      expect(new Set(seen).size).toBeLessThanOrEqual(2);
      expect(['running', 'running aborted']).toEqual(expect.arrayContaining([...new Set(seen)]));
      await h.until(() => old.isOver, 'the old producer is told');
      expect(old.reason).toBe('replaced');
      expect(old.signal.reason).toMatchObject({ code: 'job_ended', reason: 'replaced' });
      fresh.emit(text('b'));
      await h.soon(fresh.complete());
      expect((await h.finished(own)).map((event) => event.event)).toEqual(['created', 'text', 'aborted']);
      expect(own.events.at(-1)).toMatchObject({ data: { code: 'replaced' }, cursor: `${old.generation}-3` });
      await h.until(() => stream.events.length === 6, 'both generations');
      expect(stream.names).toEqual(['created', 'text', 'aborted', 'created', 'text', 'completed']);
    },
  },
  {
    id: 'L4 P3',
    title: 'late writes of a replaced generation change nothing and tell the writer so',
    timesLapse: true,
    async run(h) {
      // The signal is lost, so the old producer finds out by writing.
      const deaf = await h.replica({
        wrapTransport: (transport, clock) => lossyTransport(transport, clock, DEAF),
        options: { leaseMs: 60_000, renewMs: 30_000, idleTimeoutMs: 30_000 },
      });
      const other = await h.replica();
      const writes = {
        emit: (job) => {
          void job.emit(text('late'));
          return job.flush();
        },
        pause: (job) => job.pause({ type: 'checkpoint' }),
        complete: (job) => job.complete('late'),
        fail: (job) => job.fail({ code: 'late', message: 'late' }),
      } as const satisfies Record<string, (job: Awaited<ReturnType<Harness['start']>>) => Promise<unknown>>;
      for (const [streamId, write] of Object.entries(writes)) {
        const old = await h.start(deaf, { streamId });
        const fresh = await h.start(other, { streamId });
        const kept = async () => ({
          log: await h.log(streamId, old.generation),
          // That it has left, once it knows, is no write of its answer.
          records: apartFromRenewals(await h.store.read(old.key, 'kept')),
        });
        const before = await kept();
        expect(codeOf(await rejection(write(old))), streamId).toBe('job_ended');
        expect(await kept()).toEqual(before);
        expect(old.signal.reason, streamId).toMatchObject({ reason: 'replaced' });
        expect(() => old.emit(text('later'))).toThrow();
        await fresh.complete();
      }
    },
  },
  {
    id: 'L5',
    title: 'the same idempotency key at once from two replicas, 50 times: one run, one generation for both',
    async run(h) {
      const [one, two] = await h.two(h.delayed);
      for (let round = 0; round < 50; round++) {
        const idempotencyKey = `k${round}`;
        // Every other time the two disagree about the stream as well.
        const streams = round % 2 === 0 ? [`a${round}`, `a${round}`] : [`a${round}`, `b${round}`];
        const results = await h.soon(
          Promise.all([
            one.manager.createJob({ streamId: streams[0] as string, userId: 'u', idempotencyKey }),
            two.manager.createJob({ streamId: streams[1] as string, userId: 'u', idempotencyKey }),
          ]),
        );
        expect(results.filter((result) => result.started)).toHaveLength(1);
        expect(new Set(results.map((result) => result.record.generation)).size).toBe(1);
        expect(new Set(results.map((result) => result.record.streamId)).size).toBe(1);
        for (const result of results) if (result.started) await h.soon(result.job.complete());
      }
    },
  },
  {
    id: 'L6',
    title: 'the same key after the run ended answers the ended run for as long as the key is remembered',
    timesLapse: true,
    async run(h) {
      const replica = await h.replica();
      const { manager } = replica;
      const input = { streamId: 's', userId: 'u', idempotencyKey: 'k' };
      const job = await h.start(replica, input);
      const running = await manager.createJob({ ...input, onConflict: 'reject' });
      expect(running).toMatchObject({
        started: false,
        record: { generation: job.generation, status: 'running' },
      });
      job.emit(text('a'));
      await job.complete();
      const strict = await manager.createJob({ ...input, onConflict: 'reject' });
      expect(strict).toMatchObject({ started: false, record: { generation: job.generation } });
      const again = await manager.createJob(input);
      expect(again).toMatchObject({
        started: false,
        record: { generation: job.generation, status: 'completed' },
      });
      await h.until(
        () => manager.getJob('s').then((record) => record === null),
        'retention',
        2 * TIMES.retentionMs,
      );
      const late = await manager.createJob(input);
      expect(late).toMatchObject({
        started: false,
        record: { generation: job.generation, status: 'completed' },
      });
      // Another user's key of the same name is another key.
      expect((await manager.createJob({ ...input, streamId: 't', userId: 'v' })).started).toBe(true);
      await h.advance(TIMES.idempotencyMs);
      expect((await manager.createJob(input)).started).toBe(true);
    },
  },
  {
    id: 'L6',
    title: 'a key whose run was lost before any host event is released, one whose run had begun is not',
    timesLapse: true,
    async run(h) {
      const [doomed, other] = await h.two();
      await h.start(doomed, { streamId: 'early', idempotencyKey: 'early' });
      const begun = await h.start(doomed, { streamId: 'begun', idempotencyKey: 'begun' });
      begun.emit(text('a'));
      await begun.flush();
      await doomed.crash();
      const { manager } = other;
      const isLost = async (streamId: string) => (await manager.getJob(streamId))?.status === 'failed';
      await h.until(async () => (await isLost('early')) && (await isLost('begun')), 'both are lost');
      const again = await manager.createJob({ streamId: 'early', userId: 'u', idempotencyKey: 'early' });
      expect(again.started).toBe(true);
      const same = await manager.createJob({ streamId: 'begun', userId: 'u', idempotencyKey: 'begun' });
      expect(same).toMatchObject({
        started: false,
        record: { generation: begun.generation, status: 'failed' },
      });
    },
  },
  {
    id: 'L7',
    title:
      'a create whose reply was lost is found by its retry: one generation, one end of the one it replaced',
    timesLapse: true,
    async run(h) {
      for (const times of [1, 2, 3]) {
        const streamId = `s${times}`;
        const plain = await h.replica();
        const old = await h.start(plain, { streamId });
        const unlucky = await h.replica({
          wrapStore: (store) => lossyStore(store, firstReplies('create', times)),
        });
        const job = await h.soon(h.start(unlucky, { streamId }));
        job.emit(text('a'));
        await h.soon(job.complete());
        const kept = await h.store.read(job.key, 'kept');
        expect(kept.map((record) => record.generation)).toEqual([job.generation, old.generation]);
        expect((await h.log(streamId)).map((event) => event.event)).toEqual(['created', 'text', 'completed']);
        expect((await h.log(streamId, old.generation)).map((event) => event.event)).toEqual([
          'created',
          'aborted',
        ]);
        await h.until(() => old.isOver, 'the replaced producer is told', TIMES.renewMs + TIMES.sweepMs);
        expect(unlucky.calls.create).toBe(times + 1);
      }
    },
  },
  {
    id: 'L7',
    title: 'a create that reaches the store too late starts nothing',
    timesLapse: true,
    async run(h) {
      let release = () => {};
      const replica = await h.replica({
        wrapStore: (store) =>
          wrapStore(store, async ({ method }, perform) => {
            if (method === 'create') await new Promise<void>((resolve) => (release = resolve));
            return perform();
          }),
      });
      const creating = replica.manager.createJob({ streamId: 's', userId: 'u' });
      const refused = expectCode(creating, 'create_expired');
      await h.advance(TIMES.createTimeoutMs + 100);
      release();
      await h.soon(refused);
      expect(await h.store.read(streamKey('s'), 'kept')).toEqual([]);
    },
  },
  {
    id: 'L8',
    title:
      '`reject` names the generation in the way and `join` answers it, running or paused; neither changes it',
    async run(h) {
      const replica = await h.replica();
      const { manager } = replica;
      const job = await h.start(replica);
      for (const pause of [false, true]) {
        if (pause) await job.pause({ type: 'checkpoint' });
        const kept = async () => apartFromRenewals(await h.store.read(job.key, 'kept'));
        const before = await kept();
        const error = await rejection(
          manager.createJob({ streamId: 's', userId: 'u', onConflict: 'reject' }),
        );
        expect(error).toBeInstanceOf(ConflictError);
        expect(error).toMatchObject({ code: 'conflict', streamId: 's', generation: job.generation });
        const joined = await manager.createJob({ streamId: 's', userId: 'u', onConflict: 'join' });
        expect(joined).toMatchObject({ started: false, record: { ...before[0] } });
        expect(await kept()).toEqual(before);
      }
      await manager.abortJob('s');
      for (const onConflict of ['reject', 'join'] as const) {
        const result = await manager.createJob({ streamId: 's', userId: 'u', onConflict });
        expect(result.started).toBe(true);
        if (result.started) await result.job.complete();
      }
    },
  },
  {
    id: 'L9',
    title: 'the per-user limit holds under 100 concurrent creates on two replicas',
    async run(h) {
      const [one, two] = await h.two({ ...h.delayed, ...FIVE });
      const creates = Array.from({ length: 100 }, (_, index) => {
        const { manager } = index % 2 ? one : two;
        return manager.createJob({ streamId: `s${index}`, userId: 'u' }).then(
          (result) => (result.started ? result.job : 'joined'),
          (error) => codeOf(error),
        );
      });
      const results = await h.soon(Promise.all(creates));
      const started = results.filter((result) => typeof result !== 'string');
      expect(started).toHaveLength(5);
      expect(tally(results.filter((result) => typeof result === 'string'))).toEqual({
        user_limit_exceeded: 95,
      });
      expect(await h.start(one, { streamId: 'x', userId: 'v' })).toBeDefined();
      await h.soon(started[0]?.complete() as Promise<void>);
      await h.rest();
      const next = await h.soon(h.start(two, { streamId: 'y' }));
      await expectCode(h.soon(h.start(one, { streamId: 'z' })), 'user_limit_exceeded');
      await h.soon(next.pause({ type: 'checkpoint' }));
      await h.rest();
      expect(await h.soon(h.start(one, { streamId: 'z' })), 'a paused job holds no slot').toBeDefined();
    },
  },
  {
    id: 'L9',
    title: 'a killed process frees its slots within lease + sweep, a living one keeps them',
    timesLapse: true,
    async run(h) {
      const [doomed, other] = await h.two(FIVE);
      for (let index = 0; index < 4; index++) await h.start(doomed, { streamId: `s${index}` });
      await h.start(other, { streamId: 'alive' });
      await h.advance(TIMES.renewMs / 2);
      await doomed.crash();
      const { manager } = other;
      const fills = async () => {
        try {
          await manager.createJob({ streamId: 'new', userId: 'u', onConflict: 'reject' });
          return true;
        } catch (error) {
          expect(codeOf(error)).toBe('user_limit_exceeded');
          return false;
        }
      };
      await h.until(fills, 'a slot is free', TIMES.leaseMs + TIMES.sweepMs);
      await h.advance(TIMES.leaseMs * 2);
      for (let index = 0; index < 3; index++) await h.start(other, { streamId: `t${index}` });
      await expectCode(h.start(other, { streamId: 'more' }), 'user_limit_exceeded');
    },
  },
  {
    id: 'L9 L5',
    title: 'a create that only joins does not take the running job’s slot away',
    async run(h) {
      const replica = await h.replica({ ...h.delayed, options: { limits: { activeJobsPerUser: 1 } } });
      const { manager } = replica;
      for (let round = 0; round < 20; round++) {
        const input = { streamId: `s${round}`, userId: `u${round}`, idempotencyKey: 'k' };
        const results = await h.soon(Promise.all([1, 2, 3].map(() => manager.createJob(input))));
        await h.rest();
        await expectCode(
          h.soon(manager.createJob({ streamId: `t${round}`, userId: `u${round}` })),
          'user_limit_exceeded',
        );
        for (const result of results) if (result.started) await h.soon(result.job.complete());
      }
    },
  },
  {
    id: 'F6',
    title:
      'two replicas start the same stream at once, 100 times: one producer each time, the other reads along',
    async run(h) {
      const replicas = await h.two(h.delayed);
      for (let round = 0; round < 100; round++) {
        const streamId = `s${round}`;
        const results = await h.soon(
          Promise.all(
            replicas.map(({ manager }) => manager.createJob({ streamId, userId: 'u', onConflict: 'join' })),
          ),
        );
        const started = results.filter((result) => result.started);
        expect(started).toHaveLength(1);
        expect(new Set(results.map((result) => result.record.generation)).size).toBe(1);
        await h.soon(started[0]?.job.complete() as Promise<void>);
      }
    },
  },
  {
    id: 'F7',
    title: 'a stream id used again while an old follower is connected keeps the two generations apart',
    async run(h) {
      const [one, two] = await h.two();
      const old = await h.start(one);
      const follower = h.follow(two);
      await follower.subscription.ready;
      old.emit(text('old'));
      await old.complete('done');
      const fresh = await h.start(one);
      fresh.emit(text('new'));
      await fresh.flush();
      const late = h.follow(two);
      await h.finished(follower);
      expect(follower.names).toEqual(['created', 'text', 'completed']);
      expect(follower.events.every((event) => event.cursor.startsWith(`${old.generation}-`))).toBe(true);
      await fresh.complete();
      await h.finished(late);
      expect(late.events).toEqual(await h.log());
    },
  },
  {
    id: 'L1',
    title: 'a new generation starts clean: nothing of the one before shows through',
    async run(h) {
      const replica = await h.replica({ options: { snapshotEvents: 2 } });
      const old = await h.start(replica, {
        contentModel: 'text',
        conversationId: 'c',
        metadata: { a: 1 },
        idempotencyKey: 'k',
      });
      for (const piece of 'abcdef') old.emit({ ...text(piece), keep: 'last' });
      await old.addUsage({ tokens: 6 });
      await old.update({ metadata: { b: 2 } });
      await old.pause({ type: 'checkpoint', resumeContext: { secret: 1 } });
      const fresh = await h.start(replica, { contentModel: 'text' });
      const record = (await replica.manager.getJob('s')) as JobRecord;
      expect(record).toMatchObject({
        attempt: 1,
        recoveries: 0,
        status: 'running',
        usage: {},
        metadata: {},
        resolutions: [],
      });
      expect(record).toMatchObject({ snapshotSequence: 0, lastSequence: 1, lifecycleEvents: 1 });
      for (const field of [
        'conversationId',
        'idempotencyKey',
        'pendingAction',
        'error',
        'endedAt',
      ] as const) {
        expect(record[field], field).toBeUndefined();
      }
      const state = await replica.manager.getResumeState('s');
      expect(state).toMatchObject({
        generation: fresh.generation,
        content: { text: '' },
        kept: [],
        pendingAction: null,
      });
    },
  },
  {
    id: 'P10',
    title: 'metadata comes back whole, is patched by key and stays within its bound over all patches',
    async run(h) {
      const replica = await h.replica({ options: { limits: { metadataBytes: 400 } } });
      const odd = JSON.parse(
        '{"__proto__":{"x":1},"constructor":null,"ünï":"☃","nested":{"a":[1,2,{"b":null}]},"zero":0}',
      );
      const job = await h.start(replica, { metadata: odd });
      const read = async () => (await replica.manager.getJob('s'))?.metadata;
      const sorted = (value: object = {}) => JSON.stringify(Object.entries(value).sort());
      expect(sorted(await read())).toBe(sorted(odd));
      await job.update({ metadata: { zero: 1, more: [] }, conversationId: 'c' });
      expect(await read()).toMatchObject({ ünï: '☃', zero: 1, more: [] });
      expect((await replica.manager.getJob('s'))?.conversationId).toBe('c');
      const piece = 'x'.repeat(120);
      const outcomes: string[] = [];
      for (let index = 0; index < 6; index++) {
        outcomes.push(await job.update({ metadata: { [`k${index}`]: piece } }).then(() => 'ok', codeOf));
      }
      expect(outcomes.at(-1)).toBe('metadata_too_large');
      expect(Buffer.byteLength(JSON.stringify(await read()))).toBeLessThan(600);
      job.emit(text('goes on'));
      await job.complete();
    },
  },
  {
    id: 'A4',
    title: 'malformed ids and inputs are refused before anything is kept',
    async run(h) {
      const { manager } = await h.replica();
      for (const streamId of ['', '{a}', 'a:b', 'a*', 'a\rb', 'a\0', 'ａ', 'a'.repeat(129), 'a/b', '..%2f']) {
        await expectCode(manager.createJob({ streamId, userId: 'u' }), 'invalid_stream_id');
        await expectCode(
          manager.createJob({ streamId: 's', tenantId: streamId, userId: 'u' }),
          'invalid_stream_id',
        );
      }
      await expectCode(manager.createJob({ streamId: 's', userId: '' }), 'invalid_argument');
      await expectCode(
        manager.createJob({ streamId: 's', userId: 'u', idempotencyKey: '' }),
        'invalid_argument',
      );
      await expectCode(
        manager.createJob({ streamId: 's', userId: 'u', contentModel: 'none' }),
        'invalid_argument',
      );
      await expectCode(
        manager.createJob({ streamId: 's', userId: 'u', metadata: { a: 'x'.repeat(70_000) } }),
        'metadata_too_large',
      );
      await expectCode(
        manager.createJob({ streamId: 's', userId: 'u', created: 'x'.repeat(300_000) }),
        'event_too_large',
      );
      expect(await ownedBy(h.store, userKey('u'))).toEqual([]);
      expect((await h.store.due.list({ limit: 10, all: true })).entries).toEqual([]);
    },
  },
  {
    id: 'A4',
    title: 'half of a surrogate pair in any id or key is refused at the edge, with nothing changed',
    async run(h) {
      const half = 'a\ud83d';
      const { manager } = await h.replica();
      const refused: Parameters<typeof manager.createJob>[0][] = [
        { streamId: 's', userId: half },
        { streamId: half, userId: 'u' },
        { streamId: 's', userId: 'u', tenantId: half },
        { streamId: 's', userId: 'u', conversationId: half },
        { streamId: 's', userId: 'u', idempotencyKey: half },
        { streamId: 's', userId: 'u', metadata: { [half]: 1 } },
      ];
      for (const input of refused) {
        const { code } = (await rejection(manager.createJob(input))) as { code?: string };
        expect(code).toMatch(/^invalid_(argument|stream_id)$/);
      }
      expect(await manager.getJob('s')).toBeNull();
      const created = await manager.createJob({ streamId: 's', userId: 'u', metadata: { ok: half } });
      if (!created.started) throw new Error('not started');
      const { job } = created;
      await expectCode(job.update({ conversationId: half }), 'invalid_argument');
      await expectCode(job.update({ metadata: { [half]: 1 } }), 'invalid_argument');
      const question = { question: 'q', options: [{ label: 'yes' }] };
      const asked = { type: 'ask_user_question', questions: [{ id: half, ...question }] };
      await expectCode(job.pause(asked), 'invalid_action');
      await expectCode(
        job.pause({ ...asked, questions: [{ id: 'q', ...question }], actionId: half }),
        'invalid_action',
      );
      await job.complete();
      // What is data and no key comes back as it was.
      expect((await manager.getJob('s'))?.metadata).toEqual({ ok: half });
    },
  },
];
