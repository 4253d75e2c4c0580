/**
 * Options as their schemas have them. Written by scripts/docs-tables.mjs from the built schemas, never by hand: after a change
 * of a schema, which the compiler tells where it no longer fits, `npm run docs` writes this anew, and a test fails while it
 * differs.
 */

/** The settings of a connection to Redis. */
export interface ConnectionOptions {
  /**
   * Sets whether the URL is that of a node of a Redis Cluster; the others are found through it. Default
   * false.
   */
  readonly cluster?: boolean | undefined;
  /** Sets how long to wait for the connection (ms). 10 ms to 10 min; default 10 s. */
  readonly connectTimeoutMs?: number | undefined;
  /**
   * Sets when a connection that owes an answer is taken for dead and made again; less than `timeoutMs` of the
   * services, which is 5 s unless set (ms). 10 ms to 10 min; default 4 s.
   */
  readonly socketTimeoutMs?: number | undefined;
}
