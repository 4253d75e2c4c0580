/**
 * What the host's own code does wrong: hooks that hang, content models that throw or make what JSON can't carry. It costs
 * what it was for, and nothing else.
 */
import { type ContentModel, type Hooks, JobFailureError, type JobRecord } from 'generation-jobs';
import { text } from './follower.js';
import { type Contract, codeOf, expectCode, rejection } from './harness.js';
import { expect } from './tools.js';

const FOLD = 'the fold';
function brokenFold(): never {
  throw new Error(FOLD);
}

function model(fold: (content: unknown) => unknown): ContentModel<never> {
  return { name: 'odd', initial: () => ({}), fold } as unknown as ContentModel<never>;
}

/** Hooks that throw an error of their own name. */
function brokenHooks(): Hooks {
  const breaks = (hook: string) => () => {
    throw new Error(hook);
  };
  return {
    describeEnd: breaks('describeEnd'),
    settle: breaks('settle'),
    beforeResolve: breaks('beforeResolve'),
    onDeleted: breaks('onDeleted'),
    publicMetadata: breaks('publicMetadata'),
    onFollowersGone: breaks('onFollowersGone'),
  };
}

export const hostCodeContracts: readonly Contract[] = [
  {
    id: 'L34 A15',
    title:
      'what a hook of the host throws reaches onError itself, with the hook and the generation it was for',
    async run(h) {
      const replica = await h.replica({ hooks: brokenHooks(), contentModels: [model(brokenFold)] });
      const job = await h.start(replica, { contentModel: 'odd' });
      const follower = h.follow(replica);
      await h.until(() => follower.events.length > 0, 'the first event');
      follower.leave();
      job.emit(text('x'));
      await h.soon(job.flush());
      const { actionId } = await job.pause({ type: 'checkpoint' });
      await expectCode(
        h.soon(replica.manager.approvals.resolve('s', { actionId, by: 'p' })),
        'action_refused',
      );
      await h.soon(replica.manager.abortJob('s'));
      await h.start(replica, { streamId: 'deleted' });
      await h.soon(replica.manager.getPublicState('deleted'));
      await h.soon(replica.manager.deleteStream('deleted'));
      const places = () => replica.reports.map(({ where }) => where);
      const expected = [
        ...['beforeResolve', 'contentModel', 'describeEnd', 'onDeleted'],
        ...['onFollowersGone', 'publicMetadata', 'settle'],
      ];
      await h.until(() => new Set(places()).size === expected.length, 'all are told');
      expect([...new Set(places())].sort()).toEqual(expected);
      for (const { where, error, record } of replica.reports) {
        const { message, cause } = error as Error;
        expect([where, ((cause as Error) ?? error).message]).toEqual([
          where,
          where === 'contentModel' || where === 'describeEnd' || where === 'settle' ? FOLD : where,
        ]);
        expect(message).toBeTruthy();
        expect(record?.streamId).toBe(where === 'onDeleted' || where === 'publicMetadata' ? 'deleted' : 's');
      }
    },
  },
  {
    id: 'L34 A15',
    title:
      'what a producer throws is the answer of run and reaches onError once; clients learn what was said on purpose',
    async run(h) {
      const replica = await h.replica();
      const failure = { code: 'too_rude', message: 'The model refused.', retryable: false };
      const unsaid = { code: 'producer_failed', message: 'The generation failed.', retryable: true };
      const cause = new Error('the provider');
      const thrown: [unknown, object, boolean][] = [
        [new TypeError('a mistake'), unsaid, true],
        [Object.assign(new Error('connect 10.0.0.1'), { code: 'ECONNREFUSED' }), unsaid, true],
        ['a word', unsaid, true],
        [failure, failure, false],
        [new JobFailureError(failure), failure, false],
        [new JobFailureError(failure, { cause }), failure, true],
        [Object.assign(new Error(failure.message), failure), failure, true],
      ];
      for (const [index, [error, told, isReported]] of thrown.entries()) {
        const streamId = `s${index}`;
        const job = await h.start(replica, { streamId });
        const end = await h.soon(
          job.run(() => {
            throw error;
          }),
        );
        expect(end).toEqual({ reason: 'failed', error });
        expect((await h.log(streamId)).at(-1)).toMatchObject({ event: 'failed', data: told });
        const reports = replica.reports.splice(0);
        expect(reports.map(({ where, record }) => [where, record?.streamId])).toEqual(
          isReported ? [['producer', streamId]] : [],
        );
        if (isReported) expect(reports[0]?.error).toBe(error);
      }
    },
  },
  {
    id: 'L42 P5',
    title: 'a hook that hangs for one stream keeps no other one from its end',
    async run(h) {
      let release = () => {};
      const hanging = new Promise<void>((resolve) => {
        release = resolve;
      });
      const describeEnd = ({ streamId }: JobRecord) =>
        streamId === 'hangs' ? hanging : Promise.resolve('said');
      const replica = await h.replica({ hooks: { describeEnd } });
      for (const streamId of ['hangs', 'goes']) {
        const job = await h.start(replica, { streamId });
        await job.pause({ type: 'checkpoint', expiresInMs: streamId === 'hangs' ? 50 : 400 });
      }
      const statusOf = async (streamId: string) => (await replica.manager.getJob(streamId))?.status;
      await h.until(async () => (await statusOf('goes')) === 'aborted', 'the other to expire');
      expect(await statusOf('hangs')).toBe('requires_action');
      release();
      await h.until(async () => (await statusOf('hangs')) === 'aborted', 'the first to expire');
    },
  },
  {
    id: 'L16 P4',
    title: 'content that JSON can’t carry costs its snapshots; the answer ends as it would',
    async run(h) {
      const failed: string[] = [];
      const replica = await h.replica({
        contentModels: [model(() => ({ big: 1n }))],
        options: { snapshotEvents: 2 },
        observer: { hookFailed: (hook) => failed.push(hook) },
      });
      const job = await h.start(replica, { contentModel: 'odd' });
      const follower = h.follow(replica);
      for (let n = 0; n < 10; n++) job.emit(text(n));
      await h.soon(job.flush());
      await h.soon(job.complete());
      await h.finished(follower);
      expect(follower.names.at(-1)).toBe('completed');
      expect(failed).toEqual(['contentModel']);
    },
  },
  {
    id: 'L30',
    title: 'a content model that throws is named at once, and takes no answer of an abort away',
    async run(h) {
      const broken = model(() => {
        throw new TypeError('a mistake');
      });
      const replica = await h.replica({ contentModels: [broken] });
      const job = await h.start(replica, { contentModel: 'odd' });
      job.emit(text('x'));
      await h.soon(job.flush());
      expect(codeOf(await rejection(h.soon(replica.manager.getResumeState('s'))))).toBe('internal');
      const { actionId } = await job.pause({ type: 'checkpoint' });
      await expectCode(h.soon(replica.manager.approvals.resolve('s', { actionId, by: 'p' })), 'internal');
      expect(await h.soon(replica.manager.abortJob('s'))).toMatchObject({ aborted: true, content: null });
    },
  },
  {
    id: 'L51',
    title: 'the host is told of each generation that a deletion removes, also when it was never settled',
    async run(h) {
      const deleted: string[] = [];
      const hooks = {
        onDeleted: ({ streamId, status }: JobRecord) => void deleted.push(`${streamId} ${status}`),
      };
      const replica = await h.replica({ hooks });
      const paused = await h.start(replica, { streamId: 'paused' });
      await paused.pause({ type: 'checkpoint' });
      const ended = await h.start(replica, { streamId: 'ended' });
      await ended.complete();
      await replica.manager.deleteStream('paused');
      expect(deleted).toEqual(['paused requires_action']);
      await replica.manager.deleteUser({ userId: ended.userId });
      expect(deleted).toEqual(['paused requires_action', 'ended completed']);
    },
  },
];
