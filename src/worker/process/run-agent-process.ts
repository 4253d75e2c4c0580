/** Starts an agent's process for a job, and gives one that waits the handle it goes on with. */
import { GenerationJobError } from '../../errors.js';
import type { Continuation } from '../../stream/interfaces/continuation.js';
import type { GenerationJob } from '../../stream/interfaces/generation-job.js';
import { having } from '../../stream/model/host-values.js';
import type { JobFailureError } from '../../stream/model/job-failure.js';
import { parseStrictly } from '../../stream/model/strict.js';
import type { StreamKey } from '../../stream/model/types.js';
import { handOut, NO_MANAGER } from '../../stream/process/handed-out.js';
import { AgentProcess } from './agent-process.js';
import { lostAgent, notStarted } from './failures.js';
import {
  type AgentProcessEnd,
  type AgentProcessOptions,
  type CheckedOptions,
  parseProcessOptions,
} from './options.js';
import { addAgent, allAgents, findAgent } from './registry.js';

/** An agent that runs in this process. */
export interface AgentProcessInfo {
  /** The place of its stream: tenant and id. */
  readonly key: StreamKey;
  /** The generation it answers. */
  readonly generation: number;
  /** The id of its process, which is also that of its group; undefined when it did not start. */
  readonly pid: number | undefined;
  /** Says when it was started: milliseconds since 1970. */
  readonly startedAt: number;
  /** Says what it is about: at work, waiting for a decision, or told to go. */
  readonly state: 'running' | 'asking' | 'stopping';
}

const jobSchema = having('a job, as `createJob` and `resolve` give it', 'emit');

/**
 * Runs a command as a job's producer: what it prints becomes the job's events, by a mapper, and its exit the job's end. It
 * resolves when the attempt is over: ended, or paused for a question of the agent's, which then waits in this process until
 * `resumeAgentProcess` is given the next handle. Options that are not known fail the job before anything runs.
 *
 * @throws GenerationJobError (by rejecting) `invalid_argument` for what is no job; `agent_running` when an agent of the same
 *   generation runs here: that one, and the job, go on
 * @example
 * const { started, job } = await manager.createJob({ streamId: 's-1', userId: 'ada', contentModel: 'message' });
 * if (started) void runAgentProcess(job, { command: 'codex', args: ['exec', '--json', question], mapper: 'codex' });
 */
export function runAgentProcess(job: GenerationJob, options: AgentProcessOptions): Promise<AgentProcessEnd> {
  return handOut(NO_MANAGER, 'runAgentProcess', () => run(job, options));
}

/**
 * Goes on with an agent that waits in this process for a decision: writes the decision to it, and runs the attempt. An agent
 * that is not here (it has died, or waits in another process) fails the job as `agent_lost`.
 *
 * @param continuation as `approvals.resolve` gives it with the job, or `onResume` and `recover` do
 * @throws GenerationJobError (by rejecting) `invalid_argument` for what is no job; `agent_running` when the agent was given
 *   this attempt's handle before: the attempt goes on
 */
export function resumeAgentProcess(job: GenerationJob, continuation: Continuation): Promise<AgentProcessEnd> {
  return handOut(NO_MANAGER, 'resumeAgentProcess', async () => {
    parseStrictly('invalid_argument', jobSchema, job, 'job');
    const agent = findAgent(job.key);
    if (agent?.generation === job.generation) return agent.resume(job, continuation);
    return job.run(() => {
      throw lostAgent(undefined);
    });
  });
}

/** Lists the agents that run in this process, whichever copy of this module has started them. */
export function agentProcesses(): readonly AgentProcessInfo[] {
  return allAgents().map(({ key, generation, pid, startedAt, state }) => ({
    key,
    generation,
    pid,
    startedAt,
    state,
  }));
}

async function run(job: GenerationJob, options: AgentProcessOptions): Promise<AgentProcessEnd> {
  parseStrictly('invalid_argument', jobSchema, job, 'job');
  const checked = checkedOptions(options);
  if (checked instanceof GenerationJobError)
    return job.run(() => {
      throw checked;
    });
  // One of an earlier generation, or one that has been told to go, is seen off first.
  for (let there = findAgent(job.key); there !== undefined; there = findAgent(job.key)) {
    if (there.generation >= job.generation && there.state !== 'stopping') {
      const message = `An agent of stream ${job.streamId}, generation ${there.generation}, runs in this process already.`;
      throw new GenerationJobError('agent_running', message);
    }
    await there.stop();
  }
  if (job.reason !== undefined) return { reason: job.reason };
  const agent = started(job, checked);
  if (!(agent instanceof AgentProcess))
    return job.run(() => {
      throw agent;
    });
  addAgent(agent);
  return agent.attempt;
}

/** Starts the process; the failure, when the system refuses the very call. */
function started(job: GenerationJob, options: CheckedOptions): AgentProcess | JobFailureError {
  try {
    return new AgentProcess(job, options);
  } catch (error) {
    return notStarted(error);
  }
}

function checkedOptions(options: AgentProcessOptions): CheckedOptions | GenerationJobError {
  try {
    return parseProcessOptions(options);
  } catch (error) {
    if (error instanceof GenerationJobError) return error;
    throw error;
  }
}
