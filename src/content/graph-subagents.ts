/**
 * A sub-agent's work is shown inside the call that started it. A sub-agent's update wraps an event of its own run and
 * names the call; the calls above it are in its ancestry, from the root down. An update whose call is not there is left
 * out.
 */

import { type Fields, fieldsOf, listOf, wordOf } from '../stream/model/fields.js';
import { isObject } from '../stream/model/plain-values.js';
import { type Branch, type ContentPart, emptyBranch, type SubagentContent } from './graph-content.js';
import { foldRunEvent } from './graph-steps.js';

/** Sub-agents within sub-agents. Content nests a few levels with each, and JSON readers have their limits too. */
const DEEPEST = 12;

/** The events of a sub-agent's run, by the phase of the update that carries them. */
const WRAPPED: ReadonlyMap<unknown, string> = new Map([
  ['run_step', 'on_run_step'],
  ['run_step_delta', 'on_run_step_delta'],
  ['run_step_completed', 'on_run_step_completed'],
  ['run_step_closed', 'on_run_step_closed'],
  ['message_delta', 'on_message_delta'],
  ['reasoning_delta', 'on_reasoning_delta'],
]);

/** A run below a call. */
interface Level {
  readonly callId: string;
  readonly runId: string;
  readonly type?: string;
  readonly agentId?: string;
}

/** Changes the branch by an event of a run that one of its calls has started. */
export function foldSubagentUpdate(branch: Branch, data: unknown): void {
  if (!isObject(data)) return;
  const change = changeOf(data);
  const path = change && pathOf(branch, data);
  if (change && path && path.length <= DEEPEST) changeAt(branch, path, change);
}

/** Returns the change an update makes to the run; the run is changed in place, or another one stands for it. */
function changeOf({ phase, data }: Fields): ((run: SubagentContent) => SubagentContent) | undefined {
  const event = WRAPPED.get(phase);
  if (event !== undefined)
    return (run) => {
      foldRunEvent(run, event, data);
      return run;
    };
  switch (phase) {
    case 'start':
      return (run) => withStatus(run, 'running');
    case 'stop':
      return (run) => withStatus(run, 'completed');
    case 'error':
      return (run) => withStatus(run, 'failed', wordOf(fieldsOf(data).message));
    default:
      return undefined;
  }
}

function withStatus(
  { error: _, ...run }: SubagentContent,
  status: SubagentContent['status'],
  error?: string,
): SubagentContent {
  return { ...run, status, ...(error !== undefined && { error }) };
}

/** Returns the levels from the root down; the last is the update's own run. */
function pathOf(branch: Branch, update: Fields): readonly Level[] | undefined {
  const own = levelOf(update);
  if (own === undefined) return undefined;
  const ancestry = listOf(update.ancestry);
  const endsWithOwn = ancestry.at(-1)?.subagentRunId === own.runId;
  const above = (endsWithOwn ? ancestry.slice(0, -1) : ancestry).map(levelOf);
  if (ancestry.length > 0 && above.every((level) => level !== undefined)) return [...above, own];
  // An emitter that tells no ancestry: its call is somewhere, at the depth it tells or at any.
  return pathTo(branch, own, typeof update.depth === 'number' ? update.depth : undefined);
}

function levelOf({
  parentToolCallId,
  subagentRunId,
  subagentType,
  subagentAgentId,
}: Fields): Level | undefined {
  const [callId, runId] = [wordOf(parentToolCallId), wordOf(subagentRunId)];
  const [type, agentId] = [wordOf(subagentType), wordOf(subagentAgentId)];
  if (callId === undefined || runId === undefined) return undefined;
  return { callId, runId, ...(type !== undefined && { type }), ...(agentId !== undefined && { agentId }) };
}

function pathTo({ parts }: Branch, level: Level, depth: number | undefined): readonly Level[] | undefined {
  if ((depth ?? 1) <= 1 && parts.some((part) => part.tool_call?.id === level.callId)) return [level];
  if (depth !== undefined && depth <= 1) return undefined;
  for (let at = parts.length - 1; at >= 0; at--) {
    const { tool_call: call, subagents = [] } = parts[at] as ContentPart;
    if (call === undefined) continue;
    for (const run of subagents) {
      const rest = pathTo(run, level, depth === undefined ? undefined : depth - 1);
      if (rest !== undefined) return [{ callId: call.id, runId: run.runId }, ...rest];
    }
  }
  return undefined;
}

function changeAt(
  branch: Branch,
  [level, ...below]: readonly Level[],
  change: (run: SubagentContent) => SubagentContent,
): void {
  const at = branch.parts.findLastIndex((part) => part.tool_call?.id === level?.callId);
  const part = branch.parts[at];
  if (level === undefined || part === undefined) return;
  const runs = part.subagents as SubagentContent[] | undefined;
  const place = runs?.findIndex(({ runId }) => runId === level.runId) ?? -1;
  const run = runs?.[place] ?? begun(level);
  const changed = below.length === 0 ? change(run) : run;
  if (below.length > 0) changeAt(run, below, change);
  // An event that says nothing begins no run.
  if (place === -1 && changed === run && isUntouched(run)) return;
  if (runs === undefined) setPart(branch, at, { ...part, subagents: [changed] });
  else if (place === -1) runs.push(changed);
  else runs[place] = changed;
}

function isUntouched({ parts, bookkeeping: { next, steps } }: Branch): boolean {
  return parts.length === 0 && steps.length === 0 && next === 0;
}

function begun({ runId, type, agentId }: Level): SubagentContent {
  return {
    runId,
    ...(type !== undefined && { type }),
    ...(agentId !== undefined && { agentId }),
    status: 'running',
    ...emptyBranch(),
  };
}

/** Puts another part in a place that has one. */
export function setPart(branch: Branch, at: number, part: ContentPart): void {
  (branch.parts as ContentPart[])[at] = part;
}
