/**
 * What a job may ask, as it is kept: whole, with its defaults, shared with nobody. Bounds are in
 * `test/contract/approvals.ts`.
 */
import fc from 'fast-check';
import { createStreamServices, GenerationJobManager } from 'generation-jobs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { PauseInput } from '../../src/stream/interfaces/action-input.js';
import { checkAgainst } from '../../src/stream/model/action-types.js';
import { parseOptions } from '../../src/stream/model/options.js';
import { ACTION_LIMITS, parsePause } from '../../src/stream/producing/pending-action.js';
import { codeOf } from '../contract/harness.js';
import { seededEntropy } from '../contract/seeded.js';
import { checked } from './property.js';

const options = parseOptions({ approvalWindowMs: 5_000 });
const parse = (input: PauseInput) => parsePause(input, seededEntropy(1), options);

it('defaults are filled in: an id, a window, what may be decided, how questions are answered', () => {
  expect(parse({ type: 'tool_approval', requests: [{ id: 'r', name: 't' }] })).toEqual({
    actionId: 'id-1-1',
    type: 'tool_approval',
    requests: [{ id: 'r', name: 't', allowedDecisions: ['approve', 'reject'] }],
    questions: [],
    expiresInMs: 5_000,
    payloadDigest: expect.stringMatching(/^[\w-]{43}$/),
  });
  const { questions } = parse({
    type: 'ask_user_question',
    questions: [
      { id: 'q', question: '?', options: [{ label: 'Yes' }, { label: 'No', value: 'n', description: 'd' }] },
    ],
  });
  expect(questions).toEqual([
    {
      id: 'q',
      question: '?',
      options: [
        { value: 'Yes', label: 'Yes' },
        { value: 'n', label: 'No', description: 'd' },
      ],
      multiSelect: false,
      allowText: true,
    },
  ]);
});

it('it is a copy: what the host changes afterwards is not asked', () => {
  const args = { to: 'ann' };
  const context = { step: 1 };
  const action = parse({
    type: 'tool_approval',
    requests: [{ id: 'r', name: 't', arguments: args }],
    resumeContext: context,
  });
  args.to = 'eve';
  context.step = 2;
  expect(action).toMatchObject({ requests: [{ arguments: { to: 'ann' } }], resumeContext: { step: 1 } });
});

/** What is said of an action that is refused. */
function refusalOf(input: Partial<PauseInput>): string {
  try {
    parse({ type: 'checkpoint', ...input });
    return 'accepted';
  } catch (error) {
    return (error as Error).message;
  }
}

describe('a pause that is refused names the argument that is wrong', () => {
  const requests = (args: unknown) => [
    { id: 'r1', name: 'list', arguments: { folder: '/' } },
    { id: 'r2', name: 'write', arguments: args },
  ];

  it.each([
    ['too large', 'x'.repeat(300_000), 'exceeds 262144 bytes: PATH.body has 300002 of its '],
    ['no JSON', 1n, 'PATH.body can’t be written as JSON'],
    ['too deep', JSON.parse(`${'['.repeat(80)}${']'.repeat(80)}`), 'nests deeper than 64: PATH.body.0'],
  ])('when it is %s', (_, body, message) => {
    const asked = { type: 'tool_approval', requests: requests({ path: '/a', body }) };
    expect(refusalOf(asked)).toContain(message.replace('PATH', 'requests.1.arguments'));
    const payload = { path: '/a', body };
    expect(refusalOf({ payload })).toContain(message.replace('PATH', 'payload'));
  });

  it('when many of a list are too large together, the list', () => {
    const files = Array.from({ length: 1_000 }, () => ({ text: 'x'.repeat(300) }));
    expect(refusalOf({ payload: { files } })).toMatch(/: payload\.files has \d+ of its/);
  });

  it('when it holds itself', () => {
    const payload: Record<string, unknown> = { name: 'a' };
    payload.self = payload;
    expect(refusalOf({ payload })).toMatch(/payload\.self can’t be written as JSON/);
  });

  it('when the event that tells it is too large, and the action alone is not', async () => {
    const manager = new GenerationJobManager(createStreamServices());
    const made = await manager.createJob({ streamId: 's', userId: 'ann' });
    if (!made.started) throw new Error('not started');
    const payload = { body: 'x'.repeat(256 * 1024 - 120) };
    const error = await made.job.pause({ type: 'checkpoint', payload }).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'event_too_large' });
    expect(error.message).toMatch(/payload\.body has \d+ of its/);
    expect(made.job.isOver).toBe(false);
    await manager.close();
  });

  it('when the host’s own schema refuses it', async () => {
    const schema = z.object({ to: z.object({ city: z.string() }) });
    const wrong = checkAgainst(schema, { to: { city: 7 } }, 'payload');
    await expect(wrong).rejects.toThrow(/payload\.to\.city: /);
  });
});

it('the digest covers what is shown and nothing else', () => {
  const shown: PauseInput = {
    type: 'own',
    requests: [{ id: 'r', name: 't', arguments: { a: [1, { b: 2 }] } }],
    payload: 1,
  };
  const digest = (over: object) => parse({ ...shown, ...over }).payloadDigest;
  const same = digest({});
  expect(digest({ actionId: 'x', resumeContext: 2, fingerprint: 'f', expiresInMs: 9 })).toBe(same);
  const [request] = shown.requests as [object];
  for (const over of [
    { type: 'other' },
    { payload: 2 },
    { payload: undefined },
    { requests: [] },
    { requests: [{ ...request, name: 'u' }] },
    { requests: [{ ...request, arguments: { a: [1, { b: 3 }] } }] },
    { requests: [{ ...request, description: 'd' }] },
    { requests: [{ ...request, allowedDecisions: ['approve'] }] },
    { questions: [{ id: 'q', question: '?' }] },
  ]) {
    expect(digest(over), JSON.stringify(over)).not.toBe(same);
  }
});

it('anything else is refused with a code of ours, and what is taken is within the bounds', () => {
  const id = fc.oneof(
    { weight: 30, arbitrary: fc.uuid() },
    { weight: 1, arbitrary: fc.string({ maxLength: 300 }) },
  );
  const anyRequest = fc.record(
    {
      id,
      name: id,
      arguments: fc.jsonValue(),
      allowedDecisions: fc.oneof(fc.subarray(['approve', 'edit', 'respond']), fc.constant(['x'])),
    },
    { requiredKeys: ['id'] },
  );
  const anyOption = fc.record({ label: id, value: id }, { requiredKeys: ['label'] });
  const anyQuestion = fc.record(
    { id, question: id, options: fc.array(anyOption), multiSelect: fc.boolean(), allowText: fc.boolean() },
    { requiredKeys: ['id', 'question'] },
  );
  const anyPause = fc.record(
    {
      type: fc.constantFrom('tool_approval', 'ask_user_question', 'own', 'own', 'own', 'Own'),
      requests: fc.array(anyRequest),
      questions: fc.array(anyQuestion),
      payload: fc.oneof(fc.jsonValue(), fc.anything()),
      resumeContext: fc.oneof(fc.jsonValue(), fc.anything()),
      expiresInMs: fc.oneof(fc.integer({ min: 1 }), fc.integer(), fc.double()),
    },
    { requiredKeys: ['type'] },
  );
  let taken = 0;
  checked(
    fc.property(anyPause, (input) => {
      try {
        const action = parse(input as PauseInput);
        taken++;
        expect(action.requests.length).toBeLessThanOrEqual(ACTION_LIMITS.requests);
        const ids = [...action.requests, ...action.questions].map((one) => one.id);
        expect(new Set(ids).size).toBe(ids.length);
        for (const { options: offered, allowText } of action.questions)
          expect(allowText || offered.length > 0).toBe(true);
        expect(JSON.parse(JSON.stringify(action))).toEqual(action);
      } catch (error) {
        if (!(error instanceof Error) || error.name !== 'GenerationJobError') throw error;
        expect(['invalid_action', 'event_too_large', 'json_too_deep']).toContain(codeOf(error));
      }
    }),
    40_000,
  );
  expect(taken).toBeGreaterThan(20);
});
