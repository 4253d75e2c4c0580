/**
 * Commits for producers that work elsewhere: checked by this server's limits, sealed with its seal, and followed by what follows
 * a handle's own. The store's fence decides; the mirrors kept here are for speed and for the limits, bounded in number, and
 * thrown away whenever the store says something else than they do. The commits of one attempt are made one after the other.
 */
import { GenerationJobError, JobEndedError } from '../../errors.js';
import type { CommitReply, ProducerCommit, ProducerTransition, RecordPatch } from '../interfaces/commits.js';
import type { GenerationJob } from '../interfaces/generation-job.js';
import type { HeldWithInbox, LeaseClaim, RenewAnswer } from '../interfaces/job-store.js';
import type {
  RemoteAttempt,
  RemoteAttempts as RemoteAttemptsFace,
  RemoteBatch,
  RemoteChange,
  RemoteReply,
} from '../interfaces/remote-attempts.js';
import { reasonOf, toFailure } from '../model/end-reasons.js';
import { serialiseHostEvent, serialiseMetadata } from '../model/events.js';
import { lastMomentOf } from '../model/remote-times.js';
import { checkConversationId } from '../model/stream-key.js';
import { refusalOfProducer } from '../model/transitions.js';
import type { JobFailure, JobRecord, LogEvent, SerialisedEvent, StreamKey } from '../model/types.js';
import { publishFrames } from '../process/frames.js';
import type { IndexKeeper } from '../process/index-keeper.js';
import type { Parts } from '../process/parts.js';
import { repeatUntilAnswered } from '../process/repeat.js';
import type { SlotOwner } from '../process/slot-keeper.js';
import { AttemptMirror } from './attempt-mirror.js';
import { AttemptQueues } from './attempt-queues.js';
import { endEvent } from './end-event.js';
import { JobHandle } from './job-handle.js';
import { preparePause } from './pause-commit.js';
import { RemoteLeases } from './remote-leases.js';

export interface RemoteOwner {
  readonly indexes: Pick<IndexKeeper, 'renewed'>;
  /** A worker's commit ended or paused the generation. */
  onTransition(
    owner: SlotOwner & { readonly key: StreamKey },
    name: ProducerTransition['name'],
    record: JobRecord,
  ): void;
  /** A worker is known to be dead: its lease counts as lapsed. */
  onDead(key: StreamKey, record: JobRecord): Promise<void>;
  /** A worker that others had stopped has returned. */
  onLeft(attempt: { readonly key: StreamKey }, record: JobRecord | undefined): void;
}

/** The names of workers in records begin with it. */
export const WORKER = 'worker';

const OVER_LIMIT = { code: 'limit_exceeded', message: 'The generation exceeded a limit.', retryable: false };
const OVERDUE = { code: 'timeout', message: 'The generation exceeded maxRunMs.', retryable: true };

/** The last part of a commit: its change of state, and the event that tells of it. */
interface Closing {
  readonly transition: ProducerTransition;
  readonly event: SerialisedEvent;
}

export class RemoteAttempts implements RemoteAttemptsFace {
  readonly #parts: Parts;
  readonly #owner: RemoteOwner;
  readonly #leases: RemoteLeases;
  readonly #attempts = new AttemptQueues<AttemptMirror>();

  constructor(parts: Parts, owner: RemoteOwner) {
    this.#parts = parts;
    this.#owner = owner;
    this.#leases = new RemoteLeases(parts, owner.indexes);
  }

  now(): number {
    return this.#parts.store.now();
  }

  async read({ key, generation }: Pick<RemoteAttempt, 'key' | 'generation'>): Promise<JobRecord | undefined> {
    const [record] = await this.#parts.store.read(key, generation);
    return record;
  }

  async handOver(
    job: GenerationJob,
    { replicaId, leaseMs }: { readonly replicaId: string; readonly leaseMs: number },
  ): Promise<JobRecord> {
    if (!(job instanceof JobHandle)) throw noJob();
    const { store, slots, clock, options, background } = this.#parts;
    await job.flush();
    // From here on nobody renews it beside the worker: what the lease is next, it is for the worker.
    job.stop('handed_over');
    if (job.reason !== 'handed_over') throw new JobEndedError(job.reason ?? 'fenced');
    const { key, generation, attempt } = job;
    const until = clock.monotonic() + options.leaseMs;
    const answer = await repeatUntilAnswered(
      this.#parts,
      () => this.#leases.claim({ key, generation, attempt, replicaId }, leaseMs),
      until,
    );
    if (answer !== 'held') throw new JobEndedError(reasonOf({ refusal: answer }));
    background.run(slots.retake(key, job, leaseMs));
    const [record] = await repeatUntilAnswered(this.#parts, () => store.read(key, generation), until);
    if (record === undefined) throw new JobEndedError('gone');
    return record;
  }

  async renew(attempt: RemoteAttempt): Promise<Exclude<RenewAnswer, Error | HeldWithInbox>> {
    const mirror = this.#attempts.peek(attempt);
    const record = mirror ?? (await this.read(attempt));
    if (record?.attempt === attempt.attempt && this.#isOverdue(record, attempt)) {
      const ended = await this.commit(attempt, { after: record.lastSequence, events: [] });
      if (!ended.ok && ended.refusal !== 'sequence') return ended.refusal;
    }
    return this.#leases.renew(attempt, mirror);
  }

  async lose(attempt: Omit<RemoteAttempt, 'leaseMs'>): Promise<boolean> {
    const record = await this.read(attempt);
    const isWorkers = record?.replicaId?.startsWith(WORKER) ?? false;
    if (!isWorkers || record?.status !== 'running' || record.attempt !== attempt.attempt) return false;
    this.#attempts.forget(attempt);
    await this.#owner.onDead(attempt.key, record);
    return true;
  }

  commit(attempt: RemoteAttempt, batch: RemoteBatch): Promise<RemoteReply> {
    return this.#attempts.run(attempt, async (mirror) => {
      try {
        return await this.#commit(attempt, batch, mirror);
      } catch (error) {
        // Its limits have counted what nobody knows to be committed.
        this.#attempts.forget(attempt);
        throw error;
      }
    });
  }

  async leave(
    { key, generation, attempt }: RemoteAttempt,
    change: RemoteChange | undefined,
    leaves: boolean,
  ): Promise<RemoteReply> {
    const record = await this.read({ key, generation });
    if (record === undefined) return { ok: false, refusal: 'gone' };
    const patch = change && (await this.#patchOf(key, record, change));
    const reply = await this.#parts.store.commit({
      writer: 'leaver',
      ...{ key, generation, attempt, patch, leaves },
    });
    if (patch) this.#parts.observer.books(reply.ok ? 'taken' : 'refused');
    if (!reply.ok) return reply;
    publishFrames(this.#parts, reply.frames);
    if (leaves) {
      this.#parts.observer.books('left');
      this.#owner.onLeft({ key }, reply.record);
    }
    return { ok: true, sequence: reply.lastSequence, record: reply.record };
  }

  async #commit(
    attempt: RemoteAttempt,
    given: RemoteBatch,
    known: AttemptMirror | undefined,
  ): Promise<RemoteReply> {
    const mirror = await this.#mirrorAt(attempt, given, known);
    if ('ok' in mirror) return mirror;
    if (this.#isOverdue(mirror, attempt)) return this.#endByName(attempt, mirror, OVERDUE);
    const batch = mirror.lastSequence > given.after ? restOf(given, mirror.lastSequence) : given;
    if (isEmpty(batch)) return this.#acknowledged(attempt, mirror);
    const events = this.#checked(batch, mirror);
    if (events === undefined) return this.#endByName(attempt, mirror, OVER_LIMIT);
    const patch = batch.change && (await this.#patchOf(attempt.key, mirror, batch.change, mirror));
    const closing = await this.#closingOf(batch, mirror);
    const commit: ProducerCommit = {
      writer: 'producer',
      ...{ key: attempt.key, generation: attempt.generation, attempt: attempt.attempt },
      afterSequence: batch.after,
      events: numbered(closing ? [...events, closing.event] : events, batch.after, attempt.attempt),
      patch,
      transition: closing?.transition,
    };
    return this.#send(attempt, commit, mirror);
  }

  /**
   * The mirror at the place a batch goes on from, or beyond it when its events are repeats; or the answer, when the batch is a repeat or comes too early, or the attempt
   * may not write any more. A repeated end has an answer of its own, which the store knows.
   */
  async #mirrorAt(
    attempt: RemoteAttempt,
    batch: RemoteBatch,
    known: AttemptMirror | undefined,
  ): Promise<AttemptMirror | RemoteReply> {
    let mirror = known;
    if (mirror && mirror.lastSequence !== batch.after && !(await mirror.catchUp())) mirror = undefined;
    if (mirror === undefined) {
      const found = await AttemptMirror.read(this.#parts, attempt);
      if (found === null) return { ok: false, refusal: 'gone' };
      const { record } = found;
      const refusal = refusalOfProducer(record, attempt.attempt);
      if (refusal) return this.#whyOver(attempt, batch, record, refusal);
      mirror = found.mirror;
      if (mirror === undefined) return { ok: false, refusal: 'ended', record };
      this.#attempts.keep(attempt, mirror);
    }
    const { lastSequence } = mirror;
    if (lastSequence === batch.after) return mirror;
    const isRepeat = lastSequence > batch.after && lastSequence >= batch.after + batch.events.length;
    if (!isRepeat || isClosing(batch))
      return { ok: false, refusal: 'sequence', record: await this.read(attempt) };
    return mirror;
  }

  /** Answers a repeat, or a batch of nothing, which are signs of life as well. */
  async #acknowledged(attempt: RemoteAttempt, mirror: AttemptMirror): Promise<RemoteReply> {
    const answer = await this.#leases.keep(attempt, mirror);
    if (answer === 'held')
      return { ok: true, sequence: mirror.lastSequence, leaseUntil: mirror.lease?.until };
    this.#attempts.forget(attempt);
    return { ok: false, refusal: answer, record: await this.read(attempt) };
  }

  /** Answers a batch of an attempt that may not write: the end that it has made itself is acknowledged again. */
  async #whyOver(
    { key, generation, attempt }: RemoteAttempt,
    batch: RemoteBatch,
    record: JobRecord,
    refusal: 'fenced' | 'ended' | 'paused',
  ): Promise<RemoteReply> {
    const callId = batch.end?.callId ?? batch.pause?.callId;
    if (callId === undefined || record.attempt !== attempt) return { ok: false, refusal, record };
    const name = batch.pause ? 'pause' : (batch.end?.name ?? 'fail');
    const reply = await this.#parts.store.commit({
      writer: 'producer',
      ...{ key, generation, attempt, afterSequence: batch.after, events: [] },
      transition: { name, callId, settles: this.#settles },
    });
    return reply.ok ? { ok: true, sequence: reply.lastSequence, record: reply.record } : reply;
  }

  /** The events as text, counted; undefined when the generation has become too large. @throws as `emit` */
  #checked({ after, events }: RemoteBatch, mirror: AttemptMirror): readonly SerialisedEvent[] | undefined {
    const { limits } = this.#parts.options;
    const texts = events.map((event) => serialiseHostEvent(event, limits));
    for (const { keep, data } of texts) if (keep !== undefined) mirror.limits.takeKept(keep, data);
    const { contentSequence } = mirror;
    const isOver = texts.some(
      ({ data }, at) => mirror.limits.exceededBy(data, after + at + 1, contentSequence) !== undefined,
    );
    return isOver ? undefined : texts;
  }

  /** Ends an attempt that its worker should have ended by itself. */
  async #endByName(attempt: RemoteAttempt, mirror: AttemptMirror, error: JobFailure): Promise<RemoteReply> {
    const event = endEvent(this.#parts, this.#subject(attempt), 'failed', error, undefined);
    const callId = this.#parts.entropy.id();
    const { key, generation } = attempt;
    const reply = await this.#send(
      attempt,
      {
        writer: 'producer',
        ...{ key, generation, attempt: attempt.attempt, afterSequence: mirror.lastSequence },
        events: numbered([event], mirror.lastSequence, attempt.attempt),
        transition: { name: 'fail', callId, error, settles: this.#settles },
      },
      mirror,
    );
    return reply.ok ? { ok: false, refusal: 'ended', record: reply.record } : reply;
  }

  async #patchOf(
    key: StreamKey,
    { createId }: Pick<JobRecord, 'createId'>,
    { number, conversationId, metadata, usage, usageEntries }: RemoteChange,
    mirror?: AttemptMirror,
  ): Promise<RecordPatch> {
    const { seals, options } = this.#parts;
    checkConversationId(conversationId);
    const texts =
      metadata && (await seals.metadata(serialiseMetadata(metadata, options.limits), { key, createId }));
    if (texts) mirror?.limits.takeMetadata(texts);
    return { number, conversationId, metadata: texts, usage, usageEntries };
  }

  async #closingOf({ end, pause }: RemoteBatch, mirror: AttemptMirror): Promise<Closing | undefined> {
    if (pause) {
      return preparePause(this.#parts, mirror, pause.input, async ({ transition, event }) => ({
        transition: { ...transition, callId: pause.callId },
        event,
      }));
    }
    if (end === undefined) return undefined;
    const { name, callId, final } = end;
    const error = name === 'fail' ? toFailure(end.error) : undefined;
    const event = endEvent(
      this.#parts,
      this.#subject(mirror),
      name === 'fail' ? 'failed' : 'completed',
      error ?? {},
      final,
    );
    return { transition: { name, callId, error, settles: this.#settles }, event };
  }

  async #send(attempt: RemoteAttempt, commit: ProducerCommit, mirror: AttemptMirror): Promise<RemoteReply> {
    const { store, clock } = this.#parts;
    const startedAt = clock.monotonic();
    // The two leave together: a batch costs no second way to the store.
    const committing = store.commit(commit);
    const [reply] = await Promise.all([
      committing,
      commit.transition ? 'held' : this.#leases.keep(attempt, mirror),
    ]);
    if (!reply.ok) return this.#refused(attempt, reply);
    publishFrames(this.#parts, reply.frames);
    // A question is completed by the store: whoever folds it reads it from the log.
    const committed = commit.transition?.action ? commit.events.slice(0, -1) : commit.events;
    mirror.committed(committed, clock.monotonic() - startedAt);
    if (commit.transition) this.#afterEnd(attempt, commit.transition.name, mirror, reply.record as JobRecord);
    const { lastSequence: sequence, record } = reply;
    return { ok: true, sequence, record, leaseUntil: mirror.lease?.until };
  }

  #refused(attempt: RemoteAttempt, reply: CommitReply & { ok: false }): RemoteReply {
    this.#attempts.forget(attempt);
    if (reply.refusal === 'fenced') this.#parts.observer.fenced();
    return reply;
  }

  #afterEnd(
    attempt: RemoteAttempt,
    name: ProducerTransition['name'],
    mirror: AttemptMirror,
    record: JobRecord,
  ): void {
    mirror.save();
    this.#attempts.forget(attempt);
    mirror.progress?.end(
      name === 'pause' ? 'paused' : record.status === 'completed' ? 'completed' : 'failed',
    );
    if (name === 'pause') this.#parts.observer.approval('paused');
    this.#owner.onTransition(mirror, name, record);
  }

  #isOverdue(record: Parameters<typeof lastMomentOf>[0], { leaseMs }: RemoteAttempt): boolean {
    const { store, options } = this.#parts;
    return store.now() > lastMomentOf(record, options, leaseMs);
  }

  get #settles(): boolean {
    return this.#parts.hooks.settle !== undefined;
  }

  #subject({ key, generation, attempt }: LeaseClaim) {
    return { streamId: key.streamId, tenantId: key.tenantId, generation, attempt };
  }
}

function numbered(events: readonly SerialisedEvent[], after: number, attempt: number): readonly LogEvent[] {
  return events.map((event, at) => ({ ...event, sequence: after + at + 1, attempt }));
}

/** Returns what may be new in a batch whose events are there already: its change, if its number says so. */
function restOf({ change }: RemoteBatch, after: number): RemoteBatch {
  return { after, events: [], change };
}

function isEmpty(batch: RemoteBatch): boolean {
  return batch.events.length === 0 && batch.change === undefined && !isClosing(batch);
}

function isClosing({ end, pause }: RemoteBatch): boolean {
  return end !== undefined || pause !== undefined;
}

function noJob(): GenerationJobError {
  return new GenerationJobError(
    'invalid_argument',
    'job must be one that this copy of the package handed out.',
  );
}
