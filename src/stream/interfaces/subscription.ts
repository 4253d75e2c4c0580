/** A host holds this of one follower. */

import type { HostTypes, Untyped } from '../model/host-types.js';
import type { StreamEvent } from '../model/lifecycle-payloads.js';
import type { DetachResult } from './observer.js';

/**
 * One follower of one stream: iterate it for its events. The loop ends after the terminal event, after `gone`, and when
 * the process drains; leaving the loop leaves the stream.
 * @example
 * for await (const { event, data } of manager.subscribe('s-1')) console.log(event, data);
 */
export interface Subscription<Types extends HostTypes = Untyped>
  extends AsyncIterableIterator<StreamEvent<Types>>,
    AsyncDisposable {
  /**
   * Resolves when attached.
   * @throws GenerationJobError (by rejecting) `stream_not_found`, `invalid_cursor`, `unavailable`
   */
  readonly ready: Promise<void>;
  /** The reason it has closed; undefined while it is open. */
  readonly closedBy: DetachResult | undefined;
  /** The place of the last event that was read: `<generation>-<sequence>`. */
  readonly cursor: string;
  /** Leaves the stream. Safe to call at any time, any number of times. */
  close(): void;
  /**
   * Waits for the next event, as iteration does.
   * @throws GenerationJobError (by rejecting) what `ready` rejected with; `unavailable` when the log could not be read
   */
  next(): Promise<IteratorResult<StreamEvent<Types>, undefined>>;
  /** Leaves the stream, as leaving a loop does. */
  return(): Promise<IteratorResult<StreamEvent<Types>, undefined>>;
  [Symbol.asyncIterator](): this;
}
