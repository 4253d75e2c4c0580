/**
 * A user's slots, as jobs take and give them (`limits.activeJobsPerUser`). A slot is held by one attempt: what an earlier
 * one still gives back late doesn't take it from the one that runs. Nothing is called without a limit.
 */

import { GenerationJobError } from '../../errors.js';
import type { JobStore } from '../interfaces/job-store.js';
import type { Options } from '../model/options.js';
import { ownerOf } from '../model/stream-key.js';
import type { JobRecord, StreamKey } from '../model/types.js';

/** A slot is one attempt's, of one run, of one user. */
export type SlotOwner = Pick<JobRecord, 'userId' | 'createId' | 'attempt'>;

export interface SlotKeeperContext {
  readonly store: Pick<JobStore, 'slots'>;
  readonly options: Options;
}

export class SlotKeeper {
  readonly #parts: SlotKeeperContext;

  constructor(parts: SlotKeeperContext) {
    this.#parts = parts;
  }

  /** @throws GenerationJobError `user_limit_exceeded` */
  async take(key: StreamKey, owner: SlotOwner): Promise<void> {
    const limit = this.#limit;
    if (limit === 0 || (await this.#take(key, owner, limit))) return;
    throw new GenerationJobError('user_limit_exceeded', `The user already has ${limit} running jobs.`);
  }

  /**
   * Takes the slot for an attempt that runs already, whatever the others hold.
   * @param forMs the length of the attempt's lease; default `leaseMs`
   */
  async retake(key: StreamKey, owner: SlotOwner, forMs?: number): Promise<void> {
    if (this.#limit > 0) await this.#take(key, owner, Number.MAX_SAFE_INTEGER, forMs);
  }

  /** Nothing happens when another attempt holds it by now. */
  async give(key: StreamKey, owner: SlotOwner): Promise<void> {
    if (this.#limit === 0) return;
    await this.#parts.store.slots.give(ownerOf(key, owner.userId), {
      streamId: key.streamId,
      holder: holderOf(owner),
    });
  }

  get #limit(): number {
    return this.#parts.options.limits.activeJobsPerUser;
  }

  #take(
    key: StreamKey,
    owner: SlotOwner,
    limit: number,
    forMs: number = this.#parts.options.leaseMs,
  ): Promise<boolean> {
    const { store } = this.#parts;
    const slot = { streamId: key.streamId, holder: holderOf(owner), limit, forMs };
    return store.slots.take(ownerOf(key, owner.userId), slot);
  }
}

function holderOf({ createId, attempt }: SlotOwner): string {
  return `${createId}/${attempt}`;
}
