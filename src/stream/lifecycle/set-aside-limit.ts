/**
 * The bound on how many generations are kept whose settlement was set aside: beyond `setAsideMost` the oldest are dropped,
 * each told to the host. They are counted by listing them, so a count reads every stream; that is paid when this process
 * sets its first one aside, and then for each tenth of the bound: what is kept exceeds it by that much for each replica.
 */

import { streamKey } from '../model/stream-key.js';
import type { JobRecord, StreamKey } from '../model/types.js';
import type { Parts } from '../process/parts.js';
import { reportUpkeepFailures, type UpkeepFailure } from '../process/upkeep-failures.js';
import type { Listings } from './listings.js';
import type { Settler } from './settlement.js';

/** The part of the bound by which more may be set aside between two counts. */
const SLACK_SHARE = 0.1;

/** A count holds this of each: not the record, which may be large. */
interface Kept {
  readonly key: StreamKey;
  readonly generation: number;
  readonly endedAt: number;
}

export class SetAsideLimit {
  readonly #parts: Parts;
  readonly #listings: Listings;
  readonly #settler: Settler;
  #leftUntilCount = 1;
  #isCounting = false;
  #isStopped = false;

  constructor(parts: Parts, listings: Listings, settler: Settler) {
    this.#parts = parts;
    this.#listings = listings;
    this.#settler = settler;
  }

  /** One more was set aside by this process. */
  added(): void {
    this.#leftUntilCount--;
    if (this.#leftUntilCount <= 0 && !this.#isCounting) this.#parts.background.run(this.#dropBeyondBound());
  }

  stop(): void {
    this.#isStopped = true;
  }

  async #dropBeyondBound(): Promise<void> {
    const { setAsideMost } = this.#parts.options;
    this.#isCounting = true;
    this.#leftUntilCount = Math.ceil(setAsideMost * SLACK_SHARE);
    try {
      const kept = await this.#list();
      if (!this.#isStopped) this.#parts.setAside.counted(kept.length);
      kept.sort((a, b) => a.endedAt - b.endedAt);
      await this.#drop(kept.slice(0, Math.max(0, kept.length - setAsideMost)));
    } catch (error) {
      this.#leftUntilCount = 1; // counted with the next one
      reportUpkeepFailures(this.#parts, 'listing', [{ error }]);
    } finally {
      this.#isCounting = false;
    }
  }

  async #list(): Promise<Kept[]> {
    const kept = new Map<string, Kept>();
    for (let cursor: string | undefined; !this.#isStopped; ) {
      const page = await this.#listings.settlements({ state: 'set_aside', cursor });
      // One that moves while the pages are read may be listed twice.
      for (const record of page) {
        const one = keptOf(record);
        kept.set(`${one.key.id}/${one.generation}`, one);
      }
      if (page.next === undefined || page.next === cursor) break;
      cursor = page.next;
    }
    return [...kept.values()];
  }

  async #drop(oldest: readonly Kept[]): Promise<void> {
    const { store, options } = this.#parts;
    const failures: UpkeepFailure[] = [];
    for (const { key, generation } of oldest) {
      if (this.#isStopped) break;
      try {
        const [record] = await store.read(key, generation);
        const why = `More than ${options.setAsideMost} are set aside (setAsideMost), and it was the oldest.`;
        if (record !== undefined) await this.#settler.drop(key, record, why);
      } catch (error) {
        failures.push({ streamId: key.streamId, error });
      }
    }
    reportUpkeepFailures(this.#parts, 'visit', failures);
  }
}

function keptOf({ streamId, tenantId, generation, endedAt, updatedAt }: JobRecord): Kept {
  return { key: streamKey(streamId, tenantId), generation, endedAt: endedAt ?? updatedAt };
}
