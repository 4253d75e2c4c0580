/**
 * The hand-over of one attempt, when its replica leaves: what its producer is asked, what it answers, and the steps by which another
 * replica gets it. What has been taken is committed, the state with it; then the handle is over; then the lease is given up, and
 * the others are told. So there are never two that may write, and whoever goes on finds all that was said.
 *
 * kept ──the drain begins──► asked ──handOver, its reason thrown──► given
 *   │                          ├──ended by its producer, or by others──► over
 *   └──finishesWithin: asked later    └──the drain's time is over──► cut, without a state
 *
 * A state that can't be kept (too large, no JSON, a seal that fails) is left out and told: it holds up no hand-over. An attempt
 * that has produced nothing leaves the state that it was itself given, which still holds, unless it gives one of its own.
 */
import { type EndReason, GenerationJobError, JobEndedError } from '../../errors.js';
import type { LeaseClaim } from '../interfaces/job-store.js';
import type { HandOverStep } from '../interfaces/observer.js';
import type { ErrorPlace } from '../model/error-report.js';
import { type KeptHandOver, serialiseHandOver } from '../model/hand-over.js';
import type { JobRecord } from '../model/types.js';
import { checkCall } from '../process/call-input.js';
import { giveUpLease } from '../process/give-up-lease.js';
import type { Parts } from '../process/parts.js';
import { repeatUntilAnswered } from '../process/repeat.js';
import type { Books } from './books.js';
import type { EmitBuffer } from './emit-buffer.js';
import type { JobOwner } from './job-input.js';

/** The job that is handed over. */
export interface LeavingJob extends LeaseClaim {
  readonly streamId: string;
  readonly isOver: boolean;
  readonly signal: AbortSignal;
  report(where: ErrorPlace, error: unknown): void;
  /** Ends the handle. */
  stop(reason: EndReason): void;
}

/** The hand-over needs this of the job's inside. */
export interface HandOverInput {
  /** The record that the attempt began with. */
  readonly record: Pick<JobRecord, 'handOver' | 'lastSequence' | 'lifecycleEvents' | 'resolutions'>;
  readonly buffer: Pick<EmitBuffer, 'undecided' | 'lastSequence' | 'shut' | 'patch' | 'flush'>;
  readonly books: Pick<Books, 'sealing'>;
  readonly owner: Pick<JobOwner<never>, 'mayHandOver'>;
}

/** The place that a state holds at. */
type HeldPlace = Pick<KeptHandOver, 'events' | 'resolutions'>;

type HandOverParts = Pick<
  Parts,
  'background' | 'clock' | 'entropy' | 'logger' | 'observer' | 'options' | 'seals' | 'store' | 'transport'
>;

export class AttemptHandOver {
  readonly #parts: HandOverParts;
  readonly #job: LeavingJob;
  readonly #input: HandOverInput;
  /** Made for whoever looks at the signal. */
  #controller: AbortController | undefined;
  /** The reason of the signal, once it has fired. */
  #reason: JobEndedError | undefined;
  #finishesBy = Number.NEGATIVE_INFINITY;
  #isShut = false;
  /** The producer's own calls. */
  #giving: Promise<unknown> = Promise.resolve();
  /** The last steps, which nothing stops any more. */
  #leaving: Promise<void> | undefined;

  constructor(parts: HandOverParts, job: LeavingJob, input: HandOverInput) {
    this.#parts = parts;
    this.#job = job;
    this.#input = input;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** The time on the monotonic clock by which the job will have ended, as it has said. */
  get finishesBy(): number {
    return this.#finishesBy;
  }

  /** True once the job takes nothing more for it. */
  get isBegun(): boolean {
    return this.#isShut;
  }

  /** Resolves when what has begun of it is done: the lease was given up, or could not be. Never rejects. */
  async done(): Promise<void> {
    await this.#giving;
    await Promise.allSettled([this.#leaving]);
  }

  /** @throws GenerationJobError `invalid_argument` */
  finishesWithin(ms: number): void {
    checkCall('finishesWithin', { ms });
    this.#finishesBy = this.#parts.clock.monotonic() + ms;
  }

  /** Asks the producer to hand over. */
  ask(): void {
    this.#reason ??= new JobEndedError('handed_over');
    this.#controller?.abort(this.#reason);
  }

  /** @throws what `GenerationJob.handOver` throws */
  give(state?: unknown): Promise<void> {
    const giving = this.#give(state);
    this.#giving = Promise.allSettled([this.#giving, giving]);
    return giving;
  }

  /** Hands the job over where it stands. @throws JobEndedError when it is over in another way */
  async cut(): Promise<void> {
    if (!this.#isShut) this.#shut();
    await this.#leave('cut', undefined);
  }

  /** Hands the job over when that is what its producer has thrown: the signal's reason, or an error made of it. */
  async takes(thrown: unknown): Promise<boolean> {
    const cause = thrown instanceof Error ? thrown.cause : undefined;
    const isAsked = this.#reason !== undefined && (thrown === this.#reason || cause === this.#reason);
    if (!isAsked || this.#job.isOver) return false;
    await this.give().catch(() => undefined); // then the job ends as after any other error
    return this.#job.isOver;
  }

  async #give(state: unknown): Promise<void> {
    const { books, buffer, owner } = this.#input;
    if (buffer.undecided) await buffer.undecided;
    if (this.#job.isOver) throw this.#job.signal.reason;
    if (!owner.mayHandOver())
      throw new GenerationJobError('not_leaving', 'This replica does not leave, or no other one can go on.');
    const { events } = this.#place;
    if (books.sealing) await books.sealing;
    this.#shut();
    // An event that came meanwhile makes the state one of another place: then nobody is given it.
    const isThere = this.#place.events === events;
    let text: string | undefined;
    let failure: unknown;
    try {
      text = serialiseHandOver(state, this.#parts.options.limits);
      if (text !== undefined) text = await this.#parts.seals.handOver(text, this.#job);
    } catch (error) {
      [text, failure] = [undefined, error];
      this.#job.report('producer', error);
    }
    await this.#leave('given', isThere ? text : undefined);
    if (failure !== undefined) throw failure;
  }

  get #place(): HeldPlace {
    const { record, buffer } = this.#input;
    return {
      events: buffer.lastSequence - record.lifecycleEvents,
      resolutions: record.resolutions.length,
    };
  }

  /** True while the hand-over that the attempt began with holds: nothing has been produced since. */
  get #isAsGiven(): boolean {
    const { handOver, lastSequence, lifecycleEvents } = this.#input.record;
    return handOver !== undefined && this.#place.events === lastSequence - lifecycleEvents;
  }

  #shut(): void {
    this.#input.buffer.shut();
    this.#isShut = true;
  }

  /** The last steps, once: who comes later waits for them. */
  #leave(step: HandOverStep, state: string | undefined): Promise<void> {
    if (this.#leaving === undefined) {
      this.#leaving = this.#takeLeave(step, state);
      this.#parts.background.run(Promise.allSettled([this.#leaving]));
    }
    return this.#leaving;
  }

  async #takeLeave(step: HandOverStep, state: string | undefined): Promise<void> {
    const { clock, logger, observer, options, store, transport } = this.#parts;
    const { key, streamId, generation, attempt } = this.#job;
    const { buffer } = this.#input;
    if (state === undefined && this.#isAsGiven) await buffer.flush();
    else await buffer.patch({ handOver: { attempt, ...this.#place, state } }, true);
    this.#job.stop('handed_over');
    observer.handedOver(step);
    logger.debug({ streamId, generation, attempt, step }, 'a job was handed over');
    const giveUp = () => giveUpLease(store, { key, generation, attempt });
    const until = clock.monotonic() + options.leaseMs / 2;
    // Where it can't be given up, it lapses.
    await repeatUntilAnswered(this.#parts, giveUp, until).catch((error: unknown) =>
      this.#job.report('lease', error),
    );
    transport.signal({ key, generation, kind: 'handover' });
  }
}
