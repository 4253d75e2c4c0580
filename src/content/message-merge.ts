/**
 * One event for two neighbours: pieces of one text, of one call's input, or of its output. Only events that hold nothing
 * but the piece and its place are merged, so nothing that a follower would have seen is lost.
 */

import type { Fields } from '../stream/model/fields.js';
import { isObject } from '../stream/model/plain-values.js';

interface Emitted {
  readonly event: string;
  readonly data: unknown;
}

const PIECES: Readonly<Record<string, readonly string[]>> = {
  text: ['text'],
  reasoning: ['text'],
  tool: ['inputText', 'outputText'],
};
const PLACE = ['id', 'parent'];

export function mergedPieces({ event, data: earlier }: Emitted, later: Emitted): Emitted | null {
  if (event !== later.event || !Object.hasOwn(PIECES, event)) return null;
  if (!isObject(earlier) || !isObject(later.data)) return null;
  for (const field of PIECES[event] ?? []) {
    const data = mergedBy(field, earlier, later.data);
    if (data !== null) return { event, data };
  }
  return null;
}

function mergedBy(field: string, earlier: Fields, later: Fields): Fields | null {
  const [head, tail] = [earlier[field], later[field]];
  if (typeof head !== 'string' || typeof tail !== 'string') return null;
  for (const one of [earlier, later]) {
    if (!Object.keys(one).every((name) => name === field || PLACE.includes(name))) return null;
    if (!PLACE.every((name) => one[name] === undefined || isPlace(one[name]))) return null;
  }
  const isSamePlace = PLACE.every((name) => earlier[name] === later[name]);
  return isSamePlace ? { ...earlier, [field]: head + tail } : null;
}

function isPlace(name: unknown): boolean {
  return typeof name === 'string' && name.trim() !== '';
}
