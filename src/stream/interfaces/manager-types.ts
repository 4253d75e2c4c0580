/**
 * The shapes of the manager's face: what its calls take and give, and the host's hooks. No code.
 */
import type { Clock, Entropy } from '../../clock.js';
import type { Access } from '../model/access.js';
import type { ActionType } from '../model/action-types.js';
import type { ContentModel } from '../model/content-model.js';
import type { ErrorReport } from '../model/error-report.js';
import type { TakeOver } from '../model/hand-over.js';
import type {
  ContentOf,
  CreatedOf,
  FinalOf,
  HostNote,
  HostTypes,
  MetadataPatch,
  Untyped,
} from '../model/host-types.js';
import type { ResumeState } from '../model/lifecycle-payloads.js';
import type { GenerationJobOptions } from '../model/options.js';
import type { Seal } from '../model/seal.js';
import type {
  Hole,
  JobRecord,
  JobStatus,
  Json,
  PendingAction,
  Settlement,
  Usage,
  UsageEntry,
  Verdict,
} from '../model/types.js';
import type { Continuation } from './continuation.js';
import type { EventTransport } from './event-transport.js';
import type { GenerationJob } from './generation-job.js';
import type { JobStore } from './job-store.js';
import type { Logger } from './logger.js';
import type { StreamObserver } from './observer.js';
import type { StandingDecisions } from './standing-rules.js';
import type { Subscription } from './subscription.js';

/** An `Access`, to one generation. */
export interface GenerationAccess extends Access {
  /** A kept generation, from 1. Default: the current one. */
  readonly generation?: number | undefined;
}

/** The user whose everything is deleted. */
export interface DeletedUser {
  /** 1 to 256 characters. */
  readonly userId: string;
  /** The tenant the user belongs to: 1 to 128 characters of `A-Z a-z 0-9 _ . ~ -`. Default: none. */
  readonly tenantId?: string | undefined;
}

export interface ListActiveJobsInput {
  /** 1 to 256 characters. */
  readonly userId: string;
  readonly tenantId?: string | undefined;
  /** Jobs in the page, at most: 1 to 1,000. Default 1,000. */
  readonly limit?: number | undefined;
  /** The `next` of the page before. Default: from the beginning. */
  readonly cursor?: string | undefined;
}

export interface ListSettlementsInput {
  readonly state: Settlement['state'];
  /** Streams looked at for the page, at most: 1 to 1,000. Default 1,000. */
  readonly limit?: number | undefined;
  /** The `next` of the page before. Default: from the beginning. */
  readonly cursor?: string | undefined;
}

/** Records, as a plain array; and, when there is something to say, how the listing goes on and what is missing in it. */
export interface JobPage<Types extends HostTypes = Untyped> extends ReadonlyArray<JobRecord<Types>> {
  /** The `cursor` of the page after this one; absent on the last. It goes into a URL as it is. */
  readonly next?: string;
  /** Stream ids of records that could not be read; absent when all could. */
  readonly unread?: readonly string[];
}

export interface SubscribeOptions extends Access {
  /** A cursor to go on after, or `tail` for new events only. Default: from the first event. */
  readonly after?: string | undefined;
  /** Follow this generation instead of the current one. */
  readonly generation?: number | undefined;
  /** `generation` (default): end with the generation. `stream`: go on into the next ones. */
  readonly follow?: 'generation' | 'stream' | undefined;
  /** Begin with a `sync` instead of the events before it. Ignored with a cursor that can be served. */
  readonly resume?: boolean | undefined;
  /**
   * Stay after the end until its settlement is over, or for `settledWaitMs` (10 s): then comes `settled`, with the state it
   * is in. With `follow: 'stream'`, only while nothing newer has begun. Default false.
   */
  readonly settled?: boolean | undefined;
  /**
   * Follow the run that `createJob` has queued under this id: `queued` events with its position while it waits, which have no place
   * to go on from, then its own generation, from the first event or with a `sync` (`resume`). With position 0 it has not run and
   * will not. Excludes `after`, `generation` and `notes`: whoever has a cursor has seen it start. Default: none.
   */
  readonly queueId?: string | undefined;
  /**
   * The record's revision that is known already, from 0: told is what has changed of metadata and notes since. Default: 0;
   * with the cursor of an end, nothing is told.
   */
  readonly notes?: number | undefined;
  /** Leaves the stream when it fires. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

/** An annotation is what belongs to a generation and does not come from its producer. */
export interface AnnotateInput<Types extends HostTypes = Untyped> extends GenerationAccess {
  /** Metadata to write by key, as `job.update` does: undefined leaves a key as it is, null sets it to null. Default: none. */
  readonly metadata?: MetadataPatch<Types> | undefined;
  /**
   * Notes to write: each takes the place of the one under its key, and one with the data `null` takes it away. At most
   * `limits.notes` (64) of a generation stand, with `limits.notesBytes` (64 KiB) together. Default: none.
   */
  readonly notes?: readonly HostNote<Types>[] | undefined;
}

/** The verdict that `beforeResolve` judges: checked against the action, and not yet recorded. */
export interface ProposedVerdict<Types extends HostTypes = Untyped> extends Verdict {
  /** The record of the generation that waits. */
  readonly record: JobRecord<Types>;
  /** The action that is decided, `resumeContext` and `fingerprint` included. */
  readonly action: PendingAction;
  /** Names who decides. */
  readonly by: string;
  /** `link` when a decision link decides: nobody's session has been looked at. */
  readonly via?: 'link' | undefined;
  /** Holds what `resolve` was given as `context`; by the routes, the host's request. */
  readonly context: unknown;
}

/** False refuses. A fingerprint counts as that of `resolve`. */
export type BeforeResolveResult =
  | boolean
  | {
      /** Digest of the run as it would be rebuilt; counts as that of `resolve`. */
      readonly fingerprint?: string | undefined;
    };

/** A finished message, or nothing, at once or later. */
export type DescribedEnd<Types extends HostTypes = Untyped> =
  | FinalOf<Types>
  | null
  | undefined
  | Promise<FinalOf<Types> | null | undefined>;

/** The hook `onPaused` is told this. */
export interface PausedInput<Types extends HostTypes = Untyped> {
  /** Names the pause, the same each time it is told: `<tenant>/<stream>/<generation>/<action id>`. */
  readonly pauseId: string;
  /** The record of the generation that waits. */
  readonly record: JobRecord<Types>;
  /** The action it waits for; what a seal keeps secret stays sealed. */
  readonly action: PendingAction;
  /** The content so far; null without a content model. */
  readonly content: ContentOf<Types> | null;
  /** The sequences that `content` lacks because the store has lost them; absent when nothing is lost. */
  readonly missing?: Hole | undefined;
  /** Fires when the action is decided, has expired or was stopped meanwhile, and when this process ends. */
  readonly signal: AbortSignal;
}

/** The hook `onProgress` is told this. */
export interface ProgressInput<Types extends HostTypes = Untyped> {
  /** The record as the store has it. */
  readonly record: JobRecord<Types>;
  /** The content so far; a copy, the host's to keep and change. */
  readonly content: ContentOf<Types>;
  /** The sequence `content` is true at. */
  readonly sequence: number;
  /** The sequences that `content` lacks because the store has lost them; absent when nothing is lost. */
  readonly missing?: Hole | undefined;
  /** Fires when the call is not waited for any longer. */
  readonly signal: AbortSignal;
}

/** The hook `startQueued` is told this. */
export interface QueuedStart<Types extends HostTypes = Untyped> {
  /** The run, as `createJob` has named it when it was queued; the record's `createId`. */
  readonly queueId: string;
  /** The data of its `created` event, as `createJob` was given it as `created`; absent when there was none. */
  readonly created?: CreatedOf<Types> | undefined;
  /** The record of the generation that the run has become, with what a seal keeps secret opened. */
  readonly record: JobRecord<Types>;
}

/**
 * The host's side of things. None can fail a stream: what they throw is logged and counted, and who has not answered in
 * `hookMs` counts as one that threw. `settle`, `recover` and `startQueued` may take as long as they need.
 */
export interface Hooks<Types extends HostTypes = Untyped> {
  /**
   * The payload of an end that no producer announces (abort, expiry, replacement, lost producer), so that a client
   * always has a final message to show. Becomes `final` in the terminal event. `content` is the fold of the log as read
   * just before the end, and nothing is committed between the two: the producer is held still meanwhile, and the end is
   * described anew if somebody changed the generation. So it may be called more than once for one end. `missing` says
   * which sequences `content` lacks because the store has lost them; undefined when nothing is lost.
   */
  describeEnd?(
    record: JobRecord<Types>,
    content: ContentOf<Types> | null,
    missing?: Hole,
  ): DescribedEnd<Types>;
  /**
   * The side effect after every end (save the message, charge the tokens): called at least once, by one replica at a
   * time, until it returns or `settleForMs` is over; then now and then for as long as `setAsideMs`. Use `settlementId` to
   * make it happen once.
   */
  settle?(ended: {
    readonly settlementId: string;
    readonly record: JobRecord<Types>;
    readonly content: ContentOf<Types> | null;
    /** The sequences that `content` lacks because the store has lost them; absent when nothing is lost. */
    readonly missing?: Hole | undefined;
    /** True when nothing of it is worth keeping, as in `AbortResult`: a sign-in prompt alone, no text at all. */
    readonly isEmpty: boolean;
    /** The generation's counters. */
    readonly usage: Usage;
    /** The same by call, as in the record. */
    readonly usageEntries: readonly UsageEntry[];
    readonly signal: AbortSignal;
  }): unknown;
  /**
   * Hears that a job waits for a person: for saving the half answer, and for telling somebody. Called at least once for each
   * pause, by one replica at a time, until it returns or the pause is over; `pauseId` is the same each time. Not begun for
   * a pause that is known to be decided; a decision meanwhile fires its signal.
   */
  onPaused?(paused: PausedInput<Types>): unknown;
  /**
   * Hears what a generation with a content model has come to so far: by the process that produces it at most every
   * `progressMs` while something changes, once when it is paused, and once before `settle`, which waits for it no longer than
   * `progressMs` (without that hook, at its end). For hosts that keep the partial answer in a database of their own. One call
   * at a time, and the newest content wins. It delays no event, and an answer that is late (`hookMs`) is not waited for: its
   * signal fires.
   */
  onProgress?(progress: ProgressInput<Types>): unknown;
  /**
   * Continues a generation whose producer died, or was handed over by a replica that left (`continuation.handover`); runs as
   * `job.run` would. Without it such a generation fails.
   */
  recover?(job: GenerationJob<Types>, continuation: Continuation<Types>): unknown;
  /**
   * Produces a run that has waited for its turn (`createJob` with `onConflict: 'enqueue'`), on the replica that starts it; runs as
   * `job.run` would. Given the same generation again, on this or another replica, when the process dies before the first
   * event of the host: three times in all, then it fails as `producer_lost`. Later, `recover` goes on. Without the hook nothing
   * can be queued, and nothing that waits is started by this replica.
   */
  startQueued?(job: GenerationJob<Types>, queued: QueuedStart<Types>): unknown;
  /**
   * Says whether recovery starts the answer over (`restart`, default) or goes on where it stood (`continue`). A function is told
   * of a hand-over by its second argument, which has the state opened.
   */
  recoverMode?:
    | 'restart'
    | 'continue'
    | ((record: JobRecord<Types>, takeOver: TakeOver) => 'restart' | 'continue');
  /**
   * Judges a decision before it is made: moderation of what a person typed, permission, the fingerprint of the run as it
   * would be rebuilt. False refuses (`action_refused`); so does what it throws, which is logged.
   */
  beforeResolve?(
    proposed: ProposedVerdict<Types>,
  ): BeforeResolveResult | undefined | Promise<BeforeResolveResult | undefined>;
  /** The last local follower of a running or paused job left. */
  onFollowersGone?(streamId: string, tenantId: string | undefined): unknown;
  /** A stream was deleted, with this kept generation of it, which is not settled any more: what the host has of it elsewhere may go. */
  onDeleted?(record: JobRecord<Types>): unknown;
  /**
   * Told of every error that nobody else is told: what the host's own code threw (a producer, a hook, `authorize`, a content
   * model), and what upkeep met. Given the error itself, whose text may hold secrets. Not waited for; what it throws is
   * logged. Without it and without a `logger` the same goes to standard error, at most ten a minute.
   */
  onError?(report: ErrorReport): unknown;
  /** Says what clients may see of the metadata, in `sync` and `status`. Default: nothing. */
  publicMetadata?(record: JobRecord<Types>): Json | Promise<Json>;
}

export interface ManagerInput<Types extends HostTypes = Untyped> {
  /** Keeps records and logs: that of `createStreamServices`. */
  readonly jobStore: JobStore;
  /** Brings live events and signals: that of `createStreamServices`. */
  readonly eventTransport: EventTransport;
  /** Times and limits. Default: each as documented. */
  readonly options?: GenerationJobOptions | undefined;
  /** The content models that jobs may name, each with a name of its own. Default: none. */
  readonly contentModels?: readonly ContentModel<ContentOf<Types>, Types>[] | undefined;
  /** The host's own types of action, for those that have a shape to check. */
  readonly actionTypes?: readonly ActionType[] | undefined;
  /**
   * Keeps what is secret from whoever can read the store: the `resumeContext` of actions, and the metadata it names, are sealed
   * before a store sees them. `createSeal` makes one. They are opened for `beforeResolve` and for the continuations of `resolve`
   * and `recover`; any other record has them sealed, and `openSealed` opens it. Every replica needs the same. Default: none,
   * and then they are kept in plain.
   */
  readonly seal?: Seal | undefined;
  /** Standing decisions: `createStandingDecisions` of `generation-jobs/rules`. Default: none. */
  readonly rules?: StandingDecisions | undefined;
  /** The host's side of things. Default: none. */
  readonly hooks?: Hooks<Types> | undefined;
  /** Is told of what happens, for metrics: `createMetrics` makes one. Default: none. */
  readonly observer?: Partial<StreamObserver> | undefined;
  /** Takes log lines; pino's form. Default: none, and then errors go to standard error. */
  readonly logger?: Logger | undefined;
  /** Names this replica to operators, in `listJobs`: 1 to 128 characters. Default: the machine's name and the process id. */
  readonly replicaId?: string | undefined;
  /** Time, for tests. Default: the system's. */
  readonly clock?: Clock | undefined;
  /** Ids and randomness, for tests. Default: the system's. */
  readonly entropy?: Entropy | undefined;
}

export interface SubscribeWithResumeResult<Types extends HostTypes = Untyped> {
  /** The content and state at `state.cursor`. */
  readonly state: ResumeState<Types>;
  /** Everything after `state.cursor`. */
  readonly subscription: Subscription<Types>;
}

export interface Stats {
  /** The counts of this process. */
  readonly process: {
    readonly producing: number;
    readonly followedStreams: number;
    readonly followers: number;
    readonly draining: boolean;
  };
  /**
   * The counts of the whole store: kept generations by status, streams, how many of these could not be read, and
   * generations whose settlement is set aside.
   */
  readonly global: Readonly<Record<JobStatus, number>> & {
    readonly streams: number;
    readonly unread: number;
    readonly setAside: number;
  };
}
