/** The reason a transition by others is refused in memory, checked before anything is written; undefined when it is legal. */
import type { OtherCommit, Place, Refusal } from '../../interfaces/commits.js';
import { isActive, transitionOf } from '../../model/transitions.js';
import type { JobRecord } from '../../model/types.js';

type Standing = Pick<JobRecord, 'status' | 'attempt' | 'leaseUntil' | 'pendingAction' | 'lastSequence'>;

export function refusalOfOther(record: Standing, commit: OtherCommit, now: number): Refusal | undefined {
  const { from, guard } = transitionOf(commit.name);
  if (!from.includes(record.status)) {
    if (!isActive(record.status)) return 'ended';
    return record.status === 'running' ? 'running' : 'paused';
  }
  if (commit.attempt !== undefined && commit.attempt !== record.attempt) return 'fenced';
  const { leaseUntil = 0 } = record;
  if (guard === 'lease' && leaseUntil > now && leaseUntil !== commit.unmovedLeaseUntil) return 'lease';
  if (guard === 'action') {
    if (commit.actionId !== record.pendingAction?.actionId) return 'action';
    const hasExpired = (record.pendingAction?.expiresAt ?? 0) <= now;
    if (commit.name === 'expire' && !hasExpired) return 'early';
    if (commit.name === 'resolve' && hasExpired) return 'action';
  }
  return isBeyond(record, commit.describedFrom) ? 'behind' : undefined;
}

/** Says whether a generation has gone on since its end was described. */
export function isBeyond(
  { lastSequence, attempt }: Pick<JobRecord, 'lastSequence' | 'attempt'>,
  described: Place | undefined,
): boolean {
  return described !== undefined && (described.sequence !== lastSequence || described.attempt !== attempt);
}
