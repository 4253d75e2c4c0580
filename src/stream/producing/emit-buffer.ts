/**
 * Group commit for one attempt. An event is written at once when nothing is under way, in the same turn as the emit; while a
 * commit is under way events gather and become the next one. So one event costs one call's latency, and many events
 * cost few calls, without a timer. When a commit may be sent is asked of the process's turns (`CommitTurns`), and
 * whether more may be emitted in this turn of the event loop of `EmitTurns`.
 *
 * States
 * - `idle`       nothing under way. An end enters `committing`; an event or a patch asks for a turn, and enters it when
 *                that has come: at once, unless the process or this producer has sent its share in this turn. With
 *                `coalesceMs`, events first enter `gathering` until the time is over or a batch is full.
 * - `committing` one commit is under way; what comes gathers. Its answer leads to the next commit or to `idle`; a
 *                refusal to `closed`, and so does an error that stays; any other rejection, whose outcome is unknown,
 *                to `repeating`, and so does the refusal `held`: somebody describes an end, which may come or not.
 * - `repeating`  the same commit, frozen, is made again after a pause, until it is answered or the lease is over.
 * - `closed`     the attempt is over. Nothing leaves; emits throw, waiting promises settle.
 *
 * An end is the last commit: it drains what is buffered before it, then carries the change of state. One that wants an empty inbox
 * goes alone, since it may be refused (`inbox`) without harm: then the attempt goes on.
 */
import { KIB, type TimerHandle } from '../../clock.js';
import { isUnanswered, JobEndedError } from '../../errors.js';
import type { CommitReply, ProducerCommit, ProducerTransition, RecordPatch } from '../interfaces/commits.js';
import { OWN_ENDS } from '../model/end-reasons.js';
import type { LogEvent, Mutable, SerialisedEvent, StreamKey } from '../model/types.js';
import { backOff, type Pauses, retryPauses, scattered } from '../process/back-off.js';
import { publishFrames } from '../process/frames.js';
import type { Parts } from '../process/parts.js';
import { CommitSeat } from '../turns/commit-turns.js';
import { EmitSeat } from '../turns/emit-turns.js';
import { BufferRoom } from './buffer-room.js';
import { CommitWaiters } from './commit-waiters.js';
import { EndUnderWay } from './end-under-way.js';
import { type Change, mergedPatch } from './patches.js';

/** The buffer tells this to the job it belongs to. */
export interface BufferOwner {
  /** Takes what is in the log as it was emitted. */
  onCommitted(events: readonly LogEvent[]): void;
  /** A commit was refused: the attempt is over. */
  onRefused(reply: CommitReply & { ok: false }): void;
  /** Returns until when a commit may be repeated, by this process's own clock. */
  leaseDeadline(): number;
  onLeaseOver(cause: unknown): void;
  /** The store failed in a way that stays: a repeat would be answered with the same. */
  onFailed(error: unknown): void;
}

type BufferParts = Pick<
  Parts,
  'store' | 'transport' | 'options' | 'clock' | 'entropy' | 'observer' | 'emitTurns' | 'commitTurns'
>;

const READY = Promise.resolve();
/** The longest pause before a commit that was held is made again, in `retryMs`: it is soon taken or over. */
const LONGEST_HELD_FACTOR = 2;

export class EmitBuffer {
  readonly #parts: BufferParts;
  readonly #place: { readonly key: StreamKey; readonly generation: number; readonly attempt: number };
  readonly #owner: BufferOwner;
  readonly #commitSeat: CommitSeat;
  readonly #emitSeat: EmitSeat;
  #waiting: Mutable<LogEvent>[] = [];
  #waitingBytes = 0;
  #committed: number;
  #next: number;
  #underWay: ProducerCommit | undefined;
  #underWaySince = 0;
  #retryTimer: TimerHandle | undefined;
  /** The number of times the commit under way was not answered, or held. */
  #failures = 0;
  #gatherTimer: TimerHandle | undefined;
  /** The time the first of the waiting events, and of those under way, was taken. */
  #emittedAt: number | undefined;
  #underWayEmittedAt: number | undefined;
  readonly #room = new BufferRoom();
  readonly #flushes = new CommitWaiters();
  /** The messages that events not yet committed take out of the inbox, in the order of their sequences. */
  #takes: { readonly sequence: number; readonly messageId: string }[] = [];
  #patch: RecordPatch | undefined;
  #patchNumber: number;
  #patchCommitted: number;
  #ending: EndUnderWay | undefined;
  /** The reason nothing is taken any more: an end that was asked for, a hand-over, or what closed it. */
  #refusal: JobEndedError | undefined;
  #closed: JobEndedError | undefined;

  constructor(
    parts: BufferParts,
    place: {
      key: StreamKey;
      generation: number;
      attempt: number;
      lastSequence: number;
      /** The number of the attempt's newest change: another producer of it may have been before this one. */
      changes: number;
    },
    owner: BufferOwner,
  ) {
    this.#parts = parts;
    this.#place = { key: place.key, generation: place.generation, attempt: place.attempt };
    this.#committed = place.lastSequence;
    this.#next = place.lastSequence + 1;
    this.#patchNumber = place.changes;
    this.#patchCommitted = place.changes;
    this.#owner = owner;
    this.#commitSeat = new CommitSeat(place.key, () => this.#send());
    this.#emitSeat = new EmitSeat(() => this.#giveRoomIfAny());
  }

  /** The sequence of the last event taken in. */
  get lastSequence(): number {
    return this.#next - 1;
  }

  /** True when the last commit has been asked for and not yet answered. */
  get isEnding(): boolean {
    return this.#refusal !== undefined && this.#closed === undefined;
  }

  /** Resolves when the last commit, if one was asked for, is answered. Never rejects. */
  get answered(): Promise<unknown> {
    return this.#ending?.answered ?? READY;
  }

  /** The same while the answer may be that the attempt goes on; undefined when nothing is open. */
  get undecided(): Promise<unknown> | undefined {
    return this.isEnding && this.#ending?.transition.ifInboxEmpty ? this.answered : undefined;
  }

  /** The newest event that has not been sent yet: the only one another may still be merged into. */
  get newest(): Readonly<SerialisedEvent> | undefined {
    return this.#waiting.at(-1);
  }

  /** Replaces the newest event; resolves as `push` does. */
  replaceNewest(event: SerialisedEvent): Promise<void> {
    const newest = this.#waiting.at(-1);
    if (newest === undefined) return this.push(event);
    this.#waitingBytes += event.data.length - newest.data.length;
    Object.assign(newest, event);
    this.#parts.emitTurns.count(this.#emitSeat, weightOf(1, event.data.length));
    return this.#whenRoom();
  }

  /**
   * Takes an event. Resolves when there is room for the next one; never rejects.
   * @param takes the message that it takes out of the inbox, in one step
   * @throws JobEndedError when the attempt is over
   */
  push(event: SerialisedEvent, takes?: string): Promise<void> {
    this.throwIfOver();
    if (takes !== undefined) this.#takes.push({ sequence: this.#next, messageId: takes });
    this.#waiting.push({
      event: event.event,
      data: event.data,
      keep: event.keep,
      sequence: this.#next++,
      attempt: this.#place.attempt,
    });
    this.#waitingBytes += event.data.length;
    if (this.#waiting.length === 1) this.#emittedAt = this.#parts.clock.monotonic();
    this.#parts.emitTurns.count(this.#emitSeat, weightOf(1, event.data.length));
    if (this.#underWay === undefined) this.#begin();
    return this.#whenRoom();
  }

  /** @throws JobEndedError when the attempt is over or ending */
  throwIfOver(): void {
    if (this.#refusal) throw this.#refusal;
  }

  /**
   * Changes the record with the next commit; resolves when it is committed.
   * @param isLast the change goes with what is left of a buffer that was shut
   */
  patch(change: Change, isLast = false): Promise<void> {
    if (!isLast) this.throwIfOver();
    this.#patchNumber++;
    this.#patch = mergedPatch(this.#patch, { ...change, number: this.#patchNumber });
    if (this.#underWay === undefined) this.#ask();
    return this.flush();
  }

  /** Resolves when everything taken so far is committed. @throws JobEndedError when it can't be any more */
  flush(): Promise<void> {
    if (this.#committed >= this.lastSequence && this.#patchCommitted >= this.#patchNumber) return READY;
    if (this.#closed) return Promise.reject(this.#closed);
    if (this.#underWay === undefined) this.#ask();
    return this.#flushes.add(this.lastSequence, this.#patchNumber);
  }

  /** The last commit of the attempt. Everything taken before is committed first. */
  end(transition: ProducerTransition, event: SerialisedEvent): Promise<CommitReply> {
    this.throwIfOver();
    this.#ending = new EndUnderWay(transition, event);
    this.#refusal = new JobEndedError(OWN_ENDS[transition.name]);
    const { answer } = this.#ending;
    if (this.#underWay === undefined) this.#ask();
    return answer;
  }

  /** Takes nothing more, since the attempt is left to others. @throws JobEndedError when it is over or ending */
  shut(): void {
    this.throwIfOver();
    this.#refusal = new JobEndedError('handed_over');
  }

  /**
   * The attempt is over: nothing more is sent. What was taken and not committed is lost, and `flush` says so.
   * @returns what is not known to be committed of the record, under the number of the newest change
   */
  close(reason: JobEndedError): RecordPatch {
    const number = this.#patchNumber;
    const rest = mergedPatch(this.#underWay?.patch, { ...this.#patch, number });
    if (this.#closed) return { number };
    this.#closed = this.#refusal = reason;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#parts.clock.clearTimeout(this.#retryTimer);
    this.#parts.clock.clearTimeout(this.#gatherTimer);
    this.#parts.emitTurns.leave(this.#emitSeat);
    this.#parts.commitTurns.leave(this.#commitSeat);
    this.#room.give();
    this.#flushes.fail(reason);
    this.#ending?.reject(reason);
    return rest;
  }

  // --- committing

  /** Begins to commit events that nobody waits for yet. */
  #begin(): void {
    const { coalesceMs, limits } = this.#parts.options;
    const isFull = this.#waiting.length >= limits.batchEvents || this.#waitingBytes >= limits.batchBytes;
    if (isFull) return this.#ask();
    if (coalesceMs === 0) return this.#parts.commitTurns.ask(this.#commitSeat, false);
    this.#gatherTimer ??= this.#parts.clock.setTimeout(() => this.#ask(), coalesceMs);
  }

  /** Asks for a turn to commit what somebody waits for. An end waits for no turn: it is the last of its kind. */
  #ask(): void {
    this.#parts.clock.clearTimeout(this.#gatherTimer);
    this.#gatherTimer = undefined;
    if (this.#ending) this.#send();
    else this.#parts.commitTurns.ask(this.#commitSeat, true);
  }

  #send(): void {
    if (this.#underWay !== undefined || this.#closed) return;
    const bytes = this.#waitingBytes;
    const events = this.#takeBatch();
    const patch = this.#patch;
    this.#patch = undefined;
    const isAlone = events.length === 0 && patch === undefined;
    const isDue = this.#waiting.length === 0 && (isAlone || !this.#ending?.transition.ifInboxEmpty);
    const ending = isDue ? this.#ending : undefined;
    if (ending) events.push({ ...ending.event, sequence: this.#next++, attempt: this.#place.attempt });
    if (events.length === 0 && patch === undefined) return;
    this.#underWay = {
      writer: 'producer',
      key: this.#place.key,
      generation: this.#place.generation,
      attempt: this.#place.attempt,
      afterSequence: this.#committed,
      events,
      patch,
      takes: this.#takes.length > 0 ? this.#takenBy(events) : undefined,
      transition: ending?.transition,
    };
    this.#underWaySince = this.#parts.clock.monotonic();
    this.#underWayEmittedAt = this.#emittedAt;
    this.#emittedAt = this.#underWaySince;
    this.#failures = 0;
    const weight = weightOf(events.length, bytes - this.#waitingBytes);
    this.#parts.commitTurns.sent(this.#commitSeat, weight, this.#underWaySince);
    this.#commit(this.#underWay);
  }

  #takeBatch(): LogEvent[] {
    const { batchEvents, batchBytes } = this.#parts.options.limits;
    let count = 0;
    let bytes = 0;
    while (count < this.#waiting.length && count < batchEvents) {
      const size = this.#waiting[count]?.data.length ?? 0;
      if (count > 0 && bytes + size > batchBytes) break;
      bytes += size;
      count++;
    }
    this.#waitingBytes -= bytes;
    if (count === this.#waiting.length) {
      const all = this.#waiting;
      this.#waiting = [];
      return all;
    }
    return this.#waiting.splice(0, count);
  }

  /** The messages that the events of a batch take. */
  #takenBy(events: readonly LogEvent[]): string[] | undefined {
    const last = events.at(-1)?.sequence ?? 0;
    const taken = this.#takes.filter(({ sequence }) => sequence <= last);
    this.#takes = this.#takes.slice(taken.length);
    return taken.length > 0 ? taken.map(({ messageId }) => messageId) : undefined;
  }

  #commit(commit: ProducerCommit): void {
    this.#parts.store.commit(commit).then(
      (reply) => this.#onReply(commit, reply),
      (error: unknown) => this.#onRejected(commit, error),
    );
  }

  #onReply(commit: ProducerCommit, reply: CommitReply): void {
    // Held is an answer: whoever waits for a place must not wait for a host that describes an end.
    this.#parts.commitTurns.answered(this.#commitSeat);
    if (!reply.ok && reply.refusal === 'held')
      return this.#repeat(commit, reply.refusal, retryPauses(this.#parts.options, LONGEST_HELD_FACTOR));
    if (!reply.ok) return this.#onRefused(commit, reply);
    this.#underWay = undefined;
    publishFrames(this.#parts, reply.frames, this.#underWayEmittedAt);
    this.#committed += commit.events.length;
    if (commit.patch) this.#patchCommitted = commit.patch.number;
    let bytes = 0;
    for (const event of commit.events) bytes += event.data.length;
    this.#parts.observer.committed(
      commit.events.length,
      bytes,
      this.#parts.clock.monotonic() - this.#underWaySince,
    );
    // A question is completed by the store: whoever folds it reads it from the log.
    this.#owner.onCommitted(commit.transition?.action ? commit.events.slice(0, -1) : commit.events);
    this.#flushes.settle(this.#committed, this.#patchCommitted);
    if (commit.transition) return this.#ending?.resolve(reply);
    if (this.#closed) return;
    this.#giveRoomIfAny();
    this.#goOn();
  }

  #onRefused(commit: ProducerCommit, reply: CommitReply & { ok: false }): void {
    if (reply.refusal === 'inbox' && !this.#closed) return this.#giveBack(reply);
    // Whatever the attempt was told meanwhile, the store's answer is what happened.
    if (commit.transition) this.#ending?.resolve(reply);
    // What was refused is still the attempt's: who closes the buffer for this is handed what it held of the record.
    if (!this.#closed) this.#owner.onRefused(reply);
    this.#underWay = undefined;
  }

  /** An end that is not made, because a message waits: it went alone, and its place is given back. */
  #giveBack(reply: CommitReply & { ok: false }): void {
    const ending = this.#ending;
    this.#ending = this.#refusal = undefined;
    this.#underWay = undefined;
    this.#next--;
    this.#flushes.settle(this.#next, this.#patchCommitted);
    ending?.resolve(reply);
  }

  /** Goes on after a commit: what somebody waits for is sent now, anything else as if it had just come. */
  #goOn(): void {
    const isAwaited = this.#patch !== undefined || this.#ending !== undefined || !this.#flushes.isEmpty;
    if (isAwaited || !this.#hasRoom()) this.#ask();
    else if (this.#waiting.length > 0) this.#begin();
  }

  #onRejected(commit: ProducerCommit, error: unknown): void {
    if (!this.#closed && !isUnanswered(error)) return this.#owner.onFailed(error);
    this.#repeat(commit, error, retryPauses(this.#parts.options));
  }

  #repeat(commit: ProducerCommit, cause: unknown, pauses: Pauses): void {
    if (this.#closed) return;
    const { clock, entropy } = this.#parts;
    if (clock.monotonic() >= this.#owner.leaseDeadline()) return this.#owner.onLeaseOver(cause);
    const pause = scattered(backOff(pauses, ++this.#failures), entropy);
    this.#retryTimer = clock.setTimeout(() => this.#commit(commit), pause);
  }

  // --- room

  #hasRoom(): boolean {
    const { bufferEvents, bufferBytes } = this.#parts.options.limits;
    return this.#waiting.length < bufferEvents && this.#waitingBytes < bufferBytes;
  }

  #whenRoom(): Promise<void> {
    if (this.#hasRoom() && this.#parts.emitTurns.admits(this.#emitSeat)) return READY;
    return this.#room.wait();
  }

  #giveRoomIfAny(): void {
    if (this.#room.isAwaited && this.#hasRoom() && this.#parts.emitTurns.admits(this.#emitSeat))
      this.#room.give();
  }
}

/** Returns what events cost a turn: each of them, and as much again for each KiB. */
function weightOf(events: number, textLength: number): number {
  return events + textLength / KIB;
}
