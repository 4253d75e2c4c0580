/** How an agent goes on after a decision, and in what order it fails instead: runs made by hand, on a manager in memory. */
import { createStreamServices, type ErrorReport, GenerationJobManager } from 'generation-jobs';
import { type AgentOptions, Checkpointer, type RunLike, resumeAgent, runAgent } from 'generation-jobs/agents';
import { afterEach, describe, expect, it } from 'vitest';
import { reserveThread } from '../../../src/agents/agent-thread.js';

type Setup = Parameters<Parameters<typeof runAgent>[1]>[0];
type Saver = Checkpointer['saver'];

const open: GenerationJobManager[] = [];
afterEach(async () => {
  for (const manager of open.splice(0)) await manager.close();
});

const ASKING = {
  ...{ interruptId: 'i1', checkpointId: 'c', checkpointNs: '' },
  payload: {
    type: 'tool_approval',
    action_requests: [{ tool_call_id: 'c1', name: 'pay', arguments: {} }],
    review_configs: [{ tool_call_id: 'c1', allowed_decisions: ['approve', 'reject'] }],
  },
};
const resultOf = (id: string, output: string) => ({ result: { tool_call: { id, output } } });
/** The tool runs, as was decided. */
const paid = (setup: Setup) =>
  setup.handlers.on_run_step_completed?.handle('on_run_step_completed', resultOf('c1', 'paid'));

function runOf(more: Partial<RunLike> = {}): RunLike {
  return { processStream: async () => [], resume: async () => [], getInterrupt: () => undefined, ...more };
}

function saverOf(more: Partial<Saver> & { put?: () => Promise<unknown> } = {}): Saver {
  return {
    getTuple: async () => ({
      config: { configurable: { checkpoint_id: 'c' } },
      pendingWrites: [['task', '__interrupt__', {}]],
    }),
    deleteThread: async () => {},
    ...more,
  };
}

async function started() {
  const reports: ErrorReport[] = [];
  const onError = (report: ErrorReport) => void reports.push(report);
  const manager = new GenerationJobManager({ ...createStreamServices(), hooks: { onError } });
  open.push(manager);
  const made = await manager.createJob({ streamId: 's', userId: 'ann' });
  if (!made.started) throw new Error('not started');
  const failure = async () => (await manager.getJob('s'))?.error;
  return { manager, job: made.job, reports, failure };
}

/** An agent that has asked, and was answered. */
async function decided(decision: 'approve' | 'reject' = 'approve', asking: AgentOptions = {}) {
  const { manager, reports, failure, job } = await started();
  const checkpointer = new Checkpointer(saverOf());
  const run = runOf({ getInterrupt: () => ASKING, getDiscoveredTools: () => ['search'] });
  await runAgent(job, () => run, {}, { checkpointer, resumeContext: { model: 'm' }, ...asking });
  const actionId = (await manager.approvals.peek('s'))?.actionId ?? '';
  const decisions = [{ id: 'c1', decision }];
  return {
    ...(await manager.approvals.resolve('s', { actionId, by: 'ann', decisions })),
    manager,
    reports,
    failure,
  };
}

async function resumed(makeRun: (setup: Setup) => RunLike, options: AgentOptions = {}, decision?: 'reject') {
  const one = await decided(decision);
  const built: Setup[] = [];
  const createRun = (setup: Setup) => {
    built.push(setup);
    return makeRun(setup);
  };
  const checkpointer = new Checkpointer(saverOf());
  const end = await resumeAgent(one.job, one.continuation, createRun, { checkpointer, ...options });
  return { ...one, end, built };
}

describe('an agent that goes on after a decision', () => {
  it('is built from what was kept with the pause, told what was decided, and ends the job', async () => {
    const given: unknown[] = [];
    const { job, end, built } = await resumed((setup) =>
      runOf({
        resume: async (value, config) => {
          given.push(value, config);
          await paid(setup);
        },
      }),
    );
    expect(end).toEqual({ reason: 'completed' });
    const threadId = `/s/${job.generation}`;
    expect(built).toMatchObject([
      { runId: threadId, threadId, discoveredTools: ['search'], resumeContext: { model: 'm' } },
    ]);
    expect(given[1]).toMatchObject({ version: 'v2', configurable: { thread_id: threadId, user_id: 'ann' } });
    expect(JSON.stringify(given[0])).toContain('approve');
  });

  it('fails checkpoint_lost, and runs nothing, without what it was to go on from', async () => {
    const { job, failure } = await decided();
    const options = { checkpointer: new Checkpointer(saverOf()) };
    const never = () => Promise.reject(new Error('it was built'));
    const end = await resumeAgent(job, { action: undefined, resolution: undefined } as never, never, options);
    expect(end).toMatchObject({ reason: 'failed' });
    expect(await failure()).toMatchObject({ code: 'checkpoint_lost' });
  });

  it.each<[string, AgentOptions, string, AgentOptions?]>([
    ['there is no checkpointer', { checkpointer: undefined }, 'checkpoint_lost'],
    [
      'its checkpoint is gone',
      { checkpointer: new Checkpointer(saverOf({ getTuple: async () => undefined })) },
      'checkpoint_lost',
    ],
    [
      'the saver can’t be asked',
      { checkpointer: new Checkpointer(saverOf({ getTuple: () => Promise.reject(new Error('away')) })) },
      'unavailable',
    ],
    ['another version of the SDK paused it', { sdkVersion: '2.0.0' }, 'sdk_changed', { sdkVersion: '1.0.0' }],
  ])('is not built, and fails the job by name, when %s', async (_what, options, code, asking) => {
    const { job, continuation, failure } = await decided('approve', asking);
    let built = 0;
    const createRun = () => {
      built++;
      return runOf();
    };
    await resumeAgent(job, continuation, createRun, {
      checkpointer: new Checkpointer(saverOf()),
      ...options,
    });
    expect([built, (await failure())?.code]).toEqual([0, code]);
  });

  it('goes on when only one of pause and resume says its version', async () => {
    const { end } = await resumed((setup) => runOf({ resume: async () => paid(setup) }), {
      sdkVersion: '2.0.0',
    });
    expect(end).toEqual({ reason: 'completed' });
  });
});

describe('a decision that is not followed fails the job', () => {
  it('at once, by the run’s signal, when a rejected call has run', async () => {
    const { failure, reports } = await resumed(
      (setup) =>
        runOf({
          resume: async (_value, { signal }) => {
            const stopped = new Promise<never>((_, reject) => {
              signal.addEventListener('abort', () => reject(signal.reason), { once: true });
            });
            await paid(setup);
            await stopped;
          },
        }),
      {},
      'reject',
    );
    expect(await failure()).toMatchObject({ code: 'decision_not_followed', retryable: false });
    expect(reports.filter(({ where }) => where === 'agent')).toEqual([]);
  });

  it('also when the run returns as if nothing had happened', async () => {
    const { failure } = await resumed((setup) => runOf({ resume: async () => paid(setup) }), {}, 'reject');
    expect(await failure()).toMatchObject({ code: 'decision_not_followed' });
  });

  it('when an approved call has no result', async () => {
    const { failure } = await resumed(() => runOf());
    expect(await failure()).toMatchObject({ code: 'decision_not_followed' });
  });

  it('when the run asks under the same interrupt again, to which the first decision would be applied (rule 6)', async () => {
    const { failure } = await resumed((setup) =>
      runOf({ resume: async () => paid(setup), getInterrupt: () => ASKING }),
    );
    expect(await failure()).toMatchObject({ code: 'decision_not_followed' });
  });

  it('but under another interrupt it is the next question', async () => {
    const { end, manager } = await resumed((setup) =>
      runOf({ resume: async () => paid(setup), getInterrupt: () => ({ ...ASKING, interruptId: 'i2' }) }),
    );
    expect(end).toEqual({ reason: 'paused' });
    expect((await manager.getJob('s'))?.status).toBe('requires_action');
  });
});

describe('a run', () => {
  it('that asks without a checkpointer fails the job: nobody could go on from there', async () => {
    const { job, failure } = await started();
    await runAgent(job, () => runOf({ getInterrupt: () => ASKING }), {});
    expect(await failure()).toMatchObject({ code: 'checkpoint_lost' });
  });

  it.each<[string, Partial<RunLike>, AgentOptions, unknown]>([
    ['nothing', {}, {}, null],
    ['why a hook ended it', { getHaltReason: () => 'enough' }, {}, { haltReason: 'enough' }],
    ['what the host makes of it', {}, { final: (returned) => ({ returned }) }, { returned: [] }],
  ])('ends with %s', async (_what, run, options, final) => {
    const { manager, job } = await started();
    await runAgent(job, () => runOf(run), {}, options);
    const events: unknown[] = [];
    for await (const { event, data } of manager.subscribe('s')) if (event === 'completed') events.push(data);
    expect(events).toMatchObject([{ final }]);
  });

  it('of which the job can’t take an event is stopped, and the job fails by the name of that', async () => {
    const { job, failure, reports } = await started();
    await runAgent(
      job,
      ({ handlers }) =>
        runOf({
          processStream: async (_input, { signal }) => {
            handlers.on_message_delta?.handle('on_message_delta', { n: 1n });
            expect(signal.aborted).toBe(true);
          },
        }),
      {},
    );
    expect(await failure()).toMatchObject({ code: 'invalid_event' });
    expect(reports).toMatchObject([{ where: 'producer' }]);
  });

  it('that is stopped by somebody else is no failure, and tells the host of none', async () => {
    const { manager, job } = await started();
    const errors: unknown[] = [];
    const processStream: RunLike['processStream'] = async (_input, { signal }) => {
      const stopped = new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(new Error('the SDK’s own words')), { once: true });
      });
      await manager.abortJob('s');
      await stopped;
    };
    const end = await runAgent(
      job,
      () => runOf({ processStream }),
      {},
      { onError: (error) => errors.push(error) },
    );
    expect([end.reason, errors]).toEqual(['aborted', []]);
  });

  it('whose sub-agents spend adds that to the job', async () => {
    const { manager, job } = await started();
    const createRun = ({ subagentUsageSink }: Setup) =>
      runOf({ processStream: () => subagentUsageSink({ usage: { input_tokens: 7 } }) });
    await runAgent(job, createRun, {});
    expect((await manager.getJob('s'))?.usage).toEqual({ input_tokens: 7 });
  });

  it('fails for its own reason although the host’s onError throws, which is told too', async () => {
    const { job, failure, reports } = await started();
    const [own, theirs] = [new Error('the model'), new Error('the log')];
    const onError = () => {
      throw theirs;
    };
    await runAgent(job, () => runOf({ processStream: () => Promise.reject(own) }), {}, { onError });
    expect(await failure()).toMatchObject({ code: 'agent_failed' });
    expect(reports).toContainEqual(expect.objectContaining({ where: 'onError', error: theirs }));
  });

  it('has ended although its thread can’t be deleted, which the host is told', async () => {
    const { job, reports } = await started();
    const away = new Error('the saver is away');
    const checkpointer = new Checkpointer(saverOf({ deleteThread: () => Promise.reject(away) }));
    const errors: unknown[] = [];
    const end = await runAgent(
      job,
      () => runOf(),
      {},
      { checkpointer, onError: (error) => errors.push(error) },
    );
    expect([end, errors]).toEqual([{ reason: 'completed' }, [away]]);
    expect(reports).toMatchObject([{ where: 'agent', error: away }]);
  });
});

describe('the saver that a run is given', () => {
  it('saves while the job goes on; once it is over it reads, and saves nothing', async () => {
    const { manager, job } = await started();
    let saved = 0;
    const checkpointer = new Checkpointer(saverOf({ put: async () => ++saved }));
    let given: (Saver & { put: () => Promise<unknown>; ttl?: unknown }) | undefined;
    const createRun = (setup: Setup) => {
      given = setup.checkpointer as typeof given;
      return runOf({ processStream: async () => given?.put() });
    };
    await runAgent(job, createRun, {}, { checkpointer });
    expect((await manager.getJob('s'))?.status).toBe('completed');
    await expect(given?.put()).rejects.toBe(job.signal.reason);
    expect(saved).toBe(1);
    expect(await given?.getTuple({ configurable: {} })).toBeDefined();
    expect(given?.ttl, 'what is no method is as it is').toBeUndefined();
  });

  it('starts from an empty thread when an earlier attempt may have used it', async () => {
    const deleted: string[] = [];
    const checkpointer = new Checkpointer(
      saverOf({ deleteThread: async (thread) => void deleted.push(thread) }),
    );
    await reserveThread({ streamId: 's', generation: 5, attempt: 1 }, checkpointer);
    await reserveThread({ streamId: 's', generation: 5, attempt: 2 }, undefined);
    expect(deleted).toEqual([]);
    await reserveThread({ streamId: 's', tenantId: 't', generation: 5, attempt: 2 }, checkpointer);
    expect(deleted).toEqual(['t/s/5']);
  });
});
