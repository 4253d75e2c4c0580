/**
 * A create as it is made, whether somebody asks for it now or a run has waited for it: the stream's due score is near before it, it is
 * asked until it is answered, and what follows a new generation is the same.
 */
import { GenerationJobError, isUnanswered } from '../../errors.js';
import type { CreateReply, CreateRequest } from '../interfaces/commits.js';
import { lookAfterEnd } from '../model/deadlines.js';
import { ownerOf } from '../model/stream-key.js';
import type { StreamKey } from '../model/types.js';
import { publishFrames } from '../process/frames.js';
import { logStep } from '../process/life-log.js';
import type { Parts } from '../process/parts.js';
import { repeatUntilAnswered } from '../process/repeat.js';
import type { SlotOwner } from '../process/slot-keeper.js';
import type { Ender } from './ender.js';

export type Created = CreateReply & { readonly outcome: 'created' };

export class Creation {
  readonly #parts: Parts;
  readonly #ender: Pick<Ender, 'afterEnd'>;

  constructor(parts: Parts, ender: Pick<Ender, 'afterEnd'>) {
    this.#parts = parts;
    this.#ender = ender;
  }

  /**
   * Makes it. One that the store calls too late is made once more by the clock that the store has shown, unless it is too late by
   * this process's own.
   * @param until the time after which it is not asked again, on the monotonic clock
   * @throws GenerationJobError `unavailable` when nobody knows what came of it · what the store refuses for good
   */
  async make(request: CreateRequest, until: number): Promise<CreateReply> {
    const { store, clock } = this.#parts;
    /** The lead of the store's clock over what is known of it, as it turned out to be. */
    let aheadMs = 0;
    for (;;) {
      const reply = await this.#answered(until, () => this.#try(request, aheadMs));
      if (reply.outcome !== 'expired' || aheadMs > 0 || clock.monotonic() >= until) return reply;
      aheadMs = Math.max(1, reply.now - store.now());
    }
  }

  /** Tells those who wait for a new generation, and for the end of the one that it has replaced. */
  async announce(request: CreateRequest, reply: Created): Promise<void> {
    const { store, observer, errors } = this.#parts;
    const { key, idempotencyKey } = request;
    publishFrames(this.#parts, reply.frames);
    observer.jobCreated();
    logStep(this.#parts, 'created', reply.record);
    this.#parts.feed.tellSoon(key, reply.record);
    if (reply.replaced) {
      observer.jobTransitioned('replace', reply.replaced.status);
      this.#ender.afterEnd(key, reply.replaced);
    }
    if (idempotencyKey === undefined) return;
    const run = { streamId: key.streamId, generation: reply.record.generation };
    // Without it the key still finds the run on its stream for as long as the run is kept.
    await store.slots
      .confirm(ownerOf(key, request.userId), idempotencyKey, run)
      .catch((error: unknown) => errors.report({ where: 'upkeep', error, record: reply.record }));
  }

  /** Gives the slot back to the holder the stream has, so that a lost race doesn't cost the winner its slot. */
  async giveSlotBack(key: StreamKey, slot: SlotOwner, reply: CreateReply | undefined): Promise<void> {
    const { slots } = this.#parts;
    const winner = reply && reply.outcome !== 'created' && 'record' in reply ? reply.record : undefined;
    if (winner?.status === 'running') await slots.retake(key, winner);
    else await slots.give(key, slot);
  }

  /** Returns what came of a create, or throws that nobody knows. */
  async #answered(until: number, create: () => Promise<CreateReply>): Promise<CreateReply> {
    try {
      return await repeatUntilAnswered(this.#parts, create, until);
    } catch (error) {
      if (!isUnanswered(error)) throw error;
      throw new GenerationJobError('unavailable', 'The store did not answer a create.', { cause: error });
    }
  }

  /** The score is held near for one lease, so a create that arrives later than that must not be made. */
  async #try(request: CreateRequest, aheadMs: number): Promise<CreateReply> {
    const { store } = this.#parts;
    const notAfter = Math.min(request.notAfter, store.now() + request.leaseMs) + aheadMs;
    const lookInMs = lookAfterEnd(request.replaces?.leaveMs, request);
    await store.due.nearer(request.key, lookInMs, request.leaseMs);
    return store.create({ ...request, notAfter });
  }
}
