/**
 * Steps of the upkeep that failed: each is tried again by itself, so it ends nothing, but it is counted and named. When
 * the store is away every stream fails at once, so a whole batch is one line of the log.
 */
import type { UpkeepStep } from './observer.js';
import { nameOfError, type Parts } from './parts.js';

export interface UpkeepFailure {
  /** Left out when it is a part of the index, not a stream. */
  readonly streamId?: string | undefined;
  readonly error: unknown;
}

/** Enough to find one in; a line of the log with every stream of a busy process would be longer than the rest of it. */
const MOST_NAMED = 10;

export function reportUpkeepFailures(
  { observer, logger }: Pick<Parts, 'observer' | 'logger'>,
  step: UpkeepStep,
  failures: readonly UpkeepFailure[],
): void {
  if (failures.length === 0) return;
  for (const _ of failures) observer.upkeepFailed(step);
  const streamIds = failures.flatMap(({ streamId }) => streamId ?? []).slice(0, MOST_NAMED);
  const errors = [...new Set(failures.map(({ error }) => nameOfError(error)))];
  logger.warn({ step, failed: failures.length, streamIds, errors }, 'a step of the upkeep failed');
}
