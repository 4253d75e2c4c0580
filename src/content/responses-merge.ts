/**
 * One event for two neighbours: pieces of the same text or of the same call's arguments. What else they say must be the same, but for
 * the number of the event, of which the later one's stands, and the padding with which OpenAI hides how long a piece is.
 */

import type { Fields } from '../stream/model/fields.js';
import { isObject } from '../stream/model/plain-values.js';
import { isAlike, without } from './growing.js';

const OWN_OF_A_PIECE = ['delta', 'sequence_number', 'obfuscation'];

export function mergedDeltas(earlier: unknown, later: unknown): Fields | null {
  if (!isObject(earlier) || !isObject(later)) return null;
  const { type, delta: head } = earlier;
  const { delta: tail } = later;
  if (typeof type !== 'string' || !type.startsWith('response.') || !type.endsWith('.delta')) return null;
  if (typeof head !== 'string' || typeof tail !== 'string') return null;
  if (!isAlike(without(earlier, OWN_OF_A_PIECE), without(later, OWN_OF_A_PIECE))) return null;
  const likely = earlier.logprobs;
  if (Array.isArray(likely) && likely.length > 0) return null;
  return { ...without(later, ['obfuscation']), delta: head + tail };
}
