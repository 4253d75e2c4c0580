/** Whether what was decided is what happened: told early, told once, and told right. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DecisionWatch } from '../../../src/agents/decision-watch.js';
import type { ToolExecuteRequest, ToolResult } from '../../../src/agents/shapes.js';
import type { ActionRequest, Decision, Json } from '../../../src/stream/model/types.js';
import { checked } from '../property.js';

const DECISIONS: Decision[] = [
  { id: 'yes', decision: 'approve' },
  { id: 'no', decision: 'reject' },
  { id: 'other', decision: 'edit', arguments: {} },
  { id: 'said', decision: 'respond', text: 'pretend' },
];
const REQUESTS = DECISIONS.map(({ id }) => requestOf(id));

function requestOf(id: string, args?: Json): ActionRequest {
  return { id, name: 'pay', allowedDecisions: [], ...(args !== undefined && { arguments: args }) };
}
const FOLLOWED = { yes: 'paid', no: 'Blocked: no', other: 'paid', said: 'pretend' };

function watch(decisions: readonly Decision[] = DECISIONS, requests: readonly ActionRequest[] = REQUESTS) {
  const violations: true[] = [];
  return { watch: new DecisionWatch(requests, decisions, () => violations.push(true)), violations };
}

describe('decisions are followed', () => {
  it('when each call ends as was decided, in any order', () => {
    const order = fc.shuffledSubarray(Object.entries(FOLLOWED), { minLength: 4 });
    checked(
      fc.property(order, (outcomes) => {
        const { watch: one, violations } = watch();
        for (const [id, output] of outcomes) one.see({ id, output });
        expect([one.isFollowed(), violations]).toEqual([true, []]);
      }),
      2_000,
    );
  });

  it('not when one of them has no outcome', () => {
    for (const missing of Object.keys(FOLLOWED)) {
      const { watch: one } = watch();
      for (const [id, output] of Object.entries(FOLLOWED)) if (id !== missing) one.see({ id, output });
      expect(one.isFollowed()).toBe(false);
    }
  });

  for (const [what, id, output] of [
    ['a rejected call has a result', 'no', 'paid'],
    ['a rejected call has a result that is not text', 'no', [{ type: 'text', text: 'paid' }]],
    ['a rejected call has nothing', 'no', undefined],
    ['an answered call has another result', 'said', 'paid'],
  ] as const) {
    it(`not when ${what}: told at once, and once`, () => {
      const { watch: one, violations } = watch();
      one.see({ id, output });
      one.see({ id: 'said', output: 'again' });
      expect(violations).toHaveLength(1);
      expect(one.isFollowed()).toBe(false);
    });
  }

  it('whatever becomes of calls nobody was asked about', () => {
    const { watch: one, violations } = watch();
    one.see({ id: 'free', output: 'anything' });
    expect(violations).toEqual([]);
  });

  it('when an answer comes back cut short, or in parts', () => {
    const text = `"quoted"\n${'x'.repeat(20_000)}`;
    for (const output of [`${text.slice(0, 5_000)} … ${text.slice(-100)}`, [{ type: 'text', text }]]) {
      const { watch: one, violations } = watch([{ id: 'said', decision: 'respond', text }]);
      one.see({ id: 'said', output });
      expect(violations).toEqual([]);
    }
  });
});

describe('the guard of event-dispatched tools', () => {
  function dispatch(ids: readonly string[]) {
    const { watch: one, violations } = watch();
    const [ran, results]: [string[], ToolResult[]] = [[], []];
    const request: ToolExecuteRequest = {
      toolCalls: ids.map((id) => ({ id, name: 'pay', args: {} })),
      resolve: (all) => void results.push(...all),
      reject: () => {},
    };
    const execute = {
      handle: (_: string, data: unknown) =>
        void ran.push(...(data as ToolExecuteRequest).toolCalls.map(({ id }) => id)),
    };
    one.guard(execute).handle('on_tool_execute', request);
    return { ran, results, violations };
  }

  it('lets through what was approved, edited, or never asked about', () => {
    expect(dispatch(['yes', 'other', 'free'])).toMatchObject({
      ran: ['yes', 'other', 'free'],
      violations: [],
    });
  });

  it('runs nothing of a batch with a call that must not run, and answers all of it (rule 6)', () => {
    for (const id of ['no', 'said']) {
      const { ran, results, violations } = dispatch(['yes', id]);
      expect([ran, violations]).toEqual([[], [true]]);
      expect(results.map(({ toolCallId, status }) => [toolCallId, status])).toEqual([
        ['yes', 'error'],
        [id, 'error'],
      ]);
    }
  });

  const SHOWN = { to: 'bob', sum: { amount: 5, unit: 'EUR' } };
  const REVERSED = { unit: 'EUR', amount: 5 };

  /** One call that was decided so, handed to the tools with these arguments. */
  function handed(decision: Decision, args: unknown) {
    const { watch: one, violations } = watch([decision], [requestOf('c1', SHOWN)]);
    const [ran, results]: [unknown[], ToolResult[]] = [[], []];
    const request: ToolExecuteRequest = {
      toolCalls: [{ id: 'c1', name: 'pay', args }],
      resolve: (all) => void results.push(...all),
      reject: () => {},
    };
    one.guard({ handle: (_, data) => void ran.push(data) }).handle('on_tool_execute', request);
    return { ran: ran.length === 1, refused: results.length === 1, violated: violations.length === 1 };
  }

  for (const [what, decision] of [
    ['an approved call', { id: 'c1', decision: 'approve' }],
    ['an edited call', { id: 'c1', decision: 'edit', arguments: { ...SHOWN, to: 'eve' } }],
  ] as const) {
    const allowed = 'arguments' in decision ? decision.arguments : SHOWN;
    it.each([
      ['as allowed', allowed],
      ['with its keys in another order', { sum: REVERSED, to: allowed.to }],
      ['without one of them', { to: allowed.to }],
      ['with one that is undefined', { ...allowed, note: undefined }],
    ])(`${what} runs %s`, (_title, args) => {
      expect(handed(decision, args)).toEqual({ ran: true, refused: false, violated: false });
    });

    it.each([
      ['another value', { ...allowed, to: 'mallory' }],
      ['another value inside one', { ...allowed, sum: { ...SHOWN.sum, amount: 5_000 } }],
      ['one more inside one', { ...allowed, sum: { ...SHOWN.sum, fee: 1 } }],
      ['one more', { ...allowed, note: 'x' }],
      ['one of another prototype', { ...allowed, constructor: 'x' }],
      ['one that JSON can’t carry', { ...allowed, to: 5n }],
      ['none but a text', 'bob'],
      ['none but a list', ['bob']],
      ['nothing', null],
    ])(`${what} does not run with %s`, (_title, args) => {
      expect(handed(decision, args)).toEqual({ ran: false, refused: true, violated: true });
    });
  }

  it('an edited call does not run as it was shown', () => {
    const decision = { id: 'c1', decision: 'edit', arguments: { to: 'eve' } } as const;
    expect(handed(decision, SHOWN)).toEqual({ ran: false, refused: true, violated: true });
  });
});
