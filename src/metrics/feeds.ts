/** The feeds of users: what was written into them, and who follows them here. */
import { FEED_WRITE_RESULTS, type StreamObserver } from '../stream/interfaces/observer.js';
import type { Makers } from './makers.js';

export function observeFeeds(make: Makers) {
  const writes = make.counterBy(
    'feed_writes_total',
    'What became of streams, as this process told their users’ feeds: written, known there already, or failed',
    'result',
    FEED_WRITE_RESULTS,
  );
  const followers = make.gauge('feed_followers', 'Open followers of users’ feeds of this process');
  const syncs = make.counter(
    'feed_syncs_total',
    'Feeds that readers here began, or had to begin anew, with a sync',
  );
  return {
    feedWritten: (result) => writes(result),
    feedFollowers: (count) => followers.set(count),
    feedSynced: () => syncs.inc(),
  } satisfies Partial<StreamObserver>;
}
