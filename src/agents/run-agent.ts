/**
 * Runs an agent as a job, and goes on with one after a decision. Around the SDK's run it sees to what nothing below it
 * does: one checkpoint thread per generation, no pause without a checkpoint, no resume without one (which would be
 * silent), no decision applied to another call, and an end in every case.
 *
 * An attempt ends `paused` when the run stopped to ask, `completed` when it returned, `failed` with one of `AGENT_FAILURES`
 * or with the code of the library's own error, or as somebody else ended the job.
 */
import { GenerationJobError, isGenerationJobError } from '../errors.js';
import type { Continuation } from '../stream/interfaces/continuation.js';
import type { AttemptEnd, GenerationJob } from '../stream/interfaces/generation-job.js';
import { JobFailureError } from '../stream/model/job-failure.js';
import type { JobFailure } from '../stream/model/types.js';
import { noteDecidedCalls } from '../stream/process/decided-calls.js';
import { checkJob, refusalOf } from './agent-options.js';
import { deleteLate, isFinal, rememberChildThreads, reserveThread, saverOf } from './agent-thread.js';
import { DecisionWatch } from './decision-watch.js';
import { EXECUTION_SCOPE, TOOL_EXECUTE } from './graph-events.js';
import {
  type AgentContext,
  agentContextOf,
  parseInterrupt,
  resumeValueOf,
  toPendingAction,
} from './interrupt.js';
import { receiptKeys, receiptsFor } from './once-tools.js';
import type { AgentOptions } from './options.js';
import { createRunHandlers } from './run-handlers.js';
import type { GraphHandlers, RunConfig, RunLike } from './shapes.js';
import { fieldOf } from './shapes.js';
import { RunSteering, type Steering } from './steering.js';
import { threadIdOf } from './thread-ids.js';
import { countSubagent } from './usage.js';

/** A job of an agent can fail for these reasons, beside what the library itself fails jobs for. */
export const AGENT_FAILURES = {
  agent_failed: { message: 'The agent failed.', retryable: true },
  checkpoint_lost: { message: 'What the agent had saved is gone or has changed.', retryable: true },
  sdk_changed: { message: 'The agent was paused by another version of its software.', retryable: true },
  decision_not_followed: { message: 'The agent did not do what was decided.', retryable: false },
} as const;

type AgentFailure = keyof typeof AGENT_FAILURES;

/** `createRun` builds a run from this: it is the same for every attempt of a generation, on any machine. */
export interface RunSetup {
  /** The job the run writes to. */
  readonly job: GenerationJob;
  /** Goes into `Run.create({ runId })`. */
  readonly runId: string;
  /** The thread of checkpoints, one per generation. */
  readonly threadId: string;
  /** Goes into `Run.create({ customHandlers })`. */
  readonly handlers: GraphHandlers;
  /** Goes into `graphConfig.compileOptions.checkpointer`; undefined without a checkpointer. */
  readonly checkpointer: unknown;
  /** Goes into `Run.create({ subagentUsageSink })`: what sub-agents' model calls spend reaches no handler. */
  readonly subagentUsageSink: (event: unknown) => Promise<void>;
  /** Goes into each agent's `discoveredTools`: deferred tools that were looked up before the pause. */
  readonly discoveredTools: readonly string[];
  /** The host's own `resumeContext`, when the run goes on from a pause. */
  readonly resumeContext: unknown;
  /**
   * Gives the run what is sent to the job while it works: `steering.register(hooks)` for `Run.create({ hooks })`, and
   * `preemption: steering.preemption`. Left aside, what is sent is left unsent.
   */
  readonly steering: Steering;
  /** Gives the key of a tool call's receipt, for `onceTool`. */
  readonly receiptKey: (callId: string) => string;
}

/** Builds a run of the SDK, the same from the same setup. */
export type CreateRun = (setup: RunSetup) => RunLike | Promise<RunLike>;

/**
 * Runs an agent from its beginning, to its end or to the first question. Never rejects: the job has an end, or is paused,
 * when it resolves. Options that are not known fail the job before anything runs: the answer's `error` names them.
 *
 * @throws GenerationJobError `invalid_argument` at once, for what is no job
 * @param input what the SDK's `processStream` takes, such as `{ messages }`
 */
export function runAgent(
  job: GenerationJob,
  createRun: CreateRun,
  input: unknown,
  options: AgentOptions = {},
): Promise<AttemptEnd> {
  return attempted(job, createRun, options, (attempt) => attempt.run(input));
}

/**
 * Goes on with an agent after a decision (`approvals.resolve`, `onResume`) or, with the decision that was recorded, after
 * a crash (`recover`). Never rejects.
 *
 * After a crash it goes on from the checkpoint of the pause: what had been said since the decision is said again, and an approved
 * tool that had run before the crash runs again, under the same call id, unless it has a receipt (`receipts`, `onceTool`). Hosts
 * with neither leave `recover` out for such runs: they then fail `producer_lost`, and no tool runs twice. Messages that were taken
 * since the pause are given to the model once more, at the first place there is, and stand in the log where they were taken.
 *
 * @param continuation as given with the job; its `action` must be one that `runAgent` paused for
 */
export function resumeAgent(
  job: GenerationJob,
  continuation: Continuation,
  createRun: CreateRun,
  options: AgentOptions = {},
): Promise<AttemptEnd> {
  return attempted(job, createRun, options, (attempt) => attempt.resume(continuation));
}

/** A job that has been started has an end, so options that are refused end it. */
function attempted(
  job: GenerationJob,
  createRun: CreateRun,
  options: AgentOptions,
  go: (attempt: AgentAttempt) => Promise<AttemptEnd>,
): Promise<AttemptEnd> {
  checkJob(job);
  const refusal = refusalOf(createRun, options);
  if (refusal === undefined) return go(new AgentAttempt(job, createRun, options));
  return job.run(() => {
    throw refusal;
  });
}

class AgentAttempt {
  readonly #job: GenerationJob;
  readonly #createRun: CreateRun;
  readonly #options: AgentOptions;
  readonly #steering: RunSteering;
  /** Ends the run from our side; the job's own signal does so from everyone else's. */
  readonly #stop = new AbortController();
  /** The reason for which we did. */
  #stopped: unknown;
  #run: RunLike | undefined;
  /** The attempt in which this run began. */
  #firstAttempt: number;

  constructor(job: GenerationJob, createRun: CreateRun, options: AgentOptions) {
    this.#job = job;
    this.#createRun = createRun;
    this.#options = options;
    this.#steering = new RunSteering(job, options.toMessageContent);
    this.#firstAttempt = job.attempt;
  }

  run(input: unknown): Promise<AttemptEnd> {
    return this.#guarded(async () => {
      await reserveThread(this.#job, this.#options.checkpointer);
      const run = await this.#build({ discoveredTools: [], resumeContext: this.#options.resumeContext });
      const returned = await run.processStream(input, this.#config());
      return this.#finish(run, returned, undefined);
    });
  }

  resume({ action, resolution }: Continuation): Promise<AttemptEnd> {
    return this.#guarded(async () => {
      const context = agentContextOf(action);
      this.#firstAttempt = context.run ?? 1;
      if (action === undefined || resolution === undefined) throw new Failure('checkpoint_lost');
      await this.#probe(context);
      await this.#steering.recall(context.heard);
      noteDecidedCalls(
        this.#job,
        action.requests.map(({ id }) => id),
      );
      const watch = new DecisionWatch(action.requests, resolution.decisions, () =>
        this.#end(new Failure('decision_not_followed')),
      );
      const resumeContext = fieldOf(action.resumeContext, 'host');
      const run = await this.#build({ discoveredTools: context.discoveredTools, resumeContext }, watch);
      const returned = await run.resume(resumeValueOf(resolution, context), this.#config());
      if (!watch.isFollowed()) throw new Failure('decision_not_followed');
      return this.#finish(run, returned, context.interruptId);
    });
  }

  /** Ends the job whatever happens: with what `attempt` gives as `final`, paused, or failed. */
  async #guarded(attempt: () => Promise<unknown>): Promise<AttemptEnd> {
    const end = await this.#job.run(async () => {
      try {
        const { checkpointer, approvalWindowMs = this.#job.approvalWindowMs } = this.#options;
        checkpointer?.checkWindow(approvalWindowMs);
        return await attempt();
      } catch (error) {
        if (this.#job.isOver) return null;
        const cause = this.#stopped ?? error;
        const isOwn = cause instanceof Failure;
        if (!isOwn) this.#tell(cause);
        await this.#rememberThreads();
        // With what caused it: that is told to the manager's own `onError`.
        throw new JobFailureError(failureOf(cause), isOwn ? {} : { cause });
      }
    });
    this.#steering.close();
    await this.#leave(); // only now is it known how the job has ended
    return end;
  }

  /** Threads that can't be remembered are left to the TTL; no run fails for that. */
  async #rememberThreads(): Promise<void> {
    try {
      await rememberChildThreads(this.#job, this.#run);
    } catch (error) {
      if (!this.#job.isOver) this.#tellMinor(error);
    }
  }

  async #leave(): Promise<void> {
    const { checkpointer } = this.#options;
    if (checkpointer === undefined || !isFinal(this.#job.reason)) return;
    await deleteLate(this.#job, this.#run, checkpointer).catch((error: unknown) => this.#tellMinor(error));
  }

  #tell(error: unknown): void {
    try {
      this.#options.onError?.(error);
    } catch (failure) {
      this.#job.report('onError', failure);
    }
  }

  /** Tells the host of what fails nothing, and so is in no end of the job. */
  #tellMinor(error: unknown): void {
    this.#job.report('agent', error);
    this.#tell(error);
  }

  /** Sees what the run came to, once its stream has ended: a pause, or what `completed` carries. */
  async #finish(run: RunLike, returned: unknown, resolved: string | undefined): Promise<unknown> {
    if (this.#stopped !== undefined) throw this.#stopped;
    await this.#rememberThreads();
    const found = run.getInterrupt();
    const interrupt = parseInterrupt(found);
    if (interrupt === undefined) {
      const haltReason = run.getHaltReason?.();
      if (this.#options.final) return this.#options.final(returned, run);
      return haltReason === undefined ? null : { haltReason };
    }
    // The same interrupt again: a second gated call of one turn, to which the first one's decision would be applied.
    if (interrupt.interruptId === resolved) throw new Failure('decision_not_followed');
    if (this.#options.checkpointer === undefined) throw new Failure('checkpoint_lost');
    const { approvalWindowMs, fingerprint, sdkVersion, resumeContext } = this.#options;
    const discoveredTools = run.getDiscoveredTools?.();
    const { heard } = this.#steering;
    await this.#job.pause(
      toPendingAction(found, {
        ...{ fingerprint, sdkVersion, resumeContext, discoveredTools, run: this.#firstAttempt, heard },
        ...(approvalWindowMs !== undefined && { expiresInMs: approvalWindowMs }),
      }),
    );
    return null;
  }

  async #build(
    setup: Pick<RunSetup, 'discoveredTools' | 'resumeContext'>,
    watch?: DecisionWatch,
  ): Promise<RunLike> {
    const job = this.#job;
    const threadId = threadIdOf(job);
    const { handlers, checkpointer, receipts } = this.#options;
    const receiptKey = receiptKeys(this.#firstAttempt);
    const given = handlers?.[TOOL_EXECUTE];
    const execute = given && receipts ? receiptsFor({ job, receiptKey }, given, receipts) : given;
    const guarded = execute
      ? { ...handlers, [TOOL_EXECUTE]: watch ? watch.guard(execute) : execute }
      : handlers;
    this.#run = await this.#createRun({
      job,
      runId: threadId,
      threadId,
      handlers: createRunHandlers(job, {
        handlers: guarded,
        onRefused: (error) => this.#end(error),
        storeOversized: this.#options.storeOversized,
        toEvent: this.#options.toEvent,
        onToolResult: (result) => watch?.see(result),
      }),
      checkpointer: checkpointer && saverOf(job, checkpointer.saver),
      subagentUsageSink: (event) => countSubagent(job, event),
      steering: this.#steering,
      receiptKey,
      ...setup,
    });
    return this.#run;
  }

  /** Looks for the checkpoint first: a resume without it does nothing and says nothing. */
  async #probe({ checkpointId, checkpointNs, sdkVersion }: AgentContext): Promise<void> {
    const { checkpointer, sdkVersion: ours } = this.#options;
    if (sdkVersion !== undefined && ours !== undefined && sdkVersion !== ours)
      throw new Failure('sdk_changed');
    const place = { threadId: threadIdOf(this.#job), checkpointId, checkpointNs };
    if (checkpointer === undefined || !(await checkpointer.isPausedAt(place)))
      throw new Failure('checkpoint_lost');
  }

  #config(): RunConfig {
    const { configurable, durability } = this.#options;
    const threadId = threadIdOf(this.#job);
    return {
      version: 'v2',
      configurable: {
        ...configurable,
        thread_id: threadId,
        user_id: this.#job.userId,
        [EXECUTION_SCOPE]: threadId,
      },
      signal: AbortSignal.any([this.#job.signal, this.#stop.signal]),
      ...(durability !== undefined && { durability }),
    };
  }

  #end(reason: unknown): void {
    this.#stopped ??= reason;
    this.#stop.abort(reason);
  }
}

/** A failure that was found here. What a run rejects with is never taken for one, whatever it looks like. */
class Failure {
  readonly code: AgentFailure;

  constructor(code: AgentFailure) {
    this.code = code;
  }
}

/** Says what clients are told: of the library's own errors their code and remedy, of all others that the agent failed. */
function failureOf(error: unknown): JobFailure {
  if (error instanceof Failure) return described(error.code);
  if (!isGenerationJobError(error)) return described('agent_failed');
  if (error.code === 'checkpoint_lost') return described('checkpoint_lost');
  return {
    code: error.code,
    message: error.remedy,
    retryable: error instanceof GenerationJobError && error.status >= 500,
  };
}

function described(code: AgentFailure): JobFailure {
  return { code, ...AGENT_FAILURES[code] };
}
