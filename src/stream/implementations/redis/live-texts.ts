/**
 * The texts on the channels: on that of a stream an entry of its log (see codec.ts), `gone`, or
 * `record <generation> <last sequence> <revision> <changed revision>`, which announces a change of the record that appended no event; on that of
 * the signals a stream and a generation.
 *
 * A text that this release can't read, because a later one runs beside it, is undefined: thrown in the client's own listener, it
 * would end the process. Followers of it look at the log, which tells them so.
 */
import type { ControlSignal } from '../../interfaces/event-transport.js';
import type { Frame, StreamKey } from '../../model/types.js';
import { decodeBatch } from './codec.js';
import { keyOf } from './due-index.js';
import { wholeNumber } from './fields.js';

/** The stream was deleted. */
export const GONE = 'gone';
const RECORD = 'record ';
/** Four whole numbers and the blanks between them. */
const LONGEST_RECORD = RECORD.length + 4 * 16 + 3;

export function readFrame(key: StreamKey, text: string): Frame | undefined {
  if (text.startsWith(RECORD)) return readAnnouncement(key, text);
  try {
    const { generation, firstSequence, lastSequence, events } = decodeBatch(text);
    return { key, generation, firstSequence, lastSequence, events };
  } catch {
    return undefined;
  }
}

function readAnnouncement(key: StreamKey, text: string): Frame | undefined {
  if (text.length > LONGEST_RECORD) return undefined;
  const numbers = text.slice(RECORD.length).split(' ').map(wholeNumber);
  const [generation, lastSequence, revision, changedRevision] = numbers;
  if (generation === undefined || lastSequence === undefined || revision === undefined) return undefined;
  const place = { generation, firstSequence: lastSequence + 1, lastSequence };
  return { key, ...place, events: [], revision, changedRevision };
}

export function signalText({ key, generation }: ControlSignal): string {
  return `${key.id} ${generation}`;
}

export function readSignal(text: string): ControlSignal | undefined {
  const space = text.lastIndexOf(' ');
  const key = keyOf(text.slice(0, space));
  return key && { key, generation: Number(text.slice(space + 1)) };
}
