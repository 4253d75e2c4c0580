/**
 * What becomes of an action over time: it expires once and everywhere, outlives its replica, may be followed by the next,
 * and is remembered. What is the host's stays with the host throughout.
 */
import type { Continuation, GenerationJob } from 'generation-jobs';
import { ASK, asked, expectDecided, keptOf, NO, resolveOn, YES } from './asking.js';
import { type Follower, text, textOf } from './follower.js';
import {
  AT_ONCE_MS,
  type Contract,
  codeOf,
  expectCode,
  type Harness,
  isTerminal,
  type Replica,
  rejection,
  TIMES,
} from './harness.js';
import { shuffled } from './seeded.js';
import { expect } from './tools.js';

const HOUR = 60 * 60_000;

const names = async (h: Harness, streamId = 's', generation?: number) =>
  (await h.log(streamId, generation)).map(({ event }) => event);

/** Nobody sweeps in time. */
const STILL = { leaseMs: 60_000, renewMs: 20_000, sweepMs: 60_000, approvalWindowMs: 60_000 };

export const pendingContracts: readonly Contract[] = [
  {
    id: 'L42 P7',
    title:
      'an action nobody answers expires once, on time, for followers on every replica and for those who come later',
    timesLapse: true,
    async run(h) {
      const replicas = await h.three();
      const job = await h.start(replicas[0]);
      const { actionId } = await job.pause({ type: 'checkpoint', expiresInMs: 500 });
      const followers = replicas.map((replica) => h.follow(replica));
      await h.advance(480);
      expect((await replicas[1].manager.getJob('s'))?.status).toBe('requires_action');
      await h.until(
        async () => (await replicas[1].manager.getJob('s'))?.status === 'aborted',
        'it expires',
        20 + TIMES.sweepMs,
      );
      const log = await h.log();
      expect(log.map((event) => event.event)).toEqual(['created', 'requires_action', 'aborted']);
      expect(log.at(-1)?.data).toMatchObject({ code: 'expired' });
      for (const follower of [...followers, h.follow(replicas[2])])
        expect(await h.finished(follower)).toEqual(log);
      await expectCode(
        replicas[1].manager.approvals.resolve('s', { actionId, decisions: [], by: 'p' }),
        'action_expired',
      );
    },
  },
  {
    id: 'L44 P1',
    title: 'pause, resume, pause again, five times over three replicas, into one log',
    async run(h) {
      const replicas = await h.three({ options: { limits: { activeJobsPerUser: 1 } } });
      let job = await h.start(replicas[0], { contentModel: 'text' });
      const follower = h.follow(replicas[2]);
      for (let round = 1; round <= 5; round++) {
        job.emit(text(round));
        const { actionId } = await job.pause({ type: 'checkpoint', resumeContext: { round } });
        await h.rest();
        const { manager } = replicas[round % 3] ?? replicas[0];
        const resolved = await manager.approvals.resolve('s', { actionId, decisions: [], by: `p${round}` });
        expect(resolved.continuation).toMatchObject({
          resumeContext: { round },
          content: { text: '12345'.slice(0, round) },
        });
        expect(resolved.job.attempt).toBe(round + 1);
        job = resolved.job;
      }
      await job.complete();
      expect(await h.finished(follower)).toEqual(await h.log());
      const record = await replicas[1].manager.getJob('s');
      expect(record).toMatchObject({ attempt: 6, recoveries: 0, status: 'completed' });
      expect(record?.resolutions.map((resolution) => resolution.by)).toEqual(['p1', 'p2', 'p3', 'p4', 'p5']);
    },
  },
  {
    id: 'L42 L39 F32 P7',
    title:
      'at its deadline three replicas look and two people decide at once, a hundred times: it has one outcome, and everybody knows it',
    async run(h) {
      const replicas = await h.three({ ...h.delayed, options: { sweepMs: 900 } });
      const outcomes = new Set<string>();
      for (let round = 0; round < h.backend.rounds / 10; round++) {
        const streamId = `s${round}`;
        const expiresInMs = 100;
        const { actionId } = await asked(h, replicas[0], { streamId, expiresInMs });
        await h.advance(expiresInMs - 10 + (round % 20));
        const expire = replicas.map(
          ({ manager }) =>
            () =>
              manager.approvals.expire(streamId).then((won) => (won ? 'expired' : 'no')),
        );
        const decide = [replicas[1], replicas[2]].map(
          (replica) => () =>
            resolveOn(replica as Replica, { actionId }, streamId)
              .then(({ job }) => job.complete())
              .then(() => 'decided', codeOf),
        );
        const told = await h.soon(
          Promise.all(shuffled(h.random, [...expire, ...decide]).map((call) => call())),
        );
        const won = told.filter((one) => one === 'expired' || one === 'decided');
        const log = await names(h, streamId);
        const context = `round ${round}: ${told.join(', ')}; ${log.join(' ')}`;
        const [outcome] = won;
        if (outcome === undefined) {
          // Nobody's submit came late enough to end it, and none was early enough to count: a sweep will.
          expect(log, context).toEqual(expect.not.arrayContaining(['resumed']));
        } else {
          outcomes.add(outcome);
          expect(won, context).toHaveLength(1);
          expect(log.slice(2), context).toEqual(
            outcome === 'expired' ? ['aborted'] : ['resumed', 'completed'],
          );
          const loss = outcome === 'expired' ? 'action_expired' : 'action_decided';
          for (const one of told) expect(['no', outcome, loss], context).toContain(one);
        }
        await replicas[0].manager.deleteStream(streamId);
      }
      if (h.backend.jump) expect([...outcomes].toSorted()).toEqual(['decided', 'expired']);
    },
  },
  {
    id: 'L42 L39 F32',
    title:
      'an action that expired is refused as such for as long as it is kept, and never touches the next generation',
    timesLapse: true,
    async run(h) {
      const [one, two] = await h.two();
      const { job: old, actionId } = await asked(h, one, { expiresInMs: 200 });
      await h.until(async () => (await names(h)).at(-1) === 'aborted', 'it expires', 200 + 2 * TIMES.sweepMs);
      const late = () => h.soon(resolveOn(two, { actionId }));
      await expectCode(late(), 'action_expired');
      const next = await asked(h, one);
      for (const state of ['paused', 'running', 'completed']) {
        if (state === 'running') await resolveOn(one, next);
        if (state === 'completed') await two.manager.abortJob('s');
        await h.rest();
        // The stopped producer says that it has left.
        const hasLeft = async () => (await two.manager.getJob('s'))?.producerLeft === true;
        if (state === 'completed') await h.until(hasLeft, 'its producer has left');
        const before = await keptOf(h, next.job);
        await expectCode(late(), 'action_expired');
        expect(await two.manager.approvals.expire('s', { actionId }), state).toBe(false);
        expect(await two.manager.approvals.expire('s', { actionId }), state).toBe(false);
        if (state !== 'running') expect(await keptOf(h, next.job), state).toEqual(before);
        expect((await two.manager.getJob('s'))?.status).toBe(
          { paused: 'requires_action', running: 'running', completed: 'aborted' }[state],
        );
      }
      expect((await names(h, 's', old.generation)).filter((name) => name === 'aborted')).toHaveLength(1);
    },
  },
  {
    id: 'L42 P8',
    title:
      'a submit that comes too late ends what it was about, at once and once, for its owner and for nothing else',
    async run(h) {
      const [one, two] = await h.two({ options: STILL });
      const { actionId } = await asked(h, one, { expiresInMs: 600 });
      const follower = h.follow(two);
      expect(await two.manager.approvals.expire('s'), 'too early').toBe(false);
      expect((await two.manager.getJob('s'))?.status).toBe('requires_action');
      await h.advance(620);
      expect(await two.manager.approvals.expire('s', { actionId: 'other' })).toBe(false);
      await expectCode(two.manager.approvals.expire('s', { userId: 'v' }), 'stream_not_found');
      await expectCode(two.manager.approvals.expire('s', { tenantId: 't' }), 'stream_not_found');
      await expectCode(two.manager.approvals.expire('none'), 'stream_not_found');
      expect((await two.manager.getJob('s'))?.status).toBe('requires_action');
      const tries = await h.soon(
        Promise.all(
          [one, two, two].map(({ manager }) => manager.approvals.expire('s', { actionId, userId: 'u' })),
        ),
      );
      expect(tries.filter(Boolean)).toHaveLength(1);
      await h.finished(follower);
      expect(follower.names).toEqual(['created', 'requires_action', 'aborted']);
      expect((await h.log()).at(-1)?.data).toMatchObject({ code: 'expired' });
      expect(await two.manager.approvals.history('s')).toMatchObject([{ actionId, outcome: 'expired' }]);
      expect(await two.manager.approvals.expire('s')).toBe(false);
    },
  },
  {
    id: 'L42 L39',
    title:
      'a decision that comes too late ends the generation itself, whatever it says, and the slot stays free',
    async run(h) {
      const options = { ...STILL, limits: { activeJobsPerUser: 1 } };
      const replica = await h.replica({ options });
      for (const [index, decisions] of [YES, [], [{ id: 'x', decision: 'edit' as const }]].entries()) {
        const streamId = `s${index}`;
        const { actionId } = await asked(h, replica, { streamId, expiresInMs: 60 });
        await h.advance(70);
        await expectCode(h.soon(resolveOn(replica, { actionId, decisions }, streamId)), 'action_expired');
        expect(await names(h, streamId)).toEqual(['created', 'requires_action', 'aborted']);
        await h.rest();
      }
      await h.until(
        () =>
          replica.manager.createJob({ streamId: 'n', userId: 'u' }).then(
            () => true,
            () => false,
          ),
        'the slot is free',
        AT_ONCE_MS,
      );
    },
  },
  {
    id: 'L43 P7',
    title:
      'a job that waits nearly its whole window still has its content, its log and its action, and goes on',
    timesLapse: true,
    async run(h) {
      // A day where time can be moved.
      const window = h.backend.jump ? 24 * HOUR : 2_400;
      const options = { trimLog: true, snapshotEvents: 10, retentionMs: 200, idempotencyMs: 1_000 };
      const [one, two] = await h.two({ options });
      const job = await h.start(one, { contentModel: 'text', metadata: { title: 't' } });
      for (let index = 0; index < 35; index++) await job.emit(text(`${index},`));
      await job.emit({ event: 'gauge', data: 7, keep: 'gauge' });
      const { actionId } = await job.pause({ ...ASK, expiresInMs: window, resumeContext: { a: 1 } });
      const before = await two.manager.getResumeState('s');
      if (h.backend.jump) await h.backend.jump(23 * HOUR);
      else await h.advance(window / 2);
      await h.advance(3 * TIMES.sweepMs);
      const late = await h.replica({ options });
      const state = await late.manager.getResumeState('s');
      expect(state).toEqual({ ...before, now: expect.any(Number) });
      expect(textOf(state)).toContain('34,');
      expect(state).toMatchObject({
        pendingAction: { actionId },
        metadata: { title: 't' },
        kept: [{ data: 7 }],
      });
      const { job: next, continuation } = await resolveOn(late, { actionId });
      expect(continuation).toMatchObject({ content: state?.content, resumeContext: { a: 1 } });
      void next.emit(text('on'));
      await next.complete();
      const ended = await late.manager.getResumeState('s');
      expect(textOf(ended)).toBe(`${textOf(state)}on`);
    },
  },
  {
    id: 'F30 L42',
    title: 'the replica that asked dies: any other shows the action and decides it',
    timesLapse: true,
    async run(h) {
      const doomed = await h.replica();
      const [one, two] = await h.two();
      const { actionId } = await asked(h, doomed, { resumeContext: { a: 1 } });
      await doomed.crash();
      const follower = h.follow(one, { resume: true });
      await h.until(() => follower.events.length === 1, 'it is shown', AT_ONCE_MS);
      expect(follower.events[0]).toMatchObject({
        event: 'sync',
        data: { status: 'requires_action', pendingAction: { actionId } },
      });
      const { job, continuation } = await resolveOn(two, { actionId });
      expect(continuation).toMatchObject({
        resumeContext: { a: 1 },
        action: { actionId },
        resolution: { decisions: YES },
      });
      await job.complete();
      await h.finished(follower);
      expect(follower.names).toEqual(['sync', 'resumed', 'completed']);
    },
  },
  {
    id: 'F30 L42 P5',
    title:
      'the replica that asked dies: the action expires within one sweep, and followers everywhere hear it once',
    timesLapse: true,
    async run(h) {
      const doomed = await h.replica();
      const replicas = await h.three();
      const { job } = await asked(h, doomed, { expiresInMs: 1_000 });
      await doomed.crash();
      const followers: Follower[] = replicas.flatMap((replica) => [
        h.follow(replica),
        h.follow(replica, { resume: true }),
      ]);
      const expiresAt = (await h.store.read(job.key, 'current'))[0]?.pendingAction?.expiresAt ?? 0;
      await h.until(() => followers.every(({ isOver }) => isOver), 'all hear', 1_000 + 2 * TIMES.sweepMs);
      const [record] = await h.store.read(job.key, 'current');
      expect((record?.endedAt ?? 0) - expiresAt).toBeGreaterThanOrEqual(0);
      expect((record?.endedAt ?? 0) - expiresAt).toBeLessThan(TIMES.sweepMs + h.backend.slackMs);
      for (const follower of followers) {
        expect(follower.events.filter(isTerminal)).toHaveLength(1);
        expect(follower.events.at(-1)).toMatchObject({ event: 'aborted', data: { code: 'expired' } });
      }
    },
  },
  {
    id: 'L44 P7',
    title:
      'one pause after another, each of another kind and decided on another replica: each goes on from its own action',
    async run(h) {
      const replicas = await h.three();
      let job: GenerationJob = await h.start(replicas[0]);
      const kinds = [
        { action: ASK, said: { decisions: NO } },
        {
          action: { type: 'ask_user_question', questions: [{ id: 'q', question: '?' }] },
          said: { decisions: undefined, answers: [{ id: 'q', text: 'words' }] },
        },
        { action: { type: 'checkpoint', payload: { at: 3 } }, said: { decisions: undefined } },
      ];
      const past: string[] = [];
      for (let round = 0; round < 6; round++) {
        const { action, said } = kinds[round % 3] as (typeof kinds)[number];
        const { actionId } = await job.pause({ ...action, resumeContext: { round } });
        const replica = replicas[(round + 1) % 3] as Replica;
        for (const [index, old] of past.entries()) {
          await expectDecided(h, resolveOn(replica, { actionId: old }), { by: `p${index}` }, 'action_stale');
        }
        const { job: next, continuation } = await resolveOn(replica, { actionId, by: `p${round}`, ...said });
        expect(continuation.action).toMatchObject({ actionId, type: action.type, resumeContext: { round } });
        expect(continuation.resolution).toMatchObject({ actionId, by: `p${round}` });
        expect(next.attempt).toBe(round + 2);
        expect(continuation.record).toMatchObject({ recoveries: 0, attempt: round + 2 });
        past.push(actionId);
        job = next;
      }
      await job.complete();
      const pair = ['requires_action', 'resumed'];
      expect(await names(h)).toEqual(['created', ...Array(6).fill(pair).flat(), 'completed']);
    },
  },
  {
    id: 'L45 L44',
    title:
      'a successor goes on from the newest action, not from one before it, and from none once it paused again and ended',
    timesLapse: true,
    async run(h) {
      const seen: Continuation[] = [];
      const hang = (job: GenerationJob) =>
        new Promise((resolve) => job.signal.addEventListener('abort', resolve));
      const recover = (job: GenerationJob, continuation: Continuation) => {
        seen.push(continuation);
        return hang(job);
      };
      const able = { hooks: { recover }, options: { maxRecoveries: 5 } };
      const witness = await h.replica(able);
      let job = await h.start(witness);
      for (const actionId of ['first', 'second']) {
        await job.pause({ ...ASK, actionId, resumeContext: { actionId } });
        const doomed = await h.replica(able);
        job = (await resolveOn(doomed, { actionId, by: actionId })).job;
        if (actionId === 'second') await doomed.crash();
      }
      await h.until(() => seen.length === 1, 'it is taken over', TIMES.leaseMs + 2 * TIMES.sweepMs);
      expect(seen[0]).toMatchObject({
        action: { actionId: 'second' },
        resolution: { actionId: 'second', by: 'second' },
        resumeContext: { actionId: 'second' },
      });
      await witness.manager.abortJob('s');
      const [record] = await h.store.read(job.key, 'current');
      expect(record?.resumedAction).toBeUndefined();
      expect(record?.pendingAction).toBeUndefined();
      // A generation that was never paused has no action to go on from.
      const doomed = await h.replica(able);
      await h.start(doomed);
      await doomed.crash();
      await h.until(() => seen.length === 2, 'it is taken over', TIMES.leaseMs + 2 * TIMES.sweepMs);
      expect(seen[1]).toMatchObject({ action: undefined, resolution: undefined, resumeContext: undefined });
    },
  },
  {
    id: 'P7 P8',
    title:
      'the history says who decided what, when and on what, in order, over all kept generations, to nobody else',
    async run(h) {
      const observed: [string, number | undefined][] = [];
      const observer = { approval: (outcome: string, waited?: number) => observed.push([outcome, waited]) };
      const [one, two] = await h.two({ observer });
      const { manager } = two;
      await expectCode(manager.approvals.history('s'), 'stream_not_found');
      const first = await asked(h, one);
      expect(await manager.approvals.history('s')).toEqual([]);
      await h.advance(20);
      const digest = (await manager.approvals.peek('s'))?.payloadDigest;
      let { job } = await resolveOn(one, { ...first, by: 'ann', idempotencyKey: 'k' });
      const second = await job.pause({ type: 'ask_user_question', questions: [{ id: 'q', question: '?' }] });
      job = (
        await resolveOn(two, {
          ...second,
          by: 'bob',
          decisions: undefined,
          answers: [{ id: 'q', text: 'a' }],
        })
      ).job;
      await job.complete();
      const third = await asked(h, two, { expiresInMs: 50 });
      await h.until(async () => (await names(h)).at(-1) === 'aborted', 'it expires');
      const fourth = await asked(h, one);
      const history = await manager.approvals.history('s', { userId: 'u' });
      const [g1, g2] = [first.job.generation, third.job.generation];
      expect(history).toMatchObject(
        [
          {
            generation: g1,
            ...first,
            outcome: 'decided',
            by: 'ann',
            decisions: YES,
            payloadDigest: digest,
            idempotencyKey: 'k',
            type: 'tool_approval',
          },
          {
            generation: g1,
            ...second,
            outcome: 'decided',
            by: 'bob',
            answers: [{ id: 'q', text: 'a' }],
            type: 'ask_user_question',
          },
          { generation: g2, ...{ actionId: third.actionId }, outcome: 'expired', decisions: [], answers: [] },
        ].map(({ job: _, ...entry }: Record<string, unknown>) => entry),
      );
      expect(history.map(({ by }) => by)).toEqual(['ann', 'bob', undefined]);
      const times = history.flatMap(({ askedAt, at }) => [askedAt, at]);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
      expect((history[0]?.at ?? 0) - (history[0]?.askedAt ?? 0)).toBeGreaterThanOrEqual(20);
      await expectCode(manager.approvals.history('s', { userId: 'v' }), 'stream_not_found');
      await expectCode(manager.approvals.history('s', { tenantId: 't' }), 'stream_not_found');
      await manager.abortJob('s', { generation: fourth.job.generation });
      // Counted by outcome, with how long people took.
      const of = (outcome: string) => observed.filter(([name]) => name === outcome);
      expect([of('paused').length, of('resolved').length, of('expired').length]).toEqual([4, 2, 1]);
      expect(of('resolved').every(([, waited]) => waited !== undefined && waited >= 0)).toBe(true);
      expect(of('expired')[0]?.[1]).toBeGreaterThanOrEqual(50);
    },
  },
  {
    id: 'L41 P8',
    title:
      'what the host needs to go on and its fingerprint are in no event, state, history, error, log line or metric',
    timesLapse: true,
    async run(h) {
      const CANARY = 'canary-91c2';
      const seen: string[] = [];
      const see = (value: unknown) => seen.push(JSON.stringify(value) ?? '');
      const line = (fields: object, message: string) => void see([fields, message]);
      const observer = new Proxy(
        {},
        {
          get:
            () =>
            (...args: unknown[]) =>
              see(args),
        },
      );
      const recovered: Continuation[] = [];
      const fail = () => {
        throw new Error(CANARY);
      };
      const hooks = {
        describeEnd: fail,
        settle: fail,
        recoverMode: fail as () => 'continue',
        recover: (_: unknown, continuation: Continuation) => {
          recovered.push(continuation);
          throw new Error(CANARY);
        },
      };
      const options = { logErrors: 'name' } as const;
      const input = {
        hooks,
        observer,
        options,
        logger: { debug: line, info: line, warn: line, error: line },
      };
      const [one, two] = await h.two(input);
      const secret = { fingerprint: CANARY, resumeContext: { [CANARY]: [CANARY] } };
      const doomed = await h.replica(input);
      const { actionId } = await asked(h, one, secret);
      const live = h.follow(two);
      const resumed = h.follow(one, { resume: true });
      const look = async () => {
        see(await two.manager.getResumeState('s'));
        see(await two.manager.getPublicState('s'));
        see(await two.manager.approvals.peek('s'));
        see(await two.manager.approvals.history('s'));
        see(await h.log());
      };
      await look();
      for (const over of [
        {},
        { fingerprint: 'another' },
        { decisions: [] },
        { actionId: 'none' },
        { payloadDigest: 'x' },
      ]) {
        see(String(await h.soon(rejection(resolveOn(two, { actionId, ...over })))));
      }
      await resolveOn(doomed, { actionId, fingerprint: CANARY });
      await look();
      see(String(await h.soon(rejection(resolveOn(two, { actionId })))));
      await doomed.crash();
      await h.until(() => recovered.length === 1, 'it is taken over', TIMES.leaseMs + 2 * TIMES.sweepMs);
      expect(recovered[0]).toMatchObject({ resumeContext: secret.resumeContext });
      await h.finished(live);
      await h.finished(resumed);
      await look();
      see([live.events, resumed.events, h.follow(one, { resume: true }).events]);
      await h.start(one);
      await two.manager.abortJob('s');
      expect(seen.length).toBeGreaterThan(20);
      expect(seen.filter((one) => one.includes(CANARY))).toEqual([]);
    },
  },
];
