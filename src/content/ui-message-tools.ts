/**
 * The calls of tools in a UI message. A tool input that streams is kept as the text it has come to, `rawInput`: reading it
 * as JSON at each piece would make a long input cost its square, and whoever shows it reads it anyway.
 */
import type { Fields } from '../stream/model/fields.js';
import { isToolPart, type OwnUIMessage, type OwnUIPart } from './ui-message-content.js';

export function foldToolChunk(message: OwnUIMessage, type: string, chunk: Fields): void {
  const { toolCallId: id } = chunk;
  if (type === 'tool-approval-response') return foldResponse(message, chunk);
  if (typeof id !== 'string') return;
  switch (type) {
    case 'tool-input-start':
      return startInput(message, id, chunk);
    case 'tool-input-delta':
      return extendInput(message, id, chunk);
    case 'tool-input-available':
      return setInput(message, id, chunk);
    case 'tool-input-error':
      return failInput(message, id, chunk);
    default: {
      const part = callOf(message, id);
      if (part) foldResult(part, type, chunk);
    }
  }
}

/** Returns the call of this id: that of the current step, else the newest. */
export function callOf(message: OwnUIMessage, id: string): OwnUIPart | undefined {
  return inStep(message, id, isToolPart) ?? message.parts.findLast((part) => isCall(part, id));
}

function isCall(part: OwnUIPart, id: string): boolean {
  return part.toolCallId === id && isToolPart(part);
}

function inStep(
  { parts }: OwnUIMessage,
  id: string,
  isKind: (part: OwnUIPart) => boolean,
): OwnUIPart | undefined {
  let found: OwnUIPart | undefined;
  for (let place = parts.length - 1; place >= 0; place--) {
    const part = parts[place] as OwnUIPart;
    if (part.type === 'step-start') break;
    if (isKind(part) && part.toolCallId === id) found = part;
  }
  return found;
}

const isDynamic = ({ type }: OwnUIPart): boolean => type === 'dynamic-tool';
const isStatic = (part: OwnUIPart): boolean => isToolPart(part) && !isDynamic(part);

/** Returns the part of a call that has yet to get its input, made if need be. */
function partFor(message: OwnUIMessage, id: string, chunk: Fields): OwnUIPart | undefined {
  const { toolName, dynamic } = chunk;
  if (typeof toolName !== 'string') return undefined;
  const known = inStep(message, id, dynamic ? isDynamic : isStatic);
  const part = known ?? { type: 'dynamic-tool', toolCallId: id };
  if (dynamic) part.toolName = toolName;
  else part.type = `tool-${toolName}`;
  if (known === undefined) message.parts.push(part);
  return part;
}

/** Sets what an input or a result says beside itself; of the result, the metadata has a field of its own. */
function describe(part: OwnUIPart, chunk: Fields, metadata: string): void {
  const { title, toolMetadata, providerExecuted, providerMetadata } = chunk;
  if (title !== undefined) part.title = title;
  if (toolMetadata !== undefined) part.toolMetadata = toolMetadata;
  if (providerExecuted !== undefined && providerExecuted !== null) part.providerExecuted = providerExecuted;
  if (providerMetadata !== undefined && providerMetadata !== null) part[metadata] = providerMetadata;
}

/** Takes from a part what belongs to the state it has been in. */
function clear(part: OwnUIPart, ...fields: readonly string[]): void {
  for (const field of fields) delete part[field];
}

function startInput(message: OwnUIMessage, id: string, chunk: Fields): void {
  const part = partFor(message, id, chunk);
  if (part === undefined) return;
  clear(part, 'input', 'rawInput', 'output', 'errorText', 'preliminary', 'inputEncoding');
  part.state = 'input-streaming';
  if (chunk.inputEncoding !== undefined) part.inputEncoding = chunk.inputEncoding;
  describe(part, chunk, 'callProviderMetadata');
}

function extendInput(message: OwnUIMessage, id: string, { inputTextDelta }: Fields): void {
  const part = inStep(message, id, isToolPart) ?? callOf(message, id);
  if (part?.state !== 'input-streaming' || typeof inputTextDelta !== 'string') return;
  part.rawInput = ((part.rawInput as string | undefined) ?? '') + inputTextDelta;
}

function setInput(message: OwnUIMessage, id: string, chunk: Fields): void {
  const part = partFor(message, id, chunk);
  if (part === undefined) return;
  clear(part, 'rawInput', 'output', 'errorText', 'preliminary', 'inputEncoding');
  part.state = 'input-available';
  part.input = chunk.input;
  describe(part, chunk, 'callProviderMetadata');
}

function failInput(message: OwnUIMessage, id: string, chunk: Fields): void {
  const known = inStep(message, id, isToolPart);
  const dynamic = known ? isDynamic(known) : chunk.dynamic === true;
  const { title: _, ...said } = chunk;
  const part = partFor(message, id, { ...chunk, dynamic });
  if (part === undefined) return;
  clear(part, 'input', 'rawInput', 'output', 'preliminary', 'inputEncoding');
  part.state = 'output-error';
  part[dynamic ? 'input' : 'rawInput'] = chunk.input;
  part.errorText = chunk.errorText;
  describe(part, said, 'resultProviderMetadata');
}

function foldResult(part: OwnUIPart, type: string, chunk: Fields): void {
  switch (type) {
    case 'tool-approval-request':
      part.state = 'approval-requested';
      part.approval = {
        id: chunk.approvalId,
        ...(isThere(chunk.approvalDescriptor) && { descriptor: chunk.approvalDescriptor }),
        ...(isThere(chunk.reason) && { requestReason: chunk.reason }),
        ...(chunk.isAutomatic === true && { isAutomatic: true }),
        ...(chunk.inputSchemaInput !== undefined && { inputSchemaInput: chunk.inputSchemaInput }),
        ...(isThere(chunk.signature) && { signature: chunk.signature }),
      };
      return;
    case 'tool-output-available':
      clear(part, 'rawInput', 'errorText', 'preliminary', 'inputEncoding');
      part.state = 'output-available';
      part.output = chunk.output;
      if (chunk.preliminary !== undefined) part.preliminary = chunk.preliminary;
      return describe(part, { ...chunk, title: undefined }, 'resultProviderMetadata');
    case 'tool-output-error':
      clear(part, 'output', 'preliminary', 'inputEncoding');
      if (isDynamic(part)) clear(part, 'rawInput');
      part.state = 'output-error';
      part.errorText = chunk.errorText;
      return describe(part, { ...chunk, title: undefined }, 'resultProviderMetadata');
    case 'tool-output-denied':
      part.state = 'output-denied';
      return;
    default:
      return;
  }
}

/** The AI SDK 7 tells a decision by the approval's id. */
function foldResponse(message: OwnUIMessage, chunk: Fields): void {
  const { approvalId, approved, reason, providerExecuted, providerMetadata } = chunk;
  const part = message.parts.find((one) => isToolPart(one) && idOfApproval(one) === approvalId);
  if (part === undefined || typeof approvalId !== 'string') return;
  part.state = 'approval-responded';
  part.approval = { ...(part.approval as Fields), approved, ...(isThere(reason) && { reason }) };
  describe(part, { providerExecuted, providerMetadata }, 'callProviderMetadata');
}

function idOfApproval({ approval }: OwnUIPart): unknown {
  return (approval as Fields | undefined)?.id;
}

function isThere(value: unknown): boolean {
  return value !== undefined && value !== null;
}
