/** Metadata of a UI message comes in pieces: objects are merged, field by field and level by level, and all else replaced. */
import { isObject } from '../stream/model/plain-values.js';

/** Deeper metadata than this is replaced as a whole: a stream must not be able to exhaust the stack. */
const MOST_LEVELS = 64;
const NEVER_MERGED = new Set(['__proto__', 'constructor', 'prototype']);

export function mergedMetadata(known: unknown, added: unknown, level = 0): unknown {
  if (!isObject(known) || !isObject(added) || level > MOST_LEVELS) return added;
  const merged: Record<string, unknown> = { ...known };
  for (const [name, value] of Object.entries(added)) {
    if (NEVER_MERGED.has(name) || value === undefined) continue;
    merged[name] = Object.hasOwn(known, name) ? mergedMetadata(known[name], value, level + 1) : value;
  }
  return merged;
}
