/**
 * The producers of this process: makes the handle of each attempt it is given, keeps the lease of each, and takes leave of
 * all of them when the process drains. A drain that begins while a store answers has not seen the attempt that is
 * on its way, so whoever asks for a handle here is told when there is none to be had any more.
 */
import { GenerationJobError } from '../../errors.js';
import type { ContentModel } from '../model/content-model.js';
import { Fold, type FoldedState } from '../model/fold.js';
import type { JobRecord, LogEvent, StreamKey } from '../model/types.js';
import type { Parts } from '../process/parts.js';
import { endReleasingKey, isForgettable } from '../process/released-key.js';
import { JobHandle } from './job-handle.js';
import type { JobInput, JobOwner } from './job-input.js';
import type { LeaseKeeper } from './lease-keeper.js';
import { type LeaveTimes, leaveJob } from './leave-job.js';

const INTERRUPTED = { code: 'interrupted', message: 'The server is shutting down.', retryable: true };

/** A job whose producer nobody has yet. */
interface HeldBack {
  readonly record: JobRecord;
  /** The end of it as if it had not been asked for, once that has begun: whoever asks for it, there is one. */
  refusal?: Promise<void>;
}

/** A generation that has just been created. */
export interface NewGeneration {
  readonly key: StreamKey;
  readonly record: JobRecord;
  readonly created: LogEvent;
  /** The time before the lease was asked for, on the monotonic clock. */
  readonly leaseStartedAt: number;
}

export interface ProducersOwner extends Omit<JobOwner<JobHandle>, 'release' | 'mayHandOver'> {
  /** A handle has been made. */
  onTaken(job: JobHandle): void;
}

export class Producers {
  readonly #parts: Parts;
  readonly #leases: LeaseKeeper;
  readonly #owner: JobOwner<JobHandle>;
  readonly #onTaken: (job: JobHandle) => void;
  readonly #staying = new Set<JobHandle>();
  readonly #heldBack = new Map<JobHandle, HeldBack>();
  #isDraining = false;

  constructor(parts: Parts, leases: LeaseKeeper, { onTaken, ...owner }: ProducersOwner) {
    this.#parts = parts;
    this.#leases = leases;
    this.#onTaken = onTaken;
    this.#owner = {
      ...owner,
      release: (job) => {
        leases.release(job);
        if (job.books.isStaying) this.#staying.add(job);
      },
      onLeft: (job, record) => {
        this.#staying.delete(job);
        owner.onLeft(job, record);
      },
      mayHandOver: () => this.#isDraining && this.#handsOver,
    };
  }

  /** True once no handles are made here any more. */
  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** The jobs whose producers have not returned after a stop by others. */
  get staying(): readonly JobHandle[] {
    return [...this.#staying].filter((job) => job.books.isStaying);
  }

  /** @throws GenerationJobError `draining` */
  throwIfDraining(): void {
    if (this.#isDraining) throw new GenerationJobError('draining', 'This replica takes no new jobs.');
  }

  /** Makes the handle of a generation's first attempt. @throws GenerationJobError `draining` when the drain has begun meanwhile */
  async begin({ key, record, created, leaseStartedAt }: NewGeneration, merge: boolean): Promise<JobHandle> {
    const fold = new Fold(this.#modelOf(record));
    const job = this.#takeOn(
      { key, record, fold, unfolded: [created], unsnapshotted: 0, merge },
      leaseStartedAt,
    );
    if (this.#isDraining) {
      this.holdBack(job, record);
      await this.refuse(job, INTERRUPTED);
      await this.letGo(job);
      this.throwIfDraining();
    }
    return job;
  }

  /** Makes the handle of an attempt that goes on from what is there. */
  adopt(key: StreamKey, state: FoldedState, leaseStartedAt: number): JobHandle {
    const fold = new Fold(this.#modelOf(state.record), {
      sequence: state.sequence,
      content: JSON.stringify(state.content ?? null),
      kept: state.kept,
      missing: state.missing,
    });
    const { record, tailSize } = state;
    return this.#takeOn(
      { key, record, fold, unfolded: [], unsnapshotted: tailSize, merge: false },
      leaseStartedAt,
    );
  }

  /** Holds a job back: its time stands still, and an end by this process is one of a generation that was not asked for. */
  holdBack(job: JobHandle, record: JobRecord): void {
    job.time.hold();
    this.#heldBack.set(job, { record });
  }

  /** Lets a job go that was held back, and its time run. It is over when it was being refused. */
  async letGo(job: JobHandle): Promise<void> {
    await this.#heldBack.get(job)?.refusal;
    this.#heldBack.delete(job);
    job.time.start();
  }

  /**
   * Ends a job that is held back as if it had not been asked for: its request may be made again under its key. Never rejects;
   * the job is over by then, as failed unless others were first or the store is away.
   */
  async refuse(job: JobHandle, failure: typeof INTERRUPTED): Promise<void> {
    const held = this.#heldBack.get(job);
    if (held === undefined) return;
    held.refusal ??= this.#refuse(job, held.record, failure);
    await held.refusal;
  }

  /** Makes no more handles from now on. */
  stop(): void {
    this.#isDraining = true;
  }

  /** Takes leave of the jobs that another replica can go on with, within these times. Never rejects. */
  async leave(times: LeaveTimes): Promise<void> {
    if (!this.#handsOver) return;
    const { clock } = this.#parts;
    await Promise.all(
      this.#leases.jobs.map((job) => leaveJob(clock, job, times, () => this.handOverOrEnd(job))),
    );
  }

  /** Hands a job over to a replica that can recover it, or ends it. Never rejects. */
  async handOverOrEnd(job: JobHandle): Promise<void> {
    // Its own end is on its way: nothing may take its place, unless it is refused.
    while (job.isEnding && !job.leaving.isBegun) await job.whenAnswered();
    if (job.isOver) return;
    if (!this.#handsOver && this.#heldBack.has(job)) return this.refuse(job, INTERRUPTED);
    await (this.#handsOver ? job.leaving.cut() : job.fail(INTERRUPTED)).catch((error: unknown) =>
      job.loseLease(error),
    );
  }

  /** Hands every job over, or ends it. Never rejects. */
  async handOverOrEndAll(): Promise<void> {
    await Promise.all(this.#leases.jobs.map((job) => this.handOverOrEnd(job)));
  }

  /** Says whether another replica can go on with what runs here. */
  get #handsOver(): boolean {
    const { store, hooks } = this.#parts;
    return store.shared && hooks.recover !== undefined;
  }

  async #refuse(job: JobHandle, record: JobRecord, failure: typeof INTERRUPTED): Promise<void> {
    const end = async (releasesKey?: true) => {
      // Where it fails, others have ended it, or the store is away: then the lease lapses, and who takes over waits again.
      await job.fail(failure, undefined, releasesKey).catch((cause: unknown) => job.loseLease(cause));
      return job.reason === 'failed';
    };
    try {
      if (isForgettable(record)) await endReleasingKey(this.#parts, job.key, record, () => end(true));
      else await end();
    } catch (cause) {
      if (job.isOver) job.report('upkeep', cause);
      else job.loseLease(cause);
    }
  }

  #takeOn(input: Omit<JobInput, 'leaseDeadline'>, leaseStartedAt: number): JobHandle {
    const leaseDeadline = leaseStartedAt + this.#parts.options.leaseMs;
    const job = new JobHandle(this.#parts, this.#owner, { ...input, leaseDeadline });
    this.#onTaken(job);
    this.#leases.add(job);
    return job;
  }

  #modelOf({ contentModel }: JobRecord): ContentModel | undefined {
    return contentModel === undefined ? undefined : this.#parts.models.get(contentModel);
  }
}
