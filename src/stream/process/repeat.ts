/** A store whose answer did not come is asked again. */
import { type Clock, type Entropy, sleep } from '../../clock.js';
import { isUnanswered } from '../../errors.js';
import type { Options } from '../model/options.js';
import { backOff, retryPauses, scattered } from './back-off.js';

export interface RepeatContext {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly options: Pick<Options, 'retryMs'>;
}

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
  for (let failures = 1; ; failures++) {
    try {
      return await call();
    } catch (error) {
      const pause = backOff(retryPauses(options), failures);
      if (!isUnanswered(error) || clock.monotonic() + pause > untilMonotonic) throw error;
      await sleep(clock, scattered(pause, entropy));
    }
  }
}
