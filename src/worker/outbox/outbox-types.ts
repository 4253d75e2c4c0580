/**
 * The outbox, from outside: what a worker has produced and nobody has taken yet stands in one SQLite file. It has lanes, and
 * one lane never waits for another. A run's events are a lane in strict order, in which nothing is ever skipped. Reports are
 * lanes in which each stands alone.
 */
import type { Clock, Entropy } from '../../clock.js';
import type { Logger } from '../../stream/interfaces/logger.js';
import type { Json } from '../../stream/model/types.js';
import type { Delivery } from './delivery.js';
import type { OutboxSettings } from './options.generated.js';
import type { SqliteDatabase } from './sqlite.js';

export interface OutboxInput extends OutboxSettings {
  /**
   * The file, as `new DatabaseSync(path)` of `node:sqlite`, or `new Database(path)` of `libsql` or `better-sqlite3`, opens it.
   * It is the outbox's from then on, which closes it, also when it refuses the file.
   */
  readonly database: SqliteDatabase;
  /** Tells the time; default the system's. */
  readonly clock?: Clock | undefined;
  /** Makes idempotency keys and jitter; default the system's. */
  readonly entropy?: Entropy | undefined;
  /** Takes what was not delivered, as pino does; default: nobody. */
  readonly logger?: Logger | undefined;
  /** Called for everything that was not delivered; what it throws is logged. */
  readonly onEvent?: ((event: OutboxEvent) => unknown) | undefined;
}

/** Something that was not delivered, or may never be. */
export type OutboxEvent = ReportSetAside | RowsDropped | RunEnded;

interface ReportSetAside {
  /** A report waits for `retry`: it was refused for ever, or has failed too often. */
  readonly kind: 'set_aside';
  /** The name of its lane. */
  readonly lane: string;
  /** The id that `retry` takes. */
  readonly id: number;
  /** Says why: the refusal, or the last failure. */
  readonly reason: string;
}

interface RowsDropped {
  /** Rows were dropped for room: set aside before, or the oldest reports of the lane that holds most. */
  readonly kind: 'dropped';
  /** The name of their lane. */
  readonly lane: string;
  /** The number of rows. */
  readonly rows: number;
  /** The size of their texts in UTF-8. */
  readonly bytes: number;
}

interface RunEnded {
  /** A run has ended with batches waiting. */
  readonly kind: 'run_ended';
  /** The name of its lane. */
  readonly lane: string;
  /** `worker_events_lost`, or what the other side said, or what `end` was given. */
  readonly reason: string;
  /** The number of batches that were waiting. */
  readonly rows: number;
  /** Says whether they were discarded; otherwise they are set aside. */
  readonly isLost: boolean;
}

/** A batch of a run's events: what one `append` was given. */
export interface RunItem {
  /** The number of its first event. */
  readonly first: number;
  /** The number of its last event. */
  readonly last: number;
  /** The text as `append` was given it. */
  readonly text: string;
  /** Wall time of the append, in milliseconds since 1970. */
  readonly at: number;
  /** The number of tries that have failed so far, in earlier processes too. */
  readonly tries: number;
}

/** The end of a run's lane. */
export interface RunEnd {
  /** `worker_events_lost`, or what the other side said: `fenced`, `replaced`, `ended` and so on. */
  readonly reason: string;
  /** The cause, as far as one is known. */
  readonly error?: unknown;
}

export interface RunLaneInput {
  /**
   * Delivers batches in order: one after another, or as one. One call at a time; what it throws is a try. The signal fires
   * when the answer is not wanted any more: after `deliveryMs`, at the lane's end, and when the outbox closes.
   */
  deliver(items: readonly RunItem[], signal: AbortSignal): Promise<Delivery>;
  /** Called once when the lane ends otherwise than by `end`. */
  onEnded?(end: RunEnd): unknown;
}

/** A run's events, in strict order. */
export interface RunLane {
  /** The name its opener gave it. */
  readonly name: string;
  /**
   * Takes a batch: when it returns, the batch stands on the disk, and is delivered after all before it.
   * @param first the number of its first event; the one after the last batch's last
   * @param count the number of its events; 1 or more
   * @throws GenerationJobError `outbox_full`, with which the run has ended by name · `worker_events_lost` and `job_ended` when it
   *   ended before · `outbox_failed` when the disk refused it, and the same may be tried again · `invalid_argument` · `closed`
   */
  append(first: number, count: number, text: string): void;
  /** Notes that the other side has all events up to that number; batches that end after it stay. */
  acknowledged(upTo: number): void;
  /** The number of events that wait. */
  readonly pending: number;
  /** The number the next batch has to begin with; undefined when any will do, since none waits from before. */
  readonly next: number | undefined;
  /** The end of the lane, once it has one. */
  readonly ended: RunEnd | undefined;
  /** Resolves when nothing waits any more, with the lane's end, and when the outbox closes. */
  idle(): Promise<void>;
  /** Lets go of the lane and gives its name free: what still waits stays, for who opens it next. `onEnded` is not called. */
  release(): void;
  /** Ends the lane and gives its name free: what still waits is set aside, for that reason. `onEnded` is not called. */
  end(reason: string): void;
}

/** A report on its way. */
export interface Report {
  /** Rises with each put. */
  readonly id: number;
  /** The data as `put` was given them, read from JSON. */
  readonly data: Json;
  /** The key that `put` was given, if any. */
  readonly key: string | undefined;
  /** Wall time at which it happened, in milliseconds since 1970. */
  readonly at: number;
  /** The number of tries that have failed so far, in earlier processes too. */
  readonly tries: number;
  /** The same with every try, also after a restart, so that the other side can tell a repeat. */
  readonly idempotencyKey: string;
}

export interface ReportLaneInput {
  /** `append` keeps each; `coalesce` keeps of each `key` the newest alone. */
  readonly mode: 'append' | 'coalesce';
  /** Delivers a report. One call at a time; what it throws is a try. `gap` is a try as well, and `over` is as good as `done`. */
  deliver(report: Report, signal: AbortSignal): Promise<Delivery>;
}

export interface ReportOptions {
  /** Names what it reports of; asked for with `coalesce`. At most 512 characters. */
  readonly key?: string | undefined;
  /** Wall time at which it happened, in milliseconds since 1970; default now. */
  readonly at?: number | undefined;
  /** Another put with the same one, while the first is there, is the same report. Default: a fresh id. At most 512 characters. */
  readonly idempotencyKey?: string | undefined;
}

/** Reports, of which each stands alone: one that fails holds up no other. */
export interface ReportLane {
  /** The name its opener gave it. */
  readonly name: string;
  /**
   * Takes a report: when it returns, it stands on the disk. Where there is no room, those set aside are dropped, then the
   * oldest of the lane that holds most.
   * @throws GenerationJobError `outbox_full` when it is larger than all there is · `outbox_failed` · `invalid_argument` · `closed`
   */
  put(data: Json | object, options?: ReportOptions): void;
  /** The number of reports that wait; without those set aside. */
  readonly pending: number;
  /** Resolves when nothing waits any more, and when the outbox closes. */
  idle(): Promise<void>;
}

/** A batch or report that is not tried any more. Its text is to be had by `setAsideText`. */
export interface SetAside {
  /** Rises with the time of the put. */
  readonly id: number;
  /** The name of its lane. */
  readonly lane: string;
  /** The kind of its lane: a batch of a run, or a report. */
  readonly kind: 'run' | 'report';
  /** Says why: what the other side answered, or how often it has failed. */
  readonly reason: string;
  /** Wall time at which it was set aside, in milliseconds since 1970. */
  readonly setAsideAt: number;
  /** Wall time at which it happened, in milliseconds since 1970. */
  readonly at: number;
  /** The number of tries that have failed. */
  readonly tries: number;
  /** The size of its text in UTF-8. */
  readonly bytes: number;
  /** The first event of a run's batch. One that is `worker_events_lost` has no text: those events were discarded. */
  readonly first: number | undefined;
  /** The last event of a run's batch. */
  readonly last: number | undefined;
  /** The key of a report, if it has one. */
  readonly key: string | undefined;
  /** The idempotency key of a report. */
  readonly idempotencyKey: string | undefined;
}

/** A lane that has rows, or is open. */
export interface LaneSummary {
  /** The name its opener gave it. */
  readonly name: string;
  /** Tells runs from reports, which have names of their own. */
  readonly kind: 'run' | 'report';
  /** Says whether this process delivers it. */
  readonly isOpen: boolean;
  /** The number of its batches or reports that wait. */
  readonly waiting: number;
  /** The number of its batches or reports that are set aside. */
  readonly setAside: number;
  /** The size of all its texts in UTF-8. */
  readonly bytes: number;
}

/** Counts since the outbox was opened, and what is in it now. */
export interface OutboxStats {
  /** The number of batches and reports in the file. */
  readonly rows: number;
  /** The size of all texts in the file, in UTF-8. */
  readonly bytes: number;
  /** The number of rows that wait. */
  readonly waiting: number;
  /** The number of rows that are set aside. */
  readonly setAside: number;
  /** Rows taken by the other side, or not wanted by it. */
  readonly delivered: number;
  /** Deliveries that have failed and counted as a try. */
  readonly failedTries: number;
  /** Reports replaced by a newer one of their key. */
  readonly coalesced: number;
  /** Rows dropped for room. */
  readonly dropped: number;
  /** Rows of runs that ended as `worker_events_lost`. */
  readonly discarded: number;
}

export interface Outbox extends AsyncDisposable {
  /**
   * Opens a run's lane and begins with what waits in it from before, at once. A run that ended in an earlier process with
   * something set aside has ended: `onEnded` is called.
   * @param name names the attempt; 1 to 512 characters, and open once at a time
   * @throws GenerationJobError `invalid_argument` · `closed`
   */
  run(name: string, input: RunLaneInput): RunLane;
  /** Opens a lane of reports, and begins with what waits in it from before, at once. @throws GenerationJobError as `run` */
  reports(name: string, input: ReportLaneInput): ReportLane;
  /** Returns the lanes that are open or have rows, runs of earlier processes among them. */
  lanes(): LaneSummary[];
  /**
   * Lists what was set aside, oldest first.
   * @param page.after the id of the last one seen
   * @param page.limit 1 to 1,000, default 100
   */
  setAside(page?: { readonly after?: number | undefined; readonly limit?: number | undefined }): SetAside[];
  /** Returns the text of one that was set aside; undefined when there is none of that id. */
  setAsideText(id: number): string | undefined;
  /** Tries a report that was set aside anew, or all of them; returns how many. What a run left is not tried again. */
  retry(id?: number): number;
  /** Forgets one that was set aside; false when there is none of that id. */
  discard(id: number): boolean;
  /** Returns counts of the rows there are, and of what became of others. */
  stats(): OutboxStats;
  /**
   * Tries everything at once, and again until nothing waits in the open lanes or the time is over; says whether nothing waits, in
   * lanes that nobody has open neither.
   */
  flush(input: { readonly withinMs: number }): Promise<boolean>;
  /** Stops what is under way and closes the file. What waits stays in it for the next process. */
  close(): Promise<void>;
}
