/**
 * The face of the library: wires the parts of one process together and delegates. What each call promises stands at
 * the interface.
 */
import { GenerationJobError } from '../errors.js';
import { ApprovalLifecycle } from './approvals/approvals.js';
import type { FeedFollower } from './following/feed-follower.js';
import { Feeds } from './following/feeds.js';
import { Followers } from './following/followers.js';
import { followFromState } from './following/resumed.js';
import { markSeen } from './following/seen.js';
import type { StreamFollower } from './following/stream-follower.js';
import type {
  CreateJobInput,
  CreateJobResult,
  EnqueueJobInput,
  QueuedJobResult,
} from './interfaces/create-job.js';
import type { FeedSubscription, MarkSeenInput, SubscribeUserInput } from './interfaces/feed.js';
import type {
  GenerationJobManagerConstructor,
  GenerationJobManager as ManagerFace,
} from './interfaces/generation-job-manager.js';
import type { GenerationSummary, StateAccess } from './interfaces/kept-generations.js';
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
} from './interfaces/manager-types.js';
import type { Health, JobSummaryPage, ListJobsInput } from './interfaces/operators.js';
import type { Report } from './interfaces/report.js';
import type { AbortInput, AbortResult, DrainInput, SettledInput } from './interfaces/stopping.js';
import type { Upkeep } from './interfaces/upkeep.js';
import type { Admission } from './lifecycle/admission.js';
import { annotate } from './lifecycle/annotations.js';
import { AttemptEnds } from './lifecycle/attempt-ends.js';
import { Beginnings } from './lifecycle/beginnings.js';
import { hearSignals } from './lifecycle/control-signals.js';
import { Deletion } from './lifecycle/deletion.js';
import { Ender } from './lifecycle/ender.js';
import { GenerationReads } from './lifecycle/generation-reads.js';
import { JobSummaries } from './lifecycle/job-summaries.js';
import { LAST_WORD_MS, takeLeave } from './lifecycle/leave-taking.js';
import { Listings } from './lifecycle/listings.js';
import { PauseNotices } from './lifecycle/pause-notices.js';
import type { Queues } from './lifecycle/queues.js';
import { Reaper } from './lifecycle/reaper.js';
import { Recovery } from './lifecycle/recovery.js';
import { Senders } from './lifecycle/senders.js';
import { SetAsideLimit } from './lifecycle/set-aside-limit.js';
import { Settler } from './lifecycle/settlement.js';
import { SettlementWaits } from './lifecycle/settlement-waits.js';
import type { Access } from './model/access.js';
import type { HostTypes, Untyped } from './model/host-types.js';
import type { PublicState, ResumeState } from './model/lifecycle-payloads.js';
import { publicState, resumeState } from './model/resume-state.js';
import type { SettlementState } from './model/settlement-state.js';
import { streamKey, userKey } from './model/stream-key.js';
import type { JobRecord } from './model/types.js';
import { atMost } from './process/at-most.js';
import { checkCall } from './process/call-input.js';
import { connect } from './process/connect.js';
import { handOutMethods } from './process/handed-out.js';
import { HealthCheck } from './process/health-check.js';
import { checkManagerInput } from './process/host-input.js';
import { IndexKeeper } from './process/index-keeper.js';
import { type Internals, internalsOf, shareInternals } from './process/internals.js';
import type { Parts } from './process/parts.js';
import { partsFrom } from './process/parts-from.js';
import type { JobHandle } from './producing/job-handle.js';
import { LeaseKeeper } from './producing/lease-keeper.js';
import { Producers } from './producing/producers.js';
import { RemoteAttempts } from './producing/remote-attempts.js';

const NO_OPTIONS = {};

export type GenerationJobManager<Types extends HostTypes = Untyped> = ManagerFace<Types>;

export const GenerationJobManager = class GenerationJobManager implements ManagerFace {
  static {
    const awaitedOrNot = [
      ...(['start', 'createJob', 'getJob', 'getGenerations', 'openSealed', 'getResumeState'] as const),
      ...(['getPublicState', 'subscribeWithResume', 'abortJob', 'settled', 'listActiveJobs'] as const),
      ...(['listJobs', 'settlements', 'settleAgain', 'deleteStream', 'deleteUser', 'stats'] as const),
      ...(['health', 'annotate', 'markSeen', 'drain', 'close'] as const),
    ];
    handOutMethods(GenerationJobManager.prototype, awaitedOrNot, (manager) => manager.#parts);
  }

  readonly approvals: ApprovalLifecycle;
  readonly inbox: Senders;
  readonly queue: Queues;
  readonly upkeep: Upkeep;
  readonly #parts: Parts;
  readonly #indexes: IndexKeeper;
  readonly #leases: LeaseKeeper;
  readonly #producers: Producers;
  readonly #ender: Ender;
  readonly #admission: Admission;
  readonly #deletion: Deletion;
  readonly #followers: Followers;
  readonly #feeds: Feeds;
  readonly #reads: GenerationReads;
  readonly #listings: Listings;
  readonly #summaries: JobSummaries;
  readonly #settler: Settler;
  readonly #notices: PauseNotices;
  readonly #settlements: SettlementWaits;
  readonly #setAsideLimit: SetAsideLimit;
  readonly #reaper: Reaper;
  readonly #healthCheck: HealthCheck;
  /** One for all tries to start, since a store keeps what it is given. */
  readonly #reportStore: Report = (error) => this.#parts.errors.report({ where: 'store', error });
  #started: Promise<void> | undefined;
  /** The time of the start, by wall time. */
  #startedAt: number | undefined;
  #stopSignals: (() => void) | undefined;
  #draining: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(input: ManagerInput) {
    checkManagerInput(input);
    const parts = partsFrom(input);
    this.#parts = parts;
    this.#indexes = new IndexKeeper(parts);
    this.#leases = new LeaseKeeper(parts, this.#indexes);
    this.#settler = new Settler(parts, {
      onSetAside: () => this.#setAsideLimit.added(),
      onSettled: (key) => beginnings.starts.soon(key),
    });
    this.#followers = new Followers(parts, this.#indexes);
    this.#feeds = new Feeds(parts);
    this.#reads = new GenerationReads(parts, this.#indexes);
    this.#notices = new PauseNotices(parts, this.#followers);
    this.#listings = new Listings(parts, this.#indexes);
    this.#healthCheck = new HealthCheck(parts);
    this.#summaries = new JobSummaries(parts, this.#indexes);
    this.#setAsideLimit = new SetAsideLimit(parts, this.#listings, this.#settler);
    this.#settlements = new SettlementWaits(parts, this.#followers, this.#settler);
    this.#ender = new Ender(parts, {
      leases: this.#leases,
      settlements: this.#settlements,
      queues: { clear: (key, userId) => this.queue.clear(key, userId) },
      onEnded: (key, record) => {
        parts.background.run(parts.slots.give(key, record));
        parts.background.run(this.#settler.settle(key, record));
      },
    });
    const [ender, notices, settler] = [this.#ender, this.#notices, this.#settler];
    const { onTransition, onLeft } = new AttemptEnds(parts, { ender, notices, settler });
    const remote = new RemoteAttempts(parts, {
      ...{ indexes: this.#indexes, onTransition, onLeft },
      onDead: (key, record) => recovery.recover(key, record, record.leaseUntil),
    });
    const [follow, followUser] = [this.#follow.bind(this), this.#followUser.bind(this)];
    const internals: Internals = { ...parts, follow, followUser, remote };
    this.#producers = new Producers(parts, this.#leases, {
      onTransition,
      onLeft,
      onTaken: (job) => void shareInternals(job, internals),
      onStoreDamaged: (job) => parts.background.run(this.#endDamaged(job)),
    });
    const [leases, followers, producers] = [this.#leases, this.#followers, this.#producers];
    const beginnings = new Beginnings(parts, { ender, followers, producers });
    const { admission, changes, queues, starts, succession } = beginnings;
    const recovery = new Recovery(parts, ender, producers, succession);
    this.#admission = admission;
    this.queue = queues;
    this.#deletion = new Deletion(parts, { leases, settler, queues: changes });
    this.approvals = new ApprovalLifecycle(parts, { ender, producers });
    this.inbox = new Senders(parts, this.#leases);
    this.#reaper = new Reaper(parts, { leases, ender, recovery, settler, notices, starts, followers });
    this.upkeep = {
      sweep: () => this.#reaper.sweep(),
      renewLeases: () => this.#leases.renew(),
      idle: () => parts.background.idle(),
    };
    shareInternals(this, internals);
  }

  get isDraining(): boolean {
    return this.#producers.isDraining;
  }

  start(): Promise<void> {
    this.#started ??= this.#start().catch((error: unknown) => {
      this.#started = undefined;
      throw error;
    });
    return this.#started;
  }

  createJob(input: EnqueueJobInput): Promise<CreateJobResult | QueuedJobResult>;
  createJob(input: CreateJobInput): Promise<CreateJobResult>;
  async createJob(input: CreateJobInput | EnqueueJobInput): Promise<CreateJobResult | QueuedJobResult> {
    checkCall('create', input);
    this.#throwIfClosed();
    this.#producers.throwIfDraining();
    await this.start();
    this.#settler.throwIfAwaitingItself(input);
    return this.#admission.create(input);
  }

  async getJob(streamId: string, access: GenerationAccess = NO_OPTIONS): Promise<JobRecord | null> {
    checkCall('generation', access);
    return this.#reads.record(streamId, access);
  }

  async getGenerations(streamId: string, access: Access = NO_OPTIONS): Promise<readonly GenerationSummary[]> {
    checkCall('access', access);
    return this.#reads.list(streamId, access);
  }

  async openSealed(record: JobRecord): Promise<JobRecord> {
    checkCall('record', record);
    return this.#parts.seals.opener().record(record);
  }

  subscribe(streamId: string, options: SubscribeOptions = NO_OPTIONS): StreamFollower {
    return shareInternals(this.#follow(streamId, options), internalsOf(this));
  }

  subscribeUser(input: SubscribeUserInput): FeedSubscription {
    const follower = this.#followUser(input);
    return shareInternals(follower as unknown as FeedSubscription, internalsOf(this)); // what it reads are a feed's events
  }

  async markSeen(input: MarkSeenInput): Promise<number> {
    checkCall('seen', input);
    return markSeen(this.#parts, input);
  }

  async getResumeState(streamId: string, access: StateAccess = NO_OPTIONS): Promise<ResumeState | null> {
    checkCall('state', access);
    const state = await this.#reads.state(streamId, access);
    return state && resumeState(state);
  }

  async getPublicState(streamId: string, access: StateAccess = NO_OPTIONS): Promise<PublicState | null> {
    checkCall('state', access);
    const state = await this.#reads.state(streamId, access);
    return state && publicState(state, (record) => this.#followers.publicMetadata(record));
  }

  async subscribeWithResume(
    streamId: string,
    options: SubscribeOptions = NO_OPTIONS,
  ): Promise<SubscribeWithResumeResult> {
    checkCall('subscribe', options);
    return followFromState(this, streamId, options);
  }

  async abortJob(streamId: string, input: AbortInput = NO_OPTIONS): Promise<AbortResult> {
    checkCall('abort', input);
    return this.#ender.abort(streamKey(streamId, input.tenantId), input);
  }

  async annotate(streamId: string, input: AnnotateInput): Promise<JobRecord> {
    checkCall('annotate', input);
    return annotate(this.#parts, streamKey(streamId, input.tenantId), input);
  }

  async settled(streamId: string, input: SettledInput = NO_OPTIONS): Promise<SettlementState> {
    checkCall('settled', input);
    this.#throwIfClosed();
    return this.#settlements.stateOf(streamKey(streamId, input.tenantId), input);
  }

  async listActiveJobs(input: ListActiveJobsInput): Promise<JobPage> {
    checkCall('list', input);
    return this.#listings.activeJobs(input);
  }

  async listJobs(input: ListJobsInput = NO_OPTIONS): Promise<JobSummaryPage> {
    checkCall('jobs', input);
    return this.#summaries.list(input);
  }

  async settlements(input: ListSettlementsInput): Promise<JobPage> {
    checkCall('settlements', input);
    return this.#listings.settlements(input);
  }

  async settleAgain(streamId: string, access: GenerationAccess = NO_OPTIONS): Promise<boolean> {
    checkCall('generation', access);
    const record = await this.getJob(streamId, access);
    if (record === null) throw new GenerationJobError('stream_not_found', 'There is no such stream.');
    return this.#settler.again(streamKey(streamId, access.tenantId), record);
  }

  async deleteStream(streamId: string, access: Access = NO_OPTIONS): Promise<boolean> {
    checkCall('access', access);
    return this.#deletion.ofStream(streamKey(streamId, access.tenantId), access);
  }

  async deleteUser(owner: DeletedUser): Promise<number> {
    checkCall('owner', owner);
    return this.#deletion.ofUser(userKey(owner.userId, owner.tenantId));
  }

  followerCount(streamId: string, options: Pick<Access, 'tenantId'> = NO_OPTIONS): number {
    checkCall('tenant', options);
    return this.#followers.count(streamKey(streamId, options.tenantId));
  }

  async stats(): Promise<Stats> {
    return {
      process: {
        ...{ producing: this.#leases.size, draining: this.isDraining },
        ...{ followedStreams: this.#followers.streams, followers: this.#followers.size },
      },
      global: await this.#listings.counts(),
    };
  }

  async health(): Promise<Health> {
    const startedAt = this.#startedAt;
    const isOpen = startedAt !== undefined && this.#closed === undefined;
    return this.#healthCheck.report({ isOpen, isDraining: this.isDraining, startedAt });
  }

  drain(options: DrainInput = NO_OPTIONS): Promise<void> {
    checkCall('drain', options);
    this.#draining ??= this.#drain(options);
    return this.#draining;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #follow(streamId: string, options: SubscribeOptions): StreamFollower {
    checkCall('subscribe', options);
    this.#throwIfClosed();
    if (this.isDraining) throw new GenerationJobError('draining', 'This replica takes no new followers.');
    return this.#followers.follow(streamKey(streamId, options.tenantId), options);
  }

  #followUser(input: SubscribeUserInput): FeedFollower {
    checkCall('user', input);
    this.#throwIfClosed();
    if (this.isDraining) throw new GenerationJobError('draining', 'This replica takes no new followers.');
    return this.#feeds.follow(input);
  }

  async #start(): Promise<void> {
    const { clock } = this.#parts;
    await connect(this.#parts, this.#reportStore, () => this.#throwIfClosed());
    const [leases, producers, reaper] = [this.#leases, this.#producers, this.#reaper];
    this.#stopSignals = hearSignals(this.#parts, { leases, producers, reaper });
    this.#reaper.start();
    this.#indexes.start();
    this.#startedAt = clock.now();
  }

  /** Ends what the store refuses for good; when it can't, the followers here are told by the error. */
  async #endDamaged(claim: JobHandle): Promise<void> {
    const { background, slots } = this.#parts;
    background.run(slots.give(claim.key, claim));
    await this.#ender.endDamaged(claim).catch((error: unknown) => {
      this.#followers.failUnlessPassing(claim.key, error);
      throw error;
    });
  }

  #drain(options: DrainInput): Promise<void> {
    const [producers, followers, feeds] = [this.#producers, this.#followers, this.#feeds];
    const [leases, settler, others] = [this.#leases, this.#settler, [this.#notices, this.#setAsideLimit]];
    return takeLeave(this.#parts, { producers, followers, feeds, leases, settler, others }, options);
  }

  async #close(): Promise<void> {
    const { store, transport, clock } = this.#parts;
    this.#reaper.stop();
    this.#indexes.stop();
    await this.drain({ graceMs: 0 });
    // One that is under way ends by itself, and would open what is closed here.
    await atMost(clock, LAST_WORD_MS, Promise.allSettled([this.#started]));
    this.#stopSignals?.();
    await transport.close();
    await store.close();
    this.#parts.errors.close();
  }

  #throwIfClosed(): void {
    if (this.#closed) throw new GenerationJobError('closed', 'The manager has been closed.');
  }
} as GenerationJobManagerConstructor;
