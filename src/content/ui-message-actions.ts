/**
 * A pause and a decision in a UI message: the calls that are asked about show it. A call that no chunk has told of is made.
 */

import { type Fields, fieldsOf, listOf } from '../stream/model/fields.js';
import type { PublicAction } from '../stream/model/types.js';
import { type ActionCall, callsOfAction } from './ui-action-calls.js';
import { approvalIdOf } from './ui-approval-id.js';
import { closeParts, type OwnUIMessage, type OwnUIPart } from './ui-message-content.js';
import { callOf, foldToolChunk } from './ui-message-tools.js';

/** A chunk that tells of an action: of a call and its input, or that it is asked about. */
export interface ActionChunk {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** A call as it was shown before a pause. */
export interface ShownCall {
  readonly type: string;
  readonly toolName?: unknown;
  readonly state?: unknown;
  readonly input?: unknown;
}

/** Folds a pause: what it asks for is shown, and what its attempt has left open is closed, for another one goes on. */
export function foldPause(message: OwnUIMessage, action: PublicAction): void {
  if (message.errorText !== undefined) return;
  const { inputs, requests } = chunksOfAction(action, (id) => callOf(message, id));
  for (const chunk of [...inputs, ...requests]) foldToolChunk(message, chunk.type, chunk);
  closeParts(message);
  delete message.inStep;
  delete message.finishReason;
  const { actionId } = action;
  message.pauses = [...(message.pauses ?? []), { actionId, parts: message.parts.length }];
}

/**
 * Makes the chunks that show an action: of each call the input that is asked about, where that is not what was shown, and
 * the requests for approval.
 */
export function chunksOfAction(
  action: PublicAction,
  shown: (id: string) => ShownCall | undefined,
): { readonly inputs: readonly ActionChunk[]; readonly requests: readonly ActionChunk[] } {
  const calls = callsOfAction(action);
  const isGiven = new Set(action.requests.flatMap((one) => (one.arguments === undefined ? [] : one.id)));
  const inputs = calls.flatMap((call) => inputOf(call, shown(call.toolCallId), isGiven.has(call.toolCallId)));
  const requests = calls.flatMap(({ toolCallId, approval }) => {
    if (approval === undefined) return [];
    const { approvalId, descriptor } = approval;
    return [{ type: 'tool-approval-request', approvalId, toolCallId, approvalDescriptor: descriptor }];
  });
  return { inputs, requests };
}

function inputOf(call: ActionCall, shown: ShownCall | undefined, isGiven: boolean): ActionChunk[] {
  const isWhole = shown !== undefined && shown.state !== 'input-streaming';
  if (isWhole && (!isGiven || isSame(shown.input, call.input))) return [];
  const { toolCallId, input } = call;
  const named = shown === undefined ? { toolName: call.toolName } : toolOf(shown);
  return [{ type: 'tool-input-available', toolCallId, ...named, input }];
}

/** Names the tool of a call that was shown, as a chunk of it does. */
export function toolOf({ type, toolName }: ShownCall): {
  readonly toolName: string;
  readonly dynamic?: true;
} {
  if (type === 'dynamic-tool') return { toolName: String(toolName), dynamic: true };
  return { toolName: type.slice('tool-'.length) };
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** A call's part of a decision: whether it may go on, or what it has for an output. */
export type DecidedCall =
  | {
      readonly toolCallId: string;
      readonly approved: true;
      readonly input?: unknown;
      readonly reason?: string;
    }
  | { readonly toolCallId: string; readonly approved: false; readonly reason?: string }
  | { readonly toolCallId: string; readonly output: unknown };

/** Returns what a decision, as `resumed` tells of it, says of each call. */
export function decidedCalls({ actionId, decisions, answers, response }: Fields): readonly DecidedCall[] {
  const decided = listOf(decisions).map((one): DecidedCall => {
    const toolCallId = String(one.id);
    const reason = one.decision === 'respond' ? one.text : one.reason;
    const said = { toolCallId, ...(typeof reason === 'string' && { reason }) };
    if (one.decision === 'edit') return { ...said, approved: true, input: one.arguments };
    return { ...said, approved: one.decision === 'approve' };
  });
  const answered = listOf(answers).map(({ id, ...answer }) => ({
    toolCallId: String(id),
    output: outputOf(answer),
  }));
  const responded = response === undefined ? [] : [{ toolCallId: String(actionId), output: response }];
  return [...decided, ...answered, ...responded];
}

/** Makes the output of a question's call: a text alone is itself. */
function outputOf({ text, selected }: Fields): unknown {
  if (selected === undefined) return text ?? '';
  return { selected, ...(text !== undefined && { text }) };
}

/** Folds a decision: each call shows it, and has the input it goes on with; a question's call has its answer for an output. */
export function foldDecision(message: OwnUIMessage, decision: Fields): void {
  const edited: string[] = [];
  for (const one of decidedCalls(decision)) {
    const call = callOf(message, one.toolCallId);
    if (call === undefined) continue;
    if ('output' in one) Object.assign(call, { state: 'output-available', output: one.output });
    else if (fieldsOf(call.approval).id === approvalIdOf(String(decision.actionId), one.toolCallId)) {
      decide(call, one.approved, one.reason);
      if (!('input' in one)) continue;
      call.input = one.input;
      edited.push(one.toolCallId);
    }
  }
  if (edited.length === 0) return;
  message.pauses = (message.pauses ?? []).map((pause) =>
    pause.actionId === decision.actionId ? { ...pause, edited } : pause,
  );
}

function decide(call: OwnUIPart, approved: boolean, reason: string | undefined): void {
  call.state = 'approval-responded';
  call.approval = { ...fieldsOf(call.approval), approved, ...(reason !== undefined && { reason }) };
}
