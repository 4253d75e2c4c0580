/**
 * The notes of a record, as redis-lua/annotate.lua writes them: a field each, `<revision> <place> <event> <data>`. One that
 * can't be read is left out, as there.
 */
import { isName } from '../../model/events.js';
import type { Json, Note } from '../../model/types.js';
import { parsed, type RedisFields, wholeNumber } from './fields.js';

const PREFIX = 'n:';

interface PlacedNote extends Note {
  /** Its place among those that were written in the same step. */
  readonly place: number;
}

/** Returns the notes in the order they were written. */
export function decodeNotes(fields: RedisFields): Note[] {
  return fields
    .texts(PREFIX)
    .flatMap(([key, text]) => decodeNote(key, text) ?? [])
    .sort((one, other) => one.revision - other.revision || one.place - other.place)
    .map(({ place: _, ...note }) => note);
}

function decodeNote(key: string, text: string): PlacedNote | undefined {
  const revisionEnd = text.indexOf(' ');
  const placeEnd = text.indexOf(' ', revisionEnd + 1);
  const eventEnd = text.indexOf(' ', placeEnd + 1);
  if (revisionEnd < 0 || placeEnd < revisionEnd || eventEnd < placeEnd) return undefined;
  const revision = wholeNumber(text.slice(0, revisionEnd));
  const place = wholeNumber(text.slice(revisionEnd + 1, placeEnd));
  const data = parsed(text.slice(eventEnd + 1));
  const event = text.slice(placeEnd + 1, eventEnd);
  if (revision === undefined || place === undefined || data === undefined || !isName(event)) return undefined;
  return { key, event, data: data as Json, revision, place };
}
