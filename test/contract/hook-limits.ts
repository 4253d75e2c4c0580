/**
 * Hooks that never answer: each costs what it was for once its time is over, whatever it says later is not heard, and
 * nobody else waits for it.
 */
import type { Hooks, JobRecord } from 'generation-jobs';
import { z } from 'zod';
import { dataOf, text } from './follower.js';
import { type Contract, expectCode, type Harness, TIMES } from './harness.js';
import { expect } from './tools.js';

const LIMITS = { hookMs: 300, describeEndMs: 150 } as const;

/** Answers that come when the test says so, or never. */
class Hanging {
  readonly #waiting: { resolve: (value: unknown) => void; reject: (error: unknown) => void }[] = [];

  readonly hook = (): Promise<never> =>
    new Promise((resolve, reject) => this.#waiting.push({ resolve: resolve as () => void, reject }));

  get asked(): number {
    return this.#waiting.length;
  }

  answerAll(value: unknown): void {
    for (const { resolve } of this.#waiting) resolve(value);
  }

  rejectAll(): void {
    for (const { reject } of this.#waiting) reject(new Error('too late'));
  }
}

async function replicaWith(h: Harness, hooks: Hooks, more: { options?: object; actionTypes?: [] } = {}) {
  const failed: string[] = [];
  const { options, ...rest } = more;
  const replica = await h.replica({
    ...rest,
    hooks,
    options: { ...LIMITS, ...options },
    observer: { hookFailed: (hook) => failed.push(hook) },
  });
  return { replica, failed };
}

export const hookLimitContracts: readonly Contract[] = [
  {
    id: 'L34 P4',
    title:
      'an end whose describeEnd does not answer in describeEndMs comes without final; a later answer is not heard',
    async run(h) {
      const hanging = new Hanging();
      const { replica, failed } = await replicaWith(h, { describeEnd: hanging.hook });
      for (const streamId of ['answers', 'rejects']) {
        await h.start(replica, { streamId });
        const aborting = replica.manager.abortJob(streamId);
        const startedAt = h.backend.clock.monotonic();
        expect(await h.soon(aborting, 'the abort', LIMITS.describeEndMs + 100)).toMatchObject({
          aborted: true,
        });
        expect(h.backend.clock.monotonic() - startedAt).toBeGreaterThanOrEqual(LIMITS.describeEndMs - 5);
      }
      hanging.answerAll('late');
      hanging.rejectAll();
      await h.rest();
      for (const streamId of ['answers', 'rejects']) {
        const log = await h.log(streamId);
        expect(log.at(-1)).toMatchObject({ event: 'aborted', data: { code: 'aborted' } });
        expect(log.at(-1)?.data).not.toHaveProperty('final');
      }
      expect(failed).toEqual(['describeEnd', 'describeEnd']);
    },
  },
  {
    id: 'L42 P5',
    title: 'streams that hang in a hook, as many as a sweep looks at, keep no other one waiting',
    async run(h) {
      const sweepStreams = 4;
      const hanging = new Hanging();
      const describeEnd = ({ streamId }: JobRecord) => (streamId === 'goes' ? 'said' : hanging.hook());
      const { replica } = await replicaWith(
        h,
        { describeEnd },
        { options: { sweepStreams, describeEndMs: 20_000, hookMs: 20_000 } },
      );
      for (let n = 0; n < sweepStreams; n++) {
        const job = await h.start(replica, { streamId: `hangs${n}` });
        await job.pause({ type: 'checkpoint', expiresInMs: 50 });
      }
      const job = await h.start(replica, { streamId: 'goes' });
      await job.pause({ type: 'checkpoint', expiresInMs: 100 });
      await h.until(() => hanging.asked === sweepStreams, 'they hang');
      const status = async () => (await replica.manager.getJob('goes'))?.status;
      await h.until(async () => (await status()) === 'aborted', 'the other one to expire');
      hanging.answerAll('late');
    },
  },
  {
    id: 'L39',
    title: 'a decision whose beforeResolve does not answer in hookMs is refused, and can be made again',
    async run(h) {
      const hanging = new Hanging();
      let asked = 0;
      const beforeResolve = () => (asked++ === 0 ? hanging.hook() : true);
      const { replica, failed } = await replicaWith(h, { beforeResolve });
      const job = await h.start(replica);
      const { actionId } = await job.pause({ type: 'checkpoint' });
      await expectCode(
        h.soon(replica.manager.approvals.resolve('s', { actionId, by: 'p' })),
        'action_refused',
      );
      hanging.answerAll(true);
      await h.rest();
      expect((await replica.manager.getJob('s'))?.status).toBe('requires_action');
      expect(failed).toEqual(['beforeResolve']);
      const { job: next } = await h.soon(replica.manager.approvals.resolve('s', { actionId, by: 'p' }));
      await next.complete();
    },
  },
  {
    id: 'L39',
    title:
      'a schema of the host’s that does not answer in hookMs refuses a pause or a decision, and nothing has changed',
    async run(h) {
      const hanging = new Hanging();
      const slow = (value: unknown) => (value === 'hang' ? hanging.hook().then(() => true) : true);
      const schema = z.unknown().refine(slow);
      const types = [{ type: 'own', payload: schema, response: schema }];
      const { replica } = await replicaWith(h, {}, { actionTypes: types as unknown as [] });
      const job = await h.start(replica);
      await expectCode(h.soon(job.pause({ type: 'own', payload: 'hang' })), 'hook_timed_out');
      expect(job.isOver).toBe(false);
      const { actionId } = await job.pause({ type: 'own', payload: 'shown' });
      const decide = (response: string) =>
        h.soon(replica.manager.approvals.resolve('s', { actionId, by: 'p', response }));
      await expectCode(decide('hang'), 'hook_timed_out');
      hanging.answerAll(undefined);
      await (await decide('said')).job.complete();
    },
  },
  {
    id: 'F1 P5',
    title: 'a take-over whose recoverMode does not answer in hookMs starts the answer over',
    timesLapse: true,
    async run(h) {
      const hanging = new Hanging();
      const doomed = await h.replica();
      const { replica, failed } = await replicaWith(h, {
        recoverMode: hanging.hook as unknown as () => 'continue',
        recover: () => 'recovered',
      });
      const job = await h.start(doomed);
      job.emit(text('half'));
      await job.flush();
      await doomed.crash();
      const events = await h.finished(h.follow(replica));
      expect(events.map(({ event }) => event)).toEqual(['created', 'text', 'recovered', 'completed']);
      expect(dataOf<{ restart: boolean }>(events[2]).restart).toBe(true);
      expect(failed).toEqual(['recoverMode']);
      hanging.answerAll('continue');
      await h.rest();
    },
  },
  {
    id: 'A15',
    title:
      'metadata is shown as nothing when publicMetadata rejects or does not answer in hookMs, and as said when it does',
    async run(h) {
      const hanging = new Hanging();
      const answers: Record<string, () => unknown> = {
        hangs: hanging.hook,
        rejects: () => Promise.reject(new Error('x')),
        says: async () => ({ title: 'shown' }),
      };
      const publicMetadata = ({ streamId }: JobRecord) => answers[streamId]?.() as Promise<{ title: string }>;
      const { replica, failed } = await replicaWith(h, { publicMetadata });
      for (const [streamId, metadata] of [
        ['hangs', {}],
        ['rejects', {}],
        ['says', { title: 'shown' }],
      ] as const) {
        const job = await h.start(replica, { streamId, metadata: { title: 'secret' } });
        const follower = h.follow(replica, { resume: true }, streamId);
        await h.until(() => follower.events.length === 1, 'the sync', LIMITS.hookMs + 200);
        expect(dataOf<{ metadata: unknown }>(follower.events[0]).metadata, streamId).toEqual(metadata);
        expect(await h.soon(replica.manager.getPublicState(streamId))).toMatchObject({ metadata });
        await job.complete();
        await h.finished(follower);
      }
      hanging.rejectAll();
      await h.rest();
      expect(failed).toEqual(['publicMetadata', 'publicMetadata', 'publicMetadata', 'publicMetadata']);
    },
  },
  {
    id: 'L51',
    title:
      'a deletion is done although onDeleted never answers, and a manager closes although onFollowersGone does not',
    async run(h) {
      const hanging = new Hanging();
      const { replica, failed } = await replicaWith(h, {
        onDeleted: hanging.hook,
        onFollowersGone: hanging.hook,
      });
      await h.start(replica);
      const follower = h.follow(replica);
      await h.until(() => follower.events.length === 1, 'it follows');
      follower.leave();
      await h.until(() => failed.length === 1, 'nobody waits for onFollowersGone', LIMITS.hookMs + 200);
      expect(await h.soon(replica.manager.deleteUser({ userId: 'u' }), 'deleted', LIMITS.hookMs + 200)).toBe(
        1,
      );
      expect(failed).toEqual(['onFollowersGone', 'onDeleted']);
      hanging.rejectAll();
      await h.rest();
    },
  },
  {
    id: 'L35',
    title: 'settle and recover have no limit but their claim and their lease',
    timesLapse: true,
    async run(h) {
      const settling = new Hanging();
      const recovering = new Hanging();
      const hooks = { settle: settling.hook, recover: recovering.hook };
      const doomed = await h.replica();
      const { replica, failed } = await replicaWith(h, hooks);
      await h.start(doomed, { streamId: 'lost' });
      await doomed.crash();
      await (await h.start(replica, { streamId: 'ended' })).complete();
      await h.until(() => settling.asked === 1 && recovering.asked === 1, 'both are under way');
      await h.advance(LIMITS.hookMs + TIMES.settleClaimMs + TIMES.leaseMs);
      expect([settling.asked, recovering.asked, failed]).toEqual([1, 1, []]);
      settling.answerAll(undefined);
      recovering.answerAll('recovered');
      const state = async (streamId: string) => (await replica.manager.getJob(streamId))?.settlement.state;
      await h.until(async () => (await state('ended')) === 'settled', 'it settles');
      await h.until(async () => (await replica.manager.getJob('lost'))?.status === 'completed', 'it ends');
      settling.answerAll(undefined);
      await h.until(async () => settling.asked === 2, 'the other settlement');
      settling.answerAll(undefined);
    },
  },
];
