/**
 * What the SDK does, rule by rule, and what the bridge makes of it. A test of the SDK alone that fails after an update says
 * that a guard of ours is needed no more, or differently. Rules 3, 4 and 7 with a real saver: checkpoints.test.ts.
 */
import { type Checkpointer, createCheckpointer, resumeAgent, runAgent } from 'generation-jobs/agents';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type AgentSetup,
  loadSdk,
  runFactory,
  type Sdk,
  toolHandlers,
  userSays,
} from '../support/agents.mjs';
import { decide, eventsOf, partsOf, replica, startJob } from '../support/harness.js';

let sdk: Sdk;
let saver: Sdk;
let checkpointer: Checkpointer;
let executed: string[];
beforeAll(async () => {
  sdk = await loadSdk();
});
beforeEach(async () => {
  saver = new sdk.MemorySaver();
  checkpointer = await createCheckpointer({ saver });
  executed = [];
});

const call = (id: string) => ({ id, name: 'transfer', args: { to: id } });
const ONE = [{ text: ['One.'], tools: [call('c1')] }, { text: ['Done.'] }];
const TWO = [{ text: ['Two.'], tools: [call('c1'), call('c2')] }, { text: ['Done.'] }];
const APPROVE = { type: 'approve' };
const REJECT = { type: 'reject', reason: 'no' };
const execute = ({ id }: { id: string }) => {
  executed.push(id);
  return `did ${id}`;
};

/** The SDK without the bridge: a run on a thread. */
async function alone(setup: Partial<AgentSetup> = {}, handlers: object = {}): Promise<Sdk> {
  const given = { script: ONE, ask: ['transfer'], execute, ...setup };
  return runFactory(
    sdk,
    given,
  )({
    ...{ job: {}, runId: 'run', threadId: 'thread', resumeContext: null, discoveredTools: [] },
    handlers: { ...toolHandlers(execute), ...handlers },
    checkpointer: saver,
  } as never);
}

const config = (more: object = {}, signal = new AbortController().signal) => ({
  version: 'v2',
  configurable: { thread_id: 'thread', ...more },
  signal,
});
const SCOPE = '__librechat_tool_approval_execution_scope';

async function pausedAlone(setup: Partial<AgentSetup> = {}, more: object = {}): Promise<Sdk> {
  const run = await alone(setup);
  await run.processStream(userSays(sdk, 'go'), config(more));
  expect(run.getInterrupt()?.checkpointId).toBeDefined();
  return run;
}

/** The bridge: a job that waits, and how it goes on. */
async function pausedJob(setup: Partial<AgentSetup> = {}, more: object = {}) {
  const createRun = runFactory(sdk, { script: ONE, ask: ['transfer'], execute, ...setup });
  const manager = replica(checkpointer.settling());
  const options = { checkpointer, handlers: toolHandlers(execute), ...more };
  const end = await runAgent(await startJob(manager), createRun, userSays(sdk, 'go'), options);
  expect(end).toEqual({ reason: 'paused' });
  return { manager, createRun, options };
}

describe('the SDK alone', () => {
  it('rule 1: lets two who resume at once both run the tool', async () => {
    await pausedAlone();
    const both = [await alone(), await alone()];
    await Promise.all(both.map((run) => run.resume({ c1: APPROVE }, config())));
    expect(executed).toEqual(['c1', 'c1']);
  });

  it('rule 2: says nothing when there is nothing to resume', async () => {
    let turns = 0;
    const run = await alone({ onTurn: () => void turns++ });
    expect(await run.resume({ c1: APPROVE }, config({ thread_id: 'nowhere' }))).toEqual([]);
    expect([executed, turns, run.getInterrupt()]).toEqual([[], 0, undefined]);
  });

  it('rule 3: forgets the pause when a new turn starts on its thread', async () => {
    await pausedAlone();
    await (await alone({ script: [{ text: ['Other.'] }] })).processStream(userSays(sdk, 'new'), config());
    expect(await (await alone()).resume({ c1: APPROVE }, config())).toEqual([]);
    expect(executed).toEqual([]);
  });

  it('rule 4: adds the next turn to what a finished run has left on its thread', async () => {
    const seen: number[] = [];
    const setup = {
      script: [{ text: ['Hi.'] }],
      onTurn: (messages: object[]) => void seen.push(messages.length),
    };
    await (await alone(setup)).processStream(userSays(sdk, 'one'), config());
    await (await alone(setup)).processStream(userSays(sdk, 'two'), config());
    expect(seen).toEqual([2, 4]);
  });

  it('rules 5 and 6: asks again under the same interrupt id, and gives the second direct call the decision of the first', async () => {
    const first = await pausedAlone({ script: TWO, direct: ['transfer'] });
    const second = await alone({ script: TWO, direct: ['transfer'] });
    await second.resume([APPROVE], config());
    expect(second.getInterrupt().interruptId).toBe(first.getInterrupt().interruptId);
    expect(second.getInterrupt().payload.action_requests).toMatchObject([{ tool_call_id: 'c2' }]);
    await (await alone({ script: TWO, direct: ['transfer'] })).resume([REJECT], config());
    expect(executed, 'the second was rejected').toContain('c2');
  });

  it('rule 7: shows an interrupt although the saver failed, without a checkpoint', async () => {
    saver.put = () => Promise.reject(new Error('the saver is away'));
    const run = await alone();
    await expect(run.processStream(userSays(sdk, 'go'), config())).rejects.toThrow('the saver is away');
    expect(run.getInterrupt()).toMatchObject({ payload: { type: 'tool_approval' } });
    expect(run.getInterrupt().checkpointId).toBeUndefined();
  });

  for (const [what, started, resumed] of [
    ['another scope', { [SCOPE]: 'a' }, { [SCOPE]: 'b' }],
    ['another user', { user_id: 'a' }, { user_id: 'b' }],
  ] as const) {
    it(`rule 8: throws when ${what} resumes`, async () => {
      await pausedAlone({}, started);
      await expect((await alone()).resume({ c1: APPROVE }, config(resumed))).rejects.toThrow(/owner changed/);
      expect(executed).toEqual([]);
    });
  }

  it('rule 9: does not run an approved tool again when the model failed after it', async () => {
    await pausedAlone();
    const failing = await alone({ script: [ONE[0] ?? {}, { fails: 'away' }] });
    await expect(failing.resume({ c1: APPROVE }, config())).rejects.toThrow('away');
    await (await alone()).resume({ c1: APPROVE }, config());
    expect(executed).toEqual(['c1']);
  });

  it('rule 10: lets an allowed call of the same turn wait for the decision', async () => {
    const tools = [call('c1'), { id: 'free', name: 'sum', args: {} }];
    await pausedAlone({ script: [{ tools }, { text: ['Done.'] }] });
    expect(executed).toEqual([]);
    await (await alone({ script: [{ tools }, { text: ['Done.'] }] })).resume({ c1: REJECT }, config());
    expect(executed).toEqual(['free']);
  });

  it('rule 11: remembers the id of the run that paused as its session', async () => {
    const run = await pausedAlone();
    expect(run.getInterrupt().payload.hook_session_id).toBe('run');
  });

  it('rule 12: rejects with the reason of the abort, whatever it is, and closes open steps', async () => {
    const stop = new AbortController();
    const closed: string[] = [];
    const handlers = {
      on_message_delta: { handle: () => stop.abort(new RangeError('enough')) },
      on_run_step_closed: { handle: (_: string, step: { status: string }) => void closed.push(step.status) },
    };
    const run = await alone({ script: [{ text: ['a ', 'b ', 'c '] }], delayMs: 5 }, handlers);
    await expect(run.processStream(userSays(sdk, 'go'), config({}, stop.signal))).rejects.toThrow('enough');
    expect(closed).toEqual(['cancelled']);
  });
});

describe('the bridge', () => {
  it('rule 2: fails a job checkpoint_lost that resumes twice from one decision, and runs nothing twice', async () => {
    const { manager, createRun, options } = await pausedJob();
    const { job, continuation } = await decide(manager, { decisions: [{ id: 'c1', decision: 'approve' }] });
    await resumeAgent(job, continuation, createRun, options);
    const again = await startJob(manager);
    expect(await resumeAgent(again, continuation, createRun, options)).toMatchObject({ reason: 'failed' });
    expect((await manager.getJob('s'))?.error).toMatchObject({ code: 'checkpoint_lost' });
    expect(executed).toEqual(['c1']);
  });

  it('rules 5 and 6: asks one by one for two direct calls of a turn, and after the first, which has run as approved, fails decision_not_followed instead of asking for the second', async () => {
    const { manager, createRun, options } = await pausedJob({ script: TWO, direct: ['transfer'] });
    expect((await manager.approvals.peek('s'))?.requests.map(({ id }) => id)).toEqual(['c1']);
    const { job, continuation } = await decide(manager, { decisions: [{ id: 'c1', decision: 'approve' }] });
    expect(await resumeAgent(job, continuation, createRun, options)).toMatchObject({ reason: 'failed' });
    expect((await manager.getJob('s'))?.error).toMatchObject({
      code: 'decision_not_followed',
      retryable: false,
    });
    expect(executed).toEqual(['c1']);
  });

  it('rule 6: runs neither of two direct calls of a turn when the first is rejected', async () => {
    const { manager, createRun, options } = await pausedJob({ script: TWO, direct: ['transfer'] });
    const { job, continuation } = await decide(manager, { decisions: [{ id: 'c1', decision: 'reject' }] });
    expect(await resumeAgent(job, continuation, createRun, options)).toMatchObject({ reason: 'failed' });
    expect((await manager.getJob('s'))?.error).toMatchObject({ code: 'decision_not_followed' });
    expect(executed).toEqual([]);
  });

  it('rule 6: one direct call a turn, asked for again and again, is safe', async () => {
    const script = [{ tools: [call('c1')] }, { tools: [call('c2')] }, { text: ['Done.'] }];
    const { manager, createRun, options } = await pausedJob({ script, direct: ['transfer'] });
    for (const [id, decision] of [
      ['c1', 'approve'],
      ['c2', 'reject'],
    ] as const) {
      const { job, continuation } = await decide(manager, { decisions: [{ id, decision }] });
      await resumeAgent(job, continuation, createRun, options);
    }
    expect(executed).toEqual(['c1']);
    expect((await manager.getJob('s'))?.status).toBe('completed');
  });

  it('rule 6: an SDK that would run a rejected call does not get to run it, and the job fails decision_not_followed', async () => {
    const { manager, createRun, options } = await pausedJob();
    const { job, continuation } = await decide(manager, { decisions: [{ id: 'c1', decision: 'reject' }] });
    const misled: typeof createRun = async (setup) => {
      const run = await createRun(setup);
      return Object.assign(Object.create(run as object), {
        resume: (_: unknown, config: never) => run.resume({ c1: APPROVE }, config),
        processStream: run.processStream,
        getInterrupt: () => run.getInterrupt(),
      });
    };
    expect(await resumeAgent(job, continuation, misled, options)).toMatchObject({ reason: 'failed' });
    expect((await manager.getJob('s'))?.error).toMatchObject({ code: 'decision_not_followed' });
    expect(executed).toEqual([]);
  });

  it('rule 7: records no action when the saver fails at the pause', async () => {
    saver.put = () => Promise.reject(new Error('the saver is away'));
    const manager = replica();
    const createRun = runFactory(sdk, { script: ONE, ask: ['transfer'] });
    const end = await runAgent(await startJob(manager), createRun, userSays(sdk, 'go'), { checkpointer });
    expect(end).toMatchObject({ reason: 'failed' });
    expect(await manager.approvals.peek('s')).toBeNull();
  });

  it('rule 7: fails a run that stops to ask without a checkpointer', async () => {
    const manager = replica();
    const createRun = runFactory(sdk, { script: ONE, ask: ['transfer'] });
    expect(await runAgent(await startJob(manager), createRun, userSays(sdk, 'go'))).toMatchObject({
      reason: 'failed',
      error: { code: 'checkpoint_lost' },
    });
    expect((await manager.getJob('s'))?.error).toMatchObject({ code: 'checkpoint_lost' });
  });

  it('rule 8: starts and resumes under the same scope and user, the generation and its owner', async () => {
    const seen: unknown[] = [];
    const { manager, createRun, options } = await pausedJob();
    const watching: typeof createRun = async (setup) => {
      const run = await createRun(setup);
      const resume = run.resume.bind(run);
      run.resume = (value, given) => {
        seen.push(given.configurable[SCOPE], given.configurable.user_id, given.configurable.thread_id);
        return resume(value, given);
      };
      return run;
    };
    const { job, continuation } = await decide(manager, { decisions: [{ id: 'c1', decision: 'approve' }] });
    await resumeAgent(job, continuation, watching, options);
    const thread = `/s/${job.generation}`;
    expect(seen).toEqual([thread, 'ann', thread]);
  });

  it('rule 8: does not resume what another version of the SDK has paused: sdk_changed', async () => {
    const { manager, createRun, options } = await pausedJob({}, { sdkVersion: '3.9.2' });
    const { job, continuation } = await decide(manager, { decisions: [{ id: 'c1', decision: 'approve' }] });
    const end = await resumeAgent(job, continuation, createRun, { ...options, sdkVersion: '3.10.0' });
    expect(end).toMatchObject({ reason: 'failed' });
    expect((await manager.getJob('s'))?.error).toMatchObject({ code: 'sdk_changed' });
    expect(executed).toEqual([]);
  });

  it('rule 10: asks for the gated call alone, and runs its allowed sibling once, after the decision', async () => {
    const tools = [call('c1'), { id: 'free', name: 'sum', args: {} }];
    const { manager, createRun, options } = await pausedJob({ script: [{ tools }, { text: ['Done.'] }] });
    expect((await manager.approvals.peek('s'))?.requests.map(({ id }) => id)).toEqual(['c1']);
    expect(executed).toEqual([]);
    const { job, continuation } = await decide(manager, { decisions: [{ id: 'c1', decision: 'reject' }] });
    expect(await resumeAgent(job, continuation, createRun, options)).toEqual({ reason: 'completed' });
    expect(executed).toEqual(['free']);
  });

  it('rule 11: gives every attempt of a generation the same run id', async () => {
    const ids: string[] = [];
    const { manager, createRun, options } = await pausedJob();
    const { job, continuation } = await decide(manager, { decisions: [{ id: 'c1', decision: 'approve' }] });
    const watching: typeof createRun = (setup) => {
      ids.push(setup.runId);
      return createRun(setup);
    };
    await resumeAgent(job, continuation, watching, options);
    expect(ids).toEqual([`/s/${job.generation}`]);
  });

  it('rule 12: ends an aborted run as aborted, whatever the SDK rejects with', async () => {
    const manager = replica();
    const job = await startJob(manager);
    const createRun = runFactory(sdk, { script: [{ text: ['a ', 'b ', 'c '] }], delayMs: 5 });
    const handlers = {
      on_message_delta: { handle: () => job.flush().then(() => manager.abortJob('s')) },
    };
    const errors: unknown[] = [];
    const options = { handlers, onError: (error: unknown) => void errors.push(error) };
    expect(await runAgent(job, createRun, userSays(sdk, 'go'), options)).toEqual({ reason: 'aborted' });
    expect(errors).toEqual([]);
    expect(await partsOf(manager)).toEqual([{ type: 'text', text: 'a ' }]);
    expect((await eventsOf(manager)).at(-1)?.event).toBe('aborted');
  });

  it('allows what the policy allows: a decision outside of it is refused before anything happens', async () => {
    const { manager } = await pausedJob({ allowedDecisions: ['approve', 'reject'] });
    const edit = { id: 'c1', decision: 'edit' as const, arguments: {} };
    await expect(decide(manager, { decisions: [edit] })).rejects.toMatchObject({
      code: 'decision_not_allowed',
    });
    expect(executed).toEqual([]);
  });

  it('takes a long answer in place of a result as it was given', async () => {
    const { manager, createRun, options } = await pausedJob();
    const text = `He said "no".\n${'x'.repeat(15_000)}`;
    const { job, continuation } = await decide(manager, {
      decisions: [{ id: 'c1', decision: 'respond', text }],
    });
    expect(await resumeAgent(job, continuation, createRun, options)).toEqual({ reason: 'completed' });
  });
});
