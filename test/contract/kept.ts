/**
 * What a stream keeps beside its current generation, read for who asks.
 */
import type { GenerationJob, GenerationSummary } from 'generation-jobs';
import { text } from './follower.js';
import { type Contract, expectCode, TIMES } from './harness.js';
import { expect } from './tools.js';

const SECRETS = { metadata: { secret: 'in the metadata' }, created: { secret: 'in the beginning' } };

export const keptContracts: readonly Contract[] = [
  {
    id: 'L72',
    title:
      'the generations of a stream are listed newest first, each with what became of it and nothing in it',
    async run(h) {
      let settles = Promise.resolve();
      let release = () => {};
      const [one, two] = await h.two({
        hooks: { settle: ({ record }) => (record.status === 'aborted' ? settles : undefined) },
      });
      expect(await one.manager.getGenerations('s')).toEqual([]);
      const made: GenerationJob[] = [];
      const start = async () => {
        const job = await h.start(one, { contentModel: 'text', conversationId: 'c', ...SECRETS });
        made.unshift(job);
        job.emit(text('secret'));
        return job;
      };
      await (await start()).complete({ secret: 'in the end' });
      await (await start()).fail({ code: 'model_down', message: 'later', retryable: true });
      settles = new Promise((resolve) => {
        release = resolve;
      });
      await start();
      await start(); // ends the one before
      const list = () => two.manager.getGenerations('s', { userId: 'u' });
      const states = async () => (await list()).map(({ status, settlement }) => `${status} ${settlement}`);
      const expected = ['running open', 'aborted settling', 'failed settled', 'completed settled'];
      await h.until(async () => String(await states()) === String(expected), 'a settlement under way');
      release();
      await h.until(async () => (await states())[1] === 'aborted settled', 'the settlement’s end');
      const listed = await list();
      expect(listed.map(({ generation }) => generation)).toEqual(made.map(({ generation }) => generation));
      const records = await h.store.read((made[0] as GenerationJob).key, 'kept');
      expect(listed).toEqual(
        records.map((record): Partial<GenerationSummary> => {
          const { generation, attempt, status, lastSequence, createdAt, endedAt, error } = record;
          return {
            ...{ generation, attempt, status, lastSequence, createdAt },
            ...(endedAt !== undefined && { endedAt }),
            ...(error !== undefined && { error }),
            ...{
              settlement: status === 'running' ? 'open' : 'settled',
              conversationId: 'c',
              contentModel: 'text',
            },
          };
        }),
      );
      expect(JSON.stringify(listed)).not.toMatch(/secret/);
      expect(await two.manager.getGenerations('s', { userId: 'thief' })).toEqual([]);
      expect(await two.manager.getGenerations('s', { tenantId: 'another' })).toEqual([]);
      await expectCode(two.manager.getGenerations('s', { user: 'u' } as never), 'invalid_argument');
      await made[0]?.complete();
    },
  },
  {
    id: 'L72',
    title: 'the newest answer that ended well is read whatever came after it, for as long as it is kept',
    timesLapse: true,
    async run(h) {
      const [one, two] = await h.two();
      const { manager } = two;
      const completed = { generation: 'completed' } as const;
      const read = async () => (await manager.getResumeState('s', completed))?.content;
      expect(await manager.getResumeState('s', completed)).toBeNull();
      const start = async (said: string) => {
        const job = await h.start(one, { contentModel: 'text', metadata: { hidden: 1 } });
        job.emit(text(said));
        return job;
      };
      const running = await start('never finished');
      expect(await manager.getResumeState('s', completed), 'one that runs is none').toBeNull();
      expect(await manager.getPublicState('s', completed)).toBeNull();
      await running.fail({ code: 'x', message: 'x' });
      const first = await start('first');
      await first.complete();
      const second = await start('second');
      await second.complete({ all: 'second' });
      await manager.abortJob('s', { generation: (await start('stopped')).generation });
      const current = await start('running');
      expect(await read()).toEqual({ text: 'second' });
      const state = await manager.getResumeState('s', completed);
      const { now: _, ...same } =
        (await manager.getResumeState('s', { generation: second.generation })) ?? {};
      expect(state).toMatchObject(same);
      expect(await manager.getPublicState('s', completed)).toMatchObject({
        generation: second.generation,
        metadata: {},
        end: { final: { all: 'second' } },
      });
      for (const access of [{ userId: 'thief' }, { tenantId: 'another' }]) {
        expect(await manager.getResumeState('s', { ...completed, ...access })).toBeNull();
        expect(await manager.getPublicState('s', { ...completed, ...access })).toBeNull();
      }
      await expectCode(manager.getResumeState('s', { generation: 'failed' as never }), 'invalid_argument');
      await expectCode(manager.getJob('s', { generation: 'completed' as never }), 'invalid_argument');
      await h.until(async () => (await read()) === undefined, 'retention', 2 * TIMES.retentionMs);
      expect(current.isOver).toBe(false);
      await current.complete();
      expect(await read()).toEqual({ text: 'running' });
    },
  },
];
