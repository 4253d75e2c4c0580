/**
 * One chunk for two neighbours: pieces of one text, one reasoning or one tool input. Only chunks that hold nothing but the
 * piece and its place are merged, so nothing that a page would have seen is lost.
 */
import { isObject } from '../stream/model/plain-values.js';

interface Emitted {
  readonly event: string;
  readonly data: unknown;
}

/** The field that names the place, and the field of the piece, by the type of the chunk. */
const PIECES: Readonly<Record<string, readonly [place: string, piece: string]>> = {
  'text-delta': ['id', 'delta'],
  'reasoning-delta': ['id', 'delta'],
  'tool-input-delta': ['toolCallId', 'inputTextDelta'],
};

export function mergedChunks(uiEvent: string, earlier: Emitted, later: Emitted): Emitted | null {
  if (earlier.event !== uiEvent || later.event !== uiEvent) return null;
  const [head, tail] = [earlier.data, later.data];
  if (!isObject(head) || !isObject(tail) || head.type !== tail.type) return null;
  const fields = Object.hasOwn(PIECES, String(head.type)) ? PIECES[String(head.type)] : undefined;
  if (fields === undefined) return null;
  const [place, piece] = fields;
  if (typeof head[place] !== 'string' || head[place] !== tail[place]) return null;
  if (![head, tail].every((chunk) => Object.keys(chunk).length === 3 && typeof chunk[piece] === 'string'))
    return null;
  return { event: uiEvent, data: { ...head, [piece]: `${head[piece]}${tail[piece]}` } };
}
