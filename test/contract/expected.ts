/**
 * Starting over what one has seen: a create that says what it expects on the stream is refused by anything newer.
 */
import { ConflictError } from 'generation-jobs';
import { userKey } from 'generation-jobs/ports';
import { wrapStore } from 'generation-jobs/testing';
import { Desk, KEY, lifecycle } from './desk.js';
import { text } from './follower.js';
import { apartFromRenewals, type Contract, expectCode, rejection, TIMES } from './harness.js';
import { expect } from './tools.js';

const REPLACED = {
  end: { ...lifecycle('aborted'), data: '{"code":"replaced"}' },
  error: { code: 'replaced', message: 'x', retryable: false },
};

/** The store by itself. */
export const expectedStoreContracts: readonly Contract[] = [
  {
    id: 'L70',
    title: 'create: what is newer than expected is answered `unexpected` and changed by nothing',
    async run(h) {
      const desk = new Desk(h);
      const request = (over: object) => desk.store.create(desk.request(over));
      expect(await request({ expects: null, callId: 'nothing-there' })).toMatchObject({ outcome: 'created' });
      const [first] = await desk.store.read(KEY, 'current');
      const seen = first?.generation ?? 0;
      const before = await desk.all();
      const replaces = { generation: seen, ...REPLACED };
      const refused = { outcome: 'unexpected', record: first };
      expect(await request({ expects: null })).toEqual(refused);
      expect(await request({ expects: null, replaces })).toEqual(refused);
      expect(await request({ expects: { generation: seen - 1 }, replaces })).toEqual(refused);
      expect(await request({ expects: { generation: seen } }), 'the conflict comes after it').toEqual({
        outcome: 'conflict',
        record: first,
      });
      expect(await request({ expects: null, userId: 'v' }), 'nothing is told to others').toEqual({
        outcome: 'taken',
      });
      expect(await request({ expects: null, callId: 'nothing-there' }), 'a repeat').toMatchObject({
        outcome: 'created',
        record: { generation: seen },
      });
      expect(await desk.all()).toEqual(before);
      const second = await request({ expects: { generation: seen }, replaces, idempotencyKey: 'k' });
      expect(second).toMatchObject({ outcome: 'created', replaced: { generation: seen } });
      expect(await request({ expects: { generation: seen }, idempotencyKey: 'k' })).toMatchObject({
        outcome: 'joined',
      });
    },
  },
  {
    id: 'L70',
    title:
      'create: what has ended counts as long as it is kept, and what is newer than all of it never refuses',
    async run(h) {
      const desk = new Desk(h);
      const record = await desk.created();
      await desk.ok(desk.store.commit(desk.end(record, 'complete')));
      expect(await desk.store.create(desk.request({ expects: null }))).toMatchObject({
        outcome: 'unexpected',
        record: { generation: record.generation, status: 'completed' },
      });
      const later = { generation: record.generation + 1_000_000 };
      expect((await desk.created({ expects: later })).generation).toBeGreaterThan(record.generation);
      await desk.store.delete(KEY);
      expect(await desk.created({ expects: { generation: 1 } })).toBeDefined();
      await desk.store.delete(KEY);
      expect(await desk.created({ expects: null })).toBeDefined();
    },
  },
];

export const expectedContracts: readonly Contract[] = [
  {
    id: 'L70',
    title: 'a create that has seen less than there is is refused before anything is held or described',
    async run(h) {
      let described = 0;
      let commits = 0;
      const { manager } = await h.replica({
        hooks: { describeEnd: () => void described++ },
        wrapStore: (store) =>
          wrapStore(store, ({ method, args: [commit] }, perform) => {
            if (method === 'commit' && (commit as { writer: string }).writer === 'describer') commits++;
            return perform();
          }),
      });
      const started = await manager.createJob({ streamId: 's', userId: 'u' });
      if (!started.started) throw new Error('not started');
      const { job } = started;
      job.emit(text('a'));
      await job.flush();
      const kept = async () => apartFromRenewals(await h.store.read(job.key, 'kept'));
      const before = await kept();
      for (const onConflict of ['replace', 'reject', 'join'] as const) {
        for (const expects of [null, { generation: job.generation - 1 }]) {
          const error = await rejection(
            manager.createJob({ streamId: 's', userId: 'u', expects, onConflict }),
          );
          expect(error).toBeInstanceOf(ConflictError);
          expect(error).toMatchObject({ code: 'conflict', streamId: 's', generation: job.generation });
        }
      }
      expect(await kept()).toEqual(before);
      expect([described, commits]).toEqual([0, 0]);
      job.emit(text('b'));
      await job.flush();
      const next = await manager.createJob({
        streamId: 's',
        userId: 'u',
        expects: { generation: job.generation },
      });
      expect(next.started).toBe(true);
      expect(described).toBe(1);
    },
  },
  {
    id: 'L70',
    title: 'of two pages that have seen the same, one starts and the other is told what is there',
    async run(h) {
      const [one, two] = await h.two(h.delayed);
      const first = await h.start(one);
      for (let seen = first.generation, round = 0; round < 20; round++) {
        const ask = (manager: typeof one.manager) =>
          manager
            .createJob({ streamId: 's', userId: 'u', expects: { generation: seen } })
            .catch((error) => error);
        const answers = await h.soon(
          Promise.all([ask(one.manager), ask(two.manager)]),
          'both',
          TIMES.leaseMs * 4,
        );
        const [winner] = answers.filter((answer) => !(answer instanceof Error));
        const [loser] = answers.filter((answer) => answer instanceof Error);
        expect(loser).toMatchObject({ code: 'conflict', generation: winner.record.generation });
        seen = winner.record.generation;
      }
    },
  },
  {
    id: 'L6 L70',
    title:
      'the same request again, after its answer was lost, is answered with its own run whatever it expected',
    async run(h) {
      const [one, two] = await h.two();
      const input = { streamId: 's', userId: 'u', idempotencyKey: 'k', expects: null };
      const job = await h.start(one, input);
      expect(await two.manager.createJob(input)).toMatchObject({
        started: false,
        record: { generation: job.generation },
      });
      await job.complete();
      expect((await two.manager.createJob(input)).started).toBe(false);
      await expectCode(two.manager.createJob({ ...input, idempotencyKey: 'another' }), 'conflict');
    },
  },
  {
    id: 'L6 L70',
    title: 'what is expected of one stream is not asked of another, to which the idempotency key leads',
    async run(h) {
      const replica = await h.replica();
      const { manager } = replica;
      const older = await h.start(replica, { streamId: 'asked' });
      await older.complete();
      for (const state of ['ended', 'active']) {
        // A request of the key's first stream has remembered it, and died before its run was there.
        const streamId = `first-${state}`;
        await h.store.slots.remember(userKey('u'), state, { streamId }, TIMES.idempotencyMs);
        await h.advance(2); // generations are made of the time: what is there is newer than what was seen
        const there = await h.start(replica, { streamId });
        if (state === 'ended') await there.complete();
        const input = { streamId: 'asked', userId: 'u', idempotencyKey: state };
        const expects = { generation: older.generation };
        const run = await manager.createJob({ ...input, expects });
        expect(run, state).toMatchObject({ started: true, record: { streamId } });
        expect(run.record.generation, state).toBeGreaterThan(there.generation);
        expect(await manager.createJob({ ...input, expects: null }), state).toMatchObject({
          started: false,
          record: { generation: run.record.generation },
        });
      }
      expect((await manager.getJob('asked'))?.generation).toBe(older.generation);
    },
  },
  {
    id: 'L70',
    title: 'a page that was open for longer than the retention may go on',
    timesLapse: true,
    async run(h) {
      const replica = await h.replica();
      const { manager } = replica;
      const job = await h.start(replica);
      await job.complete();
      await h.until(async () => (await manager.getJob('s')) === null, 'retention', 2 * TIMES.retentionMs);
      const next = await h.start(replica, { expects: { generation: job.generation } });
      expect(next.generation).toBeGreaterThan(job.generation);
    },
  },
];
