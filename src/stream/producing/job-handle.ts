/**
 * The producer's handle, from the inside: what its holder may do with it stands at the interface, `GenerationJob`.
 */
import { type EndReason, GenerationJobError, JobEndedError } from '../../errors.js';
import type { PauseInput } from '../interfaces/action-input.js';
import type { CommitReply } from '../interfaces/commits.js';
import type { AttemptEnd, CompleteOptions, GenerationJob, JobUpdate } from '../interfaces/generation-job.js';
import type { LeaseClaim } from '../interfaces/job-store.js';
import type { OnceOptions, OnceOutcome } from '../interfaces/once.js';
import type { PipeMapper, PipeSource, PipeStep } from '../interfaces/pipe.js';
import { isWholeFailure, reasonOf } from '../model/end-reasons.js';
import type { ErrorPlace, ErrorSubject } from '../model/error-report.js';
import { serialiseHostEvent } from '../model/events.js';
import type { HostEvent } from '../model/host-types.js';
import type { TakenMessage } from '../model/inbox-message.js';
import type { Predecessor } from '../model/predecessor.js';
import { checkConversationId } from '../model/stream-key.js';
import { isLifecycleEvent, type OwnEvent } from '../model/transitions.js';
import type { JobRecord, Json, LogEvent, SerialisedEvent, StreamKey, UsageInput } from '../model/types.js';
import { checkCall } from '../process/call-input.js';
import { giveUpLease } from '../process/give-up-lease.js';
import { handOutMethods } from '../process/handed-out.js';
import type { Parts } from '../process/parts.js';
import { AttemptFold } from './attempt-fold.js';
import { AttemptHandOver } from './attempt-hand-over.js';
import { AttemptInbox } from './attempt-inbox.js';
import { AttemptLimits } from './attempt-limits.js';
import { AttemptTime } from './attempt-time.js';
import { Books } from './books.js';
import { EmitBuffer } from './emit-buffer.js';
import { AWAITED_OR_NOT, type JobInput, type JobOwner } from './job-input.js';
import { checkOnce, OnceCalls } from './once-calls.js';
import { completionOf, failureOf, type OwnEnd } from './own-ends.js';
import { type PausingGeneration, preparePause } from './pause-commit.js';
import { pipeInto } from './pipe.js';
import { runProducer } from './producer-run.js';
import { ProgressReports } from './progress-reports.js';
import { tryEmit } from './try-emit.js';
import { UsageCount } from './usage-count.js';

export class JobHandle implements GenerationJob, LeaseClaim {
  static {
    handOutMethods(JobHandle.prototype, AWAITED_OR_NOT, (job) => ({ ...job.#parts, record: job.#subject }));
  }

  readonly key: StreamKey;
  readonly generation: number;
  readonly attempt: number;
  readonly userId: string;
  /** Names the create; with the attempt, the holder of the user's slot. */
  readonly createId: string;
  readonly signal: AbortSignal;
  /** Takes what it writes of its record, also after a stop. */
  readonly books: Books;
  readonly inbox: AttemptInbox;
  /** Its way to another replica, when this one leaves. */
  readonly leaving: AttemptHandOver;
  predecessor: Predecessor | undefined;
  readonly time: AttemptTime;
  /** The deadline on the monotonic clock until which this process may rely on the lease. Kept by the lease keeper. */
  leaseDeadline: number;

  readonly #parts: Parts;
  readonly #owner: JobOwner<JobHandle>;
  readonly #controller = new AbortController();
  readonly #buffer: EmitBuffer;
  readonly #merge: boolean;
  readonly #createdAt: number;
  readonly #fold: AttemptFold;
  readonly #limits: AttemptLimits;
  readonly #usage: UsageCount;
  readonly #progress: ProgressReports | undefined;
  readonly #earlierActions: ReadonlySet<string>;
  readonly #onceCalls: OnceCalls;
  #hasHostEvent: boolean;

  constructor(parts: Parts, owner: JobOwner<JobHandle>, input: JobInput) {
    const { record, key } = input;
    this.#parts = parts;
    this.#owner = owner;
    this.key = key;
    this.generation = record.generation;
    this.attempt = record.attempt;
    this.userId = record.userId;
    this.createId = record.createId;
    this.signal = this.#controller.signal;
    this.leaseDeadline = input.leaseDeadline;
    this.#merge = input.merge;
    this.#fold = new AttemptFold(parts, this, input.fold, record, input.unsnapshotted);
    if (parts.progress.isWanted) this.#progress = new ProgressReports(parts, this, () => this.#fold.copy());
    this.#limits = new AttemptLimits(parts.options.limits, record, input.fold.kept);
    this.#earlierActions = new Set(record.resolutions.map(({ actionId }) => actionId));
    this.#createdAt = record.createdAt;
    this.#usage = new UsageCount(record);
    this.#hasHostEvent = record.lastSequence > record.lifecycleEvents;
    this.time = new AttemptTime(parts.clock, parts.options);
    const { generation, attempt } = this;
    const place = { key, generation, attempt, createId: this.createId };
    this.#buffer = new EmitBuffer(
      parts,
      { ...place, lastSequence: record.lastSequence, changes: record.changes ?? 0 },
      {
        onCommitted: (events) => this.#onCommitted(events),
        onRefused: (reply) => this.#onRefused(reply),
        leaseDeadline: () => this.leaseDeadline,
        onLeaseOver: (cause) => this.loseLease(cause),
        onFailed: (error) => this.failWithStore(error),
      },
    );
    this.books = new Books(parts, place, this.#buffer, {
      takeMetadata: (texts) => this.#limits.takeMetadata(texts),
      onLeft: (left) => owner.onLeft(this, left),
      onLeaveFailed: (error) => {
        this.report('store', error);
        owner.onLeft(this, undefined);
      },
    });
    this.inbox = new AttemptInbox(parts, place, record.inbox.length, {
      undecided: () => this.#buffer.undecided,
      throwIfOver: () => this.#buffer.throwIfOver(),
      isOver: () => this.isOver,
      leaseDeadline: () => this.leaseDeadline,
      takeMessage: (message) => this.#takeMessage(message),
      report: (error) => this.report('producer', error),
      refused: (reply) => this.#refusedBeside(reply),
    });
    this.#onceCalls = new OnceCalls(parts, this, record, {
      undecided: () => this.#buffer.undecided,
      throwIfOver: () => this.#buffer.throwIfOver(),
      refused: (reply) => this.#refusedBeside(reply),
      ask: (question, resumed) => this.pause(question, { resumed }),
    });
    const { books } = this;
    this.leaving = new AttemptHandOver(parts, this, { record, buffer: this.#buffer, books, owner });
    this.#fold.add(input.unfolded);
  }

  get streamId(): string {
    return this.key.streamId;
  }

  get approvalWindowMs(): number {
    return this.#parts.options.approvalWindowMs;
  }

  get eventBytes(): number {
    return this.#parts.options.limits.eventBytes;
  }

  get isOver(): boolean {
    return this.signal.aborted;
  }

  get handover(): AbortSignal {
    return this.leaving.signal;
  }

  handOver(state?: Json): Promise<void> {
    return this.leaving.give(state);
  }

  finishesWithin(ms: number): void {
    this.leaving.finishesWithin(ms);
  }

  emit(event: HostEvent): Promise<void> {
    this.#buffer.throwIfOver();
    const { limits } = this.#parts.options;
    const serialised = serialiseHostEvent(event, limits);
    if (serialised.keep !== undefined) this.#limits.takeKept(serialised.keep, serialised.data);
    this.time.emitted();
    const newest = this.#merge && serialised.keep === undefined ? this.#buffer.newest : undefined;
    const merged = newest && newest.keep === undefined ? this.#fold.merged(newest, serialised) : null;
    this.#checkLimits(serialised.data, merged === null ? 1 : 0);
    return merged === null ? this.#buffer.push(serialised) : this.#buffer.replaceNewest(merged);
  }

  /**
   * Emits one of the library's own events, which is neither merged nor kept; otherwise as `emit`. How large its parts are is
   * bounded where they come in.
   */
  emitOwn(event: OwnEvent, data: object): Promise<void> {
    return this.#push({ event, data: JSON.stringify(data) });
  }

  tryEmit(event: HostEvent): boolean {
    return tryEmit(this, event);
  }

  flush(): Promise<void> {
    return this.#buffer.flush();
  }

  pipe(source: PipeSource<PipeStep>): Promise<void>;
  pipe<Item>(source: PipeSource<Item>, mapper: PipeMapper<Item>): Promise<void>;
  pipe<Item>(source: PipeSource<Item>, mapper?: PipeMapper<Item>): Promise<void> {
    const { clock, options } = this.#parts;
    const onCloseFailed = (error: unknown) => this.report('source', error);
    return pipeInto(this, source, mapper, { clock, closeMs: options.sourceCloseMs, onCloseFailed });
  }

  async update(change: JobUpdate): Promise<boolean> {
    checkCall('update', change);
    checkConversationId(change.conversationId);
    return this.books.change(change);
  }

  async addUsage(usage: UsageInput): Promise<boolean> {
    return this.books.write(this.#usage.add(usage));
  }

  async once<Result>(
    key: string,
    call: (idempotencyKey: string) => Result | PromiseLike<Result>,
    options: OnceOptions = {},
  ): Promise<OnceOutcome<Result>> {
    checkOnce(key, call, options);
    return this.#onceCalls.once(key, call, options) as Promise<OnceOutcome<Result>>;
  }

  /** @param own of `once` alone: the question is the library's */
  async pause(input: PauseInput, own?: PausingGeneration['own']): Promise<{ actionId: string }> {
    const { key, generation } = this;
    const place = { key, generation, earlierActions: this.#earlierActions, own };
    return preparePause(this.#parts, place, input, async (prepared) => {
      await this.#end(prepared);
      this.#parts.observer.approval('paused');
      return { actionId: prepared.transition.action.actionId };
    });
  }

  async complete(final: unknown = null, options: CompleteOptions = {}): Promise<void> {
    checkCall('complete', options);
    await this.#end(completionOf(this.#parts, this.#subject, final, options));
  }

  /** @param releasesKey of the manager alone: the request may be made again under its key */
  async fail(given: unknown, final?: unknown, releasesKey?: true): Promise<void> {
    await this.#end(failureOf(this.#parts, this.#subject, given, { final, releasesKey }));
  }

  async run(produce: (job: this) => unknown): Promise<AttemptEnd> {
    if (this.reason !== undefined) return { reason: this.reason };
    const runs = { produce: () => produce(this), failed: (error: unknown) => this.#failUnlessOver(error) };
    return this.books.during(() => runProducer(this, runs));
  }

  get reason(): EndReason | undefined {
    return this.isOver ? (this.signal.reason as JobEndedError).reason : undefined;
  }

  // --- by the manager and the layers around it

  /** True when its own end has been asked for and is not answered yet. */
  get isEnding(): boolean {
    return this.#buffer.isEnding;
  }

  /** Resolves when its own end, if one has been asked for, is answered: it is over then, or goes on. Never rejects. */
  whenAnswered(): Promise<unknown> {
    return this.#buffer.answered;
  }

  report(where: ErrorPlace, error: unknown): void {
    this.#parts.errors.report({ where, error, record: this.#subject });
  }

  /** Stops the handle: somebody else ended the generation, or took it over. */
  stop(reason: EndReason, cause?: unknown): void {
    if (this.isOver) return;
    // The answer to its own end is on its way, and may be what others already see. Where that is refused, the stop holds.
    if (this.isEnding && !this.leaving.isBegun)
      return void this.whenAnswered().then(() => this.stop(reason, cause));
    if (reason === 'lease_lost') return this.loseLease(cause);
    if (reason === 'fenced') this.#parts.observer.fenced();
    this.#over(new JobEndedError(reason, { cause }));
  }

  /** Stops the handle, because this process could not renew the lease in time. */
  loseLease(cause?: unknown): void {
    if (this.isOver) return;
    this.#parts.observer.leaseLost();
    this.#parts.logger.warn(this.#names(), 'a lease was lost');
    if (cause !== undefined) this.report('lease', cause);
    this.#over(new JobEndedError('lease_lost', { cause }));
  }

  /** The store refuses this attempt for good: another try would be answered with the same. */
  failWithStore(error: unknown): void {
    if (this.isOver) return;
    this.report('store', error);
    this.#over(new JobEndedError('store_damaged', { cause: error }));
    this.#owner.onStoreDamaged(this);
  }

  /** Ends a producer that is silent or has run for too long. Called with each renewal. */
  checkTime(): void {
    const failure = this.isOver ? undefined : this.time.overdue();
    if (failure !== undefined) void this.#failUnlessOver(failure);
  }

  // --- inside

  get #subject(): ErrorSubject {
    const { key, generation, attempt } = this;
    return { streamId: key.streamId, tenantId: key.tenantId, generation, attempt };
  }

  #names(): object {
    return { streamId: this.streamId, generation: this.generation, attempt: this.attempt };
  }

  async #end({ transition, event }: OwnEnd): Promise<void> {
    if (this.books.sealing) await this.books.sealing;
    if (this.#buffer.undecided) await this.#buffer.undecided;
    const reply = await this.#buffer.end(transition, event);
    if (!reply.ok && reply.refusal === 'inbox') throw this.inbox.notEmpty(reply.record);
    if (!reply.ok) throw this.#onRefused(reply);
    const record = reply.record as JobRecord;
    this.#saveSnapshot();
    this.#over(new JobEndedError(transition.name === 'pause' ? 'paused' : (record.status as EndReason)));
    this.#owner.onTransition(this, transition.name, record);
  }

  async #failUnlessOver(error: unknown): Promise<void> {
    if (this.isOver) return;
    if (!isWholeFailure(error)) this.report('producer', error);
    try {
      await this.fail(error);
    } catch (cause) {
      // Ended by itself or by others, or the store is away: then the lease lapses and any replica reports the loss.
      if (!this.isOver && !this.isEnding) this.loseLease(cause);
    }
  }

  #over(reason: JobEndedError): void {
    if (this.isOver) return;
    this.books.close(reason);
    this.#owner.release(this);
    this.#progress?.end(reason.reason);
    this.#controller.abort(reason);
    this.inbox.close();
    this.books.leaveUnlessRunning();
  }

  #onRefused(reply: CommitReply & { ok: false }): JobEndedError {
    if (this.isOver) return this.signal.reason as JobEndedError; // told once already
    const reason = reasonOf(reply);
    if (reason === 'fenced') this.#parts.observer.fenced();
    if (reason === 'lease_lost') this.#parts.observer.leaseLost();
    if (reply.refusal === 'sequence') {
      this.#parts.logger.error(this.#names(), 'the store lost events it had acknowledged');
      // Nobody writes any more: whoever looks next takes over, or tells followers.
      const { store, background } = this.#parts;
      background.run(giveUpLease(store, this));
    }
    this.#over(new JobEndedError(reason));
    return this.signal.reason as JobEndedError;
  }

  /** The refusal of what is written beside the buffer; while an end of its own is on its way, that is what is told. */
  #refusedBeside(reply: CommitReply & { ok: false }): JobEndedError {
    return this.isEnding ? new JobEndedError(reasonOf(reply)) : this.#onRefused(reply);
  }

  #onCommitted(events: readonly LogEvent[]): void {
    if (!this.#hasHostEvent && events[0] !== undefined && !isLifecycleEvent(events[0].event)) {
      this.#hasHostEvent = true;
      this.#parts.observer.firstEvent(Math.max(0, this.#parts.store.now() - this.#createdAt));
    }
    this.#fold.add(events);
    this.#progress?.changed();
    if (this.#fold.isSnapshotDue(this.#limits)) this.#saveSnapshot();
  }

  #saveSnapshot(): void {
    if (this.#fold.save()) this.#limits.onSnapshot();
  }

  async #takeMessage(message: TakenMessage): Promise<void> {
    void this.#push({ event: 'message', data: JSON.stringify(message) }, message.messageId);
    await this.#buffer.flush();
  }

  #push(event: SerialisedEvent, takes?: string): Promise<void> {
    this.#buffer.throwIfOver();
    this.time.emitted();
    this.#checkLimits(event.data, 1);
    return this.#buffer.push(event, takes);
  }

  #checkLimits(data: string, more: 0 | 1): void {
    const sequence = this.#buffer.lastSequence + more;
    const limit = this.#limits.exceededBy(data, sequence, this.#fold.contentSequence);
    if (limit === undefined) return;
    const message = `The generation exceeded limits.${limit}.`;
    void this.#failUnlessOver({ code: 'limit_exceeded', message, retryable: false });
    throw new GenerationJobError('limit_exceeded', message);
  }
}
