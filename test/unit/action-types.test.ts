/**
 * The host's own types of action: what they may be called, and any schema that speaks Standard Schema.
 */
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type ActionSchema, actionTypesFrom, checkAgainst } from '../../src/stream/model/action-types.js';
import { codeOf, rejection, thrownCode } from '../contract/harness.js';

describe('Their names', () => {
  it.each(['a', 'payment', 'a_1', `a${'b'.repeat(63)}`])('may be %s', (type) => {
    expect(actionTypesFrom([{ type }]).has(type)).toBe(true);
  });

  it.each([
    '',
    'A',
    '1a',
    '_a',
    'a-b',
    'a.b',
    'a b',
    'é',
    'a\n',
    `a${'b'.repeat(64)}`,
    'tool_approval',
    'ask_user_question',
  ])('may not be %j', (type) => {
    expect(thrownCode(() => actionTypesFrom([{ type }]))).toBe('invalid_options');
  });

  it('are given once', () => {
    expect(thrownCode(() => actionTypesFrom([{ type: 'a' }, { type: 'a' }]))).toBe('invalid_options');
    expect([...actionTypesFrom()]).toEqual([]);
  });
});

describe('Their schemas', () => {
  const schema = (validate: ActionSchema['~standard']['validate']): ActionSchema => ({
    '~standard': { version: 1, vendor: 'test', validate },
  });

  it('may be anybody’s, at once or later, and what they give is what is kept', async () => {
    expect(
      await checkAgainst(
        schema((value) => ({ value: [value] })),
        1,
        'payload',
      ),
    ).toEqual([1]);
    expect(
      await checkAgainst(
        schema(async (value) => ({ value: [value] })),
        1,
        'payload',
      ),
    ).toEqual([1]);
    expect(await checkAgainst(z.object({ a: z.number().default(3) }), {}, 'payload')).toEqual({ a: 3 });
    const slow = z.string().refine(async (text) => text !== 'no');
    expect(await checkAgainst(slow, 'yes', 'payload')).toBe('yes');
  });

  it('say what is wrong, and of what', async () => {
    const issues = [{ message: 'too small' }, { message: 'too late' }];
    const error = await rejection(
      checkAgainst(
        schema(() => ({ issues })),
        1,
        'response',
      ),
    );
    expect(codeOf(error)).toBe('invalid_action');
    expect(String(error)).toContain('response: too small; response: too late.');
  });
});
