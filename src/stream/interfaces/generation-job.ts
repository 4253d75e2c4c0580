/**
 * The producer's handle as a host sees it: one attempt at one generation, given to exactly one holder. It carries the
 * fence, so a holder that has been overtaken can do no harm: its writes are refused and its signal fires.
 */
import type { EndReason } from '../../errors.js';
import type { ErrorPlace } from '../model/error-report.js';
import type { FinalOf, HostEvent, HostTypes, MetadataPatch, Untyped } from '../model/host-types.js';
import type { Predecessor } from '../model/predecessor.js';
import type { Json, StreamKey, UsageInput } from '../model/types.js';
import type { PauseInput } from './action-input.js';
import type { JobInbox } from './job-inbox.js';
import type { OnceOptions, OnceOutcome } from './once.js';
import type { PipeMapper, PipeSource, PipeStep } from './pipe.js';

/** The end of an attempt, as `run` answers. */
export interface AttemptEnd {
  /** The reason the handle is over. */
  readonly reason: EndReason;
  /** The producer's error, or why its end could not be taken. After a stop by others, what the stop made it throw. */
  readonly error?: unknown;
}

/** The changes that `update` makes to a record. */
export interface JobUpdate<Types extends HostTypes = Untyped> {
  /** The conversation it belongs to: 1 to 256 characters. Default: as it is. */
  readonly conversationId?: string | undefined;
  /** Written by key; undefined leaves a key as it is, null sets it to null. At most `limits.metadataBytes` in all. */
  readonly metadata?: MetadataPatch<Types> | undefined;
}

/** The way an attempt ends well. */
export interface CompleteOptions {
  /** Refuses the end as `inbox_not_empty` when a message waits: the job goes on. Default false: what waits is left unsent. */
  readonly ifInboxEmpty?: boolean | undefined;
}

/**
 * The handle of a running attempt. It is over once, for the reason in `reason`: by its own end (`complete`, `fail`,
 * `pause`), by somebody else's (abort, replacement, take-over), by the clock (idle, too long, lease lost) or with the
 * stream. After that `emit` throws. None of its promises has to be awaited: what nobody awaits is told to `onError`.
 */
export interface GenerationJob<Types extends HostTypes = Untyped> {
  /** The place of the stream: tenant and id. */
  readonly key: StreamKey;
  /** The id of the stream, as `createJob` was given it. */
  readonly streamId: string;
  /** The number of this answer on its stream: an integer that only grows, not by ones. */
  readonly generation: number;
  /** 1 for the first; the next after each decision or recovery. */
  readonly attempt: number;
  /** The owner of the stream. */
  readonly userId: string;
  /** The messages that were sent to this generation while it works, for its producer to take. */
  readonly inbox: JobInbox;
  /** Fires when this handle may no longer write, for whatever reason; its `reason` is a JobEndedError. */
  readonly signal: AbortSignal;
  /** True once this handle may no longer write. */
  readonly isOver: boolean;
  /** The reason this handle is over; undefined while it is not. */
  readonly reason: EndReason | undefined;
  /**
   * Fires when this replica leaves and another one can go on with the job: hand it over now (`handOver`), or end it. Its `reason`
   * thrown by a producer inside `run`, as what is given the signal does, hands the job over without a state. Never fires where
   * nobody could go on: on a store that is not shared, and without a `recover` hook. A job that has said `finishesWithin` is
   * asked when that time is over. Who does not heed it is cut where it stands when the drain's time is over.
   * @example
   * const signal = AbortSignal.any([job.signal, job.handover]);
   * await job.run((job) => job.pipe(model.stream({ signal }), (delta) => ({ event: 'text', data: { delta } })));
   */
  readonly handover: AbortSignal;
  /**
   * Says how what came before was when the producer was handed out: with `waitFor`, all ended generations that the stream
   * keeps; without, the newest one, which the create has ended or found ended. Only `left` says that none of their tools
   * runs: in doubt it is `running`. Undefined is unknown: nothing is kept of one, or the create has not seen it.
   */
  readonly predecessor: Predecessor | undefined;
  /** The longest wait of an action unless `pause` says otherwise, in milliseconds: the option `approvalWindowMs`. */
  readonly approvalWindowMs: number;
  /** The most bytes of one event's data as JSON text: the option `limits.eventBytes`. */
  readonly eventBytes: number;

  /**
   * Emits one event: checked, turned into text and put in order now; committed as soon as the store takes it.
   *
   * It throws once this handle is over, so that a loop stops. From a callback or a timer such a throw is caught by nobody and
   * ends Node: use `tryEmit` there.
   * @returns a promise that resolves when there is room for the next event, and the process has a turn for it. It never
   *   rejects, so it need not be awaited; `flush` tells whether events were committed. A loop has to await it: one that
   *   does not holds the whole process until it ends.
   * @throws GenerationJobError `invalid_event`, `reserved_event`, `event_too_large`, `json_too_deep`, `kept_limit`: the
   *   job goes on · JobEndedError when this handle is over · `limit_exceeded` when the generation has become too large,
   *   which fails the job
   * @example
   * for await (const delta of model.stream({ signal: job.signal })) await job.emit({ event: 'text', data: { delta } });
   */
  emit(event: HostEvent<Types>): Promise<void>;

  /**
   * Emits one event from where nothing may be thrown: a callback, a timer, a listener. Says whether it was taken. False once
   * this handle is over; also for an event that `emit` would refuse, which is told to `onError`.
   * @example
   * socket.on('message', (data) => job.tryEmit({ event: 'said', data }));
   */
  tryEmit(event: HostEvent<Types>): boolean;

  /** Resolves when all that was emitted and updated so far is committed. @throws JobEndedError when it can't be */
  flush(): Promise<void>;

  /**
   * Emits everything a source yields, waiting for room. Resolves early when this handle is over: the source is then closed,
   * and waited for no longer than `sourceCloseMs`.
   *
   * @param source an iterable, a Web `ReadableStream`, or a function that opens one and is given the job's signal
   * @param mapper turns an item into a step: an event, several, none, `{ usage }`, which is added as by `addUsage`, or a
   *   failure (`failWith`). Default: items are steps, as those of `fromChatCompletions`, `fromAnthropic` and the like are.
   * @throws GenerationJobError `invalid_argument` for what can't be piped · what the source or the mapper throws;
   *   JobFailureError for a failure · as `emit` and `addUsage`. Thrown on by a producer, it is how the job ends
   * @example
   * await job.pipe((signal) => model.stream({ signal }), (delta) => ({ event: 'text', data: { delta } }));
   */
  pipe(source: PipeSource<PipeStep<Types>>): Promise<void>;
  pipe<Item>(source: PipeSource<Item>, mapper: PipeMapper<Item, Types>): Promise<void>;

  /**
   * Changes the record. Also after a stop by others (an abort, a replacement), until `run` has returned or `leaveMs` are over:
   * the generation is settled after that, and `settle` is given what was written.
   * @returns a promise of true when it is committed, and of false when it came after the generation's settlement had begun
   * @throws GenerationJobError `metadata_too_large`, `json_too_deep`, `invalid_argument`, `seal_unavailable`; after a stop, what the store could
   *   not do (`unavailable`, `store_damaged`) · JobEndedError when this handle is over in another way than by a stop
   */
  update(change: JobUpdate<Types>): Promise<boolean>;

  /**
   * Adds what a call has used (tokens, cost): to the generation's counters, `record.usage`, and as an entry with the call's
   * labels, `record.usageEntries`. Also after a stop by others, as `update`.
   * @param usage numbers as the provider reports them, which may nest, beside the labels `kind`, `model`, `provider` and
   *   `agentId`. Up to 128 different counters in a generation
   * @returns a promise of true when it is committed, and of false when it came after the generation's settlement had begun
   * @throws GenerationJobError `invalid_argument` for what is neither a label nor a finite number; after a stop as `update` ·
   *   JobEndedError as `update`
   * @example
   * await job.addUsage({ kind: 'title', model: 'small', input_tokens: 90, input_token_details: { cache_read: 64 } });
   */
  addUsage(usage: UsageInput): Promise<boolean>;

  /**
   * Stops to ask: commits what is buffered, the pending action and its event in one step. This handle is then over; the
   * decision makes the next attempt.
   * @throws GenerationJobError `invalid_action`, `event_too_large`, `json_too_deep`, `seal_unavailable`: the job goes on ·
   *   JobEndedError when somebody else ended the generation first
   * @example
   * await job.pause({ type: 'tool_approval', requests: [{ id: 'call-1', name: 'send_money', arguments: { amount: 5 } }] });
   */
  pause(input: PauseInput): Promise<{ actionId: string }>;

  /**
   * Hands the job over to another replica, since this one leaves: commits what is buffered, keeps `state` with the job, and gives
   * the lease up. This handle is then over (`handed_over`), the generation goes on: another replica's `recover` is given the
   * state as `continuation.handoverState`. What the producer has begun and not awaited, a tool's call for one, may still run
   * beside it.
   * @param state JSON, at most `limits.handOverBytes` as text; sealed where the manager has a `seal`. It holds for the place
   *   where the job is handed over. Default: none
   * @throws GenerationJobError `not_leaving` while this replica does not leave, or nobody else could go on; `invalid_argument`,
   *   `hand_over_too_large`, `json_too_deep`, `seal_unavailable`: the job goes on · JobEndedError when it is over, or when what
   *   was buffered could not be committed
   * @example
   * for (const [next, deltas] of [answerTo('Who?'), answerTo('Why?')].entries()) {
   *   if (job.handover.aborted) return job.handOver({ next });
   *   await job.pipe(deltas, (delta) => ({ event: 'text', data: { delta } }));
   * }
   */
  handOver(state?: Json): Promise<void>;

  /**
   * Says that the job will have ended in `ms` milliseconds from now (0 to 24 h): a drain lets it, as long as its grace time
   * lasts, before it asks for a hand-over. Said again, the last word counts; what the grace time has no room for counts for nothing.
   * @throws GenerationJobError `invalid_argument`
   */
  finishesWithin(ms: number): void;

  /**
   * Makes a call that must not be made twice, such as one that pays: a receipt of it is in the store before it begins, and what
   * it came to after it. An attempt that comes later does not make it again, and is answered with its result. One that was begun
   * and has not finished is *unknown*: with `idempotent` it is made again; otherwise a person is asked, which pauses the job, and
   * after the decision `once` goes by that. What `call` throws counts as not made: it is thrown on, and the call may be made
   * again. Two at the same time under one key are one call.
   *
   * @param key names the call in its generation: 1 to 256 characters. The same in every attempt, such as a tool call's id
   * @param call makes the call; given a text that is the same each time, for a service that takes an idempotency key. Its result
   *   is kept as JSON, up to `limits.receiptBytes` (16 KiB)
   * @throws what `call` throws · JobEndedError when this handle is over, which it is once a person is asked · GenerationJobError
   *   `invalid_argument`, `receipts_limit`, `receipt_unknown` (`unknown: 'throw'`), `seal_unavailable`, `store_damaged`,
   *   `unavailable`: the call was not made; as `pause` for what can't be asked; `receipts_unavailable` at a worker
   * @example
   * const { outcome, result } = await job.once('charge', (idempotencyKey) => charge(5, { idempotencyKey }));
   * if (outcome === 'not_repeated') await job.emit({ event: 'text', data: { text: 'It was not charged again.' } });
   * else console.log(result);
   */
  once<Result>(
    key: string,
    call: (idempotencyKey: string) => Result | PromiseLike<Result>,
    options?: OnceOptions,
  ): Promise<OnceOutcome<Result>>;

  /**
   * Ends the generation well.
   * @param final what a client shows as the finished message: at most `limits.finalBytes` as JSON text. One that can't be
   *   carried is left out: the end has `finalOmitted: true` in its place. Default null.
   * @param options with `ifInboxEmpty`, only while no message waits. Until that is answered nothing is emitted
   * @throws JobEndedError when somebody else ended the generation first · GenerationJobError `inbox_not_empty`: the job goes
   *   on; `invalid_argument`
   * @example
   * await job.complete({ text: 'done' }, { ifInboxEmpty: true });
   */
  complete(final?: FinalOf<Types>, options?: CompleteOptions): Promise<void>;

  /**
   * Ends the generation badly.
   * @param error a `{ code, message, retryable }`, also as a `JobFailureError` or another `Error` that has all three, is
   *   told to clients as it is; of anything else only that the producer failed, since an error's text can hold what is none
   *   of their business
   * @param final as for `complete`; default: none
   * @throws JobEndedError when somebody else ended the generation first
   */
  fail(error: unknown, final?: FinalOf<Types>): Promise<void>;

  /**
   * Runs a producer and sees to its end: completes with what `produce` returns, fails when it throws, and leaves alone
   * what was paused or ended by others. Never rejects: what was thrown is the answer's `error`, and `onError` is told.
   * After a stop by others, its return is when the producer has left: the generation is then settled, and that nothing of it
   * runs any more stands in `record.producerLeft`. On a handle that is over already `produce` is not called.
   * @example
   * void job.run(async (job) => {
   *   await job.pipe(answerTo(question), (delta) => ({ event: 'text', data: { delta } }));
   * });
   */
  run(produce: (job: this) => unknown): Promise<AttemptEnd>;

  /**
   * Tells `onError` of an error that nobody else is told, with the ids of this job.
   * @param where what failed; `producer` for a host's own code
   */
  report(where: ErrorPlace, error: unknown): void;
}
