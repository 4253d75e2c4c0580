/** Tool calls of an agent that go through receipts: with a run made by hand, on a manager in memory whose producers are lost. */
import { describe, expect, it } from 'vitest';
import { Checkpointer } from '../../../src/agents/checkpointer.js';
import { onceTool, receiptKeys, receiptsFor } from '../../../src/agents/once-tools.js';
import type { AgentOptions } from '../../../src/agents/options.js';
import { type RunSetup, resumeAgent, runAgent } from '../../../src/agents/run-agent.js';
import type {
  RunLike,
  SaverLike,
  ToolCall,
  ToolExecuteRequest,
  ToolResult,
} from '../../../src/agents/shapes.js';
import type { Continuation } from '../../../src/stream/interfaces/continuation.js';
import type { GenerationJob } from '../../../src/stream/interfaces/generation-job.js';
import { started } from './lost-producers.js';

async function until(condition: () => unknown): Promise<void> {
  await expect.poll(async () => Boolean(await condition())).toBe(true);
}

const never = () => new Promise<never>(() => {});
const call = (id: string, args: unknown = {}): ToolCall => ({ id, name: 'pay', args });
const success = (toolCallId: string, content = `paid ${toolCallId}`): ToolResult => ({
  ...{ toolCallId, status: 'success', content },
});

/** The host's executor, which notes what reaches it, batch by batch. */
function executing(answer: (call: ToolCall) => ToolResult | Promise<ToolResult> = ({ id }) => success(id)) {
  const batches: string[][] = [];
  const execute = {
    handle: async (_event: string, data: unknown) => {
      const { toolCalls, resolve } = data as ToolExecuteRequest;
      batches.push(toolCalls.map(({ id }) => id));
      resolve(await Promise.all(toolCalls.map(answer)));
    },
  };
  return { batches, execute };
}

function dispatch(
  handler: { handle(event: string, data: unknown): unknown },
  toolCalls: readonly ToolCall[],
) {
  return new Promise<readonly ToolResult[]>((resolve, reject) => {
    handler.handle('on_tool_execute', { toolCalls, resolve, reject });
  });
}

describe('the executor of event-dispatched tools', () => {
  it('is given each call with a receipt by itself and once, the others as they came; results are in the order of the calls', async () => {
    const { job } = await started();
    const { batches, execute } = executing();
    const kinds = { c1: 'once', c2: 'plain', c3: 'idempotent', c4: 'plain' } as const;
    const guarded = receiptsFor({ job, receiptKey: receiptKeys(1) }, execute, ({ id }) => kinds[id as 'c1']);
    const calls = Object.keys(kinds).map((id) => call(id));
    const results = calls.map(({ id }) => success(id));
    expect(await dispatch(guarded, calls)).toEqual(results);
    expect(batches.sort()).toEqual([['c1'], ['c2', 'c4'], ['c3']]);
    expect(await dispatch(guarded, calls)).toEqual(results);
    expect(batches).toHaveLength(4);
    const plain = [call('c2'), call('c4')];
    expect(await dispatch(guarded, plain)).toEqual(plain.map(({ id }) => success(id)));
    expect(batches).toHaveLength(5);
  });

  it('may be asked again for a call that has failed; what it rejects with is handed on', async () => {
    const { job } = await started();
    const failed: ToolResult = { toolCallId: 'c1', status: 'error', content: 'away', errorMessage: 'away' };
    let answers: (ToolResult | Error)[] = [failed, new Error('broken'), success('c1')];
    const { batches, execute } = executing(() => {
      const [answer, ...rest] = answers;
      answers = rest;
      if (answer instanceof Error) throw answer;
      return answer as ToolResult;
    });
    const guarded = receiptsFor({ job, receiptKey: receiptKeys(1) }, execute, true);
    expect(await dispatch(guarded, [call('c1')])).toEqual([failed]);
    await expect(dispatch(guarded, [call('c1')])).rejects.toThrow('broken');
    expect(await dispatch(guarded, [call('c1')])).toEqual([success('c1')]);
    expect(await dispatch(guarded, [call('c1')])).toEqual([success('c1')]);
    expect(batches).toHaveLength(3);
  });

  it('is asked about with its arguments, which everybody who follows sees, unless the tool is discreet', async () => {
    for (const [kind, shown] of [
      ['once', { name: 'pay', arguments: { to: 'bob' } }],
      ['discreet', { name: 'pay' }],
    ] as const) {
      const recovered: GenerationJob[] = [];
      const recover = (one: GenerationJob) => {
        recovered.push(one);
        return never();
      };
      const { manager, job, lose } = await started({ recoverMode: 'continue', recover });
      const guard = (of: GenerationJob, answer?: () => Promise<never>) =>
        receiptsFor({ job: of, receiptKey: receiptKeys(1) }, executing(answer).execute, () => kind);
      void dispatch(guard(job, never), [call('c1', { to: 'bob' })]).catch(() => undefined);
      await until(async () => (await manager.getJob('s'))?.receipts === 1);
      await lose(job);
      await until(() => recovered.length === 1);
      const [next] = recovered as [GenerationJob];
      await expect(dispatch(guard(next), [call('c1', { to: 'bob' })])).rejects.toMatchObject({
        reason: 'paused',
      });
      const { requests } = (await manager.approvals.peek('s')) ?? {};
      expect(requests).toEqual([{ id: 'c1', ...shown, allowedDecisions: ['approve', 'reject', 'respond'] }]);
    }
  });

  it('is not asked for a result that was not kept: the model is told that it was done', async () => {
    const { job } = await started();
    const { batches, execute } = executing(({ id }) => success(id, 'x'.repeat(20_000)));
    const guarded = receiptsFor({ job, receiptKey: receiptKeys(1) }, execute, true);
    await dispatch(guarded, [call('c1')]);
    const [again] = await dispatch(guarded, [call('c1')]);
    expect(again).toMatchObject({ toolCallId: 'c1', status: 'success' });
    expect(String(again?.content)).toContain('too large');
    expect(batches).toHaveLength(1);
  });
});

describe('a tool in the agent’s process', () => {
  it('goes through receipts under the id of its call', async () => {
    const { job } = await started();
    const keys: string[] = [];
    const pay = onceTool(
      { job, receiptKey: receiptKeys(2) },
      ({ amount }: { amount: number }, _config, key) => {
        keys.push(key);
        return { paid: amount };
      },
    );
    const config = { toolCall: call('c1') };
    expect(await pay({ amount: 5 }, config)).toEqual({ paid: 5 });
    expect(await pay({ amount: 5 }, config)).toEqual({ paid: 5 });
    expect(keys).toEqual([`/s/${job.generation}/2:c1`]);
    await expect(pay({ amount: 5 }, {} as never)).rejects.toMatchObject({ code: 'invalid_argument' });
  });
});

const ASKING = {
  ...{ interruptId: 'i1', checkpointId: 'c', checkpointNs: '' },
  payload: {
    type: 'tool_approval',
    action_requests: [{ tool_call_id: 'c1', name: 'pay', arguments: { amount: 5 } }],
    review_configs: [{ tool_call_id: 'c1', allowed_decisions: ['approve'] }],
  },
};
const saver: SaverLike = {
  getTuple: async () => ({
    config: { configurable: { checkpoint_id: 'c' } },
    pendingWrites: [['task', '__interrupt__', {}]],
  }),
  deleteThread: async () => {},
};

/** A run that asks for `c1` when it begins, and calls it, with another, when it goes on. */
function createRun({ handlers }: RunSetup): RunLike {
  let isAsking = false;
  const calls = [call('c1', { amount: 5 }), call('free')];
  return {
    processStream: async () => {
      isAsking = true;
      return [];
    },
    resume: async () => {
      const results = await dispatch(handlers.on_tool_execute as never, calls);
      for (const { toolCallId: id, content: output } of results) {
        const data = { result: { tool_call: { id, output } } };
        await handlers.on_run_step_completed?.handle('on_run_step_completed', data);
      }
      return [];
    },
    getInterrupt: () => (isAsking ? ASKING : undefined),
  };
}

describe('an agent whose process dies within a tool', () => {
  it('goes on from its checkpoint: what has finished is not done again, what is unknown is asked, and goes on from there', async () => {
    let hanging: Promise<never> | undefined = never();
    const { batches, execute } = executing(({ id }) => (id === 'c1' && hanging) || success(id));
    const options: AgentOptions = {
      ...{ checkpointer: new Checkpointer(saver), handlers: { on_tool_execute: execute }, receipts: true },
    };
    const recovered: Continuation[] = [];
    const goOn = (job: GenerationJob, continuation: Continuation) => {
      recovered.push(continuation);
      return resumeAgent(job, continuation, createRun, options);
    };
    const { manager, job, lose } = await started(new Checkpointer(saver).settling({ recover: goOn }));
    expect(await runAgent(job, createRun, {}, options)).toEqual({ reason: 'paused' });
    const decide = async (decision: object) => {
      const action = await manager.approvals.peek('s');
      const { actionId = '' } = action ?? {};
      const decisions = [{ id: action?.requests[0]?.id ?? '', ...decision }] as never;
      return { action, resolved: await manager.approvals.resolve('s', { actionId, by: 'ann', decisions }) };
    };
    const { resolved } = await decide({ decision: 'approve' });
    void resumeAgent(resolved.job, resolved.continuation, createRun, options);
    await until(() => batches.length === 2);
    const record = async () => manager.getJob('s');
    await until(async () => (await record())?.receipts === 2);
    hanging = undefined;
    await lose(resolved.job);
    await until(async () => (await record())?.status === 'requires_action');
    expect(recovered[0]).toMatchObject({ action: { type: 'tool_approval' } });
    const { action, resolved: again } = await decide({ decision: 'approve' });
    expect(action).toMatchObject({
      type: 'tool_unknown',
      requests: [{ id: 'c1', name: 'pay', arguments: { amount: 5 } }],
    });
    expect(again.continuation).toMatchObject({ action: { type: 'tool_approval' }, unknown: {} });
    expect(await resumeAgent(again.job, again.continuation, createRun, options)).toEqual({
      reason: 'completed',
    });
    expect(batches).toEqual([['c1'], ['free'], ['c1']]);
  });

  it('names the calls of a run that started over anew, and those of what it pauses for with it', async () => {
    const { execute } = executing();
    const options: AgentOptions = {
      ...{ checkpointer: new Checkpointer(saver), handlers: { on_tool_execute: execute }, receipts: true },
    };
    const keys: string[] = [];
    const seen = (setup: RunSetup) => {
      keys.push(setup.receiptKey('c1'));
      return createRun(setup);
    };
    const { manager, job, lose } = await started({ recover: (one) => runAgent(one, seen, {}, options) });
    await lose(job);
    await until(async () => (await manager.getJob('s'))?.status === 'requires_action');
    const { actionId = '' } = (await manager.approvals.peek('s')) ?? {};
    const decisions = [{ id: 'c1', decision: 'approve' as const }];
    const next = await manager.approvals.resolve('s', { actionId, by: 'ann', decisions });
    expect(await resumeAgent(next.job, next.continuation, seen, options)).toEqual({ reason: 'completed' });
    expect(keys).toEqual(['2:c1', '2:c1']);
  });
});
