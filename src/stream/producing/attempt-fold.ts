/**
 * The producer's own fold of what it has committed, and the snapshots made of it: as they fall due (`SnapshotSchedule`), and
 * at each pause and end. A content model that throws costs the snapshots and nothing else: followers have the whole log.
 *
 * Without a content model a snapshot still says which events are kept, so that nobody has to look for them in the whole
 * log. It holds no content, so it neither lets the log be trimmed nor counts against `limits.unsnapshotted*`. Where the
 * record names a model that this process does not know there are no snapshots: others would take them for content.
 */
import { isGenerationJobError } from '../../errors.js';
import type { LeaseClaim } from '../interfaces/job-store.js';
import { serialiseHostEvent } from '../model/events.js';
import { type Fold, sizeOfSnapshot } from '../model/fold.js';
import { isOwnEvent } from '../model/transitions.js';
import type { Hole, JobRecord, LogEvent, SerialisedEvent, Snapshot } from '../model/types.js';
import type { Parts } from '../process/parts.js';
import type { AttemptLimits } from './attempt-limits.js';
import { SnapshotSchedule } from './snapshot-schedule.js';

/**
 * The factor by which more events lie between snapshots that only say what is kept: looking for that is less work than
 * folding.
 */
const WITHOUT_CONTENT = 4;

export class AttemptFold {
  readonly #parts: Parts;
  readonly #claim: LeaseClaim;
  readonly #fold: Fold;
  readonly #schedule: SnapshotSchedule;
  readonly #hasSnapshots: boolean;
  #isSaving = false;
  #hasFailed = false;

  /**
   * @param fold up to where the attempt begins, less what is then given to `add`
   * @param unsnapshotted the text of the events since the record's newest snapshot
   */
  constructor(parts: Parts, claim: LeaseClaim, fold: Fold, record: JobRecord, unsnapshotted: number) {
    this.#parts = parts;
    this.#claim = claim;
    this.#fold = fold;
    this.#hasSnapshots = fold.hasModel || record.contentModel === undefined;
    const newest = { sequence: record.snapshotSequence, size: fold.startSize };
    const leastEvents = parts.options.snapshotEvents * (fold.hasModel ? 1 : WITHOUT_CONTENT);
    this.#schedule = new SnapshotSchedule(leastEvents, newest, unsnapshotted);
  }

  /** The sequence up to which a snapshot has the content; 0 without one. */
  get contentSequence(): number {
    return this.#fold.hasModel ? this.#schedule.sequence : 0;
  }

  /** Returns a copy of the content so far and where it is true; null when there is none, or it can't be had. */
  copy(): { content: unknown; sequence: number; missing?: Hole } | null {
    if (!this.#fold.hasModel || this.#hasFailed) return null;
    const { sequence, content, missing } = this.#fold.snapshot();
    return { content: JSON.parse(content), sequence, ...(missing && { missing }) };
  }

  /** A long answer must not fail for want of a snapshot: half of what it may have without one is enough. */
  isSnapshotDue(limits: AttemptLimits): boolean {
    if (this.#isSaving) return false;
    if (this.#schedule.isDueAt(this.#fold.sequence)) return true;
    return this.#fold.hasModel && limits.isHalfUsed(this.#fold.sequence - this.#schedule.sequence);
  }

  add(events: readonly LogEvent[]): void {
    if (!this.#hasSnapshots || this.#hasFailed) return;
    try {
      for (const event of events) {
        this.#fold.add(event);
        this.#schedule.count(event.data.length);
      }
    } catch (error) {
      this.#hasFailed = true;
      this.#tellFailure(error);
    }
  }

  /** Returns what the content model makes of two neighbours; they stay apart when it can't, or the first is the library's own. */
  merged(earlier: SerialisedEvent, later: SerialisedEvent): SerialisedEvent | null {
    if (isOwnEvent(earlier.event)) return null;
    try {
      const merged = this.#fold.merge(earlier, later);
      return merged && serialiseHostEvent(merged, this.#parts.options.limits);
    } catch (error) {
      if (!isGenerationJobError(error, 'event_too_large')) this.#tellFailure(error);
      return null;
    }
  }

  /** Saves what is folded, if there is anything new; says whether the content until now has been saved. */
  save(): boolean {
    const { hasModel, sequence } = this.#fold;
    if (!this.#hasSnapshots || this.#hasFailed || sequence <= this.#schedule.sequence) return false;
    // At an end, a short tail without content is not worth a call.
    if (!hasModel && !this.#schedule.isDueAt(sequence)) return false;
    let snapshot: Snapshot;
    try {
      snapshot = this.#fold.snapshot();
    } catch (error) {
      this.#hasFailed = true; // its content is nothing that JSON can carry
      this.#tellFailure(error);
      return false;
    }
    this.#schedule.taken(snapshot.sequence, sizeOfSnapshot(snapshot));
    this.#parts.background.run(this.#store(snapshot));
    return hasModel;
  }

  async #store(snapshot: Snapshot): Promise<void> {
    const { store, options } = this.#parts;
    const { key, generation, attempt } = this.#claim;
    const trim = options.trimLog && this.#fold.hasModel;
    this.#isSaving = true;
    try {
      await store.saveSnapshot({ key, generation, attempt, snapshot, trim });
    } catch (error) {
      this.#schedule.failed();
      throw error;
    } finally {
      this.#isSaving = false;
    }
  }

  #tellFailure(error: unknown): void {
    const { key, generation, attempt } = this.#claim;
    this.#parts.observer.hookFailed('contentModel');
    this.#parts.errors.report({ where: 'contentModel', error, record: { ...key, generation, attempt } });
  }
}
