/**
 * One chunk's change to a completion. The shapes are those that OpenAI's own accumulator ends with; what is not as expected is as if
 * it were not there. Beyond that accumulator, text of reasoning grows like the answer's (`reasoning_content`, `reasoning`), and calls
 * that a server sends under one index but with ids of their own stay calls of their own.
 */

import { type Fields, fieldsOf, indexOf, listOf, wordOf } from '../stream/model/fields.js';
import { isObject } from '../stream/model/plain-values.js';
import type { ChatCompletionsContent } from './chat-completions-content.js';
import { append, assign, grow, insertionPlace, type Own, placeOf } from './growing.js';

/** Fields of a delta that hold pieces of text. */
export const TEXTS = ['content', 'refusal', 'reasoning_content', 'reasoning'];

/** The same content as its fold may change it. */
interface OwnChat {
  readonly completions: OwnCompletion[];
  readonly bookkeeping: { calls: number[][] };
}
type OwnCompletion = Own & { id: string; choices: OwnChoice[] };
type OwnChoice = Own & { index: number; finish_reason: string | null; message: Own };

export function foldChunk(content: ChatCompletionsContent, data: unknown): void {
  const chunk = fieldsOf(data);
  if (!Array.isArray(chunk.choices)) return;
  const own = content as unknown as OwnChat;
  const newest = own.completions.at(-1);
  const completion = newest === undefined || isOfAnother(newest, chunk) ? begin(own, chunk) : newest;
  // A chunk without an id says something of the answer, such as what a filter thinks of it, and nothing of the completion.
  if (wordOf(chunk.id) !== undefined)
    assign(completion, knownIn(chunk), ['choices', 'object', 'obfuscation']);
  for (const choice of listOf(chunk.choices)) foldChoice(completion, own.bookkeeping.calls, choice);
}

function begin(own: OwnChat, chunk: Fields): OwnCompletion {
  const completion = { id: '', object: 'chat.completion', choices: [] };
  assign(completion, knownIn(chunk), ['choices', 'object', 'obfuscation']);
  own.completions.push(completion);
  own.bookkeeping.calls = [];
  return completion;
}

/** Tokens that a chunk does not tell of are null in it. */
function knownIn(chunk: Fields): Fields {
  const { usage, id, ...rest } = chunk;
  return {
    ...rest,
    ...(typeof id === 'string' && { id }),
    ...(usage !== null && usage !== undefined && { usage }),
  };
}

/**
 * Says whether a chunk begins another completion: by its id, or, from servers that give all the same, by its speaking up again in a
 * choice that is finished.
 */
function isOfAnother({ id, choices }: OwnCompletion, chunk: Fields): boolean {
  const other = wordOf(chunk.id);
  if (other !== undefined && wordOf(id) !== undefined && other !== id) return true;
  return listOf(chunk.choices).some(({ index, delta, finish_reason }) => {
    if (wordOf(fieldsOf(delta).role) === undefined || typeof finish_reason === 'string') return false;
    return choices.some((choice) => choice.index === index && choice.finish_reason !== null);
  });
}

function foldChoice({ choices }: OwnCompletion, calls: number[][], piece: Fields): void {
  const { index: given, delta, finish_reason, logprobs, ...rest } = piece;
  const index = indexOf(given);
  if (index === undefined) return;
  const place = placeOfChoice(choices, calls, index);
  const choice = choices[place] as OwnChoice;
  if (wordOf(finish_reason) !== undefined) choice.finish_reason = finish_reason as string;
  foldLogprobs(choice, fieldsOf(logprobs));
  assign(choice, rest, ['message']);
  foldDelta(choice.message, calls[place] as number[], fieldsOf(delta));
}

function placeOfChoice(choices: OwnChoice[], calls: number[][], index: number): number {
  const known =
    choices.at(-1)?.index === index ? choices.length - 1 : choices.findIndex((one) => one.index === index);
  if (known >= 0) return known;
  const place = insertionPlace(
    choices.map((one) => one.index),
    index,
  );
  const message = { role: 'assistant', content: null, refusal: null };
  choices.splice(place, 0, { index, message, finish_reason: null, logprobs: null });
  calls.splice(place, 0, []);
  return place;
}

function foldDelta(message: Own, indexes: number[], delta: Fields): void {
  const { role, tool_calls, function_call, audio, ...rest } = delta;
  if (wordOf(role) !== undefined) message.role = role;
  for (const field of TEXTS) grow(message, field, rest[field]);
  assign(message, rest, [...TEXTS, 'annotations']);
  append(message, 'annotations', rest.annotations);
  if (isObject(function_call)) foldNamed(message, 'function_call', function_call, 'arguments');
  foldAudio(message, fieldsOf(audio));
  for (const call of listOf(tool_calls)) foldCall(message, indexes, call);
}

/** A call of a function, or an input of a custom tool: the name as it was said last, the text as it grows. */
function foldNamed(holder: Own, field: string, piece: Fields, text: string): void {
  holder[field] ??= { name: '', [text]: '' };
  const named = holder[field] as Own;
  const { [text]: more, name, ...rest } = piece;
  assign(named, rest);
  if (wordOf(name) !== undefined) named.name = name;
  grow(named, text, more);
}

function foldCall(
  message: Own,
  indexes: number[],
  { index: given, id, type, function: fn, custom, ...rest }: Fields,
): void {
  const index = indexOf(given) ?? Math.max(0, indexes.length - 1);
  message.tool_calls ??= [];
  const calls = message.tool_calls as Own[];
  let place = placeOf(indexes, index);
  const isNew =
    place < 0 ||
    (wordOf(id) !== undefined && wordOf(calls[place]?.id) !== undefined && calls[place]?.id !== id);
  if (isNew) {
    place = insertionPlace(indexes, index);
    indexes.splice(place, 0, index);
    calls.splice(place, 0, { id: '', type: 'function' });
  }
  const call = calls[place] as Own;
  assign(call, rest);
  if (wordOf(id) !== undefined) call.id = id;
  if (wordOf(type) !== undefined) call.type = type;
  if (isObject(fn)) foldNamed(call, 'function', fn, 'arguments');
  if (isObject(custom)) foldNamed(call, 'custom', custom, 'input');
}

/** Sound is not kept: it would be as much again with each snapshot. What was said in it is. */
function foldAudio(message: Own, { data: _, transcript, ...rest }: Fields): void {
  if (transcript === undefined && Object.keys(rest).length === 0) return;
  message.audio ??= {};
  assign(message.audio as Own, rest);
  grow(message.audio as Own, 'transcript', transcript);
}

function foldLogprobs(choice: OwnChoice, { content, refusal, ...rest }: Fields): void {
  if (content === undefined && refusal === undefined) return;
  choice.logprobs ??= { content: null, refusal: null };
  const own = choice.logprobs as Own;
  assign(own, rest);
  append(own, 'content', content);
  append(own, 'refusal', refusal);
}
