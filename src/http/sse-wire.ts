/** A wire is what a session writes of its subscription: the text before, of, between and behind the batches. No code. */
import type { BatchReader } from '../stream/interfaces/batch-reader.js';
import type { DetachResult } from '../stream/interfaces/observer.js';
import type { Batch } from '../stream/model/types.js';

/** A wire that says when to come back needs this of its session. */
interface WireTimes {
  readonly retryMs: number;
  readonly random: () => number;
}

export interface Wire {
  /** Comes when nothing else did, and is read by nobody. */
  readonly heartbeat: string;
  /** Makes the text that comes first. */
  opening(times: WireTimes): string;
  /**
   * Makes the text of a batch, in a chunk of an HTTP/1.1 body if need be.
   * @throws GenerationJobError `invalid_event` when a field can't be written without changing what a parser reads
   */
  encode(batch: Batch, isChunked: boolean): string;
  /** True when nothing more is to be read, whatever there is. */
  readonly isOver?: boolean;
  /** Says why the response ends now that all that can be read was; undefined while it goes on. Default: as the subscription. */
  endedBy?(reader: BatchReader): DetachResult | undefined;
  /** Makes the text that comes last, and says whether the response is whole with it. Asked once. */
  farewell(reason: DetachResult, times: WireTimes): { readonly text: string; readonly isWhole: boolean };
}
