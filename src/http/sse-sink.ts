/**
 * Where a session writes: one reader's connection. An adapter gives one per response; the session is its only writer.
 */
export interface SseSink {
  /** Whether the connection is over; nothing written after that arrives. */
  readonly closed: boolean;
  /** What was written and has not left this process, in bytes. */
  readonly bufferedBytes: number;
  /** Whether what is written must be framed in chunks by its writer (`inChunk`). */
  readonly isChunked: boolean;
  /** Called when more may be written after `write` has answered false. */
  onDrain: (() => void) | undefined;
  /** Called once, when the connection is over, whoever ended it. */
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
