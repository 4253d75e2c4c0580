/** A follower of a stream, as those who keep it see it: of its generations, or of a run that waits there. No code. */
import type { BatchReader } from '../interfaces/batch-reader.js';
import type { Subscription } from '../interfaces/subscription.js';
import type { Follower } from './hub-context.js';
import type { StreamHub } from './stream-hub.js';

export interface StreamFollower extends Subscription, BatchReader, Follower {
  /** The hub of the stream it follows. */
  readonly hub: StreamHub;
}
