/** Standing decisions with a manager, in memory: what they allow, what is told of it, and what becomes of them. */
import {
  type Continuation,
  createStreamServices,
  type ErrorReport,
  type GenerationJob,
  GenerationJobError,
  GenerationJobManager,
  type ManagerInput,
  type ResolveInput,
} from 'generation-jobs';
import {
  createMemoryRules,
  createStandingDecisions,
  type Rule,
  type RuleInput,
  type RuleStore,
  type StandingDecisions,
  type StandingDecisionsInput,
} from 'generation-jobs/rules';
import { afterEach, describe, expect, it } from 'vitest';
import { wrapStore } from '../../src/testing/wrapped-store.js';

const MAIL = { to: 'bob', text: 'hi' };
const EXACT = { kind: 'exact', arguments: MAIL } as const;
const OWN: RuleInput = { tool: 'send_mail', match: EXACT, scope: 'user', userId: 'ann', givenBy: 'ann' };

const managers: GenerationJobManager[] = [];
afterEach(async () => {
  for (const manager of managers.splice(0)) await manager.close();
});

interface Stage {
  readonly manager: GenerationJobManager;
  readonly rules: StandingDecisions;
  readonly reports: ErrorReport[];
  readonly outcomes: string[];
}

function stage(input: Partial<StandingDecisionsInput> = {}, more: Partial<ManagerInput> = {}): Stage {
  const rules = createStandingDecisions({ store: createMemoryRules(), ...input });
  const reports: ErrorReport[] = [];
  const outcomes: string[] = [];
  const { hooks, ...rest } = more;
  const manager = new GenerationJobManager({
    ...createStreamServices(),
    rules,
    observer: { ruleUsed: (outcome) => void outcomes.push(outcome) },
    hooks: { onError: (report) => void reports.push(report), ...hooks },
    ...rest,
  });
  managers.push(manager);
  return { manager, rules, reports, outcomes };
}

async function start(manager: GenerationJobManager, streamId = 's', userId = 'ann'): Promise<GenerationJob> {
  const made = await manager.createJob({ streamId, userId });
  if (!made.started) throw new Error('not started');
  return made.job;
}

/** A store whose method does its work, and whose answer is lost as long as is said. */
function faulty(method: keyof RuleStore, isLost: () => boolean): RuleStore {
  const kept = createMemoryRules();
  return new Proxy(kept, {
    get: (_, name: keyof RuleStore) => {
      const work = kept[name].bind(kept) as (...given: unknown[]) => Promise<unknown>;
      if (name !== method) return work;
      return async (...given: unknown[]) => {
        const answer = await work(...given);
        if (isLost()) throw new Error('the answer was lost');
        return answer;
      };
    },
  });
}

async function eventsOf(manager: GenerationJobManager, name: string, streamId = 's'): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const { event, data } of manager.subscribe(streamId)) if (event === name) found.push(data);
  return found;
}

const call = (job: GenerationJob, callId = 'call-1', args: unknown = MAIL) =>
  ({ job, tool: 'send_mail', arguments: args, callId }) as const;

/** A job that asks about two calls and is decided. */
async function decide(
  { manager }: Stage,
  input: Partial<ResolveInput>,
): Promise<{ rules: readonly Rule[] | undefined; job: GenerationJob; continuation: Continuation }> {
  const asking = await start(manager);
  const { actionId } = await asking.pause({
    type: 'tool_approval',
    requests: [
      { id: 'a', name: 'send_mail', arguments: MAIL, allowedDecisions: ['approve', 'reject', 'edit'] },
      { id: 'b', name: 'pay', arguments: { amount: 5 } },
    ],
  });
  const decisions = [
    { id: 'a', decision: 'approve' },
    { id: 'b', decision: 'reject' },
  ] as const;
  const { rules, job, continuation } = await manager.approvals.resolve('s', {
    actionId,
    by: 'ann',
    decisions,
    ...input,
  });
  return { rules, job, continuation };
}

describe('a call that a rule allows', () => {
  it('L154 is recorded as an event and as a use, with who gave the rule, before the answer is yes', async () => {
    const { manager, rules, outcomes } = stage();
    const rule = await rules.add({ ...OWN, givenBy: 'boss', budget: 3 });
    const job = await start(manager);
    const answer = await rules.allows(call(job));
    expect(answer).toEqual({ allowed: true, rule, isRepeat: false });
    const said = {
      ruleId: rule.ruleId,
      tool: 'send_mail',
      scope: 'user',
      givenBy: 'boss',
      givenAt: rule.givenAt,
    };
    const { uses } = await rules.uses({ userId: 'ann' });
    const place = { streamId: 's', generation: job.generation, callId: 'call-1', conversationId: 's' };
    expect(uses).toEqual([{ ...said, ...place, userId: 'ann', at: uses[0]?.at }]);
    expect((await rules.list({ userId: 'ann' }))[0]?.used).toBe(1);
    await job.complete();
    expect(await eventsOf(manager, 'rule_used')).toEqual([{ ...said, callId: 'call-1' }]);
    expect(outcomes).toEqual(['allowed']);
  });

  it('L154 costs nothing when it is asked for again, and is told once by its job', async () => {
    const { manager, rules, outcomes } = stage();
    await rules.add({ ...OWN, budget: 1 });
    const job = await start(manager);
    expect(await rules.allows(call(job))).toMatchObject({ allowed: true, isRepeat: false });
    expect(await rules.allows(call(job))).toMatchObject({ allowed: true, isRepeat: true });
    expect(await rules.allows(call(job, 'call-2'))).toEqual({ allowed: false });
    await job.complete();
    expect(await eventsOf(manager, 'rule_used')).toHaveLength(1);
    expect(outcomes).toEqual(['allowed', 'repeated', 'refused']);
  });

  it('L154 is another use with other arguments under the same call id, so that no id is a free pass', async () => {
    const { manager, rules } = stage();
    const match = { kind: 'prefix', argument: 'path', of: 'path', prefix: '/srv' } as const;
    await rules.add({ ...OWN, match, budget: 2 });
    const job = await start(manager);
    for (const [path, allowed] of [
      ['/srv/a', true],
      ['/srv/b', true],
      ['/srv/c', false],
      ['/srv/a', true],
    ] as const)
      expect(await rules.allows(call(job, 'same', { path })), path).toMatchObject({ allowed });
  });

  it('L154 is one of the job’s own user, conversation and tenant, whatever else there is', async () => {
    const { manager, rules } = stage();
    await rules.add({ ...OWN, userId: 'eve' });
    await rules.add({ ...OWN, tenantId: 'other' });
    await rules.add({ ...OWN, scope: 'conversation', conversationId: 'elsewhere' });
    const { userId: _, ...ofTenant } = OWN;
    await rules.add({ ...ofTenant, scope: 'tenant', tenantId: 'other' });
    const job = await start(manager);
    expect(await rules.allows(call(job))).toEqual({ allowed: false });
    expect(await rules.allows({ ...call(job), conversationId: 'elsewhere' })).toMatchObject({
      allowed: true,
    });
    await rules.add({ ...ofTenant, scope: 'tenant' });
    expect(await rules.allows(call(job))).toMatchObject({ allowed: true, rule: { scope: 'tenant' } });
  });

  it('L154 goes by the rule that was given first, so that a repeat meets the same one', async () => {
    const { manager, rules } = stage();
    const first = await rules.add({ ...OWN, ruleId: 'a', budget: 1 });
    const job = await start(manager);
    expect(await rules.allows(call(job))).toMatchObject({ rule: { ruleId: first.ruleId } });
    const second = await rules.add({ ...OWN, ruleId: 'b' });
    expect(await rules.allows(call(job))).toMatchObject({ rule: { ruleId: first.ruleId }, isRepeat: true });
    expect(await rules.allows(call(job, 'call-2'))).toMatchObject({ rule: { ruleId: second.ruleId } });
    await rules.revoke({ userId: 'ann' }, first.ruleId);
    expect(await rules.allows(call(job))).toMatchObject({ rule: { ruleId: second.ruleId }, isRepeat: false });
  });

  it('L154 is judged by the host where the rule says so, and one that throws or says more than true allows nothing', async () => {
    const answers: unknown[] = [true, false, 'yes', 1];
    const seen: unknown[] = [];
    const { manager, rules, reports } = stage({
      matches: (rule, asked) => {
        seen.push(rule.match.kind === 'host' && rule.match.terms, asked.arguments);
        if (answers.length === 0) throw new Error('judged badly');
        return answers.shift() as boolean;
      },
    });
    await rules.add({ ...OWN, match: { kind: 'host', names: ['to', 'text'], terms: { most: 5 } } });
    const job = await start(manager);
    const asked: unknown[] = [];
    for (let at = 0; at < 5; at++) asked.push((await rules.allows(call(job, `call-${at}`))).allowed);
    expect(asked).toEqual([true, false, false, false, false]);
    expect(await rules.allows(call(job, 'more', { ...MAIL, bcc: 'eve' }))).toEqual({ allowed: false });
    expect(seen).toHaveLength(10);
    expect(seen.slice(0, 2)).toEqual([{ most: 5 }, MAIL]);
    expect(reports).toMatchObject([{ where: 'rules', error: { message: 'judged badly' } }]);
  });

  it('L154 is not made by a job that is over: what can’t be recorded is not allowed', async () => {
    const { manager, rules, reports } = stage();
    await rules.add(OWN);
    const job = await start(manager);
    await manager.abortJob('s');
    expect(await rules.allows(call(job))).toEqual({ allowed: false });
    expect(await eventsOf(manager, 'rule_used')).toEqual([]);
    expect(reports).toEqual([]);
  });

  it('F57 is spent once when only the answers of the store were lost', async () => {
    let spends = 0;
    const store = faulty('spend', () => ++spends < 3);
    const { manager, rules, reports, outcomes } = stage({ store }, { options: { retryMs: 1 } });
    await rules.add({ ...OWN, budget: 1 });
    expect(await rules.allows(call(await start(manager)))).toMatchObject({ allowed: true, isRepeat: true });
    expect([spends, outcomes, reports]).toEqual([3, ['repeated'], []]);
    expect(await rules.list({ userId: 'ann' })).toMatchObject([{ used: 1 }]);
  });

  it.each(['list', 'spend'] as const)(
    'F57 is asked about where the store does not answer (%s), and the host is told',
    async (method) => {
      const store = faulty(method, () => true);
      const { manager, rules, reports, outcomes } = stage(
        { store },
        { options: { hookMs: 200, retryMs: 1 } },
      );
      await rules.add(OWN);
      expect(await rules.allows(call(await start(manager)))).toEqual({ allowed: false });
      expect(reports).toMatchObject([{ where: 'rules', record: { streamId: 's' } }]);
      expect(outcomes).toEqual(['failed']);
    },
  );
});

describe('a decision that is remembered', () => {
  it('L155 makes an exact rule of each call that was approved, for who decided, and the next one is not asked about', async () => {
    const {
      rules: made,
      job,
      continuation,
    } = await (async () => {
      const on = stage();
      const decided = await decide(on, {
        remember: { scope: 'conversation', expiresInMs: 60_000, budget: 2 },
      });
      const { rules } = on;
      expect(await rules.allows(call(decided.job, 'later'))).toMatchObject({ allowed: true });
      expect(await rules.allows({ ...call(decided.job, 'pay', { amount: 5 }), tool: 'pay' })).toEqual({
        allowed: false,
      });
      return decided;
    })();
    const { actionId } = continuation.action ?? {};
    const origin = { streamId: 's', generation: job.generation, actionId, requestId: 'a' };
    expect(made).toHaveLength(1);
    const [rule] = made ?? [];
    expect(rule).toMatchObject({
      ...{ tool: 'send_mail', match: EXACT, scope: 'conversation', conversationId: 's' },
      origin,
    });
    expect(rule).toMatchObject({ userId: 'ann', givenBy: 'ann', budget: 2, used: 0 });
    expect((rule?.expiresAt ?? 0) - (rule?.givenAt ?? 0)).toBe(60_000);
  });

  it('L155 makes none of what was rejected, edited, or left out, and none where nothing is to be remembered', async () => {
    const edited = { id: 'a', decision: 'edit', arguments: { to: 'eve' } } as const;
    const other = { id: 'b', decision: 'approve' } as const;
    for (const input of [
      { decisions: [edited, { id: 'b', decision: 'reject' }], remember: { scope: 'user' } },
      { decisions: [{ id: 'a', decision: 'approve' }, other], remember: { scope: 'user', requests: ['c'] } },
    ] as const) {
      const on = stage();
      expect((await decide(on, input)).rules).toEqual([]);
      expect(await on.rules.list({ userId: 'ann' })).toEqual([]);
    }
    expect((await decide(stage(), {})).rules).toBeUndefined();
  });

  it('L155 gives nobody a rule for others, unless the host says so; the decision stands', async () => {
    for (const input of [
      { remember: { scope: 'tenant' }, by: 'ann' },
      { remember: { scope: 'user' }, by: 'support' },
    ] as const) {
      const on = stage();
      const { rules: made, job } = await decide(on, input);
      expect(made).toEqual([]);
      expect(job.isOver).toBe(false);
      expect(on.reports).toMatchObject([{ where: 'rules', error: { code: 'rule_refused' } }]);
      const asked: unknown[] = [];
      const willing = stage({
        mayGive: ({ rule, by, context }) => asked.push([rule.scope, by, context]) > 0,
      });
      expect((await decide(willing, { ...input, context: 'c' })).rules).toMatchObject([
        { scope: input.remember.scope },
      ]);
      expect(asked).toEqual([[input.remember.scope, input.by, 'c']]);
    }
    const unwilling = stage({ mayGive: () => 'yes' as never });
    expect((await decide(unwilling, { remember: { scope: 'user' } })).rules).toEqual([]);
  });

  it('L155 is refused before anything is decided where there are no rules, or it says what can’t be', async () => {
    const without = stage({}, { rules: undefined });
    for (const [on, remember] of [
      [without, { scope: 'user' }],
      [stage(), { scope: 'everybody' }],
      [stage(), { scope: 'user', budget: 0 }],
      [stage(), { scope: 'user', expiresInMs: 999 }],
      [stage(), { scope: 'user', times: 3 }],
    ] as const) {
      await expect(decide(on, { remember: remember as never })).rejects.toMatchObject({
        code: 'invalid_action',
      });
      expect(await on.manager.approvals.peek('s')).not.toBeNull();
    }
  });

  it('L155 whose rule was revoked does not bring it back, however often the rule is asked for again', async () => {
    const on = stage();
    const { rules: made, continuation } = await decide(on, { remember: { scope: 'user' } });
    const ruleId = made?.[0]?.ruleId ?? '';
    expect(await on.rules.remember(continuation, { scope: 'user' })).toMatchObject([{ ruleId }]);
    await on.rules.revoke({ userId: 'ann' }, ruleId);
    await expect(on.rules.remember(continuation, { scope: 'user' })).rejects.toMatchObject({
      code: 'rule_revoked',
    });
    expect(await on.rules.list({ userId: 'ann' })).toEqual([]);
  });

  it('L155 that can’t be remembered whole is as far as it can, and each failure is told', async () => {
    const decisions = ['a', 'b'].map((id) => ({ id, decision: 'approve' as const }));
    const full = stage({ mostRules: 1 });
    const { rules: made } = await decide(full, { decisions, remember: { scope: 'user' } });
    expect(made).toEqual(await full.rules.list({ userId: 'ann' }));
    expect(made).toHaveLength(1);
    expect(full.reports).toMatchObject([{ where: 'rules', error: { code: 'rules_limit' } }]);

    const large = stage();
    const asking = await start(large.manager);
    const { actionId } = await asking.pause({
      type: 'tool_approval',
      requests: [
        { id: 'a', name: 'send_mail', arguments: { text: 'x'.repeat(9_000) } },
        { id: 'b', name: 'pay', arguments: { amount: 5 } },
      ],
    });
    const said = { actionId, by: 'ann', decisions, remember: { scope: 'user' } } as const;
    const decided = await large.manager.approvals.resolve('s', said);
    expect(decided.rules).toMatchObject([{ tool: 'pay' }]);
    expect(large.reports).toMatchObject([{ where: 'rules', error: { code: 'invalid_argument' } }]);
    await expect(large.rules.remember(decided.continuation, { scope: 'user' })).rejects.toThrow('match');

    const judging = stage({
      mayGive: ({ rule }) => {
        if (rule.tool === 'pay') throw new Error('judged badly');
        return true;
      },
    });
    expect((await decide(judging, { decisions, remember: { scope: 'user' } })).rules).toMatchObject([
      { tool: 'send_mail' },
    ]);
    expect(judging.reports).toMatchObject([
      { where: 'rules', error: { code: 'rule_refused', cause: { message: 'judged badly' } } },
    ]);
  });

  it('F57 is remembered once when only the answers of the store were lost', async () => {
    let adds = 0;
    const on = stage({ store: faulty('add', () => ++adds < 3) }, { options: { retryMs: 1 } });
    const { rules: made } = await decide(on, { remember: { scope: 'user' } });
    expect(made).toEqual(await on.rules.list({ userId: 'ann' }));
    expect([made?.length, adds, on.reports]).toEqual([1, 3, []]);
  });

  it('F57 that was made by a replica that has died is remembered when it is sent again under its key', async () => {
    const [services, store] = [createStreamServices(), createMemoryRules()];
    let isLost = true;
    const jobStore = wrapStore(services.jobStore, async ({ method, args }, perform) => {
      const answer = await perform();
      if (isLost && method === 'commit' && (args[0] as { name?: string }).name === 'resolve')
        throw new GenerationJobError('unavailable', 'No answer.');
      return answer;
    });
    const options = { leaseMs: 2_000, renewMs: 500, retryMs: 400 };
    const [one, two] = [stage({ store }, { ...services, jobStore, options }), stage({ store }, services)];
    const remember = { scope: 'user' } as const;
    const actionId = 'asked';
    const requests = [{ id: 'a', name: 'send_mail', arguments: MAIL }];
    await (await start(one.manager)).pause({ type: 'tool_approval', actionId, requests });
    const decisions = [{ id: 'a', decision: 'approve' as const }];
    const said = { actionId, by: 'ann', decisions, remember, idempotencyKey: 'once' };
    await expect(one.manager.approvals.resolve('s', said)).rejects.toMatchObject({ code: 'unavailable' });
    isLost = false;
    expect(await two.rules.list({ userId: 'ann' })).toEqual([]);
    const again = () => two.manager.approvals.resolve('s', said);
    await expect(again()).rejects.toMatchObject({ repeated: true });
    const [rule, ...others] = await two.rules.list({ userId: 'ann' });
    expect([rule?.tool, others]).toEqual(['send_mail', []]);
    await two.rules.revoke({ userId: 'ann' }, rule?.ruleId ?? '');
    await expect(again()).rejects.toMatchObject({ repeated: true });
    expect(await two.rules.list({ userId: 'ann' })).toEqual([]);
    expect(two.reports).toMatchObject([{ where: 'rules', error: { code: 'rule_revoked' } }]);
  });

  it.each([
    { recovers: true, made: ['send_mail'], told: [] },
    { recovers: false, made: [], told: ['generation_ended'] },
  ])(
    'F57 is remembered, or the host is told, where its replica leaves before the run goes on (recovers: $recovers)',
    async ({ recovers, made, told }) => {
      const services = createStreamServices();
      const leaving: Promise<void>[] = [];
      const jobStore = wrapStore(services.jobStore, async ({ method, args }, perform) => {
        const answer = await perform();
        if (method === 'commit' && (args[0] as { name?: string }).name === 'resolve')
          leaving.push(on.manager.drain({ graceMs: 0 }));
        return answer;
      });
      const reports: ErrorReport[] = [];
      const hooks = {
        onError: (report: ErrorReport) => void reports.push(report),
        ...(recovers && { recover: () => undefined }),
      };
      const on = stage({}, { ...services, jobStore: { ...jobStore, shared: true }, hooks });
      await expect(decide(on, { remember: { scope: 'user' } })).rejects.toThrow('stopped');
      await Promise.all(leaving);
      expect((await on.rules.list({ userId: 'ann' })).map(({ tool }) => tool)).toEqual(made);
      expect(
        reports
          .filter(({ where }) => where === 'rules')
          .map(({ error }) => (error as { code?: string }).code),
      ).toEqual(told);
    },
  );

  it('L155 makes no rule of an action that asks something else', async () => {
    const { manager, rules } = stage();
    const job = await start(manager);
    const requests = [{ id: 'a', name: 'send_mail', arguments: MAIL }];
    const { actionId } = await job.pause({ type: 'checkpoint', requests });
    const decided = { actionId, by: 'ann', decisions: [{ id: 'a', decision: 'approve' as const }] };
    expect(await manager.approvals.resolve('s', { ...decided, remember: { scope: 'user' } })).toMatchObject({
      rules: [],
    });
    expect(await rules.list({ userId: 'ann' })).toEqual([]);
  });
});

describe('rules', () => {
  it('L155 go with their user, and those of a conversation with its stream, uses among them', async () => {
    const { manager, rules } = stage();
    const { userId: _, ...ofTenant } = OWN;
    await rules.add({ ...ofTenant, scope: 'tenant', ruleId: 'a' });
    await rules.add({ ...OWN, ruleId: 'b' });
    await rules.add({ ...OWN, userId: 'eve', ruleId: 'b' });
    const own = { ...OWN, tool: 'pay', scope: 'conversation' } as const;
    await rules.add({ ...own, conversationId: 's', ruleId: 'c' });
    await rules.add({ ...own, conversationId: 'other', ruleId: 'd' });
    const [job, others] = [await start(manager), await start(manager, 'eves', 'eve')];
    for (const one of [job, others]) expect(await rules.allows(call(one))).toMatchObject({ allowed: true });
    const uses = async (owner: object) => (await rules.uses(owner)).uses.length;
    expect([await uses({}), await uses({ userId: 'ann' })]).toEqual([2, 0]);
    await manager.deleteStream('s', { userId: 'ann' });
    expect((await rules.list({ userId: 'ann' })).map(({ conversationId }) => conversationId)).toEqual([
      undefined,
      'other',
    ]);
    expect(await uses({})).toBe(1);
    // A conversation's rules outlive its stream, and go with the next deletion.
    await manager.deleteStream('other', { userId: 'ann' });
    expect(await rules.list({ userId: 'ann' })).toHaveLength(1);
    await manager.deleteUser({ userId: 'eve' });
    expect([await uses({}), (await rules.list({ userId: 'eve' })).length]).toEqual([0, 0]);
    expect([(await rules.list({})).length, (await rules.list({ userId: 'ann' })).length]).toEqual([1, 1]);
  });

  it('L155 that can’t be deleted are told: the deletion is incomplete, and done again it is whole', async () => {
    let isDown = true;
    const { manager, rules } = stage({ store: faulty('clear', () => isDown) });
    await rules.add(OWN);
    await start(manager);
    await expect(manager.deleteUser({ userId: 'ann' })).rejects.toMatchObject({
      code: 'deletion_incomplete',
    });
    isDown = false;
    await manager.deleteUser({ userId: 'ann' });
    expect(await rules.list({ userId: 'ann' })).toEqual([]);
  });

  it('L155 that are given while their user is deleted do not outlive the user', async () => {
    const kept = createMemoryRules();
    let deletions = 0;
    const add: RuleStore['add'] = async (...given) => {
      if (deletions++ === 0) await on.manager.deleteUser({ userId: 'ann' });
      return kept.add(...given);
    };
    const store = new Proxy(kept, {
      get: (_, name: keyof RuleStore) => (name === 'add' ? add : kept[name].bind(kept)),
    });
    const on = stage({ store });
    expect((await decide(on, { remember: { scope: 'user' } })).rules).toEqual([]);
    expect([deletions, await on.rules.list({ userId: 'ann' })]).toEqual([1, []]);
  });

  it('L151 are bounded: by number, size, depth, time and budget, each refused by name', async () => {
    const { rules } = stage({ mostRules: 2 });
    let deep: unknown = 1;
    for (let at = 0; at < 40; at++) deep = [deep];
    for (const [wrong, named] of [
      [{ match: { kind: 'exact', arguments: { text: 'x'.repeat(9_000) } } }, 'match'],
      [{ match: { kind: 'exact', arguments: { deep } } }, 'match'],
      [{ match: { kind: 'prefix', argument: 'p', of: 'path', prefix: '/' } }, 'match.prefix'],
      [
        { match: { kind: 'prefix', argument: 'p', of: 'path', prefix: '/a', arguments: { p: 1 } } },
        'match.arguments',
      ],
      [{ match: { kind: 'exact', arguments: [1] } }, 'match.arguments'],
      [{ match: { kind: 'regex' } }, 'match'],
      [{ budget: 1_001 }, 'budget'],
      [{ expiresInMs: 400 * 24 * 3_600_000 }, 'expiresInMs'],
      [{ scope: 'tenant' }, 'userId'],
      [{ userId: undefined }, 'userId'],
      [{ conversationId: 'c' }, 'conversationId'],
      [{ scope: 'conversation' }, 'conversationId'],
      [{ scope: 'users' }, '"user"'],
      [{ tool: '' }, 'tool'],
      [{ tenantId: 'a/b' }, 'tenantId'],
    ] as const) {
      await expect(rules.add({ ...OWN, ...(wrong as object) }), named).rejects.toThrow(named);
    }
    await rules.add(OWN);
    await rules.add(OWN);
    await expect(rules.add(OWN)).rejects.toMatchObject({ code: 'rules_limit' });
  });
});
