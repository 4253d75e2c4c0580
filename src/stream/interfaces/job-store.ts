/**
 * The store's contract. A store keeps, per stream, the records of its generations and one ordered log, and changes them
 * only in the atomic steps named here. Everything the library promises rests on these sentences and on nothing a
 * transport does; `test/contract/` checks them on every implementation.
 *
 * Words used below
 * - *atomic*: one indivisible step on one stream (one Lua script on Redis, one synchronous function in memory). Nothing
 *   is written when the reply is a refusal.
 * - *the clock* is the store's own; callers never send a deadline computed from theirs, only durations or times they
 *   were given by the store.
 * - *call id*: names one create or transition. A store keeps it with the record it changed; the same call again gets
 *   the first answer, whatever has happened since. So a caller whose reply was lost just asks again.
 * - A refusal in the reply is certain. A rejected promise is an answer too when it is a `GenerationJobError` of any code
 *   but `unavailable`: nothing was changed, and the same call would be answered the same (`store_damaged` what is kept can't
 *   be read or may not be touched · `newer_format` a later release wrote it · `invalid_argument`). With `unavailable`, or any
 *   other error, the outcome is **unknown**: callers make the same call again. `isUnanswered` in `src/errors.ts` tells them apart.
 * - Indexes (`due`, `listByUser`) may live elsewhere than the stream. They over-approximate: an entry is added before
 *   what it points to, removed after, and every reader checks the record.
 *
 * A new need should first be tried as a composition of these: taking over, resolving, expiring and settling are commits.
 */
import type { GenerationJobError } from '../../errors.js';
import type { StoredReceipt } from '../model/receipt.js';
import type { JobRecord, Snapshot, StreamKey, UserKey } from '../model/types.js';
import type {
  AnnotationCommit,
  Commit,
  CommitReply,
  CreateReply,
  CreateRequest,
  HoldCommit,
  LeaverCommit,
  OtherCommit,
  ProducerCommit,
  Refusal,
  SenderCommit,
  SettlementCommit,
} from './commits.js';
import type { JobQueues } from './job-queues.js';
import type { LogPage, ReadLogRequest } from './log-pages.js';
import type { ReceiptCommit } from './receipt-commits.js';
import type { Report } from './report.js';
import type { UserFeeds } from './user-feeds.js';

/** Holds what of a stream is deleted, and when it is not. */
export interface DeleteRequest {
  readonly endedGeneration?: number | undefined;
  readonly whileSettling?: boolean | undefined;
  readonly ownedBy?: string | undefined;
  readonly remainsOnly?: boolean | undefined;
}

export interface LeaseClaim {
  /** The stream whose lease is renewed. */
  readonly key: StreamKey;
  /** The generation whose lease is renewed. */
  readonly generation: number;
  /** The attempt that has the lease. */
  readonly attempt: number;
  /** Names who has the attempt from now on, such as a worker that it is handed to. Left out, the record says what it said. */
  readonly replicaId?: string | undefined;
}

/** A lease that was renewed while messages wait in the generation's inbox. */
export interface HeldWithInbox {
  /** Tells it from a refusal. */
  readonly held: true;
  /** The number of messages that wait, from 1. */
  readonly waiting: number;
}

/**
 * The answer to one claim. An error says that this claim got no answer (`unavailable`) or can't be renewed at all. `held` alone
 * says that no message waits.
 */
export type RenewAnswer = 'held' | HeldWithInbox | Refusal | GenerationJobError;

/** Asks for a part of a listing. A listing is no snapshot: what moves meanwhile may be listed twice, or by the next one. */
export interface PageRequest {
  /** Entries in the page, at most. */
  readonly limit: number;
  /** The `next` of the page before, or an entry's `place`. @throws GenerationJobError `invalid_argument` for any other text */
  readonly after?: string | undefined;
}

export interface Page<Entry> {
  /** Holds what was found, in the index's order. */
  readonly entries: readonly Entry[];
  /** The place where the next page begins; left out when this was the last. A page may be empty and not be the last. */
  readonly next?: string | undefined;
}

export interface DuePage extends Page<DueEntry> {
  /** The parts that could not be listed: of the index, which gave no answer, or an entry that names no stream. */
  readonly failures: readonly GenerationJobError[];
}

/** A stream that a user may own, with what is there. */
export interface OwnedStream {
  /** The stream. */
  readonly key: StreamKey;
  /** Its current record, whoever's it is; undefined when nothing is kept; an error when it could not be read. */
  readonly current: JobRecord | GenerationJobError | undefined;
  /** The place for `PageRequest.after`. */
  readonly place: string;
}

/** The index of when some replica must next look at a stream. Times are the store's clock. A score may be early, never late. */
export interface DueIndex {
  /**
   * The streams due by now (with `all`: every stream known), earliest first. Parts of the index answer for themselves:
   * what one of them could not say is a failure of the page, and the others' entries are there. Rejects when none answers.
   */
  list(request: PageRequest & { readonly all?: boolean | undefined }): Promise<DuePage>;
  /**
   * Brings the stream's score to `inMs` from now unless it is nearer already; adds it when missing. Called before the
   * commit that needs it: until that time is over, `later` leaves the score no later than it, since whoever puts it off
   * may not have seen the commit.
   * @param heldForMs how long from now the commit may still come: when `inMs` is over, `later` leaves the score no later
   *   than that. Default `inMs`
   */
  nearer(key: StreamKey, inMs: number, heldForMs?: number): Promise<void>;
  /** Sets the score to `at`, or removes it with null, only if it is still `entry.at`; says whether it changed anything. */
  later(entry: DueEntry, at: number | null): Promise<boolean>;
}

/** A page of the streams that are kept; parts of the store that gave no answer are its failures. */
export interface KeptPage extends Page<StreamKey> {
  /** Holds what could not be listed: a part of the index that gave no answer, an entry that names no stream. */
  readonly failures: readonly GenerationJobError[];
}

/** `due`: when somebody must next look at a stream · `user`: which streams a user has */
export type RepairedIndex = 'due' | 'user';

/**
 * Puts back what the indexes have lost, on a store where they can lose something without the streams they speak of.
 * Neither method is a composition of the others: every other listing goes through an index, and only a create writes a
 * user's.
 */
export interface IndexRepair {
  /** Every stream kept, found without the indexes, in no order; one may be listed twice. */
  list(request: PageRequest): Promise<KeptPage>;
  /**
   * Brings the stream's due score to `inMs` from now, and holds it as `nearer` does, if it is missing or later by more than a
   * second, since callers reckon with an estimate of the clock; adds the stream to the user's index if it is missing there.
   * Says what was put back.
   */
  restore(
    key: StreamKey,
    lost: { readonly userId: string; readonly inMs: number },
  ): Promise<readonly RepairedIndex[]>;
}

export interface DueEntry {
  /** The stream on which something is due. */
  readonly key: StreamKey;
  /** Says when: the store's clock, in milliseconds since 1970. */
  readonly at: number;
}

export interface RememberedRun {
  /** The stream of the run that the key has started. */
  readonly streamId: string;
  /** Known once the create has answered. */
  readonly generation?: number | undefined;
  /** The record as it ended, without metadata; known once the generation itself is no longer kept. */
  readonly record?: JobRecord | undefined;
}

/** Asks for a user's slot. */
export interface SlotRequest {
  /** The stream the slot is for. */
  readonly streamId: string;
  /** Names who holds it. */
  readonly holder: string;
  /** Slots of the user's, at most. */
  readonly limit: number;
  /** The time it is held for unless it is taken again (ms). */
  readonly forMs: number;
  /**
   * The time the stream is remembered as waiting when it is refused (ms), since when it first was; asking again prolongs it. A
   * stream that holds a slot, of whatever holder, is not remembered. Left out, it does not wait.
   */
  readonly awaitsMs?: number | undefined;
}

/** A user's own bookkeeping; each method is atomic for that user. */
export interface UserSlots {
  /**
   * Takes (or retakes) the slot of a stream for `holder` until `forMs` from now. Refused, with nothing changed but what
   * `awaitsMs` says, when the user's other streams hold `limit` unexpired slots: those that wait hold none. A slot already
   * held for the stream changes its holder; a stream that has waited waits no longer.
   */
  take(user: UserKey, slot: SlotRequest): Promise<boolean>;
  /**
   * Gives the slot back if `holder` still holds it. Either way returns the ids of the user's streams that wait for one, the longest
   * first, at most 10. They wait until they take one, or their time is over.
   */
  give(user: UserKey, slot: { streamId: string; holder: string }): Promise<readonly string[]>;
  /** Remembers `run` under an idempotency key for `forMs` unless one is remembered already; returns what is. */
  remember(user: UserKey, key: string, run: RememberedRun, forMs: number): Promise<RememberedRun>;
  /** Completes what is remembered under the key if it is of the same stream and of no other generation. */
  confirm(user: UserKey, key: string, run: RememberedRun): Promise<void>;
  /** Forgets the key if it is of the same stream and of this or an unknown generation. */
  forget(user: UserKey, key: string, run: RememberedRun): Promise<void>;
  /** Forgets all slots and keys of the user. */
  clear(user: UserKey): Promise<void>;
}

export interface JobStore {
  /** A bounded label for metrics, such as `memory` or `redis`. */
  readonly kind: string;
  /** True when other processes see the same store. */
  readonly shared: boolean;
  /**
   * The time without an answer after which a call is rejected (ms). Less than half a lease, so that a call whose reply
   * was lost is made again within the lease; a manager refuses anything else. Left out where there is no network to
   * wait for.
   */
  readonly answerMs?: number | undefined;
  /** The longest time an ended generation is kept, if that is the store's to say (ms). */
  readonly keepsEndedMs?: number | undefined;

  /**
   * Names the server a stream's commits go to, so that a busy server makes only its own producers wait. It may change
   * with time. Left out where there is one server.
   */
  nodeOf?(key: StreamKey): string;

  /**
   * Resolves when the store can be used.
   * @param report is told of what goes wrong by itself, or stands in the way of writes only
   * @throws GenerationJobError `unavailable` when it can't be reached, or can't be worked with as it is
   */
  start(report?: Report): Promise<void>;

  /** This process's estimate of the store's clock, in milliseconds since 1970. */
  now(): number;

  /**
   * Atomic: ends the active generation named by `replaces`, makes a new one and makes it current.
   * The new generation's number is the larger of the last one + 1 and the clock: it never repeats, even after the
   * stream was deleted or has expired. Nothing of the generation before shows through. Checked in this order: a repeat
   * of the call id (`created`, or `started` for another start of the same run), `expired`, `taken`, `unqueued`, `joined`,
   * `unexpected`, `conflict`, `full`.
   */
  create(request: CreateRequest): Promise<CreateReply>;

  /** Atomic: checks everything, then appends, changes state and makes the frame known together. */
  commit(commit: ProducerCommit): Promise<CommitReply>;
  commit(commit: OtherCommit): Promise<CommitReply>;
  commit(commit: SettlementCommit): Promise<CommitReply>;
  commit(commit: HoldCommit): Promise<CommitReply>;
  commit(commit: LeaverCommit): Promise<CommitReply>;
  commit(commit: AnnotationCommit): Promise<CommitReply>;
  commit(commit: SenderCommit): Promise<CommitReply>;
  commit(commit: ReceiptCommit): Promise<CommitReply>;
  commit(commit: Commit): Promise<CommitReply>;

  /** The current record, that of a named generation, or all kept (newest first). Empty when there is none. */
  read(key: StreamKey, which: 'current' | 'kept' | number): Promise<readonly JobRecord[]>;

  /**
   * The receipts of a kept generation, in an order of the store's own, each once unless it is begun meanwhile; empty when it is
   * not kept. No composition of the others: records don't carry receipts, which may be a thousand times as large.
   */
  receipts(key: StreamKey, generation: number, request: PageRequest): Promise<Page<StoredReceipt>>;

  /** Atomic, so that a trim, an end or an expiry between two pages can't look like “nothing new”. */
  readLog(request: ReadLogRequest): Promise<LogPage>;

  /**
   * Atomic: keeps the snapshot if it is newer than the one there and not ahead of the log, and the attempt is current;
   * with `trim`, removes the events up to it. Says whether it was kept.
   */
  saveSnapshot(request: {
    readonly key: StreamKey;
    readonly generation: number;
    readonly attempt: number;
    readonly snapshot: Snapshot;
    readonly trim: boolean;
  }): Promise<boolean>;

  /**
   * Renews leases until `leaseMs` from now. With 0 they are given up: `leaseUntil` becomes 0, and the take-over that
   * follows is not counted among the recoveries. What a claim's `replicaId` says is in the record with it. Each is renewed, or refused for the reason a
   * commit would be; an answer per claim, in order. A claim that fails is answered with its error as a value, so that
   * one stream never speaks for another.
   */
  renew(claims: readonly LeaseClaim[], leaseMs: number): Promise<readonly RenewAnswer[]>;

  /** Holds what is due on which stream. */
  readonly due: DueIndex;
  /** Names who produces how much at once. */
  readonly slots: UserSlots;
  /** Keeps what became of each user's streams. Called only where a manager's option `feed` is on, and by a deletion there. */
  readonly feeds: UserFeeds;
  /** Keeps the runs that wait for their turn. */
  readonly queues: JobQueues;
  /** Left out where the indexes can't lose anything. */
  readonly repair?: IndexRepair | undefined;

  /** The streams that may hold something of the user, each with an answer of its own. */
  listByUser(user: UserKey, request: PageRequest): Promise<Page<OwnedStream>>;

  /**
   * Atomic: removes the stream with everything kept of it; with `endedGeneration`, only that generation and only if it
   * has ended (with the stream, when it was the last one kept). A later commit finds it gone and brings nothing back.
   * Index entries go with the last of it, except what a `nearer` still holds for a create under way. Says whether something was removed.
   * A stream of which a generation is claimed by a settlement stays (`settling`) until the claim is given back or over,
   * unless `whileSettling`: so nothing is saved for what has gone. With `ownedBy`, only a stream of that user goes. A stream
   * whose records can't be read goes all the same, as long as what `ownedBy` asks can be. With `remainsOnly`, only what is
   * left of a stream of which no generation is current, such as its log.
   * @throws GenerationJobError `store_damaged` when the stream does not say whose it is, and `ownedBy` asks
   */
  delete(key: StreamKey, which?: DeleteRequest): Promise<boolean | 'settling'>;

  /** Ends what it has opened itself. Safe to call again. */
  close(): Promise<void>;
}
