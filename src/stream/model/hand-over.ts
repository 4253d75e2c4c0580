/**
 * A hand-over is a producer's gift of its attempt to another replica, when its own one leaves. What it has said about it is kept
 * beside the place where it holds, and holds only there: as soon as anybody has produced more, or a person has decided, it
 * is no more than a memory, and the record has it no longer. So whatever a replica that knows no hand-overs does with the
 * generation, nobody goes on from a state that is not the log's.
 */
import { GenerationJobError } from '../../errors.js';
import { nestsDeeperThan } from './json-depth.js';
import type { Options } from './options.js';
import { parsedJson } from './plain-values.js';
import type { HandOver, JobRecord, Json } from './types.js';

/** A hand-over as a store keeps it, with the place it holds at. */
export interface KeptHandOver {
  /** The attempt that is handed over. */
  readonly attempt: number;
  /** The number of the generation's events by then that are not of its lifecycle. */
  readonly events: number;
  /** The number of its resolutions by then. */
  readonly resolutions: number;
  /** The host's state as JSON text, sealed where there is a seal; undefined for none. */
  readonly state: string | undefined;
}

/** The host's decisions about a take-over go by this. */
export interface TakeOver {
  /** True when the attempt before was handed over, and nobody has produced anything since; false after a crash. */
  readonly handover: boolean;
  /** The state that was handed over with it; undefined when there is none. */
  readonly handoverState?: Json | undefined;
}

/** Returns the hand-over that holds at the place where a record stands; undefined when none does. */
export function standingHandOver(
  kept: KeptHandOver | undefined,
  { status, lastSequence, lifecycleEvents, resolutions }: PlaceOfRecord,
): HandOver | undefined {
  if (kept === undefined || status !== 'running') return undefined;
  if (kept.events !== lastSequence - lifecycleEvents || kept.resolutions !== resolutions.length)
    return undefined;
  const { attempt, state } = kept;
  return state === undefined ? { attempt } : { attempt, state: parsedJson(state) as Json };
}

type PlaceOfRecord = Pick<JobRecord, 'status' | 'lastSequence' | 'lifecycleEvents' | 'resolutions'>;

/** Returns what a take-over is told of the hand-over in a record. */
export function takeOverOf({ handOver }: Pick<JobRecord, 'handOver'>): TakeOver {
  return handOver === undefined ? { handover: false } : { handover: true, handoverState: handOver.state };
}

/**
 * The host's state as JSON text; undefined for none.
 * @throws GenerationJobError `invalid_argument`, `hand_over_too_large`, `json_too_deep`
 */
export function serialiseHandOver(state: unknown, limits: Options['limits']): string | undefined {
  if (state === undefined) return undefined;
  const text = textOf(state);
  const bytes = Buffer.byteLength(text);
  if (bytes > limits.handOverBytes) {
    const message = `The state has ${bytes} bytes, of ${limits.handOverBytes}.`;
    throw new GenerationJobError('hand_over_too_large', message);
  }
  if (nestsDeeperThan(text, limits.jsonDepth))
    throw new GenerationJobError('json_too_deep', `The state nests deeper than ${limits.jsonDepth}.`);
  return text;
}

function textOf(state: unknown): string {
  let text: string | undefined;
  let cause: unknown;
  try {
    text = JSON.stringify(state);
  } catch (error) {
    cause = error;
  }
  if (text !== undefined) return text;
  throw new GenerationJobError('invalid_argument', 'The state can’t be written as JSON.', { cause });
}
