/**
 * The texts on the channels: on that of a stream an entry of its log (see codec.ts), `gone`, or
 * `record <generation> <last sequence> <revision> <changed revision>`, which announces a change of the record that appended no event; on that of
 * the signals a stream and a generation, and behind them the signal's kind when it has one. Release 0.1.0 reads no signal with a
 * kind, and so goes by its sweep.
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
const KINDS = ['handover', 'queued'] as const satisfies readonly ControlSignal['kind'][];
/** A tenant, a stream, a generation and a kind, and what parts them. */
const LONGEST_SIGNAL = 128 + 1 + 128 + 1 + 16 + 1 + Math.max(...KINDS.map(({ length }) => length));
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

export function signalText({ key, generation, kind }: ControlSignal): string {
  return `${key.id} ${generation}${kind === undefined ? '' : ` ${kind}`}`;
}

export function readSignal(text: string): ControlSignal | undefined {
  if (text.length > LONGEST_SIGNAL) return undefined;
  const [id = '', digits, kind, ...more] = text.split(' '); // no id has a blank
  const [key, generation] = [keyOf(id), wholeNumber(digits)];
  if (key === undefined || generation === undefined || more.length > 0) return undefined;
  if (kind === undefined) return { key, generation };
  const known = KINDS.find((one) => one === kind);
  return known && { key, generation, kind: known };
}
