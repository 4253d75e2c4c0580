/**
 * One chunk's change to a UI message, as the AI SDK's own chat makes it. A chunk that its chat would refuse, a delta of
 * nothing that is open or an output of no call, is as if it were not there; so is every chunk of a kind that is not known.
 */
import { type Fields, fieldsOf } from '../stream/model/fields.js';
import type { OpenPart, OwnUIMessage, OwnUIPart } from './ui-message-content.js';
import { mergedMetadata } from './ui-message-metadata.js';
import { foldToolChunk } from './ui-message-tools.js';

export function foldChunk(message: OwnUIMessage, data: unknown): void {
  const chunk = fieldsOf(data);
  const { type } = chunk;
  if (typeof type !== 'string' || message.errorText !== undefined) return;
  if (type.startsWith('tool-')) return foldToolChunk(message, type, chunk);
  if (type.startsWith('data-')) return foldData(message, type, chunk);
  switch (type) {
    case 'text-start':
    case 'reasoning-start':
      return openPart(message, type === 'text-start' ? 'text' : 'reasoning', chunk);
    case 'text-delta':
    case 'reasoning-delta':
      return extendPart(message, type === 'text-delta' ? 'text' : 'reasoning', chunk);
    case 'text-end':
    case 'reasoning-end':
      return endPart(message, type === 'text-end' ? 'text' : 'reasoning', chunk);
    case 'source-url':
    case 'source-document':
    case 'file':
    case 'reasoning-file':
    case 'custom':
    case 'steering-message':
      message.parts.push({ ...chunk, type });
      return;
    default:
      return foldFrame(message, type, chunk);
  }
}

/** Folds what frames the parts: the message and its steps. */
function foldFrame(message: OwnUIMessage, type: string, chunk: Fields): void {
  switch (type) {
    case 'start':
      if (typeof chunk.messageId === 'string') message.id ??= chunk.messageId;
      break;
    case 'start-step':
      message.parts.push({ type: 'step-start' });
      message.inStep = true;
      return;
    case 'finish-step':
      delete message.inStep;
      return;
    case 'reset-step':
      return resetStep(message);
    case 'finish':
      if (typeof chunk.finishReason === 'string') message.finishReason = chunk.finishReason;
      break;
    case 'error':
      message.errorText = typeof chunk.errorText === 'string' ? chunk.errorText : '';
      return;
    case 'message-metadata':
      break;
    default:
      return;
  }
  const { messageMetadata } = chunk;
  if (messageMetadata === undefined || messageMetadata === null) return;
  message.metadata = mergedMetadata(message.metadata, messageMetadata);
}

function openPart(message: OwnUIMessage, type: 'text' | 'reasoning', { id, providerMetadata }: Fields): void {
  if (typeof id !== 'string') return;
  const open = (message.open ?? []).filter((one) => !isNamed(message, one, type, id));
  message.open = [...open, { id, part: message.parts.length }];
  message.parts.push({
    type,
    ...(type === 'reasoning' && { id }),
    text: '',
    ...(providerMetadata !== undefined && { providerMetadata }),
    state: 'streaming',
  });
}

function extendPart(message: OwnUIMessage, type: 'text' | 'reasoning', chunk: Fields): void {
  const part = opened(message, type, chunk.id);
  if (part === undefined || typeof chunk.delta !== 'string') return;
  part.text = (part.text as string) + chunk.delta;
  if (chunk.providerMetadata !== undefined) part.providerMetadata = chunk.providerMetadata;
}

function endPart(message: OwnUIMessage, type: 'text' | 'reasoning', chunk: Fields): void {
  const part = opened(message, type, chunk.id);
  if (part === undefined) return;
  part.state = 'done';
  if (chunk.providerMetadata !== undefined) part.providerMetadata = chunk.providerMetadata;
  if (chunk.citations !== undefined) part.citations = chunk.citations;
  const open = (message.open ?? []).filter((one) => !isNamed(message, one, type, chunk.id));
  if (open.length > 0) message.open = open;
  else delete message.open;
}

function opened(message: OwnUIMessage, type: 'text' | 'reasoning', id: unknown): OwnUIPart | undefined {
  const found = message.open?.find((one) => isNamed(message, one, type, id));
  return found && message.parts[found.part];
}

/** A text and a reasoning may have one name. */
function isNamed(message: OwnUIMessage, { id, part }: OpenPart, type: string, name: unknown): boolean {
  return id === name && message.parts[part]?.type === type;
}

/** A part of data with an id stands once, with the newest data; what is transient stands nowhere. */
function foldData(message: OwnUIMessage, type: string, chunk: Fields): void {
  if (chunk.transient === true) return;
  const { id } = chunk;
  const known = typeof id === 'string' && message.parts.find((part) => part.type === type && part.id === id);
  if (known) known.data = chunk.data;
  else message.parts.push({ ...chunk, type });
}

/** Takes back all parts of the current step, which the AI SDK 7 can. */
function resetStep(message: OwnUIMessage): void {
  const start = message.parts.findLastIndex(({ type }) => type === 'step-start');
  message.parts.length = start + 1;
  delete message.open;
}
