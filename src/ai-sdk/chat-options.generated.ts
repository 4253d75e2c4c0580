/**
 * Options as their schemas have them. Written by scripts/docs-tables.mjs from the built schemas, never by hand: after a change
 * of a schema, which the compiler tells where it no longer fits, `npm run docs` writes this anew, and a test fails while it
 * differs.
 */

/** The settings of `createChatRouter`, beside what it asks of the host. */
export interface ChatRouterSettings {
  /** Origins other than the server’s own that may call the routes. Default: none. */
  readonly allowedOrigins?: readonly string[] | undefined;
  /**
   * Sets whether pages of allowedOrigins get the headers that let them read answers, with cookies. Default
   * false.
   */
  readonly cors?: boolean | undefined;
  /** Longest silence of an open stream; then a comment is sent (ms). 10 ms to 1 h; default 15 s. */
  readonly heartbeatMs?: number | undefined;
  /** Sets how often access is checked again on an open stream (ms). 10 ms to 1 h; default 30 s. */
  readonly recheckMs?: number | undefined;
  /** Sets how long a reader may take nothing before it is detached (ms). 10 ms to 1 h; default 30 s. */
  readonly stallMs?: number | undefined;
  /** The body of a request, all messages of the chat in it (bytes). 64 B to 4 GiB; default 4 MiB. */
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
  /**
   * Sets what a new message does to an answer that is still being made, or waits for a decision: ends it, or
   * is refused as conflict. Default `replace`.
   */
  readonly onConflict?: 'replace' | 'reject' | undefined;
  /**
   * Sets what an answer waits for, of those before it: that they are settled, that their producers have left,
   * or nothing. Default `left`.
   */
  readonly waitFor?: 'settled' | 'left' | 'nothing' | undefined;
}

/** The settings of `createChatHandler`, beside what it asks of the host. */
export interface ChatHandlerSettings {
  /** Origins other than the server’s own that may call the routes. Default: none. */
  readonly allowedOrigins?: readonly string[] | undefined;
  /**
   * Sets whether pages of allowedOrigins get the headers that let them read answers, with cookies. Default
   * false.
   */
  readonly cors?: boolean | undefined;
  /** Longest silence of an open stream; then a comment is sent (ms). 10 ms to 1 h; default 15 s. */
  readonly heartbeatMs?: number | undefined;
  /** Sets how often access is checked again on an open stream (ms). 10 ms to 1 h; default 30 s. */
  readonly recheckMs?: number | undefined;
  /** Sets how long a reader may take nothing before it is detached (ms). 10 ms to 1 h; default 30 s. */
  readonly stallMs?: number | undefined;
  /** The body of a request, all messages of the chat in it (bytes). 64 B to 4 GiB; default 4 MiB. */
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
  /**
   * Sets what a new message does to an answer that is still being made, or waits for a decision: ends it, or
   * is refused as conflict. Default `replace`.
   */
  readonly onConflict?: 'replace' | 'reject' | undefined;
  /**
   * Sets what an answer waits for, of those before it: that they are settled, that their producers have left,
   * or nothing. Default `left`.
   */
  readonly waitFor?: 'settled' | 'left' | 'nothing' | undefined;
}
