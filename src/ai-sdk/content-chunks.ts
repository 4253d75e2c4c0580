/**
 * A content becomes chunks for a page that has not seen it grow: one delta a part, in the order in which they stand. A fresh chat
 * that reads this has the message that it would have after all the chunks the content was folded from.
 */
import { toolOf } from '../content/ui-message-actions.js';
import {
  isTextPart,
  isToolPart,
  type UIMessageContent,
  type UIMessagePart,
} from '../content/ui-message-content.js';
import type { UIChunk, UIVersion } from './ui-chunk.js';
import { DENIED } from './write-tool-chunk.js';

const SINCE_7 = new Set(['custom', 'reasoning-file', 'steering-message']);

/** Makes the chunks of the parts of a content, from the part at `from` on. */
export function chunksOfParts(content: UIMessageContent, version: UIVersion, from = 0): readonly UIChunk[] {
  const openIds = new Map((content.open ?? []).map(({ id, part }) => [part, id]));
  const taken = new Set(openIds.values());
  const chunks: UIChunk[] = [];
  let inStep = false;
  let hasOpenText = false;
  const endStep = () => {
    if (inStep && (version === 7 || !hasOpenText)) chunks.push({ type: 'finish-step' });
    inStep = false;
  };
  for (const [place, part] of content.parts.entries()) {
    if (place < from) continue;
    if (part.type === 'step-start') {
      endStep();
      chunks.push({ type: 'start-step' });
      inStep = true;
    } else if (isTextPart(part)) {
      const openId = openIds.get(place);
      hasOpenText ||= openId !== undefined;
      chunks.push(...textChunks(part, openId ?? closedId(part, place, taken), openId !== undefined));
    } else if (isToolPart(part)) chunks.push(...callChunks(part, version));
    else if (version === 7 || !SINCE_7.has(part.type)) chunks.push(part);
  }
  if (content.inStep !== true) endStep();
  return chunks;
}

/** A part that is closed needs an id that is not that of an open one; a reasoning keeps its own. */
function closedId(part: UIMessagePart, place: number, taken: ReadonlySet<string>): string {
  if (typeof part.id === 'string') return part.id;
  let id = String(place);
  while (taken.has(id)) id += '_';
  return id;
}

function textChunks(part: UIMessagePart, id: string, isOpen: boolean): UIChunk[] {
  const { type, text, providerMetadata, citations } = part;
  return [
    { type: `${type}-start`, id, ...(providerMetadata !== undefined && { providerMetadata }) },
    ...(text === '' ? [] : [{ type: `${type}-delta`, id, delta: text }]),
    ...(isOpen ? [] : [{ type: `${type}-end`, id, ...(citations !== undefined && { citations }) }]),
  ];
}

function callChunks(part: UIMessagePart, version: UIVersion): UIChunk[] {
  return [...inputChunks(part), ...approvalChunks(part, version), ...outcomeChunks(part, version)];
}

function inputChunks(part: UIMessagePart): UIChunk[] {
  const { toolCallId, title, toolMetadata, providerExecuted, callProviderMetadata, inputEncoding } = part;
  const call = {
    ...{ toolCallId, ...toolOf(part) },
    ...(providerExecuted !== undefined && { providerExecuted }),
    ...(callProviderMetadata !== undefined && { providerMetadata: callProviderMetadata }),
    ...(toolMetadata !== undefined && { toolMetadata }),
    ...(title !== undefined && { title }),
  };
  const start = { type: 'tool-input-start', ...call, ...(inputEncoding !== undefined && { inputEncoding }) };
  if (isFailedInput(part)) return [start];
  if (part.state !== 'input-streaming')
    return [{ type: 'tool-input-available', ...call, input: part.input ?? null }];
  const { rawInput } = part;
  if (typeof rawInput !== 'string') return [start];
  return [start, { type: 'tool-input-delta', toolCallId, inputTextDelta: rawInput }];
}

/** Says whether a call has failed before its input was whole. That of a dynamic tool looks the same either way. */
function isFailedInput(part: UIMessagePart): boolean {
  return part.state === 'output-error' && (part.type === 'dynamic-tool' || part.input === undefined);
}

function approvalChunks(part: UIMessagePart, version: UIVersion): UIChunk[] {
  const { toolCallId, state } = part;
  const approval = part.approval as Readonly<Record<string, unknown>> | undefined;
  if (approval === undefined) return [];
  const { id, approved, reason, descriptor, requestReason, isAutomatic, inputSchemaInput, signature } =
    approval;
  // The 6 line has no way to tell a decision, and an approval without one is no message that it takes back.
  if (version === 6 && (approved !== undefined || state !== 'approval-requested')) return [];
  const request = {
    ...{ type: 'tool-approval-request', approvalId: id, toolCallId },
    ...(descriptor !== undefined && { approvalDescriptor: descriptor }),
    ...(requestReason !== undefined && { reason: requestReason }),
    ...(isAutomatic !== undefined && { isAutomatic }),
    ...(inputSchemaInput !== undefined && { inputSchemaInput }),
    ...(signature !== undefined && { signature }),
  };
  if (approved === undefined) return [request];
  const response = { type: 'tool-approval-response', approvalId: id, approved };
  return [request, { ...response, ...(reason !== undefined && { reason }) }];
}

/** Makes the chunk of what came of a call; none while nothing has. */
function outcomeChunks(part: UIMessagePart, version: UIVersion, isContinuation = false): UIChunk[] {
  const { toolCallId, state, output, errorText, preliminary, resultProviderMetadata } = part;
  const said = {
    toolCallId,
    ...(resultProviderMetadata !== undefined && { providerMetadata: resultProviderMetadata }),
  };
  switch (state) {
    case 'output-available': {
      const available = { type: 'tool-output-available', ...said, output: output ?? null };
      return [{ ...available, ...(preliminary !== undefined && { preliminary }) }];
    }
    case 'output-error': {
      if (!isFailedInput(part)) return [{ type: 'tool-output-error', ...said, errorText }];
      const input = part.type === 'dynamic-tool' ? part.input : part.rawInput;
      return [{ type: 'tool-input-error', ...said, ...toolOf(part), input: input ?? null, errorText }];
    }
    case 'output-denied':
    case 'approval-responded':
      return refusalChunks(part, version, isContinuation);
    default:
      return [];
  }
}

function refusalChunks(part: UIMessagePart, version: UIVersion, isContinuation: boolean): UIChunk[] {
  const { toolCallId, state } = part;
  const approval = part.approval as { readonly approved?: unknown; readonly reason?: unknown } | undefined;
  if (version === 7 || isContinuation)
    return state === 'output-denied' ? [{ type: 'tool-output-denied', toolCallId }] : [];
  if (state === 'approval-responded' && approval?.approved !== false) return [];
  const errorText = typeof approval?.reason === 'string' ? approval.reason : DENIED;
  return [{ type: 'tool-output-error', toolCallId, errorText }];
}

/**
 * Makes the chunks that tell a page which has the message up to a pause what came of the calls that were decided there:
 * the inputs they went on with, the decisions where they can be told, and the outcomes.
 */
export function chunksOfDecision(
  content: UIMessageContent,
  version: UIVersion,
  pause: {
    readonly parts: number;
    readonly isOf: (part: UIMessagePart) => boolean;
    readonly edited: readonly string[];
  },
): readonly UIChunk[] {
  return content.parts.slice(0, pause.parts).flatMap((part) => {
    if (!isToolPart(part) || !pause.isOf(part)) return [];
    const { toolCallId, input, approval } = part;
    const edited = pause.edited.includes(String(toolCallId))
      ? [{ type: 'tool-input-available', toolCallId, ...toolOf(part), input: input ?? null }]
      : [];
    const { id, approved, reason } = (approval ?? {}) as Readonly<Record<string, unknown>>;
    const response = { type: 'tool-approval-response', approvalId: id, approved };
    const told =
      version === 7 && approved !== undefined
        ? [{ ...response, ...(reason !== undefined && { reason }) }]
        : [];
    return [...edited, ...told, ...outcomeChunks(part, version, true)];
  });
}
