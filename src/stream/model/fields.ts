/**
 * Reads what somebody else has sent, whose shape nobody vouches for: what is not as expected reads as absent, and nothing throws.
 */
import { isObject } from './plain-values.js';

export type Fields = Readonly<Record<string, unknown>>;

const NOTHING: Fields = {};

/** The value's fields; none if it is not an object. */
export function fieldsOf(value: unknown): Fields {
  return isObject(value) ? value : NOTHING;
}

/** The objects in a list; an object alone stands for a list of one. */
export function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.filter(isObject) : isObject(value) ? [value] : [];
}

/** A text that says something; an id or a name of blanks is none. */
export function wordOf(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value : undefined;
}

/** A place named by a number; a larger one than any real run has is none. */
export function indexOf(value: unknown): number | undefined {
  return Number.isInteger(value) && Math.abs(value as number) < 2 ** 31 ? (value as number) : undefined;
}
