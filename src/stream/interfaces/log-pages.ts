/** A reader asks this of a log, and is given this page. */
import type { JobRecord, JobStatus, LogEvent, Settlement, Snapshot, StreamKey } from '../model/types.js';

export interface ReadLogRequest {
  /** The stream whose log is read. */
  readonly key: StreamKey;
  /** Default: the current generation. */
  readonly generation?: number | undefined;
  /** Events with a greater sequence; `snapshot`: the newest snapshot and what follows it (everything, without one). */
  readonly after: number | 'snapshot';
  /** Says how many events at most. */
  readonly maxEvents: number;
  /** The most text; at least one event is returned however large it is. */
  readonly maxBytes: number;
  /** Asks for the record as well. */
  readonly record?: boolean | undefined;
}

/** One atomic look at a log: what is there, where it begins and ends, and in which state. */
export type LogPage = FoundPage | MissingPage;

export interface FoundPage {
  /** Says whether the stream has such a generation. */
  readonly found: true;
  /** The generation that was read. */
  readonly generation: number;
  /** The stream's newest generation. */
  readonly currentGeneration: number;
  /** The next kept generation after this one, if any. */
  readonly nextGeneration?: number | undefined;
  /** The owner of the stream. */
  readonly userId: string;
  /** The status of the generation that was read. */
  readonly status: JobStatus;
  /** The record's revision. */
  readonly revision: number;
  /** The revision at which metadata or notes last changed; 0 while they are as they were created. */
  readonly changedRevision: number;
  /** The record's settlement. */
  readonly settlement: Settlement;
  /** The events, oldest first. */
  readonly events: readonly LogEvent[];
  /** The first sequence still kept; `lastSequence + 1` when none is. */
  readonly firstSequence: number;
  /** The sequence of the log's last event. */
  readonly lastSequence: number;
  /** The newest snapshot's sequence; 0 without one. */
  readonly snapshotSequence: number;
  /** The newest snapshot, where it was asked for. */
  readonly snapshot?: Snapshot | undefined;
  /** The record, where it was asked for. */
  readonly record?: JobRecord | undefined;
}

/** The generation asked for is not kept. */
export interface MissingPage {
  /** Says whether the stream has such a generation. */
  readonly found: false;
  /** The owner of the stream, when there is one. */
  readonly userId?: string | undefined;
  /** The stream's newest generation; undefined when there is no such stream. */
  readonly currentGeneration?: number | undefined;
}
