/**
 * The settlement as it is seen and waited for: in a resume state, by a stop, by a call of the manager, on any replica.
 */
import type { Hooks, SettlementState, SettlementWaitResult } from 'generation-jobs';
import { DEAF, lossyTransport } from 'generation-jobs/testing';
import { text } from './follower.js';
import { AT_ONCE_MS, type Contract, expectCode, type Harness, rejection, TIMES } from './harness.js';
import { expect } from './tools.js';

type Settle = NonNullable<Hooks['settle']>;

/** A host that saves when it is let, and knows what it has saved. */
export class Desk {
  readonly saved: number[] = [];
  /** How many saves fail before one succeeds. */
  failures = 0;
  begun = 0;
  #let: (() => void)[] = [];
  #isLet = false;

  readonly settle: Settle = async ({ record }) => {
    this.begun++;
    if (!this.#isLet) await new Promise<void>((resolve) => this.#let.push(resolve));
    if (this.failures-- > 0) throw new Error('the database is away');
    this.saved.push(record.generation);
  };

  /** Lets what waits be saved, and whatever comes. */
  letSave(): void {
    this.#isLet = true;
    for (const go of this.#let.splice(0)) go();
  }
}

const stateOn = async (
  h: Harness,
  { manager }: Awaited<ReturnType<Harness['replica']>>,
  generation?: number,
) => (await h.soon(manager.getResumeState('s', { generation })))?.settlement;

export const settledContracts: readonly Contract[] = [
  {
    id: 'L62',
    title:
      'a settlement is shown as open, settling and settled, or set aside, on each replica, with the store’s time',
    async run(h) {
      const desk = new Desk();
      const { settle } = desk;
      const [one, two] = await h.two({ hooks: { settle }, options: { settleTries: 1 } });
      const job = await h.start(one);
      expect(await stateOn(h, two)).toBe('open');
      await job.complete();
      await h.until(() => desk.begun === 1, 'it is being saved');
      for (const replica of [one, two]) expect(await stateOn(h, replica)).toBe('settling');
      desk.letSave();
      await h.until(async () => (await stateOn(h, two)) === 'settled', 'it is shown as saved');
      const state = await two.manager.getPublicState('s');
      expect(state?.now).toEqual(expect.closeTo(h.store.now(), -3));
      expect(state?.revision).toBe(3);
      desk.failures = 1;
      await (await h.start(one)).complete();
      await h.until(async () => (await stateOn(h, two)) === 'set_aside', 'it is shown as set aside');
      expect(await stateOn(h, one, job.generation), 'the one before').toBe('settled');
    },
  },
  {
    id: 'L63',
    title:
      'a stop that waits answers when the answer is saved, also after failures and of what had ended; one that does not answers at once',
    async run(h) {
      const desk = new Desk();
      const { settle } = desk;
      const results: SettlementWaitResult[] = [];
      const observer = { settlementAwaited: (result: SettlementWaitResult) => void results.push(result) };
      const [one, two, three] = await h.three({ hooks: { settle }, observer });
      const job = await h.start(one, { contentModel: 'text' });
      job.emit(text('half'));
      await job.flush();
      desk.failures = 2;
      const told = await h.soon(two.manager.abortJob('s'), 'a stop', AT_ONCE_MS);
      expect(told.aborted).toBe(true);
      expect(['open', 'settling']).toContain(told.settlement);
      const answers: SettlementState[] = [];
      const stop = three.manager.abortJob('s', { wait: 'settled' });
      const waits = [one.manager.settled('s'), three.manager.settled('s', { generation: job.generation })];
      for (const wait of waits) wait.then((state) => answers.push(state));
      await h.until(() => desk.begun === 1, 'it is being saved');
      expect([desk.saved, answers]).toEqual([[], []]);
      desk.letSave();
      const waited = await h.soon(stop, 'a stop that waits');
      expect(desk.saved, 'saved before it was said').toEqual([job.generation]);
      expect(waited).toMatchObject({ aborted: false, settlement: 'settled', content: { text: 'half' } });
      expect(waited.record.settlement.state).toBe('settled');
      await h.soon(Promise.all(waits));
      expect(answers).toEqual(['settled', 'settled']);
      expect(results).toEqual(['settled', 'settled', 'settled']);
      const again = await h.soon(two.manager.abortJob('s', { wait: 'settled' }), 'one more', AT_ONCE_MS);
      expect(again.settlement).toBe('settled');
      expect(results, 'nothing was waited for').toHaveLength(3);
    },
  },
  {
    id: 'L63',
    title: 'without a settle hook nothing is waited for, and what is set aside is waited for no longer',
    async run(h) {
      const results: SettlementWaitResult[] = [];
      const observer = { settlementAwaited: (result: SettlementWaitResult) => void results.push(result) };
      const bare = await h.replica({ observer });
      await h.start(bare);
      const stopped = await h.soon(bare.manager.abortJob('s', { wait: 'settled' }), 'a stop', AT_ONCE_MS);
      expect(stopped).toMatchObject({ aborted: true, settlement: 'settled' });
      expect(results, 'nothing was waited for').toEqual([]);
      const desk = new Desk();
      desk.failures = 1;
      const one = await h.replica({ hooks: { settle: desk.settle }, options: { settleTries: 1 } });
      await h.start(one);
      const stop = one.manager.abortJob('s', { wait: 'settled' });
      await h.until(() => desk.begun === 1, 'it is being saved');
      desk.letSave();
      expect((await h.soon(stop)).settlement).toBe('set_aside');
      expect(await h.soon(one.manager.settled('s'), 'an answer', AT_ONCE_MS)).toBe('set_aside');
    },
  },
  {
    id: 'L63',
    title: 'a wait ends at its bound with what the settlement then is, and before it by its signal',
    async run(h) {
      const desk = new Desk();
      const results: SettlementWaitResult[] = [];
      const one = await h.replica({
        hooks: { settle: desk.settle },
        options: { settledWaitMs: TIMES.createTimeoutMs },
        observer: { settlementAwaited: (result) => void results.push(result) },
      });
      await h.start(one);
      const stopped = await h.soon(one.manager.abortJob('s', { wait: 'settled' }));
      expect(stopped).toMatchObject({ aborted: true, settlement: 'settling' });
      expect(await h.soon(one.manager.settled('s'))).toBe('settling');
      expect(await h.soon(one.manager.settled('s', { timeoutMs: 0 }), 'an answer', AT_ONCE_MS)).toBe(
        'settling',
      );
      const leaving = new AbortController();
      const given = rejection(one.manager.settled('s', { timeoutMs: 60_000, signal: leaving.signal }));
      await h.rest();
      leaving.abort(new Error('enough'));
      expect(await h.soon(given, 'a rejection', AT_ONCE_MS)).toEqual(new Error('enough'));
      expect(await rejection(one.manager.settled('s', { signal: leaving.signal }))).toEqual(
        new Error('enough'),
      );
      expect(results).toEqual(['open', 'open', 'open', 'open']);
      desk.letSave();
      expect(await h.soon(one.manager.settled('s'))).toBe('settled');
    },
  },
  {
    id: 'L63',
    title: 'what a lost frame did not tell is found by the poll',
    async run(h) {
      const desk = new Desk();
      const { settle } = desk;
      const one = await h.replica({ hooks: { settle } });
      const deaf = await h.replica({
        hooks: { settle },
        wrapTransport: (transport, clock) => lossyTransport(transport, clock, DEAF),
      });
      const job = await h.start(one);
      const running = deaf.manager.settled('s');
      await h.rest();
      await job.complete();
      await h.until(() => desk.begun === 1, 'it is being saved');
      const ended = deaf.manager.settled('s');
      await h.rest();
      desk.letSave();
      expect(await h.soon(Promise.all([running, ended]))).toEqual(['settled', 'settled']);
    },
  },
  {
    id: 'L63',
    title:
      'a generation that runs is waited for as well, and one that was replaced; their streams’ events cost no reads',
    async run(h) {
      const desk = new Desk();
      const { settle } = desk;
      const [one, two] = await h.two({
        hooks: { settle },
        options: { settledWaitMs: 20_000, logPollMs: 10_000 },
      });
      const first = await h.start(one);
      first.emit(text('a'));
      await first.flush();
      const idle = two.transport.places;
      const waits = [two.manager.settled('s')];
      await h.until(() => two.transport.places > idle, 'it listens');
      await h.rest();
      const second = await h.start(one);
      await h.until(() => desk.begun === 1, 'the first is being saved');
      const reads = two.calls.readLog ?? 0;
      for (let n = 0; n < 20; n++) {
        second.emit(text('b'));
        await second.flush();
        await h.rest();
      }
      expect((two.calls.readLog ?? 0) - reads, 'reads for twenty events').toBeLessThanOrEqual(2);
      desk.letSave();
      expect(await h.soon(waits[0] as Promise<SettlementState>)).toBe('settled');
      expect(desk.saved).toEqual([first.generation]);
      const running = two.manager.settled('s');
      await h.rest();
      await second.complete();
      expect(await h.soon(running)).toBe('settled');
      expect(desk.saved).toEqual([first.generation, second.generation]);
    },
  },
  {
    id: 'L63',
    title: 'waiting polls no more often than following does',
    async run(h) {
      const desk = new Desk();
      const { settle } = desk;
      const [one, follows, waits] = await h.three({
        hooks: { settle },
        wrapTransport: (transport, clock) => lossyTransport(transport, clock, DEAF),
      });
      const job = await h.start(one);
      await job.complete();
      await h.until(() => desk.begun === 1, 'it is being saved');
      await h.start(one, { streamId: 'r' });
      const follower = h.follow(follows, {}, 'r');
      await h.until(() => follower.events.length === 1, 'it follows');
      const wait = waits.manager.settled('s');
      await h.rest();
      const before = [follows, waits].map(({ calls }) => calls.readLog ?? 0);
      await h.advance(TIMES.logPollMs * 8);
      const [polls = 0, reads = 0] = [follows, waits].map(
        ({ calls }, at) => (calls.readLog ?? 0) - (before[at] ?? 0),
      );
      expect(polls).toBeGreaterThanOrEqual(4);
      // A claim that is renewed is found by a poll, and looked at.
      const renewals = Math.ceil((TIMES.logPollMs * 8) / (TIMES.settleClaimMs / 3));
      expect(reads).toBeLessThanOrEqual(polls + renewals + 1);
      desk.letSave();
      expect(await h.soon(wait)).toBe('settled');
    },
  },
  {
    id: 'L63 P8',
    title: 'what is unknown, somebody else’s, or deleted meanwhile is not there',
    async run(h) {
      const desk = new Desk();
      const one = await h.replica({ hooks: { settle: desk.settle } });
      await expectCode(one.manager.settled('nowhere'), 'stream_not_found');
      const job = await h.start(one);
      await expectCode(one.manager.settled('s', { userId: 'v' }), 'stream_not_found');
      await expectCode(one.manager.settled('s', { generation: job.generation + 1 }), 'stream_not_found');
      const waiting = rejection(one.manager.settled('s'));
      await h.rest();
      await one.manager.deleteStream('s');
      expect(await h.soon(waiting)).toMatchObject({ code: 'stream_not_found' });
    },
  },
  {
    id: 'L63',
    title: 'a host’s settle that waits for itself is answered, and so is who waits where the replica drains',
    async run(h) {
      const states: string[] = [];
      const one = await h.replica({
        hooks: {
          settle: async ({ record }) => {
            states.push(await one.manager.settled(record.streamId));
            states.push((await one.manager.abortJob(record.streamId, { wait: 'settled' })).settlement);
          },
        },
      });
      await (await h.start(one)).complete();
      await h.until(async () => (await stateOn(h, one)) === 'settled', 'settled');
      expect(states).toEqual(['settling', 'settling']);
      const desk = new Desk();
      const two = await h.replica({ hooks: { settle: desk.settle } });
      await h.start(two, { streamId: 't' });
      const waiting = two.manager.settled('t', { timeoutMs: 60_000 });
      await h.rest();
      const draining = two.manager.drain({ graceMs: 0 });
      const late = two.manager.settled('t', { timeoutMs: 60_000 });
      expect(['open', 'settling']).toContain(await h.soon(waiting, 'an answer', AT_ONCE_MS));
      expect(['open', 'settling']).toContain(await h.soon(late, 'an answer to who comes late', AT_ONCE_MS));
      desk.letSave();
      await h.soon(draining, 'the drain', 20_000);
    },
  },
  {
    id: 'L63',
    title: 'who waits is no follower',
    async run(h) {
      const desk = new Desk();
      const gone: string[] = [];
      const one = await h.replica({
        hooks: { settle: desk.settle, onFollowersGone: (streamId) => void gone.push(streamId) },
        options: { limits: { followersPerStream: 1 } },
      });
      const job = await h.start(one);
      const idle = one.transport.places;
      const waits = [one.manager.settled('s'), one.manager.settled('s')];
      await h.until(() => one.transport.places > idle, 'they listen');
      expect(one.manager.followerCount('s')).toBe(0);
      const follower = h.follow(one);
      await h.until(() => follower.events.length === 1, 'it follows');
      expect(one.manager.followerCount('s')).toBe(1);
      follower.leave();
      await h.until(() => gone.length === 1, 'the last follower has gone');
      await job.complete();
      await h.until(() => desk.begun === 1, 'it is being saved');
      desk.letSave();
      await h.soon(Promise.all(waits));
      expect(gone).toEqual(['s']);
      await h.until(() => one.transport.places === idle, 'nobody listens');
      expect((await one.manager.stats()).process).toMatchObject({ followers: 0, followedStreams: 0 });
      await h.advance(TIMES.logPollMs);
    },
  },
];
