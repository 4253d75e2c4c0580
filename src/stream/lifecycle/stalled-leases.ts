/**
 * Leases that the store's clock can't judge, because they end later than any lease given by that clock could: the clock
 * went back. A living producer renews, and so moves its record; one whose record has not moved for a whole lease and a
 * sweep, by this process's monotonic clock, is lost. How long its lease is stands in the record. Records without it are
 * left to the clock: they are of a release that did not say.
 *
 * A lease that was given before the jump, and ends too late for one given after it, has not been renewed since: then the
 * time counts from the jump, for every judge alike. Counted from the first look of each, a judge that comes late would put
 * the stream off for another lease, and with it those who have long seen that it stands still.
 */

import type { JobRecord, StreamKey } from '../model/types.js';
import type { Parts } from '../process/parts.js';

interface Mark {
  readonly attempt: number;
  readonly lastSequence: number;
  readonly leaseUntil: number | undefined;
  /** The time on this process's monotonic clock. */
  readonly lapsesAt: number;
}

/** A mark that nobody looked at for so many leases after its time is of a stream that is gone. */
const KEPT_LEASES = 4;

export class StalledLeases {
  readonly #parts: Pick<Parts, 'clock' | 'options' | 'store' | 'storeClock'>;
  readonly #marks = new Map<string, Mark>();

  constructor(parts: Pick<Parts, 'clock' | 'options' | 'store' | 'storeClock'>) {
    this.#parts = parts;
  }

  /**
   * Looks at the record of a running generation whose lease has not lapsed.
   * @returns after how many milliseconds it lapses unless it moves, 0 when it has; undefined when the clock can judge it
   */
  lapsesInMs(key: StreamKey, record: JobRecord): number | undefined {
    const { clock, options } = this.#parts;
    const name = `${key.id}/${record.generation}`;
    const at = clock.monotonic();
    const known = this.#marks.get(name);
    if (record.leaseMs === undefined) return undefined;
    const isSame = known !== undefined && isUnmoved(known, record);
    if (!isSame && !this.#isBeyondTheClock(record)) {
      this.#marks.delete(name);
      return undefined;
    }
    const { attempt, lastSequence, leaseUntil } = record;
    const since = this.#unmovedSince(record) ?? at;
    const lapsesAt = isSame ? known.lapsesAt : since + record.leaseMs + options.sweepMs;
    this.#marks.set(name, { attempt, lastSequence, leaseUntil, lapsesAt });
    return Math.max(0, lapsesAt - at);
  }

  /** Forgets what nobody looks at any more. */
  prune(): void {
    const { clock, options } = this.#parts;
    const before = clock.monotonic() - options.leaseMs * KEPT_LEASES;
    for (const [name, { lapsesAt }] of this.#marks) if (lapsesAt < before) this.#marks.delete(name);
  }

  #unmovedSince({ leaseUntil = 0, leaseMs = 0 }: JobRecord): number | undefined {
    const { options, store, storeClock } = this.#parts;
    const longestMs = leaseMs + options.sweepMs;
    const { jumpBack } = storeClock;
    if (jumpBack === undefined || leaseUntil - jumpBack.before > longestMs) return undefined;
    return leaseUntil - store.now() > longestMs ? jumpBack.seenAt : undefined;
  }

  #isBeyondTheClock({ leaseUntil = 0, leaseMs = 0 }: JobRecord): boolean {
    const { options, storeClock } = this.#parts;
    return storeClock.isDoubted || leaseUntil - storeClock.now() > leaseMs + options.sweepMs;
  }
}

function isUnmoved(mark: Mark, record: JobRecord): boolean {
  return (
    mark.attempt === record.attempt &&
    mark.lastSequence === record.lastSequence &&
    mark.leaseUntil === record.leaseUntil
  );
}
