/**
 * A cursor is the only position there is: `<generation>-<sequence>`, both plain decimal integers without a sign or
 * leading zeros, at most 2^53 − 1. It is the SSE `id` and the Redis stream entry id. Anything else is refused, never
 * repaired: a cursor we did not write could name somebody else's place.
 */
import { GenerationJobError } from '../../errors.js';

export interface Cursor {
  /** The generation, from 1. */
  readonly generation: number;
  /** 0 stands before the first event. */
  readonly sequence: number;
}

const GRAMMAR = /^(0|[1-9][0-9]{0,15})-(0|[1-9][0-9]{0,15})$/;
const LONGEST = 33;

/** Writes the cursor of an event: `<generation>-<sequence>`. */
export function formatCursor(generation: number, sequence: number): string {
  return `${generation}-${sequence}`;
}

/**
 * Reads a cursor as a client sends it back.
 * @throws GenerationJobError `invalid_cursor` when `text` is not one of our cursors
 */
export function parseCursor(text: string): Cursor {
  const match = text.length <= LONGEST ? GRAMMAR.exec(text) : null;
  const generation = Number(match?.[1] ?? Number.NaN);
  const sequence = Number(match?.[2] ?? Number.NaN);
  if (!Number.isSafeInteger(generation) || !Number.isSafeInteger(sequence)) {
    throw new GenerationJobError('invalid_cursor', 'The cursor is malformed.');
  }
  return { generation, sequence };
}

/**
 * Reads a cursor of a user's feed, which has no generation: the number of the event.
 * @throws GenerationJobError `invalid_cursor` when `text` is not one of our cursors, or one of a stream
 */
export function parsePlace(text: string): number {
  const { generation, sequence } = parseCursor(text);
  if (generation === 0) return sequence;
  throw new GenerationJobError('invalid_cursor', 'The cursor is one of a stream, not of a feed.');
}
