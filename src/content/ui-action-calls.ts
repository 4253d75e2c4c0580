/**
 * The tool calls that a pending action is to a chat, one for each thing asked. A request is the call of its id, and is answered
 * by an approval; a question is the call of its id, answered by an output. An action of the host's own type that has neither is
 * one call, of a tool named as the type, under the action's id: its output is the response. So a host that pauses with the ids
 * of the calls it has streamed shows none of them twice.
 */
import type { ApprovalDecision, Json, PublicAction } from '../stream/model/types.js';
import { approvalIdOf } from './ui-approval-id.js';

/** The tool that a question is a call of, where the model has made none. */
const QUESTION_TOOL = 'ask_user_question';

/** The approval that a call waits for. */
interface CallApproval {
  readonly approvalId: string;
  /** Tells the page what may be decided: the chunk's `approvalDescriptor`. */
  readonly descriptor: {
    readonly allowedDecisions: readonly ApprovalDecision[];
    readonly description?: string | undefined;
    /** Server time, milliseconds since 1970. */
    readonly expiresAt: number;
  };
}

export interface ActionCall {
  readonly toolCallId: string;
  readonly toolName: string;
  readonly input: Json;
  /** Absent of a call that is answered by its output. */
  readonly approval?: CallApproval | undefined;
}

/** Returns the calls of an action: its requests in their order, then what is answered by an output. */
export function callsOfAction(action: PublicAction): readonly ActionCall[] {
  const { actionId, type, requests, questions, payload = {}, expiresAt } = action;
  if (requests.length === 0 && questions.length === 0) {
    return [{ toolCallId: actionId, toolName: type, input: payload }];
  }
  const asked = requests.map(({ id, name, arguments: input = {}, description, allowedDecisions }) => ({
    ...{ toolCallId: id, toolName: name, input },
    approval: {
      approvalId: approvalIdOf(actionId, id),
      descriptor: { allowedDecisions, ...(description !== undefined && { description }), expiresAt },
    },
  }));
  const toBeAnswered = questions.map(({ id, ...question }) => ({
    ...{ toolCallId: id, toolName: QUESTION_TOOL, input: question as unknown as Json },
  }));
  return [...asked, ...toBeAnswered];
}
