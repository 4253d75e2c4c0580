/** Which tool calls run, ask or are refused, by what the layers say. */
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  createToolPolicy,
  type ToolDecision,
  type ToolPolicyInput,
} from '../../../src/agents/tool-policy.js';
import { isGenerationJobError } from '../../../src/errors.js';

const on = { enabled: true } as const;
afterEach(() => void vi.useRealTimers());

async function decide(policy: ToolPolicyInput, toolName: string): Promise<ToolDecision> {
  return createToolPolicy(policy).decide({ toolName });
}

describe('a tool policy', () => {
  it('is off by default, and then as if it were not there, whatever agents, skills and hooks say', async () => {
    let asked = 0;
    const hooks = [() => void asked++];
    const policy = createToolPolicy({ agent: { deny: ['*'] }, skills: [{ deny: ['*'] }], hooks });
    expect(policy).toMatchObject({ enabled: false, hook: undefined });
    expect(await policy.decide({ toolName: 'rm' })).toBe('allow');
    expect(asked).toBe(0);
  });

  it('asks for everything when it is on and nothing else is said', async () => {
    expect(await decide({ endpoint: on }, 'any')).toBe('ask');
  });

  it.each([
    ['deny wins over ask and allow', { deny: ['a'], ask: ['a'], allow: ['a'] }, 'deny'],
    ['ask wins over allow', { ask: ['a'], allow: ['a'] }, 'ask'],
    ['a list wins over the mode', { allow: ['a'], mode: 'deny' }, 'allow'],
    ['what is in no list gets the mode', { allow: ['b'], mode: 'deny' }, 'deny'],
  ] as const)('inside a layer, %s', async (_title, lists, expected) => {
    expect(await decide({ endpoint: { ...on, ...lists } }, 'a')).toBe(expected);
  });

  it.each([
    ['default', 'ask'],
    ['dontAsk', 'deny'],
    ['bypass', 'allow'],
  ] as const)(
    'takes the SDK’s mode %s for %s, in the endpoint, the agent and a skill',
    async (mode, expected) => {
      const endpoint = { ...on, ask: ['asked'], deny: ['denied'], allow: ['allowed'] };
      for (const policy of [
        { endpoint: { ...endpoint, mode } },
        { endpoint: { ...endpoint, mode: 'deny' }, agent: { mode } },
        { endpoint: { ...endpoint, mode: 'allow' }, skills: [{ mode, ask: ['asked'], allow: ['allowed'] }] },
      ] as const) {
        expect(await decide(policy, 'other')).toBe(expected);
        expect(await decide(policy, 'asked')).toBe('ask');
        expect(await decide(policy, 'allowed')).toBe('allow');
        expect(await decide(policy, 'denied')).toBe('deny');
      }
    },
  );

  it('names the nearest mode for one that is none', () => {
    expect(() => createToolPolicy({ endpoint: { ...on, mode: 'dontask' as never } })).toThrow('"dontAsk"');
  });

  it('offers `edit` for the tools whose list says so, and a skill only takes it away', async () => {
    const answerOf = async (policy: ToolPolicyInput, toolName: string) =>
      createToolPolicy(policy).hook?.({ toolName });
    const endpoint = { ...on, allow: ['free'], deny: ['rm'], edit: ['draft_*', 'free'] };
    const withEdit = { decision: 'ask', allowedDecisions: ['approve', 'reject', 'edit', 'respond'] };
    const without = { decision: 'ask', allowedDecisions: ['approve', 'reject', 'respond'] };
    expect(await answerOf({ endpoint }, 'draft_mail')).toEqual(withEdit);
    expect(await answerOf({ endpoint }, 'pay')).toEqual(without);
    expect(await answerOf({ endpoint }, 'free')).toEqual({ decision: 'allow' });
    expect(await answerOf({ endpoint }, 'rm')).toEqual({ decision: 'deny' });
    expect(await answerOf({ endpoint, agent: { edit: ['pay'] } }, 'pay')).toEqual(withEdit);
    expect(await answerOf({ endpoint, skills: [{ edit: ['pay'] }] }, 'pay')).toEqual(without);
    expect(await answerOf({ endpoint, skills: [{ edit: [] }] }, 'draft_mail')).toEqual(without);
    // A skill that says nothing of it takes nothing away; nobody who says anything leaves it to the SDK.
    expect(await answerOf({ endpoint, skills: [{ ask: ['*'] }] }, 'draft_mail')).toEqual(withEdit);
    expect(await answerOf({ endpoint: on }, 'pay')).toEqual({ decision: 'ask' });
    expect(await answerOf({ endpoint: on, skills: [{ edit: [] }] }, 'pay')).toEqual(without);
  });

  it('lets an agent override what it sets itself, and nothing else', async () => {
    const endpoint = { ...on, mode: 'deny', allow: ['read_*'], deny: ['rm'] } as const;
    const policy = { endpoint };
    const both = { ...policy, agent: { allow: ['write_*'], mode: 'ask' } } as const;
    expect(await decide(both, 'write_file')).toBe('allow');
    expect(await decide(both, 'read_file')).toBe('ask'); // the agent’s own list stands in place of the endpoint’s
    expect(await decide(both, 'rm')).toBe('deny');
    expect(await decide({ ...policy, agent: { allow: undefined } }, 'read_file')).toBe('allow');
  });

  it('an agent can’t switch it off', () => {
    expect(() => createToolPolicy({ endpoint: on, agent: { enabled: false } as never })).toThrow('enabled');
  });

  it('only tightens by skills and hooks: the strictest of all that is said counts', async () => {
    const decision = fc.constantFrom<ToolDecision>('allow', 'ask', 'deny');
    const strictness = ['allow', 'ask', 'deny'];
    await fc.assert(
      fc.asyncProperty(
        decision,
        fc.array(fc.option(decision, { nil: undefined }), { maxLength: 4 }),
        fc.array(fc.option(decision, { nil: undefined }), { maxLength: 3 }),
        async (ground, skills, hooks) => {
          const policy = createToolPolicy({
            endpoint: { ...on, [ground]: ['tool'] },
            skills: skills.map((said) => (said ? { [said]: ['t*'] } : { allow: ['other'] })),
            hooks: hooks.map((said) => async () => said),
          });
          const most = Math.max(
            ...[ground, ...skills, ...hooks].map((said) => strictness.indexOf(said ?? 'allow')),
          );
          expect(await policy.decide({ toolName: 'tool' })).toBe(strictness[most]);
        },
      ),
    );
  });

  it('denies what a hook could not judge, or judged in words nobody knows', async () => {
    const errors: unknown[] = [];
    const endpoint = { ...on, allow: ['a'] };
    const broken = () => Promise.reject(new Error('moderation is down'));
    expect(await decide({ endpoint, hooks: [broken], onHookError: (error) => errors.push(error) }, 'a')).toBe(
      'deny',
    );
    expect(errors).toHaveLength(1);
    expect(await decide({ endpoint, hooks: [(() => 'sure') as never] }, 'a')).toBe('deny');
  });

  // The SDK lets a call run when its hook rejects or is slow.
  it('denies although the report of a broken hook is broken as well', async () => {
    const policy = createToolPolicy({
      endpoint: { ...on, allow: ['a'] },
      hooks: [
        () => {
          throw new Error('moderation is down');
        },
      ],
      onHookError(error) {
        throw error;
      },
    });
    expect(await policy.hook?.({ toolName: 'a' })).toEqual({ decision: 'deny' });
  });

  it('denies what hooks have not judged in time, however many are slow, and leaves no timer', async () => {
    vi.useFakeTimers();
    const errors: unknown[] = [];
    let late = () => {};
    const slow = () => new Promise<never>((_, reject) => (late = () => reject(new Error('too late'))));
    const policy = createToolPolicy({
      endpoint: { ...on, allow: ['a'] },
      hooks: [() => 'allow', slow, slow, slow],
      onHookError: (error) => errors.push(error),
    });
    const decided = policy.decide({ toolName: 'a' });
    await vi.advanceTimersByTimeAsync(9_999);
    expect(errors).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(await decided).toBe('deny');
    expect(errors).toHaveLength(3);
    late();
    const quick = createToolPolicy({ endpoint: { ...on, allow: ['a'] }, hooks: [() => 'allow'] });
    expect(await quick.decide({ toolName: 'a' })).toBe('allow');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('tells the reason of the layer whose word counted, if that has one', async () => {
    const skills = [
      { deny: ['rm'], reason: '{tool} is not for this skill' },
      { ask: ['mv'] },
      { ask: ['pay'], reason: 'never told: no stricter' },
    ];
    const policy = createToolPolicy({
      endpoint: { ...on, mode: 'allow', ask: ['pay'], reason: 'ground' },
      skills,
      hooks: [({ toolName }) => (toolName === 'cp' ? 'deny' : undefined)],
    });
    const answers = ['pay', 'rm', 'mv', 'cp', 'ls'].map((toolName) => policy.hook?.({ toolName }));
    expect(await Promise.all(answers)).toEqual([
      { decision: 'ask', reason: 'ground' },
      { decision: 'deny', reason: 'rm is not for this skill' },
      { decision: 'ask' },
      { decision: 'deny' },
      { decision: 'allow' },
    ]);
  });

  it('answers the SDK’s hook with a reason for the person', async () => {
    const policy = createToolPolicy({
      endpoint: { ...on, reason: '{tool} moves money: {tool}?', allow: ['sum'] },
    });
    expect(await policy.hook?.({ toolName: 'pay' })).toEqual({
      decision: 'ask',
      reason: 'pay moves money: pay?',
    });
    expect(await policy.hook?.({ toolName: 'sum' })).toEqual({ decision: 'allow' });
  });

  it('matches names as a regular expression would, in linear time (A21)', async () => {
    const glob = fc.string({ unit: fc.constantFrom('a', 'b', '*', '.', '('), maxLength: 8, minLength: 1 });
    const name = fc.string({ unit: fc.constantFrom('a', 'b', '.', '('), maxLength: 12, minLength: 1 });
    await fc.assert(
      fc.asyncProperty(glob, name, async (pattern, tool) => {
        const parts = pattern.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
        const isMatch = new RegExp(`^${parts.join('.*')}$`, 's').test(tool);
        expect(await decide({ endpoint: { ...on, deny: [pattern], mode: 'allow' } }, tool)).toBe(
          isMatch ? 'deny' : 'allow',
        );
      }),
    );
    // A matcher that goes back would not come to an end here.
    const evil = { ...on, deny: [`${'*a'.repeat(120)}*b`], mode: 'allow' as const };
    expect(await decide({ endpoint: evil }, 'a'.repeat(100_000))).toBe('allow');
  });

  it('refuses settings it does not know', () => {
    for (const wrong of [
      { endpoint: { mode: 'maybe' } },
      { endpoint: { allow: [''] } },
      { skills: [{ on: true }] },
    ]) {
      expect(() => createToolPolicy(wrong as never)).toThrow(
        expect.toSatisfy((error) => isGenerationJobError(error, 'invalid_options')),
      );
    }
  });
});

describe('a tool policy with standing decisions', () => {
  const use = { toolName: 'pay', toolInput: { amount: 5 }, toolUseId: 'call-1' };
  const allowing = (allowed: boolean) => {
    const asked: unknown[] = [];
    const answer = allowed ? { allowed, rule: {} as never, isRepeat: false } : { allowed };
    const allows = async (call: unknown) => {
      asked.push(call);
      return answer as never;
    };
    return { asked, rules: { allows } };
  };

  it('L154 lets a call run that one allows, and asks about any other', async () => {
    const yes = allowing(true);
    expect(await createToolPolicy({ endpoint: on, rules: yes.rules }).hook?.(use)).toEqual({
      decision: 'allow',
    });
    expect(yes.asked).toEqual([{ tool: 'pay', arguments: { amount: 5 }, callId: 'call-1' }]);
    const no = allowing(false);
    expect(await createToolPolicy({ endpoint: on, rules: no.rules }).hook?.(use)).toEqual({
      decision: 'ask',
    });
  });

  it('L154 asks them about nothing that it denies or allows by itself, by a layer, a skill or a hook', async () => {
    const { asked, rules } = allowing(true);
    for (const [layers, expected] of [
      [{ endpoint: { ...on, deny: ['pay'] } }, 'deny'],
      [{ endpoint: on, skills: [{ deny: ['p*'] }] }, 'deny'],
      [{ endpoint: on, hooks: [() => 'deny'] }, 'deny'],
      [{ endpoint: on, hooks: [() => Promise.reject(new Error('down'))] }, 'deny'],
      [{ endpoint: { ...on, allow: ['pay'] } }, 'allow'],
      [{ endpoint: {} }, 'allow'],
    ] as const) {
      expect(await createToolPolicy({ ...layers, rules } as ToolPolicyInput).decide(use)).toBe(expected);
    }
    expect(asked).toEqual([]);
  });

  it('L154 asks none about a tool for which a layer forbids them, or about a call without an id', async () => {
    const { asked, rules } = allowing(true);
    for (const layers of [
      { endpoint: { ...on, standing: false } },
      { endpoint: { ...on, standing: ['send_*'] } },
      { endpoint: { ...on, standing: ['*'] }, agent: { standing: false } },
      { endpoint: on, skills: [{ standing: ['send_*'] }] },
      { endpoint: { ...on, standing: ['pay'] }, skills: [{ standing: false }] },
    ] as const) {
      expect(await createToolPolicy({ ...layers, rules }).decide(use)).toBe('ask');
    }
    expect(await createToolPolicy({ endpoint: on, rules }).decide({ toolName: 'pay' })).toBe('ask');
    expect(asked).toEqual([]);
    const endpoint = { ...on, standing: ['pay'] };
    expect(await createToolPolicy({ endpoint, skills: [{ standing: ['*'] }], rules }).decide(use)).toBe(
      'allow',
    );
  });

  it('L154 asks the person where they can’t be asked, or say something else than yes', async () => {
    const errors: unknown[] = [];
    const broken = { allows: () => Promise.reject(new Error('down')) };
    const onHookError = (error: unknown) => errors.push(error);
    expect(await createToolPolicy({ endpoint: on, rules: broken, onHookError }).decide(use)).toBe('ask');
    expect(errors).toMatchObject([{ message: 'down' }]);
    const odd = { allows: async () => ({ allowed: 'yes' }) as never };
    expect(await createToolPolicy({ endpoint: on, rules: odd }).decide(use)).toBe('ask');
  });
});
