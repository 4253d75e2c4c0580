/** One event of a log on its way to a page: a chunk, a turn of the job's life, or something else of the host's. */

import { UI_EVENT } from '../content/ui-message.js';
import { type ActionChunk, chunksOfAction, decidedCalls, toolOf } from '../content/ui-message-actions.js';
import { chunkOfSent } from '../content/ui-message-sent.js';
import { fieldsOf } from '../stream/model/fields.js';
import { parsedJson } from '../stream/model/plain-values.js';
import type { LogEvent, PublicAction } from '../stream/model/types.js';
import type { ChunkWriter } from './chunk-writer.js';
import type { PageState } from './page-state.js';
import { finishReasonOf } from './ui-chunk.js';
import { writeChunk } from './write-chunk.js';
import { DENIED } from './write-tool-chunk.js';

export function writeEvent(writer: ChunkWriter, { event, data }: LogEvent): void {
  const { state } = writer;
  if (state.ending !== undefined) return;
  switch (event) {
    case UI_EVENT:
      return writeChunk(writer, parsedJson(data), data);
    case 'created':
      return;
    case 'requires_action':
      return writePause(writer, (parsedJson(data) as { readonly action: PublicAction }).action);
    case 'resumed':
      return writeDecision(writer, fieldsOf(parsedJson(data)));
    case 'recovered':
      if (fieldsOf(parsedJson(data)).restart === true && state.hasParts) writer.breakOff();
      return;
    case 'sync':
    case 'gap':
    case 'gone':
      return writer.breakOff();
    case 'completed':
    case 'failed':
    case 'aborted':
      return writeEnd(writer, event, fieldsOf(parsedJson(data)));
    case 'message': {
      const chunk = chunkOfSent(parsedJson(data));
      return chunk ? writeChunk(writer, chunk, JSON.stringify(chunk)) : showEvent(writer, event, data);
    }
    default:
      return showEvent(writer, event, data);
  }
}

/** Shows what is none of the answer's, where the host wants that. */
function showEvent(writer: ChunkWriter, event: string, data: string): void {
  if (writer.dialect.showEvents)
    writer.put({ type: `data-${event}`, data: parsedJson(data) ?? null, transient: true });
}

/** Shows what is asked about and closes what is open; the questions themselves wait until it is sure that nobody has answered. */
function writePause(writer: ChunkWriter, action: PublicAction): void {
  const { inputs } = chunksOfAction(action, (id) => writer.state.calls.get(id));
  for (const chunk of inputs) {
    writer.put(chunk);
    writer.change((state) => showInput(state, chunk));
  }
  writer.close();
  writer.change((state) => {
    state.pause = { action };
    state.finishReason = undefined;
  });
}

function showInput({ calls }: PageState, { toolCallId, toolName, dynamic, input }: ActionChunk): void {
  const tool =
    dynamic === true
      ? { type: 'dynamic-tool', toolName: String(toolName) }
      : { type: `tool-${String(toolName)}` };
  calls.set(String(toolCallId), {
    ...calls.get(String(toolCallId)),
    ...tool,
    state: 'input-available',
    input,
  });
}

/** Returns the requests of a pause that have yet to be shown. */
export function pendingRequests({ pause }: PageState): readonly ActionChunk[] {
  return pause?.action === undefined ? [] : chunksOfAction(pause.action, () => undefined).requests;
}

/** Tells a page that was not the one to decide. A page of the 6 line learns what comes of the calls, and no approval. */
function writeDecision(writer: ChunkWriter, decision: Readonly<Record<string, unknown>>): void {
  const { version } = writer.dialect;
  if (version === 7) for (const chunk of pendingRequests(writer.state)) writer.put(chunk);
  const requested = new Map(pendingRequests(writer.state).map((one) => [one.toolCallId, one.approvalId]));
  writer.change((state) => {
    state.pause = undefined;
  });
  for (const one of decidedCalls(decision)) {
    const { toolCallId } = one;
    const call = writer.state.calls.get(toolCallId);
    if (call === undefined) continue;
    if ('output' in one)
      writer.put({ type: 'tool-output-available', toolCallId, output: one.output ?? null });
    else {
      const { approved, reason } = one;
      if ('input' in one)
        writer.put({ type: 'tool-input-available', toolCallId, ...toolOf(call), input: one.input ?? null });
      const approvalId = requested.get(toolCallId) ?? call.approvalId;
      if (version === 7 && approvalId !== undefined)
        writer.put({ type: 'tool-approval-response', approvalId, approved, ...(reason && { reason }) });
      if (version === 6 && !approved)
        writer.put({ type: 'tool-output-error', toolCallId, errorText: reason ?? DENIED });
    }
    if (!('output' in one)) writer.change(({ calls }) => note(calls.get(toolCallId), one));
  }
}

function note(
  call: { refusal?: string; input?: unknown } | undefined,
  said: { readonly reason?: string; readonly input?: unknown },
): void {
  if (call === undefined) return;
  if (said.reason !== undefined) call.refusal = said.reason;
  if ('input' in said) call.input = said.input;
}

/** Every end closes what is open, and ends in `finish`: a chat takes a stream that ends without for one that has succeeded. */
function writeEnd(
  writer: ChunkWriter,
  event: 'completed' | 'failed' | 'aborted',
  end: Readonly<Record<string, unknown>>,
): void {
  writer.close();
  switch (event) {
    case 'completed':
      return writer.finish(finishReasonOf(writer.state.finishReason, 'stop'));
    case 'failed':
      writer.put({ type: 'error', errorText: String(end.message ?? end.code) });
      return writer.finish('error');
    case 'aborted':
      writer.put({ type: 'abort', reason: String(end.reason ?? end.code) });
      return writer.finish(writer.dialect.version === 7 ? 'interrupted' : 'other');
    default:
      event satisfies never;
  }
}
