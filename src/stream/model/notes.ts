/**
 * Notes of a host become what a record holds. A note is an event that is kept under a key and has no place in the log: its
 * event, its data and its key are held to what `emit` holds an event with `keep` to.
 */
import { GenerationJobError } from '../../errors.js';
import { isName, serialiseHostEvent } from './events.js';
import type { HostNote } from './host-types.js';
import type { Options } from './options.js';
import type { SerialisedNote } from './types.js';

/**
 * Returns the notes as text, each key once, the last one given under it.
 * @throws GenerationJobError `invalid_argument` for a malformed key; `invalid_event`, `reserved_event`, `event_too_large`,
 *   `json_too_deep`
 */
export function serialiseNotes(notes: readonly HostNote[], limits: Options['limits']): SerialisedNote[] {
  const byKey = new Map<string, SerialisedNote>();
  for (const { key, ...event } of notes) {
    if (!isName(key)) throw new GenerationJobError('invalid_argument', MALFORMED_KEY);
    byKey.delete(key);
    byKey.set(key, { key, ...serialiseHostEvent(event, limits) });
  }
  return [...byKey.values()];
}

const MALFORMED_KEY = 'The key of a note must be 1 to 128 characters of A-Z a-z 0-9 _ . : / -.';
