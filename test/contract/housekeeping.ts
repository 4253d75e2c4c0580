/**
 * Upkeep: who is reaped and who is not, what is left behind, and how a process takes leave.
 */
import { type GenerationJob, GenerationJobError } from 'generation-jobs';
import { type LeaseClaim, type RenewAnswer, streamKey } from 'generation-jobs/ports';
import { DEAF, lossyTransport, wrapStore } from 'generation-jobs/testing';
import { isEmpty } from './deletion.js';
import { type Follower, text } from './follower.js';
import { type Contract, codeOf, expectCode, type Harness, TIMES, tally } from './harness.js';
import { pick } from './seeded.js';
import { expect } from './tools.js';

const statusOf = async (h: Harness, streamId = 's') =>
  (await h.store.read(streamKey(streamId), 'current'))[0]?.status;

export const housekeepingContracts: readonly Contract[] = [
  {
    id: 'L35 L48',
    title:
      'a retention below the lease is kept: what has ended is gone after it, settled or with nothing to settle',
    async run(h) {
      const options = { leaseMs: 9_000, renewMs: 300, retentionMs: 400 };
      for (const hooks of [{}, { settle: () => {} }]) {
        const replica = await h.replica({ options, hooks });
        await h.advance(options.renewMs + TIMES.sweepMs); // until then it judges by no clock
        const job = await h.start(replica);
        await job.complete();
        const endedAt = h.backend.clock.monotonic();
        const isGone = async () => (await replica.manager.getJob('s')) === null;
        await h.until(isGone, 'it is forgotten', options.retentionMs + 3 * TIMES.sweepMs);
        expect(h.backend.clock.monotonic() - endedAt).toBeGreaterThanOrEqual(options.retentionMs - 50);
      }
    },
  },
  {
    id: 'L47 F1 P5',
    title:
      'a long, living stream isn’t reaped; a dead one is reported within lease + sweep, to followers everywhere',
    timesLapse: true,
    async run(h) {
      const [doomed, other] = await h.two();
      const living = await h.start(other, { streamId: 'living' });
      const dead = await h.start(doomed, { streamId: 'dead' });
      for (let n = 0; n < 10; n++) {
        dead.emit(text(n));
        living.emit(text(n));
        await h.advance(TIMES.leaseMs);
      }
      expect([living.isOver, dead.isOver]).toEqual([false, false]);
      const follower = h.follow(other, {}, 'dead');
      await doomed.crash();
      await h.until(() => follower.isOver, 'the loss is reported', TIMES.leaseMs + TIMES.sweepMs);
      expect(follower.events.at(-1)).toMatchObject({
        event: 'failed',
        data: { code: 'producer_lost', retryable: true },
      });
      expect(follower.events).toEqual(await h.log('dead'));
      await h.advance(TIMES.leaseMs * 3);
      expect(living.isOver).toBe(false);
      await living.complete();
    },
  },
  {
    id: 'L47',
    title:
      'a living but silent producer ends after idleTimeoutMs, a too long one after maxRunMs, a quiet talker never',
    async run(h) {
      const options = { renewMs: TIMES.renewMs, idleTimeoutMs: 1_000, maxRunMs: 4_000 };
      const replica = await h.replica({ options });
      const silent = await h.start(replica, { streamId: 'silent' });
      const long = await h.start(replica, { streamId: 'long' });
      const talk = () => {
        try {
          if (!long.isOver) long.emit(text('x'));
        } catch (error) {
          expect(codeOf(error)).toBe('job_ended'); // its end is on the way
        }
      };
      await h.until(
        () => {
          talk();
          return silent.isOver;
        },
        'the silent one ends',
        options.idleTimeoutMs + TIMES.renewMs * 2,
      );
      expect((await h.log('silent')).at(-1)).toMatchObject({ event: 'failed', data: { code: 'timeout' } });
      expect(long.isOver).toBe(false);
      await h.until(
        () => {
          talk();
          return long.isOver;
        },
        'the long one ends',
        options.maxRunMs,
      );
      expect((await h.log('long')).at(-1)).toMatchObject({ event: 'failed', data: { code: 'timeout' } });
    },
  },
  {
    id: 'F4 F5 P3',
    title:
      'a producer that sleeps for three leases finds its generation over, is refused, and knows its lease is lost',
    timesLapse: true,
    async run(h) {
      let leasesLost = 0;
      const sleeper = await h.replica({
        wrapTransport: (transport, clock) => lossyTransport(transport, clock, DEAF),
        observer: { leaseLost: () => leasesLost++, fenced: () => leasesLost++ },
      });
      const other = await h.replica();
      const job = await h.start(sleeper);
      job.emit(text('a'));
      await job.flush();
      const follower = h.follow(other);
      sleeper.clock.sleep();
      await h.advance(TIMES.leaseMs * 3);
      expect(await statusOf(h)).toBe('failed');
      try {
        job.emit(text('too late'));
      } catch {
        // It may know already.
      }
      const flushed = job.flush().then(() => 'ok', codeOf);
      sleeper.clock.wake();
      expect(await h.soon(flushed)).not.toBe('ok');
      await h.until(() => job.isOver, 'the sleeper knows', TIMES.renewMs);
      expect(leasesLost).toBe(1);
      expect(await h.finished(follower)).toEqual(await h.log());
      expect(follower.names).toEqual(['created', 'text', 'failed']);
    },
  },
  {
    id: 'F4 P3',
    title: 'a producer that was taken over while it slept can’t write into the next attempt',
    timesLapse: true,
    async run(h) {
      let successor: GenerationJob | undefined;
      const recover = (job: GenerationJob) => {
        successor = job;
        return new Promise((resolve) => job.signal.addEventListener('abort', resolve));
      };
      const [sleeper, other] = await h.two({ hooks: { recover } });
      const job = await h.start(sleeper);
      sleeper.clock.sleep();
      await h.until(() => successor !== undefined, 'taken over', TIMES.leaseMs + TIMES.sweepMs);
      const writes = [
        () => {
          void job.emit(text('stale'));
          return job.flush();
        },
        () => job.update({ metadata: { stale: true } }),
        () => job.complete('stale'),
      ];
      for (const write of writes) {
        const result = await h.soon(
          Promise.resolve()
            .then<unknown>(write)
            .then(() => 'ok', codeOf),
        );
        expect(['fenced', 'lease_lost']).toContain(result);
      }
      sleeper.clock.wake();
      await h.rest();
      expect(job.signal.reason).toMatchObject({ code: 'fenced' });
      successor?.emit(text('on'));
      await successor?.complete();
      expect((await h.log()).map((event) => event.event)).toEqual([
        'created',
        'recovered',
        'text',
        'completed',
      ]);
      expect((await other.manager.getJob('s'))?.metadata).toEqual({});
    },
  },
  {
    id: 'L53',
    title: 'a process that slept for a minute doesn’t fail its own healthy jobs',
    timesLapse: true,
    async run(h) {
      if (h.backend.jump === undefined) return;
      const replica = await h.replica({ options: { idleTimeoutMs: 600_000, maxRunMs: 3_600_000 } });
      const jobs = await Promise.all(['a', 'b', 'c'].map((streamId) => h.start(replica, { streamId })));
      await h.advance(TIMES.renewMs / 2);
      await h.backend.jump(60_000);
      await h.advance(TIMES.leaseMs);
      for (const job of jobs) {
        expect(job.signal.reason).toBeUndefined();
        job.emit(text('still here'));
        await job.complete();
      }
    },
  },
  {
    id: 'P3 P5',
    title:
      'a claim whose renewal fails ends no other job of its process: for good it ends its own by name, for want of an answer it is tried again',
    timesLapse: true,
    async run(h) {
      const failures: Record<string, GenerationJobError> = {
        odd: new GenerationJobError('store_damaged', 'It can’t be read.'),
        away: new GenerationJobError('unavailable', 'Its shard is away.'),
      };
      let failed = 0;
      const replica = await h.replica({
        observer: { upkeepFailed: (step) => step === 'renewal' && failed++ },
        wrapStore: (store) =>
          wrapStore(store, async ({ method, args }, perform) => {
            if (method !== 'renew') return perform();
            const answers = (await perform()) as RenewAnswer[];
            const claims = args[0] as readonly LeaseClaim[];
            return answers.map((answer, index) => failures[claims[index]?.key.streamId ?? ''] ?? answer);
          }),
      });
      const names = ['odd', 'away', 'a', 'b'];
      const jobs = await Promise.all(names.map((streamId) => h.start(replica, { streamId })));
      await h.until(() => jobs[0]?.isOver, 'the first renewal ends it');
      expect(jobs.map((job) => job.isOver)).toEqual([true, false, false, false]);
      await h.advance(TIMES.leaseMs * 3);
      expect(jobs.map((job) => job.reason)).toEqual(['store_damaged', 'lease_lost', undefined, undefined]);
      // Each is tried again by itself, several times within its lease.
      expect(failed).toBeGreaterThan(TIMES.leaseMs / TIMES.renewMs);
      for (const job of jobs.slice(2)) await job.complete();
    },
  },
  {
    id: 'P3',
    title:
      'a renewal that fails once is tried again by itself, and the others are not renewed more often for it',
    timesLapse: true,
    async run(h) {
      const renewed: string[] = [];
      let failing = true;
      // That of the failing one must not lapse meanwhile, on a busy machine either.
      const replica = await h.replica({
        options: { leaseMs: TIMES.retentionMs },
        wrapStore: (store) =>
          wrapStore(store, async ({ method, args }, perform) => {
            const answers = await perform();
            if (method !== 'renew') return answers;
            return (args[0] as readonly LeaseClaim[]).map(({ key }, index) => {
              renewed.push(key.streamId);
              if (key.streamId !== 'odd' || !failing) return (answers as RenewAnswer[])[index];
              return new GenerationJobError('unavailable', 'No answer.');
            });
          }),
      });
      const odd = await h.start(replica, { streamId: 'odd' });
      const good = await h.start(replica, { streamId: 'good' });
      await h.until(() => renewed.filter((one) => one === 'odd').length >= 4, 'tried again');
      const counts = tally(renewed);
      expect(counts.good).toBeLessThan(counts.odd ?? 0);
      failing = false;
      const before = counts.odd ?? 0;
      await h.until(() => (tally(renewed).odd ?? 0) >= before + 3, 'renewed again');
      expect([odd.isOver, good.isOver]).toEqual([false, false]);
      for (const job of [odd, good]) await job.complete();
    },
  },
  {
    id: 'L48',
    title: 'after 1,000 jobs of every outcome and retention nothing is left',
    timesLapse: true,
    async run(h) {
      let settled = 0;
      const hooks = { settle: () => void settled++ };
      const [one, two] = await h.two({
        hooks,
        // Only those of replicas that crash are to lapse.
        options: { leaseMs: TIMES.retentionMs, limits: { activeJobsPerUser: 2_000 }, snapshotEvents: 2 },
      });
      const users = ['u', 'v'];
      let doomed = await h.replica({ hooks });
      const follows: Follower[] = [];
      for (let n = 0; n < h.backend.rounds; n++) {
        const owner = { streamId: `s${n % 700}`, userId: users[(n % 700) % 2] as string };
        const job = await h.start(n % 10 === 9 ? doomed : one, {
          ...owner,
          idempotencyKey: `k${n}`,
          contentModel: 'text',
        });
        if (n % 3 === 0) follows.push(h.follow(two, {}, owner.streamId));
        for (let k = n % 4; k > 0; k--) job.tryEmit(text(k));
        if (n % 10 < 3) await job.complete();
        else if (n % 10 === 3) await job.fail(new Error('x'));
        else if (n % 10 === 4) await two.manager.abortJob(owner.streamId);
        else if (n % 10 === 5) await job.pause({ type: 'checkpoint', expiresInMs: 100 });
        else if (n % 10 === 6) await job.pause({ type: 'checkpoint' });
        else if (n % 10 === 7) await h.start(two, owner);
        else if (n % 10 === 8) await two.manager.deleteStream(owner.streamId);
        else if (n % 20 === 19) {
          await doomed.crash();
          doomed = await h.replica({ hooks });
        }
      }
      await doomed.crash();
      for (const record of [
        ...(await two.manager.listActiveJobs({ userId: 'u' })),
        ...(await two.manager.listActiveJobs({ userId: 'v' })),
      ]) {
        if (record.status === 'running' && pick(h.random, 2)) await two.manager.abortJob(record.streamId);
      }
      // What is still running belongs to replicas that live: they are drained away.
      await h.advance(TIMES.leaseMs + TIMES.approvalWindowMs);
      for (const userId of users) {
        for (const record of await two.manager.listActiveJobs({ userId }))
          await two.manager.abortJob(record.streamId);
      }
      await h.until(() => follows.every((follower) => follower.isOver), 'followers are told');
      await h.until(() => isEmpty(h, users), 'nothing is kept', TIMES.retentionMs + 2_000);
      expect(settled).toBeGreaterThan(0.8 * h.backend.rounds);
      const { process, global } = await one.manager.stats();
      expect(process).toEqual({ producing: 0, followedStreams: 0, followers: 0, draining: false });
      expect(global).toEqual({
        running: 0,
        requires_action: 0,
        completed: 0,
        failed: 0,
        aborted: 0,
        streams: 0,
        unread: 0,
        setAside: 0,
      });
      await h.advance(TIMES.idempotencyMs);
      // The sweep's, and the walk's where an index can lose something.
      const timers = h.store.repair ? 2 : 1;
      for (const replica of [one, two])
        await h.until(() => replica.clock.pendingTimers === timers, 'no other timer is left');
    },
  },
  {
    id: 'L49 F26',
    title:
      'drain takes no new jobs, sends readers elsewhere, and producers finish or end `interrupted` within the grace time',
    async run(h) {
      const graceMs = TIMES.retentionMs; // long enough for the quick one, on a busy machine either
      const [leaving, staying] = await h.two();
      const quick = await h.start(leaving, { streamId: 'quick' });
      const slow = await h.start(leaving, { streamId: 'slow' });
      quick.emit(text('a'));
      slow.emit(text('a'));
      const readers = ['quick', 'slow'].map((streamId) => h.follow(leaving, {}, streamId));
      await h.until(() => readers.every((reader) => reader.events.length === 2), 'they read');
      const draining = leaving.manager.drain({ graceMs });
      await h.until(() => readers.every((reader) => reader.isOver), 'readers are told');
      for (const reader of readers) expect(reader.subscription.closedBy).toBe('draining');
      expect(leaving.manager.isDraining).toBe(true);
      await expectCode(leaving.manager.createJob({ streamId: 'new', userId: 'u' }), 'draining');
      await h.advance(200);
      quick.emit(text('b'));
      await quick.complete();
      slow.emit(text('b'));
      await h.soon(draining, 'the drain', graceMs + 200);
      expect((await h.log('quick')).at(-1)?.event).toBe('completed');
      expect((await h.log('slow')).at(-1)).toMatchObject({
        event: 'failed',
        data: { code: 'interrupted', retryable: true },
      });
      expect(slow.signal.aborted).toBe(true);
      for (const [index, streamId] of ['quick', 'slow'].entries()) {
        const rest = h.follow(staying, { after: readers[index]?.events.at(-1)?.cursor }, streamId);
        await h.finished(rest);
        expect([...(readers[index]?.events ?? []), ...rest.events]).toEqual(await h.log(streamId));
      }
      await h.soon(leaving.manager.close());
      await expectCode(leaving.manager.createJob({ streamId: 'new', userId: 'u' }), 'closed');
    },
  },
  {
    id: 'L49',
    title: 'a host’s hook that never returns doesn’t keep a replica from closing',
    timesLapse: true,
    async run(h) {
      const hooks = { settle: () => new Promise(() => {}), recover: () => new Promise(() => {}) };
      const replica = await h.replica({ hooks, options: { maxRecoveries: 1 } });
      const doomed = await h.replica();
      await h.start(doomed, { streamId: 'recovered' });
      await doomed.crash();
      const job = await h.start(replica, { streamId: 'settling' });
      await job.complete();
      await h.advance(TIMES.leaseMs + TIMES.sweepMs * 2);
      await h.soon(replica.manager.close(), 'the close', 12_000);
    },
  },
  {
    id: 'L49',
    title: 'a create that is under way when the replica drains doesn’t outlive it',
    async run(h) {
      for (let round = 0; round < 20; round++) {
        const replica = await h.replica(h.delayed);
        const streamId = `s${round}`;
        const creating = replica.manager.createJob({ streamId, userId: 'u' }).then(
          (result) => (result.started ? result.job : undefined),
          () => undefined,
        );
        for (let wait = pick(h.random, 12); wait > 0; wait--)
          await new Promise((resolve) => setImmediate(resolve));
        await h.soon(replica.manager.close());
        const job = await h.soon(creating);
        await h.rest();
        expect(job === undefined || job.isOver, `round ${round}`).toBe(true);
        expect(replica.clock.pendingTimers).toBe(0);
      }
    },
  },
  {
    id: 'P9',
    title:
      'a store that holds as many streams as it may refuses the next one by name, and takes it when there is room',
    async run(h) {
      const replica = await h.replica();
      let isFull = true;
      const full = await h.replica({
        wrapStore: (store) =>
          wrapStore(store, async ({ method }, perform) =>
            method === 'create' && isFull ? { outcome: 'full' } : perform(),
          ),
        options: { limits: { activeJobsPerUser: 1 } },
      });
      await expectCode(full.manager.createJob({ streamId: 's', userId: 'u' }), 'capacity_exceeded');
      isFull = false;
      await (await h.start(full)).complete();
      expect(await replica.manager.getJob('s')).not.toBeNull();
    },
  },
  {
    id: 'L49 P4',
    title: 'a drain waits for an end that is under way: a finished answer is neither lost nor run again',
    async run(h) {
      for (const recover of [undefined, () => undefined]) {
        let isAway = false;
        const leaving = await h.replica({
          hooks: { ...(recover && { recover }) },
          wrapStore: (store) =>
            wrapStore(store, async ({ method, args }, perform) => {
              const { writer } = (args[0] ?? {}) as { writer?: string };
              if (isAway && method === 'commit' && writer === 'producer') {
                throw new GenerationJobError('unavailable', 'No answer.');
              }
              return perform();
            }),
        });
        const streamId = recover ? 'recovered' : 'ended';
        const job = await h.start(leaving, { streamId });
        isAway = true;
        const completing = job.complete('the answer');
        const draining = leaving.manager.drain({ graceMs: 10 });
        await h.advance(100);
        expect(job.isOver).toBe(false);
        isAway = false;
        await h.soon(completing);
        await h.soon(draining);
        const other = await h.replica();
        expect((await other.manager.getJob(streamId))?.status).toBe('completed');
      }
    },
  },
];
