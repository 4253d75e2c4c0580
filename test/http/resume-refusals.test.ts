import {
  createStreamServices,
  GenerationJobError,
  type ManagerInput,
  type PauseInput,
} from 'generation-jobs';
import { createMetrics } from 'generation-jobs/metrics';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { plain, read, tableRows } from '../docs/markdown.js';
import { wrapStore } from '../support/wrapped-store.js';
import { APPROVE, type Asked, ask, decide, expectUnchanged, REJECT } from './asking.js';
import {
  ADAPTERS,
  codeOf,
  follow,
  getJson,
  postJson,
  type Served,
  send,
  serve,
  startJob,
  until,
  watchedStore,
} from './serving.js';

const CANARY = 'canary-91c3e7';
const KIB = 1024;
const routes = { onResume: () => {} };
const JSON_TYPE = { 'content-type': 'application/json' };

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

const choices = { type: 'tool_approval', requests: [request('call-1', ['edit', 'respond', 'approve'])] };
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
      choices,
    ),
  ),
  ...[undefined, '', ' '].map((text) =>
    said('respond_without_text', `${JSON.stringify(text)}`, decided('respond', { text }), choices),
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
  said('action_not_found', 'the action of a generation that was replaced', {}, {}, async ({ manager }) => {
    await startJob(manager, 'chat-1');
  }),
  said('action_decided', 'what was decided', {}, {}, async ({ manager }, { approval }) => {
    const { job } = await manager.approvals.resolve('chat-1', {
      ...approval,
      decisions: [REJECT],
      by: 'bob',
    });
    await job.complete();
  }),
  said(
    'action_stale',
    'what was decided before a newer question',
    {},
    {},
    async ({ manager }, { approval }) => {
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
    asked: choices,
  },
  {
    ...said('limit_exceeded', 'more than the record may hold', {
      decisions: [{ ...REJECT, reason: 'x'.repeat(300) }],
    }),
    manager: { options: { limits: { resolutionBytes: 256 } } },
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
    await served.manager.idle();
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

  it('is told the same whether the stream is somebody else’s, another tenant’s, or none (A1, A2)', async () => {
    const services = createStreamServices();
    const registry = new Registry();
    const { store, calls } = watchedStore(services.jobStore);
    const served = await serve({
      ...{ adapter, routes, services: { ...services, jobStore: store } },
      manager: { observer: createMetrics({ registry }) },
    });
    const { approval, action } = await ask(served, {}, { tenantId: 'acme' });
    const own = { ...approval, payloadDigest: action.payloadDigest };
    const tried = async (session: string | undefined, streamId: string) => {
      calls.length = 0;
      const headers: Record<string, string> = {
        ...JSON_TYPE,
        'x-user-id': 'ann',
        cookie: 'user=ann',
        'x-tenant': 'acme',
      };
      if (session !== undefined) headers['x-session'] = session;
      const body = JSON.stringify({ ...own, streamId });
      const response = await fetch(`${served.url}/resume`, { method: 'POST', headers, body });
      const shown = [...response.headers].filter(([name]) => name !== 'date');
      return { status: response.status, body: await response.text(), shown, calls: [...calls] };
    };
    const before = await served.manager.getJob('chat-1', { tenantId: 'acme' });
    const absent = await tried('acme/ann', 'chat-2');
    expect([absent.status, JSON.parse(absent.body).error.code]).toEqual([404, 'stream_not_found']);
    for (const session of ['acme/bob', 'evil/ann', 'ann', 'acme/acme']) {
      expect([session, await tried(session, 'chat-1')]).toEqual([session, absent]);
    }
    expect(await tried(undefined, 'chat-1')).toEqual({ ...absent, calls: [] });
    expect(await served.manager.getJob('chat-1', { tenantId: 'acme' })).toEqual(before);
    for (const key of ['tenantId', 'userId', 'by', 'fingerprint', 'context']) {
      const named = await decide(served, { ...own, [key]: 'acme' }, { 'x-session': 'evil/ann' });
      expect([key, named.status, codeOf(named)]).toEqual([key, 400, 'invalid_body']);
    }
    expect(await registry.metrics()).not.toMatch(/acme|evil|chat-1/);
    expect((await decide(served, own, { 'x-session': 'acme/ann' })).status).toBe(202);
  });

  it('comes from a page of another origin, whatever cookies it brings (A18)', async () => {
    const served = await serve({
      adapter,
      routes: { ...routes, allowedOrigins: ['https://app.example.com'] },
    });
    const { approval } = await ask(served);
    const body = JSON.stringify(approval);
    const post = (headers: Record<string, string>) =>
      send(served.port, 'POST', 'resume', { ...JSON_TYPE, ...headers }, body);
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: `http://${served.host}.evil.example` },
      { 'sec-fetch-site': 'cross-site' },
    ] as Record<string, string>[]) {
      const refused = await expectUnchanged(served.manager, () =>
        post({ ...headers, cookie: 'session=ann' }),
      );
      expect([headers, refused.status, codeOf(refused)]).toEqual([headers, 403, 'origin_refused']);
      expect(refused.headers).not.toHaveProperty('access-control-allow-origin');
    }
    expect((await post({ origin: 'https://app.example.com' })).status).toBe(202);
  });

  it('by its method or the type of its body is not looked at (A18)', async () => {
    const served = await serve({ adapter, routes });
    const { approval } = await ask(served);
    const body = JSON.stringify(approval);
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE']) {
      const answer = await send(served.port, method, 'resume');
      expect([answer.status, answer.headers.allow]).toEqual([405, 'POST, OPTIONS']);
    }
    expect((await send(served.port, 'OPTIONS', 'resume')).status).toBe(204);
    for (const headers of [
      { 'content-type': 'text/plain' },
      { 'content-type': 'application/x-www-form-urlencoded' },
      { 'content-type': 'multipart/form-data; boundary=x' },
      { 'content-type': '' },
      { ...JSON_TYPE, 'content-encoding': 'gzip' },
    ] as Record<string, string>[]) {
      const answer = await expectUnchanged(served.manager, () =>
        send(served.port, 'POST', 'resume', headers, body),
      );
      expect([headers, answer.status, codeOf(answer)]).toEqual([headers, 415, 'unsupported_media_type']);
      expect(answer.headers['cache-control']).toBe('private, no-store');
    }
  });

  it('is huge, deep or too many at little cost (A9)', async () => {
    const served = await serve({ adapter, routes });
    const { approval } = await ask(served, choices);
    const post = async (body: string) => {
      const answer = await expectUnchanged(served.manager, () =>
        send(served.port, 'POST', 'resume', JSON_TYPE, body),
      );
      return [answer.status, codeOf(answer)];
    };
    const withDecision = (json: string) =>
      `{"streamId":"chat-1","actionId":"${approval.actionId}","decisions":[${json}]}`;
    const edit = (json: string) => withDecision(`{"id":"call-1","decision":"edit","arguments":${json}}`);
    expect(await post(edit(`{"x":"${'x'.repeat(1024 * KIB)}"}`))).toEqual([413, 'body_too_large']);
    expect(await post(edit('[{"a":'.repeat(5_000)))).toEqual([400, 'json_too_deep']);
    expect(await post(edit(`${'{"a":'.repeat(62)}1${'}'.repeat(62)}`))).toEqual([400, 'json_too_deep']);
    const many = Array.from({ length: 10_000 }, (_, index) => `{"id":"${index}","decision":"reject"}`);
    expect(await post(withDecision(many.join(',')))).toEqual([413, 'body_too_large']);
    expect(await post(withDecision(many.slice(0, 65).join(',')))).toEqual([400, 'invalid_body']);
    expect(await post(withDecision(many.slice(0, 5_000).join(',')))).toEqual([400, 'invalid_body']);
    const full = 256 * KIB - edit('{"x":""}').length; // the event says a little more than the body
    expect(await post(edit(`{"x":"${'x'.repeat(full)}"}`))).toEqual([413, 'event_too_large']);
    expect({}).not.toHaveProperty('polluted');
    expect(await post('{"streamId":"a/b","actionId":"x"}')).toEqual([400, 'invalid_stream_id']);
  });

  it('was made before: sent again as it was it decides nothing, not even a later question (A19)', async () => {
    let asked = 1;
    let runs = 0;
    const served = await serve({
      adapter,
      routes: {
        onResume: async (job) => {
          runs++;
          if (asked++ === 1) await job.pause({ ...choices, actionId: 'second' });
        },
      },
    });
    const { approval, action } = await ask(served, { actionId: 'first' });
    const captured = { ...approval, payloadDigest: action.payloadDigest };
    expect((await decide(served, captured)).status).toBe(202);
    await until('the next question', async () => (await served.manager.approvals.peek('chat-1')) !== null);
    const replayed = await expectUnchanged(served.manager, () => decide(served, captured));
    expect([replayed.status, codeOf(replayed)]).toEqual([409, 'action_stale']);
    expect(runs).toBe(1);
  });

  it('was made on arguments that are not those pending now (A19)', async () => {
    const served = await serve({ adapter, routes });
    const named = (to: string): Partial<PauseInput> => ({
      actionId: 'send',
      requests: [{ id: 'call-1', name: 'send_mail', arguments: { to } }],
    });
    const shown = await ask(served, named('bob'));
    const now = await ask(served, named('everybody')); // the next generation asks under the same names
    expect(now.approval).toEqual(shown.approval);
    const body = { ...shown.approval, payloadDigest: shown.action.payloadDigest };
    const refused = await expectUnchanged(served.manager, () => decide(served, body));
    expect([refused.status, codeOf(refused)]).toEqual([409, 'payload_changed']);
    expect((await decide(served, { ...body, payloadDigest: now.action.payloadDigest })).status).toBe(202);
  });
});

describe.each(ADAPTERS)('secrets of an action behind the %s adapter', (adapter) => {
  it('that the host keeps with it are in no answer, event or log, whoever asks what (L41)', async () => {
    const lines: string[] = [];
    const logger = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
    const registry = new Registry();
    let isKept = true;
    const served = await serve({
      adapter,
      manager: {
        ...{ logger, observer: createMetrics({ registry }) },
        hooks: { beforeResolve: () => ({ fingerprint: isKept ? `${CANARY}-print` : 'another' }) },
      },
      routes: {
        onResume: (_job, { resumeContext }) => {
          if (JSON.stringify(resumeContext) !== `{"state":"${CANARY}"}`)
            throw new Error('nothing to go on with');
        },
      },
    });
    const { approval } = await ask(served, {
      resumeContext: { state: CANARY },
      fingerprint: `${CANARY}-print`,
    });
    const shown: unknown[] = [];
    const look = async () => {
      const reader = await follow(`${served.url}/stream/chat-1?resume=true&follow=stream`);
      await until('sync', () => reader.events.length > 0);
      reader.leave();
      shown.push(
        reader.events,
        await getJson(`${served.url}/status/chat-1`),
        await getJson(`${served.url}/active`),
      );
    };
    await look();
    isKept = false;
    shown.push(await decide(served, approval), await decide(served, { ...approval, decisions: [] }));
    isKept = true;
    shown.push(await decide(served, approval), await decide(served, approval));
    const reader = await follow(`${served.url}/stream/chat-1`);
    await reader.over;
    shown.push(reader.events, await postJson(`${served.url}/abort`, { streamId: 'chat-1' }));
    await look();
    expect(reader.events.map(({ event }) => event)).toEqual([
      'created',
      'requires_action',
      'resumed',
      'completed',
    ]);
    expect(JSON.stringify(shown)).toContain('action_decided');
    expect(JSON.stringify(shown)).not.toContain(CANARY);
    expect(JSON.stringify(shown)).not.toMatch(/resumeContext|fingerprint"/);
    expect(lines.join()).not.toContain(CANARY);
    expect(await registry.metrics()).not.toContain(CANARY);
  });

  it('and what people type into a decision reaches no log or metric, however it is refused (A15)', async () => {
    const lines: string[] = [];
    const logger = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
    const registry = new Registry();
    const services = createStreamServices();
    let fault: 'none' | 'hook' | 'store' = 'none';
    const store = wrapStore(services.jobStore, ({ method }, perform) =>
      fault === 'store' && method === 'read' ? Promise.reject(new Error(CANARY)) : perform(),
    );
    const served = await serve({
      ...{ adapter, services: { ...services, jobStore: store } },
      manager: {
        ...{ logger, observer: createMetrics({ registry }) },
        hooks: {
          beforeResolve: (proposed) => {
            if (fault === 'hook') throw new Error(`${CANARY} ${JSON.stringify(proposed.decisions)}`);
            return true;
          },
        },
      },
      routes: {
        onResume: () => {
          throw new Error(CANARY);
        },
      },
    });
    const { approval } = await ask(served);
    const body = { ...approval, idempotencyKey: CANARY, decisions: [{ ...REJECT, reason: CANARY }] };
    const codes: unknown[] = [];
    const tell = async (said: object) => {
      const answer = await decide(served, said);
      codes.push(codeOf(answer));
      expect(JSON.stringify(answer)).not.toContain(CANARY);
    };
    await tell({ ...body, payloadDigest: CANARY });
    await tell({ ...body, actionId: CANARY });
    await tell({ ...body, [CANARY]: 1 });
    fault = 'hook';
    await tell(body);
    fault = 'store';
    await tell(body);
    fault = 'none';
    await tell(body);
    expect(codes).toEqual([
      ...['payload_changed', 'action_not_found', 'invalid_body', 'action_refused', 'internal', undefined],
    ]);
    await until('the end', async () => (await served.manager.getJob('chat-1'))?.status === 'failed');
    expect(lines.length).toBeGreaterThanOrEqual(3);
    expect(lines.join()).not.toContain(CANARY);
    expect(await registry.metrics()).not.toContain(CANARY);
  });
});

function request(id: string, allowedDecisions: ('approve' | 'reject' | 'edit' | 'respond')[]) {
  return { id, name: 'send_mail', arguments: { to: 'bob' }, allowedDecisions };
}

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
