/** A reader asks this of a log, and is given this page. */
import type { JobRecord, JobStatus, LogEvent, Snapshot, StreamKey } from '../model/types.js';

export interface ReadLogRequest {
  readonly key: StreamKey;
  /** Default: the current generation. */
  readonly generation?: number | undefined;
  /** Events with a greater sequence; `snapshot`: the newest snapshot and what follows it (everything, without one). */
  readonly after: number | 'snapshot';
  readonly maxEvents: number;
  /** The most text; at least one event is returned however large it is. */
  readonly maxBytes: number;
  /** Asks for the record as well. */
  readonly record?: boolean | undefined;
}

/** One atomic look at a log: what is there, where it begins and ends, and in which state. */
export type LogPage = FoundPage | MissingPage;

export interface FoundPage {
  readonly found: true;
  readonly generation: number;
  readonly currentGeneration: number;
  /** The next kept generation after this one, if any. */
  readonly nextGeneration?: number | undefined;
  /** The owner of the stream. */
  readonly userId: string;
  readonly status: JobStatus;
  readonly events: readonly LogEvent[];
  /** The first sequence still kept; `lastSequence + 1` when none is. */
  readonly firstSequence: number;
  readonly lastSequence: number;
  /** The newest snapshot's sequence; 0 without one. */
  readonly snapshotSequence: number;
  readonly snapshot?: Snapshot | undefined;
  readonly record?: JobRecord | undefined;
}

/** The generation asked for is not kept. */
export interface MissingPage {
  readonly found: false;
  /** The owner of the stream, when there is one. */
  readonly userId?: string | undefined;
  readonly currentGeneration?: number | undefined;
}
