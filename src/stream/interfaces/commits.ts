/** The steps that change a stream, and what a store answers to them. What they promise stands at the port, `JobStore`. */
import type { KeptHandOver } from '../model/hand-over.js';
import type { EarlierMessage, InboxMessage } from '../model/inbox-message.js';
import type { StoredReceipt } from '../model/receipt.js';
import type { TransitionName } from '../model/transitions.js';
import type {
  Frame,
  JobFailure,
  JobRecord,
  LogEvent,
  PendingAction,
  Resolution,
  SerialisedEvent,
  Settlement,
  StreamKey,
  Usage,
  UsageEntry,
} from '../model/types.js';
import type { AnnotationCommit } from './annotation-commit.js';
import type { Place } from './creates.js';
import type { ReceiptCommit } from './receipt-commits.js';
import type { SenderCommit } from './sender-commit.js';

export type { AnnotationBounds, AnnotationCommit } from './annotation-commit.js';
export type { CreateReply, CreateRequest, Place } from './creates.js';
export type { InboxBounds, InboxStep, SenderCommit } from './sender-commit.js';

/** Changes to the record that no event announces. */
export interface RecordPatch {
  /** Counts the patches of one attempt from 1: a patch that is not newer than the last is a repeat and skipped. */
  readonly number: number;
  /** The conversation it belongs to from now on. */
  readonly conversationId?: string | undefined;
  /** The metadata by key, as JSON text. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** The totals, not the increment. */
  readonly usage?: Usage | undefined;
  /** The whole list, as it is from now on. */
  readonly usageEntries?: readonly UsageEntry[] | undefined;
  /**
   * The hand-over that holds from the commit's last event on. The record has it while it holds (`standingHandOver`), and no
   * longer than the status is `running`.
   */
  readonly handOver?: KeptHandOver | undefined;
}

/**
 * The producer's commit: events, and with the last of them a change of state if asked.
 * Refused unless the generation is current, its status `running`, its attempt `attempt` and its last sequence
 * `events[0].sequence - 1`. When instead the last sequence is already that of the batch's last event and the attempt
 * matches, the batch is a repeat after a lost reply: it is not stored again and is answered `ok`.
 */
export interface ProducerCommit {
  /** Tells the three kinds of commit apart. */
  readonly writer: 'producer';
  /** The stream that is written to. */
  readonly key: StreamKey;
  /** The generation the producer works on. */
  readonly generation: number;
  /** The producer's attempt: refused once another one has begun. */
  readonly attempt: number;
  /** The sequence the log must end with for this commit to be the next one. */
  readonly afterSequence: number;
  /** The events in order, numbered from `afterSequence + 1`; may be empty when there is a patch. */
  readonly events: readonly LogEvent[];
  /** Holds what changes of the record beside the events. */
  readonly patch?: RecordPatch | undefined;
  /**
   * The messages that it takes out of the inbox, each with its event `message` among the events; one that does not wait is
   * passed over. What is taken is kept, marked, until the generation ends.
   */
  readonly takes?: readonly string[] | undefined;
  /** The producer's own end or pause, made in the same step. */
  readonly transition?: ProducerTransition | undefined;
}

/** The last event of the commit announces it. The lease ends with it. */
export interface ProducerTransition {
  /** The transition. */
  readonly name: 'pause' | 'complete' | 'fail';
  /** Names the call, so that asking again is not doing it twice. */
  readonly callId: string;
  /**
   * The action of a `pause`. The store's clock gives its `askedAt`, and with `expiresInMs` its `expiresAt`, in the
   * record and in the event.
   */
  readonly action?:
    | (Omit<PendingAction, 'askedAt' | 'expiresAt'> & { readonly expiresInMs: number })
    | undefined;
  /**
   * Claims the telling of a `pause` to the host for the writer, for so long in milliseconds, as the record's `pauseNotice`.
   * Left out, nobody has to be told.
   */
  readonly noticeMs?: number | undefined;
  /** The failure, for `fail`. */
  readonly error?: JobFailure | undefined;
  /** True for a `fail` that takes the idempotency key from the record: the request may be made again. */
  readonly releasesKey?: true | undefined;
  /** True for a `complete` that is refused as `inbox` while a message waits, those excepted that the commit takes. */
  readonly ifInboxEmpty?: true | undefined;
  /** Says whether the host has something to settle after the end. */
  readonly settles: boolean;
}

/** A transition by anyone else. Its event is appended at whatever the tail is. */
export interface OtherCommit {
  /** Tells the kinds of commit apart. */
  readonly writer: 'other';
  /** The stream that is written to. */
  readonly key: StreamKey;
  /** The generation whose status changes. */
  readonly generation: number;
  /** The transition. */
  readonly name: Exclude<TransitionName, 'pause' | 'complete' | 'fail' | 'replace'>;
  /** Names the call, so that asking again is not doing it twice. */
  readonly callId: string;
  /** The event that tells followers of it. */
  readonly event: SerialisedEvent;
  /** `expire` and `resolve`: must be the pending one. */
  readonly actionId?: string | undefined;
  /** `recover` and `lose`: must be the current one. */
  readonly attempt?: number | undefined;
  /**
   * `recover` and `lose`: a lease that still ends at this time counts as lapsed, though the store's clock says otherwise.
   * For a caller that has seen the record stand still for a whole lease: the clock went back.
   */
  readonly unmovedLeaseUntil?: number | undefined;
  /** `recover` and `resolve`: the new attempt's lease. */
  readonly leaseMs?: number | undefined;
  /** `recover`: the answer starts over, so what was taken of the inbox waits again, at the head, in order, under its ids. */
  readonly restarts?: boolean | undefined;
  /** `recover` and `resolve`: the replica of the new attempt. */
  readonly replicaId?: string | undefined;
  /** `resolve` and `expire`: recorded with the store's time. */
  readonly resolution?: Omit<Resolution, 'at'> | undefined;
  /** The place of the generation when this end was described; refused as `behind` when it has gone on since. */
  readonly describedFrom?: Place | undefined;
  /** The failure, when it is one. */
  readonly error?: JobFailure | undefined;
  /** `lose` before any host event: forget the idempotency key, so that the request may be made again. */
  readonly releaseKeyWhenEarly?: boolean | undefined;
  /** Says whether the host has something to settle after the end. */
  readonly settles: boolean;
  /**
   * Sets how long the producer may write its books after an end, in milliseconds: the settlement's `notBefore` is so far
   * ahead if the generation was running and its lease had not lapsed. Default 0: it waits for nothing.
   */
  readonly leaveMs?: number | undefined;
}

/**
 * A step of the host's settlement of an ended generation, or with `pauseOf` of telling the host of a pause; refused unless
 * the revision is still `revision`.
 */
export interface SettlementCommit {
  /** Tells the kinds of commit apart. */
  readonly writer: 'settler';
  /** The stream that is written to. */
  readonly key: StreamKey;
  /** The generation whose settlement changes. */
  readonly generation: number;
  /**
   * The action of the pause that the host is told of: the step is one of the record's `pauseNotice`, refused as `action`
   * when another action or none is pending. Left out, it is one of the settlement.
   */
  readonly pauseOf?: string | undefined;
  /** The revision that was seen; refused when there is another. */
  readonly revision: number;
  /** Says where the settlement stands from now on. */
  readonly state: Settlement['state'];
  /** Says how often it has been tried by now. */
  readonly tries: number;
  /** The time before which nobody else settles it, counted from the store's now (ms). */
  readonly notBeforeMs: number;
  /** True when the writer settles until then: a deletion waits for it. */
  readonly claimed?: true | undefined;
  /** The shortest time the stream must be kept, from the store's now. */
  readonly keepMs?: number | undefined;
}

/**
 * Holds the producer of a running generation still while its end is described: until `forMs` from now (not sooner than an
 * earlier hold) its commits are refused as `held`, those excepted that change the state. Any change of state takes the
 * hold away, and so does `forMs` 0. A generation that waits for a person has nothing to hold. Changes nothing else; made
 * again, it is the same hold.
 */
export interface HoldCommit {
  /** Tells the kinds of commit apart. */
  readonly writer: 'describer';
  /** The stream that is held still. */
  readonly key: StreamKey;
  /** The generation whose producer waits. */
  readonly generation: number;
  /** Says how long the producer waits at most, in milliseconds; 0 lets it go on. */
  readonly forMs: number;
}

/**
 * The books of a producer that others have stopped: what it changes of the record after the end, and that it has left.
 * Refused as `running` before the end, as `fenced` unless the attempt is the one the generation has ended with, and with a
 * patch as `closed` once a settlement has been tried: every try sees the same record. A patch that is not newer than the
 * last one of the attempt is a repeat, and answered `ok`. A leave is noted at any time, and once.
 */
export interface LeaverCommit {
  /** Tells the kinds of commit apart. */
  readonly writer: 'leaver';
  /** The stream that is written to. */
  readonly key: StreamKey;
  /** The generation the producer worked on, current or not. */
  readonly generation: number;
  /** The producer's attempt. */
  readonly attempt: number;
  /** Holds what changes of the record; numbered on from the attempt's own patches. */
  readonly patch?: RecordPatch | undefined;
  /** True with the last one: sets `record.producerLeft`, and an open, untried settlement's `notBefore` to now. */
  readonly leaves: boolean;
}

export type Commit =
  | ProducerCommit
  | OtherCommit
  | SettlementCommit
  | HoldCommit
  | LeaverCommit
  | AnnotationCommit
  | SenderCommit
  | ReceiptCommit;

/**
 * The reason a commit changed nothing. `gone` no such generation is kept · `replaced` a newer generation is current ·
 * `ended` it has ended · `paused` it waits for a person · `running` it is not paused · `fenced` another attempt holds
 * it · `sequence` the log does not end where the writer says · `action` another action (or none) is pending · `lease`
 * the lease has not lapsed · `revision` somebody else settles · `early` the action has not expired · `held` an end is
 * being described: the same commit may be taken later · `behind` the generation has gone on since its end was described ·
 * `closed` a settlement has been tried: nothing may change what it is given · `metadata` and `notes` would be larger than
 * the bounds that an annotation names · `inbox` a message waits · `full` the inbox takes no more · `message` no such message
 * waits, or its producer takes it · `receipts` there are as many as there may be · `call` another making of the call stands
 */
export type Refusal =
  | 'gone'
  | 'replaced'
  | 'ended'
  | 'paused'
  | 'running'
  | 'fenced'
  | 'sequence'
  | 'action'
  | 'lease'
  | 'revision'
  | 'early'
  | 'held'
  | 'behind'
  | 'closed'
  | 'metadata'
  | 'notes'
  | 'inbox'
  | 'full'
  | 'message'
  | 'receipts'
  | 'call';

export type CommitReply =
  | {
      /** Says whether it was written. */
      readonly ok: true;
      /** The sequence of the log's last event after it. */
      readonly lastSequence: number;
      /** The frames, as those of a `CreateReply`. */
      readonly frames: readonly Frame[];
      /** The record after the step; always but after a producer's commit without a transition. */
      readonly record?: JobRecord | undefined;
      /** A sender's: the message it was about, and whether this call, now or earlier, has accepted or changed it. */
      readonly sent?: { readonly messageId: string; readonly isNew: boolean } | undefined;
      /** The messages that a `claim` hands out: all of them to one call, none to any other. */
      readonly claimed?: readonly InboxMessage[] | undefined;
      /** The messages that a `recall` lists. */
      readonly taken?: readonly EarlierMessage[] | undefined;
      /** The receipt that stands after a step of one. */
      readonly receipt?: StoredReceipt | undefined;
    }
  /** `record` is the generation as it stands, when it is kept. */
  | {
      /** Says whether it was written. */
      readonly ok: false;
      /** Says why nothing was written. */
      readonly refusal: Refusal;
      /** The record as it stands, where the store has read it. */
      readonly record?: JobRecord | undefined;
    };
