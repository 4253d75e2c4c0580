/**
 * Options as their schemas have them. Written by scripts/docs-tables.mjs from the built schemas, never by hand: after a change
 * of a schema, which the compiler tells where it no longer fits, `npm run docs` writes this anew, and a test fails while it
 * differs.
 */

/** The settings of an outbox. */
export interface OutboxSettings {
  /**
   * The most batches and reports in the file, those set aside among them. 1 to 10,000,000; default 200,000.
   */
  readonly maxRows?: number | undefined;
  /** The most text in the file, what is set aside among it (bytes). 1 KiB to 64 GiB; default 256 MiB. */
  readonly maxBytes?: number | undefined;
  /** Failed tries after which a report is set aside. 1 to 1,000,000; default 100. */
  readonly reportTries?: number | undefined;
  /**
   * The pause after the first failed try; it doubles with each that follows (ms). 1 ms to 1 h; default
   * 500 ms.
   */
  readonly retryMs?: number | undefined;
  /** The longest pause between two tries (ms). 1 ms to 1 h; default 1 min. */
  readonly longestRetryMs?: number | undefined;
  /** Sets how often each lane is looked at beside its timers (ms). 1 ms to 1 h; default 30 s. */
  readonly pollMs?: number | undefined;
  /**
   * The longest time a delivery may take before it counts as a failed try (ms). 1 ms to 1 h; default 1 min.
   */
  readonly deliveryMs?: number | undefined;
  /** The most batches of a run in one delivery. 1 to 10,000; default 64. */
  readonly batchItems?: number | undefined;
  /**
   * The most text of a run in one delivery, unless a single batch has more (bytes). 1 B to 64 MiB; default
   * 1 MiB.
   */
  readonly batchBytes?: number | undefined;
}
