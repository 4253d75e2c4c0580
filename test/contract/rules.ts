/**
 * What every store of rules must do. A backend gives stores of several processes over the same rules.
 */
import type { NewRule, NewRuleUse, Rule, RuleOwner, RuleStore } from 'generation-jobs/rules';
import { expect, type TestTools, useExpect } from './tools.js';

/** A store of rules under test: empty, and seen by nobody else. */
export interface RuleBackend {
  /** One more store over the same rules, as another process has it. */
  connect(): RuleStore;
  /** The time (ms) that a rule of a test holds: some calls are certainly answered in it, and it can be waited for. */
  readonly soonMs: number;
  /** Lets so much of the store's time pass: moves it, or waits for it. */
  pass(ms: number): Promise<void>;
  /** Lets go of it all. */
  dispose(): Promise<void>;
}

interface RuleContract {
  readonly id: string;
  readonly title: string;
  run(stores: readonly [RuleStore, RuleStore], backend: RuleBackend): Promise<void>;
}

const ANN: RuleOwner = { tenantId: 't', userId: 'ann' };
const TENANT: RuleOwner = { tenantId: 't' };
const HOUR = 3_600_000;
const MOST = 20;

export function newRule(ruleId: string, more: Partial<NewRule> = {}): NewRule {
  return {
    ...{ ruleId, tool: 'send_mail', match: { kind: 'exact', arguments: { to: 'bob' } }, scope: 'user' },
    ...{ tenantId: 't', userId: 'ann', givenBy: 'ann', expiresInMs: HOUR },
    ...more,
  } as NewRule;
}

export function newUse(ruleId: string, name: string, more: Partial<NewRuleUse> = {}): NewRuleUse {
  return {
    ...{ name, ruleId, tool: 'send_mail', scope: 'user', givenBy: 'ann', givenAt: 1, userId: 'ann' },
    ...{ conversationId: 'c', streamId: 's', generation: 1, callId: name },
    ...more,
  } as NewRuleUse;
}

const idsOf = (rules: readonly Rule[]) => rules.map(({ ruleId }) => ruleId).sort();

/** Adds a rule that must be there then. */
async function given(store: RuleStore, owner: RuleOwner, rule: NewRule): Promise<Rule> {
  const added = await store.add(owner, rule, MOST);
  if (typeof added === 'string') throw new Error(`not added: ${added}`);
  return added;
}

async function callsUsed(store: RuleStore, owner: RuleOwner): Promise<string[]> {
  return (await store.uses(owner, { limit: 1_000 })).uses.map(({ callId }) => callId);
}

const CONTRACTS: readonly RuleContract[] = [
  {
    id: 'L151',
    title: 'a rule is listed as it was given, in every process, with the store’s own times',
    async run([one, other]) {
      const origin = { streamId: 's', generation: 3, actionId: 'a', requestId: 'r' };
      const rule = newRule('r-1', { budget: 7, origin });
      const added = await given(one, ANN, rule);
      const { expiresInMs, ...same } = rule;
      expect(added).toEqual({
        ...same,
        used: 0,
        givenAt: added.givenAt,
        expiresAt: added.givenAt + expiresInMs,
      });
      expect(await other.list(ANN)).toEqual([added]);
    },
  },
  {
    id: 'L151',
    title: 'arguments come back exactly: odd keys, any characters, any nesting, any number',
    async run([one, other]) {
      const args = JSON.parse(
        '{"__proto__":{"constructor":1},"":[[],{},null,"",false],"e\\u0301":"\\u00e9 \\ud83d\\ude00 \\ud800","a.b":{"$set":{"x":[1e21,-0.5,1e-7]}},"toString":"\\u0000\\u2028"}',
      );
      const match = { kind: 'exact', arguments: args } as const;
      await given(one, ANN, newRule('r-1', { match, tool: 'tool "‘\n🙂' }));
      const [rule] = await other.list(ANN);
      expect(JSON.stringify(rule?.match)).toBe(JSON.stringify(match));
      expect(rule?.tool).toBe('tool "‘\n🙂');
    },
  },
  {
    id: 'L151',
    title: 'owners are kept apart: by tenant, by user, and a tenant from its users',
    async run([one, other]) {
      const owners: readonly RuleOwner[] = [
        ANN,
        TENANT,
        { tenantId: 'u', userId: 'ann' },
        { tenantId: 't', userId: 'Ann' },
        { userId: 'ann' },
        {},
      ];
      for (const [index, { tenantId, userId }] of owners.entries()) {
        const whose = { tenantId, userId, scope: userId === undefined ? 'tenant' : 'user' } as const;
        const { tenantId: _, userId: __, ...rule } = newRule(`r-${index}`, { budget: 1 });
        const named = JSON.parse(JSON.stringify({ ...rule, ...whose })) as NewRule;
        await given(one, owners[index] as RuleOwner, named);
      }
      for (const [index, owner] of owners.entries()) {
        expect(idsOf(await other.list(owner))).toEqual([`r-${index}`]);
        expect(await other.spend(owner, `r-${(index + 1) % owners.length}`, newUse('r', 'u'))).toBe('gone');
        expect(await other.revoke(owner, `r-${(index + 1) % owners.length}`)).toBe(false);
      }
      await one.clear(ANN);
      for (const [index, owner] of owners.entries())
        expect(await other.list(owner)).toHaveLength(index === 0 ? 0 : 1);
    },
  },
  {
    id: 'L151',
    title: 'a rule that is added again under its id stands as it did',
    async run([one, other]) {
      const added = await given(one, ANN, newRule('r-1', { budget: 2 }));
      expect(await one.spend(ANN, 'r-1', newUse('r-1', 'u-1'))).toBe('spent');
      const again = await given(other, ANN, newRule('r-1', { tool: 'another', budget: 9 }));
      expect(again).toEqual({ ...added, used: 1 });
      expect(await one.list(ANN)).toEqual([again]);
    },
  },
  {
    id: 'L151',
    title: 'an owner has no more rules than may be; one that is revoked makes room',
    async run([one, other]) {
      for (let count = 0; count < 3; count++)
        expect(await one.add(ANN, newRule(`r-${count}`), 3)).toBeTruthy();
      expect(await other.add(ANN, newRule('r-3'), 3)).toBe('full');
      expect(await other.add(ANN, newRule('r-2'), 3)).toMatchObject({ ruleId: 'r-2' });
      await one.revoke(ANN, 'r-0');
      expect(await other.add(ANN, newRule('r-3'), 3)).toMatchObject({ ruleId: 'r-3' });
      expect(idsOf(await one.list(ANN))).toEqual(['r-1', 'r-2', 'r-3']);
    },
  },
  {
    id: 'L151',
    title: 'a rule ends by the store’s clock: it is not listed, allows nothing, and makes room',
    async run([one, other], { soonMs, pass }) {
      await given(one, ANN, newRule('brief', { expiresInMs: soonMs }));
      await given(one, ANN, newRule('long'));
      expect(await one.spend(ANN, 'brief', newUse('brief', 'u-1'))).toBe('spent');
      await pass(soonMs + 5);
      expect(idsOf(await other.list(ANN))).toEqual(['long']);
      expect(await other.spend(ANN, 'brief', newUse('brief', 'u-1'))).toBe('gone');
      expect(await other.spend(ANN, 'brief', newUse('brief', 'u-2'))).toBe('gone');
      expect(await other.revoke(ANN, 'brief')).toBe(false);
      expect(await other.add(ANN, newRule('next'), 2)).toMatchObject({ ruleId: 'next' });
      expect(await other.spend(ANN, 'long', newUse('long', 'u-3'))).toBe('spent');
      expect(await callsUsed(one, ANN)).toEqual(['u-3', 'u-1']);
    },
  },
  {
    id: 'L151',
    title:
      'a revoked rule is gone for every process at once, stays gone under its id, and its uses stay listed',
    async run([one, other]) {
      await given(one, ANN, newRule('r-1'));
      expect(await other.spend(ANN, 'r-1', newUse('r-1', 'u-1'))).toBe('spent');
      expect(await one.revoke(ANN, 'r-1')).toBe(true);
      expect(await other.list(ANN)).toEqual([]);
      expect(await other.spend(ANN, 'r-1', newUse('r-1', 'u-2'))).toBe('gone');
      expect(await other.spend(ANN, 'r-1', newUse('r-1', 'u-1'))).toBe('gone');
      expect(await other.revoke(ANN, 'r-1')).toBe(false);
      expect(await other.add(ANN, newRule('r-1'), MOST)).toBe('revoked');
      expect((await other.uses(ANN, { limit: 9 })).uses).toMatchObject([{ callId: 'u-1', givenBy: 'ann' }]);
    },
  },
  {
    id: 'L152',
    title: 'a budget is spent exactly, however many ask at once in however many processes',
    async run([one, other]) {
      await given(one, ANN, newRule('r-1', { budget: 10 }));
      const asked = Array.from({ length: 40 }, (_, at) =>
        (at % 2 === 0 ? one : other).spend(ANN, 'r-1', newUse('r-1', `u-${at}`)),
      );
      const replies = await Promise.all(asked);
      expect(replies.filter((reply) => reply === 'spent')).toHaveLength(10);
      expect(replies.filter((reply) => reply === 'used_up')).toHaveLength(30);
      expect(await one.list(ANN)).toMatchObject([{ used: 10, budget: 10 }]);
      const spent = replies.flatMap((reply, at) => (reply === 'spent' ? [`u-${at}`] : []));
      expect((await callsUsed(other, ANN)).sort()).toEqual(spent.sort());
    },
  },
  {
    id: 'L152',
    title: 'the same use, asked for again or at once, costs nothing more, also when the budget is spent',
    async run([one, other]) {
      await given(one, ANN, newRule('r-1', { budget: 2 }));
      const use = newUse('r-1', 'u-1');
      const asked = [one, other, one, other].map((store) => store.spend(ANN, 'r-1', use));
      expect((await Promise.all(asked)).sort()).toEqual(['known', 'known', 'known', 'spent']);
      expect(await other.spend(ANN, 'r-1', newUse('r-1', 'u-2'))).toBe('spent');
      expect(await one.spend(ANN, 'r-1', newUse('r-1', 'u-3'))).toBe('used_up');
      expect(await other.spend(ANN, 'r-1', use)).toBe('known');
      expect(await one.list(ANN)).toMatchObject([{ used: 2 }]);
      expect((await callsUsed(one, ANN)).sort()).toEqual(['u-1', 'u-2']);
    },
  },
  {
    id: 'L152',
    title: 'a use is one of the rule that it was spent on: another rule’s is another',
    async run([one, other]) {
      await given(one, ANN, newRule('r-1', { budget: 1 }));
      await given(one, ANN, newRule('r-2', { budget: 1 }));
      expect(await one.spend(ANN, 'r-1', newUse('r-1', 'u'))).toBe('spent');
      await one.revoke(ANN, 'r-1');
      expect(await other.spend(ANN, 'r-2', newUse('r-2', 'u'))).toBe('spent');
      expect(await one.spend(ANN, 'r-2', newUse('r-2', 'u'))).toBe('known');
      const { uses } = await one.uses(ANN, { limit: 9 });
      expect(uses.map(({ ruleId }) => ruleId).sort()).toEqual(['r-1', 'r-2']);
    },
  },
  {
    id: 'L152',
    title: 'a use that was spent on two rules is known by both, and costs neither any more',
    async run([one, other]) {
      for (const ruleId of ['r-1', 'r-2']) {
        await given(one, ANN, newRule(ruleId, { budget: 5 }));
        expect(await other.spend(ANN, ruleId, newUse(ruleId, 'u'))).toBe('spent');
      }
      for (const ruleId of ['r-1', 'r-2', 'r-1'])
        expect(await one.spend(ANN, ruleId, newUse(ruleId, 'u'))).toBe('known');
      expect((await other.list(ANN)).map(({ used }) => used)).toEqual([1, 1]);
      await other.clear(ANN, { conversationId: 'c' });
      expect(await callsUsed(one, ANN)).toEqual([]);
      for (const ruleId of ['r-1', 'r-2'])
        expect(await one.spend(ANN, ruleId, newUse(ruleId, 'v'))).toBe('spent');
    },
  },
  {
    id: 'L152',
    title: 'uses are listed with who gave the rule, the newest first, in pages, and with the store’s time',
    async run([one, other], backend) {
      const { givenAt } = await given(one, ANN, newRule('r-1'));
      const more = { givenBy: 'boss', givenAt, streamId: 's-2', generation: 4, conversationId: 'c-2' };
      for (let at = 1; at <= 5; at++) {
        await one.spend(ANN, 'r-1', newUse('r-1', `u-${at}`, more));
        await backend.pass(2); // of one millisecond the order is not promised
      }
      const first = await other.uses(ANN, { limit: 2 });
      const second = await other.uses(ANN, { limit: 2, cursor: first.next });
      const third = await one.uses(ANN, { limit: 2, cursor: second.next });
      const all = [first, second, third].flatMap(({ uses }) => uses);
      expect(all.map(({ callId }) => callId)).toEqual(['u-5', 'u-4', 'u-3', 'u-2', 'u-1']);
      expect(third.next).toBeUndefined();
      const { name: _, ...use } = newUse('r-1', 'u-5', more);
      expect(all[0]).toEqual({ ...use, at: all[0]?.at });
      for (const { at } of all) expect(at).toBeGreaterThanOrEqual(givenAt);
      expect(await other.uses({ tenantId: 't', userId: 'eve' }, { limit: 2 })).toEqual({ uses: [] });
    },
  },
  {
    id: 'L152',
    title: 'a rule that is revoked while it is used allows nothing from then on',
    async run([one, other]) {
      await given(one, ANN, newRule('r-1'));
      let revoked = false;
      const late: string[] = [];
      const uses = Array.from({ length: 4 }, async (_, lane) => {
        for (let at = 0; ; at++) {
          const wasRevoked = revoked;
          const reply = await (lane % 2 === 0 ? one : other).spend(
            ANN,
            'r-1',
            newUse('r-1', `u-${lane}-${at}`),
          );
          if (wasRevoked) late.push(reply);
          if (reply === 'gone') return;
        }
      });
      await one.spend(ANN, 'r-1', newUse('r-1', 'first'));
      expect(await other.revoke(ANN, 'r-1')).toBe(true);
      revoked = true;
      await Promise.all(uses);
      expect(late.filter((reply) => reply !== 'gone')).toEqual([]);
    },
  },
  {
    id: 'L151',
    title: 'what is cleared while it is used leaves no use behind',
    async run([one, other]) {
      for (let round = 0; round < 20; round++) {
        await given(one, ANN, newRule('r-1'));
        const uses = Array.from({ length: 4 }, (_, at) => one.spend(ANN, 'r-1', newUse('r-1', `u-${at}`)));
        await Promise.all([...uses, other.clear(ANN)]);
        expect([await other.list(ANN), await callsUsed(other, ANN)]).toEqual([[], []]);
      }
    },
  },
  {
    id: 'L151',
    title: 'what an owner has is cleared whole, or that of a conversation, or of a user, and again',
    async run([one, other]) {
      await given(one, ANN, newRule('r-1'));
      await given(one, ANN, newRule('r-2', { scope: 'conversation', conversationId: 'c' }));
      await given(one, ANN, newRule('r-3', { scope: 'conversation', conversationId: 'd' }));
      for (const [at, conversationId] of ['c', 'd', 'c'].entries())
        await one.spend(ANN, 'r-1', newUse('r-1', `u-${at}`, { conversationId }));
      await other.clear(ANN, { userId: 'ann', conversationId: 'c' });
      expect(idsOf(await one.list(ANN))).toEqual(['r-1', 'r-3']);
      expect(await callsUsed(one, ANN)).toEqual(['u-1']);
      expect(await one.spend(ANN, 'r-1', newUse('r-1', 'u-1'))).toBe('known');
      await other.clear(ANN);
      await other.clear(ANN);
      expect(await one.list(ANN)).toEqual([]);
      expect(await callsUsed(one, ANN)).toEqual([]);
      const { userId: _, ...ofTenant } = newRule('r-4', { scope: 'tenant' });
      await given(one, TENANT, ofTenant);
      for (const userId of ['ann', 'bob'])
        await one.spend(TENANT, 'r-4', newUse('r-4', `u-${userId}`, { userId }));
      await other.clear(TENANT, { userId: 'ann' });
      expect(idsOf(await one.list(TENANT))).toEqual(['r-4']);
      expect(await callsUsed(one, TENANT)).toEqual(['u-bob']);
    },
  },
];

/**
 * Tests what a store of rules must do.
 * @param name how the store is called in titles
 * @param factory makes a backend of its own for each test
 * @param tools of the test runner
 */
export function describeRuleStoreContract(
  name: string,
  factory: () => Promise<RuleBackend>,
  { describe, it, expect }: TestTools,
): void {
  useExpect(expect);
  describe(`The contract of rule stores on ${name}`, () => {
    for (const { id, title, run } of CONTRACTS) {
      it(`${id} ${title}`, async () => {
        const backend = await factory();
        try {
          await run([backend.connect(), backend.connect()], backend);
        } finally {
          await backend.dispose();
        }
      });
    }
  });
}
