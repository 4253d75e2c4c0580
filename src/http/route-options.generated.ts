/**
 * Options as their schemas have them. Written by scripts/docs-tables.mjs from the built schemas, never by hand: after a change
 * of a schema, which the compiler tells where it no longer fits, `npm run docs` writes this anew, and a test fails while it
 * differs.
 */

/** The settings of `createStreamRouter`, beside what it asks of the host. */
export interface RouterSettings {
  /** Origins other than the server’s own that may call the routes. Default: none. */
  readonly allowedOrigins?: readonly string[] | undefined;
  /**
   * Sets whether pages of allowedOrigins get the headers that let them read answers, with cookies. Default
   * false.
   */
  readonly cors?: boolean | undefined;
  /**
   * Sets whether there are the routes `POST /messages`: only where producers take what is sent. Default
   * false.
   */
  readonly messages?: boolean | undefined;
  /** Longest silence of an open stream; then a comment is sent (ms). 10 ms to 1 h; default 15 s. */
  readonly heartbeatMs?: number | undefined;
  /** Sets how often access is checked again on an open stream (ms). 10 ms to 1 h; default 30 s. */
  readonly recheckMs?: number | undefined;
  /** Sets how long a reader may take nothing before it is detached (ms). 10 ms to 1 h; default 30 s. */
  readonly stallMs?: number | undefined;
  /**
   * Sets when clients reconnect; each is told between half and one and a half of it (ms). 10 ms to 1 h;
   * default 2 s.
   */
  readonly retryMs?: number | undefined;
  /** The body of a request (bytes). 64 B to 4 GiB; default 256 KiB. */
  readonly bodyBytes?: number | undefined;
  /** Sets how long the body of a request is waited for (ms). 10 ms to 1 h; default 30 s. */
  readonly bodyMs?: number | undefined;
  /**
   * Sets what a reader may leave unread in this process (bytes). Default: limits.liveBytes. 256 KiB or more.
   */
  readonly readerBytes?: number | undefined;
  /**
   * Sets how the body of a stream is framed over HTTP/1.1: in chunks, or not at all, as over HTTP/1.0.
   * Default `chunked`.
   */
  readonly framing?: 'chunked' | 'close' | undefined;
}

/** The settings of `createStreamHandler`, beside what it asks of the host. */
export interface HandlerSettings {
  /** Origins other than the server’s own that may call the routes. Default: none. */
  readonly allowedOrigins?: readonly string[] | undefined;
  /**
   * Sets whether pages of allowedOrigins get the headers that let them read answers, with cookies. Default
   * false.
   */
  readonly cors?: boolean | undefined;
  /**
   * Sets whether there are the routes `POST /messages`: only where producers take what is sent. Default
   * false.
   */
  readonly messages?: boolean | undefined;
  /** Longest silence of an open stream; then a comment is sent (ms). 10 ms to 1 h; default 15 s. */
  readonly heartbeatMs?: number | undefined;
  /** Sets how often access is checked again on an open stream (ms). 10 ms to 1 h; default 30 s. */
  readonly recheckMs?: number | undefined;
  /** Sets how long a reader may take nothing before it is detached (ms). 10 ms to 1 h; default 30 s. */
  readonly stallMs?: number | undefined;
  /**
   * Sets when clients reconnect; each is told between half and one and a half of it (ms). 10 ms to 1 h;
   * default 2 s.
   */
  readonly retryMs?: number | undefined;
  /** The body of a request (bytes). 64 B to 4 GiB; default 256 KiB. */
  readonly bodyBytes?: number | undefined;
  /** Sets how long the body of a request is waited for (ms). 10 ms to 1 h; default 30 s. */
  readonly bodyMs?: number | undefined;
  /**
   * Sets what a reader may leave unread in this process (bytes). Default: limits.liveBytes. 256 KiB or more.
   */
  readonly readerBytes?: number | undefined;
  /**
   * The path the routes are mounted at: it begins with `/` and does not end with it; web handler only.
   * Default the empty text.
   */
  readonly basePath?: string | undefined;
}
