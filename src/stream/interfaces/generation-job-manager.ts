/** The face of the library as a host sees it. A process makes one manager and passes it around. */

import type { Access } from '../model/access.js';
import type { HostTypes, Untyped } from '../model/host-types.js';
import type { PublicState, ResumeState } from '../model/lifecycle-payloads.js';
import type { SettlementState } from '../model/settlement-state.js';
import type { JobRecord } from '../model/types.js';
import type { Approvals } from './approvals.js';
import type { CreateJobInput, CreateJobResult, EnqueueJobInput, QueuedJobResult } from './create-job.js';
import type { FeedSubscription, MarkSeenInput, SubscribeUserInput } from './feed.js';
import type { Inbox } from './inbox.js';
import type { GenerationSummary, StateAccess } from './kept-generations.js';
import type {
  AnnotateInput,
  DeletedUser,
  GenerationAccess,
  JobPage,
  ListActiveJobsInput,
  ListSettlementsInput,
  ManagerInput,
  Stats,
  SubscribeOptions,
  SubscribeWithResumeResult,
} from './manager-types.js';
import type { Health, JobSummaryPage, ListJobsInput } from './operators.js';
import type { JobQueue } from './queue.js';
import type { AbortInput, AbortResult, DrainInput, SettledInput } from './stopping.js';
import type { Subscription } from './subscription.js';
import type { Upkeep } from './upkeep.js';

/** Makes managers. */
export interface GenerationJobManagerConstructor {
  /**
   * @param input `jobStore` and `eventTransport` of `createStreamServices`, and what the host adds: options, hooks, models
   * @throws GenerationJobError `invalid_options` for what is unknown, out of bounds or contradictory
   * @example
   * const manager = new GenerationJobManager({ ...createStreamServices(), contentModels: [textContent()] });
   */
  new <Types extends HostTypes = Untyped>(input: ManagerInput<Types>): GenerationJobManager<Types>;
}

/**
 * Starts, follows, stops and continues generations. It begins its upkeep with `start` (or with the first job), and ends
 * it with `close`. None of its promises has to be awaited: what nobody awaits is told to `onError`.
 */
export interface GenerationJobManager<Types extends HostTypes = Untyped> extends AsyncDisposable {
  /** Decisions on what jobs ask. */
  readonly approvals: Approvals<Types>;
  /** Messages to jobs while they work. */
  readonly inbox: Inbox;
  /** Runs that wait for their turn. */
  readonly queue: JobQueue;
  /** The upkeep by hand, for tests and for hosts with a schedule of their own. */
  readonly upkeep: Upkeep;
  /** True once it takes no new jobs and followers any more. */
  readonly isDraining: boolean;

  /**
   * Connects the store and the transport and begins the upkeep. Safe to call again.
   * @throws GenerationJobError `unavailable` when the store or the transport can't be reached; `invalid_options` for a
   *   server that can't be used, with what it lacks
   */
  start(): Promise<void>;

  /**
   * Starts a generation when its turn comes: at once, where nothing is active on the stream and nothing waits there, and the user has a
   * slot; otherwise on whichever replica sees that its turn has come, by the hook `startQueued`. Each accepted request runs once or is
   * handed back (`manager.queue`).
   * @throws GenerationJobError what any create throws, but no `user_limit_exceeded`; `queue_full`; `invalid_argument` without the
   *   hook `startQueued`
   * @example
   * const { queued } = await manager.createJob({ streamId: 's-1', userId: 'ada', onConflict: 'enqueue', created: 'And then?' });
   * if (queued) console.log('waits at', queued.position);
   */
  createJob(input: EnqueueJobInput<Types>): Promise<CreateJobResult<Types> | QueuedJobResult<Types>>;

  /**
   * Starts a generation. Exactly one caller gets the job; who joined gets the record. With `onConflict: 'enqueue'` a run that can't
   * start at once waits for its turn (`queued`), and the hook `startQueued` produces it.
   * @throws GenerationJobError `invalid_stream_id`, `invalid_argument`, `metadata_too_large`, `invalid_event`,
   *   `event_too_large`, `json_too_deep`, `stream_taken`, `user_limit_exceeded`, `capacity_exceeded`, `create_expired`,
   *   `predecessor_unsettled`, `seal_unavailable`, `unavailable`, `draining`, `closed`; ConflictError with `onConflict: 'reject'`, and for what is
   *   newer than `expects`
   * @example
   * const { started, job } = await manager.createJob({ streamId: 's-1', userId: 'ada', onConflict: 'join' });
   * if (started) void job.run((job) => job.pipe(answer, (text) => ({ event: 'text', data: { text } })));
   */
  createJob(input: CreateJobInput<Types>): Promise<CreateJobResult<Types>>;

  /** The record of the stream's current (or a named, kept) generation; null when there is none, or it is not theirs. */
  getJob(streamId: string, access?: GenerationAccess): Promise<JobRecord<Types> | null>;

  /**
   * Lists the generations that the stream keeps, newest first: what became of each, and nothing that anybody wrote. The first
   * is the current one. Empty when there is none, or it is not theirs. One read, of the records alone.
   * @throws GenerationJobError `invalid_argument`, `invalid_stream_id`, `unavailable`
   * @example
   * for (const { generation, status, settlement } of await manager.getGenerations('s-1', { userId: 'ada' }))
   *   console.log(generation, status, settlement);
   */
  getGenerations(streamId: string, access?: Access): Promise<readonly GenerationSummary[]>;

  /**
   * Opens what the manager's `seal` has sealed in a record: the `resumeContext` of its action, and its metadata. A record has
   * them sealed, as `{ "$sealed": text }`, wherever it is given to the host but to `beforeResolve` and in a continuation. What
   * it returns is for this process alone: it must not be logged, and not be shown to clients.
   * @throws GenerationJobError `seal_unavailable` when this replica can't open it; `invalid_argument` for what is no record
   * @example
   * const record = await manager.getJob('s-1');
   * if (record) useTokens((await manager.openSealed(record)).metadata.mcpTokens);
   */
  openSealed(record: JobRecord<Types>): Promise<JobRecord<Types>>;

  /**
   * Follows a stream. The subscription is returned at once; `ready` (or the first `next`) rejects when it can't be
   * attached: `stream_not_found`, `invalid_cursor`, `unavailable`.
   * @throws GenerationJobError `invalid_stream_id`, `capacity_exceeded`, `draining`, `closed`
   * @example
   * for await (const { cursor, event, data } of manager.subscribe('s-1', { userId: 'ada', after: '1-7' })) {
   *   socket.send(JSON.stringify({ cursor, event, data }));
   * }
   */
  subscribe(streamId: string, options?: SubscribeOptions): Subscription<Types>;

  /**
   * Follows the feed of a user: what becomes of all their streams, by one cursor. Needs the option `feed`. Without `after` a
   * `sync` comes first, with all that is active, waits for them, or has ended unseen; a cursor that can't be gone on from is
   * answered so too. Then each change is told, or the newer one that implies it. Followers of one user in a process share one
   * listening and one read.
   * @throws GenerationJobError `invalid_argument` without the option `feed`; `invalid_cursor`, `invalid_stream_id`,
   *   `capacity_exceeded`, `draining`, `closed`
   * @example
   * for await (const { event, data } of manager.subscribeUser({ userId: 'ada' })) {
   *   if (event === 'waiting') console.log(data.streamId, 'needs you', data.action?.type);
   * }
   */
  subscribeUser(input: SubscribeUserInput): FeedSubscription;

  /**
   * Marks as seen what has ended in a user's feed: one stream's end, or all up to a cursor of the feed. Says how many were unseen.
   * @throws GenerationJobError `invalid_argument`, also without the option `feed`; `invalid_cursor`, `invalid_stream_id`,
   *   `store_damaged`, `unavailable`
   * @example
   * await manager.markSeen({ userId: 'ada', streamId: 's-1' });
   */
  markSeen(input: MarkSeenInput): Promise<number>;

  /**
   * Content and lifecycle state at one cursor; null when there is no such stream, or it is not theirs. With
   * `generation: 'completed'` of the newest generation kept that ended well, whatever came after it; null when none did.
   * @throws GenerationJobError `invalid_argument`, `invalid_stream_id`, `unavailable`
   */
  getResumeState(streamId: string, access?: StateAccess): Promise<ResumeState<Types> | null>;

  /** The same with what clients may see of it: what a `sync` event carries. */
  getPublicState(streamId: string, access?: StateAccess): Promise<PublicState<Types> | null>;

  /**
   * Gives the content, and everything after it with nothing lost or repeated in between.
   * @throws what `subscribe` throws, and what its `ready` rejects with
   * @example
   * const { state, subscription } = await manager.subscribeWithResume('s-1', { userId: 'ada' });
   * show(state.content);
   * for await (const event of subscription) apply(event);
   */
  subscribeWithResume(
    streamId: string,
    options?: SubscribeOptions,
  ): Promise<SubscribeWithResumeResult<Types>>;

  /**
   * Ends a generation from any replica. It is over when this returns, wherever its producer runs.
   * @throws GenerationJobError `stream_not_found` when there is no such stream or generation, or it is not theirs
   * @example
   * const { aborted, content } = await manager.abortJob('s-1', { userId: 'ada', by: 'user' });
   */
  abortJob(streamId: string, input?: AbortInput): Promise<AbortResult<Types>>;

  /**
   * Adds to a generation from any replica, in any state in which it is still kept: a title that comes later, an id known once
   * the message is saved. Followers are told what is new, late ones find it in `kept` and `notes`; it has no place in the log,
   * and the producer is not asked. With `generation`, only that one. Of writers to one key the last one wins, a producer
   * included. Bounds are checked by the store, on the record: what makes it no larger is always taken.
   * @returns the record as it is then
   * @throws GenerationJobError `stream_not_found` when there is no such stream or generation, or it is not theirs;
   *   `metadata_too_large`, `notes_limit`: nothing is changed; `invalid_argument`, `invalid_event`, `reserved_event`,
   *   `event_too_large`, `json_too_deep`, `seal_unavailable`; `unavailable`: it may have been written, and may be written again
   * @example
   * const notes = [{ key: 'saved', event: 'saved', data: { id: 7 } }];
   * await manager.annotate('s-1', { generation: job.generation, metadata: { title: 'A story' }, notes });
   */
  annotate(streamId: string, input: AnnotateInput<Types>): Promise<JobRecord<Types>>;

  /**
   * Waits until the settlement of a generation (default: the current one) is over, on whichever replica it is made, and says
   * where it stands then: `settled`, `set_aside`, or, when the time is over first, `open` or `settling`. A generation that
   * runs is waited for as well. Called by the host's `settle` for its own stream, it does not wait. A replica that drains
   * says at once where it stands.
   * @throws GenerationJobError `stream_not_found` when there is no such stream or generation, or it is not theirs, or it is
   *   deleted meanwhile; `invalid_argument`; `unavailable` when the store could not be read; `closed`. The signal's reason,
   *   when it fires
   * @example
   * await manager.abortJob('s-1', { by: 'ann' });
   * const state = await manager.settled('s-1', { timeoutMs: 5_000 });
   * if (state === 'settled') console.log('saved');
   */
  settled(streamId: string, input?: SettledInput): Promise<SettlementState>;

  /**
   * Lists the user's running and paused generations: an array of at most `limit` records (1 to 1,000; default 1,000).
   * When there may be more, its `next` is the `cursor` of the following page. A record that can't be read takes no other
   * one with it: its stream is named in `unread`. On Redis a page costs two round trips, however many jobs it holds.
   * @throws GenerationJobError `invalid_argument` for a limit out of bounds, or a cursor that no page gave;
   *   `invalid_stream_id` for a malformed tenant id; `unavailable`
   */
  listActiveJobs(input: ListActiveJobsInput): Promise<JobPage<Types>>;

  /**
   * Lists jobs for operators: each stream's current generation, with ids, state, age, replica and what it waits for, never
   * with what a user or the host has written. A page looks at `limit` streams (1 to 1,000; default 1,000) and may hold less,
   * or nothing; only the last one has no `next`. A listing is no snapshot: what moves meanwhile may be listed twice. On
   * Redis a page costs two round trips.
   * @throws GenerationJobError `invalid_argument` for an unknown status, a limit out of bounds, or a cursor that no page
   *   gave; `invalid_stream_id` for a malformed tenant id; `unavailable`
   * @example
   * const waiting = await manager.listJobs({ status: 'requires_action', limit: 100 });
   * for (const { streamId, ageMs, pendingAction } of waiting) console.log(streamId, ageMs, pendingAction?.type);
   */
  listJobs(input?: ListJobsInput): Promise<JobSummaryPage>;

  /**
   * Lists ended generations by where their settlement stands, of all users, such as `set_aside`. A page looks at `limit`
   * streams and may hold less, or nothing; only the last one has no `next`. For operators: it reads what it looks at.
   * @throws GenerationJobError `invalid_argument` for a limit out of bounds, or a cursor that no page gave; `unavailable`
   */
  settlements(input: ListSettlementsInput): Promise<JobPage<Types>>;

  /**
   * Tries a settlement now that is open or set aside, unless somebody settles it at this moment. Says whether it is
   * settled then. @throws GenerationJobError `stream_not_found` when there is no such stream or generation, or it is not theirs
   */
  settleAgain(streamId: string, access?: GenerationAccess): Promise<boolean>;

  /**
   * Removes a stream with everything kept of it; its producer stops, its followers end with `gone`. Says whether there was
   * something, of the user named in `access` if one is. A stream whose records can't be read goes too, and `onError` is told.
   * @throws GenerationJobError `store_damaged` when `access` names a user and the stream does not say whose it is: it may be
   *   another's, so only a call without `userId` deletes it · `newer_format` · `unavailable`
   */
  deleteStream(streamId: string, access?: Access): Promise<boolean>;

  /**
   * Removes everything kept of a user that can be removed; says how many streams that were. A stream whose records can't be
   * read goes too, when it stands in the user's index and does not say that it is another's; `onError` is told.
   * @throws DeletionIncompleteError when some streams could not be deleted: it names them, and the same call may be made
   *   again · GenerationJobError `invalid_argument`
   */
  deleteUser(owner: DeletedUser): Promise<number>;

  /** Counts the followers of a stream in this process. @throws GenerationJobError `invalid_stream_id`, `invalid_argument` */
  followerCount(streamId: string, options?: Pick<Access, 'tenantId'>): number;

  /** Counts by status, of this process and of the store. Reads every kept stream: for dashboards, not hot paths. */
  stats(): Promise<Stats>;

  /**
   * Says how this replica is, for a readiness probe. Asks the store (a read) and the transport, and waits for neither longer
   * than 750 ms: what has not answered by then is `failing` with the code `unavailable`. `since` says how long that has been
   * so, as the upkeep and the looks before found it. Of a cluster the store is `ok` as long as a part of it answers. Never
   * rejects.
   * @example
   * app.get('/ready', async (_request, response) => {
   *   const health = await manager.health();
   *   response.status(health.isReady ? 200 : 503).json(health);
   * });
   */
  health(): Promise<Health>;

  /**
   * Takes leave: no new jobs or followers from now on; followers are told to reconnect elsewhere; producers that another replica
   * can go on for are asked to hand over (`job.handover`), the others may finish. What is left after `handOverMs` is cut where
   * it stands and handed over, and what nobody can go on with ends `interrupted` after `graceMs`. Resolves as soon as nothing
   * runs here any more.
   * @throws GenerationJobError `invalid_argument`: nothing has begun then
   */
  drain(options?: DrainInput): Promise<void>;

  /** Drains without grace, stops the upkeep, and closes the store and the transport. Safe to call again. */
  close(): Promise<void>;
}
