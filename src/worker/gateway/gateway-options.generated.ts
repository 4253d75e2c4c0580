/**
 * Options as their schemas have them. Written by scripts/docs-tables.mjs from the built schemas, never by hand: after a change
 * of a schema, which the compiler tells where it no longer fits, `npm run docs` writes this anew, and a test fails while it
 * differs.
 */

/** The settings of `createWorkerRouter`, beside what it asks of the host. */
export interface GatewaySettings {
  /** The audience a token must have. At most 256 characters; default `generation-jobs/worker`. */
  readonly audience?: string | undefined;
  /** Sets how long a renewed token is good for (ms). 1 s to 1 d; default 15 min. */
  readonly tokenMs?: number | undefined;
  /**
   * Sets how long after its expiry a token may still be renewed, or save a transcript (ms). 0 ms to 1 d;
   * default 10 min.
   */
  readonly tokenGraceMs?: number | undefined;
  /**
   * The body of a request (bytes); more than limits.finalBytes, or long answers can’t end. 1 KiB to 4 GiB;
   * default 8 MiB.
   */
  readonly bodyBytes?: number | undefined;
  /** Sets how long the body of a request is waited for (ms). 10 ms to 1 h; default 30 s. */
  readonly bodyMs?: number | undefined;
  /** A transcript (bytes); it is passed on as it comes. 1 KiB to 4 GiB; default 64 MiB. */
  readonly transcriptBytes?: number | undefined;
  /**
   * Requests of one run that a replica takes each second, on average; twice as many at once. 1 to 1,000,000;
   * default 500.
   */
  readonly requestsPerSecond?: number | undefined;
  /** Longest silence of an open control stream; then a comment is sent (ms). 10 ms to 1 h; default 15 s. */
  readonly heartbeatMs?: number | undefined;
  /** Sets how long a worker may take nothing of it before it is detached (ms). 10 ms to 1 h; default 30 s. */
  readonly stallMs?: number | undefined;
  /**
   * Sets when workers reconnect; each is told between half and one and a half of it (ms). 10 ms to 1 h;
   * default 1 s.
   */
  readonly retryMs?: number | undefined;
}

/** The settings of `createWorkerHandler`, beside what it asks of the host. */
export interface WebGatewaySettings {
  /** The audience a token must have. At most 256 characters; default `generation-jobs/worker`. */
  readonly audience?: string | undefined;
  /** Sets how long a renewed token is good for (ms). 1 s to 1 d; default 15 min. */
  readonly tokenMs?: number | undefined;
  /**
   * Sets how long after its expiry a token may still be renewed, or save a transcript (ms). 0 ms to 1 d;
   * default 10 min.
   */
  readonly tokenGraceMs?: number | undefined;
  /**
   * The body of a request (bytes); more than limits.finalBytes, or long answers can’t end. 1 KiB to 4 GiB;
   * default 8 MiB.
   */
  readonly bodyBytes?: number | undefined;
  /** Sets how long the body of a request is waited for (ms). 10 ms to 1 h; default 30 s. */
  readonly bodyMs?: number | undefined;
  /** A transcript (bytes); it is passed on as it comes. 1 KiB to 4 GiB; default 64 MiB. */
  readonly transcriptBytes?: number | undefined;
  /**
   * Requests of one run that a replica takes each second, on average; twice as many at once. 1 to 1,000,000;
   * default 500.
   */
  readonly requestsPerSecond?: number | undefined;
  /** Longest silence of an open control stream; then a comment is sent (ms). 10 ms to 1 h; default 15 s. */
  readonly heartbeatMs?: number | undefined;
  /** Sets how long a worker may take nothing of it before it is detached (ms). 10 ms to 1 h; default 30 s. */
  readonly stallMs?: number | undefined;
  /**
   * Sets when workers reconnect; each is told between half and one and a half of it (ms). 10 ms to 1 h;
   * default 1 s.
   */
  readonly retryMs?: number | undefined;
  /**
   * The path the routes are mounted at: it begins with `/` and does not end with it. Default the empty text.
   */
  readonly basePath?: string | undefined;
}
