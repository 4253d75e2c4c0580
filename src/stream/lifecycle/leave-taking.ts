/** A replica takes its leave: producers, followers and what begins by itself stop in their order, each within its time. */
import type { Feeds } from '../following/feeds.js';
import type { Followers } from '../following/followers.js';
import type { DrainInput } from '../interfaces/stopping.js';
import { atMost } from '../process/at-most.js';
import type { Parts } from '../process/parts.js';
import type { LeaseKeeper } from '../producing/lease-keeper.js';
import type { Producers } from '../producing/producers.js';
import type { Settler } from './settlement.js';

/** Less than the 10 s after which supervisors kill, so that what is left can still be handed over or ended. */
const DEFAULT_GRACE_MS = 8_000;
/** The time for ends and hooks under way, after the grace time, before they are left behind (ms). */
export const LAST_WORD_MS = 5_000;

interface Leaving {
  readonly producers: Producers;
  readonly followers: Followers;
  readonly feeds: Feeds;
  readonly leases: LeaseKeeper;
  readonly settler: Settler;
  /** Stop last, once nothing calls for them any more. */
  readonly others: readonly { stop(): void }[];
}

/**
 * Lets producers finish for `graceMs`, or until others go on with them, hands over or ends what is left of them, and stops
 * whatever else begins by itself.
 */
export async function takeLeave(
  { background, clock }: Parts,
  { producers, followers, feeds, leases, settler, others }: Leaving,
  { graceMs = DEFAULT_GRACE_MS, handOverMs = graceMs }: DrainInput,
): Promise<void> {
  producers.stop();
  followers.closeAll('draining');
  feeds.closeAll('draining');
  const now = clock.monotonic();
  const times = { graceEnd: now + graceMs, handOverEnd: now + Math.min(handOverMs, graceMs) };
  const left = producers.leave(times);
  if (graceMs > 0) await atMost(clock, graceMs, leases.idle());
  await atMost(
    clock,
    LAST_WORD_MS,
    left.then(() => producers.handOverOrEndAll()),
  );
  // The process waits no longer for those that have not returned.
  for (const job of producers.staying) background.run(settler.settleNow(job));
  await atMost(clock, LAST_WORD_MS, background.idle());
  settler.stop();
  for (const other of others) other.stop();
}
