/**
 * A new generation's producer is handed out once its predecessors are as far as the create asked for (`waitFor`). The
 * generation is there from the first: its lease is renewed, it can be stopped and replaced, and followers see it begin.
 * Only its producer waits, and its own time with it. The wish stands in the record, so that a take-over waits as well.
 *
 * held back ──predecessors settled (or left)──► handed out
 *     ├──still unsettled after `predecessorMs`, or set aside──► failed, `predecessor_unsettled`
 *     ├──ended by a drain of this process──► failed, `interrupted`; the create is refused as `draining`
 *     └──stopped, replaced, lease lost, handed over──► over, as usual
 *
 * With `left` nothing is refused: when the time is over, the producer is told that its predecessor may still run.
 */
import { GenerationJobError } from '../../errors.js';
import type { Followers } from '../following/followers.js';
import { isStaying, predecessorsOf } from '../model/predecessor.js';
import { isActive } from '../model/transitions.js';
import type { JobRecord } from '../model/types.js';
import type { Parts } from '../process/parts.js';
import { repeatUntilAnswered } from '../process/repeat.js';
import type { JobHandle } from '../producing/job-handle.js';
import type { Producers } from '../producing/producers.js';

const UNSETTLED = {
  code: 'predecessor_unsettled',
  message: 'The answer before this one is not saved yet.',
  retryable: true,
};

export interface SuccessionContext {
  readonly followers: Followers;
  readonly producers: Producers;
}

export class Succession {
  readonly #parts: Parts;
  readonly #context: SuccessionContext;

  constructor(parts: Parts, context: SuccessionContext) {
    this.#parts = parts;
    this.#context = context;
  }

  /**
   * Waits as long as the record says, and starts the job's time. The job may be over by then.
   * @param before the newest ended generation that the create knows of
   * @returns the refusal, when the job has ended for it
   */
  async handOut(
    job: JobHandle,
    record: JobRecord,
    before?: JobRecord,
  ): Promise<GenerationJobError | undefined> {
    if (record.waits === undefined) {
      job.predecessor = before && predecessorsOf([before]);
      return undefined;
    }
    const { clock, observer } = this.#parts;
    const startedAt = clock.monotonic();
    const refusal = await this.#holdBack(job, record, record.waits, before);
    const outcome =
      refusal?.code === 'predecessor_unsettled' ? 'refused' : job.isOver ? 'ended' : 'handed_out';
    observer.succeeded(outcome, clock.monotonic() - startedAt);
    return refusal;
  }

  /** Nobody else has the job meanwhile: whatever is thrown here, it must not stay. */
  async #holdBack(
    job: JobHandle,
    record: JobRecord,
    waits: NonNullable<JobRecord['waits']>,
    before: JobRecord | undefined,
  ): Promise<GenerationJobError | undefined> {
    const { producers } = this.#context;
    producers.holdBack(job, record);
    try {
      const { predecessors, cause } = await this.#wait(job, waits, before);
      job.predecessor = predecessorsOf(predecessors);
      const isUnsaved = waits === 'settled' && (cause !== undefined || predecessors.some(isUnsettled));
      if (isUnsaved && !job.isOver) {
        // A drain cuts the wait short: another replica may wait for as long again.
        if (producers.isDraining) await producers.handOverOrEnd(job);
        else {
          await producers.refuse(job, UNSETTLED);
          if (job.reason === 'failed') return unsettled(predecessors, cause);
        }
      }
    } catch (cause) {
      if (!job.isEnding) job.loseLease(cause);
      throw cause;
    } finally {
      await producers.letGo(job);
    }
    if (!producers.isDraining || job.reason !== 'failed') return undefined;
    return new GenerationJobError('draining', 'This replica takes no new jobs.');
  }

  /** All ended generations that are kept, as they are after the wait; `cause` when the store did not say. */
  async #wait(
    job: JobHandle,
    waits: NonNullable<JobRecord['waits']>,
    before: JobRecord | undefined,
  ): Promise<{ predecessors: readonly JobRecord[]; cause?: unknown }> {
    const { store, clock, options } = this.#parts;
    const until = clock.monotonic() + options.predecessorMs;
    let ended: readonly JobRecord[] = before ? [before] : [];
    try {
      const kept = await repeatUntilAnswered(this.#parts, () => store.read(job.key, 'kept'), until);
      ended = kept.filter((record) => record.generation < job.generation && !isActive(record.status));
      if (waits === 'settled' && ended.some(isSetAside)) return { predecessors: ended };
      const predecessors = await Promise.all(ended.map((record) => this.#await(job, record, waits, until)));
      return { predecessors };
    } catch (cause) {
      return { predecessors: ended, cause };
    }
  }

  /** The predecessor once it is as far, or as it is when the time is over. */
  async #await(
    { key, signal }: JobHandle,
    record: JobRecord,
    waits: NonNullable<JobRecord['waits']>,
    endsAt: number,
  ): Promise<JobRecord> {
    const leftMs = endsAt - this.#parts.clock.monotonic();
    const { generation } = record;
    const { followers } = this.#context;
    if (waits === 'settled') {
      if (!isUnsettled(record)) return record;
      const seen = await followers.whenSettled(key, { generation, timeoutMs: Math.max(1, leftMs), signal });
      // Kept no longer is as good as settled: nothing goes before it is, unless it is deleted.
      return seen ?? { ...record, settlement: { ...record.settlement, state: 'settled' } };
    }
    const timeoutMs = Math.min(leftMs, this.#stayMs(record));
    if (timeoutMs <= 0) return record;
    const until = (seen: JobRecord) => !isStaying(seen);
    return (await followers.whenRecord(key, { generation, timeoutMs, signal, until })) ?? record;
  }

  /** The time that its producer may still be waited for: one that died after its stop is not heard of any more. */
  #stayMs(record: JobRecord): number {
    const { options, store } = this.#parts;
    return isStaying(record) ? (record.endedAt ?? 0) + options.predecessorMs - store.now() : 0;
  }
}

function unsettled(predecessors: readonly JobRecord[], cause: unknown): GenerationJobError {
  const numbers = predecessors.filter(isUnsettled).map(({ generation }) => generation);
  const message = `Generation ${numbers.join(', ') || 'before it'} is not settled.`;
  return new GenerationJobError('predecessor_unsettled', message, { cause });
}

function isUnsettled({ settlement }: JobRecord): boolean {
  return settlement.state !== 'settled';
}

function isSetAside({ settlement }: JobRecord): boolean {
  return settlement.state === 'set_aside';
}
