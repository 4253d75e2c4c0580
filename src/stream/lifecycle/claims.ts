/**
 * Claims are made on what the host is asked at least once: to settle an end, to hear of a pause. Where it stands is in the
 * record. Whoever looks first claims it for `settleClaimMs`, renews the claim while the host works, and records the outcome; each step names
 * the revision it has seen, so that one replica works on it at a time and a crash lets the next one try.
 */
import { sleep } from '../../clock.js';
import { isUnanswered } from '../../errors.js';
import type { CommitReply, SettlementCommit } from '../interfaces/commits.js';
import type { JobRecord, Settlement, StreamKey } from '../model/types.js';
import { publishFrames } from '../process/frames.js';
import type { Parts } from '../process/parts.js';
import { repeatUntilAnswered } from '../process/repeat.js';

export type Step = Pick<SettlementCommit, 'state' | 'tries' | 'notBeforeMs' | 'claimed' | 'keepMs'>;

/** The part of a record that a claim is about. */
export interface ClaimSubject {
  /** Returns how it stands; undefined when the record has none any more. */
  standing(record: JobRecord): Settlement | undefined;
  /** Names the pause, when it is one's notice. */
  readonly pauseOf?: string | undefined;
}

export class Claims {
  readonly #parts: Parts;
  readonly #subject: ClaimSubject;

  constructor(parts: Parts, subject: ClaimSubject) {
    this.#parts = parts;
    this.#subject = subject;
  }

  /** The record after the step, or undefined when somebody else took it. */
  async step(key: StreamKey, record: JobRecord, step: Step): Promise<JobRecord | undefined> {
    const reply = await this.#commit(key, record, step);
    return reply.ok ? reply.record : undefined;
  }

  /** The last step of whoever holds the claim: made again until it is answered, for as long as the claim lasts. */
  finish(key: StreamKey, mine: JobRecord, step: Step): Promise<JobRecord | undefined> {
    const { clock, options } = this.#parts;
    const until = clock.monotonic() + options.settleClaimMs;
    return repeatUntilAnswered(this.#parts, () => this.#stepOn(key, mine, step), until);
  }

  /**
   * Renews the claim until `ended` fires.
   * @param onRenewed is given the record after each renewal
   * @param onLost is told once, when the claim is somebody else's, or there is nothing to claim any more
   */
  async renew(
    key: StreamKey,
    first: JobRecord,
    ended: AbortSignal,
    onRenewed: (record: JobRecord) => void,
    onLost: () => void = () => {},
  ): Promise<void> {
    const { clock, options } = this.#parts;
    let record = first;
    for (;;) {
      await sleep(clock, options.settleClaimMs / 3, ended);
      const standing = this.#subject.standing(record);
      if (ended.aborted || standing === undefined) return;
      const { tries, state } = standing;
      const step: Step = { state, tries, notBeforeMs: options.settleClaimMs, claimed: true };
      const renewed = await this.#stepOn(key, record, step).catch((error: unknown) => {
        this.#parts.errors.report({ where: 'upkeep', error, record });
        return isUnanswered(error) ? record : null;
      });
      if (renewed === null) return; // the store refuses it for good
      if (renewed === undefined) return onLost();
      record = renewed;
      onRenewed(renewed);
    }
  }

  /**
   * A step of whoever holds the claim. A step of its own whose answer was lost is known by its tries, which every other
   * claim raises: it goes on from there, and may be made again.
   * @returns the record after the step, or undefined when somebody else took it
   */
  async #stepOn(key: StreamKey, mine: JobRecord, step: Step): Promise<JobRecord | undefined> {
    for (let record = mine; ; ) {
      const reply = await this.#commit(key, record, step);
      if (reply.ok) return reply.record;
      const found = reply.record;
      const standing = found && this.#subject.standing(found);
      if (reply.refusal !== 'revision' || standing?.tries !== step.tries) return undefined;
      if (!standing.claimed) return !step.claimed && standing.state === step.state ? found : undefined;
      record = found as JobRecord;
    }
  }

  async #commit(key: StreamKey, record: JobRecord, step: Step): Promise<CommitReply> {
    const reply = await this.#parts.store.commit({
      writer: 'settler',
      key,
      generation: record.generation,
      pauseOf: this.#subject.pauseOf,
      revision: this.#subject.standing(record)?.revision ?? 0,
      ...step,
    });
    if (reply.ok) publishFrames(this.#parts, reply.frames);
    return reply;
  }
}
