/**
 * An event of a run that is larger than a job's event may be is cut: a tool has run, and its result must not cost the
 * run. The largest parts are replaced by a marked preview, and `cut` beside them says which, how large they were, and
 * where the host keeps them.
 */
import { SECOND, sleep, systemClock } from '../clock.js';

/** A part that is too large, whole. */
export interface OversizedPart {
  /** The SDK's name of the event. */
  readonly event: string;
  /** The part's place in the event's data, such as `result.tool_call.output`. */
  readonly path: string;
  /** The whole of it, as the run gave it. */
  readonly value: unknown;
  /** The part's size as JSON text. */
  readonly bytes: number;
}

/** Keeps a part elsewhere; what it answers stands in the event as the part's `reference`. */
export type StoreOversized = (part: OversizedPart) => string | undefined | Promise<string | undefined>;

interface CutPart {
  readonly path: string;
  readonly bytes: number;
  readonly reference?: string | undefined;
}

const PREVIEW_CHARACTERS = 2_000;
/** A character of what people write takes at most so much as JSON text. */
const BYTES_A_CHARACTER = 4;
const PREVIEW_BYTES = BYTES_A_CHARACTER * PREVIEW_CHARACTERS;
/** More parts than this are a list, and are cut as one. */
const MOST_PARTS = 64;
/** This part of the event is left for what `cut` itself adds. */
const ROOM_FOR_MARKS = 0.25;
const LONGEST_REFERENCE = 1_024;
const STORE_MS = 30 * SECOND;

/**
 * Cuts the data until it fits.
 * @param maxBytes of the whole as JSON text
 * @param onFailed told what `store` threw, or that it did not answer in time: the part then has no reference
 */
export async function cutToSize(
  event: string,
  data: unknown,
  maxBytes: number,
  store: StoreOversized | undefined,
  onFailed: (error: unknown) => void,
): Promise<object> {
  const parts: OversizedPart[] = [];
  const whole = typeof data === 'object' && data !== null && !Array.isArray(data) ? data : { value: data };
  const cut = cutValue(whole, maxBytes * (1 - ROOM_FOR_MARKS), '', (path, value, bytes) =>
    parts.push({ event, path, value, bytes }),
  );
  const told: CutPart[] = [];
  for (const part of parts) {
    const reference = store && (await stored(store, part, onFailed));
    told.push({ path: part.path, bytes: part.bytes, ...(reference !== undefined && { reference }) });
  }
  return { ...(typeof cut === 'object' ? cut : { value: cut }), cut: told };
}

type OnCut = (path: string, value: unknown, bytes: number) => void;

function cutValue(value: unknown, budget: number, path: string, onCut: OnCut): unknown {
  const bytes = sizeOf(value);
  if (bytes <= budget) return value;
  if (typeof value === 'object' && value !== null && Object.keys(value).length <= MOST_PARTS) {
    const kept: Record<string, unknown> = { ...value };
    const cuts: Parameters<OnCut>[] = [];
    let total = bytes;
    const bySize = Object.entries(value)
      .map(([key, part]) => ({ key, part, size: sizeOf(part) }))
      .sort((one, other) => other.size - one.size);
    for (const { key, part, size } of bySize) {
      if (total <= budget) break;
      const room = Math.max(Math.min(PREVIEW_BYTES, budget / 2), budget - (total - size));
      kept[key] = cutValue(part, room, path === '' ? key : `${path}.${key}`, (...cut) => cuts.push(cut));
      total += sizeOf(kept[key]) - size;
    }
    // Many parts of middling size may each be too small to cut: then it is cut as one.
    if (total <= budget) {
      for (const cut of cuts) onCut(...cut);
      return Array.isArray(value) ? Object.values(kept) : kept;
    }
  }
  onCut(path, value, bytes);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const shown = Math.min(PREVIEW_CHARACTERS, Math.floor(budget / BYTES_A_CHARACTER));
  return `${wellFormed(text.slice(0, shown))}\n[… cut: ${bytes} bytes in all]`;
}

function sizeOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value) ?? '');
}

/** A cut may fall between the halves of a character. */
function wellFormed(text: string): string {
  return text.isWellFormed() ? text : text.slice(0, -1);
}

async function stored(
  store: StoreOversized,
  part: OversizedPart,
  onFailed: (error: unknown) => void,
): Promise<string | undefined> {
  const isOver = new AbortController();
  const late = sleep(systemClock, STORE_MS, isOver.signal).then(() => {
    if (!isOver.signal.aborted) throw new Error(`storeOversized did not answer in ${STORE_MS} ms.`);
    return undefined;
  });
  try {
    const reference = await Promise.race([(async () => store(part))(), late]);
    return reference === undefined ? undefined : String(reference).slice(0, LONGEST_REFERENCE);
  } catch (error) {
    onFailed(error);
    return undefined;
  } finally {
    isOver.abort();
  }
}
