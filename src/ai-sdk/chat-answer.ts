/**
 * A chat answers what a job asks by its message: tool calls of it whose approval is responded, and calls that have got an
 * output. All of an action is answered in one POST. What was shown must be what is decided on, so the calls' names and inputs
 * are compared with those of the pending action.
 */
import { approvalIdOf, parseApprovalId } from '../content/ui-approval-id.js';
import { type ErrorCode, GenerationJobError } from '../errors.js';
import type { ApprovalInput, ResolveInput } from '../stream/interfaces/action-input.js';
import { fingerprintOf } from '../stream/model/fingerprint.js';
import { isObject } from '../stream/model/plain-values.js';
import type { ActionRequest, PublicAction } from '../stream/model/types.js';
import {
  type ChatMessage,
  lastToolPartsOf,
  type ToolPart,
  toolNameOf,
  toolPartsOf,
} from './chat-messages.js';

/** An answer as `approvals.resolve` takes it, without who gives it. */
export type ChatAnswer = Pick<
  ResolveInput,
  'actionId' | 'decisions' | 'answers' | 'response' | 'payloadDigest'
>;

type AnswerToQuestion = NonNullable<ChatAnswer['answers']>[number];

type Edits = Readonly<Record<string, unknown>>;

/**
 * Returns the action that the last step of a message answers, whether it is pending or not; undefined when it answers none.
 * @param asked the actions that may be meant, by the calls that are answered by an output
 */
export function answeredActionOf(
  message: ChatMessage,
  asked: ReadonlyMap<string, string>,
): string | undefined {
  const answered = lastToolPartsOf(message).flatMap(({ state, approval, toolCallId }) => {
    if (state === 'approval-responded' && approval)
      return [parseApprovalId(approval.id)?.actionId ?? approval.id];
    return (state === 'output-available' && asked.get(toolCallId)) || [];
  });
  return answered.at(-1);
}

/**
 * Reads what a message answers to the pending action: each request and each question is a call of that id.
 * @throws GenerationJobError `request_undecided`, `request_unknown`, `payload_changed`, `invalid_action`: `approvals.resolve`
 *   checks the rest
 */
export function answerTo(action: PublicAction, message: ChatMessage, edits: Edits): ChatAnswer {
  const { actionId, payloadDigest, requests, questions } = action;
  const approvals = new Set(requests.map(({ id }) => approvalIdOf(actionId, id)));
  if (Object.keys(edits).some((id) => !approvals.has(id))) {
    refuse('request_unknown', 'An edit names no approval that is pending.');
  }
  const parts = new Map(toolPartsOf(message).map((part) => [part.toolCallId, part]));
  const decisions = requests.map((request) => {
    const approvalId = approvalIdOf(actionId, request.id);
    const isEdited = Object.hasOwn(edits, approvalId);
    return decisionOn(request, approvalId, parts.get(request.id), isEdited ? [edits[approvalId]] : []);
  });
  const answers = questions.map(({ id }) => ({ id, ...answerIn(outputOf(parts.get(id))) }));
  const response =
    requests.length === 0 && questions.length === 0 ? outputOf(parts.get(actionId)) : undefined;
  return {
    ...{ actionId, payloadDigest },
    ...(decisions.length > 0 && { decisions }),
    ...(answers.length > 0 && { answers }),
    ...(response !== undefined && response !== null && { response }),
  };
}

function decisionOn(
  request: ActionRequest,
  approvalId: string,
  part: ToolPart | undefined,
  edits: readonly unknown[],
): ApprovalInput {
  const { approval } = part ?? {};
  if (part?.state !== 'approval-responded' || approval === undefined) {
    return refuse('request_undecided', 'A call is left undecided.');
  }
  if (approval.id !== approvalId) refuse('request_unknown', 'The answer names another approval.');
  if (toolNameOf(part) !== request.name) refuse('request_unknown', 'The answer names another tool.');
  const { id, arguments: asked, allowedDecisions } = request;
  if (asked !== undefined && fingerprintOf([part.input]) !== fingerprintOf([asked])) {
    refuse('payload_changed', 'The answer was given to another input.');
  }
  const reason = typeof approval.reason === 'string' ? approval.reason : undefined;
  const because = { ...(reason !== undefined && { reason }) };
  if (approval.approved === true) {
    return edits.length > 0
      ? { id, decision: 'edit', arguments: edits[0], ...because }
      : { id, decision: 'approve', ...because };
  }
  if (edits.length > 0) refuse('invalid_action', 'A call that is refused has no edited arguments.');
  // A chat knows one way to refuse: with a text, it stands in the place of the tool's result where the job takes one.
  const responds = reason !== undefined && reason.trim() !== '' && allowedDecisions.includes('respond');
  return responds ? { id, decision: 'respond', text: reason } : { id, decision: 'reject', ...because };
}

/** Returns the output that the page has given to a call. */
function outputOf(part: ToolPart | undefined): unknown {
  if (part?.state !== 'output-available') refuse('request_undecided', 'A question is left unanswered.');
  return part?.output;
}

/** Reads an answer to a question: a text, or `{ text?, selected? }`, held to their shape by `approvals.resolve`. */
function answerIn(output: unknown): Pick<AnswerToQuestion, 'text' | 'selected'> {
  if (typeof output === 'string') return { text: output };
  if (!isObject(output)) return refuse('invalid_action', 'The output of a question is no answer.');
  const { text, selected } = output as Partial<AnswerToQuestion>;
  return { ...(text !== undefined && { text }), ...(selected !== undefined && { selected }) };
}

function refuse(code: ErrorCode, message: string): never {
  throw new GenerationJobError(code, message);
}
