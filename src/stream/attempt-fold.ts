/**
 * The producer's own fold of what it has committed, and the snapshots made of it: every `snapshotEvents` events, and at
 * each pause and end. A content model that throws costs the snapshots and nothing else: followers have the whole log.
 */
import { isGenerationJobError } from '../errors.js';
import { serialiseHostEvent } from './events.js';
import type { LeaseClaim } from './interfaces/job-store.js';
import type { Parts } from './parts.js';
import type { Fold } from './resume-state.js';
import type { LogEvent, SerialisedEvent, Snapshot } from './types.js';

export class AttemptFold {
  readonly #parts: Parts;
  readonly #claim: LeaseClaim;
  readonly #fold: Fold;
  #snapshotSequence: number;
  #hasFailed = false;

  /** @param fold up to where the attempt begins, less what is then given to `add` */
  constructor(parts: Parts, claim: LeaseClaim, fold: Fold, snapshotSequence: number) {
    this.#parts = parts;
    this.#claim = claim;
    this.#fold = fold;
    this.#snapshotSequence = snapshotSequence;
  }

  /** The newest snapshot's sequence; 0 without one. */
  get snapshotSequence(): number {
    return this.#snapshotSequence;
  }

  get isSnapshotDue(): boolean {
    return this.#fold.sequence - this.#snapshotSequence >= this.#parts.options.snapshotEvents;
  }

  add(events: readonly LogEvent[]): void {
    if (!this.#fold.hasModel || this.#hasFailed) return;
    try {
      for (const event of events) this.#fold.add(event);
    } catch (error) {
      this.#hasFailed = true;
      this.#tellFailure(error);
    }
  }

  /** What the content model makes of two neighbours; they stay apart when it can't. */
  merged(earlier: SerialisedEvent, later: SerialisedEvent): SerialisedEvent | null {
    try {
      const merged = this.#fold.merge(earlier, later);
      return merged && serialiseHostEvent(merged, this.#parts.options.limits);
    } catch (error) {
      if (!isGenerationJobError(error, 'event_too_large')) this.#tellFailure(error);
      return null;
    }
  }

  /** Saves what is folded, if there is anything new; says whether there was. */
  save(): boolean {
    const { store, background, options } = this.#parts;
    if (!this.#fold.hasModel || this.#hasFailed || this.#fold.sequence <= this.#snapshotSequence)
      return false;
    let snapshot: Snapshot;
    try {
      snapshot = this.#fold.snapshot();
    } catch (error) {
      this.#hasFailed = true; // its content is nothing that JSON can carry
      this.#tellFailure(error);
      return false;
    }
    this.#snapshotSequence = snapshot.sequence;
    const { key, generation, attempt } = this.#claim;
    background.run(store.saveSnapshot({ key, generation, attempt, snapshot, trim: options.trimLog }));
    return true;
  }

  #tellFailure(error: unknown): void {
    const { key, generation, attempt } = this.#claim;
    this.#parts.observer.hookFailed('contentModel');
    this.#parts.errors.report({ where: 'contentModel', error, record: { ...key, generation, attempt } });
  }
}
