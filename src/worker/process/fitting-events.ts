/**
 * Events of an agent in the size a job takes. A text that is too long comes in several pieces, and loses nothing. What a
 * tool was given or gave is cut, and says so: it was for the agent, which has it whole.
 */
import { isGenerationJobError } from '../../errors.js';
import type { HostEvent } from '../../stream/model/host-types.js';
import { isObject } from '../../stream/model/plain-values.js';

interface Emitting {
  readonly eventBytes: number;
  emit(event: HostEvent): Promise<void>;
}

/** A UTF-16 unit takes at most six bytes as JSON text; the rest is for what stands beside it. */
const BYTES_A_UNIT = 8;
const LEAST_UNITS = 16;

/** Emits an event, and waits for room. @throws as `job.emit`, of what can't be made to fit */
export async function emitFitting(job: Emitting, event: HostEvent): Promise<void> {
  try {
    await job.emit(event);
  } catch (error) {
    const isOversized =
      isGenerationJobError(error, 'event_too_large') || isGenerationJobError(error, 'json_too_deep');
    if (!isOversized || !isObject(event.data)) throw error;
    const units = Math.max(LEAST_UNITS, Math.floor(job.eventBytes / BYTES_A_UNIT));
    for (const piece of piecesOf(event.event, event.data, units)) await job.emit(piece);
  }
}

function piecesOf(event: string, data: Readonly<Record<string, unknown>>, units: number): HostEvent[] {
  const field = event === 'tool' ? (typeof data.inputText === 'string' ? 'inputText' : 'outputText') : 'text';
  const { [field]: text, replace, ...place } = data;
  if (typeof text !== 'string' || !('id' in place || event !== 'tool') || Object.keys(place).length > 2)
    return [{ event, data: cutFields(data, Math.floor(units / 4)) }];
  return pieces(text, units).map((piece, at) => ({
    event,
    data: { ...place, [field]: piece, ...(at === 0 && replace !== undefined && { replace }) },
  }));
}

/** Cuts what is long among the fields; the others stay as they are. */
function cutFields(data: Readonly<Record<string, unknown>>, units: number): object {
  const cut = Object.entries(data).map(([name, value]) => [name, cutValue(value, units)] as const);
  return Object.fromEntries(cut);
}

function cutValue(value: unknown, units: number): unknown {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  const isWide = text.length > units;
  if (typeof value !== 'object' && !isWide) return value;
  if (!isWide) return text;
  const [beginning = ''] = pieces(text, units);
  return `${beginning}\n[… cut: ${Buffer.byteLength(text)} bytes in all]`;
}

function pieces(text: string, units: number): string[] {
  const found: string[] = [];
  for (let from = 0; from < text.length; ) {
    let to = Math.min(text.length, from + units);
    const last = text.charCodeAt(to - 1);
    // Never between the halves of a character.
    if (to < text.length && last >= 0xd800 && last <= 0xdbff) to--;
    found.push(text.slice(from, to));
    from = to;
  }
  return found;
}
