/**
 * The data of each event of the library's own, by name: the one place that PROTOCOL, section 3, describes.
 */

import type {
  ContentOf,
  CreatedOf,
  EventsOf,
  FinalOf,
  HostTypes,
  MetadataOf,
  ReceivedFrom,
  Untyped,
} from './host-types.js';
import type { InboxMessage, TakenMessage } from './inbox-message.js';
import type { QueueReturnReason } from './queued-run.js';
import type { SettlementState } from './settlement-state.js';
import type {
  Answer,
  Decision,
  Hole,
  JobFailure,
  JobStatus,
  Json,
  PublicAction,
  Usage,
  UsageEntry,
} from './types.js';

/** The three ends carry this beside what says how it ended. */
export interface EndPayload<Final = unknown> {
  /** The finished message; absent with `finalOmitted`, and where nobody gave one. */
  readonly final?: Final | null | undefined;
  /** There was a finished message which could not be carried: too large, too deep, or nothing JSON can say. */
  readonly finalOmitted?: true | undefined;
}

/** The newest state of a key. */
export interface KeptState {
  /** The `keep` key of the event, or the key of the note. */
  readonly key: string;
  /** The name of the event. */
  readonly event: string;
  /** The data of the event. */
  readonly data: unknown;
  /** The place of the event; absent of a note, which has none. */
  readonly cursor?: string | undefined;
}

/** The state that a client which comes late needs, true at `cursor`. */
export interface ResumeState<Types extends HostTypes = Untyped> {
  /** The stream. */
  readonly streamId: string;
  /** The generation, from 1. */
  readonly generation: number;
  /** The generation's status. */
  readonly status: JobStatus;
  /** The place that all of this is true at: `<generation>-<sequence>`. Follow `after` it. */
  readonly cursor: string;
  /** Null without a content model. */
  readonly content: ContentOf<Types> | null;
  /**
   * The sequences that `content` and `kept` lack, because the store has lost them or this replica does not know the
   * content model; absent when nothing is missing.
   */
  readonly missing?: Hole | undefined;
  /** The action it waits for; null when it waits for none. */
  readonly pendingAction: PublicAction | null;
  /** The conversation it belongs to, when one was named. */
  readonly conversationId?: string | undefined;
  /** The metadata as it stands. */
  readonly metadata: MetadataOf<Types>;
  /** The record's revision: of two states of one generation, the one with the higher number is the newer one. */
  readonly revision: number;
  /** Says where the host's side effect after the end stands; `open` while there is no end. */
  readonly settlement: SettlementState;
  /** The generation's counters. */
  readonly usage: Usage;
  /** The same by call, as in the record. */
  readonly usageEntries: readonly UsageEntry[];
  /**
   * Holds what stands under keys: the newest event of each `keep` key, then the notes, which have no cursor. A note stands
   * for a kept event of the same key.
   */
  readonly kept: readonly KeptState[];
  /** The notes alone, in the order they were written. */
  readonly notes: readonly Omit<KeptState, 'cursor'>[];
  /** The messages that wait for the producer, first in first out. */
  readonly inbox: readonly InboxMessage[];
  /** The messages that were accepted and never took effect, once there is an end and until somebody claims them. */
  readonly unsent: readonly InboxMessage[];
  /** Says when it was created: the store's clock, in milliseconds since 1970. */
  readonly createdAt: number;
  /** Says when it ended: the store's clock, in milliseconds since 1970; absent before. */
  readonly endedAt?: number | undefined;
  /** The end's own data, once there is one. */
  readonly end: unknown;
  /** The store's time when this was read, in milliseconds since 1970: ages are counted from it, whatever a client's clock says. */
  readonly now: number;
}

/**
 * The state of a generation that clients see: a resume state with the metadata the host shows. Which models and agents were
 * called is not for them.
 */
export type PublicState<Types extends HostTypes = Untyped> = Omit<
  ResumeState<Types>,
  'metadata' | 'usageEntries'
> & {
  /** The answer of the hook `publicMetadata`; `{}` without it. */
  readonly metadata: Json;
};

/** The events a log holds beside the host's own. */
export interface LifecyclePayloads<Types extends HostTypes = Untyped> {
  /** Sequence 1 of every generation. `created` is what `createJob` was given to show the start, or null. */
  readonly created: { readonly created: CreatedOf<Types> | null };
  /** The job waits for a person to decide `action`. */
  readonly requires_action: { readonly action: PublicAction };
  /** The action was decided; attempt `attempt` goes on. */
  readonly resumed: {
    readonly actionId: string;
    readonly type: string;
    readonly attempt: number;
    readonly by: string;
    readonly decisions: readonly Decision[];
    readonly answers: readonly Answer[];
    readonly response?: Json | undefined;
  };
  /** The producer was lost and another took over; with `restart`, all up to `fromSequence` no longer counts. */
  readonly recovered: {
    readonly fromSequence: number;
    readonly restart: boolean;
    readonly attempt: number;
  };
  /** The producer took a message that was sent to it: here it takes effect. */
  readonly message: TakenMessage;
  /** The end, well. */
  readonly completed: EndPayload<FinalOf<Types>>;
  /** The end, badly. */
  readonly failed: JobFailure & EndPayload<FinalOf<Types>>;
  /** The end, by others: stopped (with who and why, if they said), replaced by the next generation, or expired. */
  readonly aborted: EndPayload<FinalOf<Types>> & {
    readonly code: 'aborted' | 'replaced' | 'expired';
    readonly by?: string | undefined;
    readonly reason?: string | undefined;
  };
}

/** The events made for one follower, which are in no log. Over HTTP there is also `heartbeat`, on request. */
export interface FollowerPayloads<Types extends HostTypes = Untyped> {
  /** Forget what you have of the stream: this is its content and state at the cursor. */
  readonly sync: PublicState<Types>;
  /** The log has no such place as `requested`, or a hole right after it. A `sync` follows. */
  readonly gap: { readonly requested: string };
  /** The public metadata has changed: all of it, at this revision of the record. A note comes under its own event's name. */
  readonly updated: { readonly metadata: Json; readonly revision: number };
  /** The inbox has changed: all that waits for the producer, at this revision of the record. */
  readonly inbox: { readonly messages: readonly InboxMessage[]; readonly revision: number };
  /**
   * The run that is followed by its queue id waits, at this place among those that wait on its stream. 0, with the reason, says that
   * it waits no longer and has not run: nothing follows. When it has started, the events of its generation follow.
   */
  readonly queued: {
    readonly queueId: string;
    readonly position: number;
    readonly reason?: QueueReturnReason | 'cancelled' | undefined;
  };
  /** The stream, or the followed generation, is no longer kept. Nothing follows. */
  readonly gone: { readonly streamId: string };
  /**
   * The settlement of the generation that has ended is over, or the time for waiting is; only with `settled`. Behind the
   * terminal event.
   */
  readonly settled: { readonly state: SettlementState };
}

/**
 * An event that a follower receives: the host's or the library's own. With a bag of types it is a union that `switch
 * (event.event)` narrows; without one every name is possible and the data unknown.
 */
export type StreamEvent<Types extends HostTypes = Untyped> = ReceivedFrom<
  EventsOf<Types> & LifecyclePayloads<Types> & FollowerPayloads<Types>
>;

/** The payloads that a content model folds: the host's events and those of the library's that are no end. */
export type FoldablePayloads<Types extends HostTypes> = Omit<
  EventsOf<Types> & LifecyclePayloads<Types>,
  'completed' | 'failed' | 'aborted'
>;
