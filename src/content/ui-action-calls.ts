/**
 * The tool calls that a pending action is to a chat. A request is the call it asks about, under the call's own id, and is
 * answered by an approval. The questions of an action, and an action of the host's own type without requests, are one call
 * without an approval: its tool is the action's type, its id the action's, and the page answers it by `addToolOutput`. So a host
 * that pauses with the ids of calls it has streamed shows none of them twice.
 */
import type { ApprovalDecision, Json, PublicAction } from '../stream/model/types.js';
import { approvalIdOf } from './ui-approval-id.js';

/** The approval that a call waits for. */
export interface CallApproval {
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

/** Returns the calls of an action: its requests in their order, then what is answered by its output. */
export function callsOfAction(action: PublicAction): readonly ActionCall[] {
  const asked = action.requests.map((request) => ({
    ...{ toolCallId: request.id, toolName: request.name, input: request.arguments ?? {} },
    approval: {
      approvalId: approvalIdOf(action.actionId, request.id),
      descriptor: {
        allowedDecisions: request.allowedDecisions,
        ...(request.description !== undefined && { description: request.description }),
        expiresAt: action.expiresAt,
      },
    },
  }));
  const call = questionCallOf(action);
  return call === undefined ? asked : [...asked, call];
}

/** Returns the call that is answered by its output; undefined of an action that has requests alone. */
export function questionCallOf(action: PublicAction): ActionCall | undefined {
  const { actionId, type, requests, questions, payload } = action;
  if (questions.length === 0 && requests.length > 0) return undefined;
  const input = { questions, ...(payload !== undefined && { payload }) };
  return { toolCallId: actionId, toolName: type, input: input as unknown as Json };
}
