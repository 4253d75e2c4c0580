/**
 * One event for two neighbours: pieces of the same text, or of the same call's arguments. Only events that hold nothing
 * but the piece are merged, so nothing a follower would have seen is lost; of a sub-agent's updates the later one's time
 * and label stand for both.
 */

import { type Fields, fieldsOf, wordOf } from '../stream/model/fields.js';
import { isObject } from '../stream/model/plain-values.js';

interface Emitted {
  readonly event: string;
  readonly data: unknown;
}

export function mergedEvents(earlier: Emitted, later: Emitted): { event: string; data: unknown } | null {
  const { event } = later;
  if (earlier.event !== event || !isObject(earlier.data) || !isObject(later.data)) return null;
  const data =
    event === 'on_subagent_update'
      ? mergedUpdates(earlier.data, later.data)
      : mergedData(event, earlier.data, later.data);
  return data === null ? null : { event, data };
}

function mergedData(event: string, earlier: Fields, later: Fields): Fields | null {
  const { id } = later;
  if (wordOf(id) === undefined || earlier.id !== id) return null;
  if (!hasOnly(earlier, ['id', 'delta']) || !hasOnly(later, ['id', 'delta'])) return null;
  const [first, second] = [fieldsOf(earlier.delta), fieldsOf(later.delta)];
  switch (event) {
    case 'on_message_delta':
    case 'on_reasoning_delta': {
      const content = mergedPieces(first, second);
      return content && { id, delta: { content: [content] } };
    }
    case 'on_run_step_delta': {
      const call = mergedChunks(first, second);
      return call && { id, delta: { type: 'tool_calls', tool_calls: [call] } };
    }
    default:
      return null;
  }
}

function mergedPieces(first: Fields, second: Fields): Fields | null {
  const [a, b] = [onlyOne(first, 'content', ['content']), onlyOne(second, 'content', ['content'])];
  if (a === undefined || b === undefined || a.type !== b.type) return null;
  const type = a.type;
  if (type !== 'text' && type !== 'think') return null;
  const [head, tail] = [a[type], b[type]];
  const isBare = [a, b].every((piece) => hasOnly(piece, ['type', type]));
  return isBare && typeof head === 'string' && typeof tail === 'string'
    ? { type, [type]: head + tail }
    : null;
}

/** Chunks by the same index, the later of which says nothing but more of the arguments. */
function mergedChunks(first: Fields, second: Fields): Fields | null {
  if (first.type !== 'tool_calls' || second.type !== 'tool_calls') return null;
  const wrapping = ['type', 'tool_calls'];
  const [a, b] = [onlyOne(first, 'tool_calls', wrapping), onlyOne(second, 'tool_calls', wrapping)];
  if (a === undefined || b === undefined) return null;
  const isMore = hasOnly(b, ['index', 'args', 'type', 'id', 'name']) && isVoid(b.id) && isVoid(b.name);
  if (!isMore || typeof b.index !== 'number' || a.index !== b.index) return null;
  if (typeof b.args !== 'string' || !(typeof a.args === 'string' || isVoid(a.args))) return null;
  return { ...b, ...a, args: (a.args ?? '') + b.args };
}

function mergedUpdates(earlier: Fields, later: Fields): Fields | null {
  const { phase } = later;
  if (phase !== 'message_delta' && phase !== 'reasoning_delta' && phase !== 'run_step_delta') return null;
  if (envelope(earlier) !== envelope(later)) return null;
  const data = mergedData(`on_${phase}`, fieldsOf(earlier.data), fieldsOf(later.data));
  return data && { ...later, data };
}

function envelope({ data: _, label: __, timestamp: ___, ...rest }: Fields): string {
  return JSON.stringify(rest);
}

/** The only object in a list that stands, with nothing beside it that would be lost, in `field`. */
function onlyOne(holder: Fields, field: string, beside: readonly string[]): Fields | undefined {
  const list = holder[field];
  if (!hasOnly(holder, beside) || !Array.isArray(list) || list.length !== 1) return undefined;
  return isObject(list[0]) ? list[0] : undefined;
}

function hasOnly(fields: Fields, names: readonly string[]): boolean {
  return Object.keys(fields).every((name) => names.includes(name));
}

function isVoid(value: unknown): value is undefined | null | '' {
  return value === undefined || value === null || value === '';
}
