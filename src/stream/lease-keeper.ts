/**
 * Renews the leases of all jobs of this process together, and tells each job when it has lost its own.
 *
 * A job is *held* from the moment it is made until its handle is over. While any is held, one timer runs; each turn
 * - loses the lease of a job whose deadline, by this process's own clock, has passed without a renewal: others may take
 *   over from then on. But when the turn itself comes late, the process has slept: then every job first gets one
 *   renewal's time to find out whether anybody did.
 * - renews the rest in one call. An answer other than `held` ends the job's handle; no answer is tried again sooner.
 * - lets each job look at its own time limits.
 */
import type { TimerHandle } from '../clock.js';
import type { EndReason } from '../errors.js';
import { reasonOf, reasonOfRecord } from './end-reasons.js';
import type { GenerationJob } from './generation-job.js';
import type { Refusal } from './interfaces/job-store.js';
import type { Parts } from './parts.js';
import type { StreamKey } from './types.js';

const FAILED_RENEWAL_FACTOR = 0.2;

export class LeaseKeeper {
  readonly #parts: Parts;
  readonly #held = new Map<string, GenerationJob>();
  #timer: TimerHandle | undefined;
  #dueAt = 0;
  #renewedAt = 0;
  #idleWaiters: (() => void)[] = [];

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#held.size;
  }

  get jobs(): readonly GenerationJob[] {
    return [...this.#held.values()];
  }

  find(key: StreamKey, generation: number): GenerationJob | undefined {
    return this.#held.get(nameOf(key, generation));
  }

  hold(job: GenerationJob): void {
    this.find(job.key, job.generation)?.lose('fenced');
    this.#held.set(nameOf(job.key, job.generation), job);
    this.#parts.observer.jobsInFlight(this.#held.size);
    const { clock, options, background } = this.#parts;
    const now = clock.monotonic();
    if (this.#timer === undefined) {
      this.#renewedAt = now;
      this.#schedule(options.renewMs);
    }
    // One that was long in coming would be judged before the next renewal, and must not be judged late.
    if (job.leaseDeadline < this.#dueAt) this.#schedule(Math.max(0, this.#dueAt - now));
    if (job.leaseDeadline < now + options.renewMs) background.run(this.check(job));
  }

  release(job: GenerationJob): void {
    const name = nameOf(job.key, job.generation);
    if (this.#held.get(name) !== job) return;
    this.#held.delete(name);
    this.#parts.observer.jobsInFlight(this.#held.size);
    if (this.#held.size > 0) return;
    this.#stop();
    for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }

  /** Resolves when no job is held any more. */
  idle(): Promise<void> {
    if (this.#held.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  /** Renews now if a renewal is overdue: a process that slept must do so before it judges others. */
  async renewIfLate(): Promise<void> {
    if (this.#held.size === 0) return;
    if (this.#parts.clock.monotonic() - this.#renewedAt > this.#parts.options.renewMs * 1.5)
      await this.renew();
  }

  /** Renews every lease held. Never rejects. */
  async renew(): Promise<void> {
    const { store, options, clock, observer } = this.#parts;
    const jobs = this.jobs;
    if (jobs.length === 0) return;
    const startedAt = clock.monotonic();
    let answers: readonly (Refusal | 'held')[];
    try {
      answers = await store.renew(jobs, options.leaseMs);
    } catch {
      observer.hookFailed('renew');
      this.#schedule(options.renewMs * FAILED_RENEWAL_FACTOR);
      return;
    }
    this.#renewedAt = startedAt;
    await Promise.all(jobs.map((job, index) => this.#apply(job, answers[index] ?? 'gone', startedAt)));
  }

  /** Asks the store whether a job still holds its lease. */
  async check(job: GenerationJob): Promise<void> {
    const startedAt = this.#parts.clock.monotonic();
    const [answer] = await this.#parts.store.renew([job], this.#parts.options.leaseMs);
    await this.#apply(job, answer ?? 'gone', startedAt);
  }

  /** Gives a lease up so that another replica may take over at once. */
  async handOver(job: GenerationJob): Promise<void> {
    await job.flush().catch(() => undefined); // what can't be committed now is lost, as in a crash
    job.lose('handed_over');
    const { store } = this.#parts;
    await store.renew([job], 0);
    await store.due.nearer(job.key, 0); // its place in the due index is where the lease would have ended
  }

  async #apply(job: GenerationJob, answer: Refusal | 'held', startedAt: number): Promise<void> {
    const { slots, options } = this.#parts;
    if (answer !== 'held') return job.lose(await this.#whyRefused(job, answer));
    job.leaseDeadline = startedAt + options.leaseMs;
    job.checkTime();
    // A slot that can't be renewed now is renewed next time; at worst the user gets it back early.
    if (job.isOver) return;
    await slots.keep(job.key, job).catch(() => undefined);
    if (job.isOver) await slots.give(job.key, job).catch(() => undefined);
  }

  async #whyRefused(job: GenerationJob, refusal: Refusal): Promise<EndReason> {
    if (refusal !== 'ended' && refusal !== 'replaced') return reasonOf({ refusal });
    const [record] = await this.#parts.store.read(job.key, job.generation).catch(() => []);
    return reasonOfRecord(record);
  }

  #schedule(ms: number): void {
    this.#parts.clock.clearTimeout(this.#timer);
    const now = this.#parts.clock.monotonic();
    let dueAt = now + ms;
    for (const job of this.#held.values()) dueAt = Math.min(dueAt, Math.max(job.leaseDeadline, now + 1));
    this.#dueAt = dueAt;
    this.#timer = this.#parts.clock.setTimeout(() => this.#turn(), dueAt - now);
  }

  #turn(): void {
    const { clock, options } = this.#parts;
    const now = clock.monotonic();
    const slept = now - this.#dueAt > options.renewMs / 2;
    for (const job of this.jobs) {
      if (job.leaseDeadline > now) continue;
      if (slept) job.leaseDeadline = now + options.renewMs;
      else job.loseLease();
    }
    if (this.#held.size === 0) return;
    this.#schedule(options.renewMs);
    this.#parts.background.run(this.renew());
  }

  #stop(): void {
    this.#parts.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

function nameOf(key: StreamKey, generation: number): string {
  return `${key.id}/${generation}`;
}
