/**
 * An interrupt of the SDK becomes an action of a job, and its resolution the SDK's answer. The SDK exports no usable
 * guard, so the shapes are checked here, and strictly: an interrupt that is not understood must fail the job, not
 * approve itself.
 */
import { z } from 'zod';
import { GenerationJobError } from '../errors.js';
import type { PauseInput } from '../stream/interfaces/action-input.js';
import { durationMs } from '../stream/model/host-values.js';
import { areUnique } from '../stream/model/plain-values.js';
import { parseStrictly } from '../stream/model/strict.js';
import type { Answer, Decision, Json, PendingAction, Verdict } from '../stream/model/types.js';

const decision = z.enum(['approve', 'reject', 'edit', 'respond']);

const toolApproval = z
  .object({
    type: z.literal('tool_approval'),
    action_requests: z
      .array(
        z.object({
          tool_call_id: z.string().min(1),
          name: z.string().min(1),
          arguments: z.unknown().optional(),
          description: z.string().optional(),
        }),
      )
      .min(1),
    review_configs: z.array(
      z.object({ tool_call_id: z.string(), allowed_decisions: z.array(decision).min(1) }),
    ),
  })
  .refine(({ action_requests }) => areUnique(action_requests.map(({ tool_call_id }) => tool_call_id)))
  .refine(({ review_configs }) => areUnique(review_configs.map(({ tool_call_id }) => tool_call_id)))
  // Without its review nobody knows what may be decided of a call.
  .refine(({ action_requests, review_configs }) =>
    action_requests.every((one) => review_configs.some((review) => review.tool_call_id === one.tool_call_id)),
  );

const question = z.object({
  question: z.string().min(1),
  description: z.string().optional(),
  options: z.array(z.object({ label: z.string(), value: z.string() })).optional(),
  multiSelect: z.boolean().optional(),
});

const askUserQuestion = z.object({
  type: z.literal('ask_user_question'),
  question,
  questions: z
    .array(question.extend({ id: z.string().min(1) }))
    .min(1)
    .refine((questions) => areUnique(questions.map(({ id }) => id)))
    .optional(),
});

const interruptSchema = z.object({
  interruptId: z.string().min(1),
  checkpointId: z.string().min(1).optional(),
  checkpointNs: z.string().default(''),
  payload: z.discriminatedUnion('type', [toolApproval, askUserQuestion]),
});

export type Interrupt = z.output<typeof interruptSchema>;

/** A single question comes without an id, and gets this one. */
const ONLY_QUESTION = 'question';

/** A later attempt goes on from this, in the action's `resumeContext` beside the host's own. */
const contextSchema = z.object({
  agent: z.object({
    interruptId: z.string(),
    checkpointId: z.string(),
    checkpointNs: z.string(),
    /** True when the answers go back by id. */
    batch: z.boolean(),
    sdkVersion: z.string().optional(),
    discoveredTools: z.array(z.string()),
    /** The attempt in which the run began from its beginning; absent where that was the first. */
    run: z.number().int().min(1).optional(),
    /** The newest attempt whose messages the checkpoint has; absent where that is the first. */
    heard: z.number().int().min(1).optional(),
  }),
  host: z.unknown().optional(),
});

export type AgentContext = z.output<typeof contextSchema>['agent'];

/** Reads what `run.getInterrupt()` gave; undefined for none. @throws GenerationJobError `invalid_action` */
export function parseInterrupt(given: unknown): Interrupt | undefined {
  if (given === undefined || given === null) return undefined;
  const parsed = interruptSchema.safeParse(given);
  if (parsed.success) return parsed.data;
  throw new GenerationJobError('invalid_action', 'The run paused for something that is not understood.');
}

const wantedSchema = z.strictObject({
  resumeContext: z.unknown().optional(),
  sdkVersion: z.string().optional(),
  discoveredTools: z.array(z.string()).optional(),
  run: z.number().int().min(1).optional(),
  heard: z.number().int().min(1).optional(),
  expiresInMs: durationMs.optional(),
  fingerprint: z.string().optional(),
});

/**
 * Makes the action to pause for: the SDK's tool calls become requests, its questions questions.
 *
 * @param found what `run.getInterrupt()` gave after the stream had ended
 * @param with_ what the host wants back at the decision, and what else belongs to the action
 * @throws GenerationJobError `invalid_action` for an interrupt of another shape, `checkpoint_lost` for one without a
 *   checkpoint, `invalid_argument` for options that are not known
 */
export function toPendingAction(
  found: unknown,
  with_: {
    readonly resumeContext?: unknown;
    readonly sdkVersion?: string | undefined;
    readonly discoveredTools?: readonly string[] | undefined;
    /** The attempt in which the run began, whose calls have receipts under names of their own. Default: the first. */
    readonly run?: number | undefined;
    /** The newest attempt whose messages the model has been given: a later one's are given to it again. Default: the first. */
    readonly heard?: number | undefined;
  } & Pick<PauseInput, 'expiresInMs' | 'fingerprint'> = {},
): PauseInput {
  parseStrictly('invalid_argument', wantedSchema, with_, 'options');
  const interrupt = parseInterrupt(found);
  if (interrupt?.checkpointId === undefined) {
    // The saver was away when the run paused: nobody could go on from here.
    throw new GenerationJobError('checkpoint_lost', 'The run paused without a checkpoint.');
  }
  const { interruptId, checkpointId, checkpointNs, payload } = interrupt;
  const { resumeContext: host, sdkVersion, discoveredTools = [], run = 1, heard = 1, ...rest } = with_;
  const batch = payload.type === 'ask_user_question' && payload.questions !== undefined;
  const agent = {
    ...{ interruptId, checkpointId, checkpointNs, batch, discoveredTools },
    ...(sdkVersion !== undefined && { sdkVersion }),
    ...(run > 1 && { run }),
    ...(heard > 1 && { heard }),
  };
  const resumeContext = { agent, ...(host !== undefined && { host }) };
  const asked = payload.type === 'tool_approval' ? requestsOf(payload) : questionsOf(payload);
  return { ...rest, ...asked, type: payload.type, resumeContext };
}

function requestsOf({
  action_requests,
  review_configs,
}: z.output<typeof toolApproval>): Pick<PauseInput, 'requests'> {
  const requests = action_requests.map(({ tool_call_id: id, name, arguments: args, description }) => {
    const allowedDecisions = review_configs.find(
      ({ tool_call_id }) => tool_call_id === id,
    )?.allowed_decisions;
    return { id, name, arguments: args, description, allowedDecisions };
  });
  return { requests };
}

function questionsOf(payload: z.output<typeof askUserQuestion>): Pick<PauseInput, 'questions'> {
  return { questions: payload.questions ?? [{ id: ONLY_QUESTION, ...payload.question }] };
}

/** Reads what an agent kept with its pause. @throws GenerationJobError `checkpoint_lost` when no agent has paused for it */
export function agentContextOf(action: PendingAction | undefined): AgentContext {
  const parsed = contextSchema.safeParse(action?.resumeContext);
  if (parsed.success) return parsed.data.agent;
  throw new GenerationJobError('checkpoint_lost', 'The action holds nothing an agent could go on from.');
}

/** Returns the host's own part of the action's `resumeContext`. */
export function hostContextOf(action: PendingAction | undefined): Json | undefined {
  const context = action?.resumeContext;
  return typeof context === 'object' && context !== null && !Array.isArray(context)
    ? context.host
    : undefined;
}

/**
 * Makes what `run.resume` takes. Decisions go by tool call id: by place, the second of two pauses in one batch can get the
 * decision of the first, and a tool that was rejected has been run that way.
 */
export function resumeValueOf(verdict: Verdict, { batch }: Pick<AgentContext, 'batch'>): unknown {
  if (verdict.answers.length === 0) {
    return Object.fromEntries(verdict.decisions.map((one) => [one.id, sdkDecision(one)]));
  }
  const answers = verdict.answers.map((one) => [one.id, answerText(one)] as const);
  return batch ? { answers: Object.fromEntries(answers) } : { answer: answers[0]?.[1] };
}

function sdkDecision({ decision: type, reason, arguments: updatedInput, text }: Decision): object {
  switch (type) {
    case 'approve':
      return { type };
    case 'reject':
      return { type, ...(reason !== undefined && { reason }) };
    case 'edit':
      return { type, updatedInput };
    case 'respond':
      return { type, responseText: text };
    default:
      return type satisfies never;
  }
}

/** The SDK takes one text an answer. */
function answerText({ selected = [], text }: Answer): string {
  return [selected.join(', '), text ?? ''].filter((part) => part !== '').join('\n');
}
