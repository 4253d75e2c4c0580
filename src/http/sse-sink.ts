/**
 * A session writes to it: one reader's connection. An adapter gives one per response; the session is its only writer.
 */
export interface SseSink {
  /** True when the connection is over; nothing written after that arrives. */
  readonly closed: boolean;
  /** The bytes that were written and have not left this process. */
  readonly bufferedBytes: number;
  /** True when what is written must be framed in chunks by its writer (`inChunk`). */
  readonly isChunked: boolean;
  /** Is called when more may be written after `write` has answered false. */
  onDrain: (() => void) | undefined;
  /** Is called once, when the connection is over, whoever ended it. */
  onClose: (() => void) | undefined;
  /** Takes the text whole. False: write no more before `onDrain`. Never throws. */
  write(text: string): boolean;
  /**
   * Ends the response after what was written. Unless `isWhole`, as one that broke off, where the connection has a way to
   * say so.
   */
  end(isWhole: boolean): void;
  /** Ends the connection at once and drops what has not left. */
  destroy(): void;
}
