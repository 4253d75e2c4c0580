/**
 * What a sub-agent does, inside the call that started it. A sub-agent's update wraps an event of its own run and names the
 * call; the calls above it are in its ancestry, from the root down. An update whose call is not there is left out.
 */
import { type Branch, type ContentPart, emptyBranch, type SubagentContent } from './graph-content.js';
import { type Fields, fieldsOf, isFields, listOf, wordOf } from './graph-events.js';
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

export function foldSubagentUpdate<B extends Branch>(branch: B, data: unknown): B {
  if (!isFields(data)) return branch;
  const change = changeOf(data);
  const path = change && pathOf(branch, data);
  return change && path && path.length <= DEEPEST ? changedAt(branch, path, change) : branch;
}

function changeOf({ phase, data }: Fields): ((run: SubagentContent) => SubagentContent) | undefined {
  const event = WRAPPED.get(phase);
  if (event !== undefined) return (run) => foldRunEvent(run, event, data);
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

/** From the root down; its last level is the update's own run. */
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
  for (const { tool_call: call, subagents = [] } of parts.toReversed()) {
    if (call === undefined) continue;
    for (const run of subagents) {
      const rest = pathTo(run, level, depth === undefined ? undefined : depth - 1);
      if (rest !== undefined) return [{ callId: call.id, runId: run.runId }, ...rest];
    }
  }
  return undefined;
}

function changedAt<B extends Branch>(
  branch: B,
  [level, ...below]: readonly Level[],
  change: (run: SubagentContent) => SubagentContent,
): B {
  const at = branch.parts.findLastIndex((part) => part.tool_call?.id === level?.callId);
  const part = branch.parts[at];
  if (level === undefined || part === undefined) return branch;
  const runs = part.subagents ?? [];
  const place = runs.findIndex(({ runId }) => runId === level.runId);
  const run = runs[place] ?? begun(level);
  const changed = below.length === 0 ? change(run) : changedAt(run, below, change);
  if (changed === run) return branch;
  const subagents = place === -1 ? [...runs, changed] : runs.with(place, changed);
  return withPart(branch, at, { ...part, subagents });
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

/** The branch with another part in a place that has one. */
export function withPart<B extends Branch>(branch: B, at: number, part: ContentPart): B {
  return { ...branch, parts: branch.parts.with(at, part) };
}
