import {
  createStreamServices,
  GenerationJobError,
  type ManagerInput,
  type PauseInput,
} from 'generation-jobs';
import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { wrapStore } from '../../src/testing/wrapped-store.js';
import { plain, read, tableRows } from '../docs/markdown.js';
import { APPROVE, type Asked, ask, CHOICES, decide, expectUnchanged, REJECT } from './asking.js';
import { ADAPTERS, codeOf, follow, type Served, serve, startJob, until } from './serving.js';

const CANARY = 'canary-91c3e7';
const KIB = 1024;
const routes = { onResume: () => {} };

interface Refusal {
  readonly code: string;
  readonly what: string;
  readonly manager?: Partial<ManagerInput>;
  readonly asked?: Partial<PauseInput>;
  /** Between the question and the decision. */
  readonly meanwhile?: (served: Served, asked: Asked) => Promise<unknown>;
  /** Of the body that would be accepted. */
  readonly said?: (approval: Asked['approval']) => object;
}

const question: Partial<PauseInput> = {
  type: 'ask_user_question',
  requests: [],
  questions: [
    { id: 'q', question: 'Which?', options: [{ label: 'a' }, { label: 'b' }], allowText: false },
    { id: 'r', question: 'Why?' },
  ],
};
const rating = { type: 'rating', response: z.strictObject({ stars: z.int().min(1).max(5) }) };

/** Every code that PROTOCOL 6.7 lists, and how one gets it. */
const REFUSALS: readonly Refusal[] = [
  ...shapes(),
  said('invalid_action', 'arguments that no edit comes with', { decisions: [{ ...APPROVE, arguments: {} }] }),
  said('invalid_action', 'a text that nobody asked for', { decisions: [{ ...APPROVE, text: 'x' }] }),
  said('invalid_action', 'a response to a type that takes none', { response: 1 }),
  ...[undefined, { stars: 6 }, { stars: 1, more: 1 }, 'five'].map((response) => ({
    ...said('invalid_action', `the response ${JSON.stringify(response)}`, { decisions: [], response }),
    manager: { actionTypes: [rating] },
    asked: { type: 'rating', requests: [] },
  })),
  said('request_unknown', 'a decision on something else', { decisions: [{ ...APPROVE, id: 'call-2' }] }),
  said('request_unknown', 'an answer to no question', { answers: [{ id: 'call-1', text: 'yes' }] }),
  said('request_undecided', 'no decision', { decisions: undefined }),
  said(
    'request_undecided',
    'an answer left out',
    { decisions: [], answers: [{ id: 'r', text: 'x' }] },
    question,
  ),
  ...['', ' \n\t', undefined].map((text) =>
    said('request_undecided', `the answer ${JSON.stringify(text)}`, answered({ id: 'r', text }), question),
  ),
  said('request_decided_twice', 'two decisions', { decisions: [APPROVE, APPROVE] }),
  said('decision_not_allowed', 'a respond', {
    decisions: [{ id: 'call-1', decision: 'respond', text: 'x' }],
  }),
  ...[undefined, null, 'text', [1], 7].map((edited) =>
    said(
      'edit_without_arguments',
      `${JSON.stringify(edited)}`,
      decided('edit', { arguments: edited }),
      CHOICES,
    ),
  ),
  ...[undefined, '', ' '].map((text) =>
    said('respond_without_text', `${JSON.stringify(text)}`, decided('respond', { text }), CHOICES),
  ),
  ...[
    { id: 'q', selected: ['c'] },
    { id: 'q', selected: ['a', 'b'] },
    { id: 'q', selected: ['a', 'a'] },
    { id: 'q', text: 'free' },
    { id: 'q', selected: ['a'], text: '' },
  ].map((answer) => said('answer_not_allowed', JSON.stringify(answer), answered(answer), question)),
  {
    ...said('action_refused', 'a decision the host does not accept', {}),
    manager: { hooks: { beforeResolve: ({ decisions }) => decisions[0]?.decision !== 'approve' } },
  },
  said('stream_not_found', 'another stream', { streamId: 'chat-2' }),
  said('action_not_found', 'another action', { actionId: 'nothing' }),
  said('generation_ended', 'what a replaced generation had asked (F32)', {}, {}, async ({ manager }) => {
    await startJob(manager, 'chat-1');
  }),
  said(
    'action_decided',
    'what was decided',
    {},
    {},
    async ({ manager }, { approval: { streamId: _, ...approval } }) => {
      const { job } = await manager.approvals.resolve('chat-1', {
        ...approval,
        decisions: [REJECT],
        by: 'bob',
      });
      await job.complete();
    },
  ),
  said(
    'action_stale',
    'what was decided before a newer question',
    {},
    {},
    async ({ manager }, { approval: { streamId: _, ...approval } }) => {
      const { job } = await manager.approvals.resolve('chat-1', {
        ...approval,
        decisions: [REJECT],
        by: 'bob',
      });
      await job.pause({ type: 'another' });
    },
  ),
  said('generation_ended', 'what a stopped generation had asked (F32)', {}, {}, async ({ manager }) => {
    await manager.abortJob('chat-1');
  }),
  said('payload_changed', 'what was not shown (A19)', { payloadDigest: 'another' }),
  said('fingerprint_mismatch', 'a run nobody has looked at (L40)', {}, { fingerprint: 'f' }),
  {
    ...said('fingerprint_mismatch', 'a run that is another one now (L40)', {}, { fingerprint: 'f' }),
    manager: { hooks: { beforeResolve: () => ({ fingerprint: 'g' }) } },
  },
  {
    ...said(
      'event_too_large',
      'more than an event may hold',
      decided('edit', { arguments: { x: 'x'.repeat(3000) } }),
    ),
    manager: { options: { limits: { eventBytes: 2 * KIB } } },
    asked: CHOICES,
  },
  {
    ...said('limit_exceeded', 'more than the record may hold', {
      decisions: [{ ...REJECT, reason: 'x'.repeat(300) }],
    }),
    manager: { options: { limits: { resolutionBytes: 256 } } },
  },
  {
    ...said('hook_timed_out', 'a response that the host’s schema never judges', {
      decisions: [],
      response: { stars: 1 },
    }),
    manager: {
      options: { hookMs: 20 },
      actionTypes: [{ type: 'rating', response: rating.response.refine(() => new Promise(() => {})) }],
    },
    asked: { type: 'rating', requests: [] },
  },
  {
    ...said('seal_unavailable', 'a context that this replica can’t open (A23)', {}),
    manager: { seal: { seal: (text) => text, open: () => Promise.reject(new Error(CANARY)) } },
    asked: { resumeContext: CANARY },
  },
  {
    ...said('user_limit_exceeded', 'a run for which there is no room (L46)', {}),
    manager: { options: { limits: { activeJobsPerUser: 1 } } },
    meanwhile: ({ manager }) => startJob(manager, 'chat-9'),
  },
];

/** Those that a test of its own shows, since they change something or take the server along. */
const SHOWN_ELSEWHERE = ['action_expired', 'draining', 'unavailable'];

const DOCUMENTED = new Map(
  tableRows(read('PROTOCOL.md'), 'decision-codes').map(([code, status]) => [plain(code), Number(status)]),
);

afterAll(() => {
  const shown = new Set([...REFUSALS.map(({ code }) => code), ...SHOWN_ELSEWHERE]);
  expect([...shown].sort(), 'what PROTOCOL 6.7 lists').toEqual([...DOCUMENTED.keys()].sort());
});

describe.each(ADAPTERS)('a decision that is refused through the %s adapter', (adapter) => {
  it.each(REFUSALS)('has its own code and changes nothing: $code, $what (L37, L39)', async (refusal) => {
    const { code, manager, asked, meanwhile, said: say = (approval) => approval } = refusal;
    const served = await serve({ adapter, routes, ...(manager && { manager }) });
    const question = await ask(served, asked);
    await meanwhile?.(served, question);
    const answer = await expectUnchanged(served.manager, () => decide(served, say(question.approval)));
    expect([answer.status, codeOf(answer)]).toEqual([DOCUMENTED.get(code), code]);
    const { error } = answer.body as { error: object };
    const isLate = code === 'action_decided' || code === 'action_stale';
    expect(Object.keys(error)).toEqual(['code', 'message', ...(isLate ? ['outcome'] : [])]);
    if (!isLate) return;
    expect(error).toMatchObject({
      outcome: {
        actionId: question.approval.actionId,
        by: 'bob',
        decisions: [REJECT],
        at: expect.any(Number),
      },
    });
  });

  it('comes too late: 410 for whoever asks, and all who follow are told by one end (L42)', async () => {
    const services = createStreamServices();
    const manager = { options: { sweepMs: 3_600_000, leaseMs: 3_600_000 } }; // nobody but the submit looks
    const here = await serve({ adapter, services, manager, routes });
    const there = await serve({ adapter, services, manager, routes });
    const { action, approval } = await ask(here, { expiresInMs: 50 });
    const readers = await Promise.all([
      follow(`${here.url}/stream/chat-1`),
      follow(`${there.url}/stream/chat-1`),
    ]);
    await until('the time to be over', () => services.jobStore.now() >= action.expiresAt);
    const atOnce = await Promise.all([here, there].map((served) => decide(served, approval)));
    const later = await expectUnchanged(here.manager, () => decide(here, approval));
    for (const answer of [...atOnce, later]) {
      expect([answer.status, codeOf(answer)]).toEqual([DOCUMENTED.get('action_expired'), 'action_expired']);
    }
    const late = await follow(`${there.url}/stream/chat-1`);
    for (const { over, events } of [...readers, late]) {
      await over;
      expect(events.map(({ event }) => event)).toEqual(['created', 'requires_action', 'aborted']);
      expect(JSON.parse(events[2]?.data ?? '')).toEqual({ code: 'expired' });
    }
    const next = await startJob(there.manager, 'chat-1');
    expect((await decide(here, approval)).status).toBe(410);
    expect(next.isOver).toBe(false);
  });

  it('for want of a slot leaves the action pending, and is accepted when there is one (L46)', async () => {
    const served = await serve({
      ...{ adapter, routes },
      manager: { options: { limits: { activeJobsPerUser: 1 } } },
    });
    const { approval } = await ask(served);
    const other = await startJob(served.manager, 'chat-2');
    expect((await decide(served, approval)).status).toBe(429);
    await other.complete();
    await served.manager.upkeep.idle();
    expect((await decide(served, approval)).status).toBe(202);
  });

  it('since the store is away gets 503, and can be made when it is back', async () => {
    const services = createStreamServices();
    let away: string | undefined;
    const store = wrapStore(services.jobStore, ({ method }, perform) =>
      method === away ? Promise.reject(new GenerationJobError('unavailable', CANARY)) : perform(),
    );
    const served = await serve({
      ...{ adapter, routes, services: { ...services, jobStore: store } },
      manager: { options: { leaseMs: 2_000, renewMs: 500, retryMs: 400 } },
    });
    const { approval } = await ask(served);
    for (const method of ['read', 'due.nearer', 'commit']) {
      away = method;
      const refused = await decide(served, approval);
      expect([method, refused.status, codeOf(refused)]).toEqual([
        method,
        DOCUMENTED.get('unavailable'),
        'unavailable',
      ]);
      expect(JSON.stringify(refused)).not.toContain(CANARY);
      away = undefined;
      expect((await served.manager.getJob('chat-1'))?.status).toBe('requires_action');
    }
    expect((await decide(served, approval)).status).toBe(202);
  });
});

function decided(decision: string, more: object) {
  return { decisions: [{ id: 'call-1', decision, ...more }] };
}

/** One answer as given, the other question answered well. */
function answered(answer: { id: string; text?: string | undefined; selected?: string[] }) {
  const well = [
    { id: 'q', selected: ['a'] },
    { id: 'r', text: 'because' },
  ];
  return { decisions: [], answers: [answer, ...well.filter(({ id }) => id !== answer.id)] };
}

function said(
  code: string,
  what: string,
  body: object,
  asked: Partial<PauseInput> = {},
  meanwhile?: Refusal['meanwhile'],
): Refusal {
  return {
    code,
    what,
    asked,
    said: (approval) => ({ ...approval, ...body }),
    ...(meanwhile && { meanwhile }),
  };
}

/** Bodies that are none, whatever is pending. */
function shapes(): Refusal[] {
  const long = 'x'.repeat(16_001);
  const bodies: object[] = [
    { actionId: '' },
    { actionId: 7 },
    { actionId: 'x'.repeat(257) },
    { decisions: {} },
    { decisions: [null] },
    { decisions: [{ id: 'call-1' }] },
    { decisions: [{ id: 'call-1', decision: 'Approve' }] },
    { decisions: [{ id: 'call-1', decision: 'constructor' }] },
    { decisions: [{ ...APPROVE, more: 1 }] },
    { decisions: [{ ...APPROVE, ...JSON.parse('{"__proto__":{"polluted":true}}') }] },
    { decisions: [{ ...REJECT, reason: long }] },
    { decisions: [{ ...REJECT, reason: { text: 'x' } }] },
    { answers: [{ id: 'q', text: long }] },
    { answers: [{ id: 'q', selected: 'a' }] },
    { answers: [{ id: 'q', selected: ['x'.repeat(281)] }] },
    { answers: [{ id: 'q', selected: Array(13).fill('a') }] },
    { answers: Array(5).fill({ id: 'q', text: 'a' }) },
    { payloadDigest: '' },
    { idempotencyKey: '' },
    { idempotencyKey: 'x'.repeat(257) },
    { by: 'bob' },
    { fingerprint: 'f' },
  ];
  return bodies.map((body) => said('invalid_body', JSON.stringify(body).slice(0, 60), body));
}
