/**
 * The nouns of the library, as shapes: what a job is, what an event is, what a follower receives. No code, and no
 * second word for anything in the glossary of docs/design.md.
 */
import type { HostTypes, MetadataOf, Untyped } from './host-types.js';
import type { InboxMessage } from './inbox-message.js';
import type { Usage, UsageEntry } from './usage.js';

export type { Usage, UsageEntry, UsageInput, UsageLabels } from './usage.js';

/** A value JSON can carry. The library never looks inside it. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** The same shape, writable: for those who build or own one. */
export type Mutable<Shape> = { -readonly [Field in keyof Shape]: Shape[Field] };

/** The place of a stream: its tenant (if any) and its id. Made by `streamKey`, which checks both. */
export interface StreamKey {
  /** The tenant, when there is one. */
  readonly tenantId: string | undefined;
  /** The stream within its tenant. */
  readonly streamId: string;
  /** `<tenant>/<streamId>`: unique over all tenants, and the Redis hash tag. */
  readonly id: string;
}

/** The owner of something: a user within a tenant (if any). */
export interface UserKey {
  /** The tenant, when there is one. */
  readonly tenantId: string | undefined;
  /** The user within their tenant. */
  readonly userId: string;
}

type ActiveStatus = 'running' | 'requires_action';
type EndedStatus = 'completed' | 'failed' | 'aborted';
export type JobStatus = ActiveStatus | EndedStatus;

export interface JobFailure {
  /** Names the failure for programs; one of the library's codes, or the host's own. */
  readonly code: string;
  /** Says it to people, with nothing in it that is none of their business. */
  readonly message: string;
  /** True when starting the same generation again may succeed. */
  readonly retryable: boolean;
}

/** An event as text, before it has a place in the log. */
export interface SerialisedEvent {
  /** The event's name. */
  readonly event: string;
  /** `JSON.stringify` of the host's data: one line. */
  readonly data: string;
  /** The key under which late clients find it; absent when it is not kept. */
  readonly keep?: string | undefined;
}

/** A note as text, as a store takes it. */
export interface SerialisedNote {
  /** The key: a note takes the place of the one before under its key. */
  readonly key: string;
  /** The name of the event that tells followers of it. */
  readonly event: string;
  /** `JSON.stringify` of the host's data: one line. `null` takes the note away. */
  readonly data: string;
}

/** An event in the log. Shared between all who read it in a process, so never changed. */
export interface LogEvent extends SerialisedEvent {
  /** 1, 2, 3 … within the generation, without gaps. */
  readonly sequence: number;
  /** The attempt that wrote it, or that was current when another party did. */
  readonly attempt: number;
}

export type ApprovalDecision = 'approve' | 'reject' | 'edit' | 'respond';

export interface ActionRequest {
  /** Names the request in its decision. */
  readonly id: string;
  /** The name of the tool that would be called. */
  readonly name: string;
  /** The arguments it would be called with. */
  readonly arguments?: Json | undefined;
  /** More about the call, when there is more. */
  readonly description?: string | undefined;
  /** The decisions that may be made on it. */
  readonly allowedDecisions: readonly ApprovalDecision[];
}

export interface ActionOption {
  /** The value an answer selects it by. */
  readonly value: string;
  /** The text of the option. */
  readonly label: string;
  /** More about the option, when there is more. */
  readonly description?: string | undefined;
}

export interface ActionQuestion {
  /** Names the question in its answer. */
  readonly id: string;
  /** The text of the question. */
  readonly question: string;
  /** More about the question, when there is more. */
  readonly description?: string | undefined;
  /** The answers to choose from; may be none. */
  readonly options: readonly ActionOption[];
  /** True when more than one option may be selected. */
  readonly multiSelect: boolean;
  /** True when text of one's own is an answer. */
  readonly allowText: boolean;
}

/** A job waits for an action. `resumeContext` and `fingerprint` stay on the server: clients get `PublicAction`. */
export interface PendingAction {
  /** Names the action in its decision. */
  readonly actionId: string;
  /** `tool_approval`, `ask_user_question`, or the host's own. */
  readonly type: string;
  /** The requests to be decided, each of them. */
  readonly requests: readonly ActionRequest[];
  /** The questions to be answered, each of them. */
  readonly questions: readonly ActionQuestion[];
  /** The host's own payload for its own types; opaque. */
  readonly payload?: Json | undefined;
  /** Digest of all that is shown. A decision that carries another one was made on something else. */
  readonly payloadDigest: string;
  /** Server time, milliseconds since 1970. */
  readonly askedAt: number;
  /** Says when it may no longer be decided: server time, milliseconds since 1970. */
  readonly expiresAt: number;
  /** The host's own data to rebuild the run from; `{ "$sealed": text }` where the manager has a `seal` and it is not opened. */
  readonly resumeContext?: Json | undefined;
  /** Digest of what determines the run; who decides must come with the same. */
  readonly fingerprint?: string | undefined;
}

/** A hand-over is what a producer that left has kept for whoever goes on. */
export interface HandOver {
  /** The attempt that was handed over. */
  readonly attempt: number;
  /** The host's own state; absent when there is none. `{ "$sealed": text }` where the manager has a `seal` and it is not opened. */
  readonly state?: Json | undefined;
}

export type PublicAction = Omit<PendingAction, 'resumeContext' | 'fingerprint'>;

export interface Decision {
  /** The request that is decided. */
  readonly id: string;
  /** Holds what was decided. */
  readonly decision: ApprovalDecision;
  /** Says why, when it was said. */
  readonly reason?: string | undefined;
  /** The arguments to call with instead, for `edit`. */
  readonly arguments?: Json | undefined;
  /** Holds what to tell instead of a result, for `respond`. */
  readonly text?: string | undefined;
}

export interface Answer {
  /** The question that is answered. */
  readonly id: string;
  /** A text of one's own, where the question allows it. */
  readonly text?: string | undefined;
  /** Values of options. */
  readonly selected?: readonly string[] | undefined;
}

/** A verdict is what somebody said to an action, checked against it. */
export interface Verdict {
  /** The decisions on the requests, one for each. */
  readonly decisions: readonly Decision[];
  /** The answers to the questions, one for each. */
  readonly answers: readonly Answer[];
  /** The answer to an action of the host's own type that takes one. */
  readonly response?: Json | undefined;
}

/** A resolution is how an action ended, as it is recorded: who, when, what, and on the ground of what was shown. */
export interface Resolution extends Verdict {
  /** The action that ended. */
  readonly actionId: string;
  /** The action's type. */
  readonly type: string;
  /** Says whether somebody decided it, or its time was over. */
  readonly outcome: 'decided' | 'expired';
  /** The person who decided; nobody when it expired. */
  readonly by?: string | undefined;
  /** Says that a decision link decided it; absent where somebody's own session did, and in what a release before 0.2 wrote. */
  readonly via?: 'link' | undefined;
  /** Digest of what was shown: the action's `payloadDigest`. */
  readonly payloadDigest: string;
  /** Server time, milliseconds since 1970. */
  readonly askedAt: number;
  /** Says when it ended: server time, milliseconds since 1970. */
  readonly at: number;
  /** The key it was decided under, when there was one. */
  readonly idempotencyKey?: string | undefined;
  /**
   * The digest of what was said under the idempotency key, if there was one: whoever says something else has not been
   * answered.
   */
  readonly said?: string | undefined;
}

/** A settlement is where the host's side effect after the end stands. */
export interface Settlement {
  /** Says whether it is to be done, done, or set aside after too many tries. */
  readonly state: 'open' | 'settled' | 'set_aside';
  /** Raised by every change: a change names the revision it has seen, and only one can. */
  readonly revision: number;
  /** Says how often it has been tried. */
  readonly tries: number;
  /**
   * Server time before which nobody tries (again), or before which the claim holds. Before the first try: until when the
   * stopped producer may write its books.
   */
  readonly notBefore: number;
  /** True while somebody settles it, until `notBefore` at least. A replica of release 0.1.0 does not say so. */
  readonly claimed?: true | undefined;
}

/** A note is what a host has added to a generation from outside its log: the newest of its key. */
export interface Note {
  /** The key it is kept under. */
  readonly key: string;
  /** The name of the event that tells followers of it. */
  readonly event: string;
  /** The host's data; null when the note was taken away. */
  readonly data: Json;
  /** The record's revision at which it was written. */
  readonly revision: number;
}

/** A generation with all that is known of it. Times are the store's clock in milliseconds since 1970. */
export interface JobRecord<Types extends HostTypes = Untyped> {
  /** The stream. */
  readonly streamId: string;
  /** The tenant it lives in, when it has one. */
  readonly tenantId?: string | undefined;
  /** 1 for the stream's first answer, 2 for the next. */
  readonly generation: number;
  /** Names what its first producer waits for, as its create said; absent for nothing. A replica of release 0.1 does not wait. */
  readonly waits?: 'settled' | 'left' | undefined;
  /** The newest attempt: 1 for the first; the next after each decision or recovery. */
  readonly attempt: number;
  /** Says how often it was taken over after a crash. */
  readonly recoveries: number;
  /** Running, waiting for a person, or how it ended. */
  readonly status: JobStatus;
  /** Names who owns the stream. */
  readonly userId: string;
  /** The conversation it belongs to, when one was named. */
  readonly conversationId?: string | undefined;
  /** The name of the content model that folds its events, when it has one. */
  readonly contentModel?: string | undefined;
  /** The key it was started under, when there was one. */
  readonly idempotencyKey?: string | undefined;
  /** Names the create; with the attempt, the holder of the user's slot. */
  readonly createId: string;
  /** True when it has waited in the stream's queue: its `createId` is the `queueId` of the run. */
  readonly fromQueue?: true | undefined;
  /** Says when it was created. */
  readonly createdAt: number;
  /** The time the record last changed; appending events alone does not change it. */
  readonly updatedAt: number;
  /** Says when it ended; absent before. */
  readonly endedAt?: number | undefined;
  /** The sequence of the log's last event. */
  readonly lastSequence: number;
  /** The number of the library's own among the events up to `lastSequence`. */
  readonly lifecycleEvents: number;
  /** The newest snapshot's sequence; 0 when there is none. */
  readonly snapshotSequence: number;
  /** The number of the attempt's newest change of usage or metadata; absent before the first. */
  readonly changes?: number | undefined;
  /** The time until which the attempt may write unless it renews; only while running. */
  readonly leaseUntil?: number | undefined;
  /**
   * The length of the attempt's lease from each renewal (ms), as its producer said; only while running, and where it
   * did.
   */
  readonly leaseMs?: number | undefined;
  /**
   * Names the replica whose attempt this is or was, as it named itself. Absent while the job is paused, and where a release before
   * 0.2 has taken over.
   */
  readonly replicaId?: string | undefined;
  /** The action it waits for, while it waits. */
  readonly pendingAction?: PendingAction | undefined;
  /**
   * Says where the telling of the pause to the host's `onPaused` stands: `open` until it has been told, then `settled`. Only
   * while it waits, and where the replica that paused it has the hook.
   */
  readonly pauseNotice?: Settlement | undefined;
  /** The decided action this attempt goes on from, so that a successor can as well; only while running. */
  readonly resumedAction?: PendingAction | undefined;
  /** The hand-over that its attempt goes on from, or is to: only while running, and until anybody has produced more. */
  readonly handOver?: HandOver | undefined;
  /** The resolution of each action of this generation, oldest first. */
  readonly resolutions: readonly Resolution[];
  /** Says why it failed, when it did. */
  readonly error?: JobFailure | undefined;
  /** Its counters: tokens, cost. */
  readonly usage: Usage;
  /**
   * The same by call, oldest first: up to 64 entries. When they are full those of the same labels become one, and what doesn't
   * fit even then goes to one more of the kind `other`. What a release before 0.2 has counted is in the totals alone.
   */
  readonly usageEntries: readonly UsageEntry[];
  /** Holds what the host has written to it; a value that was sealed as `{ "$sealed": text }`. */
  readonly metadata: MetadataOf<Types>;
  /** The notes that `annotate` has written, in the order they were written, those that were taken away included. */
  readonly notes: readonly Note[];
  /** The messages that wait for the producer, first in first out; empty after an end. A worker's job is told none. */
  readonly inbox: readonly InboxMessage[];
  /** The messages that waited when it ended, until somebody claims them: they were accepted, and never took effect. */
  readonly unsent: readonly InboxMessage[];
  /** The number of calls that `job.once` has begun in it; absent for none. A worker's job knows of none. */
  readonly receipts?: number | undefined;
  /** Says where the host's side effect after the end stands. */
  readonly settlement: Settlement;
  /**
   * Counts the changes of the record that no event tells: of its metadata, notes, inbox and settlement, and that its producer
   * has left. Never goes back.
   */
  readonly revision: number;
  /**
   * True once the producer that an end by others has stopped is known to have returned: nothing of it runs any more. One
   * without a `run` counts as returned with the end.
   */
  readonly producerLeft?: true | undefined;
}

/** Sequences the store has lost, from the first to the last of them. Several holes are told as one that spans them. */
export interface Hole {
  /** The first sequence that is lost. */
  readonly from: number;
  /** The last sequence that is lost. */
  readonly to: number;
}

/** Folded content at a sequence: what is before it need not be kept. */
export interface Snapshot {
  /** The sequence the content is true at. */
  readonly sequence: number;
  /** The content model's content as JSON text. */
  readonly content: string;
  /** The newest event of each `keep` key, oldest first. */
  readonly kept: readonly LogEvent[];
  /** The hole in what was folded, so that its content lacks it. */
  readonly missing?: Hole | undefined;
}

/**
 * A piece of a log on its way to followers. One that announces a change of the record alone has a `revision`, no events, and
 * begins behind the log's last event.
 */
export interface Frame {
  /** The stream the events belong to. */
  readonly key: StreamKey;
  /** The generation the events belong to. */
  readonly generation: number;
  /** The sequence of the first event. */
  readonly firstSequence: number;
  /** The sequence of the last event. */
  readonly lastSequence: number;
  /** The events, in order and without gaps; left out when too large, and then read from the log. */
  readonly events?: readonly LogEvent[] | undefined;
  /** The record's revision after the change that is announced; left out of a frame of events. */
  readonly revision?: number | undefined;
  /** The revision at which metadata or notes last changed, beside `revision`. */
  readonly changedRevision?: number | undefined;
  /** The time the first event was emitted, on this process's monotonic clock; only where it was emitted here. */
  emittedAt?: number | undefined;
}

/** Neighbouring events of one generation. The same object goes to every follower at the same place. */
export interface Batch {
  readonly generation: number;
  readonly events: readonly LogEvent[];
}
