/** Real runs of the SDK with a scripted model, in one process: from text to several decisions at once. */
import { createCheckpointer, resumeAgent, runAgent } from 'generation-jobs/agents';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadSdk, runFactory, type Sdk, toolHandlers, userSays } from '../support/agents.mjs';
import { eventsOf, namesOf, partsOf, replica, startJob } from '../support/harness.js';

let sdk: Sdk;
beforeAll(async () => {
  sdk = await loadSdk();
});

const PAY = [
  { text: ['Moving ', 'money.'], tools: [{ id: 'c1', name: 'transfer', args: { to: 'bob', amount: 10 } }] },
  { text: ['All ', 'done.'] },
];

describe('an agent that answers', () => {
  it('in text and reasoning completes its job, event by event, with its usage', async () => {
    const manager = replica();
    const job = await startJob(manager);
    const script = [{ reasoning: ['Let me ', 'think.'], text: ['Hello ', 'there.'] }];
    const end = await runAgent(job, runFactory(sdk, { script }), userSays(sdk, 'hi'));
    expect(end).toEqual({ reason: 'completed' });
    expect(await namesOf(manager)).toEqual([
      'created',
      'on_run_step',
      'on_reasoning_delta',
      'on_reasoning_delta',
      'on_run_step_closed',
      'on_run_step',
      'on_message_delta',
      'on_message_delta',
      'on_run_step_closed',
      'completed',
    ]);
    expect(await partsOf(manager)).toEqual([
      { type: 'think', think: 'Let me think.' },
      { type: 'text', text: 'Hello there.' },
    ]);
    expect((await manager.getJob('s'))?.usage).toMatchObject({ input_tokens: 10, output_tokens: 5 });
  });

  it('with a tool that needs nobody runs it and goes on', async () => {
    const manager = replica();
    const executed: unknown[] = [];
    const handlers = toolHandlers(({ args }) => {
      executed.push(args);
      return 'moved';
    });
    const job = await startJob(manager);
    expect(await runAgent(job, runFactory(sdk, { script: PAY }), userSays(sdk, 'pay'), { handlers })).toEqual(
      {
        reason: 'completed',
      },
    );
    expect(executed).toEqual([{ to: 'bob', amount: 10 }]);
    expect(await partsOf(manager)).toMatchObject([
      { type: 'text', text: 'Moving money.' },
      { type: 'tool_call', tool_call: { id: 'c1', output: 'moved' } },
      { type: 'text', text: 'All done.' },
    ]);
    expect((await manager.getJob('s'))?.usage).toMatchObject({ output_tokens: 10 });
  });
});

describe('an agent whose tool asks', () => {
  for (const [decision, more, output, ran] of [
    ['approve', {}, 'moved 10 to bob', [{ to: 'bob', amount: 10 }]],
    ['reject', { reason: 'no way' }, 'Blocked: no way', []],
    ['edit', { arguments: { to: 'eve', amount: 1 } }, 'moved 1 to eve', [{ to: 'eve', amount: 1 }]],
    ['respond', { text: 'pretend it is done' }, 'pretend it is done', []],
  ] as const) {
    it(`pauses, and after "${decision}" goes on as decided`, async () => {
      const checkpointer = await createCheckpointer({ saver: new sdk.MemorySaver() });
      const executed: unknown[] = [];
      const handlers = toolHandlers(({ args }) => {
        executed.push(args);
        const { to, amount } = args as { to: string; amount: number };
        return `moved ${amount} to ${to}`;
      });
      const manager = replica(checkpointer.settling());
      const createRun = runFactory(sdk, { script: PAY, ask: ['transfer'] });
      const job = await startJob(manager);
      const options = { checkpointer, handlers };
      expect(await runAgent(job, createRun, userSays(sdk, 'pay'), options)).toEqual({ reason: 'paused' });
      const action = await manager.approvals.peek('s');
      expect(action).toMatchObject({
        type: 'tool_approval',
        requests: [
          {
            id: 'c1',
            name: 'transfer',
            arguments: { to: 'bob', amount: 10 },
            description: 'Tool transfer needs approval',
            allowedDecisions: ['approve', 'reject', 'edit', 'respond'],
          },
        ],
      });
      expect(await partsOf(manager)).toMatchObject([
        { type: 'text', text: 'Moving money.' },
        { type: 'tool_call', tool_call: { id: 'c1', name: 'transfer', args: '{"to":"bob","amount":10}' } },
      ]);
      const { job: next, continuation } = await manager.approvals.resolve('s', {
        actionId: action?.actionId ?? '',
        decisions: [{ id: 'c1', decision, ...more }],
        by: 'ann',
      });
      expect(await resumeAgent(next, continuation, createRun, options)).toEqual({ reason: 'completed' });
      expect(executed).toEqual(ran);
      expect(await partsOf(manager)).toMatchObject([
        { type: 'text', text: 'Moving money.' },
        { type: 'tool_call', tool_call: { id: 'c1', output } },
        { type: 'text', text: 'All done.' },
      ]);
      await manager.upkeep.idle();
      expect(
        await checkpointer.saver.getTuple({ configurable: { thread_id: `/s/${job.generation}` } }),
      ).toBeUndefined();
    });
  }

  it('several at once asks once for all, and each call follows its own decision', async () => {
    const checkpointer = await createCheckpointer({ saver: new sdk.MemorySaver() });
    const tools = ['c1', 'c2', 'c3', 'c4'].map((id) => ({
      id,
      name: 'transfer',
      args: { to: id, amount: 1 },
    }));
    const script = [{ tools: [...tools, { id: 'free', name: 'sum', args: {} }] }, { text: ['Done.'] }];
    const executed: string[] = [];
    const handlers = toolHandlers(({ id, args }) => {
      executed.push(id);
      return `ran ${JSON.stringify(args)}`;
    });
    const createRun = runFactory(sdk, { script, ask: ['transfer'] });
    const manager = replica();
    await runAgent(await startJob(manager), createRun, userSays(sdk, 'pay'), { checkpointer, handlers });
    const action = await manager.approvals.peek('s');
    expect(action?.requests.map(({ id }) => id)).toEqual(['c1', 'c2', 'c3', 'c4']);
    expect(executed).toEqual([]);
    const { job, continuation } = await manager.approvals.resolve('s', {
      actionId: action?.actionId ?? '',
      decisions: [
        { id: 'c4', decision: 'respond', text: 'said' },
        { id: 'c3', decision: 'edit', arguments: { to: 'x' } },
        { id: 'c2', decision: 'reject' },
        { id: 'c1', decision: 'approve' },
      ],
      by: 'ann',
    });
    expect(await resumeAgent(job, continuation, createRun, { checkpointer, handlers })).toEqual({
      reason: 'completed',
    });
    expect(executed.toSorted()).toEqual(['c1', 'c3', 'free']);
    const outputs = (await partsOf(manager)).flatMap((part) => {
      const call = (part as { tool_call?: { id: string; output: string } }).tool_call;
      return call ? [[call.id, call.output]] : [];
    });
    expect(Object.fromEntries(outputs)).toMatchObject({
      c1: 'ran {"to":"c1","amount":1}',
      c2: expect.stringMatching(/^Blocked/),
      c3: 'ran {"to":"x"}',
      c4: 'said',
      free: 'ran {}',
    });
  });

  it('again and again pauses as often as it asks (L44)', async () => {
    const checkpointer = await createCheckpointer({ saver: new sdk.MemorySaver() });
    const ask = (id: string) => ({ tools: [{ id, name: 'transfer', args: { id } }] });
    const createRun = runFactory(sdk, {
      script: [ask('c1'), ask('c2'), ask('c3'), { text: ['Done.'] }],
      ask: ['transfer'],
    });
    const executed: string[] = [];
    const handlers = toolHandlers(({ id }) => void executed.push(id));
    const manager = replica();
    let end = await runAgent(await startJob(manager), createRun, userSays(sdk, 'pay'), {
      checkpointer,
      handlers,
    });
    for (const id of ['c1', 'c2', 'c3']) {
      expect(end).toEqual({ reason: 'paused' });
      const action = await manager.approvals.peek('s');
      const { job, continuation } = await manager.approvals.resolve('s', {
        actionId: action?.actionId ?? '',
        decisions: [{ id, decision: 'approve' }],
        by: 'ann',
      });
      end = await resumeAgent(job, continuation, createRun, { checkpointer, handlers });
    }
    expect(end).toEqual({ reason: 'completed' });
    expect(executed).toEqual(['c1', 'c2', 'c3']);
    const events = await eventsOf(manager);
    expect(events.filter(({ event }) => event === 'requires_action')).toHaveLength(3);
  });
});
