/**
 * The face of the library: wires the parts of one process together and delegates. A process makes one and passes it
 * around. It begins its upkeep with `start` (or with the first job), and ends it with `close`.
 */
import { sleep, systemClock, systemEntropy } from '../clock.js';
import { GenerationJobError } from '../errors.js';
import { isTheirs } from './access.js';
import { actionTypesFrom } from './action-types.js';
import { Admission } from './admission.js';
import { ApprovalLifecycle } from './approvals.js';
import { checkCall } from './call-input.js';
import { CommitTurns } from './commit-turns.js';
import type { ContentModel } from './content-model.js';
import { Deletion } from './deletion.js';
import { EmitTurns } from './emit-turns.js';
import { Ender } from './ender.js';
import { ErrorReporter } from './error-reports.js';
import { Followers } from './followers.js';
import { GenerationJob, type JobInput, type JobKeeper } from './generation-job.js';
import { handOutMethods } from './handed-out.js';
import { checkManagerInput } from './host-input.js';
import { IndexKeeper } from './index-keeper.js';
import { LeaseKeeper } from './lease-keeper.js';
import { Listings } from './listings.js';
import { LogReader } from './log-reader.js';
import { safeLogger } from './logger.js';
import type {
  AbortInput,
  AbortResult,
  Access,
  CreateJobInput,
  CreateJobResult,
  JobPage,
  ListActiveJobsInput,
  ListSettlementsInput,
  ManagerInput,
  ResumeState,
  Stats,
  SubscribeOptions,
  SubscribeWithResumeResult,
} from './manager-types.js';
import { safeObserver } from './observer.js';
import { parseOptions } from './options.js';
import { Background, type Parts } from './parts.js';
import { Reaper } from './reaper.js';
import { Recovery } from './recovery.js';
import { Fold, type FoldedState, publicState, resumeState, StateReader } from './resume-state.js';
import { SetAsideCount } from './set-aside-count.js';
import { SetAsideLimit } from './set-aside-limit.js';
import { Settler } from './settlement.js';
import { SlotKeeper } from './slot-keeper.js';
import { StoreClock } from './store-clock.js';
import { streamKey, userKey } from './stream-key.js';
import type { Subscription } from './subscription.js';
import { isActive } from './transitions.js';
import type { JobRecord, Json, StreamKey } from './types.js';
import { UnknownModels } from './unknown-models.js';

/** Less than the 10 s after which supervisors kill, so that what is left can still be handed over or ended. */
const DEFAULT_GRACE_MS = 8_000;
/** What ends and hooks under way have, after the grace time, before they are left behind. */
const LAST_WORD_MS = 5_000;
const INTERRUPTED = { code: 'interrupted', message: 'The server is shutting down.', retryable: true };
const NO_OPTIONS = {};

export class GenerationJobManager {
  static {
    const awaitedOrNot = [
      ...([
        'start',
        'createJob',
        'getJob',
        'getResumeState',
        'getPublicState',
        'subscribeWithResume',
      ] as const),
      ...(['abortJob', 'expireApproval', 'listActiveJobs', 'settlements', 'settleAgain'] as const),
      ...(['deleteStream', 'deleteUser', 'stats'] as const),
      ...(['drain', 'close', 'sweep', 'renewLeases', 'idle'] as const),
    ];
    handOutMethods(GenerationJobManager.prototype, awaitedOrNot, (manager) => manager.#parts);
  }

  readonly approvals: ApprovalLifecycle;
  readonly #parts: Parts;
  readonly #indexes: IndexKeeper;
  readonly #leases: LeaseKeeper;
  readonly #ender: Ender;
  readonly #admission: Admission;
  readonly #deletion: Deletion;
  readonly #followers: Followers;
  readonly #listings: Listings;
  readonly #settler: Settler;
  readonly #setAsideLimit: SetAsideLimit;
  readonly #reaper: Reaper;
  readonly #keeper: JobKeeper;
  #started: Promise<void> | undefined;
  #stopSignals: (() => void) | undefined;
  #draining: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  /** @throws GenerationJobError `invalid_options` for options that are unknown, out of bounds or contradictory */
  constructor(input: ManagerInput) {
    checkManagerInput(input);
    const parts = partsFrom(input);
    this.#parts = parts;
    this.#indexes = new IndexKeeper(parts);
    this.#leases = new LeaseKeeper(parts, this.#indexes);
    this.#settler = new Settler(parts, () => this.#setAsideLimit.added());
    this.#followers = new Followers(parts, this.#indexes);
    this.#listings = new Listings(parts, this.#indexes);
    this.#setAsideLimit = new SetAsideLimit(parts, this.#listings, this.#settler);
    this.#keeper = {
      release: (job) => this.#leases.release(job),
      onStoreDamaged: (job) => {
        parts.background.run(parts.slots.give(job.key, job));
        parts.background.run(this.#ender.endDamaged(job));
      },
      onTransition: (job, name, record) => {
        parts.observer.jobTransitioned(name, record.status);
        if (isActive(record.status)) parts.background.run(parts.slots.give(job.key, job));
        else this.#ender.afterEnd(job.key, record);
      },
    };
    this.#ender = new Ender(parts, {
      leases: this.#leases,
      onEnded: (key, record) => {
        parts.background.run(parts.slots.give(key, record));
        parts.background.run(this.#settler.settle(key, record));
      },
    });
    this.#admission = new Admission(parts, this.#ender);
    this.#deletion = new Deletion(parts, this.#leases, this.#settler);
    const adopt = (key: StreamKey, state: FoldedState, leaseStartedAt: number) =>
      this.#adopt(key, state, leaseStartedAt);
    const recovery = new Recovery(parts, { ender: this.#ender, adopt, isDraining: () => this.isDraining });
    this.approvals = new ApprovalLifecycle(parts, {
      ender: this.#ender,
      adopt,
      letGo: (job) => this.#letGo(job),
      isDraining: () => this.isDraining,
    });
    this.#reaper = new Reaper(parts, {
      leases: this.#leases,
      ender: this.#ender,
      recovery,
      settler: this.#settler,
    });
  }

  /** What the layers around the manager share with it. */
  get parts(): Pick<
    Parts,
    'background' | 'clock' | 'entropy' | 'errors' | 'observer' | 'logger' | 'options'
  > {
    return this.#parts;
  }

  get isDraining(): boolean {
    return this.#draining !== undefined;
  }

  /**
   * Connects the store and the transport and begins the upkeep. Safe to call again.
   * @throws GenerationJobError `unavailable` when the store or the transport can't be reached
   */
  start(): Promise<void> {
    this.#started ??= this.#start().catch((error: unknown) => {
      this.#started = undefined;
      throw error;
    });
    return this.#started;
  }

  /**
   * Starts a generation. Exactly one caller gets the job; who joined gets the record.
   * @throws GenerationJobError `invalid_stream_id`, `invalid_argument`, `metadata_too_large`, `invalid_event`,
   *   `event_too_large`, `json_too_deep`,
   *   `stream_taken`, `user_limit_exceeded`, `capacity_exceeded`, `create_expired`, `unavailable`, `draining`, `closed`;
   *   ConflictError with `onConflict: 'reject'`
   */
  async createJob(input: CreateJobInput): Promise<CreateJobResult> {
    checkCall('create', input);
    this.#throwIfClosed();
    if (this.isDraining) throw new GenerationJobError('draining', 'This replica takes no new jobs.');
    await this.start();
    const admitted = await this.#admission.admit(input);
    if (!admitted.started) return admitted;
    const { key, record, created, leaseStartedAt } = admitted;
    const fold = new Fold(this.#modelOf(record));
    const job = this.#hold(
      { key, record, fold, unfolded: [created], unsnapshotted: 0, merge: input.merge ?? false },
      leaseStartedAt,
    );
    if (this.isDraining) {
      // The drain began while the store answered, and has not seen this job.
      await job.fail(INTERRUPTED).catch((error: unknown) => job.loseLease(error));
      throw new GenerationJobError('draining', 'This replica takes no new jobs.');
    }
    return { started: true, job, record };
  }

  /** The record of the stream's current (or a named, kept) generation; null when there is none, or it is not theirs. */
  async getJob(
    streamId: string,
    access: Access & { generation?: number | undefined } = {},
  ): Promise<JobRecord | null> {
    checkCall('generation', access);
    const key = streamKey(streamId, access.tenantId);
    const [record] = await this.#parts.store.read(key, access.generation ?? 'current');
    if (record === undefined || !isTheirs(record, access)) return null;
    this.#indexes.noticed(key, record);
    return record;
  }

  /**
   * Follows a stream. The subscription is returned at once; `ready` (or the first `next`) rejects when it can't be
   * attached: `stream_not_found`, `invalid_cursor`, `unavailable`.
   * @throws GenerationJobError `invalid_stream_id`, `capacity_exceeded`, `draining`, `closed`
   */
  subscribe(streamId: string, options: SubscribeOptions = NO_OPTIONS): Subscription {
    checkCall('subscribe', options);
    this.#throwIfClosed();
    if (this.isDraining) throw new GenerationJobError('draining', 'This replica takes no new followers.');
    return this.#followers.follow(streamKey(streamId, options.tenantId), options);
  }

  /** Content and lifecycle state at one cursor; null when there is no such stream, or it is not theirs. */
  async getResumeState(
    streamId: string,
    access: Access & { generation?: number | undefined } = {},
  ): Promise<ResumeState | null> {
    checkCall('generation', access);
    const state = await this.#readState(streamId, access);
    return state && resumeState(state);
  }

  /** The same with what clients may see of it: what a `sync` event carries. */
  async getPublicState(
    streamId: string,
    access: Access & { generation?: number | undefined } = {},
  ): Promise<(Omit<ResumeState, 'metadata'> & { readonly metadata: Json }) | null> {
    checkCall('generation', access);
    const state = await this.#readState(streamId, access);
    return state && publicState(state, (record) => this.#followers.publicMetadata(record));
  }

  /** Content, and everything after it with nothing lost or repeated in between. @throws as `subscribe`, and its `ready` */
  async subscribeWithResume(
    streamId: string,
    options: SubscribeOptions = {},
  ): Promise<SubscribeWithResumeResult> {
    checkCall('subscribe', options);
    const { tenantId, userId, generation } = options;
    const state = await this.getResumeState(streamId, { tenantId, userId, generation });
    if (state === null) throw new GenerationJobError('stream_not_found', 'There is no such stream.');
    const subscription = this.subscribe(streamId, {
      ...options,
      generation: state.generation,
      after: state.cursor,
      resume: false,
    });
    await subscription.ready;
    return { state, subscription };
  }

  /**
   * Ends a generation from any replica. It is over when this returns, wherever its producer runs.
   * @throws GenerationJobError `stream_not_found` when there is no such stream or generation, or it is not theirs
   */
  async abortJob(streamId: string, input: AbortInput = {}): Promise<AbortResult> {
    checkCall('abort', input);
    return this.#ender.abort(streamKey(streamId, input.tenantId), input);
  }

  /**
   * Ends a paused generation whose action nobody answered in time, for a submit that comes too late. Says whether this
   * call did; the sweep does the same. @throws GenerationJobError `stream_not_found`
   */
  expireApproval(
    streamId: string,
    access: Access & { actionId?: string | undefined } = {},
  ): Promise<boolean> {
    return this.approvals.expire(streamId, access);
  }

  /**
   * Lists the user's running and paused generations: an array of at most `limit` records (1 to 1,000; default 1,000).
   * When there may be more, its `next` is the `cursor` of the following page. A record that can't be read takes no other
   * one with it: its stream is named in `unread`. On Redis a page costs two round trips, however many jobs it holds.
   * @throws GenerationJobError `invalid_argument` for a limit out of bounds, or a cursor that no page gave;
   *   `invalid_stream_id` for a malformed tenant id; `unavailable`
   */
  listActiveJobs(input: ListActiveJobsInput): Promise<JobPage> {
    checkCall('list', input);
    return this.#listings.activeJobs(input);
  }

  /**
   * Lists ended generations by where their settlement stands, of all users, such as `set_aside`. A page looks at `limit`
   * streams and may hold less, or nothing; only the last one has no `next`. For operators: it reads what it looks at.
   * @throws GenerationJobError `invalid_argument` for a limit out of bounds, or a cursor that no page gave; `unavailable`
   */
  settlements(input: ListSettlementsInput): Promise<JobPage> {
    checkCall('settlements', input);
    return this.#listings.settlements(input);
  }

  /**
   * Tries a settlement now that is open or set aside, unless somebody settles it at this moment. Says whether it is
   * settled then. @throws GenerationJobError `stream_not_found` when there is no such stream or generation, or it is not theirs
   */
  async settleAgain(
    streamId: string,
    access: Access & { generation?: number | undefined } = {},
  ): Promise<boolean> {
    checkCall('generation', access);
    const key = streamKey(streamId, access.tenantId);
    const record = await this.getJob(streamId, access);
    if (record === null) throw new GenerationJobError('stream_not_found', 'There is no such stream.');
    await this.#settler.settle(key, record, true);
    const [now] = await this.#parts.store.read(key, record.generation);
    return now !== undefined && !isActive(now.status) && now.settlement.state === 'settled';
  }

  /**
   * Removes a stream with everything kept of it; its producer stops, its followers end with `gone`. Says whether there was
   * something, of the user named in `access` if one is. A stream whose records can't be read goes too, and `onError` is told.
   * @throws GenerationJobError `store_damaged` when `access` names a user and the stream does not say whose it is: it may be
   *   another's, so only a call without `userId` deletes it · `newer_format` · `unavailable`
   */
  async deleteStream(streamId: string, access: Access = {}): Promise<boolean> {
    checkCall('access', access);
    return this.#deletion.ofStream(streamKey(streamId, access.tenantId), access);
  }

  /**
   * Removes everything kept of a user that can be removed; says how many streams that were. A stream whose records can't be
   * read goes too, when it stands in the user's index and does not say that it is another's; `onError` is told.
   * @throws DeletionIncompleteError when some streams could not be deleted: it names them, and the same call may be made again;
   *   GenerationJobError `invalid_argument`
   */
  async deleteUser(owner: { userId: string; tenantId?: string | undefined }): Promise<number> {
    checkCall('owner', owner);
    return this.#deletion.ofUser(userKey(owner.userId, owner.tenantId));
  }

  /** Counts the followers of a stream in this process. @throws GenerationJobError `invalid_stream_id`, `invalid_argument` */
  followerCount(streamId: string, options: Pick<Access, 'tenantId'> = NO_OPTIONS): number {
    checkCall('tenant', options);
    return this.#followers.count(streamKey(streamId, options.tenantId));
  }

  /** Counts by status, of this process and of the store. Reads every kept stream: for dashboards, not hot paths. */
  async stats(): Promise<Stats> {
    return {
      process: {
        producing: this.#leases.size,
        followedStreams: this.#followers.streams,
        followers: this.#followers.size,
        draining: this.isDraining,
      },
      global: await this.#listings.counts(),
    };
  }

  /**
   * Takes leave: no new jobs or followers from now on; followers are told to reconnect elsewhere; producers may finish
   * within `graceMs` (0 to 24 h; default 8 s), then are handed over to a replica that can recover them, or end
   * `interrupted`. @throws GenerationJobError `invalid_argument`: nothing has begun then
   */
  drain(options: { graceMs?: number | undefined } = {}): Promise<void> {
    checkCall('drain', options);
    this.#draining ??= this.#drain(options.graceMs ?? DEFAULT_GRACE_MS);
    return this.#draining;
  }

  /** Drains without grace, stops the upkeep, and closes the store and the transport. Safe to call again. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  // --- for tests and for hosts that run the upkeep by their own schedule

  /** One look at everything that is due. */
  async sweep(): Promise<void> {
    await this.#reaper.sweep();
  }

  /** One renewal of every lease this process holds. */
  async renewLeases(): Promise<void> {
    await this.#leases.renew();
  }

  /** Resolves when nothing runs in the background: no settlement, recovery, snapshot or poll. */
  async idle(): Promise<void> {
    await this.#parts.background.idle();
  }

  // --- inside

  async #start(): Promise<void> {
    const { store, transport, errors } = this.#parts;
    await store.start((error) => errors.report({ where: 'store', error }));
    await transport.start((error) => errors.report({ where: 'transport', error }));
    this.#stopSignals = transport.onSignal(({ key, generation }) => {
      const job = this.#leases.find(key, generation);
      // The signal only makes it quick: what happened is asked of the store.
      if (job) this.#parts.background.run(this.#leases.check(job));
    });
    this.#reaper.start();
    this.#indexes.start();
  }

  async #drain(graceMs: number): Promise<void> {
    const { background } = this.#parts;
    this.#followers.closeAll('draining');
    if (graceMs > 0) await this.#atMost(graceMs, this.#leases.idle());
    const letGo = this.#leases.jobs.map((job) => this.#letGo(job));
    await this.#atMost(LAST_WORD_MS, Promise.all(letGo));
    await this.#atMost(LAST_WORD_MS, background.idle());
    this.#settler.stop();
    this.#setAsideLimit.stop();
  }

  /** Hands a job over to a replica that can recover it, or ends it. Never rejects. */
  async #letGo(job: GenerationJob): Promise<void> {
    const { store, hooks } = this.#parts;
    if (job.isEnding) return job.whenOver(); // its own end is on its way: nothing may take its place
    const handsOver = store.shared && hooks.recover !== undefined;
    await (handsOver ? this.#leases.handOver(job) : job.fail(INTERRUPTED)).catch((error: unknown) =>
      job.loseLease(error),
    );
  }

  /** Waits for `work`, but no longer than `ms`. */
  async #atMost(ms: number, work: Promise<unknown>): Promise<void> {
    const over = new AbortController();
    await Promise.race([work, sleep(this.#parts.clock, ms, over.signal)]);
    over.abort();
  }

  async #close(): Promise<void> {
    const { store, transport } = this.#parts;
    this.#reaper.stop();
    this.#indexes.stop();
    await this.drain({ graceMs: 0 });
    this.#stopSignals?.();
    await transport.close();
    await store.close();
    this.#parts.errors.close();
  }

  async #readState(
    streamId: string,
    access: Access & { generation?: number | undefined },
  ): Promise<FoldedState | null> {
    const { clock, observer, states } = this.#parts;
    const startedAt = clock.monotonic();
    const key = streamKey(streamId, access.tenantId);
    const state = await states.read(key, access.generation);
    if (state === null || !isTheirs(state.record, access)) return null;
    this.#indexes.noticed(key, state.record);
    observer.resumed(state.snapshotSize + state.tailSize, clock.monotonic() - startedAt);
    return state;
  }

  #adopt(key: StreamKey, state: FoldedState, leaseStartedAt: number): GenerationJob {
    const fold = new Fold(this.#modelOf(state.record), {
      sequence: state.sequence,
      content: JSON.stringify(state.content ?? null),
      kept: state.kept,
      missing: state.missing,
    });
    const { record, tailSize } = state;
    return this.#hold(
      { key, record, fold, unfolded: [], unsnapshotted: tailSize, merge: false },
      leaseStartedAt,
    );
  }

  #hold(input: Omit<JobInput, 'leaseDeadline'>, leaseStartedAt: number): GenerationJob {
    const leaseDeadline = leaseStartedAt + this.#parts.options.leaseMs;
    const job = new GenerationJob(this.#parts, this.#keeper, { ...input, leaseDeadline });
    this.#leases.hold(job);
    return job;
  }

  #modelOf(record: JobRecord): ContentModel | undefined {
    return record.contentModel === undefined ? undefined : this.#parts.models.get(record.contentModel);
  }

  #throwIfClosed(): void {
    if (this.#closed) throw new GenerationJobError('closed', 'The manager has been closed.');
  }
}

function partsFrom(input: ManagerInput): Parts {
  const { hooks = {}, clock = systemClock } = input;
  const options = parseOptions(input.options, input.jobStore);
  const observer = safeObserver(input.observer, (error) => errors.report({ where: 'observer', error }));
  const logger = safeLogger(input.logger, (error) => {
    observer.hookFailed('logger');
    errors.report({ where: 'logger', error });
  });
  const errors = new ErrorReporter({
    onError: hooks.onError && ((report) => hooks.onError?.(report)),
    logger: input.logger && logger,
    logErrors: options.logErrors,
    clock,
    hookFailed: (hook) => observer.hookFailed(hook),
  });
  const log = new LogReader(input.jobStore, observer, errors);
  const models = new Map(input.contentModels?.map((model) => [model.name, model]));
  const store = input.jobStore;
  const storeClock = new StoreClock({ store, clock, options, observer, errors });
  return {
    store,
    transport: input.eventTransport,
    storeClock,
    log,
    states: new StateReader(log, models, options),
    options,
    models,
    unknownModels: new UnknownModels({ models, options, storeClock, observer, errors }),
    actionTypes: actionTypesFrom(input.actionTypes),
    slots: new SlotKeeper({ store: input.jobStore, options }),
    setAside: new SetAsideCount(observer),
    hooks,
    observer,
    logger,
    errors,
    clock,
    emitTurns: new EmitTurns(clock, options.limits.turnEvents),
    commitTurns: new CommitTurns({ clock, store, options }),
    entropy: input.entropy ?? systemEntropy,
    background: new Background((error) => errors.report({ where: 'background', error })),
  };
}
