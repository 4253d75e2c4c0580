/**
 * Messages to a generation that works, through managers: sent from any replica, taken by the producer wherever it runs, seen by
 * every follower where they took effect, and handed back when they never did.
 */
import {
  type ContentModel,
  type GenerationJob,
  GenerationJobError,
  type JobRecord,
  type TakenMessage,
} from 'generation-jobs';
import { DEAF, lossyTransport, wrapStore } from 'generation-jobs/testing';
import { text } from './follower.js';
import { AT_ONCE_MS, type Contract, codeOf, expectCode, RENEWS_SELDOM, rejection, TIMES } from './harness.js';
import { HeldEnds } from './held-ends.js';
import { expect } from './tools.js';

const refuse = (code: string, call: () => Promise<unknown>) => expectCode(call(), code);
const idsOf = (messages: readonly { readonly messageId: string }[]) =>
  messages.map(({ messageId }) => messageId);

const IF_EMPTY = { ifInboxEmpty: true } as const;
/** It takes the later of two neighbours for both, whatever the first was. */
const FORGETFUL: ContentModel<object> = {
  ...{ name: 'forgetful', initial: () => ({}), fold: (content) => content },
  merge: (_earlier, later) => later,
};

export const messageContracts: readonly Contract[] = [
  {
    id: 'L104',
    title:
      'what is sent on another replica is heard of by the producer at once, and taken in order; each is an event that all followers get',
    async run(h) {
      const [one, two] = await h.two({ options: RENEWS_SELDOM });
      const job = await h.start(one);
      const follower = h.follow(two);
      void job.emit(text('a'));
      await h.soon(job.flush());
      expect([job.inbox.waiting, await job.inbox.take(), await job.inbox.peek()]).toEqual([0, null, []]);
      const arrival = job.inbox.arrived();
      const heard: number[] = [];
      const leave = job.inbox.watch(() => void heard.push(job.inbox.waiting));
      const first = await h.soon(
        two.manager.inbox.send('s', { userId: 'u', message: { text: 'b' }, by: 'ann' }),
      );
      expect(first).toMatchObject({ generation: job.generation, position: 1, created: true });
      expect(await h.soon(arrival)).toBe(true);
      const second = await h.soon(
        one.manager.inbox.send('s', { generation: job.generation, message: 'c', kind: 'preempt' }),
      );
      expect(second.position).toBe(2);
      expect([job.inbox.waiting, heard]).toEqual([2, [1, 2]]);
      leave();
      expect(idsOf(await h.soon(job.inbox.peek()))).toEqual([first.messageId, second.messageId]);
      const taken: (TakenMessage | null)[] = [];
      void job.emit(text('d'));
      taken.push(await h.soon(job.inbox.take()));
      void job.emit(text('e'));
      taken.push(await h.soon(job.inbox.take()), await h.soon(job.inbox.take()));
      expect(taken).toMatchObject([
        { messageId: first.messageId, kind: 'steer', message: { text: 'b' }, by: 'ann', edits: 0 },
        { messageId: second.messageId, kind: 'preempt', message: 'c' },
        null as never,
      ]);
      expect(taken[0]).not.toHaveProperty('taking');
      await h.soon(job.complete());
      await h.finished(follower);
      const logged = follower.events.filter(({ event }) => event !== 'inbox');
      expect(logged.map(({ event, data }) => [event, data])).toEqual([
        ['created', { created: null }],
        ['text', { text: 'a' }],
        ['text', { text: 'd' }],
        ['message', taken[0]],
        ['text', { text: 'e' }],
        ['message', taken[1]],
        ['completed', { final: null }],
      ]);
      expect((await h.log()).map(({ event }) => event)).toEqual(logged.map(({ event }) => event));
      await refuse('generation_ended', () => two.manager.inbox.send('s', { message: 1 }));
      expect([await job.inbox.arrived(), job.inbox.waiting]).toEqual([false, 0]);
      expect(codeOf(await rejection(job.inbox.take()))).toBe('job_ended');
    },
  },
  {
    id: 'L104',
    title: 'a lost announcement costs the producer one renewal',
    async run(h) {
      const one = await h.replica({ wrapTransport: (inner, clock) => lossyTransport(inner, clock, DEAF) });
      const two = await h.replica({ wrapTransport: (inner, clock) => lossyTransport(inner, clock, DEAF) });
      const job = await h.start(one);
      const taken: unknown[] = [];
      const producing = job.run(async () => {
        for await (const { message } of job.inbox) {
          taken.push(message);
          if (taken.length === 2) return;
        }
      });
      await h.soon(two.manager.inbox.send('s', { message: 1 }));
      await h.until(() => taken.length === 1, 'the renewal tells of it', TIMES.renewMs * 3);
      await h.soon(two.manager.inbox.send('s', { message: 2 }));
      await h.soon(producing);
      expect(taken).toEqual([1, 2]);
      expect(await two.manager.getJob('s')).toMatchObject({ status: 'completed', inbox: [], unsent: [] });
    },
  },
  {
    id: 'L104',
    title: 'who may not, where nothing is, and what is malformed: refused by name, and nothing is accepted',
    async run(h) {
      const options = {
        limits: { messageBytes: 100, inboxMessages: 1, generationMessages: 2, jsonDepth: 3 },
      };
      const counted: string[] = [];
      const observer = { messageSent: (result: string) => void counted.push(result) };
      const replica = await h.replica({ options, observer });
      const { inbox } = replica.manager;
      const job = await h.start(replica);
      const send = (input: object) => inbox.send('s', { message: 1, ...input } as never);
      for (const [code, input] of [
        ['stream_not_found', { userId: 'v' }],
        ['stream_not_found', { tenantId: 't' }],
        ['stream_not_found', { generation: 7 }],
        ['invalid_argument', { message: undefined }],
        ['invalid_argument', { message: () => {} }],
        ['invalid_argument', { kind: '' }],
        ['invalid_argument', { kind: 'a b' }],
        ['invalid_argument', { idempotencyKey: '' }],
        ['invalid_argument', { idempotencyKey: 'k'.repeat(257) }],
        ['invalid_argument', { by: '\ud800' }],
        ['invalid_argument', { mesage: 1 }],
        ['invalid_argument', { generation: 0 }],
        ['message_too_large', { message: 'x'.repeat(99) }],
        ['json_too_deep', { message: [[[[1]]]] }],
      ] as const)
        await refuse(code, () => send(input));
      await refuse('stream_not_found', () => inbox.send('none', { message: 1 }));
      await refuse('invalid_stream_id', () => inbox.send('', { message: 1 }));
      expect(await replica.manager.getJob('s')).toMatchObject({ inbox: [], revision: 0 });
      const { messageId } = await h.soon(send({ idempotencyKey: 'k' }));
      const again = await h.soon(send({ idempotencyKey: 'k', message: 2 }));
      expect(again).toEqual({ messageId, generation: job.generation, position: 1, created: false });
      await refuse('inbox_full', () => send({}));
      await refuse('message_taken', () => inbox.edit('s', { messageId: 'none', message: 1 }));
      await refuse('message_too_large', () => inbox.edit('s', { messageId, message: 'x'.repeat(99) }));
      await refuse('stream_not_found', () => inbox.edit('s', { messageId, message: 2, userId: 'v' }));
      await refuse('stream_not_found', () => inbox.cancel('s', { messageId, userId: 'v' }));
      await refuse('stream_not_found', () => inbox.claim('s', { userId: 'v' }));
      await refuse('invalid_argument', () => inbox.claim('s', { claimId: 'a b' }));
      await h.soon(inbox.edit('s', { messageId, message: 'edited', userId: 'u' }));
      expect(await h.soon(job.inbox.peek())).toMatchObject([{ messageId, message: 'edited', edits: 1 }]);
      await h.soon(inbox.cancel('s', { messageId, userId: 'u' }));
      expect([job.inbox.waiting, await h.soon(job.inbox.take())]).toEqual([0, null]);
      await h.soon(send({}));
      await h.soon(job.inbox.take());
      await refuse('inbox_full', () => send({}));
      expect(await h.soon(inbox.claim('s'))).toEqual([]);
      await h.soon(job.complete());
      expect(counted.filter((result) => result === 'failed')).toHaveLength(9);
      expect(counted.filter((result) => result !== 'failed').sort()).toEqual(
        [
          ...['accepted', 'accepted', 'full', 'full', 'not_found', 'not_found', 'not_found', 'not_found'],
          ...['repeated', 'too_large'],
        ].sort(),
      );
    },
  },
  {
    id: 'L105',
    title:
      'a take whose commit, or reservation, got no answer is made again and taken once; one that the store refuses ends the handle',
    async run(h) {
      const lost = { reserve: 2, take: 2, send: 1 };
      const replica = await h.replica({
        wrapStore: (store) =>
          wrapStore(store, async ({ method, args }, perform) => {
            const reply = await perform();
            const [commit] = args as [{ writer: string; takes?: unknown; step?: { name: string } }];
            if (method !== 'commit') return reply;
            const kind = commit.takes ? 'take' : commit.step?.name;
            if ((kind === 'reserve' || kind === 'take' || kind === 'send') && lost[kind]-- > 0)
              throw new GenerationJobError('unavailable', 'The answer was lost.');
            return reply;
          }),
      });
      const job = await h.start(replica);
      const { messageId } = await h.soon(replica.manager.inbox.send('s', { message: 1 }));
      await h.soon(replica.manager.inbox.send('s', { message: 2 }));
      void job.emit(text('a'));
      const takes = [job.inbox.take(), job.inbox.take()];
      void job.emit(text('b'));
      const taken = await h.soon(Promise.all(takes));
      expect(taken.map((one) => one?.message)).toEqual([1, 2]);
      expect(taken[0]?.messageId).toBe(messageId);
      await h.soon(job.flush());
      const log = (await h.log()).map(({ event, data }) =>
        event === 'message' ? (data as TakenMessage).message : event,
      );
      expect(log.filter((one) => typeof one === 'number')).toEqual([1, 2]);
      expect(log).toHaveLength(5);
      await h.soon(replica.manager.inbox.send('s', { message: 3 }));
      await h.store.commit({
        ...{ writer: 'other', key: job.key, generation: job.generation, name: 'abort', callId: 'x' },
        ...{ event: { event: 'aborted', data: '{"code":"aborted"}' }, settles: false },
      });
      const error = await rejection(h.soon(job.inbox.take()));
      expect([codeOf(error), job.reason]).toEqual(['job_ended', 'aborted']);
      expect((await replica.manager.getJob('s'))?.unsent).toMatchObject([{ message: 3 }]);
    },
  },
  {
    id: 'L105',
    title: 'a message that was taken stands by itself, whatever a content model makes of its neighbours',
    async run(h) {
      let isReserved = false;
      let letGo = () => {};
      const gone = new Promise<void>((resolve) => {
        letGo = resolve;
      });
      const replica = await h.replica({
        contentModels: [FORGETFUL as ContentModel<never>],
        wrapStore: (store) =>
          wrapStore(store, async ({ method, args }, perform) => {
            const [commit] = args as [{ writer?: string; step?: { name?: string } } | undefined];
            // What is emitted first is under way until then, so that the rest gathers behind it.
            if (method === 'commit' && commit?.writer === 'producer') await gone;
            const reply = await perform();
            isReserved ||= commit?.step?.name === 'reserve';
            return reply;
          }),
      });
      const job = await h.start(replica, { contentModel: 'forgetful', merge: true });
      const { messageId } = await h.soon(replica.manager.inbox.send('s', { message: 1 }));
      void job.emit(text('a'));
      const taking = job.inbox.take();
      await h.until(() => isReserved, 'it is reserved');
      await h.rest();
      for (const said of ['b', 'c']) void job.emit(text(said));
      letGo();
      expect(await h.soon(taking)).toMatchObject({ messageId });
      await h.soon(job.complete());
      const log = await h.log();
      expect(log.map(({ event }) => event)).toEqual(['created', 'text', 'message', 'text', 'completed']);
      expect(log.slice(1, 4).map(({ data }) => data)).toMatchObject([
        { text: 'a' },
        { messageId },
        { text: 'c' },
      ]);
    },
  },
  {
    id: 'L105',
    title:
      'an iteration over the inbox takes what comes while it waits, and ends with the handle, whoever ends it',
    async run(h) {
      const [one, two] = await h.two({ options: RENEWS_SELDOM });
      const job = await h.start(one);
      const taken: unknown[] = [];
      const iterating = (async () => {
        for await (const { message } of job.inbox) taken.push(message);
      })();
      for (const message of ['a', 'b', 'c']) {
        await h.soon(two.manager.inbox.send('s', { message }));
        await h.until(() => taken.at(-1) === message, 'it is taken');
      }
      await h.soon(two.manager.abortJob('s'));
      await h.soon(iterating);
      expect(taken).toEqual(['a', 'b', 'c']);
      expect(await two.manager.getJob('s')).toMatchObject({ status: 'aborted', unsent: [] });
    },
  },
  {
    id: 'L106',
    title:
      'complete with ifInboxEmpty is refused when something came meanwhile, the job goes on, and nothing emitted is lost',
    async run(h) {
      const [one, two] = await h.two({ options: RENEWS_SELDOM });
      const job = await h.start(one);
      const options = { ifInboxEmpty: true };
      const { messageId } = await h.soon(two.manager.inbox.send('s', { message: 1 }));
      void job.emit(text('a'));
      void job.update({ metadata: { m: 1 } });
      const refused = rejection(job.complete('early', options));
      expect(() => void job.emit(text('x'))).toThrow();
      expect(codeOf(await h.soon(refused))).toBe('inbox_not_empty');
      expect([job.isOver, job.inbox.waiting]).toEqual([false, 1]);
      void job.emit(text('b'));
      await h.soon(job.flush());
      expect(await h.soon(job.inbox.take())).toMatchObject({ messageId });
      void job.emit(text('c'));
      await h.soon(job.complete('done', options));
      expect((await h.log()).map(({ event, data }) => [event, (data as { text?: string }).text])).toEqual([
        ['created', undefined],
        ['text', 'a'],
        ['text', 'b'],
        ['message', undefined],
        ['text', 'c'],
        ['completed', undefined],
      ]);
      expect(await two.manager.getJob('s')).toMatchObject({ status: 'completed', metadata: { m: 1 } });
      await refuse('invalid_argument', () => job.complete(null, { ifEmpty: true } as never));
    },
  },
  {
    id: 'L106',
    title:
      'while such an end is on its way, whatever rests on whether the job is over waits for the answer, and goes on when it is refused',
    async run(h) {
      const ends = new HeldEnds();
      const wrapStore = (store: Parameters<HeldEnds['wrap']>[0]) => ends.wrap(store, 'call');
      const replica = await h.replica({ options: RENEWS_SELDOM, wrapStore });
      const job = await h.start(replica);
      const taken: unknown[] = [];
      const iterating = (async () => {
        for await (const { message } of job.inbox) taken.push(message);
      })();
      const refused = rejection(job.complete('early', IF_EMPTY));
      await h.until(() => ends.held === 1, 'it is on its way');
      await h.soon(replica.manager.inbox.send('s', { message: 1 }));
      const waiting = Promise.all([
        job.once('k', () => 'made'),
        job.update({ metadata: { m: 1 } }),
        job.inbox.peek(),
      ]);
      await h.rest();
      expect([job.isOver, taken]).toEqual([false, []]);
      ends.letGo();
      expect(codeOf(await h.soon(refused))).toBe('inbox_not_empty');
      const [once, isUpdated] = await h.soon(waiting);
      expect([once, isUpdated]).toEqual([{ outcome: 'called', result: 'made' }, true]);
      await h.until(() => taken.length === 1, 'it is taken');
      await h.soon(job.complete('done', IF_EMPTY));
      await h.soon(iterating);
      expect(taken).toEqual([1]);
      const record = await replica.manager.getJob('s');
      expect(record).toMatchObject({ status: 'completed', metadata: { m: 1 }, unsent: [] });
    },
  },
  {
    id: 'L106',
    title: 'a producer that throws while such an end is on its way has failed once that is refused',
    async run(h) {
      const ends = new HeldEnds();
      const replica = await h.replica({
        ...{ options: RENEWS_SELDOM, wrapStore: (store) => ends.wrap(store, 'call') },
      });
      const job = await h.start(replica);
      const ran = job.run(async () => {
        job.complete(null, IF_EMPTY).catch(() => undefined);
        await replica.manager.inbox.send('s', { message: 1 });
        throw new Error('a mistake of the host');
      });
      await h.until(() => ends.held === 1 && job.inbox.waiting === 1, 'it is heard of');
      await h.rest();
      ends.letGo();
      expect(await h.soon(ran)).toMatchObject({ reason: 'failed' });
      expect([job.isOver, job.reason]).toEqual([true, 'failed']);
      expect(await replica.manager.getJob('s')).toMatchObject({ status: 'failed', unsent: [{ message: 1 }] });
    },
  },
  {
    id: 'L106',
    title: 'a stop by others while the refusal of such an end is on its way holds as soon as that is here',
    async run(h) {
      const ends = new HeldEnds();
      const one = await h.replica({
        ...{ options: RENEWS_SELDOM, wrapStore: (store) => ends.wrap(store, 'answer') },
      });
      const two = await h.replica({ options: RENEWS_SELDOM });
      const job = await h.start(one);
      await h.soon(two.manager.inbox.send('s', { message: 1 }));
      const refused = rejection(job.complete(null, IF_EMPTY));
      await h.until(() => ends.held === 1, 'it is refused');
      const looks = one.calls.renew ?? 0;
      await h.soon(two.manager.abortJob('s'));
      await h.until(() => (one.calls.renew ?? 0) > looks, 'it is told of the stop');
      await h.rest();
      ends.letGo();
      expect(codeOf(await h.soon(refused))).toBe('inbox_not_empty');
      await h.until(() => job.isOver, 'it is stopped', AT_ONCE_MS);
      expect(job.reason).toBe('aborted');
    },
  },
  {
    id: 'L107',
    title:
      'what waits goes through a pause to the resumed attempt; what was sent while it was paused as well',
    async run(h) {
      const [one, two] = await h.two({ options: RENEWS_SELDOM });
      const job = await h.start(one);
      await h.soon(two.manager.inbox.send('s', { message: 1 }));
      await h.soon(job.pause({ type: 'checkpoint', actionId: 'q' }));
      const sent = await h.soon(two.manager.inbox.send('s', { message: 2 }));
      expect(sent).toMatchObject({ position: 2, generation: job.generation });
      expect(await two.manager.getPublicState('s')).toMatchObject({
        status: 'requires_action',
        inbox: [{ message: 1 }, { message: 2 }],
        unsent: [],
      });
      const { job: next } = await h.soon(two.manager.approvals.resolve('s', { actionId: 'q', by: 'u' }));
      expect([next.inbox.waiting, await next.inbox.arrived()]).toEqual([2, true]);
      expect((await h.soon(next.inbox.take()))?.message).toBe(1);
      expect((await h.soon(next.inbox.take()))?.message).toBe(2);
      await h.soon(next.complete());
    },
  },
  ...(['continue', 'restart'] as const).map(
    (recoverMode): Contract => ({
      id: 'L107',
      title: `a take-over in the mode ${recoverMode} ${recoverMode === 'restart' ? 'is given what was taken again, in order, and once' : 'leaves what was taken where it is in the log, and is told of it'}`,
      timesLapse: true,
      async run(h) {
        const taken: unknown[] = [];
        const before: unknown[] = [];
        const hooks = {
          recoverMode,
          recover: async (job: GenerationJob) => {
            for (const { message, attempt } of await job.inbox.taken()) before.push({ message, attempt });
            for await (const { message } of job.inbox) if (taken.push(message) && message === 3) return;
          },
        };
        const doomed = await h.replica();
        const other = await h.replica({ hooks });
        const job = await h.start(doomed, { contentModel: 'text' });
        for (const message of [1, 2, 3]) await h.soon(other.manager.inbox.send('s', { message }));
        await h.until(() => job.inbox.waiting > 0, 'it has heard of them');
        await h.soon(job.inbox.take());
        await h.soon(job.inbox.take());
        expect(await h.soon(job.inbox.taken()), 'of earlier attempts').toEqual([]);
        await doomed.crash();
        await h.until(
          async () => (await other.manager.getJob('s'))?.status === 'completed',
          'it is done',
          9_000,
        );
        expect(taken).toEqual(recoverMode === 'restart' ? [1, 2, 3] : [3]);
        const first = { attempt: 1 };
        expect(before).toEqual(
          recoverMode === 'restart'
            ? []
            : [
                { message: 1, ...first },
                { message: 2, ...first },
              ],
        );
        const log = (await h.log()).flatMap(({ event, data }) =>
          event === 'message' ? `${(data as TakenMessage).message}` : event === 'recovered' ? event : [],
        );
        const again = recoverMode === 'restart' ? ['1', '2', '3'] : ['3'];
        expect(log).toEqual(['1', '2', 'recovered', ...again]);
        expect(await other.manager.getJob('s')).toMatchObject({ inbox: [], unsent: [] });
      },
    }),
  ),
  {
    id: 'L107',
    title:
      'what never took effect is in the answer to the stop, in what is settled, in the state, and is claimed by one of two',
    async run(h) {
      const settled: JobRecord[] = [];
      const counts: number[] = [];
      const [one, two] = await h.two({
        options: RENEWS_SELDOM,
        hooks: { settle: ({ record }) => void settled.push(record) },
        observer: { messagesUnsent: (count) => void counts.push(count) },
      });
      const job = await h.start(one);
      await h.soon(two.manager.inbox.send('s', { message: 1, by: 'ann' }));
      await h.soon(two.manager.inbox.send('s', { message: 2 }));
      await h.until(() => job.inbox.waiting > 0, 'it has heard of them');
      await h.soon(job.inbox.take());
      const stopped = await h.soon(two.manager.abortJob('s', { wait: 'settled' }));
      expect(stopped.record.unsent).toMatchObject([{ message: 2 }]);
      await h.until(() => settled.length > 0, 'the settlement');
      expect(settled[0]?.unsent).toEqual(stopped.record.unsent);
      expect(await one.manager.getPublicState('s')).toMatchObject({
        inbox: [],
        unsent: stopped.record.unsent,
      });
      expect(counts).toEqual([1]);
      const claims = await h.soon(
        Promise.all([one.manager.inbox.claim('s'), two.manager.inbox.claim('s', { userId: 'u' })]),
      );
      expect(claims.map(({ length }) => length).sort()).toEqual([0, 1]);
      expect(claims.flat()).toEqual(stopped.record.unsent);
      expect(await two.manager.getResumeState('s')).toMatchObject({ unsent: [] });
      // A replacement leaves its own, and the next generation begins with none.
      const replaced = await h.start(one);
      const claimId = 'tab-1';
      await h.soon(two.manager.inbox.send('s', { message: 3 }));
      const next = await h.start(one);
      expect(await two.manager.getJob('s')).toMatchObject({ inbox: [], unsent: [] });
      const { generation } = replaced;
      for (let n = 0; n < 2; n++)
        expect(await h.soon(two.manager.inbox.claim('s', { generation, claimId }))).toMatchObject([
          { message: 3 },
        ]);
      await h.soon(next.complete());
    },
  },
  {
    id: 'L108',
    title:
      'followers are told what waits as it is, by an event without a place; who begins with a sync has it in there',
    async run(h) {
      const [one, two] = await h.two({ options: RENEWS_SELDOM });
      const job = await h.start(one);
      const follower = h.follow(two);
      await h.until(() => follower.events.length === 1, 'it is attached');
      const told = () =>
        follower.events.flatMap(({ event, data }) =>
          event === 'inbox'
            ? [(data as { messages: { message: unknown }[] }).messages.map((one) => one.message)]
            : [],
        );
      const { messageId } = await h.soon(one.manager.inbox.send('s', { message: 'a' }));
      await h.until(() => told().length === 1, 'it is told');
      expect(follower.events.at(-1)).toMatchObject({
        cursor: `${job.generation}-1`,
        data: { messages: [{ messageId, message: 'a', kind: 'steer' }], revision: 1 },
      });
      await h.soon(one.manager.inbox.edit('s', { messageId, message: 'b' }));
      await h.until(() => told().length === 2, 'the edit is told');
      const second = await h.soon(two.manager.inbox.send('s', { message: 'c' }));
      await h.until(() => told().length === 3, 'the second is told');
      const synced = h.follow(one, { resume: true });
      await h.until(() => synced.events.length === 1, 'a sync');
      expect(synced.events[0]?.data).toMatchObject({
        inbox: [{ message: 'b' }, { message: 'c' }],
        unsent: [],
      });
      const late = h.follow(one, { after: `${job.generation}-1` });
      await h.until(() => late.events.length === 1, 'who comes later is told as well');
      expect(late.events[0]?.event).toBe('inbox');
      await h.soon(one.manager.inbox.cancel('s', { messageId: second.messageId }));
      await h.until(() => told().length === 4, 'that it was cancelled is told');
      await h.soon(job.inbox.take());
      await h.until(() => told().length === 5, 'that it was taken is told');
      expect(told()).toEqual([['a'], ['b'], ['b', 'c'], ['b'], []]);
      await h.soon(job.complete());
      for (const one of [follower, synced, late]) await h.finished(one);
      const logged = follower.names.filter((name) => name !== 'inbox');
      expect(logged).toEqual(['created', 'message', 'completed']);
    },
  },
];
