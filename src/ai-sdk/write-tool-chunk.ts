/** One chunk about a call of a tool on its way to a page. */
import type { ChunkWriter } from './chunk-writer.js';
import type { PageCall, PageState } from './page-state.js';
import type { UIChunk } from './ui-chunk.js';

/** A refused call has this for an error where the page can't be told who refused it, and why is not known. */
export const DENIED = 'The call was denied.';

export function writeToolChunk(writer: ChunkWriter, chunk: UIChunk, put: () => void): void {
  const id = chunk.toolCallId as string;
  const call = writer.state.calls.get(id);
  switch (chunk.type) {
    case 'tool-input-start':
      put();
      return writer.change((state) => setCall(state, chunk, { state: 'input-streaming' }));
    case 'tool-input-delta':
      if (call === undefined ? writer.state.knowsAll : call.state !== 'input-streaming') return;
      put();
      return writer.change((state) => extend(state, chunk));
    case 'tool-input-available':
      put();
      return writer.change((state) =>
        setCall(state, chunk, { state: 'input-available', input: chunk.input }),
      );
    case 'tool-input-error':
      put();
      return writer.change((state) => setCall(state, chunk, { state: 'output-error', input: chunk.input }));
    case 'tool-approval-response':
      if ([...writer.state.calls.values()].some(({ approvalId }) => approvalId === chunk.approvalId)) put();
      return;
    default:
      if (call !== undefined || !writer.state.knowsAll) writeResult(writer, chunk, put);
  }
}

function writeResult(writer: ChunkWriter, chunk: UIChunk, put: () => void): void {
  const { toolCallId, type, approvalId } = chunk;
  const { state, dialect } = writer;
  if (type === 'tool-output-denied' && dialect.version === 6 && !dialect.isContinuation) {
    // Only the page that has refused has what a message of the 6 line needs beside it.
    const errorText = state.calls.get(toolCallId as string)?.refusal ?? DENIED;
    writer.put({ type: 'tool-output-error', toolCallId, errorText });
  } else put();
  writer.change(({ calls }) => {
    const call = calls.get(toolCallId as string);
    if (call === undefined) return;
    call.state = type === 'tool-approval-request' ? 'approval-requested' : 'over';
    delete call.rawInput;
    if (typeof approvalId === 'string') call.approvalId = approvalId;
  });
}

function setCall(
  state: PageState,
  { toolCallId, toolName, dynamic }: UIChunk,
  said: Pick<PageCall, 'state' | 'input'>,
): void {
  const { approvalId, refusal } = state.calls.get(toolCallId as string) ?? {};
  state.calls.set(toolCallId as string, {
    ...(dynamic === true
      ? { type: 'dynamic-tool', toolName: toolName as string }
      : { type: `tool-${toolName}` }),
    ...(approvalId !== undefined && { approvalId }),
    ...(refusal !== undefined && { refusal }),
    ...said,
  });
  state.hasParts = true;
}

function extend({ calls }: PageState, { toolCallId, inputTextDelta }: UIChunk): void {
  const call = calls.get(toolCallId as string);
  if (call !== undefined) call.rawInput = `${call.rawInput ?? ''}${inputTextDelta}`;
}
