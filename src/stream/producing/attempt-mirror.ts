/**
 * The mirror of an attempt whose producer works elsewhere: what has been committed of it, folded, and what of its limits is
 * used up, as a handle of this process would know. It only makes things cheaper. What other replicas have committed is read
 * from the log, each event once; a mirror that can't follow on is made anew from the log's state.
 */
import type { LeaseClaim } from '../interfaces/job-store.js';
import { Fold, type FoldedState } from '../model/fold.js';
import type { JobRecord, LogEvent, StreamKey } from '../model/types.js';
import type { Parts } from '../process/parts.js';
import { AttemptFold } from './attempt-fold.js';
import { AttemptLimits } from './attempt-limits.js';
import { ProgressReports } from './progress-reports.js';

/** The lease of an attempt as this process has renewed it. */
interface RenewedLease {
  /** The time of the renewal, on the monotonic clock. */
  readonly at: number;
  /** The store's time until which it lasts. */
  readonly until: number;
}

export class AttemptMirror implements LeaseClaim {
  readonly key: StreamKey;
  readonly generation: number;
  readonly attempt: number;
  readonly userId: string;
  readonly createId: string;
  readonly limits: AttemptLimits;
  readonly progress: ProgressReports | undefined;
  readonly earlierActions: ReadonlySet<string>;
  readonly createdAt: number;
  readonly recoveries: number;
  readonly resolutions: JobRecord['resolutions'];
  /** The lease as this process has renewed it last. */
  lease: RenewedLease | undefined;
  readonly #parts: Parts;
  readonly #fold: AttemptFold;
  #hasHostEvent: boolean;
  #reached: number;

  private constructor(parts: Parts, key: StreamKey, state: FoldedState) {
    const { record, kept, missing, sequence, tailSize } = state;
    this.#parts = parts;
    this.key = key;
    this.generation = record.generation;
    this.attempt = record.attempt;
    this.userId = record.userId;
    this.createId = record.createId;
    const model = record.contentModel === undefined ? undefined : parts.models.get(record.contentModel);
    const content = JSON.stringify(state.content ?? null);
    this.#fold = new AttemptFold(
      parts,
      this,
      new Fold(model, { sequence, content, kept, missing }),
      record,
      tailSize,
    );
    this.limits = new AttemptLimits(parts.options.limits, record, kept);
    this.earlierActions = new Set(record.resolutions.map(({ actionId }) => actionId));
    if (parts.progress.isWanted) this.progress = new ProgressReports(parts, this, () => this.#fold.copy());
    this.createdAt = record.createdAt;
    this.recoveries = record.recoveries;
    this.resolutions = record.resolutions;
    this.#hasHostEvent = record.lastSequence > record.lifecycleEvents;
    this.#reached = record.lastSequence;
  }

  /** Reads an attempt as it stands, with the record beside it; a mirror only of what still runs. Null when it is not kept. */
  static async read(
    parts: Parts,
    { key, generation }: Pick<LeaseClaim, 'key' | 'generation'>,
  ): Promise<{ readonly record: JobRecord; readonly mirror: AttemptMirror | undefined } | null> {
    const state = await parts.states.read(key, generation);
    if (state === null) return null;
    const { record } = state;
    const mirror = record.status === 'running' ? new AttemptMirror(parts, key, state) : undefined;
    return { record, mirror };
  }

  /** The sequence of the last event it has seen. */
  get lastSequence(): number {
    return this.#reached;
  }

  /** The sequence up to which a snapshot has the content; 0 without one. */
  get contentSequence(): number {
    return this.#fold.contentSequence;
  }

  /** Reads what others have committed meanwhile. Says whether it followed on. */
  async catchUp(): Promise<boolean> {
    const { log, options } = this.#parts;
    const { pageEvents, pageBytes } = options.limits;
    for (;;) {
      const page = await log.read({
        key: this.key,
        generation: this.generation,
        after: this.#reached,
        maxEvents: pageEvents,
        maxBytes: pageBytes,
      });
      const follows =
        page.found &&
        page.status === 'running' &&
        page.missing === undefined &&
        page.firstSequence <= this.#reached + 1 &&
        page.lastSequence >= this.#reached &&
        page.events.every(({ attempt }) => attempt === this.attempt);
      if (!follows) return false;
      this.#take(page.events);
      if (this.#reached >= page.lastSequence) return true;
    }
  }

  /** Takes what has been committed as the events that follow on, and saves a snapshot when one is due. */
  committed(events: readonly LogEvent[], ms: number): void {
    const { observer, store } = this.#parts;
    let bytes = 0;
    for (const { data } of events) bytes += data.length;
    observer.committed(events.length, bytes, ms);
    if (!this.#hasHostEvent && events.length > 0) {
      this.#hasHostEvent = true;
      observer.firstEvent(Math.max(0, store.now() - this.createdAt));
    }
    this.#take(events);
    this.progress?.changed();
    if (this.#fold.isSnapshotDue(this.limits)) this.save();
  }

  /** Saves what is folded, if there is anything new. */
  save(): void {
    if (this.#fold.save()) this.limits.onSnapshot();
  }

  #take(events: readonly LogEvent[]): void {
    this.#fold.add(events);
    this.#reached = events.at(-1)?.sequence ?? this.#reached;
  }
}
