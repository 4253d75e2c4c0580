/**
 * A user's slots, as jobs take and give them (`limits.activeJobsPerUser`). A slot is held by one attempt: what an earlier
 * one still gives back late doesn't take it from the one that runs. A stream that is refused may be remembered as waiting, and
 * whoever gives a slot back is told of those that do. Nothing is called without a limit.
 */

import { GenerationJobError } from '../../errors.js';
import type { JobStore } from '../interfaces/job-store.js';
import type { Options } from '../model/options.js';
import { ownerOf } from '../model/stream-key.js';
import type { JobRecord, StreamKey, UserKey } from '../model/types.js';

/** A slot is one attempt's, of one run, of one user. */
export type SlotOwner = Pick<JobRecord, 'userId' | 'createId' | 'attempt'>;

/** Leases for which a stream is remembered as waiting: it asks again within each, and one that no longer does is soon forgotten. */
const AWAITED_LEASES = 3;

/** Hears that a slot was given back while these streams of the user wait for one, the longest first. */
export type SlotListener = (user: UserKey, streamIds: readonly string[]) => void;

export interface SlotKeeperContext {
  readonly store: Pick<JobStore, 'slots'>;
  readonly options: Options;
}

export class SlotKeeper {
  readonly #parts: SlotKeeperContext;
  #onFreed: SlotListener = () => {};

  constructor(parts: SlotKeeperContext) {
    this.#parts = parts;
  }

  /** Has one listener told of slots that are given back here. */
  onFreed(listener: SlotListener): void {
    this.#onFreed = listener;
  }

  /** @throws GenerationJobError `user_limit_exceeded` */
  async take(key: StreamKey, owner: SlotOwner): Promise<void> {
    const limit = this.#limit;
    if (limit === 0 || (await this.#take(key, owner, limit))) return;
    throw new GenerationJobError('user_limit_exceeded', `The user already has ${limit} running jobs.`);
  }

  /** Takes the slot, or has the stream remembered as waiting for one. Says whether it was taken. */
  async takeOrAwait(key: StreamKey, owner: SlotOwner): Promise<boolean> {
    const limit = this.#limit;
    const { leaseMs } = this.#parts.options;
    return limit === 0 || this.#take(key, owner, limit, leaseMs, AWAITED_LEASES * leaseMs);
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
    const user = ownerOf(key, owner.userId);
    const slot = { streamId: key.streamId, holder: holderOf(owner) };
    const waiting = await this.#parts.store.slots.give(user, slot);
    if (waiting.length > 0) this.#onFreed(user, waiting);
  }

  get #limit(): number {
    return this.#parts.options.limits.activeJobsPerUser;
  }

  #take(
    key: StreamKey,
    owner: SlotOwner,
    limit: number,
    forMs: number = this.#parts.options.leaseMs,
    awaitsMs?: number,
  ): Promise<boolean> {
    const { store } = this.#parts;
    const slot = { streamId: key.streamId, holder: holderOf(owner), limit, forMs, awaitsMs };
    return store.slots.take(ownerOf(key, owner.userId), slot);
  }
}

function holderOf({ createId, attempt }: SlotOwner): string {
  return `${createId}/${attempt}`;
}
