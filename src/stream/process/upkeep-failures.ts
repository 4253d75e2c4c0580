/**
 * Steps of the upkeep that failed: each is tried again by itself, so it ends nothing, but it is counted and named. When
 * the store is away every stream fails at once, so a whole batch is one report.
 */
import type { UpkeepStep } from '../interfaces/observer.js';
import type { Parts } from './parts.js';

export interface UpkeepFailure {
  /** Left out when it is a part of the index, not a stream. */
  readonly streamId?: string | undefined;
  readonly error: unknown;
}

/** Enough to find one in; a line of the log with every stream of a busy process would be longer than the rest of it. */
const MOST_NAMED = 10;

/** One report for all that failed for the same step: the first error, how many there are, and some of their streams. */
export function reportUpkeepFailures(
  { observer, errors }: Pick<Parts, 'observer' | 'errors'>,
  step: UpkeepStep,
  failures: readonly UpkeepFailure[],
): void {
  const [first] = failures;
  if (first === undefined) return;
  for (const _ of failures) observer.upkeepFailed(step);
  const streamIds = failures.flatMap(({ streamId }) => streamId ?? []).slice(0, MOST_NAMED);
  const details = { step, failed: failures.length, streams: streamIds.join(' ') };
  errors.report({ where: 'upkeep', error: first.error, details });
}
