/** Asking a store again whose answer did not come. */
import { type Clock, type Entropy, sleep } from '../../clock.js';
import { isUnanswered } from '../../errors.js';
import type { Options } from '../model/options.js';

export interface RepeatContext {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly options: Pick<Options, 'retryMs'>;
}

const LONGEST_RETRY_FACTOR = 20;

/**
 * Calls until there is an answer, which any error of ours but `unavailable` is. Otherwise the outcome is unknown, and every
 * write can be recognised when it comes again, so it is repeated as it was, with growing pauses, until `untilMonotonic`; then
 * the last error is thrown.
 */
export async function repeatUntilAnswered<Answer>(
  context: RepeatContext,
  call: () => Promise<Answer>,
  untilMonotonic: number,
): Promise<Answer> {
  const { clock, entropy, options } = context;
  for (let pause = options.retryMs; ; pause = Math.min(pause * 2, options.retryMs * LONGEST_RETRY_FACTOR)) {
    try {
      return await call();
    } catch (error) {
      if (!isUnanswered(error) || clock.monotonic() + pause > untilMonotonic) throw error;
      await sleep(clock, pause * (0.5 + entropy.random() / 2));
    }
  }
}
