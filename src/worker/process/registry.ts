/**
 * The agents that run in this process, by stream. It is on `globalThis`, because a development server loads modules anew
 * beside the old ones: the new ones find what the old ones have started, and neither orphan nor double it.
 */

import type { Continuation } from '../../stream/interfaces/continuation.js';
import type { GenerationJob } from '../../stream/interfaces/generation-job.js';
import type { StreamKey } from '../../stream/model/types.js';
import type { AgentProcessEnd } from './options.js';

/** An agent that runs. Entries of another copy of this module have the same shape. */
export interface RunningAgent {
  readonly key: StreamKey;
  readonly generation: number;
  readonly pid: number | undefined;
  readonly startedAt: number;
  /** Says what it is about: `running`, `asking` while a person decides, `stopping` once it has been told to go. */
  readonly state: 'running' | 'asking' | 'stopping';
  /** Gives it the handle of the attempt that goes on after a decision. */
  resume(job: GenerationJob, continuation: Continuation): Promise<AgentProcessEnd>;
  /** Tells it to go; resolves when nothing of it runs any more. */
  stop(): Promise<void>;
  /** Ends it at once, when this process ends. */
  kill(): void;
}

const NAME = Symbol.for('generation-jobs.agentProcesses');

type Registry = Map<string, RunningAgent>;

function registry(): Registry {
  const holder = globalThis as { [NAME]?: Registry };
  const known = holder[NAME];
  if (known !== undefined) return known;
  const made: Registry = new Map();
  holder[NAME] = made;
  // Without it, an agent would outlive a process that ends in an orderly way.
  process.on('exit', () => {
    for (const agent of made.values()) agent.kill();
  });
  return made;
}

export function findAgent(key: StreamKey): RunningAgent | undefined {
  return registry().get(key.id);
}

export function addAgent(agent: RunningAgent): void {
  registry().set(agent.key.id, agent);
}

/** Takes the agent out, unless another has its place. */
export function removeAgent(agent: RunningAgent): void {
  if (findAgent(agent.key) === agent) registry().delete(agent.key.id);
}

export function allAgents(): readonly RunningAgent[] {
  return [...registry().values()];
}
