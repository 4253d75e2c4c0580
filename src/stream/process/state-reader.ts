/**
 * Content by folding: the newest snapshot, then the events after it, read page by page. The record comes with the page
 * that reaches the log's end, so content, lifecycle state and cursor are true at the same moment: a pause that lands in
 * between is either in all of them or in none.
 */
import { GenerationJobError } from '../../errors.js';
import type { ContentModel, ContentModels } from '../model/content-model.js';
import { Fold, type FoldedState, textOf } from '../model/fold.js';
import type { Options } from '../model/options.js';
import type { JobRecord, StreamKey } from '../model/types.js';
import type { LogReader } from './log-reader.js';

export class StateReader {
  readonly #log: LogReader;
  readonly #models: ContentModels;
  readonly #options: Options;
  readonly #now: () => number;

  /** @param now the store's time */
  constructor(log: LogReader, models: ContentModels, options: Options, now: () => number) {
    this.#log = log;
    this.#models = models;
    this.#options = options;
    this.#now = now;
  }

  /**
   * Folds a generation (default: the current one) up to its log's end; null when it is not kept. What the log has lost is
   * left out and told in `missing`.
   */
  async read(key: StreamKey, generation?: number): Promise<FoldedState | null> {
    const { pageEvents, pageBytes } = this.#options.limits;
    let fold: Fold | undefined;
    let wanted = generation;
    let tailSize = 0;
    for (let begun = 0; begun < MOST_BEGINNINGS; ) {
      const page = await this.#log.read({
        key,
        generation: wanted,
        after: fold?.reached ?? 'snapshot',
        maxEvents: pageEvents,
        maxBytes: pageBytes,
        record: true,
      });
      if (!page.found || page.record === undefined) return null;
      // Trimmed between two pages, or rewritten by a failover: what was folded is no longer a prefix. Begin again.
      if (fold && (page.firstSequence > fold.reached + 1 || page.lastSequence < fold.reached)) {
        fold = undefined;
        tailSize = 0;
        begun++;
        continue;
      }
      wanted = page.generation;
      fold ??= new Fold(this.#modelOf(page.record), page.snapshot);
      if (page.missing) fold.skip(page.missing);
      for (const event of page.events) fold.add(event);
      tailSize += textOf(page.events);
      if (fold.reached >= page.lastSequence) {
        const { content, kept, sequence, end, startSize } = fold;
        const isUnknown = page.record.contentModel !== undefined && !fold.hasModel;
        const missing = isUnknown ? { from: 1, to: sequence } : fold.missing;
        const sizes = { snapshotSize: startSize, tailSize };
        return { record: page.record, content, kept, sequence, end, missing, now: this.#now(), ...sizes };
      }
    }
    throw new GenerationJobError('unavailable', 'The log changes faster than it can be read.');
  }

  #modelOf(record: JobRecord): ContentModel | undefined {
    return record.contentModel === undefined ? undefined : this.#models.get(record.contentModel);
  }
}

/** A log that is trimmed or rewritten this often while it is read will not be read. */
const MOST_BEGINNINGS = 16;
