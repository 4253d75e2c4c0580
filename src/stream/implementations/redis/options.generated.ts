/**
 * Options as their schemas have them. Written by scripts/docs-tables.mjs from the built schemas, never by hand: after a change
 * of a schema, which the compiler tells where it no longer fits, `npm run docs` writes this anew, and a test fails while it
 * differs.
 */

/** The settings of the store and the transport on Redis. */
export interface RedisOptions {
  /** Sets what every key begins with; no braces. At most 64 of `A-Za-z0-9_.:-`; default `gj:`. */
  readonly keyPrefix?: string | undefined;
  /** Longest wait for an answer; less than half of leaseMs (ms). 10 ms to 10 min; default 5 s. */
  readonly timeoutMs?: number | undefined;
  /**
   * Sets how long keys outlive what is due on them, with every replica down; more than the retention (ms).
   * 1 s or more; default 2 d.
   */
  readonly expiryMarginMs?: number | undefined;
  /**
   * Sets how long a user’s index keeps an entry for a create under way; at least createTimeoutMs (ms). 1 ms
   * or more; default 15 s.
   */
  readonly createHoldMs?: number | undefined;
  /** Sets how often the subscriber link is tried (ms). 10 ms or more; default 5 s. */
  readonly pingMs?: number | undefined;
  /** Sets when a silent subscriber link is replaced (ms). 10 ms or more; default 3 s. */
  readonly pingTimeoutMs?: number | undefined;
}
