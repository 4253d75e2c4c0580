/** A follower as the layers around the manager read it. */

import type { Batch } from '../model/types.js';
import type { DetachResult } from './observer.js';

/** A follower that is read synchronously, batch by batch, by a reader which is told when there is more. */
export interface BatchReader {
  /** Resolves when attached; rejects with the reason why not. */
  readonly ready: Promise<void>;
  /** Called when `read` may have something, or the reader has closed. */
  onReadable: (() => void) | undefined;
  /** The reason it has closed; undefined while it is open. */
  readonly closedBy: DetachResult | undefined;
  /** True when there is nothing to read because the reader is at the log's end, as far as is known here. */
  readonly isCaughtUp: boolean;
  /** The place of the last event read. */
  readonly cursor: string;
  /** The next events, or null when there are none now. @throws what `ready` rejected with; `unavailable` */
  read(): Batch | null;
  /** Leaves the stream; observers are told the reason. Safe to call at any time, any number of times. */
  detach(reason: DetachResult): void;
}
