/**
 * The tokens that were just verified: a worker sends the same one with each batch, and to verify it costs half a millisecond. What
 * was found holds for a second, so a key that is taken out of the list is out of use soon after; the expiry is looked at each time.
 */
import { type Clock, SECOND } from '../../clock.js';
import { type VerifiedRun, type VerifyRunTokenOptions, verifiedAt } from './run-tokens.js';

const HOLDS_MS = SECOND;
/** Tokens that are remembered, those verified last. */
const MOST = 1_000;

interface Known {
  readonly run: VerifiedRun;
  /** The time of the verification, on the monotonic clock. */
  readonly at: number;
}

export class VerifiedTokens {
  readonly #clock: Clock;
  readonly #options: Pick<VerifyRunTokenOptions, 'keys' | 'audience'>;
  readonly #known = new Map<string, Known>();

  constructor(clock: Clock, { keys, audience }: Pick<VerifyRunTokenOptions, 'keys' | 'audience'>) {
    this.#clock = clock;
    this.#options = { keys, audience };
  }

  /** @throws GenerationJobError as `verifyRunToken` */
  async verify(token: string, graceMs: number): Promise<VerifiedRun> {
    const known = this.#known.get(token);
    const { run, at } = known ?? { at: Number.NEGATIVE_INFINITY };
    if (run && this.#clock.monotonic() - at < HOLDS_MS && this.#clock.now() < run.expiresAt) return run;
    this.#known.delete(token);
    const verified = await verifiedAt(this.#clock.now(), token, { ...this.#options, graceMs });
    this.#known.set(token, { run: verified, at: this.#clock.monotonic() });
    const [oldest] = this.#known.keys();
    if (this.#known.size > MOST && oldest !== undefined) this.#known.delete(oldest);
    return verified;
  }
}
