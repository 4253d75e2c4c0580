/**
 * What somebody was asked about a call, and what was decided, on the call itself. Only calls without a result are asked
 * about; one inside a sub-agent is as good as any.
 */
import type { Branch, ContentPart } from './graph-content.js';
import { type Fields, fieldsOf, listOf, wordOf } from './graph-events.js';
import { withArguments } from './graph-parts.js';
import { withPart } from './graph-subagents.js';

/** After `requires_action`: the calls in question have their whole arguments, whatever was lost or is still to stream. */
export function foldQuestion<B extends Branch>(branch: B, data: unknown): B {
  const action = fieldsOf(fieldsOf(data).action);
  const actionId = wordOf(action.actionId);
  if (actionId === undefined) return branch;
  return listOf(action.requests).reduce((asked: B, request) => {
    const isMeant = ({ tool_call: call }: ContentPart) =>
      call !== undefined &&
      call.id === wordOf(request.id) &&
      call.progress !== 1 &&
      (call.name === '' || call.name === request.name);
    const mark = (part: ContentPart) => ({
      ...withArguments(part, request.arguments),
      approval: { actionId },
    });
    return changedNewest(asked, isMeant, mark) ?? asked;
  }, branch);
}

/** After `resumed`: each call shows its decision, and the arguments it goes on with. */
export function foldDecision<B extends Branch>(branch: B, data: unknown): B {
  const { actionId, by, decisions } = fieldsOf(data);
  return listOf(decisions).reduce((decided: B, decision) => {
    const isMeant = ({ tool_call: call, approval }: ContentPart) =>
      approval !== undefined && approval.actionId === actionId && call?.id === decision.id;
    return changedNewest(decided, isMeant, (part) => decidedPart(part, decision, wordOf(by))) ?? decided;
  }, branch);
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

/** The branch with its newest part that is meant changed, its own parts before those of sub-agents. */
function changedNewest<B extends Branch>(
  branch: B,
  isMeant: (part: ContentPart) => boolean,
  change: (part: ContentPart) => ContentPart,
): B | undefined {
  const at = branch.parts.findLastIndex(isMeant);
  const found = branch.parts[at];
  if (found !== undefined) return withPart(branch, at, change(found));
  for (const [place, part] of branch.parts.entries()) {
    for (const [index, run] of (part.subagents ?? []).entries()) {
      const changed = changedNewest(run, isMeant, change);
      if (changed === undefined) continue;
      return withPart(branch, place, { ...part, subagents: part.subagents?.with(index, changed) ?? [] });
    }
  }
  return undefined;
}
