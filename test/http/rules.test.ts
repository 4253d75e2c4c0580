/** Rules over HTTP: given with a decision, listed and revoked by who has them, and by nobody else. */
import { createStreamClient } from 'generation-jobs/client';
import { createMemoryRules, createStandingDecisions, type StandingDecisions } from 'generation-jobs/rules';
import { describe, expect, it } from 'vitest';
import { ask, decide } from './asking.js';
import { ADAPTERS, codeOf, getJson, type Served, type ServeInput, send, serve, startJob } from './serving.js';

const MAIL = { to: 'bob' };

interface Stage extends Served {
  readonly rules: StandingDecisions;
}

async function stage(
  input: ServeInput = {},
  rules = createStandingDecisions({ store: createMemoryRules() }),
): Promise<Stage> {
  const served = await serve({
    ...input,
    manager: { rules, ...input.manager },
    routes: { onResume: () => null, ...input.routes },
  });
  return { ...served, rules };
}

const rulesSeen = async (served: Served, session = 'ann') =>
  (await getJson(`${served.url}/rules`, { 'x-session': session })).body as { ruleId: string }[];
const revoke = (served: Served, ruleId: string, session = 'ann') =>
  send(served.port, 'DELETE', `rules/${encodeURIComponent(ruleId)}`, { 'x-session': session });

/** A decision of ann's that approves the mail she was asked about, with this query. */
async function remember(served: Served, query: string, more: object = {}, streamId = 'chat-1') {
  const { approval } = await ask(served, {}, { streamId, userId: 'ann' });
  const body = { ...approval, ...more };
  const answer = await decide({ url: served.url }, body, {}, query);
  return { ...answer, body: answer.body as { rules?: { ruleId: string }[] }, sent: body };
}

describe.each(ADAPTERS)('through the %s adapter', (adapter) => {
  it('L155 a decision is remembered, the next call is not asked about, and the rule is listed and revoked', async () => {
    const served = await stage({ adapter });
    const { status, body } = await remember(served, '?remember=user&rememberMs=60000&rememberTimes=3');
    expect(status).toBe(202);
    const [rule] = await rulesSeen(served);
    expect(body.rules).toEqual([rule]);
    expect(rule).toMatchObject({
      tool: 'send_mail',
      match: { kind: 'exact', arguments: MAIL },
      scope: 'user',
    });
    expect(rule).toMatchObject({ givenBy: 'ann', budget: 3, used: 0 });
    expect(Object.keys(rule ?? {})).not.toContain('origin');
    const job = await startJob(served.manager, 'chat-2', { userId: 'ann' });
    const call = { job, tool: 'send_mail', arguments: MAIL };
    expect(await served.rules.allows({ ...call, callId: 'c-1' })).toMatchObject({ allowed: true });
    expect(await rulesSeen(served)).toMatchObject([{ used: 1 }]);
    const revoked = await revoke(served, rule?.ruleId ?? '');
    expect([revoked.status, revoked.body]).toEqual([200, { revoked: true }]);
    expect((await revoke(served, rule?.ruleId ?? '')).body).toEqual({ revoked: false });
    expect(await served.rules.allows({ ...call, callId: 'c-2' })).toEqual({ allowed: false });
    expect(await rulesSeen(served)).toEqual([]);
    await job.complete();
  });
});

describe('rules over HTTP', () => {
  it('A33 are somebody’s own: others see none of them, and revoke none, as if there were none', async () => {
    const served = await stage();
    const { body } = await remember(served, '?remember=user');
    const ruleId = body.rules?.[0]?.ruleId ?? '';
    const none = await revoke(served, 'no-such-rule', 'eve');
    for (const session of ['eve', 't/ann']) {
      expect(await rulesSeen(served, session)).toEqual([]);
      const answer = await revoke(served, ruleId, session);
      expect([answer.status, answer.body]).toEqual([none.status, none.body]);
    }
    for (const [method, path] of [
      ['GET', 'rules'],
      ['DELETE', `rules/${ruleId}`],
    ] as const) {
      const nobody = await fetch(`${served.url}/${path}`, { method });
      expect([nobody.status, codeOf({ body: await nobody.json() })]).toEqual([404, 'stream_not_found']);
    }
    expect(await rulesSeen(served)).toHaveLength(1);
  });

  it('A33 of a tenant are neither given, shown nor revoked by a person, and the decision stands', async () => {
    const reports: unknown[] = [];
    const served = await stage({ manager: { hooks: { onError: (report) => void reports.push(report) } } });
    const { status, body } = await remember(served, '?remember=tenant');
    expect([status, body.rules]).toEqual([202, []]);
    expect(reports).toMatchObject([{ where: 'rules', error: { code: 'rule_refused' } }]);
    const match = { kind: 'exact', arguments: MAIL } as const;
    const { ruleId } = await served.rules.add({ tool: 'send_mail', match, scope: 'tenant', givenBy: 'boss' });
    expect(await rulesSeen(served)).toEqual([]);
    expect((await revoke(served, ruleId)).body).toEqual({ revoked: false });
    expect(await served.rules.list({})).toHaveLength(1);
  });

  it('A33 are refused to pages of another origin: given, listed and revoked', async () => {
    const served = await stage();
    const { body } = await remember(served, '?remember=user');
    const foreign = { origin: 'https://evil.example', 'content-type': 'application/json' };
    for (const [method, path] of [
      ['GET', 'rules'],
      ['DELETE', `rules/${body.rules?.[0]?.ruleId}`],
      ['POST', 'resume?remember=user'],
    ] as const) {
      const answer = await send(served.port, method, path, foreign);
      expect([answer.status, codeOf(answer)], path).toEqual([403, 'origin_refused']);
    }
    expect(await rulesSeen(served)).toHaveLength(1);
  });

  it('L155 a query that says what can’t be is refused before anything is decided; what is not known is ignored', async () => {
    const served = await stage();
    for (const [index, query] of [
      '?remember=everybody',
      '?remember=',
      '?remember=user&rememberMs=1e5',
      '?remember=user&rememberMs=-5',
      '?remember=user&rememberTimes=1.5',
      '?remember=user&rememberTimes=',
      `?remember=user&rememberMs=${'9'.repeat(40)}`,
    ].entries()) {
      const { status, body } = await remember(served, query, {}, `bad-${index}`);
      expect([status, codeOf({ body })], query).toEqual([400, 'invalid_argument']);
      expect(await served.manager.approvals.peek(`bad-${index}`)).not.toBeNull();
    }
    for (const [index, query] of [
      '?remember=user&rememberTimes=0',
      '?remember=user&rememberMs=999',
    ].entries()) {
      const { status, body } = await remember(served, query, {}, `far-${index}`);
      expect([status, codeOf({ body })], query).toEqual([400, 'invalid_action']);
      expect(await served.manager.approvals.peek(`far-${index}`)).not.toBeNull();
    }
    expect(await remember(served, '?rememberMs=nonsense&more=1', {}, 'good')).toMatchObject({ status: 202 });
    expect(await rulesSeen(served)).toEqual([]);
  });

  it('L155 a server without rules ignores what is to be remembered, and has no such routes', async () => {
    const served = await stage({
      manager: { rules: undefined },
      after: (app) => app.use((_, response) => void response.status(418).json({})),
    });
    const { status, body } = await remember(served, '?remember=user');
    expect([status, body.rules]).toEqual([202, undefined]);
    expect((await send(served.port, 'GET', 'rules')).status).toBe(418);
    expect((await send(served.port, 'DELETE', 'rules/r')).status).toBe(418);
  });

  it('L155 a decision sent again under its key is answered with the rules that stand of it, and revives none', async () => {
    const served = await stage();
    const { body, sent } = await remember(served, '?remember=user', { idempotencyKey: 'once' });
    const again = () => decide({ url: served.url }, sent, {}, '?remember=user');
    expect(await again()).toMatchObject({ status: 202, body: { rules: body.rules } });
    await revoke(served, body.rules?.[0]?.ruleId ?? '');
    expect(await again()).toMatchObject({ status: 202, body: { rules: [] } });
    expect(await rulesSeen(served)).toEqual([]);
  });

  it('L155 have their methods, odd ids name no rule, and what is the host’s of a rule is not shown', async () => {
    const served = await stage({ routes: { cors: true, allowedOrigins: ['https://app.example'] } });
    for (const [method, path, status, allow] of [
      ['POST', 'rules', 405, 'GET, HEAD, OPTIONS'],
      ['GET', 'rules/r', 405, 'DELETE, OPTIONS'],
      ['OPTIONS', 'rules/r', 204, 'DELETE, OPTIONS'],
      ['HEAD', 'rules', 200, undefined],
    ] as const) {
      const answer = await send(served.port, method, path);
      expect([answer.status, answer.headers.allow], path).toEqual([status, allow]);
    }
    const preflight = await send(served.port, 'OPTIONS', 'rules/r', { origin: 'https://app.example' });
    expect(preflight.headers['access-control-allow-methods']).toBe('DELETE, OPTIONS');
    for (const odd of ['%', '%00', 'x'.repeat(3_000), '..%2f..', '%F0%9F%99%82']) {
      const answer = await send(served.port, 'DELETE', `rules/${odd}`);
      expect([answer.status, answer.body], odd).toEqual([200, { revoked: false }]);
    }
    const match = { kind: 'host', names: ['to'], terms: { secret: 'canary-77aa' } } as const;
    await served.rules.add({ tool: 'send_mail', match, scope: 'user', userId: 'ann', givenBy: 'ann' });
    const seen = await rulesSeen(served);
    expect(seen).toMatchObject([{ match: { kind: 'host', names: ['to'] } }]);
    expect(JSON.stringify(seen)).not.toContain('canary-77aa');
  });

  it('L155 are given, listed and revoked by the client', async () => {
    const served = await stage();
    const client = createStreamClient({ url: served.url, headers: { 'x-session': 'ann' } });
    const { action } = await ask(served);
    const rememberOnce = { remember: { scope: 'conversation', budget: 1, expiresInMs: 5_000 } } as const;
    const given = await client.decide('chat-1', action, 'approve', rememberOnce);
    expect(given).toMatchObject([{ scope: 'conversation', conversationId: 'chat-1', budget: 1 }]);
    expect(await client.rules()).toEqual(given);
    expect(await client.revokeRule(given[0]?.ruleId ?? '')).toBe(true);
    expect(await client.revokeRule(given[0]?.ruleId ?? '')).toBe(false);
    expect(await client.rules()).toEqual([]);
  });
});
