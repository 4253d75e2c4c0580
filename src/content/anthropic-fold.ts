/**
 * One event's change to a message. The shapes are those that Anthropic's own accumulator ends with. Unlike there, arguments are parsed
 * once, when they are whole: until then their text is kept as it is.
 */

import { type Fields, fieldsOf, indexOf, wordOf } from '../stream/model/fields.js';
import { isObject, parsedJson } from '../stream/model/plain-values.js';
import type { AnthropicContent } from './anthropic-content.js';
import { append, assign, grow, insertionPlace, type Own, ownCopy, placeOf } from './growing.js';

/** The same content as its fold may change it. */
interface OwnMessages {
  readonly messages: OwnMessage[];
  readonly bookkeeping: { blocks: number[] };
}
type OwnMessage = Own & { id: string; content: OwnBlock[]; stop_reason: string | null; usage?: unknown };
type OwnBlock = Own & { type: string };

const CALLS = ['tool_use', 'server_tool_use', 'mcp_tool_use'];

export function foldAnthropicEvent(content: AnthropicContent, data: unknown): void {
  const event = fieldsOf(data);
  const own = content as unknown as OwnMessages;
  if (event.type === 'message_start') return begin(own, event.message);
  const message = own.messages.at(-1);
  if (message === undefined) return;
  const { blocks } = own.bookkeeping;
  switch (event.type) {
    case 'message_delta':
      return foldMessageDelta(message, event);
    case 'content_block_start':
      return startBlock(message, blocks, event);
    case 'content_block_delta': {
      const block = blockOf(message, blocks, event);
      return block && foldBlockDelta(block, fieldsOf(event.delta));
    }
    case 'content_block_stop': {
      const block = blockOf(message, blocks, event);
      return block && stopBlock(block);
    }
    default:
      return;
  }
}

/** A message begins, or begins anew where its stream is replayed. */
function begin(own: OwnMessages, given: unknown): void {
  if (!isObject(given)) return;
  const { id, stop_reason, content: _, ...rest } = ownCopy(given);
  const message = { id: wordOf(id) ?? '', content: [], stop_reason: wordOf(stop_reason) ?? null };
  assign(message, rest);
  const newest = own.messages.at(-1);
  if (newest !== undefined && newest.id !== '' && newest.id === message.id) own.messages.pop();
  own.messages.push(message);
  own.bookkeeping.blocks = [];
}

function foldMessageDelta(message: OwnMessage, { type: _, delta, usage, ...rest }: Fields): void {
  const { stop_reason, container, ...more } = fieldsOf(delta);
  assign(message, more, ['id', 'content']);
  if (container !== null && container !== undefined) message.container = container;
  message.stop_reason = wordOf(stop_reason) ?? message.stop_reason;
  // Whole-message news beside the delta, such as what was done to the context.
  assign(message, known(rest), ['id', 'content', 'usage', 'stop_reason']);
  if (!isObject(usage)) return;
  if (!isObject(message.usage)) message.usage = {};
  assign(message.usage as Own, known(usage));
}

/** Leaves out what is null: it has not changed. */
function known(fields: Fields): Fields {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== null && value !== undefined),
  );
}

function startBlock({ content }: OwnMessage, blocks: number[], event: Fields): void {
  const index = indexOf(event.index);
  const block = ownCopy(event.content_block);
  if (index === undefined || typeof block.type !== 'string') return;
  const known = placeOf(blocks, index);
  const place = known >= 0 ? known : insertionPlace(blocks, index);
  content.splice(place, known >= 0 ? 1 : 0, block as OwnBlock);
  if (known < 0) blocks.splice(place, 0, index);
}

function blockOf({ content }: OwnMessage, blocks: readonly number[], event: Fields): OwnBlock | undefined {
  const index = indexOf(event.index);
  return index === undefined ? undefined : content[placeOf(blocks, index)];
}

function foldBlockDelta(block: OwnBlock, delta: Fields): void {
  switch (delta.type) {
    case 'text_delta':
      if (block.type === 'text') grow(block, 'text', delta.text);
      return;
    case 'thinking_delta':
      if (block.type === 'thinking') grow(block, 'thinking', delta.thinking);
      return;
    case 'signature_delta':
      if (block.type === 'thinking' && typeof delta.signature === 'string') block.signature = delta.signature;
      return;
    case 'citations_delta':
      if (block.type === 'text' && isObject(delta.citation)) append(block, 'citations', [delta.citation]);
      return;
    case 'input_json_delta':
      if (CALLS.includes(block.type)) grow(block, 'partial_json', delta.partial_json);
      return;
    case 'compaction_delta':
      if (block.type === 'compaction') assign(block, delta, ['type']);
      return;
    default:
      return;
  }
}

/** The arguments are whole; what is no JSON after all stays the text that it is. */
function stopBlock(block: OwnBlock): void {
  if (typeof block.partial_json !== 'string') return;
  const input = parsedJson(block.partial_json);
  if (input === undefined) return;
  block.input = input;
  delete block.partial_json;
}
