/**
 * Renews the leases of all jobs of this process together, and tells each job when it has lost its own.
 *
 * A job is *known* here from the moment it is made until its handle is over. While any is known, one timer runs; each turn
 * - tells a job that its lease is lost whose deadline, by this process's own clock, has passed without a renewal: others may take
 *   over from then on. But when the turn itself comes late, the process has slept: then every job first gets one
 *   renewal's time to find out whether anybody did.
 * - renews the rest in one call. An answer other than `held` ends the job's handle. A claim without an answer is
 *   counted and tried again sooner, by itself: it says nothing of the other jobs, whose leases go on. One that the store
 *   refuses for good ends its job by name.
 * - lets each job look at its own time limits.
 */
import type { TimerHandle } from '../../clock.js';
import {
  asGenerationJobError,
  type EndReason,
  type GenerationJobError,
  isGenerationJobError,
  isUnanswered,
} from '../../errors.js';
import type { Refusal } from '../interfaces/commits.js';
import type { HeldWithInbox } from '../interfaces/job-store.js';
import { reasonOf, reasonOfRecord } from '../model/end-reasons.js';
import type { StreamKey } from '../model/types.js';
import type { IndexKeeper } from '../process/index-keeper.js';
import type { Parts } from '../process/parts.js';
import { reportUpkeepFailures } from '../process/upkeep-failures.js';
import type { JobHandle } from './job-handle.js';

const FAILED_RENEWAL_FACTOR = 0.2;

export class LeaseKeeper {
  readonly #parts: Parts;
  readonly #indexes: IndexKeeper;
  readonly #jobs = new Map<string, JobHandle>();
  #timer: TimerHandle | undefined;
  /** The time the timer is to fire. */
  #dueAt = 0;
  /** The time all are renewed next. */
  #renewAt = 0;
  /** The time those whose last renewal failed are tried again. */
  #retryAt = 0;
  readonly #unanswered = new Set<JobHandle>();
  /** The time at which a renewal that was answered began. */
  #renewedAt = 0;
  #idleWaiters: (() => void)[] = [];

  constructor(parts: Parts, indexes: IndexKeeper) {
    this.#parts = parts;
    this.#indexes = indexes;
  }

  get size(): number {
    return this.#jobs.size;
  }

  get jobs(): readonly JobHandle[] {
    return [...this.#jobs.values()];
  }

  find(key: StreamKey, generation: number): JobHandle | undefined {
    return this.#jobs.get(nameOf(key, generation));
  }

  /** Renews the lease of a job from now on. */
  add(job: JobHandle): void {
    this.find(job.key, job.generation)?.stop('fenced');
    this.#jobs.set(nameOf(job.key, job.generation), job);
    this.#parts.observer.jobsInFlight(this.#jobs.size);
    const { clock, options, background } = this.#parts;
    const now = clock.monotonic();
    if (this.#timer === undefined) {
      this.#renewedAt = now;
      this.#renewAt = now + options.renewMs;
      this.#schedule();
    }
    // One that was long in coming would be judged before the next renewal, and must not be judged late.
    if (job.leaseDeadline < this.#dueAt) this.#schedule();
    if (job.leaseDeadline < now + options.renewMs) background.run(this.check(job));
  }

  release(job: JobHandle): void {
    const name = nameOf(job.key, job.generation);
    if (this.#jobs.get(name) !== job) return;
    this.#jobs.delete(name);
    this.#unanswered.delete(job);
    this.#parts.observer.jobsInFlight(this.#jobs.size);
    if (this.#jobs.size > 0) return;
    this.#stop();
    for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }

  /** Resolves when no job is known any more. */
  idle(): Promise<void> {
    if (this.#jobs.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  /** Renews now if a renewal is overdue: a process that slept must do so before it judges others. */
  async renewIfLate(): Promise<void> {
    if (this.#jobs.size === 0) return;
    if (this.#parts.clock.monotonic() - this.#renewedAt > this.#parts.options.renewMs * 1.5)
      await this.renew();
  }

  /** Renews every lease. Never rejects. */
  async renew(): Promise<void> {
    await this.#renew(this.jobs);
  }

  /** Asks the store whether a job still holds its lease. Never rejects. */
  async check(job: JobHandle): Promise<void> {
    await this.#renew([job]);
  }

  async #renew(jobs: readonly JobHandle[]): Promise<void> {
    if (jobs.length === 0) return;
    const { store, options, clock } = this.#parts;
    const startedAt = clock.monotonic();
    const answers = await store
      .renew(jobs, options.leaseMs)
      .catch((error: unknown) => jobs.map(() => asGenerationJobError(error)));
    const failures: { job: JobHandle; error: GenerationJobError }[] = [];
    const applied: Promise<void>[] = [];
    jobs.forEach((job, index) => {
      const answer = answers[index] ?? 'gone';
      if (isGenerationJobError(answer) && !isUnanswered(answer)) job.failWithStore(answer);
      else if (isGenerationJobError(answer)) failures.push({ job, error: answer });
      else applied.push(this.#apply(job, answer, startedAt));
    });
    if (applied.length > 0) this.#renewedAt = startedAt;
    this.#tryAgain(failures);
    await Promise.all(applied);
  }

  /** Tries those again alone, and soon: the other jobs of this process have what they need. */
  #tryAgain(failures: readonly { job: JobHandle; error: GenerationJobError }[]): void {
    const known = failures.filter(({ job }) => this.find(job.key, job.generation) === job);
    if (known.length === 0) return;
    const { clock, options } = this.#parts;
    const named = known.map(({ job, error }) => ({ streamId: job.streamId, error }));
    reportUpkeepFailures(this.#parts, 'renewal', named);
    for (const { job } of known) this.#unanswered.add(job);
    this.#retryAt = clock.monotonic() + options.renewMs * FAILED_RENEWAL_FACTOR;
    this.#schedule();
  }

  async #apply(job: JobHandle, answer: 'held' | HeldWithInbox | Refusal, startedAt: number): Promise<void> {
    const { slots, options } = this.#parts;
    const tell = (error: unknown) => job.report('upkeep', error);
    if (typeof answer === 'object') job.inbox.heard(answer.waiting);
    else if (answer !== 'held') return job.stop(await this.#whyRefused(job, answer));
    job.leaseDeadline = startedAt + options.leaseMs;
    job.checkTime();
    // A slot that can't be renewed now is renewed next time; at worst the user gets it back early.
    if (job.isOver) return;
    this.#indexes.renewed(job);
    await slots.retake(job.key, job).catch(tell);
    if (job.isOver) await slots.give(job.key, job).catch(tell);
  }

  async #whyRefused(job: JobHandle, refusal: Refusal): Promise<EndReason> {
    if (refusal !== 'ended' && refusal !== 'replaced') return reasonOf({ refusal });
    const found = await this.#parts.store.read(job.key, job.generation).catch(() => undefined);
    // That it has ended is certain, though not how: it was not deleted.
    if (found === undefined) return refusal === 'replaced' ? refusal : 'aborted';
    return reasonOfRecord(found[0]);
  }

  #schedule(): void {
    const { clock } = this.#parts;
    clock.clearTimeout(this.#timer);
    const now = clock.monotonic();
    let dueAt = this.#renewAt;
    if (this.#unanswered.size > 0) dueAt = Math.min(dueAt, this.#retryAt);
    for (const job of this.#jobs.values()) dueAt = Math.min(dueAt, job.leaseDeadline);
    this.#dueAt = Math.max(dueAt, now + 1);
    this.#timer = clock.setTimeout(() => this.#turn(), this.#dueAt - now);
  }

  #turn(): void {
    const { clock, options, background } = this.#parts;
    const now = clock.monotonic();
    const slept = now - this.#dueAt > options.renewMs / 2;
    for (const job of this.jobs) {
      if (job.leaseDeadline > now) continue;
      if (slept) job.leaseDeadline = now + options.renewMs;
      else job.loseLease();
    }
    if (this.#jobs.size === 0) return;
    if (slept) this.#renewAt = now;
    background.run(this.#renew(this.#takeDue(now)));
    this.#schedule();
  }

  /** The jobs to renew in this turn: all of them, or those whose last renewal failed. */
  #takeDue(now: number): readonly JobHandle[] {
    if (now >= this.#renewAt) {
      this.#renewAt = now + this.#parts.options.renewMs;
      this.#unanswered.clear();
      return this.jobs;
    }
    if (now < this.#retryAt) return [];
    const due = [...this.#unanswered];
    this.#unanswered.clear();
    return due;
  }

  #stop(): void {
    this.#parts.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

function nameOf(key: StreamKey, generation: number): string {
  return `${key.id}/${generation}`;
}
