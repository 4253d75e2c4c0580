/**
 * The hand-over of a record, in a field of its own: `<attempt> <events> <resolutions> <state>`, the last of them JSON, or nothing.
 * One that can't be read is none: the next attempt then goes on as after a crash.
 */
import { type KeptHandOver, standingHandOver } from '../../model/hand-over.js';
import type { JobRecord } from '../../model/types.js';
import { parsed, type RedisFields, wholeNumber } from './fields.js';

export const HAND_OVER_FIELD = 'handover';
const NUMBERS = 3;
/** The numbers and the blanks behind them. */
const LONGEST_PLACE = NUMBERS * 17;

export function encodeHandOver({ attempt, events, resolutions, state = '' }: KeptHandOver): string {
  return `${attempt} ${events} ${resolutions} ${state}`;
}

/** Returns the hand-over that a record has at the place where it stands. */
export function decodeHandOver(
  fields: RedisFields,
  place: Parameters<typeof standingHandOver>[1],
): JobRecord['handOver'] {
  const text = fields.text(HAND_OVER_FIELD);
  return text === undefined ? undefined : standingHandOver(keptIn(text), place);
}

function keptIn(text: string): KeptHandOver | undefined {
  const words = text.slice(0, LONGEST_PLACE).split(' ', NUMBERS + 1);
  const [attempt, events, resolutions] = words.slice(0, NUMBERS).map(wholeNumber);
  if (attempt === undefined || events === undefined || resolutions === undefined) return undefined;
  if (words.length <= NUMBERS) return undefined;
  const state = text.slice(words.slice(0, NUMBERS).join(' ').length + 1);
  if (state !== '' && parsed(state) === undefined) return undefined;
  return { attempt, events, resolutions, state: state === '' ? undefined : state };
}
