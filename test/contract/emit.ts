/**
 * From emit to log: order, exactness, bounds, and what a lost reply may not do.
 */
import type { HostEvent } from 'generation-jobs';
import type { ProducerCommit } from 'generation-jobs/ports';
import { type Loss, lossyStore, turns, unknownOutcome, wrapStore } from 'generation-jobs/testing';
import { text } from './follower.js';
import {
  AT_ONCE_MS,
  type Contract,
  codeOf,
  type Harness,
  RENEWS_SELDOM,
  rejection,
  TIMES,
  thrownCode,
} from './harness.js';
import { pick } from './seeded.js';
import { expect } from './tools.js';

/** A store that keeps some commits waiting until it is told to let them go. */
function heldCommits(isHeld: (commit: ProducerCommit) => boolean) {
  const waiting: (() => void)[] = [];
  let isOpen = false;
  return {
    replica: {
      wrapStore: (store: Parameters<typeof wrapStore>[0]) =>
        wrapStore(store, async ({ method, args }, perform) => {
          const [commit] = args as [ProducerCommit];
          if (method === 'commit' && commit.writer === 'producer' && !isOpen && isHeld(commit)) {
            await new Promise<void>((resolve) => waiting.push(resolve));
          }
          return perform();
        }),
    },
    open: () => {
      isOpen = true;
      for (const resolve of waiting.splice(0)) resolve();
    },
  };
}

const numbers = async (h: Harness, streamId = 's') =>
  (await h.log(streamId)).filter((event) => event.event === 'n').map((event) => event.data);

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);

export const emitContracts: readonly Contract[] = [
  {
    id: 'L10 P1',
    title: 'a thousand un-awaited emits are in the log and with every follower in order, without gaps',
    async run(h) {
      const [one, two] = await h.two(h.delayed);
      const job = await h.soon(h.start(one));
      const follower = h.follow(two);
      for (const n of upTo(1000)) job.emit({ event: 'n', data: n });
      await h.soon(job.complete());
      const log = await h.log();
      expect(log.map((event) => event.cursor)).toEqual(
        upTo(1002).map((index) => `${job.generation}-${index + 1}`),
      );
      expect(await numbers(h)).toEqual(upTo(1000));
      expect(await h.finished(follower)).toEqual(log);
    },
  },
  {
    id: 'L11 P10 A8',
    title: 'payloads come back exact',
    async run(h) {
      const [one, two] = await h.two();
      const payloads: unknown[] = [
        [],
        {},
        [[], {}],
        null,
        false,
        '',
        0,
        0.1,
        -1.5e-300,
        1e21,
        Number.MAX_SAFE_INTEGER,
        '\u2028\u2029\ufeff\r\n\0',
        'data: x\n\nevent: y',
        '𝒳👩‍👩‍👧‍👦ﷺ'.repeat(500),
        '\ud800',
        'a\udc00b',
        JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"toString":"x"}'),
        { '': { ' ': [null, [null]] } },
      ];
      const job = await h.start(one, { created: payloads, metadata: { payloads } });
      const follower = h.follow(two);
      for (const data of payloads) job.emit({ event: 'p', data });
      await job.complete(payloads);
      const seen = await h.finished(follower);
      expect(seen.slice(1, -1).map((event) => JSON.stringify(event.data))).toEqual(
        payloads.map((data) => JSON.stringify(data)),
      );
      expect(JSON.stringify(seen[0]?.data)).toBe(JSON.stringify({ created: payloads }));
      expect(JSON.stringify(seen.at(-1)?.data)).toBe(JSON.stringify({ final: payloads }));
      const record = await two.manager.getJob('s');
      expect(JSON.stringify(record?.metadata)).toBe(JSON.stringify({ payloads }));
      expect(({} as { polluted?: number }).polluted).toBeUndefined();
    },
  },
  {
    id: 'L12',
    title: 'one slow stream does not hold up another',
    async run(h) {
      const held = heldCommits((commit) => commit.key.streamId === 'slow');
      const replica = await h.replica(held.replica);
      const slow = await h.start(replica, { streamId: 'slow' });
      const quick = await h.start(replica, { streamId: 'quick' });
      slow.emit(text('a'));
      quick.emit(text('b'));
      await h.soon(quick.flush(), 'the quick stream’s flush', AT_ONCE_MS);
      await h.soon(quick.complete(), 'the quick stream’s end', AT_ONCE_MS);
      held.open();
      await h.soon(slow.complete());
      expect((await h.log('slow')).map((event) => event.event)).toEqual(['created', 'text', 'completed']);
    },
  },
  {
    id: 'L12',
    title:
      'producers that do nothing but await emit hold up neither the process nor a quiet stream’s follower',
    async run(h) {
      const replica = await h.replica({ options: { ...RENEWS_SELDOM, limits: { turnEvents: 50 } } });
      const quiet = await h.start(replica, { streamId: 'quiet' });
      const follower = h.follow(replica, { after: 'tail' }, 'quiet');
      await h.soon(follower.subscription.ready);
      const jobs = await Promise.all(upTo(20).map((n) => h.start(replica, { streamId: `greedy-${n}` })));
      const hasArrived = () => follower.names.includes('text');
      let left = jobs.length;
      // Bounded, so that the test ends when they do hold the process.
      const greedy = jobs.map(async (job) => {
        let emitted = 0;
        for (; !hasArrived() && emitted < 20_000; emitted++) await job.emit({ event: 'n', data: emitted });
        left--;
        return emitted;
      });
      quiet.emit(text('a'));
      while (!hasArrived() && left > 0) await turns(1);
      const counts = await h.soon(Promise.all(greedy), 'the greedy ones’ last emits');
      expect(Math.max(...counts), 'emits of a greedy one meanwhile').toBeLessThan(20_000);
      await h.soon(Promise.all(jobs.map((job) => job.flush())), 'the greedy ones’ commits');
      for (const n of [0, 19]) expect(await numbers(h, `greedy-${n}`)).toEqual(upTo(counts[n] ?? 0));
    },
  },
  {
    id: 'L14 P9',
    title: 'the buffer’s bound makes emit wait, by events and by bytes, and nothing is dropped',
    async run(h) {
      for (const limits of [
        { bufferEvents: 8, batchEvents: 4 },
        { bufferBytes: 400, eventBytes: 200, batchBytes: 300 },
      ]) {
        const held = heldCommits(() => true);
        const replica = await h.replica({ ...held.replica, options: { limits } });
        const streamId = Object.keys(limits).join('-');
        const job = await h.start(replica, { streamId });
        let resolved = 0;
        const data = 'x'.repeat(38);
        for (let n = 0; n < 30; n++) void job.emit({ event: 'n', data }).then(() => resolved++);
        await h.rest();
        expect(resolved).toBeGreaterThan(4);
        expect(resolved).toBeLessThan(14);
        held.open();
        await h.soon(job.flush());
        await h.rest();
        expect(resolved).toBe(30);
        expect(await numbers(h, streamId)).toHaveLength(30);
      }
    },
  },
  {
    id: 'L15 P2',
    title: 'everything buffered is in the log before the terminal event, whichever end it is',
    async run(h) {
      const replica = await h.replica({ ...h.delayed, options: { limits: { batchEvents: 7 } } });
      const ends = {
        completed: (job) => job.complete(),
        failed: (job) => job.fail({ code: 'x', message: 'x' }),
        requires_action: (job) => job.pause({ type: 'checkpoint' }),
      } as const satisfies Record<string, (job: Awaited<ReturnType<Harness['start']>>) => Promise<unknown>>;
      for (const [name, end] of Object.entries(ends)) {
        const job = await h.soon(h.start(replica, { streamId: name }));
        for (const n of upTo(100)) job.emit({ event: 'n', data: n });
        const ending: Promise<unknown> = end(job);
        expect(thrownCode(() => job.emit(text('late')))).toBe('job_ended');
        await h.soon(ending);
        expect(await numbers(h, name)).toEqual(upTo(100));
        expect((await h.log(name)).at(-1)?.event).toBe(name);
      }
    },
  },
  {
    id: 'L16 A7 A9',
    title: 'a bad, reserved or oversized event throws at emit, leaves no hole, and the job goes on',
    async run(h) {
      const replica = await h.replica({
        options: { limits: { eventBytes: 200, jsonDepth: 8, keptEvents: 1 } },
      });
      const job = await h.start(replica);
      const circular: Record<string, unknown> = {};
      circular.self = circular;
      let deep: unknown = 0;
      for (let depth = 0; depth < 5_000; depth++) deep = [deep];
      const event = 'n';
      const bad: [string, HostEvent][] = [
        ['invalid_event', { event, data: undefined }],
        ['invalid_event', { event, data: () => {} }],
        ['invalid_event', { event, data: 1n }],
        ['invalid_event', { event, data: circular }],
        ['invalid_event', { event, data: { toJSON: () => undefined } }],
        ['invalid_event', { event: 'a\nb', data: 1 }],
        ['invalid_event', { event: 'a\0', data: 1 }],
        ['invalid_event', { event: '', data: 1 }],
        ['invalid_event', { event: 'x'.repeat(129), data: 1 }],
        ['invalid_event', { event, data: 1, keep: 'a b' }],
        ['reserved_event', { event: 'completed', data: 1 }],
        ['reserved_event', { event: 'gap', data: 1 }],
        ['reserved_event', { event: 'sync', data: 1 }],
        ['event_too_large', { event, data: 'x'.repeat(199) }],
        ['event_too_large', { event, data: '€'.repeat(67) }],
        ['json_too_deep', { event, data: [[[[[[[[[0]]]]]]]]] }],
      ];
      job.emit({ event, data: 0, keep: 'one' });
      for (const [code, given] of bad)
        expect(
          thrownCode(() => job.emit(given)),
          given.event,
        ).toBe(code);
      expect(['json_too_deep', 'event_too_large', 'invalid_event']).toContain(
        thrownCode(() => job.emit({ event, data: deep })),
      );
      expect(thrownCode(() => job.emit({ event, data: 1, keep: 'two' }))).toBe('kept_limit');
      const changed = { list: [1] };
      job.emit({ event, data: changed });
      changed.list.push(2);
      job.emit({ event, data: 'x'.repeat(198) });
      await job.complete();
      changed.list.push(3);
      expect((await h.log()).map((one) => one.event)).toEqual(['created', 'n', 'n', 'n', 'completed']);
      expect(await numbers(h)).toEqual([0, { list: [1] }, 'x'.repeat(198)]);
    },
  },
  {
    id: 'L16',
    title: 'emitting, flushing and ending after the end says why it is over',
    timesLapse: true,
    async run(h) {
      const replica = await h.replica();
      const ends: Record<string, (job: Awaited<ReturnType<Harness['start']>>) => Promise<unknown>> = {
        completed: (job) => job.complete(),
        failed: (job) => job.fail(new Error('x')),
        paused: (job) => job.pause({ type: 'checkpoint' }),
        aborted: () => replica.manager.abortJob('s'),
        replaced: () => h.start(replica),
        gone: () => replica.manager.deleteStream('s'),
      };
      for (const [reason, end] of Object.entries(ends)) {
        const job = await h.start(replica);
        await end(job);
        await h.until(() => job.isOver, `the signal after ${reason}`, TIMES.renewMs);
        expect(job.signal.reason).toMatchObject({ code: 'job_ended', reason });
        expect(thrownCode(() => job.emit(text('late')))).toBe('job_ended');
        for (const late of [job.complete(), job.fail(new Error('x')), job.pause({ type: 'x' })]) {
          expect(codeOf(await rejection(late))).toBe('job_ended');
        }
        await job.flush();
      }
    },
  },
  {
    id: 'F8 P3',
    title:
      'of lost replies and lost requests each event is stored once, in order, and the caller is told success',
    async run(h) {
      const sent = new Map<string, string>();
      const lose = (): Loss => (['none', 'reply', 'request'] as const)[pick(h.random, 3)] ?? 'none';
      const unlucky = await h.replica({
        wrapStore: (store) =>
          wrapStore(
            lossyStore(store, ({ method }) => (method === 'commit' ? lose() : 'none')),
            ({ method, args }, perform) => {
              const [commit] = args as [ProducerCommit];
              if (method === 'commit' && commit.writer === 'producer') {
                // A batch whose outcome is unknown is repeated as it was, never with more events.
                const frozen = JSON.stringify(commit);
                const place = `${commit.generation}-${commit.attempt}-${commit.afterSequence}-${commit.patch?.number ?? 0}`;
                expect(sent.get(place) ?? frozen).toBe(frozen);
                sent.set(place, frozen);
              }
              return perform();
            },
          ),
      });
      const other = await h.replica();
      for (let round = 0; round < 30; round++) {
        const streamId = `s${round}`;
        const job = await h.start(unlucky, { streamId });
        const follower = h.follow(other, {}, streamId);
        for (const n of upTo(40)) {
          job.emit({ event: 'n', data: n });
          if (n % 13 === 0) await h.advance(pick(h.random, 6));
          if (n === 20) void job.addUsage({ tokens: 7 });
        }
        await h.soon(job.complete('done'));
        expect(await numbers(h, streamId)).toEqual(upTo(40));
        expect((await other.manager.getJob(streamId))?.usage).toEqual({ tokens: 7 });
        expect(await h.finished(follower)).toEqual(await h.log(streamId));
      }
    },
  },
  {
    id: 'F8 P3',
    title: 'a pause whose reply was lost is answered as the first time, even if it was decided meanwhile',
    async run(h) {
      let isLost = false;
      const unlucky = await h.replica({
        wrapStore: (store) =>
          wrapStore(store, async ({ method }, perform) => {
            const answer = await perform();
            if (method === 'commit' && isLost) throw unknownOutcome();
            return answer;
          }),
      });
      const other = await h.replica();
      const job = await h.start(unlucky);
      isLost = true;
      const pausing = job.pause({ type: 'checkpoint', actionId: 'a' });
      await h.rest();
      const resolved = await other.manager.approvals.resolve('s', { actionId: 'a', decisions: [], by: 'p' });
      await resolved.job.emit(text('second'));
      await resolved.job.flush();
      isLost = false;
      expect(await h.soon(pausing)).toEqual({ actionId: 'a' });
      expect(job.reason).toBe('paused');
      expect(resolved.job.isOver).toBe(false);
      await resolved.job.complete();
      expect((await h.log()).map((event) => event.event)).toEqual([
        'created',
        'requires_action',
        'resumed',
        'text',
        'completed',
      ]);
    },
  },
  {
    id: 'F12 F13 P5',
    title:
      'with the store away, emit waits at its bound and loses nothing; past the lease the producer stops itself',
    timesLapse: true,
    async run(h) {
      let isAway = false;
      const replica = await h.replica({
        options: { limits: { bufferEvents: 64 } },
        wrapStore: (store) =>
          wrapStore(store, async (_, perform) => {
            if (isAway) throw unknownOutcome();
            return perform();
          }),
      });
      const other = await h.replica();
      const job = await h.start(replica);
      const silent = await h.start(replica, { streamId: 'silent' });
      isAway = true;
      let waiting = 0;
      for (const n of upTo(70)) {
        waiting++;
        void job.emit({ event: 'n', data: n }).then(() => waiting--);
      }
      await h.advance(TIMES.leaseMs / 3);
      expect(waiting).toBeGreaterThan(0);
      isAway = false;
      await h.soon(job.flush());
      await h.rest();
      expect(waiting).toBe(0);
      expect(await numbers(h)).toEqual(upTo(70));
      isAway = true;
      job.emit({ event: 'n', data: 'never' });
      const flushed = rejection(job.flush());
      await h.until(() => job.isOver, 'the producer stops', TIMES.leaseMs + TIMES.retryMs * 40);
      expect(job.signal.reason).toMatchObject({ code: 'lease_lost', reason: 'lease_lost' });
      await h.until(() => silent.isOver, 'so does one that has nothing to say', TIMES.retryMs * 40);
      expect(silent.reason).toBe('lease_lost');
      expect(codeOf(await flushed)).toBe('lease_lost');
      await h.until(
        async () => (await other.manager.getJob('s'))?.status === 'failed',
        'the loss is reported',
      );
      isAway = false;
      await h.advance(TIMES.leaseMs);
      expect((await h.log()).at(-1)).toMatchObject({ event: 'failed', data: { code: 'producer_lost' } });
      expect(await numbers(h)).toEqual(upTo(70));
    },
  },
  {
    id: 'P9',
    title: 'the first event is written in the turn of its emit; what comes meanwhile becomes few commits',
    async run(h) {
      const replica = await h.replica({ options: { limits: { batchEvents: 64, batchBytes: 1_000 } } });
      const job = await h.start(replica);
      const commits = () => replica.calls.commit ?? 0;
      const before = commits();
      job.emit({ event: 'n', data: 0 });
      expect(commits() - before).toBe(1);
      for (const n of upTo(640)) job.emit({ event: 'n', data: n });
      await job.flush();
      expect(commits() - before).toBeLessThanOrEqual(12);
      const counted = commits();
      for (let index = 0; index < 10; index++) job.emit({ event: 'n', data: 'x'.repeat(600) });
      await job.flush();
      expect(commits() - counted, 'a batch holds at most batchBytes').toBeGreaterThanOrEqual(9);
      await job.complete();
    },
  },
  {
    id: 'A13 P9',
    title: 'a producer that emits for ever is ended by a named limit, and followers see it',
    async run(h) {
      const limits = [
        { generationEvents: 50, unsnapshottedEvents: 50 },
        { generationBytes: 2_000, eventBytes: 500, unsnapshottedBytes: 2_000 },
      ];
      for (const [index, limit] of limits.entries()) {
        const replica = await h.replica({ options: { snapshotEvents: 10, limits: limit } });
        const streamId = `s${index}`;
        const job = await h.start(replica, { streamId });
        const follower = h.follow(replica, {}, streamId);
        const thrown = thrownCode(() => {
          for (let n = 0; n < 10_000; n++) job.emit({ event: 'n', data: 'x'.repeat(100) });
        });
        expect(thrown).toBe('limit_exceeded');
        const events = await h.finished(follower);
        expect(events.at(-1)).toMatchObject({
          event: 'failed',
          data: { code: 'limit_exceeded', retryable: false },
        });
        expect((await replica.manager.getJob(streamId))?.error?.code).toBe('limit_exceeded');
      }
    },
  },
];
