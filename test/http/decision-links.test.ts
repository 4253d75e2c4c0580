import { createStreamServices, GenerationJobError, type ProposedVerdict } from 'generation-jobs';
import { createMetrics } from 'generation-jobs/metrics';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { wrapStore } from '../../src/testing/wrapped-store.js';
import { ask, expectUnchanged } from './asking.js';
import { FORM_TYPE, linkTo, look, press, serveLinks, submit } from './linking.js';
import { ADAPTERS, codeOf, startJob, until } from './serving.js';

const APPROVED = [{ id: 'call-1', decision: 'approve' }];
const CANARY = '<script>alert(1)</script>"\'&\u202egnp.exe';

describe.each(ADAPTERS)('a decision link through the %s adapter', (adapter) => {
  it('shows what it would decide, however often it is followed, and decides nothing (L141, A31)', async () => {
    const served = await serveLinks({ adapter });
    const { action } = await ask(served, {
      requests: [{ id: 'call-1', name: 'pay', arguments: { to: 'bob' } }],
    });
    const { token, url, expiresAt } = await linkTo(served);
    expect(url).toBe(`http://chat.example/api/chat/decide?token=${token}`);
    expect(expiresAt).toBe(Math.ceil(action.expiresAt / 1000) * 1000);
    await expectUnchanged(served.manager, async () => {
      const seen = await look(served, token);
      expect([seen.status, seen.body]).toEqual([
        200,
        {
          ...{ actionId: action.actionId, user: 'ann', decisions: ['approve', 'reject'], expiresAt },
          action: {
            type: 'tool_approval',
            requests: [{ name: 'pay', arguments: { to: 'bob' } }],
            questions: [],
          },
        },
      ]);
      const page = await look(served, token, { asPage: true });
      expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
      for (const part of [
        '<h2>pay</h2>',
        '&quot;to&quot;: &quot;bob&quot;',
        'as ann',
        '>Approve<',
        '>Reject<',
      ])
        expect(page.text).toContain(part);
      expect(page.text).toContain('<form method="post" action="?">');
      const head = await look(served, token, { asPage: true, method: 'HEAD' });
      expect([head.status, head.text]).toEqual([200, '']);
    });
    expect(served.runs).toEqual([]);
  });

  it('decides once, as the person it names, and the run goes on behind the answer (L141)', async () => {
    const proposals: ProposedVerdict[] = [];
    const hooks = { beforeResolve: (proposed: ProposedVerdict) => void proposals.push(proposed) };
    const served = await serveLinks({ adapter, manager: { hooks } });
    const { action } = await ask(served, {}, { tenantId: 'acme' });
    const { token, tokenId } = await linkTo(served, { user: 'boss' }, { tenantId: 'acme' });
    const answer = await submit(served, { token, decision: 'approve' });
    expect(answer.status).toBe(200);
    expect(answer.text).toContain('<h1>It is approved</h1>');
    const access = { tenantId: 'acme' };
    await until(
      'the end',
      async () => (await served.manager.getJob('chat-1', access))?.status === 'completed',
    );
    expect(served.runs).toEqual([{ by: 'boss', decisions: APPROVED }]);
    expect(proposals).toMatchObject([{ via: 'link', by: 'boss', decisions: APPROVED }]);
    expect(proposals[0]?.context).toHaveProperty('headers');
    expect(await served.manager.approvals.history('chat-1', access)).toMatchObject([
      { actionId: action.actionId, by: 'boss', via: 'link', idempotencyKey: `link:${tokenId}` },
    ]);
  });

  it('pressed again, by program or form, says that it stands, also when the run is over (L142)', async () => {
    const served = await serveLinks({ adapter });
    const { action } = await ask(served);
    const { token } = await linkTo(served, { decision: 'reject' });
    const first = await press(served, { token });
    expect([first.status, first.body]).toEqual([
      200,
      { decided: true, actionId: action.actionId, decision: 'reject' },
    ]);
    const atOnce = await Promise.all([
      press(served, { token }),
      press(served, { token, decision: 'reject' }),
    ]);
    await until('the end', async () => (await served.manager.getJob('chat-1'))?.status === 'completed');
    const later = await press(served, { token });
    expect([...atOnce, later].map(({ body }) => body)).toEqual(Array(3).fill(first.body));
    await startJob(served.manager, 'chat-1').then((job) => job.complete());
    expect((await submit(served, { token })).text).toContain('It is rejected');
    expect(served.runs).toHaveLength(1);
    const shown = await look(served, token);
    expect([shown.status, codeOf(shown)]).toEqual([409, 'action_decided']);
  });

  it('is refused for its method, and for a body of another kind, size or shape', async () => {
    const served = await serveLinks({ adapter });
    await ask(served);
    const { token } = await linkTo(served);
    const json = { 'content-type': 'application/json' };
    await expectUnchanged(served.manager, async () => {
      const put = await fetch(served.decide, { method: 'PUT' });
      expect([put.status, put.headers.get('allow')]).toEqual([405, 'GET, HEAD, POST, OPTIONS']);
      expect((await fetch(served.decide, { method: 'OPTIONS' })).status).toBe(204);
      for (const [body, headers, code] of [
        [JSON.stringify({ token }), { 'content-type': 'text/plain' }, 'unsupported_media_type'],
        [JSON.stringify({ token }), { ...json, 'content-encoding': 'gzip' }, 'unsupported_media_type'],
        [JSON.stringify({ token, decision: 'edit' }), json, 'invalid_body'],
        [JSON.stringify({ token, by: 'bob' }), json, 'invalid_body'],
        [JSON.stringify({ decision: 'approve' }), json, 'invalid_body'],
        ['{', json, 'invalid_body'],
        [JSON.stringify({ token: 'x'.repeat(20_000) }), json, 'body_too_large'],
      ] as const) {
        expect(codeOf(await press(served, body, headers)), body.slice(0, 40)).toBe(code);
      }
      for (const form of [{ token, user: 'bob' }, { decision: 'approve' }, { token, decision: 'edit' }])
        expect((await submit(served, form as Record<string, string>)).status).toBe(400);
      expect((await press(served, `token=${'x'.repeat(20_000)}`, { 'content-type': FORM_TYPE })).status).toBe(
        413,
      );
    });
    expect((await fetch(`${served.url}/decided`)).status).toBe(404);
  });
});

/** A manager, its links and their route on a clock that stands still. */
async function onFakeTime(input: Parameters<typeof serveLinks>[0] = {}) {
  const clock = new FakeClock();
  const services = createStreamServices({ clock });
  const served = await serveLinks({
    services,
    ...input,
    manager: { clock, ...input.manager },
    links: { clock, ...input.links },
  });
  return { clock, served };
}

const codeOnly = (error: GenerationJobError) => error.code;

type Served = Awaited<ReturnType<typeof serveLinks>>;
interface Late {
  readonly what: string;
  readonly code: string;
  readonly status: number;
  readonly says: string;
  /** Does what comes between the making of a link and its pressing. */
  meanwhile(served: Served, clock: FakeClock, actionId: string): Promise<unknown>;
}
const LATE: readonly Late[] = [
  {
    ...{ what: 'was decided by somebody else', code: 'action_decided', status: 409, says: 'decided already' },
    meanwhile: async ({ manager }, _clock, actionId) => {
      const decisions = [{ id: 'call-1', decision: 'reject' }] as const;
      const { job } = await manager.approvals.resolve('chat-1', { actionId, decisions, by: 'bob' });
      await job.complete();
    },
  },
  {
    ...{ what: 'was decided by another link', code: 'action_decided', status: 409, says: 'decided already' },
    meanwhile: async (served) => {
      await press(served, { token: (await linkTo(served)).token, decision: 'approve' });
      await until('the end', async () => (await served.manager.getJob('chat-1'))?.status === 'completed');
    },
  },
  {
    ...{ what: 'asks something newer', code: 'action_decided', status: 409, says: 'decided already' },
    meanwhile: async ({ manager }, _clock, actionId) => {
      const decisions = [{ id: 'call-1', decision: 'reject' }] as const;
      const { job } = await manager.approvals.resolve('chat-1', { actionId, decisions, by: 'bob' });
      await job.pause({ type: 'tool_approval', requests: [{ id: 'call-1', name: 'pay' }] });
    },
  },
  {
    ...{ what: 'was replaced', code: 'generation_ended', status: 409, says: 'no longer waiting' },
    meanwhile: ({ manager }) => startJob(manager, 'chat-1').then((job) => job.complete()),
  },
  {
    ...{
      what: 'asks the same under the same id anew',
      code: 'generation_ended',
      status: 409,
      says: 'no longer',
    },
    meanwhile: ({ manager }, _clock, actionId) => ask({ manager }, { actionId }),
  },
  {
    ...{ what: 'was stopped', code: 'generation_ended', status: 409, says: 'no longer waiting' },
    meanwhile: ({ manager }) => manager.abortJob('chat-1'),
  },
  {
    ...{ what: 'was deleted', code: 'stream_not_found', status: 404, says: 'no longer there' },
    meanwhile: ({ manager }) => manager.deleteStream('chat-1'),
  },
  {
    ...{
      what: 'expired before anybody decided',
      code: 'action_expired',
      status: 410,
      says: 'time to decide',
    },
    meanwhile: (_served, clock) => clock.advance(61_000),
  },
];

describe('A link that comes too late changes nothing, and says why in words', () => {
  it.each(LATE)('when what it was for $what (L142)', async ({ meanwhile, code, status, says }) => {
    const { served, clock } = await onFakeTime();
    const { approval } = await ask(served, { expiresInMs: 60_000 });
    const record = await served.manager.getJob('chat-1');
    const action = record?.pendingAction;
    if (!record || !action) throw new Error('nothing is asked');
    // It lives longer than the action, by a wrong clock, say.
    const input = { record, action: { ...action, expiresAt: action.expiresAt + 3_600_000 }, user: 'ann' };
    const { token } = await served.links.createDecisionLink(input);
    await meanwhile(served, clock, approval.actionId);
    const before = await served.manager.approvals.history('chat-1').catch(codeOnly);
    const runs = served.runs.length;
    for (const answer of [await press(served, { token, decision: 'approve' }), await look(served, token)]) {
      expect([answer.status, codeOf(answer)]).toEqual([status, code]);
      expect(answer.body.error.message).toContain(says);
    }
    const pages = [
      await submit(served, { token, decision: 'approve' }),
      await look(served, token, { asPage: true }),
    ];
    for (const page of pages) {
      expect([page.status, page.text.includes('<form')]).toEqual([status, false]);
      expect(page.text).toContain(says);
    }
    expect(await served.manager.approvals.history('chat-1').catch(codeOnly)).toEqual(before);
    expect(served.runs).toHaveLength(runs);
  });

  it('and whoever decided before is told: what, by whom and when (L142)', async () => {
    const { served } = await onFakeTime();
    const { approval } = await ask(served);
    const { token } = await linkTo(served, { decision: 'approve' });
    const decisions = [{ id: 'call-1', decision: 'reject' }] as const;
    const said = { actionId: approval.actionId, decisions, by: '<b>ob' };
    const { job } = await served.manager.approvals.resolve('chat-1', said);
    await job.complete();
    const late = await press(served, { token });
    expect(late.body.error.outcome).toMatchObject({ actionId: approval.actionId, by: '<b>ob', decisions });
    const page = await submit(served, { token });
    expect(page.text).toContain('It was rejected by &lt;b&gt;ob, 2030-01-01 00:00 UTC.');
  });

  it('when it has expired itself, a minute after it was made (L142)', async () => {
    const { served, clock } = await onFakeTime();
    await ask(served);
    const { token } = await linkTo(served, { expiresAt: clock.now() + 60_000 });
    expect((await look(served, token)).status).toBe(200);
    await clock.advance(66_000); // clocks of replicas may differ by 5 s
    for (const answer of [await press(served, { token, decision: 'approve' }), await look(served, token)])
      expect([answer.status, codeOf(answer)]).toEqual([410, 'link_expired']);
    expect(await served.manager.approvals.peek('chat-1')).not.toBeNull();
  });

  it('when it allows another decision than the one that is pressed (L142)', async () => {
    const served = await serveLinks();
    await ask(served);
    const { token } = await linkTo(served, { decision: 'reject' });
    await expectUnchanged(served.manager, async () => {
      const other = await press(served, { token, decision: 'approve' });
      expect([other.status, codeOf(other)]).toEqual([400, 'decision_not_allowed']);
      const open = await linkTo(served);
      expect(codeOf(await press(served, { token: open.token }))).toBe('decision_not_allowed');
    });
    expect((await press(served, { token, decision: 'reject' })).status).toBe(200);
  });

  it('when the host refuses it, or the run would not go on as it was paused (L142)', async () => {
    let answer: unknown = false;
    const hooks = { beforeResolve: () => answer as boolean };
    const served = await serveLinks({ manager: { hooks } });
    await ask(served, { fingerprint: 'model-1' });
    const { token } = await linkTo(served, { decision: 'approve' });
    await expectUnchanged(served.manager, async () => {
      expect(codeOf(await press(served, { token }))).toBe('action_refused');
      answer = { fingerprint: 'model-2' };
      expect(codeOf(await press(served, { token }))).toBe('fingerprint_mismatch');
    });
    answer = { fingerprint: 'model-1' };
    expect((await press(served, { token })).status).toBe(200);
  });
});

it('a link whose answer the store kept back decides once when it is pressed again (L142)', async () => {
  let lost = 0;
  const services = createStreamServices();
  const store = wrapStore(services.jobStore, async ({ method, args }, perform) => {
    const answer = await perform();
    const isDecision = method === 'commit' && (args[0] as { name?: string }).name === 'resolve';
    if (!isDecision || lost < 0) return answer;
    lost++;
    throw new GenerationJobError('unavailable', 'No answer.');
  });
  const served = await serveLinks({
    services: { ...services, jobStore: store },
    manager: { options: { leaseMs: 2_000, renewMs: 500, retryMs: 400 } },
  });
  await ask(served);
  const { token } = await linkTo(served);
  const unsure = await submit(served, { token, decision: 'approve' });
  expect([unsure.status, served.runs.length]).toEqual([503, 0]);
  expect(unsure.text).toContain('Try again');
  expect(unsure.text).toContain('name="decision" value="approve"');
  lost = Number.NEGATIVE_INFINITY;
  expect((await submit(served, { token, decision: 'approve' })).status).toBe(200);
  await until('the end', async () => (await served.manager.getJob('chat-1'))?.status === 'completed');
  expect(served.runs).toHaveLength(1);
});

it('a link that is pressed where the same was said without an answer is judged, and recorded, as a link (L142)', async () => {
  let isDown = true;
  const services = createStreamServices();
  const store = wrapStore(services.jobStore, ({ method, args }, perform) => {
    const isDecision = method === 'commit' && (args[0] as { name?: string }).name === 'resolve';
    if (isDecision && isDown) throw new GenerationJobError('unavailable', 'No answer.');
    return perform();
  });
  const ways: unknown[] = [];
  const served = await serveLinks({
    services: { ...services, jobStore: store },
    manager: {
      options: { leaseMs: 2_000, renewMs: 500, retryMs: 400 },
      hooks: { beforeResolve: ({ via }) => void ways.push(via) },
    },
  });
  const { action } = await ask(served);
  const { token, tokenId } = await linkTo(served);
  const { actionId, payloadDigest } = action;
  const said = {
    actionId,
    payloadDigest,
    by: 'ann',
    decisions: [{ id: 'call-1', decision: 'approve' as const }],
  };
  const inSession = served.manager.approvals.resolve('chat-1', said);
  await expect(inSession).rejects.toMatchObject({ code: 'unavailable' });
  isDown = false;
  expect((await press(served, { token, decision: 'approve' })).status).toBe(200);
  expect(ways).toEqual([undefined, 'link']);
  expect(await served.manager.approvals.history('chat-1')).toMatchObject([
    { via: 'link', idempotencyKey: `link:${tokenId}` },
  ]);
  expect((await press(served, { token, decision: 'approve' })).status).toBe(200);
});

it('a replica that leaves decides nothing by a link, and another one does, by the same press (L142)', async () => {
  const services = createStreamServices();
  const leaving = await serveLinks({ services });
  const staying = await serveLinks({ services });
  await ask(leaving);
  const { token } = await linkTo(leaving);
  await leaving.manager.drain({ graceMs: 0 });
  await expectUnchanged(staying.manager, async () => {
    const page = await submit(leaving, { token, decision: 'reject' });
    expect([page.status, page.text.includes('Try again')]).toEqual([503, true]);
    expect(codeOf(await press(leaving, { token, decision: 'reject' }))).toBe('draining');
  });
  expect((await submit(staying, { token, decision: 'reject' })).status).toBe(200);
  await until('the end', async () => (await staying.manager.getJob('chat-1'))?.status === 'completed');
  expect([leaving.runs, staying.runs]).toEqual([
    [],
    [{ by: 'ann', decisions: [{ id: 'call-1', decision: 'reject' }] }],
  ]);
});

describe('questions and several requests', () => {
  const QUESTION = {
    type: 'ask_user_question',
    requests: [],
    questions: [
      {
        ...{ id: 'q', question: 'Which <one>?', multiSelect: true, allowText: false },
        options: [{ label: 'The first', value: 'a' }, { label: 'b' }, { label: 'The third', value: 'c' }],
      },
    ],
  };

  it('a link with fixed options answers a question, and no other way (L143)', async () => {
    const served = await serveLinks();
    await ask(served, QUESTION);
    const { token } = await linkTo(served, { answers: [{ id: 'q', selected: ['c', 'a'] }] });
    const page = await look(served, token, { asPage: true });
    expect(page.text).toContain(
      '<h2>Which &lt;one&gt;?</h2><p dir="auto">Your answer: The third, The first</p>',
    );
    expect(page.text).toContain('>Answer so<');
    expect(codeOf(await press(served, { token, decision: 'approve' }))).toBe('decision_not_allowed');
    expect((await submit(served, { token })).text).toContain('It is answered');
    expect(await served.manager.approvals.history('chat-1')).toMatchObject([
      { answers: [{ id: 'q', selected: ['c', 'a'] }], via: 'link' },
    ]);
    expect((await press(served, { token })).body).toEqual({ decided: true, actionId: expect.any(String) });
  });

  it('a link decides all requests alike (L143)', async () => {
    const served = await serveLinks();
    const requests = ['r1', 'r2', 'r3'].map((id) => ({ id, name: 'pay' }));
    await ask(served, { requests });
    const { token } = await linkTo(served);
    expect((await press(served, { token, decision: 'reject' })).status).toBe(200);
    const [made] = await served.manager.approvals.history('chat-1');
    expect(made?.decisions).toEqual(requests.map(({ id }) => ({ id, decision: 'reject' })));
  });

  it('shows names alone where the host wants it so', async () => {
    const served = await serveLinks({ routes: { shows: 'names' } });
    await ask(served, {
      type: 'mixed',
      payload: { secret: 'p' },
      requests: [{ id: 'r', name: 'pay', arguments: { secret: 'a' }, description: 'secret d' }],
    });
    const { token } = await linkTo(served);
    const [seen, page] = [await look(served, token), await look(served, token, { asPage: true })];
    expect(seen.body.action).toEqual({ type: 'mixed', requests: [{ name: 'pay' }], questions: [] });
    expect(page.text).not.toContain('secret');
  });

  it('shows names alone of what somebody else has decided, too (L142)', async () => {
    const actionTypes = [{ type: 'mixed', response: z.object({ secret: z.literal('c') }) }];
    const served = await serveLinks({ routes: { shows: 'names' }, manager: { actionTypes } });
    const { action } = await ask(served, {
      type: 'mixed',
      requests: [{ id: 'r', name: 'pay', arguments: {}, allowedDecisions: ['approve', 'edit'] }],
      questions: [{ id: 'q', question: 'Why?', options: [{ label: 'no reason' }], allowText: true }],
    });
    const { token } = await linkTo(served, { answers: [{ id: 'q', selected: ['no reason'] }] });
    const { job } = await served.manager.approvals.resolve('chat-1', {
      ...{ actionId: action.actionId, by: 'bob', response: { secret: 'c' } },
      decisions: [{ id: 'r', decision: 'edit', arguments: { secret: 'a' }, reason: 'secret reason' }],
      answers: [{ id: 'q', text: 'secret answer' }],
    });
    await job.complete();
    for (const answer of [
      await look(served, token),
      await press(served, { token, decision: 'approve' }),
      await look(served, token, { asPage: true }),
      await submit(served, { token, decision: 'approve' }),
    ]) {
      expect(answer.status).toBe(409);
      expect(answer.text).not.toContain('secret');
    }
    expect((await look(served, token)).body.error.outcome).toEqual({
      ...{ actionId: action.actionId, by: 'bob', at: expect.any(Number) },
      decisions: [{ id: 'r', decision: 'edit' }],
    });
  });

  it('a link decides nothing whose type of action wants a response, and says so before it is pressed (L143)', async () => {
    const actionTypes = [
      { type: 'rate', response: z.object({ stars: z.string() }) },
      { type: 'note', response: z.object({ text: z.string() }).optional() },
    ];
    const served = await serveLinks({ manager: { actionTypes } });
    await ask(served, { type: 'rate' });
    const { token } = await linkTo(served);
    await expectUnchanged(served.manager, async () => {
      for (const answer of [await look(served, token), await press(served, { token, decision: 'approve' })])
        expect([answer.status, codeOf(answer)]).toEqual([400, 'decision_not_linkable']);
      for (const page of [
        await look(served, token, { asPage: true }),
        await submit(served, { token, decision: 'approve' }),
      ]) {
        expect([page.status, page.text.includes('<form')]).toEqual([400, false]);
        expect(page.text).toContain('Decide it in the application');
      }
    });
    await ask(served, { type: 'note' }, { streamId: 'chat-2' });
    const other = await linkTo(served, {}, { streamId: 'chat-2' });
    expect((await press(served, { token: other.token, decision: 'approve' })).status).toBe(200);
  });
});

describe('what is in nobody’s hands but the holder’s', () => {
  it('every answer is kept nowhere, framed by nobody, and tells nobody where it was (A32)', async () => {
    const served = await serveLinks();
    await ask(served);
    const { token } = await linkTo(served);
    const answers = [
      await look(served, token),
      await look(served, token, { asPage: true }),
      await look(served, 'nonsense', { asPage: true }),
      await press(served, 'nonsense'),
      await submit(served, { token, decision: 'approve' }),
    ];
    for (const { headers } of answers) {
      expect(headers.get('cache-control')).toBe('private, no-store');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('x-robots-tag')).toContain('noindex');
      expect(headers.get('x-frame-options')).toBe('DENY');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      const policy = headers.get('content-security-policy') ?? '';
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toContain('unsafe');
    }
  });

  it('text of a model is text of the page, and what can’t be seen is shown (A32)', async () => {
    const served = await serveLinks();
    const [name, description] = [CANARY, `${CANARY} two`];
    await ask(served, {
      type: 'mixed',
      payload: { [CANARY]: CANARY },
      requests: [{ id: 'r', name, description, arguments: { [CANARY]: [CANARY, '\u0000\ud800'] } }],
    });
    const { token } = await linkTo(served, { user: CANARY });
    const { text } = await look(served, token, { asPage: true });
    expect(text).not.toContain('<script');
    expect(text).not.toContain('\u202e');
    expect(text.split('&lt;script&gt;alert(1)&lt;/script&gt;').length).toBeGreaterThan(7);
    expect(text).toContain('\\u202egnp.exe');
    expect(
      text.match(/<[a-z0-9]+/g)?.every((tag) => !/^<(script|img|svg|iframe|a|object|link)$/.test(tag)),
    ).toBe(true);
  });

  it('a token is in no log and no metric, its requests are counted, and what it may do is bounded in time (A32)', async () => {
    const registry = new Registry();
    const { served, clock } = await onFakeTime({ manager: { observer: createMetrics({ registry }) } });
    await ask(served);
    const { token, tokenId } = await linkTo(served);
    const other = await linkTo(served);
    const statuses: number[] = [];
    for (let request = 0; request < 12; request++) statuses.push((await look(served, token)).status);
    expect(statuses).toEqual([...Array(10).fill(200), 429, 429]);
    expect((await look(served, token)).headers.get('retry-after')).toBe('1');
    expect((await look(served, other.token)).status).toBe(200);
    await clock.advance(1_000);
    expect((await press(served, { token, decision: 'approve' })).status).toBe(200);
    expect((await press(served, { token, decision: 'approve' })).status).toBe(200);
    await look(served, `${token}x`);
    const text = await registry.metrics();
    const counted = (result: string) =>
      Number(text.match(new RegExp(`decision_link_requests_total\\{result="${result}"\\} (\\d+)`))?.[1]);
    expect(['shown', 'decided', 'repeated', 'refused', 'invalid'].map(counted)).toEqual([11, 1, 1, 3, 1]);
    const logs = served.logged.join('\n');
    expect(logs).toContain(tokenId);
    for (const part of token.split('.')) expect(`${logs}\n${text}`).not.toContain(part);
  });
});
