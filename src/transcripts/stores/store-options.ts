/** The options of every store of transcripts. */
import { z } from 'zod';
import { type Clock, systemClock } from '../../clock.js';
import { clockSchema } from '../../stream/model/host-values.js';
import { parseStrictly } from '../../stream/model/strict.js';
import type { StoredTranscript } from '../transcript-store.js';

export interface TranscriptStoreOptions {
  /** The transcripts kept of each conversation, those of the runs that began last. 1 to 1,000; default 10. */
  readonly keepRuns?: number | undefined;
  /** The clock that dates what is saved. Default: the system’s. */
  readonly clock?: Clock | undefined;
}

const STORE_OPTIONS = {
  keepRuns: z.number().int().min(1).max(1_000).optional(),
  clock: clockSchema.optional(),
} satisfies Record<keyof TranscriptStoreOptions, z.ZodType>;

const DEFAULT_KEPT_RUNS = 10;

/** @throws GenerationJobError `invalid_options` */
export function parseStoreOptions<Options extends TranscriptStoreOptions>(
  options: Options,
  more: z.ZodRawShape = {},
): Options & { readonly keepRuns: number; readonly clock: Clock } {
  parseStrictly('invalid_options', z.strictObject({ ...STORE_OPTIONS, ...more }), options, 'options');
  const { keepRuns = DEFAULT_KEPT_RUNS, clock = systemClock } = options;
  return { ...options, keepRuns, clock };
}

/** Puts the run that began last first; of two that began at once, the one saved last. */
export function latestFirst(one: Dated, other: Dated): number {
  return other.startedAt - one.startedAt || other.savedAt - one.savedAt;
}

type Dated = Pick<StoredTranscript, 'startedAt' | 'savedAt'>;
