/**
 * The books are what a producer writes of its record: usage and metadata. While the handle may write, a change goes with
 * the handle's commits. After an end that others made, the books stay open until `run` has returned or `leaveMs` are over: each change is
 * a commit of its own, one at a time, and those that come meanwhile, or in the same turn, go together. The last one is the
 * leave, with which the settlement need wait no longer. The store closes the books, with the settlement's first claim; what
 * comes later is answered `false`.
 *
 * with the handle ──stopped by others──► open ──run has returned──► left
 *        └──over in another way──► shut            (no run: at once)
 */
import type { EndReason, JobEndedError } from '../../errors.js';
import type { CommitReply, LeaverCommit, RecordPatch } from '../interfaces/commits.js';
import type { JobUpdate } from '../interfaces/generation-job.js';
import type { JobRecord, StreamKey } from '../model/types.js';
import { publishFrames } from '../process/frames.js';
import type { Parts } from '../process/parts.js';
import { repeatUntilAnswered } from '../process/repeat.js';
import type { MetadataTexts } from '../process/seals.js';
import type { EmitBuffer } from './emit-buffer.js';
import { type Change, isEmptyPatch, mergedPatch } from './patches.js';
import { SealingOrder } from './sealing-order.js';

type BookParts = Pick<
  Parts,
  'seals' | 'store' | 'transport' | 'clock' | 'entropy' | 'options' | 'observer' | 'background'
>;

export interface BookPlace {
  readonly key: StreamKey;
  readonly generation: number;
  readonly attempt: number;
  /** The record's, for what is sealed. */
  readonly createId: string;
}

export interface BookOwner {
  /** Counts metadata as it is kept. @throws GenerationJobError `metadata_too_large` */
  takeMetadata(texts: MetadataTexts): void;
  /** The producer has left: with the record, if the store has noted it. */
  onLeft(record: JobRecord | undefined): void;
  /** The leave could not be noted: the settlement comes when its time is over. */
  onLeaveFailed(error: unknown): void;
}

/** The ends that others make of a producer that may still be there. */
const STOPS: ReadonlySet<EndReason> = new Set<EndReason>(['aborted', 'replaced']);

export class Books {
  readonly #parts: BookParts;
  readonly #place: BookPlace;
  readonly #buffer: EmitBuffer;
  readonly #owner: BookOwner;
  readonly #sealing: SealingOrder;
  /** The calls of `run` that have not returned. */
  #runs = 0;
  /** The time on the monotonic clock until which changes are taken; undefined unless others have stopped it. */
  #openUntil: number | undefined;
  #isLeaving = false;
  /** The change that is not sent yet. */
  #gathered: RecordPatch = { number: 0 };
  /** The commit that will take what is gathered. */
  #next: Promise<boolean> | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: BookParts, place: BookPlace, buffer: EmitBuffer, owner: BookOwner) {
    this.#parts = parts;
    this.#place = place;
    this.#buffer = buffer;
    this.#sealing = new SealingOrder(parts);
    this.#owner = owner;
  }

  /** True while a producer that others have stopped has not returned. */
  get isStaying(): boolean {
    return this.#openUntil !== undefined && !this.#isLeaving;
  }

  /** Resolves when no metadata is being sealed; undefined when none is. Never rejects. */
  get sealing(): Promise<unknown> | undefined {
    return this.#sealing.underWay;
  }

  /**
   * Writes what the host changes, sealed. Nothing is awaited before what is there at once, so an end that is asked for next
   * finds it. @throws what `write`, `SealingOrder.take` and `takeMetadata` throw
   */
  change({ conversationId, metadata }: JobUpdate): Promise<boolean> {
    return this.#sealing.take(metadata, this.#place, (texts) => {
      if (texts) this.#owner.takeMetadata(texts);
      return this.write({
        ...(conversationId !== undefined && { conversationId }),
        ...(texts !== undefined && { metadata: texts }),
      });
    });
  }

  /**
   * Writes a change of the record. Resolves when it is committed, with false when the books are closed.
   * @throws JobEndedError when the handle is over in another way than by a stop · GenerationJobError what the store could
   *   not do
   */
  async write(change: Change): Promise<boolean> {
    if (this.#buffer.undecided) await this.#buffer.undecided;
    if (this.#openUntil !== undefined) return this.#take(change);
    try {
      await this.#buffer.patch(change);
      return true;
    } catch (error) {
      // What was taken before the stop, and not committed, is among the first that is written now.
      if (this.#openUntil === undefined) throw error;
      return this.#written();
    }
  }

  /** Runs what the producer is in; when it has returned after a stop, it leaves. */
  async during<Result>(run: () => Promise<Result>): Promise<Result> {
    this.#runs++;
    try {
      return await run();
    } finally {
      if (this.sealing) await this.sealing;
      this.#runs--;
      this.leaveUnlessRunning();
    }
  }

  /** The handle is over: closes the buffer, and takes what it had of the record if others have stopped it. */
  close(reason: JobEndedError): void {
    const rest = this.#buffer.close(reason);
    if (!STOPS.has(reason.reason)) return;
    this.#gathered = rest;
    this.#openUntil = this.#parts.clock.monotonic() + this.#parts.options.leaveMs;
    if (!isEmptyPatch(rest)) this.#written().catch(() => undefined); // whoever waits for it is told
  }

  /** Leaves after a stop, once nothing of the producer runs. */
  leaveUnlessRunning(): void {
    if (this.#runs > 0 || !this.isStaying) return;
    this.#isLeaving = true;
    this.#parts.background.run(this.#written().catch((error: unknown) => this.#owner.onLeaveFailed(error)));
  }

  #take(change: Change): Promise<boolean> {
    const isOver = this.#isLeaving || this.#parts.clock.monotonic() > (this.#openUntil ?? 0);
    if (isOver) {
      this.#parts.observer.books('refused');
      return Promise.resolve(false);
    }
    this.#gathered = mergedPatch(this.#gathered, { ...change, number: this.#gathered.number + 1 });
    return this.#written();
  }

  /** Resolves when what is gathered is committed, with what is gathered until it leaves. */
  #written(): Promise<boolean> {
    if (this.#next !== undefined) return this.#next;
    const turn = new Promise<void>((resolve) => this.#parts.clock.defer(resolve));
    const next = Promise.all([this.#last, turn]).then(() => this.#send());
    this.#next = next;
    this.#last = next.catch(() => undefined); // told to those who wait for it
    return next;
  }

  async #send(): Promise<boolean> {
    const { number } = this.#gathered;
    const patch = isEmptyPatch(this.#gathered) ? undefined : this.#gathered;
    this.#gathered = { number };
    this.#next = undefined;
    const leaves = this.#isLeaving;
    if (patch === undefined && !leaves) return true;
    let reply = await this.#commit(patch, leaves);
    const isTaken = reply.ok;
    if (patch) this.#parts.observer.books(isTaken ? 'taken' : 'refused');
    // That it has left holds although its last change came too late.
    if (!reply.ok && reply.refusal === 'closed' && leaves) reply = await this.#commit(undefined, leaves);
    if (leaves) {
      if (reply.ok) this.#parts.observer.books('left');
      this.#owner.onLeft(reply.ok ? reply.record : undefined);
    }
    return isTaken;
  }

  async #commit(patch: RecordPatch | undefined, leaves: boolean): Promise<CommitReply> {
    const { store, clock, options } = this.#parts;
    const { key, generation, attempt } = this.#place;
    const commit: LeaverCommit = { writer: 'leaver', key, generation, attempt, patch, leaves };
    const until = clock.monotonic() + options.leaseMs;
    const reply = await repeatUntilAnswered(this.#parts, () => store.commit(commit), until);
    if (reply.ok) publishFrames(this.#parts, reply.frames);
    return reply;
  }
}
