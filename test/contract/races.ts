/**
 * Who writes last, a thousand times each: every interleaving must leave one legal history, and those who lost must know.
 */

import { text } from './follower.js';
import { type Contract, codeOf, type Harness, isTerminal, ownedBy, TIMES } from './harness.js';
import { pick, shuffled } from './seeded.js';
import { expect } from './tools.js';

/** What a call came to: `ok`, or why not. */
const outcome = (call: Promise<unknown>) => call.then(() => 'ok', codeOf);

/** Starts calls in random order, each some turns of the event loop after the other. */
async function scattered<Result>(h: Harness, calls: readonly (() => Promise<Result>)[]): Promise<Result[]> {
  const results = new Map<() => Promise<Result>, Promise<Result>>();
  for (const call of shuffled(h.random, calls)) {
    results.set(call, call());
    for (let wait = pick(h.random, 4); wait > 0; wait--)
      await new Promise((resolve) => setImmediate(resolve));
  }
  return h.soon(Promise.all(calls.map((call) => results.get(call) as Promise<Result>)));
}

export const raceContracts: readonly Contract[] = [
  {
    id: 'L29 F34 P4',
    title:
      'complete, fail, pause and aborts from two replicas race a thousand times: one wins, the losers know',
    timesLapse: true,
    async run(h) {
      const [one, two] = await h.two(h.delayed);
      for (let round = 0; round < h.backend.rounds; round++) {
        const streamId = `s${round}`;
        const job = await h.soon(h.start(one, { streamId }));
        job.emit(text('a'));
        const own = pick(h.random, 3);
        const ownName = (['completed', 'failed', 'requires_action'] as const)[own] as string;
        const end = () => {
          if (job.isOver) return outcome(job.complete());
          if (own === 0) return outcome(job.complete());
          return outcome(
            own === 1 ? job.fail({ code: 'x', message: 'x' }) : job.pause({ type: 'checkpoint' }),
          );
        };
        const abort = (replica: typeof one) => async () => {
          const { aborted } = await replica.manager.abortJob(streamId);
          return aborted ? 'aborted' : 'not aborted';
        };
        const [ended, ...aborts] = await scattered<string>(h, [end, abort(one), abort(two)]);
        const names = (await h.log(streamId)).map((event) => event.event);
        const context = `round ${round}: ${ended}, ${aborts.join(', ')}; log ${names.join(' ')}`;
        expect(names.includes(ownName), context).toBe(ended === 'ok');
        if (ended !== 'ok') expect(ended, context).toBe('job_ended');
        expect(aborts.filter((one) => one === 'aborted').length, context).toBe(
          names.includes('aborted') ? 1 : 0,
        );
        expect((await h.log(streamId)).filter(isTerminal), context).toHaveLength(1);
        expect((await h.log(streamId)).findIndex(isTerminal), context).toBe(names.length - 1);
        await h.until(() => job.isOver, context, TIMES.renewMs);
        const wins = { completed: 'completed', failed: 'failed', requires_action: 'paused' }[ownName];
        expect([wins, 'aborted'], context).toContain(job.reason);
        expect(job.reason === wins, context).toBe(ended === 'ok');
      }
    },
  },
  {
    id: 'F34 P3',
    title:
      'replacement, completion and emits race 1,000 times: each generation has one end and nothing after it',
    async run(h) {
      const [one, two] = await h.two(h.delayed);
      for (let round = 0; round < h.backend.rounds; round++) {
        const streamId = `s${round}`;
        const old = await h.soon(h.start(one, { streamId }));
        const flushed: string[] = [];
        const emit = async () => {
          try {
            old.emit(text('a'));
          } catch (error) {
            return codeOf(error);
          }
          const result = await outcome(old.flush());
          flushed.push(result);
          return result;
        };
        const replace = async () => {
          const result = await two.manager.createJob({ streamId, userId: 'u' });
          return result.started ? `${result.job.generation}` : 'joined';
        };
        const [, , ended, generation] = await scattered<string>(h, [
          emit,
          emit,
          () => outcome(old.complete()),
          replace,
        ]);
        const log = await h.log(streamId, old.generation);
        const context = `round ${round}: ${ended}; ${log.map((event) => event.event).join(' ')}`;
        expect(log.filter(isTerminal), context).toHaveLength(1);
        expect(log.at(-1)?.event, context).toBe(ended === 'ok' ? 'completed' : 'aborted');
        const stored = log.filter((event) => event.event === 'text').length;
        expect(stored, context).toBeGreaterThanOrEqual(
          flushed.filter((result) => result === 'ok').length > 0 ? 1 : 0,
        );
        const fresh = await h.log(streamId);
        expect(
          fresh.map((event) => event.cursor),
          context,
        ).toEqual([`${generation}-1`]);
        await h.soon(two.manager.abortJob(streamId));
      }
    },
  },
  {
    id: 'F34 L51',
    title: 'updates, emits and ends race a deletion 1,000 times: a deleted job never reappears',
    timesLapse: true,
    async run(h) {
      const [one, two] = await h.two(h.delayed);
      for (let round = 0; round < h.backend.rounds; round++) {
        const streamId = `s${round}`;
        const job = await h.soon(h.start(one, { streamId, idempotencyKey: `k${round}` }));
        const follower = h.follow(two, {}, streamId);
        await scattered<unknown>(h, [
          () => outcome(job.update({ metadata: { a: 1 } })),
          () => outcome(Promise.resolve().then(() => (job.isOver ? undefined : void job.emit(text('a'))))),
          () => outcome(job.complete()),
          () => two.manager.deleteStream(streamId),
          () => two.manager.abortJob(streamId).catch(codeOf),
        ]);
        await h.until(() => job.isOver, 'the producer knows', TIMES.renewMs);
        expect(await h.store.read(job.key, 'kept'), `round ${round}`).toEqual([]);
        expect((await h.store.readLog({ key: job.key, after: 0, maxEvents: 1, maxBytes: 1 })).found).toBe(
          false,
        );
        await h.until(() => follower.isOver, 'the follower knows', TIMES.logPollMs);
        expect(follower.error === undefined ? 'ok' : codeOf(follower.error)).toMatch(
          /^(ok|stream_not_found)$/,
        );
        const terminals = follower.events.filter(isTerminal).length;
        expect(terminals + follower.names.filter((name) => name === 'gone').length).toBeLessThanOrEqual(1);
      }
      const due = async () => (await h.store.due.list({ limit: 2_000, all: true })).entries;
      await h.until(async () => (await due()).length === 0, 'nothing is due', 4 * TIMES.leaseMs);
      expect(await ownedBy(h.store, { tenantId: undefined, userId: 'u' })).toEqual([]);
    },
  },
  {
    id: 'F34 P3',
    title: 'reaping races renewal 1,000 times: a lease that was renewed holds, one that was lost is lost',
    timesLapse: true,
    async run(h) {
      // The producer's process sleeps around the end of its lease; another one sweeps.
      const [one, two] = await h.two(h.delayed);
      let lost = 0;
      // A lease that lapses in the very race is seldom: on a moved clock there are rounds enough for some, whatever the share.
      const rounds = h.backend.jump ? 100 : h.backend.rounds / 10;
      for (let round = 0; round < rounds; round++) {
        const jobs = await Promise.all(
          Array.from({ length: 10 }, (_, index) => h.soon(h.start(one, { streamId: `s${round}-${index}` }))),
        );
        one.clock.sleep();
        await h.advance(TIMES.leaseMs - 40 + pick(h.random, 60));
        const work: (() => Promise<unknown>)[] = [
          () => one.manager.upkeep.renewLeases(),
          () => two.manager.upkeep.sweep(),
        ];
        await scattered(h, work);
        one.clock.wake();
        await h.rest();
        for (const job of jobs) {
          const [record] = await h.store.read(job.key, 'current');
          const isRunning = record?.status === 'running';
          // A producer may give up by its own clock before anybody has looked; never the other way round.
          if (isRunning && job.reason === 'lease_lost') continue;
          expect(isRunning, `round ${round}`).toBe(!job.isOver);
          if (!isRunning) {
            lost++;
            expect(record?.error?.code).toBe('producer_lost');
            continue;
          }
          job.emit(text('on'));
          await h.soon(job.complete());
        }
      }
      // Where time is real, whether any lease lapses in the race is chance.
      if (h.backend.jump) expect(lost).toBeGreaterThan(0);
      expect(lost).toBeLessThan(10 * rounds);
    },
  },
];
