/**
 * The usage of an agent's model calls, as the SDK tells it, becomes the job's: in all, and by call with the kind of call, its
 * model, its provider and its agent. Labels the SDK does not give are left out.
 */
import { JobEndedError } from '../errors.js';
import type { GenerationJob } from '../stream/interfaces/generation-job.js';
import { isIdText } from '../stream/model/stream-key.js';
import type { UsageLabels } from '../stream/model/types.js';
import { checkJob } from './agent-options.js';
import { fieldOf } from './shapes.js';

const LONGEST_LABEL = 256;
/** Objects in one another, in what a provider reports. */
const DEEPEST = 4;

/**
 * Adds the numbers of LangChain's usage metadata to the job's counters, and as an entry with the labels; details as
 * `<name>.<detail>`. Resolves when committed; with false when the job's books are closed, or its handle is over in another
 * way than by a stop.
 * @param labels what the call was for (`kind`), and what answered it (`model`, `provider`, `agentId`)
 * @throws GenerationJobError as `job.addUsage`
 */
export async function addUsage(
  job: GenerationJob,
  usage: unknown,
  labels: UsageLabels = {},
): Promise<boolean> {
  const counted = Object.fromEntries(numbersIn(usage));
  if (Object.keys(counted).length === 0) return true;
  const { kind, model, provider, agentId } = labels;
  return job.addUsage({ ...counted, kind, model, provider, agentId }).catch((error: unknown) => {
    if (error instanceof JobEndedError) return false;
    throw error;
  });
}

/** LangChain calls these on the way of a model call; for `callbacks`, such as those of `generateTitle`. */
export interface UsageCallbacks {
  /** The run waits for what they return. */
  readonly awaitHandlers: true;
  /** Remembers which model is called. */
  handleChatModelStart(...call: unknown[]): void;
  /** Counts what the call has used. */
  handleLLMEnd(output: unknown, runId?: unknown): Promise<void>;
  /** Forgets a call that failed. */
  handleLLMError(error: unknown, runId?: unknown): void;
}

/**
 * Makes callbacks that add the usage of model calls which no handler of a run hears of, such as that of
 * `run.generateTitle({ chainOptions: { callbacks: [usageCallbacks(job)] } })`.
 * @param labels of the calls; default: `{ kind: 'title' }`. The model and the provider are those that LangChain names,
 *   unless they are given here
 * @throws GenerationJobError `invalid_argument` for what is no job
 */
export function usageCallbacks(job: GenerationJob, labels: UsageLabels = { kind: 'title' }): UsageCallbacks {
  checkJob(job);
  const calls = new Map<unknown, UsageLabels>();
  return {
    awaitHandlers: true,
    handleChatModelStart(_model, _messages, runId, _parent, _extra, _tags, metadata) {
      calls.set(runId, { ...labelsOf(metadata), ...labels });
    },
    async handleLLMEnd(output, runId) {
      const known = calls.get(runId) ?? labels;
      calls.delete(runId);
      const message = fieldOf(fieldOf(fieldOf(fieldOf(output, 'generations'), '0'), '0'), 'message');
      await told(job, addUsage(job, fieldOf(message, 'usage_metadata'), known));
    },
    handleLLMError(_error, runId) {
      calls.delete(runId);
    },
  };
}

/** Counts a model call of the run: one that summarises comes by the same event. */
export function countModelEnd(job: GenerationJob, data: unknown, metadata: unknown): Promise<void> {
  const output = fieldOf(data, 'output');
  const kind = fieldOf(metadata, 'summarization') === true ? 'summary' : 'model';
  const named = fieldOf(fieldOf(output, 'response_metadata'), 'model_name');
  const labels = { model: labelIn(named), ...labelsOf(metadata), kind };
  return told(job, addUsage(job, fieldOf(output, 'usage_metadata'), labels));
}

/** Counts a model call of a sub-agent, which reaches no handler. */
export function countSubagent(job: GenerationJob, event: unknown): Promise<void> {
  const labels = {
    kind: 'subagent',
    model: labelIn(fieldOf(event, 'model')),
    provider: labelIn(fieldOf(event, 'provider')),
    agentId: labelIn(fieldOf(event, 'memberAgentId')) ?? labelIn(fieldOf(event, 'subagentAgentId')),
  };
  return told(job, addUsage(job, fieldOf(event, 'usage'), labels));
}

/** Never rejects: what can't be counted is told, and harms no run. */
async function told(job: GenerationJob, counting: Promise<boolean>): Promise<void> {
  await counting.catch((error: unknown) => job.report('agent', error));
}

/** The provider is the SDK's own word, which prices go by, and not LangSmith's. */
function labelsOf(metadata: unknown): UsageLabels {
  const labels = {
    model: labelIn(fieldOf(metadata, 'ls_model_name')) ?? labelIn(fieldOf(metadata, '__invoked_model')),
    provider: labelIn(fieldOf(metadata, '__invoked_provider')),
    agentId: labelIn(fieldOf(metadata, 'agentId')),
  };
  return Object.fromEntries(Object.entries(labels).filter(([, label]) => label !== undefined));
}

function labelIn(value: unknown): string | undefined {
  return isIdText(value, LONGEST_LABEL) ? value : undefined;
}

/** The numbers of what a provider reports, whatever else is beside them. */
function* numbersIn(usage: unknown, prefix = '', depth = 1): Generator<[string, number]> {
  if (typeof usage !== 'object' || usage === null || Array.isArray(usage)) return;
  for (const [name, value] of Object.entries(usage)) {
    if (typeof value === 'number' && Number.isFinite(value)) yield [`${prefix}${name}`, value];
    else if (depth < DEEPEST) yield* numbersIn(value, `${prefix}${name}.`, depth + 1);
  }
}
