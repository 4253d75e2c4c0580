/**
 * The nouns of the library, as shapes: what a job is, what an event is, what a follower receives. No code, and no
 * second word for anything in the glossary of docs/design.md.
 */
import type { HostTypes, MetadataOf, Untyped } from './host-types.js';

/** A value JSON can carry. The library never looks inside it. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** The same shape, writable: for those who build or own one. */
export type Mutable<Shape> = { -readonly [Field in keyof Shape]: Shape[Field] };

/** The place of a stream: its tenant (if any) and its id. Made by `streamKey`, which checks both. */
export interface StreamKey {
  readonly tenantId: string | undefined;
  readonly streamId: string;
  /** `<tenant>/<streamId>`: unique over all tenants, and the Redis hash tag. */
  readonly id: string;
}

/** The owner of something: a user within a tenant (if any). */
export interface UserKey {
  readonly tenantId: string | undefined;
  readonly userId: string;
}

type ActiveStatus = 'running' | 'requires_action';
type EndedStatus = 'completed' | 'failed' | 'aborted';
export type JobStatus = ActiveStatus | EndedStatus;

/** Token and cost counters by name; adding sums them. */
export type Usage = Readonly<Record<string, number>>;

export interface JobFailure {
  readonly code: string;
  readonly message: string;
  /** True when starting the same generation again may succeed. */
  readonly retryable: boolean;
}

/** An event as text, before it has a place in the log. */
export interface SerialisedEvent {
  readonly event: string;
  /** `JSON.stringify` of the host's data: one line. */
  readonly data: string;
  readonly keep?: string | undefined;
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
  readonly id: string;
  readonly name: string;
  readonly arguments?: Json | undefined;
  readonly description?: string | undefined;
  readonly allowedDecisions: readonly ApprovalDecision[];
}

export interface ActionOption {
  /** The value an answer selects it by. */
  readonly value: string;
  readonly label: string;
  readonly description?: string | undefined;
}

export interface ActionQuestion {
  readonly id: string;
  readonly question: string;
  readonly description?: string | undefined;
  readonly options: readonly ActionOption[];
  /** True when more than one option may be selected. */
  readonly multiSelect: boolean;
  /** True when text of one's own is an answer. */
  readonly allowText: boolean;
}

/** A job waits for an action. `resumeContext` and `fingerprint` stay on the server: clients get `PublicAction`. */
export interface PendingAction {
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
  readonly expiresAt: number;
  /** The host's own data to rebuild the run from. */
  readonly resumeContext?: Json | undefined;
  /** Digest of what determines the run; who decides must come with the same. */
  readonly fingerprint?: string | undefined;
}

export type PublicAction = Omit<PendingAction, 'resumeContext' | 'fingerprint'>;

export interface Decision {
  readonly id: string;
  readonly decision: ApprovalDecision;
  readonly reason?: string | undefined;
  readonly arguments?: Json | undefined;
  readonly text?: string | undefined;
}

export interface Answer {
  readonly id: string;
  readonly text?: string | undefined;
  /** Values of options. */
  readonly selected?: readonly string[] | undefined;
}

/** A verdict is what somebody said to an action, checked against it. */
export interface Verdict {
  readonly decisions: readonly Decision[];
  readonly answers: readonly Answer[];
  /** The answer to an action of the host's own type that takes one. */
  readonly response?: Json | undefined;
}

/** A resolution is how an action ended, as it is recorded: who, when, what, and on the ground of what was shown. */
export interface Resolution extends Verdict {
  readonly actionId: string;
  readonly type: string;
  readonly outcome: 'decided' | 'expired';
  /** The person who decided; nobody when it expired. */
  readonly by?: string | undefined;
  readonly payloadDigest: string;
  /** Server time, milliseconds since 1970. */
  readonly askedAt: number;
  readonly at: number;
  readonly idempotencyKey?: string | undefined;
  /**
   * The digest of what was said under the idempotency key, if there was one: whoever says something else has not been
   * answered.
   */
  readonly said?: string | undefined;
}

/** A settlement is where the host's side effect after the end stands. */
export interface Settlement {
  readonly state: 'open' | 'settled' | 'set_aside';
  /** Raised by every change: a change names the revision it has seen, and only one can. */
  readonly revision: number;
  readonly tries: number;
  /** Server time before which nobody tries (again), or before which the claim holds. */
  readonly notBefore: number;
  /** True while somebody settles it, until `notBefore` at least. A replica of release 0.1.0 does not say so. */
  readonly claimed?: true | undefined;
}

/** A generation with all that is known of it. Times are the store's clock in milliseconds since 1970. */
export interface JobRecord<Types extends HostTypes = Untyped> {
  readonly streamId: string;
  readonly tenantId?: string | undefined;
  readonly generation: number;
  readonly attempt: number;
  readonly recoveries: number;
  readonly status: JobStatus;
  readonly userId: string;
  readonly conversationId?: string | undefined;
  readonly contentModel?: string | undefined;
  readonly idempotencyKey?: string | undefined;
  /** Names the create; with the attempt, the holder of the user's slot. */
  readonly createId: string;
  readonly createdAt: number;
  /** The time the record last changed; appending events alone does not change it. */
  readonly updatedAt: number;
  readonly endedAt?: number | undefined;
  readonly lastSequence: number;
  /** The number of the library's own among the events up to `lastSequence`. */
  readonly lifecycleEvents: number;
  /** The newest snapshot's sequence; 0 when there is none. */
  readonly snapshotSequence: number;
  /** The time until which the attempt may write unless it renews; only while running. */
  readonly leaseUntil?: number | undefined;
  /**
   * The length of the attempt's lease from each renewal (ms), as its producer said; only while running, and where it
   * did.
   */
  readonly leaseMs?: number | undefined;
  /** Names the replica whose attempt this is or was, as it named itself. Absent where a release before 0.2 has taken over. */
  readonly replicaId?: string | undefined;
  readonly pendingAction?: PendingAction | undefined;
  /** The decided action this attempt goes on from, so that a successor can as well; only while running. */
  readonly resumedAction?: PendingAction | undefined;
  /** The resolution of each action of this generation, oldest first. */
  readonly resolutions: readonly Resolution[];
  readonly error?: JobFailure | undefined;
  readonly usage: Usage;
  readonly metadata: MetadataOf<Types>;
  readonly settlement: Settlement;
}

/** Sequences the store has lost, from the first to the last of them. Several holes are told as one that spans them. */
export interface Hole {
  readonly from: number;
  readonly to: number;
}

/** Folded content at a sequence: what is before it need not be kept. */
export interface Snapshot {
  readonly sequence: number;
  /** The content model's content as JSON text. */
  readonly content: string;
  /** The newest event of each `keep` key, oldest first. */
  readonly kept: readonly LogEvent[];
  /** The hole in what was folded, so that its content lacks it. */
  readonly missing?: Hole | undefined;
}

/** A piece of a log on its way to followers. */
export interface Frame {
  readonly key: StreamKey;
  readonly generation: number;
  readonly firstSequence: number;
  readonly lastSequence: number;
  /** The events, in order and without gaps; left out when too large, and then read from the log. */
  readonly events?: readonly LogEvent[] | undefined;
  /** The time the first event was emitted, on this process's monotonic clock; only where it was emitted here. */
  emittedAt?: number | undefined;
}

/** Neighbouring events of one generation. The same object goes to every follower at the same place. */
export interface Batch {
  readonly generation: number;
  readonly events: readonly LogEvent[];
}
