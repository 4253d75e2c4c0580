/**
 * The place of a follower in a stream, and what an event with a cursor is to it. Sequences have no gaps and generations
 * only grow, so an event is the next one, one that is known, or proof that something was lost on the way.
 */
import type { Cursor } from '../stream/model/cursor.js';

const CURSOR = /^(\d{1,16})-(\d{1,16})$/;

/** Reads a cursor; undefined for a text that is none. */
export function placeIn(text: string): Cursor | undefined {
  const match = text.length <= 33 ? CURSOR.exec(text) : null;
  return match ? { generation: Number(match[1]), sequence: Number(match[2]) } : undefined;
}

/** Says what an event of the log at `next` is to a follower at `place`; undefined is a place before everything. */
export function judgeOf(place: Cursor | undefined, next: Cursor): 'next' | 'known' | 'beyond' {
  if (place === undefined || next.generation > place.generation)
    return next.sequence === 1 ? 'next' : 'beyond';
  if (next.generation < place.generation || next.sequence <= place.sequence) return 'known';
  return next.sequence === place.sequence + 1 ? 'next' : 'beyond';
}
