/**
 * One end for each generation, told to everybody.
 */
import type { GenerationJob, JobRecord, Logger } from 'generation-jobs';
import { DEAF, lossyTransport } from 'generation-jobs/testing';
import { dataOf, text } from './follower.js';
import { AT_ONCE_MS, type Contract, expectCode, isTerminal, RENEWS_SELDOM, TIMES } from './harness.js';
import { expect } from './tools.js';

const describeEnd = (record: JobRecord, content: unknown) => ({
  shown: (content as { text: string } | null)?.text ?? null,
  status: record.status,
});

export const endContracts: readonly Contract[] = [
  {
    id: 'L30 P4',
    title:
      'abort from a replica that isn’t the producer returns the content up to the commit and stops the producer',
    async run(h) {
      const [one, two] = await h.two({ options: RENEWS_SELDOM });
      const job = await h.start(one, { contentModel: 'text', metadata: { a: 1 } });
      job.emit(text('abc'));
      await job.addUsage({ tokens: 3 });
      const result = await two.manager.abortJob('s', { by: 'user', reason: 'enough' });
      expect(result).toMatchObject({
        aborted: true,
        early: false,
        content: { text: 'abc' },
        usage: { tokens: 3 },
        record: {
          status: 'aborted',
          generation: job.generation,
          metadata: { a: 1 },
          error: { code: 'aborted' },
        },
      });
      await h.until(() => job.signal.aborted, 'the producer is told at once', AT_ONCE_MS);
      expect(job.signal.reason).toMatchObject({ code: 'job_ended', reason: 'aborted' });
      expect((await h.log()).at(-1)).toMatchObject({
        event: 'aborted',
        data: { code: 'aborted', by: 'user', reason: 'enough' },
      });
      const again = await two.manager.abortJob('s');
      expect(again).toMatchObject({
        aborted: false,
        content: { text: 'abc' },
        record: { status: 'aborted' },
      });
      expect((await h.log()).filter(isTerminal)).toHaveLength(1);
      await expectCode(two.manager.abortJob('unknown'), 'stream_not_found');
      await expectCode(two.manager.abortJob('s', { generation: 1 }), 'stream_not_found');
    },
  },
  {
    id: 'L30',
    title: 'aborting a named generation never touches its successor',
    async run(h) {
      const [one, two] = await h.two();
      const old = await h.start(one);
      const fresh = await h.start(one);
      expect(await two.manager.abortJob('s', { generation: old.generation })).toMatchObject({
        aborted: false,
      });
      expect((await two.manager.getJob('s'))?.status).toBe('running');
      expect(fresh.isOver).toBe(false);
      await fresh.complete();
    },
  },
  {
    id: 'L31',
    title: 'an abort before any host event is flagged as early, after one it is not',
    async run(h) {
      const replica = await h.replica();
      const early = await h.start(replica, { streamId: 'early' });
      expect(await replica.manager.abortJob('early')).toMatchObject({ aborted: true, early: true });
      expect(early.signal.aborted).toBe(true);
      const late = await h.start(replica, { streamId: 'late' });
      late.emit(text('a'));
      await late.flush();
      expect(await replica.manager.abortJob('late')).toMatchObject({ aborted: true, early: false });
      const paused = await h.start(replica, { streamId: 'paused' });
      await paused.pause({ type: 'checkpoint' });
      expect(await replica.manager.abortJob('paused')).toMatchObject({ aborted: true, early: true });
    },
  },
  {
    id: 'L32',
    title: 'a paused job can be aborted from anywhere; its action can’t be decided afterwards',
    async run(h) {
      const [one, two] = await h.two({ hooks: { describeEnd } });
      const job = await h.start(one, { contentModel: 'text' });
      job.emit(text('a'));
      const { actionId } = await job.pause({ type: 'checkpoint' });
      const follower = h.follow(two);
      expect(await two.manager.abortJob('s', { by: 'admin' })).toMatchObject({
        aborted: true,
        content: { text: 'a' },
      });
      expect((await two.manager.getJob('s'))?.pendingAction).toBeUndefined();
      await expectCode(
        one.manager.approvals.resolve('s', { actionId, decisions: [], by: 'p' }),
        'generation_ended',
      );
      const events = await h.finished(follower);
      expect(follower.names).toEqual(['created', 'text', 'requires_action', 'aborted']);
      expect(events.at(-1)?.data).toMatchObject({ code: 'aborted', by: 'admin', final: { shown: 'a' } });
    },
  },
  {
    id: 'L33',
    title: 'an abort whose signal is lost holds, and reaches a silent producer within one renewal',
    timesLapse: true,
    async run(h) {
      const deaf = await h.replica({
        wrapTransport: (transport, clock) => lossyTransport(transport, clock, DEAF),
      });
      const other = await h.replica();
      const job = await h.start(deaf);
      expect((await other.manager.abortJob('s')).aborted).toBe(true);
      await h.rest();
      expect(job.signal.aborted).toBe(false);
      await h.until(() => job.signal.aborted, 'the renewal tells it', TIMES.renewMs);
      expect(job.reason).toBe('aborted');
    },
  },
  {
    id: 'L34 P4',
    title: 'the terminal’s payload reaches a late follower on any replica, whoever announced the end',
    timesLapse: true,
    async run(h) {
      const [one, two] = await h.two({ hooks: { describeEnd } });
      const late = await h.replica({ hooks: { describeEnd } });
      const ends: Record<string, { data: object; record: object }> = {
        completed: { data: { final: { message: 'x' } }, record: { status: 'completed' } },
        failed: {
          data: { code: 'model_down', message: 'later', retryable: true, final: 'half' },
          record: { status: 'failed', error: { code: 'model_down', retryable: true } },
        },
        thrown: {
          data: { code: 'producer_failed', retryable: true },
          record: { status: 'failed', error: { code: 'producer_failed' } },
        },
        aborted: { data: { code: 'aborted', final: { shown: 'a' } }, record: { status: 'aborted' } },
        replaced: {
          data: { code: 'replaced', final: { shown: 'a' } },
          record: { error: { code: 'replaced' } },
        },
        lost: {
          data: { code: 'producer_lost', retryable: true, final: { shown: 'a' } },
          record: { status: 'failed', error: { code: 'producer_lost' } },
        },
        expired: {
          data: { code: 'expired', final: { shown: 'a' } },
          record: { status: 'aborted', error: { code: 'expired' } },
        },
      };
      const doomed = await h.replica({ hooks: { describeEnd } });
      for (const [streamId, { data, record }] of Object.entries(ends)) {
        const job = await h.start(streamId === 'lost' ? doomed : one, { streamId, contentModel: 'text' });
        job.emit(text('a'));
        await job.flush();
        if (streamId === 'completed') await job.complete({ message: 'x' });
        if (streamId === 'failed')
          await job.fail({ code: 'model_down', message: 'later', retryable: true }, 'half');
        if (streamId === 'thrown') {
          await job.run(() => {
            throw new Error('secret');
          });
        }
        if (streamId === 'aborted') await two.manager.abortJob(streamId);
        if (streamId === 'replaced') await (await h.start(two, { streamId })).complete();
        if (streamId === 'expired') await job.pause({ type: 'checkpoint', expiresInMs: 300 });
        if (streamId === 'lost') await doomed.crash();
        const ended = () => h.store.read(job.key, job.generation).then(([one]) => one?.endedAt !== undefined);
        await h.until(ended, `${streamId} is over`);
        expect((await h.store.read(job.key, job.generation))[0]).toMatchObject(record);
        const events = await h.finished(h.follow(late, { generation: job.generation }, streamId));
        expect(events.at(-1)?.data, streamId).toMatchObject(data);
        expect(events.filter(isTerminal)).toHaveLength(1);
        expect(JSON.stringify(events)).not.toContain('secret');
        const state = await late.manager.getResumeState(streamId, { generation: job.generation });
        expect(state?.end, streamId).toEqual(events.at(-1)?.data);
        const synced = h.follow(late, { generation: job.generation, resume: true }, streamId);
        await h.finished(synced);
        expect(dataOf<{ end: unknown }>(synced.events[0]).end, streamId).toEqual(events.at(-1)?.data);
      }
    },
  },
  {
    id: 'L34 P4',
    title: 'hooks that throw or answer nonsense can’t keep a generation from ending',
    async run(h) {
      const circular: Record<string, unknown> = {};
      circular.self = circular;
      const failures: string[] = [];
      const omissions: string[] = [];
      const told: string[] = [];
      const answers: [string, () => unknown][] = [
        [
          'throws',
          () => {
            throw new Error('x');
          },
        ],
        ['rejects', () => Promise.reject(new Error('x'))],
        ['circular', () => circular],
        ['too-large', () => 'x'.repeat(5_000_000)],
      ];
      for (const [streamId, answer] of answers) {
        const replica = await h.replica({
          hooks: { describeEnd: answer },
          observer: {
            hookFailed: (hook) => failures.push(hook),
            finalOmitted: (omission) => omissions.push(omission),
          },
        });
        const job = await h.start(replica, { streamId });
        expect(await replica.manager.abortJob(streamId)).toMatchObject({ aborted: true });
        expect(job.reason).toBe('aborted');
        const end = (await h.log(streamId)).at(-1);
        expect(end).toMatchObject({ event: 'aborted', data: { code: 'aborted' } });
        expect(end?.data).not.toHaveProperty('final');
        if ('finalOmitted' in dataOf<object>(end)) told.push(streamId);
      }
      expect(failures).toEqual(['describeEnd', 'describeEnd']);
      expect(omissions).toEqual(['no_json', 'too_large']);
      expect(told).toEqual(['circular', 'too-large']);
    },
  },
  {
    id: 'L34 P4',
    title: 'a final larger than an event may be reaches every follower, whoever announced the end',
    async run(h) {
      const large = { text: 'ä'.repeat(300_000), more: ['x'.repeat(1_500_000)] };
      const [one, two] = await h.two({ hooks: { describeEnd: () => large } });
      const ends: Record<string, (job: GenerationJob) => Promise<unknown>> = {
        completed: (job) => job.run(() => large),
        failed: (job) => job.fail({ code: 'x', message: 'x' }, large),
        aborted: ({ streamId }) => two.manager.abortJob(streamId),
        replaced: ({ streamId }) => h.start(two, { streamId }),
      };
      for (const [streamId, end] of Object.entries(ends)) {
        const job = await h.start(one, { streamId });
        const live = h.follow(two, { generation: job.generation }, streamId);
        await h.until(() => live.events.length === 1, 'it follows');
        for (let n = 0; n < 3; n++) job.emit(text('a'));
        await job.flush();
        await end(job);
        const late = h.follow(one, { generation: job.generation }, streamId);
        const synced = h.follow(one, { generation: job.generation, resume: true }, streamId);
        for (const follower of [live, late]) {
          const events = await h.finished(follower);
          expect(events.map(({ event }) => event).slice(0, 4)).toEqual(['created', 'text', 'text', 'text']);
          expect(dataOf<{ final: unknown }>(events.at(-1)).final, streamId).toEqual(large);
        }
        await h.finished(synced);
        expect(dataOf<{ end: { final: unknown } }>(synced.events[0]).end.final, streamId).toEqual(large);
      }
    },
  },
  {
    id: 'L34 P4',
    title:
      'a final that can’t be carried makes no failure of a finished answer: it is left out, told, logged and counted',
    async run(h) {
      const omissions: string[] = [];
      const logged: object[] = [];
      const ignore = () => {};
      const logger = {
        debug: ignore,
        info: ignore,
        warn: ignore,
        error: (fields: object) => logged.push(fields),
      };
      const replica = await h.replica({
        observer: { finalOmitted: (omission) => omissions.push(omission) },
        logger: logger as unknown as Logger,
      });
      const circular: Record<string, unknown> = {};
      circular.self = circular;
      const finals: [string, string, unknown][] = [
        ['large', 'too_large', 'x'.repeat(4 * 1024 * 1024)],
        ['wide', 'too_large', 'ä'.repeat(2.5 * 1024 * 1024)],
        ['deep', 'too_deep', JSON.parse('['.repeat(80) + ']'.repeat(80))],
        ['circular', 'no_json', circular],
        ['bigint', 'no_json', { count: 1n }],
        ['function', 'no_json', () => {}],
        [
          'toJSON',
          'no_json',
          {
            toJSON: () => {
              throw new Error('x');
            },
          },
        ],
      ];
      for (const [streamId, , final] of finals) {
        const job = await h.start(replica, { streamId });
        expect(await h.soon(job.run(() => final))).toEqual({ reason: 'completed' });
        expect((await h.log(streamId)).at(-1)).toMatchObject({
          event: 'completed',
          data: { finalOmitted: true },
        });
        const [record] = await h.store.read(job.key, 'current');
        expect(record).toMatchObject({ status: 'completed' });
        expect(record?.error).toBeUndefined();
      }
      const expected = finals.map(([, omission]) => omission);
      expect(omissions).toEqual(expected);
      expect(logged).toMatchObject(finals.map(([streamId, omission]) => ({ streamId, omission })));
      const failed = await h.start(replica, { streamId: 'failed' });
      await failed.fail({ code: 'own', message: 'm'.repeat(500_000), retryable: true }, circular);
      expect((await h.log('failed')).at(-1)).toMatchObject({
        event: 'failed',
        data: { code: 'own', message: 'm'.repeat(4096), retryable: true, finalOmitted: true },
      });
    },
  },
];
