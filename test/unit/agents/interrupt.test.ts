/** Between an interrupt of the SDK and an action: strict with what it does not understand, exact with what it does. */
import fc from 'fast-check';
import { isGenerationJobError } from 'generation-jobs';
import { describe, expect, it } from 'vitest';
import {
  agentContextOf,
  hostContextOf,
  parseInterrupt,
  resumeValueOf,
  toPendingAction,
} from '../../../src/agents/interrupt.js';
import type { PendingAction, Verdict } from '../../../src/stream/model/types.js';
import { checked } from '../property.js';

const PLACE = { interruptId: 'i', checkpointId: 'c', checkpointNs: '' };
const request = (id: string, more: object = {}) => ({
  tool_call_id: id,
  name: 'pay',
  arguments: { to: id },
  ...more,
});
const review = (id: string, allowed: unknown = ['approve', 'reject']) => ({
  action_name: 'pay',
  tool_call_id: id,
  allowed_decisions: allowed,
});
const approval = (requests: unknown, reviews: unknown) => ({
  ...PLACE,
  payload: { type: 'tool_approval', action_requests: requests, review_configs: reviews },
});
const codeOf = (call: () => unknown) => {
  try {
    call();
    return 'ok';
  } catch (error) {
    return isGenerationJobError(error) ? error.code : String(error);
  }
};

describe('an interrupt', () => {
  it('of tool calls becomes an action with a request for each, and what may be decided', () => {
    const found = approval(
      [request('a', { description: 'Pay a' }), request('b')],
      [review('b', ['approve']), review('a')],
    );
    expect(
      toPendingAction(found, { resumeContext: { x: 1 }, sdkVersion: '3', discoveredTools: ['t'] }),
    ).toEqual({
      type: 'tool_approval',
      requests: [
        {
          id: 'a',
          name: 'pay',
          arguments: { to: 'a' },
          description: 'Pay a',
          allowedDecisions: ['approve', 'reject'],
        },
        {
          id: 'b',
          name: 'pay',
          arguments: { to: 'b' },
          description: undefined,
          allowedDecisions: ['approve'],
        },
      ],
      resumeContext: {
        agent: { ...PLACE, batch: false, discoveredTools: ['t'], sdkVersion: '3' },
        host: { x: 1 },
      },
    });
  });

  it('of no question and no call is no interrupt', () => {
    expect([undefined, null].map(parseInterrupt)).toEqual([undefined, undefined]);
    expect(codeOf(() => toPendingAction(undefined))).toBe('checkpoint_lost');
  });

  it('without a checkpoint is no action: nobody could go on from it (rule 7)', () => {
    const { checkpointId: _, ...found } = approval([request('a')], [review('a')]);
    expect(codeOf(() => toPendingAction(found))).toBe('checkpoint_lost');
  });

  for (const [what, found] of [
    ['a type nobody knows', { ...PLACE, payload: { type: 'yolo' } }],
    ['no payload', { ...PLACE }],
    ['no id', { ...approval([request('a')], [review('a')]), interruptId: '' }],
    ['no calls', approval([], [])],
    ['a call without an id', approval([request('')], [review('')])],
    ['a call whose id is an object', approval([request({} as string)], [review('a')])],
    ['two calls of one id', approval([request('a'), request('a')], [review('a'), review('a')])],
    [
      'a call of which nobody says what may be decided',
      approval([request('a'), request('b')], [review('a')]),
    ],
    ['nothing that may be decided', approval([request('a')], [review('a', [])])],
    ['a decision nobody knows', approval([request('a')], [review('a', ['approve', 'yolo'])])],
    ['calls that are no list', approval({ length: 1, 0: request('a') }, [review('a')])],
    [
      'a question of no text',
      { ...PLACE, payload: { type: 'ask_user_question', question: { question: '' } } },
    ],
    [
      'two questions of one id',
      {
        ...PLACE,
        payload: {
          type: 'ask_user_question',
          question: { question: 'A?' },
          questions: [
            { id: 'q', question: 'A?' },
            { id: 'q', question: 'B?' },
          ],
        },
      },
    ],
    [
      'an empty batch of questions',
      { ...PLACE, payload: { type: 'ask_user_question', question: { question: 'A?' }, questions: [] } },
    ],
  ] as const) {
    it(`is refused when it has ${what}`, () => {
      expect(codeOf(() => toPendingAction(found))).toBe('invalid_action');
    });
  }

  it('of any shape at all is understood or refused by name, and changes no prototype', () => {
    const anything = fc.anything({
      withNullPrototype: true,
      withBigInt: true,
      withSparseArray: true,
      withDate: true,
    });
    const nested = fc.record({
      interruptId: fc.oneof(fc.string(), anything),
      checkpointId: fc.oneof(fc.string(), anything),
      checkpointNs: fc.oneof(fc.string(), fc.constant(undefined), anything),
      payload: fc.oneof(
        anything,
        fc.record({
          type: fc.constantFrom('tool_approval', 'ask_user_question', '__proto__', 'constructor'),
          action_requests: fc.oneof(anything, fc.array(anything, { maxLength: 3 })),
          review_configs: fc.oneof(anything, fc.array(anything, { maxLength: 3 })),
          question: anything,
          questions: fc.oneof(anything, fc.array(anything, { maxLength: 3 })),
        }),
      ),
    });
    checked(
      fc.property(fc.oneof(anything, nested), (found) => {
        expect(['ok', 'invalid_action', 'checkpoint_lost']).toContain(codeOf(() => toPendingAction(found)));
        expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
      }),
    );
  });

  it('of well-formed calls asks for exactly these, in their order, whatever is in them', () => {
    const ids = fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 8 });
    checked(
      fc.property(ids, fc.jsonValue(), (all, args) => {
        const found = approval(
          all.map((id) => request(id, { arguments: args })),
          all.toReversed().map((id) => review(id)),
        );
        const { requests = [] } = toPendingAction(found);
        expect(requests.map(({ id }) => id)).toEqual(all);
        for (const one of requests) expect(one.arguments).toEqual(args);
      }),
    );
  });
});

describe('what the SDK is resumed with', () => {
  const verdict = (more: Partial<Verdict>): Verdict => ({ decisions: [], answers: [], ...more });

  it('has each decision under the id of its call, never by place (rule 6)', () => {
    const decisions = [
      { id: 'd', decision: 'respond', text: 'said' },
      { id: 'c', decision: 'edit', arguments: { to: 'x' } },
      { id: 'b', decision: 'reject', reason: 'no' },
      { id: 'a', decision: 'approve' },
    ] as const;
    expect(resumeValueOf(verdict({ decisions }), { batch: false })).toEqual({
      a: { type: 'approve' },
      b: { type: 'reject', reason: 'no' },
      c: { type: 'edit', updatedInput: { to: 'x' } },
      d: { type: 'respond', responseText: 'said' },
    });
  });

  it('keeps the decision of a call named __proto__', () => {
    const value = resumeValueOf(verdict({ decisions: [{ id: '__proto__', decision: 'reject' }] }), {
      batch: false,
    });
    expect(Object.entries(value as object)).toEqual([['__proto__', { type: 'reject' }]]);
  });

  it('has answers as one text each: options, then what was written', () => {
    const answers = [
      { id: 'a', selected: ['x', 'y'] },
      { id: 'b', text: 'z' },
      { id: 'c', selected: ['x'], text: 'z' },
    ];
    expect(resumeValueOf(verdict({ answers }), { batch: true })).toEqual({
      answers: { a: 'x, y', b: 'z', c: 'x\nz' },
    });
    expect(resumeValueOf(verdict({ answers: [{ id: 'question', text: 'z' }] }), { batch: false })).toEqual({
      answer: 'z',
    });
  });
});

describe('the context of an action', () => {
  const action = (resumeContext: unknown) => ({ resumeContext }) as PendingAction;

  it('comes back as it was given', () => {
    const { resumeContext } = toPendingAction(approval([request('a')], [review('a')]), {
      resumeContext: [1],
    });
    expect(agentContextOf(action(resumeContext))).toMatchObject({ ...PLACE, batch: false });
    expect(hostContextOf(action(resumeContext))).toEqual([1]);
  });

  it('that no agent has paused for is refused by name', () => {
    for (const given of [undefined, null, {}, [], 'x', { agent: {} }, { agent: { checkpointId: 1 } }]) {
      expect(codeOf(() => agentContextOf(action(given)))).toBe('checkpoint_lost');
      expect(hostContextOf(action(given))).toBeUndefined();
    }
    expect(codeOf(() => agentContextOf(undefined))).toBe('checkpoint_lost');
  });
});
