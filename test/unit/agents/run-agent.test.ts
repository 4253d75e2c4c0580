/** Runs made by hand, on a manager in memory: what the bridge makes of what they do. With the SDK's own: real-agents. */
import { afterEach, describe, expect, it } from 'vitest';
import { Checkpointer, createCheckpointer } from '../../../src/agents/checkpointer.js';
import type { AgentOptions } from '../../../src/agents/options.js';
import { resumeAgent, runAgent } from '../../../src/agents/run-agent.js';
import { createRunHandlers } from '../../../src/agents/run-handlers.js';
import type { RunLike, SaverLike } from '../../../src/agents/shapes.js';
import { threadIdOf } from '../../../src/agents/thread-ids.js';
import { createStreamServices, GenerationJobManager } from '../../../src/index.js';
import type { GenerationJob } from '../../../src/stream/interfaces/generation-job.js';
import type { Hooks } from '../../../src/stream/interfaces/manager-types.js';
import type { JobRecord, LogEvent } from '../../../src/stream/model/types.js';

const open: GenerationJobManager[] = [];
afterEach(async () => {
  for (const manager of open.splice(0)) await manager.close();
});

async function started(hooks: Hooks = {}) {
  const manager = new GenerationJobManager({ ...createStreamServices(), hooks });
  open.push(manager);
  const made = await manager.createJob({ streamId: 's', userId: 'ann' });
  if (!made.started) throw new Error('not started');
  return { manager, job: made.job };
}

const PLACE = { interruptId: 'i1', checkpointId: 'c', checkpointNs: '' };
const ASKING = {
  ...PLACE,
  payload: {
    type: 'tool_approval',
    action_requests: [{ tool_call_id: 'c1', name: 'pay', arguments: {} }],
    review_configs: [{ tool_call_id: 'c1', allowed_decisions: ['approve'] }],
  },
};
const APPROVE = { by: 'ann', decisions: [{ id: 'c1', decision: 'approve' as const }] };

function runOf(more: Partial<RunLike> = {}): RunLike {
  return {
    processStream: async () => [],
    resume: async () => [],
    getInterrupt: () => undefined,
    ...more,
  };
}

/** Has the checkpoint of the pause, and knows what was deleted. */
function saverOf(more: object = {}): SaverLike & { readonly deleted: string[] } {
  const deleted: string[] = [];
  return {
    deleted,
    getTuple: async () => ({
      config: { configurable: { checkpoint_id: PLACE.checkpointId } },
      pendingWrites: [['task', '__interrupt__', {}]],
    }),
    deleteThread: async (threadId: string) => void deleted.push(threadId),
    ...more,
  };
}

async function failureOf(run: () => RunLike | Promise<RunLike>, options: AgentOptions = {}) {
  const { manager, job } = await started();
  const errors: unknown[] = [];
  const onError = (error: unknown) => void errors.push(error);
  expect(await runAgent(job, run, {}, { ...options, onError })).toMatchObject({ reason: 'failed' });
  return { error: (await manager.getJob('s'))?.error, errors };
}

async function paused(options: AgentOptions, hooks: Hooks = {}) {
  const { manager, job } = await started(hooks);
  const end = await runAgent(job, () => runOf({ getInterrupt: () => ASKING }), {}, options);
  expect(end).toEqual({ reason: 'paused' });
  const actionId = (await manager.approvals.peek('s'))?.actionId ?? '';
  return { manager, job, resolve: () => manager.approvals.resolve('s', { actionId, ...APPROVE }) };
}

describe('what a run rejects with', () => {
  const secret = { code: 'secret_code', message: 'postgres://user:secret@db', retryable: false };

  it.each([
    ['createRun', () => Promise.reject(secret)],
    ['the run', () => runOf({ processStream: () => Promise.reject(secret) })],
  ])('is told to the host alone, though it looks like a failure of ours (%s)', async (_title, run) => {
    const { error, errors } = await failureOf(run);
    expect(error).toMatchObject({ code: 'agent_failed', retryable: true });
    expect(JSON.stringify(error)).not.toContain('secret');
    expect(errors).toEqual([secret]);
  });
});

describe('threads of sub-agents that can’t be remembered', () => {
  const threads = Array.from({ length: 5_000 }, (_, i) => `${'t'.repeat(100)}${i}`);
  const getChildCheckpointThreadIds = () => threads;

  it('don’t fail a run that has finished, and go with it nevertheless', async () => {
    const { job } = await started();
    const errors: unknown[] = [];
    const saver = saverOf();
    const end = await runAgent(
      job,
      () => runOf({ getChildCheckpointThreadIds }),
      {},
      {
        checkpointer: new Checkpointer(saver),
        onError: (error) => void errors.push(error),
      },
    );
    expect(end).toEqual({ reason: 'completed' });
    expect(errors).toMatchObject([{ code: 'metadata_too_large' }]);
    expect(saver.deleted).toEqual([threadIdOf(job), ...threads]);
  });

  it('don’t fail a pause', async () => {
    const { job } = await started();
    const run = runOf({ getInterrupt: () => ASKING, getChildCheckpointThreadIds });
    const checkpointer = new Checkpointer(saverOf());
    expect(await runAgent(job, () => run, {}, { checkpointer })).toEqual({ reason: 'paused' });
  });
});

describe('threads are deleted by the attempt', () => {
  it('once its end is committed, which is when nobody goes on with them', async () => {
    const { manager, job } = await started();
    const seen: unknown[] = [];
    const deleteThread = async () => void seen.push((await manager.getJob('s'))?.status);
    await runAgent(job, () => runOf(), {}, { checkpointer: new Checkpointer(saverOf({ deleteThread })) });
    expect(seen).toEqual(['completed']);
  });

  it('not when it paused', async () => {
    const saver = saverOf();
    await paused({ checkpointer: new Checkpointer(saver) });
    expect(saver.deleted).toEqual([]);
  });
});

describe('the approval window', () => {
  it('is checked in a resume as well, since the run may ask again', async () => {
    const { manager, resolve } = await paused({ checkpointer: new Checkpointer(saverOf()) });
    const { job, continuation } = await resolve();
    const checkpointer = new Checkpointer(saverOf(), 120_000);
    const end = await resumeAgent(job, continuation, () => runOf(), {
      checkpointer,
      approvalWindowMs: 60_001,
    });
    expect(end).toMatchObject({ reason: 'failed' });
    expect((await manager.getJob('s'))?.error).toMatchObject({ code: 'invalid_options' });
  });

  it('is checked against the ttlMs given with a saver of the host’s own', async () => {
    const checkpointer = await createCheckpointer({ saver: saverOf(), ttlMs: 120_000 });
    expect(() => checkpointer.checkWindow(60_001)).toThrow('ttlMs');
    expect((await createCheckpointer({ saver: saverOf() })).ttlMs).toBeUndefined();
  });
});

it('a saver of the host’s own that has a serde refuses what exceeds maxBytes', async () => {
  const serde = { dumpsTyped: async (value: string) => ['text', Buffer.from(value)] };
  await createCheckpointer({ saver: saverOf({ serde }) as SaverLike, maxBytes: 4 });
  expect(await serde.dumpsTyped('four')).toMatchObject(['text', { byteLength: 4 }]);
  await expect(serde.dumpsTyped('fives')).rejects.toMatchObject({ code: 'checkpoint_too_large' });
});

describe('hooks that see to threads', () => {
  const RECORD = {
    streamId: 's',
    generation: 1,
    metadata: { agentThreads1: ['child'] },
  } as unknown as JobRecord;

  it('recover an attempt that was resumed where it stood, any other from its beginning, unless the host says how', () => {
    const checkpointer = new Checkpointer(saverOf());
    const mode = checkpointer.settling().recoverMode;
    if (typeof mode !== 'function') throw new Error('no function');
    const crash = { handover: false };
    const resumed = { ...RECORD, resumedAction: {} as never };
    expect([mode(RECORD, crash), mode(resumed, crash)]).toEqual(['restart', 'continue']);
    expect(checkpointer.settling({ recoverMode: 'restart' }).recoverMode).toBe('restart');
  });

  it('settle as the host does first, and delete the threads in any case', async () => {
    const saver = saverOf();
    const seen: number[] = [];
    const settle = () => {
      seen.push(saver.deleted.length);
      throw new Error('the database is away');
    };
    const hooks = new Checkpointer(saver).settling({ settle });
    await expect(hooks.settle?.({ record: RECORD } as never)).rejects.toThrow('away');
    expect([seen, saver.deleted]).toEqual([[0], ['/s/1', 'child']]);
  });

  it('settle as the host does although threads can’t be deleted, and reject, so as to be called again', async () => {
    let settled = 0;
    const deleteThread = () => Promise.reject(new Error('the saver is away'));
    const hooks = new Checkpointer(saverOf({ deleteThread })).settling({ settle: () => void settled++ });
    await expect(hooks.settle?.({ record: RECORD } as never)).rejects.toThrow('away');
    expect(settled).toBe(1);
  });

  it('delete the threads of a stream that is deleted as it waits, and tell the host’s own', async () => {
    const saver = saverOf();
    const checkpointer = new Checkpointer(saver);
    const told: number[] = [];
    const onDeleted = ({ generation }: JobRecord) => void told.push(generation);
    const { manager, job } = await paused({ checkpointer }, checkpointer.settling({ onDeleted }));
    await manager.deleteStream('s');
    await manager.upkeep.idle();
    expect(saver.deleted).toContain(threadIdOf(job));
    expect(told).toEqual([job.generation]);
  });
});

describe('an update of a sub-agent', () => {
  function told(data: object): unknown {
    const emitted: Pick<LogEvent, 'event' | 'data'>[] = [];
    const job = { isOver: false, emit: (event: LogEvent) => void emitted.push(event) };
    const handlers = createRunHandlers(job as unknown as GenerationJob);
    handlers.on_subagent_update?.handle('on_subagent_update', data);
    return emitted[0]?.data;
  }
  const UPDATE = { subagentRunId: 'r', subagentType: 'payer', timestamp: 't' };

  it('that failed does not tell what was thrown', () => {
    const thrown = 'postgres://user:canary@db';
    const label = `Subagent "payer" errored: ${thrown}`;
    const failed = 'The sub-agent failed.';
    const data = { message: thrown, stack: thrown };
    expect(told({ ...UPDATE, phase: 'error', label, data })).toEqual({
      ...UPDATE,
      phase: 'error',
      label: failed,
      data: { message: failed },
    });
  });

  it('of any other phase is told as it is', () => {
    const update = { ...UPDATE, phase: 'stop', label: 'Done.', data: { result: 'x' } };
    expect(told(update)).toBe(update);
  });
});
