/** The store of rules in memory, and what of it the contract can't see. */
import { createMemoryRules } from 'generation-jobs/rules';
import { FakeClock } from 'generation-jobs/testing';
import { describe, expect, it } from 'vitest';
import { describeRuleStoreContract, newRule, newUse } from '../contract/rules.js';
import { TOOLS } from '../contract/vitest-tools.js';

const DAY = 24 * 3_600_000;
const ANN = { tenantId: 't', userId: 'ann' };

describeRuleStoreContract(
  'memory',
  async () => {
    const clock = new FakeClock();
    const store = createMemoryRules({ clock }); // one process has one
    return { connect: () => store, soonMs: 1_000, pass: (ms) => clock.advance(ms), dispose: async () => {} };
  },
  TOOLS,
);

describe('rules in memory', () => {
  it('L152 the newest 1,000 uses are kept and known, and none 30 days after the last', async () => {
    const clock = new FakeClock();
    const store = createMemoryRules({ clock });
    await store.add(ANN, newRule('r-1', { expiresInMs: 365 * DAY }), 9);
    for (let at = 0; at <= 1_000; at++) await store.spend(ANN, 'r-1', newUse('r-1', `u-${at}`));
    const { uses } = await store.uses(ANN, { limit: 2_000 });
    expect([uses.length, uses[0]?.callId, uses.at(-1)?.callId]).toEqual([1_000, 'u-1000', 'u-1']);
    expect(await store.spend(ANN, 'r-1', newUse('r-1', 'u-1'))).toBe('known');
    await clock.advance(31 * DAY);
    expect(await store.uses(ANN, { limit: 9 })).toEqual({ uses: [] });
  });

  it('L151 a revoked id may be given again after a day', async () => {
    const clock = new FakeClock();
    const store = createMemoryRules({ clock });
    await store.add(ANN, newRule('r-1'), 9);
    await store.revoke(ANN, 'r-1');
    await clock.advance(DAY - 1);
    expect(await store.add(ANN, newRule('r-1'), 9)).toBe('revoked');
    await clock.advance(1);
    expect(await store.add(ANN, newRule('r-1'), 9)).toMatchObject({ ruleId: 'r-1', used: 0 });
  });

  it('gives out copies: what a caller does to one changes no rule', async () => {
    const store = createMemoryRules();
    const args = { to: 'bob' };
    await store.add(ANN, newRule('r-1', { match: { kind: 'exact', arguments: args } }), 9);
    args.to = 'eve';
    const [rule] = await store.list(ANN);
    Object.assign(rule?.match ?? {}, { arguments: {} });
    expect((await store.list(ANN))[0]?.match).toEqual({ kind: 'exact', arguments: { to: 'bob' } });
  });
});
