/** One event for two neighbours: pieces of the same block's text, thinking or arguments. What else they say must be the same. */

import type { Fields } from '../stream/model/fields.js';
import { isObject } from '../stream/model/plain-values.js';
import { isAlike, without } from './growing.js';

/** The field of each kind of piece. */
const PIECES: Readonly<Record<string, string>> = {
  text_delta: 'text',
  thinking_delta: 'thinking',
  input_json_delta: 'partial_json',
};

export function mergedBlockDeltas(earlier: unknown, later: unknown): Fields | null {
  if (!isObject(earlier) || !isObject(later)) return null;
  const [first, second] = [earlier.delta, later.delta];
  if (earlier.type !== 'content_block_delta' || !isObject(first) || !isObject(second)) return null;
  if (!isAlike(without(earlier, ['delta']), without(later, ['delta']))) return null;
  const { type } = first;
  const field =
    typeof type === 'string' && Object.hasOwn(PIECES, type) ? (PIECES[type] as string) : undefined;
  if (field === undefined || !isAlike(without(first, [field]), without(second, [field]))) return null;
  const [head, tail] = [first[field], second[field]];
  if (typeof head !== 'string' || typeof tail !== 'string') return null;
  return { ...earlier, delta: { ...first, [field]: head + tail } };
}
