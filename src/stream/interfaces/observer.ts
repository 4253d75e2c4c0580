/**
 * An observer is told what happens: one method per thing, no ids among the arguments, so nothing that counts can grow
 * without bound. An observer that throws is caught and counted once, in `safeObserver`; it can never fail a stream.
 */

import type { TransitionName } from '../model/transitions.js';
import type { JobStatus } from '../model/types.js';
import type { RepairedIndex } from './job-store.js';

export type EndResult =
  | 'completed'
  | 'failed'
  | 'aborted'
  | 'replaced'
  | 'expired'
  | 'timeout'
  | 'producer_lost'
  | 'store_damaged'
  | 'limit_exceeded'
  | 'interrupted';
export type AttachKind = 'start' | 'cursor' | 'resume' | 'tail';
export type BooksResult = 'taken' | 'refused' | 'left';
/** `given` by its producer · `cut` by the drain, at the end of its time · `taken` over by this process */
export type HandOverStep = 'given' | 'cut' | 'taken';
export type SuccessionOutcome = 'handed_out' | 'refused' | 'ended';
export type ApprovalOutcome = 'paused' | 'resolved' | 'expired' | 'refused';
/**
 * `renewal` of a lease · `sweep`: a list of what is due · `visit` of a stream that is due · `listing`: a record or a part of
 * an index · `deletion` of one of a user’s streams · `repair` of what an index has lost
 */
export type UpkeepStep = 'renewal' | 'sweep' | 'visit' | 'listing' | 'deletion' | 'repair';
/** `subscribe` to a stream · `publish` a frame, or that a stream was deleted · `signal` to a producer · `link`: by itself */
export type TransportStep = 'subscribe' | 'publish' | 'signal' | 'link';
/** The reason an end comes without the final message it was given. */
export type FinalOmission = 'too_large' | 'too_deep' | 'no_json';
/** `not_found`: no such generation is kept, or it is not theirs · `too_large`: beyond a bound · `failed`: no answer, or malformed */
export type AnnotationResult = 'written' | 'not_found' | 'too_large' | 'failed';
/**
 * `accepted` · `repeated`: its idempotency key is known · `full`: the inbox takes no more · `ended`: the generation is over ·
 * `too_large` · `not_found`: no such generation is kept, or it is not theirs · `failed`: no answer, or malformed
 */
export type MessageResult = 'accepted' | 'repeated' | 'full' | 'ended' | 'too_large' | 'not_found' | 'failed';
/**
 * `queued` · `full`: no more may wait on the stream · `started` · `expired`: handed back, since nobody could start it in time ·
 * `cancelled`, one by one or by a stop · `refused`: handed back, since the store refuses its create for good
 */
export const QUEUED_RUN_RESULTS = ['queued', 'full', 'started', 'expired', 'cancelled', 'refused'] as const;
export type QueuedRunResult = (typeof QUEUED_RUN_RESULTS)[number];
/** `known`: the feed had it, or something newer */
export const FEED_WRITE_RESULTS = ['written', 'known', 'failed'] as const;
export type FeedWriteResult = (typeof FEED_WRITE_RESULTS)[number];
/**
 * `allowed`: a call, which was spent · `repeated`: the same use again, at no cost · `refused`: the rule that fits was revoked, is over or
 * used up by now · `failed`: rules could not be asked
 */
export const RULE_USE_OUTCOMES = ['allowed', 'repeated', 'refused', 'failed'] as const;
export type RuleUseOutcome = (typeof RULE_USE_OUTCOMES)[number];
export type ContentlessStep =
  | 'aborted'
  | 'replaced'
  | 'expired'
  | 'lost'
  | 'recovered'
  | 'resolved'
  | 'settled';
/**
 * `called` it was made here · `failed` it threw · `known` an earlier attempt had made it · `unknown` an earlier attempt had begun
 * it and nobody knows more · `decided` a person's word was the answer · `repeated` one that had failed or was unknown begins
 * again · `not_kept` its result is not kept · `refused` there are too many receipts · `unrecorded` what it came to was not written
 */
export const ONCE_RESULTS = [
  'called',
  'failed',
  'known',
  'unknown',
  'decided',
  'repeated',
  'not_kept',
  'refused',
  'unrecorded',
] as const;
export type OnceResult = (typeof ONCE_RESULTS)[number];
/** The reasons a subscription closes. */
export const DETACH_RESULTS = ['ended', 'left', 'gone', 'detached', 'draining', 'failed'] as const;
export type DetachResult = (typeof DETACH_RESULTS)[number];

/**
 * `settled` and `set_aside`: it was over · `open`: the time was over, or who waited left · `gone`: the generation is not kept ·
 * `failed`: the store gave no answer
 */
export const SETTLEMENT_WAIT_RESULTS = ['settled', 'set_aside', 'open', 'gone', 'failed'] as const;
export type SettlementWaitResult = (typeof SETTLEMENT_WAIT_RESULTS)[number];

/** The refusals of a gateway that its workers go by; `other` is any other code. */
export const WORKER_REFUSALS = [
  'gap',
  'fenced',
  'generation_ended',
  'run_paused',
  'stream_not_found',
  'not_handed_over',
  'token_expired',
  'token_invalid',
  'token_of_another_run',
  'too_many_requests',
  'unavailable',
  'other',
] as const;
export type WorkerRefusal = (typeof WORKER_REFUSALS)[number];

/**
 * `shown`: somebody followed a link · `decided` by it · `repeated`: it has decided so before · `refused`: it was valid, and decides
 * nothing any more, or not now · `invalid`: it was none of ours
 */
export const DECISION_LINK_RESULTS = ['shown', 'decided', 'repeated', 'refused', 'invalid'] as const;
export type DecisionLinkResult = (typeof DECISION_LINK_RESULTS)[number];

/** The way the store's clock jumped, by the first look at it that showed it. */
export type ClockJump = 'ahead' | 'back';

export interface StreamObserver {
  /** A generation was created by this process. */
  jobCreated(): void;
  /** A transition of this process, seen once. `inFlightMs` since the generation was created. */
  jobTransitioned(name: TransitionName, to: JobStatus): void;
  /** A generation ended by a commit of this process. */
  jobEnded(result: EndResult): void;
  /** An end made here comes without the final message it was given. */
  finalOmitted(omission: FinalOmission): void;
  /** An end of this process may be described from less than was committed before it, beside a producer that knows no hold. */
  endBehind(): void;
  /** Producers of this process, whenever the number changes. */
  jobsInFlight(count: number): void;
  /** Time from create to the first host event's commit. */
  firstEvent(ms: number): void;
  /**
   * A batch was committed: its events, the bytes of their data as JSON text, and the time it took in milliseconds.
   */
  committed(events: number, bytes: number, ms: number): void;
  /**
   * Gives the time from the emit of a batch's first event to its delivery to local followers (ms). Only when producer
   * and follower share the process.
   */
  delivered(ms: number): void;
  /** A subscription was attached, and where it began. */
  attached(kind: AttachKind): void;
  /** A subscription was closed, and why. */
  detached(result: DetachResult): void;
  /** Open subscriptions of this process, whenever the number changes. */
  subscriptions(count: number): void;
  /** A resume state was read and folded: the bytes read, and the time it took in milliseconds. */
  resumed(bytes: number, ms: number): void;
  /** The log was read once. */
  logRead(): void;
  /** The transport failed; what it did not bring is found in the log, or with the next renewal. */
  transportFailed(step: TransportStep): void;
  /** A hub went to the log because a frame did not follow on, the link was reset, or the poll found more. */
  repaired(cause: 'frame' | 'reset' | 'poll'): void;
  /** A follower was told of a gap. */
  gap(): void;
  /** A commit was refused because another attempt, or an end, came first. */
  fenced(): void;
  /** A producer of this process lost its lease. */
  leaseLost(): void;
  /** A generation whose producer was lost was taken over, or given up. What was handed over is told by `handedOver` alone. */
  recovered(result: 'taken_over' | 'given_up'): void;
  /** A job of this process was handed over, since it leaves; or one of another process was taken over here. */
  handedOver(step: HandOverStep): void;
  /**
   * A stopped producer of this process wrote into its books, which was `taken` or came too late (`refused`); or it has
   * `left`.
   */
  books(result: BooksResult): void;
  /**
   * A producer that waited for what comes before it, for `waitedMs`, was handed out; or its create was refused; or it ended
   * meanwhile.
   */
  succeeded(outcome: SuccessionOutcome, waitedMs: number): void;
  /** `waitedMs`, from asking to the outcome, for those that end the waiting. */
  approval(outcome: ApprovalOutcome, waitedMs?: number): void;
  /** A request with a decision link was answered by this process. */
  decisionLink(result: DecisionLinkResult): void;
  /** The host was told of a pause by `onPaused`, or has failed to take it and will be told again. */
  pauseTold(outcome: 'told' | 'retried'): void;
  /** A run was queued in this process, or left a queue by it. `waitedMs`, from then to its start, for those that start. */
  runQueued(result: QueuedRunResult, waitedMs?: number): void;
  /** A stream's new state was written into its user's feed, was known there already, or could not be written. */
  feedWritten(result: FeedWriteResult): void;
  /** Gives the open followers of users' feeds of this process, whenever the number changes. */
  feedFollowers(count: number): void;
  /** A reader of a feed was given a `sync`: it had no place, or one from which something is missing. */
  feedSynced(): void;
  /** A rule was to allow a call of this process. */
  ruleUsed(outcome: RuleUseOutcome): void;
  /** A step of a call that `job.once` makes, or does not make, in this process. */
  onceCalled(result: OnceResult): void;
  /** A call of `annotate` of this process was answered. */
  annotated(result: AnnotationResult): void;
  /** A call of `inbox.send` of this process was answered. */
  messageSent(result: MessageResult): void;
  /** A producer of this process has taken a message, so long after it was accepted (ms). */
  messageTaken(waitedMs: number): void;
  /** A generation ended by a commit of this process while so many messages waited. */
  messagesUnsent(count: number): void;
  /** `dropped`: what was set aside goes unsettled. */
  settled(outcome: 'settled' | 'retried' | 'set_aside' | 'dropped'): void;
  /** Somebody waited for a settlement in this process, so long (ms), until it was over, or as long as it was open. */
  settlementAwaited(result: SettlementWaitResult, ms: number): void;
  /**
   * Gives the number of settlements that are set aside in the store, by this process's last look at every stream and
   * what it has done since; undefined when another replica has looked since.
   */
  settlementsSetAside(count: number | undefined): void;
  /**
   * Tells that an index had lost an entry, or held it too late, and has it back: a stream's due score, its entry among
   * its user's.
   */
  indexRepaired(index: RepairedIndex): void;
  /** A step of the upkeep failed for one stream, or for one part of the due index; it is tried again by itself. */
  upkeepFailed(step: UpkeepStep): void;
  /** A step was taken without content, for want of the content model. */
  contentless(step: ContentlessStep): void;
  /** The store's clock was seen to jump by more than half a lease. */
  clockJumped(direction: ClockJump): void;
  /** A batch of a worker was accepted by this process's gateway: the number of its events. A repeat is accepted as well. */
  workerBatch(events: number): void;
  /** A request of a worker was refused by this process's gateway. */
  workerRefused(refusal: WorkerRefusal): void;
  /** A hook of the host, a logger or an observer threw. */
  hookFailed(hook: string): void;
}

export const OBSERVED: readonly string[] = Object.keys({
  jobCreated: 0,
  jobTransitioned: 0,
  jobEnded: 0,
  finalOmitted: 0,
  endBehind: 0,
  jobsInFlight: 0,
  firstEvent: 0,
  committed: 0,
  delivered: 0,
  attached: 0,
  detached: 0,
  subscriptions: 0,
  resumed: 0,
  logRead: 0,
  transportFailed: 0,
  repaired: 0,
  gap: 0,
  fenced: 0,
  leaseLost: 0,
  recovered: 0,
  handedOver: 0,
  books: 0,
  succeeded: 0,
  approval: 0,
  decisionLink: 0,
  pauseTold: 0,
  feedWritten: 0,
  feedFollowers: 0,
  feedSynced: 0,
  ruleUsed: 0,
  onceCalled: 0,
  annotated: 0,
  messageSent: 0,
  messageTaken: 0,
  messagesUnsent: 0,
  runQueued: 0,
  settled: 0,
  settlementAwaited: 0,
  settlementsSetAside: 0,
  indexRepaired: 0,
  upkeepFailed: 0,
  contentless: 0,
  clockJumped: 0,
  workerBatch: 0,
  workerRefused: 0,
  hookFailed: 0,
} satisfies Record<keyof StreamObserver, 0>);
