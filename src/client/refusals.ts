/** A refusal tells whoever asked to come back, to come back at once as somebody else, to start over, or to stop. */
import type { StreamClientError } from './errors.js';

/** A token may have expired: so often in a row it is asked for anew, by status. 404 is what the library's routes say to nobody. */
const SECOND_LOOKS: Readonly<Record<number, number>> = { 401: 3, 403: 1, 404: 1 };
/** An answer that is no stream may be a proxy's, of which the next one knows nothing; so often in a row. */
const MOST_BAD_ANSWERS = 5;

export interface RefusalCount {
  /** The refusals of this kind in a row, this one included. */
  readonly inARow: number;
  /** Says whether headers are asked for anew at each try. */
  readonly hasFreshHeaders: boolean;
}

/**
 * Says what a follower does about an error: `again` later, `refreshed` with fresh headers, `over` from a `sync`, or `stop`.
 */
export function answerTo(
  { code, status }: StreamClientError,
  { inARow, hasFreshHeaders }: RefusalCount,
): 'again' | 'refreshed' | 'over' | 'stop' {
  if (code === 'invalid_cursor') return 'over';
  if (code === 'bad_answer') return inARow < MOST_BAD_ANSWERS ? 'again' : 'stop';
  if (status === undefined || code === 'out_of_order') return 'again';
  if (hasFreshHeaders && inARow <= (SECOND_LOOKS[status] ?? 0)) return 'refreshed';
  const mayPass = status >= 500 || status === 408 || status === 425 || status === 429;
  return mayPass && code !== 'store_damaged' ? 'again' : 'stop';
}
