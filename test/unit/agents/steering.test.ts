/** Messages to an agent, by runs made by hand on a manager in memory: what is given again, and what ends a turn. With the SDK: real-agents. */
import { describe, expect, it } from 'vitest';
import { Checkpointer } from '../../../src/agents/checkpointer.js';
import { type RunSetup, resumeAgent, runAgent } from '../../../src/agents/run-agent.js';
import type { RunLike, SaverLike } from '../../../src/agents/shapes.js';
import { type HookMatcherLike, RunSteering } from '../../../src/agents/steering.js';
import type { Continuation } from '../../../src/stream/interfaces/continuation.js';
import type { GenerationJob } from '../../../src/stream/interfaces/generation-job.js';
import type { TakenMessage } from '../../../src/stream/model/inbox-message.js';
import { started } from './lost-producers.js';

async function until(condition: () => unknown): Promise<void> {
  await expect.poll(async () => Boolean(await condition())).toBe(true);
}

const never = () => new Promise<never>(() => {});

/** The place at which a run is given messages. */
async function contentsAt(hooks: Map<string, HookMatcherLike>, event: string): Promise<unknown[]> {
  const [hook] = hooks.get(event)?.hooks ?? [];
  const { injectedMessages = [] } = ((await hook?.({})) ?? {}) as {
    injectedMessages?: { readonly content: unknown }[];
  };
  return injectedMessages.map(({ content }) => content);
}

function hooksOf(steering: RunSetup['steering']): Map<string, HookMatcherLike> {
  const hooks = new Map<string, HookMatcherLike>();
  steering.register({ register: (event, matcher) => hooks.set(event, matcher) });
  return hooks;
}

const saver: SaverLike = {
  getTuple: async () => ({
    config: { configurable: { checkpoint_id: 'c' } },
    pendingWrites: [['task', '__interrupt__', {}]],
  }),
  deleteThread: async () => {},
};

/** A run that asks for a call is given its id as the interrupt's. */
const askingFor = (id: string) => ({
  ...{ interruptId: id, checkpointId: 'c', checkpointNs: '' },
  payload: {
    type: 'tool_approval',
    action_requests: [{ tool_call_id: id, name: 'pay', arguments: {} }],
    review_configs: [{ tool_call_id: id, allowed_decisions: ['approve'] }],
  },
});

interface Step {
  readonly job: GenerationJob;
  /** The tools have run: the model is given what it is given there. */
  readonly batch: () => Promise<void>;
}

/** A run for each attempt: the call it was allowed, what it does, and the call that it asks for then. */
interface Script {
  readonly allowed?: string;
  readonly go?: (step: Step) => unknown;
  readonly asks?: string;
}

class Runs {
  /** What each run was given, in the order in which they were made. */
  readonly given: unknown[][] = [];
  readonly #scripts: readonly Script[];

  constructor(...scripts: readonly Script[]) {
    this.#scripts = scripts;
  }

  readonly create = ({ job, handlers, steering }: RunSetup): RunLike => {
    const { allowed, go, asks } = this.#scripts[this.given.length] ?? {};
    const given: unknown[] = [];
    this.given.push(given);
    const hooks = hooksOf(steering);
    const run = async () => {
      const data = { result: { tool_call: { id: allowed, output: 'paid' } } };
      if (allowed) await handlers.on_run_step_completed?.handle('on_run_step_completed', data);
      const batch = async () => void given.push(...(await contentsAt(hooks, 'PostToolBatch')));
      await batch();
      await go?.({ job, batch });
      return [];
    };
    return {
      processStream: run,
      resume: run,
      getInterrupt: () => (asks === undefined ? undefined : askingFor(asks)),
    };
  };
}

describe('what an agent was given since its checkpoint', () => {
  it('is given to the run that goes on from there again, once, also behind an unknown call; the next checkpoint has it', async () => {
    const runs = new Runs(
      { asks: 'c1' },
      {
        allowed: 'c1',
        go: ({ job }) => {
          void job.once('k', never).catch(() => undefined);
          return never();
        },
      },
      { allowed: 'c1', go: ({ job }) => job.once('k', () => 'again') },
      { allowed: 'c1', asks: 'c2', go: ({ batch }) => batch() },
      { allowed: 'c2' },
    );
    const options = { checkpointer: new Checkpointer(saver) };
    const goOn = (one: GenerationJob, continuation: Continuation) =>
      resumeAgent(one, continuation, runs.create, options);
    const { manager, job, lose, send } = await started(new Checkpointer(saver).settling({ recover: goOn }));
    const decide = async () => {
      await until(async () => (await manager.getJob('s'))?.status === 'requires_action');
      const action = await manager.approvals.peek('s');
      const decisions = [{ id: action?.requests[0]?.id ?? '', decision: 'approve' as const }];
      return manager.approvals.resolve('s', { actionId: action?.actionId ?? '', by: 'ann', decisions });
    };
    await send('first');
    expect(await runAgent(job, runs.create, {}, options)).toEqual({ reason: 'paused' });
    await send('second');
    const second = await decide();
    void goOn(second.job, second.continuation);
    await until(async () => (await manager.getJob('s'))?.receipts === 1);
    await send('third');
    await lose(second.job);
    const fourth = await decide();
    expect(fourth.continuation.unknown).toBeDefined();
    expect(await goOn(fourth.job, fourth.continuation)).toEqual({ reason: 'paused' });
    const fifth = await decide();
    expect(await goOn(fifth.job, fifth.continuation)).toEqual({ reason: 'completed' });
    expect(runs.given).toEqual([['first'], ['second'], ['second', 'third'], ['second', 'third'], []]);
    const shown: unknown[] = [];
    for await (const { event, data } of manager.subscribe('s', { after: `${job.generation}-0` }))
      if (event === 'message') shown.push((data as TakenMessage).message);
    expect(shown).toEqual(['first', 'second', 'third']);
    expect(await manager.getJob('s')).toMatchObject({ status: 'completed', inbox: [], unsent: [] });
  });

  it('waits for a place like any other: a run that asks before it has come to one leaves it to the next', async () => {
    const { job } = await started();
    const taken = [{ messageId: 'm', kind: 'preempt', message: 'x', sentAt: 0, edits: 0, attempt: 2 }];
    const inbox = { ...inboxOf(), taken: async () => taken };
    const steering = new RunSteering({ ...withInbox(job, inbox), attempt: 3 } as GenerationJob);
    await steering.recall(1);
    expect([steering.heard, steering.preemption.shouldPreempt()]).toEqual([1, true]);
    expect(await contentsAt(hooksOf(steering), 'PreemptBoundary')).toEqual(['x']);
    expect([steering.heard, steering.preemption.shouldPreempt()]).toEqual([3, false]);
    expect(await contentsAt(hooksOf(steering), 'PreemptBoundary')).toEqual([]);
    await steering.recall(2);
    expect([steering.heard, steering.preemption.shouldPreempt()]).toEqual([3, false]);
  });
});

/** An inbox whose looks are answered when the test says so. */
function inboxOf() {
  const waiting: TakenMessage[] = [];
  const looks: ((seen: readonly TakenMessage[]) => void)[] = [];
  let heard = () => {};
  return {
    looks,
    waits: waiting,
    get waiting() {
      return waiting.length;
    },
    take: async () => waiting.shift() ?? null,
    taken: async () => [] as object[],
    peek: () =>
      waiting.length === 0
        ? Promise.resolve([])
        : new Promise<readonly TakenMessage[]>((resolve) => looks.push(resolve)),
    watch: (listener: () => void) => {
      heard = listener;
      return () => {};
    },
    hears: () => heard(),
  };
}

function withInbox(job: GenerationJob, inbox: object): GenerationJob {
  return { attempt: job.attempt, report: () => {}, inbox } as unknown as GenerationJob;
}

const PREEMPTING = { messageId: 'm', kind: 'preempt', message: 'x', sentAt: 0, edits: 0 } as const;

describe('a model’s turn', () => {
  it('is not ended by a look that is answered after what it saw has been taken', async () => {
    const { job } = await started();
    const inbox = inboxOf();
    const steering = new RunSteering(withInbox(job, inbox));
    inbox.waits.push(PREEMPTING);
    inbox.hears();
    expect(await contentsAt(hooksOf(steering), 'PostToolBatch')).toEqual(['x']);
    inbox.looks[0]?.([PREEMPTING]);
    await new Promise(setImmediate);
    expect(steering.preemption.shouldPreempt()).toBe(false);
  });

  it('is ended by one that comes while others are being taken', async () => {
    const { job } = await started();
    const inbox = inboxOf();
    const taking = inbox.take;
    const late = { ...PREEMPTING, messageId: 'late' };
    inbox.take = async () => {
      const taken = await taking();
      if (taken === null && inbox.looks.length === 0) {
        inbox.waits.push(late);
        inbox.hears();
        inbox.looks[0]?.([late]);
      }
      return taken;
    };
    const steering = new RunSteering(withInbox(job, inbox));
    expect(await contentsAt(hooksOf(steering), 'PostToolBatch')).toEqual([]);
    for (const look of inbox.looks) look([late]);
    await new Promise(setImmediate);
    expect(steering.preemption.shouldPreempt()).toBe(true);
  });

  it('is not ended by a message that was cancelled', async () => {
    const { manager, job } = await started();
    const { preemption } = new RunSteering(job);
    const { messageId } = await manager.inbox.send('s', { message: 'x', kind: 'preempt' });
    await until(() => preemption.shouldPreempt());
    await manager.inbox.cancel('s', { messageId });
    await until(() => !preemption.shouldPreempt());
  });
});
