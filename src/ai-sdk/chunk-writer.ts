/**
 * Writes what follows a place in a log as frames, and records what it has changed of the state of the page it was written
 * for. Whoever is at the same place has the same state; so the text is made once, and the others make the same changes.
 */
import type { PageState } from './page-state.js';
import type { UIChunk, UIVersion } from './ui-chunk.js';

/** The way an answer is told to a page. */
export interface Dialect {
  readonly version: UIVersion;
  /** The page goes on with a message, and knows what was decided. */
  readonly isContinuation: boolean;
  /** Shows events that are no chunks, as transient `data-<name>`. */
  readonly showEvents: boolean;
  /** Tells the place after each batch, as a transient `data-cursor`. */
  readonly cursors: boolean;
}

export type Change = (state: PageState) => void;

/** The last frame of a response. */
export const DONE = 'data: [DONE]\n\n';

/** Makes a frame of a chunk; `text` is the chunk as one line of JSON, where it is there already. */
export function frameOf(chunk: UIChunk, text: string = JSON.stringify(chunk)): string {
  return `data: ${text}\n\n`;
}

export class ChunkWriter {
  text = '';
  readonly changes: Change[] = [];
  /** Chunks that were left out because no page would have taken them. */
  readonly malformed: string[] = [];
  readonly state: PageState;
  readonly dialect: Dialect;

  constructor(state: PageState, dialect: Dialect) {
    this.state = state;
    this.dialect = dialect;
  }

  put(chunk: UIChunk, text?: string): void {
    this.text += frameOf(chunk, text);
  }

  /** Changes the state, now and for all who get the same text. */
  change(change: Change): void {
    change(this.state);
    this.changes.push(change);
  }

  /** Closes what is open. */
  close(): void {
    for (const chunk of this.state.closings()) this.put(chunk);
    this.change((state) => state.close());
  }

  /** Ends the response as a whole one. */
  finish(finishReason: string): void {
    this.put({ type: 'finish', finishReason });
    this.text += DONE;
    this.change((state) => {
      state.ending = 'whole';
    });
  }

  /** Breaks the response off: what was shown can't be taken back, so the page has to come again. */
  breakOff(): void {
    this.change((state) => {
      state.ending = 'broken';
    });
  }
}
