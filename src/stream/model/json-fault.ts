/**
 * One part of a value is to blame when the whole of it can't be carried, and is named by its path, such as
 * `requests.0.arguments.body`. Asked only once something is refused, since it writes each part on the way as JSON
 * again.
 */
import { nestsDeeperThan } from './json-depth.js';

/** A longer path helps nobody, and each step may cost as much as the whole. */
const MOST_STEPS = 8;
const LONGEST_STEP = 64;

interface Part {
  readonly path: string;
  readonly value: unknown;
}

/** The largest part: inside the whole, for as long as one part is more than half of what it is in. */
export function largestPart(whole: object): { readonly path: string; readonly bytes: number } {
  let bytes = bytesOf(whole);
  const { path } = descend(whole, (parts) => {
    const sizes = parts.map(({ value }) => bytesOf(value));
    const largest = Math.max(...sizes);
    if (largest * 2 <= bytes) return undefined;
    bytes = largest;
    return parts[sizes.indexOf(largest)];
  });
  return { path, bytes };
}

/** The path of what can't be written as JSON; of what holds itself, that of the place where it does. */
export function unwritablePart(whole: object): string {
  return descend(whole, (parts) => parts.find(({ value }) => !isWritable(value))).path;
}

/** The path that leads to where the value nests deeper than `limit`. */
export function deepestPart(whole: object, limit: number): string {
  return descend(whole, (parts, level) =>
    parts.find(({ value }) => nestsDeeperThan(JSON.stringify(value) ?? '', limit - level)),
  ).path;
}

/** Steps from part to part for as long as `next` chooses one. */
function descend(whole: object, next: (parts: readonly Part[], level: number) => Part | undefined): Part {
  let at: Part = { path: '', value: whole };
  const seen = new Set<unknown>();
  for (let level = 1; level <= MOST_STEPS && !seen.has(at.value); level++) {
    const { path, value } = at;
    if (typeof value !== 'object' || value === null) break;
    seen.add(value);
    const parts = Object.entries(value).map(([key, part]) => ({
      path: `${path}${path && '.'}${key.slice(0, LONGEST_STEP)}`,
      value: part,
    }));
    const chosen = next(parts, level);
    if (chosen === undefined) break;
    at = chosen;
  }
  return at;
}

function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value) ?? '');
}

function isWritable(value: unknown): boolean {
  try {
    JSON.stringify(value);
    return true;
  } catch {
    return false; // that is what is asked
  }
}
