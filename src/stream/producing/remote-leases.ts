/**
 * The leases of attempts whose producers work elsewhere: renewed on their behalf with what is accepted of them, and with a
 * lease what a living attempt has beside it, the user's slot and its places in the indexes.
 */
import { isGenerationJobError } from '../../errors.js';
import type { HeldWithInbox, LeaseClaim, RenewAnswer } from '../interfaces/job-store.js';
import type { RemoteAttempt } from '../interfaces/remote-attempts.js';
import { leaseSlackMs } from '../model/remote-times.js';
import type { IndexKeeper } from '../process/index-keeper.js';
import type { Parts } from '../process/parts.js';
import type { AttemptMirror } from './attempt-mirror.js';

/** A worker's attempt takes no messages: how many wait says nothing to it. */
type Answer = Exclude<RenewAnswer, Error | HeldWithInbox>;

export class RemoteLeases {
  readonly #parts: Parts;
  readonly #indexes: Pick<IndexKeeper, 'renewed'>;

  constructor(parts: Parts, indexes: Pick<IndexKeeper, 'renewed'>) {
    this.#parts = parts;
    this.#indexes = indexes;
  }

  /** Renews a lease, unless this process did so a moment ago. @throws GenerationJobError what the store could not do */
  async keep(attempt: RemoteAttempt, mirror: AttemptMirror): Promise<Answer> {
    const { at } = mirror.lease ?? { at: Number.NEGATIVE_INFINITY };
    if (this.#parts.clock.monotonic() - at < leaseSlackMs(attempt.leaseMs)) return 'held';
    return this.renew(attempt, mirror);
  }

  /** Renews a lease. @throws GenerationJobError what the store could not do */
  async renew({ leaseMs, ...claim }: RemoteAttempt, mirror: AttemptMirror | undefined): Promise<Answer> {
    const { clock, store, background, slots } = this.#parts;
    const lease = { at: clock.monotonic(), until: store.now() + leaseMs };
    const answer = await this.claim(claim, leaseMs);
    if (answer !== 'held') return answer;
    if (mirror) {
      mirror.lease = lease;
      this.#indexes.renewed(mirror);
      background.run(slots.retake(mirror.key, mirror, leaseMs));
    } else background.run(this.#retakeSlot(claim, leaseMs));
    return answer;
  }

  /** Claims a lease for so long. @throws GenerationJobError that the store answers the claim with */
  async claim(claim: LeaseClaim, leaseMs: number): Promise<Answer> {
    const [answer = 'gone'] = await this.#parts.store.renew([claim], leaseMs);
    if (isGenerationJobError(answer)) throw answer;
    return typeof answer === 'object' ? 'held' : answer;
  }

  /** Keeps the user's slot of an attempt that only sends heartbeats here. */
  async #retakeSlot({ key, generation }: LeaseClaim, leaseMs: number): Promise<void> {
    const { slots, options, store } = this.#parts;
    if (options.limits.activeJobsPerUser === 0) return;
    const [record] = await store.read(key, generation);
    if (record?.status === 'running') await slots.retake(key, record, leaseMs);
  }
}
