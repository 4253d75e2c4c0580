/**
 * Places in an ordered listing, for the page that goes on there: an entry's score and its name. An index orders by score,
 * then by name, so a place stays one after its entry has moved or gone.
 */
import { GenerationJobError } from '../../errors.js';

export interface Place {
  /** A number as the store writes it, which may be `inf`. */
  readonly score: string;
  readonly name: string;
}

const PLACE = /^(-?(?:inf|\d+(?:\.\d+)?(?:e[+-]?\d+)?))_(.*)$/s;

/** A score, and a tenant and stream id. */
const LONGEST_PLACE = 512;

export function placeOf(score: string | number, name: string): string {
  return `${score}_${name}`;
}

/** @throws GenerationJobError `invalid_argument` */
export function parsePlace(text: string): Place {
  const [, score, name] = (text.length <= LONGEST_PLACE && PLACE.exec(text)) || [];
  if (score === undefined || name === undefined) {
    throw new GenerationJobError('invalid_argument', 'The cursor is not one a listing gave.');
  }
  return { score, name };
}
