/**
 * Tells the host's `onProgress` what a producer has made so far: at most every `progressMs` while something changes, and once
 * more when the attempt stops to ask or, where nothing settles it, when it is over. It delays no event: a commit only leaves
 * word that there is something new.
 */
import type { TimerHandle } from '../../clock.js';
import type { EndReason } from '../../errors.js';
import type { LeaseClaim } from '../interfaces/job-store.js';
import type { Parts } from '../process/parts.js';
import type { Progress } from '../process/progress-calls.js';

/** Another attempt is in charge, or nobody knows who: what this one has is not the newest. */
const NOT_OURS: ReadonlySet<EndReason> = new Set<EndReason>([
  'fenced',
  'lease_lost',
  'gone',
  'store_damaged',
]);

/** The content as it now is, in a copy that is the host's to keep; null when there is none to be had. */
type Copy = () => Omit<Progress, 'record'> | null;

export class ProgressReports {
  readonly #parts: Parts;
  readonly #claim: LeaseClaim;
  readonly #copy: Copy;
  #timer: TimerHandle | undefined;
  #isTelling = false;
  #hasNews = false;
  #isOver = false;

  constructor(parts: Parts, claim: LeaseClaim, copy: Copy) {
    this.#parts = parts;
    this.#claim = claim;
    this.#copy = copy;
  }

  /** Something was committed. */
  changed(): void {
    this.#hasNews = true;
    if (this.#timer !== undefined || this.#isTelling || this.#isOver) return;
    const { clock, options } = this.#parts;
    this.#timer = clock.setTimeout(() => {
      this.#timer = undefined;
      this.#parts.background.run(this.#tell());
    }, options.progressMs);
  }

  /** The attempt is over. What is settled is told by who settles it. */
  end(reason: EndReason): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#parts.clock.clearTimeout(this.#timer);
    const isLast = reason === 'paused' || this.#parts.hooks.settle === undefined;
    if (isLast && !NOT_OURS.has(reason)) this.#parts.background.run(this.#tell(reason === 'paused'));
  }

  /** @param hasAsked the store has completed what it asks, so the content with the question in it is read from there */
  async #tell(hasAsked = false): Promise<void> {
    const { progress, store, states } = this.#parts;
    const { key, generation } = this.#claim;
    this.#isTelling = true;
    await progress.tell(key, generation, async () => {
      this.#hasNews = false;
      const state = hasAsked && this.#copy() !== null ? await states.read(key, generation) : null;
      if (state !== null) {
        const { record, content, sequence, missing } = state;
        return { record, content: structuredClone(content), sequence, ...(missing && { missing }) };
      }
      const [record] = await store.read(key, generation);
      const copy = record === undefined ? null : this.#copy();
      return record === undefined || copy === null ? null : { record, ...copy };
    });
    this.#isTelling = false;
    if (this.#hasNews) this.changed();
  }
}
