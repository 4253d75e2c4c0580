/**
 * The events of one run, a sub-agent's included. A step is announced once and then spoken of by its id. The pieces of a
 * call are found by the call's id, then by the chunk index their provider gives the call within its step, then because
 * the step has but one call. What can't be found is left out: content never says what nobody announced.
 */

import { type Fields, fieldsOf, indexOf, listOf, wordOf } from '../stream/model/fields.js';
import { isObject } from '../stream/model/plain-values.js';
import { BranchDraft } from './graph-branch.js';
import type { Branch, Step, StepCall } from './graph-content.js';
import { callFinishedBy, callGrownBy, grownBy, summaryOf } from './graph-parts.js';

/** Changes the branch by an event of its run. */
export function foldRunEvent(branch: Branch, event: string, data: unknown): void {
  const fold = FOLDS.get(event);
  if (fold !== undefined && isObject(data)) fold(new BranchDraft(branch), data);
}

const FOLDS: ReadonlyMap<string, (draft: BranchDraft, data: Fields) => void> = new Map([
  ['on_run_step', announceStep],
  ['on_message_delta', growMessage],
  ['on_reasoning_delta', growMessage],
  ['on_run_step_delta', growCalls],
  ['on_run_step_completed', finish],
  ['on_run_step_closed', close],
  ['on_agent_update', updateAgent],
  ['on_summarize_delta', growSummary],
  ['on_summarize_complete', finishSummary],
]);

function announceStep(draft: BranchDraft, data: Fields): void {
  const id = wordOf(data.id);
  if (id === undefined) return;
  const details = fieldsOf(data.stepDetails);
  const callsTools = details.type === 'tool_calls';
  const announced = callsTools ? listOf(details.tool_calls) : [];
  const known = draft.step(id);
  const calls: StepCall[] = announced.map((call, at) => {
    const callId = wordOf(call.id);
    const place = at === 0 && known === undefined ? data.index : undefined;
    const slot = draft.slotOfCall(callId) ?? draft.allocate(place);
    return { slot, ...(callId !== undefined && { id: callId }) };
  });
  const slot = known?.slot ?? calls[0]?.slot ?? draft.allocate(data.index);
  const agentId = wordOf(data.agentId);
  const step: Step = {
    id,
    slot,
    ...(agentId !== undefined && { agentId }),
    ...(typeof data.groupId === 'number' && { groupId: data.groupId }),
    ...(callsTools && { calls: joinedCalls(known?.calls, calls, slot) }),
  };
  draft.setStep(step);
  if (isObject(data.summary)) growSlot(draft, slot, step, data.summary);
  for (const [at, call] of announced.entries()) {
    draft.change(calls[at]?.slot ?? slot, step, (part) => callGrownBy(part, call));
  }
}

/** A step's calls when it is announced, once or, with more calls, again. */
function joinedCalls(
  known: readonly StepCall[] | undefined,
  announced: readonly StepCall[],
  slot: number,
): readonly StepCall[] {
  if (known === undefined) return announced.length > 0 ? announced : [{ slot }];
  return [...known, ...announced.filter((call) => known.every((one) => one.slot !== call.slot))];
}

function growMessage(draft: BranchDraft, { id, delta }: Fields): void {
  const step = draft.step(id);
  if (step === undefined) return;
  for (const piece of listOf(fieldsOf(delta).content)) growSlot(draft, step.slot, step, piece);
}

function growSummary(draft: BranchDraft, { id, delta }: Fields): void {
  const step = draft.step(id);
  const { summary } = fieldsOf(delta);
  if (step !== undefined && isObject(summary)) growSlot(draft, step.slot, step, summary);
}

function growSlot(draft: BranchDraft, slot: number, step: Step | undefined, piece: Fields): void {
  draft.change(slot, step, (part) => grownBy(part, piece));
}

function growCalls(draft: BranchDraft, { id, delta }: Fields): void {
  const { type, tool_calls: pieces, auth, expires_at } = fieldsOf(delta);
  if (type !== 'tool_calls') return;
  for (const piece of listOf(pieces)) {
    const step = draft.step(id);
    if (step === undefined) return;
    const call = placed(draft, step, piece);
    if (call === undefined) continue;
    const { name, args } = piece;
    draft.change(call.slot, step, (part) => callGrownBy(part, { id: call.id, name, args, auth, expires_at }));
  }
}

/** The call a piece belongs to, with what the piece says of how to find it again. */
function placed(draft: BranchDraft, step: Step, piece: Fields): StepCall | undefined {
  const calls = step.calls ?? [{ slot: step.slot }];
  const id = wordOf(piece.id);
  const chunk = indexOf(piece.index);
  const found = id === undefined ? byChunk(calls, chunk) : byId(draft, calls, id, chunk);
  if (found === undefined && id === undefined && chunk === undefined) return undefined;
  const before = found ?? { slot: draft.allocate() };
  if ((id ?? before.id) === before.id && (chunk ?? before.chunk) === before.chunk && calls.includes(before))
    return before;
  const call: StepCall = {
    ...before,
    ...(id !== undefined && { id }),
    ...(chunk !== undefined && { chunk }),
  };
  // A provider that counts every call as the first one: the index means the newest.
  const others = calls.map((one) =>
    one.chunk === call.chunk && one.slot !== call.slot ? withoutChunk(one) : one,
  );
  const at = others.findIndex(({ slot }) => slot === call.slot);
  draft.setStep({ ...step, calls: at === -1 ? [...others, call] : others.with(at, call) });
  return call;
}

function byId(
  draft: BranchDraft,
  calls: readonly StepCall[],
  id: string,
  chunk: number | undefined,
): StepCall | undefined {
  const slot = draft.slotOfCall(id);
  if (slot !== undefined) return calls.find((call) => call.slot === slot) ?? { slot };
  const nameless = calls.filter((call) => call.id === undefined);
  return (
    (chunk === undefined ? undefined : nameless.find((call) => call.chunk === chunk)) ??
    nameless.find((call) => call.chunk === undefined)
  );
}

function byChunk(calls: readonly StepCall[], chunk: number | undefined): StepCall | undefined {
  if (chunk === undefined) return calls.length === 1 ? calls[0] : undefined;
  return calls.find((call) => call.chunk === chunk) ?? calls.find((call) => call.chunk === undefined);
}

function withoutChunk({ chunk: _, ...call }: StepCall): StepCall {
  return call;
}

function finish(draft: BranchDraft, data: Fields): void {
  const result = fieldsOf(data.result);
  const step = draft.step(result.id);
  if (result.type === 'summary' && 'summary' in result) {
    if (step !== undefined) draft.change(step.slot, step, () => summaryOf(result.summary));
    return;
  }
  if (!isObject(result.tool_call)) return;
  const call = result.tool_call;
  const id = wordOf(call.id);
  const slot = draft.slotOfCall(id) ?? (step && slotOfResult(draft, step, id));
  if (slot === undefined) return;
  draft.change(slot, step, (part) => callFinishedBy(part, call));
  const own = step?.calls?.some((one) => one.slot === slot);
  draft.forgetDone(own ? step?.id : undefined);
}

/**
 * Returns the slot for a result whose call was not known by this id: that of the only call there is, else of one
 * without an id.
 */
function slotOfResult(draft: BranchDraft, step: Step, id: string | undefined): number {
  const { calls } = step;
  if (calls === undefined) return step.slot;
  const call = calls.length === 1 ? calls[0] : calls.find((one) => one.id === undefined);
  const slot = call?.slot ?? draft.allocate();
  const bound: StepCall = { ...(call ?? { slot }), ...(id !== undefined && { id }) };
  const others = calls.filter((one) => one.slot !== slot);
  draft.setStep({ ...step, calls: [...others, bound] });
  return slot;
}

function close(draft: BranchDraft, { id }: Fields): void {
  const step = draft.step(id);
  if (step === undefined) return;
  draft.setStep({ ...step, closed: true });
  draft.forgetDone(step.id);
}

function updateAgent(draft: BranchDraft, data: Fields): void {
  if (!isObject(data.agent_update)) return;
  const slot = draft.allocate(data.agent_update.index);
  growSlot(draft, slot, undefined, { ...data, agent_update: { ...data.agent_update, index: slot } });
}

/** The step may be closed by then; its part says which step it was of. */
function finishSummary(draft: BranchDraft, data: Fields): void {
  const summary = summaryOf(data.summary);
  const { messageId } = fieldsOf(summary?.boundary);
  if (summary === undefined || typeof messageId !== 'string') return;
  const step = draft.step(messageId);
  const slot = step?.slot ?? draft.slotOfPart(({ boundary }) => fieldsOf(boundary).messageId === messageId);
  if (slot !== undefined) draft.change(slot, step, () => summary);
}
