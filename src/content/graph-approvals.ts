/**
 * A call shows what somebody was asked about it, and what was decided. Only calls without a result are asked about; one
 * inside a sub-agent is asked about like any other.
 */

import { type Fields, fieldsOf, listOf, wordOf } from '../stream/model/fields.js';
import type { Branch, ContentPart } from './graph-content.js';
import { withArguments } from './graph-parts.js';
import { setPart } from './graph-subagents.js';

/**
 * Folds `requires_action`: the calls in question have their whole arguments, whatever was lost or is still to stream.
 */
export function foldQuestion(branch: Branch, data: unknown): void {
  const action = fieldsOf(fieldsOf(data).action);
  const actionId = wordOf(action.actionId);
  if (actionId === undefined) return;
  for (const request of listOf(action.requests)) {
    const isMeant = ({ tool_call: call }: ContentPart) =>
      call !== undefined &&
      call.id === wordOf(request.id) &&
      call.progress !== 1 &&
      (call.name === '' || call.name === request.name);
    changeNewest(branch, isMeant, (part) => ({
      ...withArguments(part, request.arguments),
      approval: { actionId },
    }));
  }
}

/** Folds `resumed`: each call shows its decision, and the arguments it goes on with. */
export function foldDecision(branch: Branch, data: unknown): void {
  const { actionId, by, decisions } = fieldsOf(data);
  for (const decision of listOf(decisions)) {
    const isMeant = ({ tool_call: call, approval }: ContentPart) =>
      approval !== undefined && approval.actionId === actionId && call?.id === decision.id;
    changeNewest(branch, isMeant, (part) => decidedPart(part, decision, wordOf(by)));
  }
}

function decidedPart(part: ContentPart, decided: Fields, by: string | undefined): ContentPart {
  const decision = wordOf(decided.decision);
  const reason = wordOf(decided.reason);
  if (part.approval === undefined || decision === undefined) return part;
  return {
    ...(decision === 'edit' ? withArguments(part, decided.arguments) : part),
    approval: {
      actionId: part.approval.actionId,
      decision,
      ...(by !== undefined && { by }),
      ...(reason !== undefined && { reason }),
    },
  };
}

/** Changes the newest part that is meant, the branch's own before those of sub-agents; says whether there was one. */
function changeNewest(
  branch: Branch,
  isMeant: (part: ContentPart) => boolean,
  change: (part: ContentPart) => ContentPart,
): boolean {
  const at = branch.parts.findLastIndex(isMeant);
  const found = branch.parts[at];
  if (found !== undefined) {
    setPart(branch, at, change(found));
    return true;
  }
  return branch.parts.some(({ subagents = [] }) =>
    subagents.some((run) => changeNewest(run, isMeant, change)),
  );
}
