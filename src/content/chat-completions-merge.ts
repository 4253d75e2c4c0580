/**
 * One chunk for two neighbours: pieces of one choice's text, or of one call's arguments. Only chunks that say the same beside their
 * piece are merged; the padding with which OpenAI hides how long they are (`obfuscation`) goes.
 */

import { type Fields, fieldsOf } from '../stream/model/fields.js';
import { isObject } from '../stream/model/plain-values.js';
import { TEXTS } from './chat-completions-fold.js';
import { isAlike, without } from './growing.js';

const PADDING = ['choices', 'obfuscation'];
/** Fields of a delta that hold more of something each time. */
const LISTS = ['annotations', 'function_call', 'audio'];

export function mergedChunks(earlier: unknown, later: unknown): Fields | null {
  if (!isObject(earlier) || !isObject(later)) return null;
  if (!isAlike(without(earlier, PADDING), without(later, PADDING))) return null;
  const [first, second] = [onlyChoice(earlier), onlyChoice(later)];
  if (first === undefined || second === undefined) return null;
  if (!isAlike(without(first, ['delta']), without(second, ['delta']))) return null;
  // The end of a choice, and what was likely in it, stay where they are.
  if (isSaid(first.finish_reason) || isSaid(first.logprobs)) return null;
  const delta = mergedDelta(fieldsOf(first.delta), fieldsOf(second.delta));
  return delta && { ...without(earlier, ['obfuscation']), choices: [{ ...first, delta }] };
}

function mergedDelta(first: Fields, second: Fields): Fields | null {
  const field = Object.keys(second).find(
    (name) => isPiece(name) && isSaid(second[name]) && second[name] !== '',
  );
  if (field === undefined || !saysNoMore(second, first, field)) return null;
  const piece =
    field === 'tool_calls' ? mergedCalls(first[field], second[field]) : joined(first[field], second[field]);
  return piece === null ? null : { ...first, [field]: piece };
}

/** Says whether the later delta, but for its piece, only repeats the earlier one. */
function saysNoMore(later: Fields, earlier: Fields, field: string): boolean {
  return Object.entries(later).every(([name, value]) => {
    if (name === field) return true;
    if (isPiece(name)) return !isSaid(value) || value === '';
    return !LISTS.includes(name) && Object.hasOwn(earlier, name) && isAlike(earlier[name], value);
  });
}

function isPiece(name: string): boolean {
  return name === 'tool_calls' || TEXTS.includes(name);
}

function mergedCalls(earlier: unknown, later: unknown): readonly Fields[] | null {
  const [call, next] = [onlyOne(earlier), onlyOne(later)];
  if (call === undefined || next === undefined || call.index !== next.index) return null;
  if (!Number.isInteger(call.index) || !hasOnly(next, ['index', 'function'])) return null;
  const [fn, args] = [call.function, next.function];
  if (!isObject(fn) || !isObject(args) || !hasOnly(args, ['arguments'])) return null;
  const text = joined(fn.arguments, args.arguments);
  return text === null ? null : [{ ...call, function: { ...fn, arguments: text } }];
}

function joined(head: unknown, tail: unknown): string | null {
  return typeof head === 'string' && typeof tail === 'string' ? head + tail : null;
}

function onlyChoice({ choices }: Fields): Fields | undefined {
  const choice = onlyOne(choices);
  return choice !== undefined && Number.isInteger(choice.index) ? choice : undefined;
}

function onlyOne(list: unknown): Fields | undefined {
  return Array.isArray(list) && list.length === 1 && isObject(list[0]) ? list[0] : undefined;
}

function hasOnly(fields: Fields, names: readonly string[]): boolean {
  return Object.keys(fields).every((name) => names.includes(name));
}

function isSaid(value: unknown): boolean {
  return value !== null && value !== undefined;
}
