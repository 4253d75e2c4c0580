/**
 * What may be said to an action: whatever is taken decides everything that was asked, once and as it allows. Each refusal
 * with its code is in `test/contract/approvals.ts`.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isGenerationJobError } from '../../src/errors.js';
import { parseResolve, verdictOn } from '../../src/stream/approvals/verdict.js';
import type { PauseInput, ResolveInput } from '../../src/stream/interfaces/action-input.js';
import { actionTypesFrom } from '../../src/stream/model/action-types.js';
import { parseOptions } from '../../src/stream/model/options.js';
import type { PendingAction } from '../../src/stream/model/types.js';
import { DECISIONS, parsePause } from '../../src/stream/producing/pending-action.js';
import { rejection, thrownCode } from '../contract/harness.js';
import { seededEntropy } from '../contract/seeded.js';
import { howOften } from '../support/how-often.js';

const options = parseOptions();
const rules = { options, actionTypes: actionTypesFrom() };
const asking = (input: PauseInput): PendingAction => ({
  ...parsePause(input, seededEntropy(1), options),
  ...{ askedAt: 0, expiresAt: 1 },
});
const said = (input: object) => parseResolve({ actionId: 'a', by: 'p', ...input } as ResolveInput, options);

const REFUSALS = [
  'request_unknown',
  'request_undecided',
  'request_decided_twice',
  'decision_not_allowed',
  'edit_without_arguments',
  'respond_without_text',
  'answer_not_allowed',
  'invalid_action',
];

it('what is taken decides all of it once, in the order asked and within what each allows; the rest has a code', async () => {
  const ids = ['a', 'b', 'c'] as const;
  const action = fc
    .record({
      requests: fc.array(fc.subarray([...DECISIONS], { minLength: 1 }), { maxLength: 2 }),
      questions: fc.array(
        fc.record({ count: fc.nat(3), multiSelect: fc.boolean(), allowText: fc.boolean() }),
        { maxLength: 2 },
      ),
    })
    .map(({ requests, questions }) =>
      asking({
        type: 'own',
        requests: requests.map((allowedDecisions, index) => ({
          id: ids[index] as string,
          name: 't',
          allowedDecisions,
        })),
        questions: questions.map(({ count, multiSelect, allowText }, index) => ({
          id: `q${ids[index]}`,
          question: '?',
          options: Array.from({ length: count }, (_, at) => ({ label: `o${at}` })),
          multiSelect,
          allowText: allowText || count === 0,
        })),
      }),
    );
  const text = fc.constantFrom(undefined, '', ' ', 'words');
  const decision = fc.record({
    id: fc.constantFrom(...ids, 'qa'),
    decision: fc.constantFrom(...DECISIONS),
    arguments: fc.constantFrom<unknown>(undefined, undefined, {}, { a: 1 }, [], null, 'x'),
    text,
  });
  const answer = fc.record({
    id: fc.constantFrom('qa', 'qb', 'qc', 'a'),
    text,
    selected: fc.option(fc.array(fc.constantFrom('o0', 'o1', 'o2', 'o9'), { maxLength: 3 }), {
      nil: undefined,
    }),
  });
  /** Mostly one for each that was asked. */
  const about = <Said>(asked: readonly { readonly id: string }[], one: fc.Arbitrary<Said>) =>
    fc.oneof(
      { weight: 6, arbitrary: fc.tuple(...asked.map(({ id }) => one.map((word) => ({ ...word, id })))) },
      { weight: 1, arbitrary: fc.array(one, { maxLength: 3 }) },
    );
  const exchange = action.chain((asked) =>
    fc.tuple(fc.constant(asked), about(asked.requests, decision), about(asked.questions, answer)),
  );
  const counts: Record<string, number> = {};
  const seed = Number(process.env.PROPERTY_SEED ?? Date.now() % 2 ** 31);
  console.log(`property: PROPERTY_SEED=${seed}`);
  await fc.assert(
    fc.asyncProperty(exchange, async ([asked, decisions, answers]) => {
      const given = said({ decisions, answers });
      const verdict = await verdictOn(asked, given, rules).catch((error: unknown) => {
        if (!isGenerationJobError(error)) throw error;
        expect(REFUSALS).toContain(error.code);
        counts[error.code] = (counts[error.code] ?? 0) + 1;
      });
      if (!verdict) return;
      counts.taken = (counts.taken ?? 0) + 1;
      expect(verdict.decisions.map(({ id }) => id)).toEqual(asked.requests.map(({ id }) => id));
      expect(verdict.answers.map(({ id }) => id)).toEqual(asked.questions.map(({ id }) => id));
      for (const [index, one] of verdict.decisions.entries()) {
        expect(asked.requests[index]?.allowedDecisions).toContain(one.decision);
        expect(Object.prototype.toString.call(one.arguments) === '[object Object]').toBe(
          one.decision === 'edit',
        );
        expect((one.text ?? '').trim() !== '').toBe(one.decision === 'respond');
      }
      for (const [index, { text: words, selected = [] }] of verdict.answers.entries()) {
        const question = asked.questions[index] as PendingAction['questions'][number];
        expect(selected.length > 0 || (words ?? '').trim() !== '').toBe(true);
        expect(words === undefined || question.allowText).toBe(true);
        expect(selected.length <= 1 || question.multiSelect).toBe(true);
        expect(new Set(selected).size).toBe(selected.length);
        for (const value of selected) expect(question.options.map((option) => option.value)).toContain(value);
      }
    }),
    { seed, numRuns: howOften(60_000) },
  );
  // Enough is taken for this to say something; that each refusal is met is the contract’s to see to.
  expect(counts.taken).toBeGreaterThan(100);
});

it('an action that asks nothing is decided by saying nothing', async () => {
  const action = asking({ type: 'checkpoint' });
  expect(await verdictOn(action, said({}), rules)).toEqual({ decisions: [], answers: [] });
  expect(await rejection(verdictOn(action, said({ response: null }), rules))).toMatchObject({
    code: 'invalid_action',
  });
});

it('edited arguments are taken as they are, `__proto__` and all, and set nothing', async () => {
  const action = asking({
    type: 'tool_approval',
    requests: [{ id: 'r', name: 't', allowedDecisions: ['edit'] }],
  });
  const text = '[{"id":"r","decision":"edit","arguments":{"__proto__":{"admin":true},"constructor":1}}]';
  const { decisions } = await verdictOn(action, said({ decisions: JSON.parse(text) }), rules);
  expect(JSON.stringify(decisions)).toBe(text);
  expect({}).not.toHaveProperty('admin');
});

it('a decision with keys that nobody asked for is refused, also where objects hide them', () => {
  for (const decisions of [
    '[{"id":"r","decision":"approve","admin":true}]',
    '[{"id":"r","decision":"approve","__proto__":{"text":"x"}}]',
    '[{"__proto__":{"id":"r","decision":"approve"}}]',
    '{"0":{"id":"r","decision":"approve"},"length":1}',
  ]) {
    expect(
      thrownCode(() => said({ decisions: JSON.parse(decisions) })),
      decisions,
    ).toBe('invalid_action');
  }
});

it('what is checked is a copy: what the caller changes afterwards is not said', async () => {
  const edited = { amount: 1 };
  const given = said({ decisions: [{ id: 'r', decision: 'edit', arguments: edited }] });
  edited.amount = 1_000;
  expect(given.decisions).toEqual([{ id: 'r', decision: 'edit', arguments: { amount: 1 } }]);
});
