/**
 * A generation whose producer fell silent, or has handed it over, is taken over by another attempt, if the host can continue it
 * and has not done so too often; otherwise it ends `failed` / `producer_lost`. The take-over, its announcement and the new lease
 * are one commit, guarded by the lapsed lease, so only one replica gets it. A run that has waited in a queue, and of which no producer
 * has said anything yet, is begun anew, by the hook that starts such runs.
 */

import type { CommitReply, OtherCommit } from '../interfaces/commits.js';
import type { Hooks } from '../interfaces/manager-types.js';
import { dueSince, LONGEST_BACKOFF_MS } from '../model/deadlines.js';
import { serialiseLifecycle } from '../model/events.js';
import type { FoldedState } from '../model/fold.js';
import { type TakeOver, takeOverOf } from '../model/hand-over.js';
import { createdPayloadOf } from '../model/queued-request.js';
import type { JobRecord, Json, StreamKey } from '../model/types.js';
import { continuationOf } from '../process/continuation.js';
import { publishFrames } from '../process/frames.js';
import { leaveToOthers } from '../process/give-up-lease.js';
import { callHook } from '../process/host-code.js';
import { logStep } from '../process/life-log.js';
import type { Parts } from '../process/parts.js';
import { repeatUntilAnswered } from '../process/repeat.js';
import type { Opener } from '../process/seals.js';
import type { JobHandle } from '../producing/job-handle.js';
import type { Producers } from '../producing/producers.js';
import type { Ender } from './ender.js';
import { beginsAnew, MOST_STARTS, produceQueued } from './queued-producer.js';
import type { Succession } from './succession.js';

export class Recovery {
  readonly #parts: Parts;
  readonly #ender: Ender;
  readonly #producers: Producers;
  readonly #succession: Succession;

  constructor(parts: Parts, ender: Ender, producers: Producers, succession: Succession) {
    this.#parts = parts;
    this.#ender = ender;
    this.#producers = producers;
    this.#succession = succession;
  }

  /**
   * @param unmovedLeaseUntil the end of the lease, when it is not the store's clock that says that the producer is lost
   *   but the record, which has stood still for a whole lease
   */
  async recover(key: StreamKey, record: JobRecord, unmovedLeaseUntil?: number): Promise<void> {
    const { options, observer, background, unknownModels } = this.#parts;
    if (this.#isLeftToOthers(record)) return;
    if (!this.#mayGoOn(record)) {
      const ended = await this.#ender.endSilent(key, record, unmovedLeaseUntil);
      if (ended) observer.recovered('given_up');
      return;
    }
    if (this.#producers.isDraining) return; // another replica, or this one's successor
    const opener = await this.#openerOf(key, record, unmovedLeaseUntil);
    if (opener === undefined) return;
    const startedAt = this.#parts.clock.monotonic();
    const taken = await this.#takeOver(
      key,
      record,
      takeOverOf(await opener.record(record)),
      unmovedLeaseUntil,
    );
    if (taken === undefined) return;
    if (record.handOver === undefined) observer.recovered('taken_over');
    else observer.handedOver('taken');
    if (unknownModels.has(taken)) unknownModels.tell('recovered', taken);
    background.run(this.#parts.slots.retake(key, taken));
    // Given up on, the read would cost the generation this attempt, and one of its recoveries.
    const state = await repeatUntilAnswered(
      this.#parts,
      () => this.#parts.states.read(key, taken.generation),
      startedAt + options.leaseMs,
    );
    // What was stopped meanwhile, or taken over once more, must not begin here.
    if (state?.record.status !== 'running' || state.record.attempt !== taken.attempt) return;
    const created = beginsAnew(state.record) ? await this.#createdOf(key, taken, startedAt) : undefined;
    const opened = await this.#openOrGiveUp(opener, key, state.record);
    // The drain began meanwhile, and would not see this job.
    if (this.#producers.isDraining) return this.#giveUp(key, taken);
    const job = this.#producers.adopt(key, state, startedAt);
    background.run(this.#goOn(job, { ...state, record: opened }, created));
  }

  /** Says whether the host can produce another attempt here, and has not begun too many. */
  #mayGoOn(record: JobRecord): boolean {
    const { hooks, options } = this.#parts;
    const isAnew = beginsAnew(record);
    const most = isAnew ? MOST_STARTS - 1 : options.maxRecoveries;
    const hook = isAnew ? hooks.startQueued : hooks.recover;
    return hook !== undefined && (record.recoveries < most || record.leaseUntil === 0);
  }

  /**
   * Says whether a replica that can't go on leaves the generation to one that can: what was handed over, of which others are told at
   * once, for as long as a producer that died would have been waited for; a run that begins anew for the longest back-off.
   */
  #isLeftToOthers(record: JobRecord): boolean {
    const { hooks, options, storeClock } = this.#parts;
    const { handOver, leaseUntil, updatedAt } = record;
    if (beginsAnew(record)) {
      const since = dueSince(record, options);
      return hooks.startQueued === undefined && storeClock.now() < since + LONGEST_BACKOFF_MS;
    }
    const isGivenUp = handOver !== undefined && leaseUntil === 0;
    return hooks.recover === undefined && isGivenUp && storeClock.now() < updatedAt + options.leaseMs;
  }

  /**
   * Opens what is sealed in the record, before anything is committed: a replica that can't leaves the generation, which stays
   * due, to one that can, for the longest back-off. Where nobody has opened it by then, it ends.
   * @returns the opener, or undefined when it was ended
   * @throws GenerationJobError `seal_unavailable`
   */
  async #openerOf(
    key: StreamKey,
    record: JobRecord,
    unmovedLeaseUntil?: number,
  ): Promise<Opener | undefined> {
    const { seals, options, storeClock, errors, observer } = this.#parts;
    const opener = seals.opener();
    try {
      await opener.record(record);
      return opener;
    } catch (error) {
      if (storeClock.now() < dueSince(record, options) + LONGEST_BACKOFF_MS) throw error;
      errors.report({ where: 'upkeep', error, record });
      const ended = await this.#ender.endSilent(key, record, unmovedLeaseUntil);
      if (ended) observer.recovered('given_up');
      return undefined;
    }
  }

  /** Gives the generation up for another replica when it has been sealed anew meanwhile, with a key this one lacks. */
  async #openOrGiveUp(opener: Opener, key: StreamKey, taken: JobRecord): Promise<JobRecord> {
    try {
      return await opener.record(taken);
    } catch (error) {
      await this.#giveUp(key, taken);
      throw error;
    }
  }

  /** Goes on with the generation, once its predecessors are as far as its create asked for. */
  async #goOn(job: JobHandle, state: FoldedState, created: Json | undefined): Promise<void> {
    const { hooks } = this.#parts;
    const { record } = state;
    const refusal = await this.#succession.handOut(job, record);
    if (refusal !== undefined) return;
    if (beginsAnew(record)) await produceQueued(this.#parts, job, record, created);
    else await job.run(() => hooks.recover?.(job, continuationOf(this.#parts, job.key, state)));
  }

  /** Returns what a run was created with, from its first event; undefined when there is nothing, or its log has lost it. */
  async #createdOf(key: StreamKey, { generation }: JobRecord, startedAt: number): Promise<Json | undefined> {
    const { log, options } = this.#parts;
    const place = { key, generation, after: 0, maxEvents: 1, maxBytes: options.limits.pageBytes };
    const until = startedAt + options.leaseMs;
    const page = await repeatUntilAnswered(this.#parts, () => log.read(place), until);
    const [first] = page.found ? page.events : [];
    return first?.event === 'created' ? createdPayloadOf(first) : undefined;
  }

  /** Gives up what was just taken over: another replica has it at once, and it is not counted twice. */
  async #giveUp(key: StreamKey, { generation, attempt }: JobRecord): Promise<void> {
    await leaveToOthers(this.#parts, { key, generation, attempt });
  }

  async #takeOver(
    key: StreamKey,
    record: JobRecord,
    takeOver: TakeOver,
    unmovedLeaseUntil: number | undefined,
  ): Promise<JobRecord | undefined> {
    const { store, options, clock, entropy, hooks, observer, replicaId } = this.#parts;
    const mode = beginsAnew(record)
      ? 'restart'
      : await callHook(
          this.#parts,
          'recoverMode',
          () => modeOf(hooks.recoverMode, record, takeOver),
          'restart',
          { record },
        );
    const announced = {
      fromSequence: record.lastSequence,
      restart: mode === 'restart',
      attempt: record.attempt + 1,
    };
    const commit: OtherCommit = {
      writer: 'other',
      key,
      generation: record.generation,
      name: 'recover',
      callId: entropy.id(),
      event: serialiseLifecycle('recovered', announced, options.limits),
      attempt: record.attempt,
      unmovedLeaseUntil,
      leaseMs: options.leaseMs,
      restarts: announced.restart,
      replicaId,
      settles: hooks.settle !== undefined,
    };
    const until = clock.monotonic() + options.leaseMs / 2;
    const reply: CommitReply = await repeatUntilAnswered(this.#parts, () => store.commit(commit), until);
    if (!reply.ok || reply.record === undefined) return undefined;
    // A repeat is answered with the record as it stands: somebody may have taken over from this attempt already.
    if (reply.record.attempt !== record.attempt + 1) return undefined;
    publishFrames(this.#parts, reply.frames);
    observer.jobTransitioned('recover', reply.record.status);
    logStep(this.#parts, 'recovered', reply.record, { after: takeOver.handover ? 'hand-over' : 'loss' });
    this.#parts.feed.tellSoon(key, reply.record); // that it runs may not have been told yet
    return reply.record;
  }
}

function modeOf(mode: Hooks['recoverMode'], record: JobRecord, takeOver: TakeOver): 'restart' | 'continue' {
  return typeof mode === 'function' ? mode(record, takeOver) : (mode ?? 'restart');
}
