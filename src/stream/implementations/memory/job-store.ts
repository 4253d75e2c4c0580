/**
 * The store for one process: every method is one synchronous step behind a promise, which is all the atomicity the
 * contract asks for. One store may be given to several managers, which then behave like replicas.
 */

import { z } from 'zod';
import { type Clock, systemClock } from '../../../clock.js';
import type {
  Commit,
  CommitReply,
  CreateReply,
  CreateRequest,
  SenderCommit,
} from '../../interfaces/commits.js';
import type {
  DeleteRequest,
  JobStore,
  LeaseClaim,
  OwnedStream,
  Page,
  PageRequest,
  RenewAnswer,
} from '../../interfaces/job-store.js';
import type { LogPage, ReadLogRequest } from '../../interfaces/log-pages.js';
import { clockSchema } from '../../model/host-values.js';
import type { StoredReceipt } from '../../model/receipt.js';
import { ownerOf } from '../../model/stream-key.js';
import { parseStrictly } from '../../model/strict.js';
import { isActive } from '../../model/transitions.js';
import type { JobRecord, Snapshot, StreamKey, UserKey } from '../../model/types.js';
import { placeOf } from '../listing-place.js';
import { InMemoryGeneration } from './generation.js';
import { InMemoryDueIndex, InMemoryUserSlots, nameOf, pageOf } from './indexes.js';
import { InMemoryJobQueues } from './queues.js';
import { InMemoryUserFeeds } from './user-feeds.js';

interface Stream {
  /** Kept generations, oldest first; the last one is current. */
  readonly generations: InMemoryGeneration[];
}

const DEFAULT_MAX_STREAMS = 10_000;

export const memoryOptionsSchema = z.strictObject({
  clock: clockSchema.optional(),
  maxStreams: z.number().int().min(1).optional(),
});

export class InMemoryJobStore implements JobStore {
  readonly kind = 'memory';
  readonly shared = false;
  /** Holds what is due on which stream, in memory. */
  readonly due: InMemoryDueIndex;
  /** Names who produces how much at once, in memory. */
  readonly slots: InMemoryUserSlots;
  /** Keeps what became of each user's streams, in memory. */
  readonly feeds: InMemoryUserFeeds;
  /** Keeps the runs that wait for their turn, in memory. */
  readonly queues: InMemoryJobQueues;
  readonly #streams = new Map<string, Stream>();
  readonly #users = new Map<string, Map<string, StreamKey>>();
  readonly #clock: Clock;
  /** Wall time less monotonic time when the store was made: from then on nobody sets its clock. */
  readonly #offset: number;
  readonly #maxStreams: number;
  /**
   * The last one of the whole store: so a number never repeats, even on a stream that was deleted in this millisecond.
   */
  #lastGeneration = 0;

  /**
   * @param options.maxStreams how many streams may be kept at once; 1 or more, default 10,000; a create beyond it is refused
   * @throws GenerationJobError `invalid_options`
   */
  constructor(options: { readonly clock?: Clock; readonly maxStreams?: number } = {}) {
    parseStrictly('invalid_options', memoryOptionsSchema, options, 'options');
    this.#clock = options.clock ?? systemClock;
    this.#offset = this.#clock.now() - this.#clock.monotonic();
    this.#maxStreams = options.maxStreams ?? DEFAULT_MAX_STREAMS;
    this.due = new InMemoryDueIndex(() => this.now());
    this.slots = new InMemoryUserSlots(() => this.now());
    this.feeds = new InMemoryUserFeeds(() => this.now());
    this.queues = new InMemoryJobQueues(() => this.now(), {
      ownerOf: (key) => this.#ownerOf(key),
      hasStarted: (key, queueId) => this.#findCreated(key, queueId) !== undefined,
      mayAdd: (others) => this.#streams.size + others < this.#maxStreams,
      began: (key, userId) => this.#index(key, userId),
      gone: (key, userId) => {
        if (this.#ownerOf(key) !== userId) this.#unindex(key, userId);
      },
    });
  }

  async start(): Promise<void> {}

  now(): number {
    return Math.floor(this.#offset + this.#clock.monotonic()); // generations and cursors are whole numbers
  }

  async create(request: CreateRequest): Promise<CreateReply> {
    const now = this.now();
    const { replaces, expects, start } = request;
    const stream = this.#streams.get(request.key.id);
    const current = stream?.generations.at(-1);
    const own = this.#findCreated(request.key, request.callId);
    if (own && start && own.startId !== start.startId) return { outcome: 'started', record: own.record() };
    if (own) return { outcome: 'created', record: own.record(), frames: [] };
    if (now > request.notAfter) return { outcome: 'expired', now };
    if (current && current.userId !== request.userId) return { outcome: 'taken' };
    if (start && !this.queues.waits(request)) return { outcome: 'unqueued' };
    const sameKey =
      request.idempotencyKey !== undefined &&
      stream?.generations.find((one) => one.idempotencyKey === request.idempotencyKey);
    if (sameKey) return { outcome: 'joined', record: sameKey.record() };
    if (current && expects !== undefined && current.generation > (expects?.generation ?? 0)) {
      return { outcome: 'unexpected', record: current.record() };
    }
    const active = current && isActive(current.status) ? current : undefined;
    if (active && (active.generation !== replaces?.generation || active.isBeyond(replaces.describedFrom))) {
      return { outcome: 'conflict', record: active.record() };
    }
    if (!stream && this.#streams.size >= this.#maxStreams) return { outcome: 'full' };

    const frames = [];
    if (active && replaces) frames.push(active.replaceBy(replaces, request.settles, now));
    this.#lastGeneration = Math.max(now, this.#lastGeneration + 1);
    const created = new InMemoryGeneration(request, this.#lastGeneration, now);
    frames.push(created.lastFrame());
    if (stream) stream.generations.push(created);
    else this.#add(request, created);
    if (start) this.queues.take(request);
    return { outcome: 'created', record: created.record(), replaced: active?.record(), frames };
  }

  async commit(commit: Commit): Promise<CommitReply> {
    const stream = this.#streams.get(commit.key.id);
    if (commit.writer === 'sender') return this.#send(commit, stream);
    const generation = stream?.generations.find((one) => one.generation === commit.generation);
    if (stream === undefined || generation === undefined) return { ok: false, refusal: 'gone' };
    switch (commit.writer) {
      case 'producer': {
        const reply = generation.commitProducer(commit, this.now());
        const isOld = generation !== stream.generations.at(-1);
        return !reply.ok && reply.refusal === 'ended' && isOld ? { ...reply, refusal: 'replaced' } : reply;
      }
      case 'other':
        return generation.commitOther(commit, this.now());
      case 'describer':
        return generation.hold(commit.forMs, this.now());
      case 'settler':
        return generation.commitSettlement(commit, this.now());
      case 'annotator':
        return generation.commitAnnotation(commit);
      case 'leaver':
        return generation.commitLeaver(commit, this.now());
      case 'receipts': {
        const reply = generation.commitReceipt(commit, this.now());
        const isOld = generation !== stream.generations.at(-1);
        return !reply.ok && reply.refusal === 'ended' && isOld ? { ...reply, refusal: 'replaced' } : reply;
      }
    }
  }

  async read(key: StreamKey, which: 'current' | 'kept' | number): Promise<readonly JobRecord[]> {
    const kept = this.#streams.get(key.id)?.generations ?? [];
    if (which === 'kept') return kept.map((one) => one.record()).reverse();
    const wanted = which === 'current' ? kept.at(-1) : kept.find((one) => one.generation === which);
    return wanted ? [wanted.record()] : [];
  }

  async receipts(key: StreamKey, generation: number, request: PageRequest): Promise<Page<StoredReceipt>> {
    return this.#find(key, generation)?.receipts.page(request) ?? { entries: [] };
  }

  async readLog(request: ReadLogRequest): Promise<LogPage> {
    const kept = this.#streams.get(request.key.id)?.generations ?? [];
    const current = kept.at(-1);
    const index = kept.findIndex((one) => one.generation === (request.generation ?? current?.generation));
    const wanted = kept[index];
    if (current === undefined || wanted === undefined)
      return { found: false, userId: current?.userId, currentGeneration: current?.generation };
    return {
      ...wanted.page(request),
      currentGeneration: current.generation,
      nextGeneration: kept[index + 1]?.generation,
    };
  }

  async saveSnapshot(request: {
    key: StreamKey;
    generation: number;
    attempt: number;
    snapshot: Snapshot;
    trim: boolean;
  }): Promise<boolean> {
    const generation = this.#find(request.key, request.generation);
    return generation?.saveSnapshot(request.attempt, request.snapshot, request.trim) ?? false;
  }

  async renew(claims: readonly LeaseClaim[], leaseMs: number): Promise<readonly RenewAnswer[]> {
    const now = this.now();
    return claims.map(
      (claim) => this.#find(claim.key, claim.generation)?.renew(claim, leaseMs, now) ?? 'gone',
    );
  }

  async listByUser(user: UserKey, request: PageRequest): Promise<Page<OwnedStream>> {
    const keys = [...(this.#users.get(nameOf(user))?.values() ?? [])];
    const { entries, next } = pageOf(keys, ({ streamId }) => ({ score: 0, name: streamId }), request);
    const owned = entries.map((key) => {
      const current = this.#streams.get(key.id)?.generations.at(-1)?.record();
      return { key, current, place: placeOf(0, key.streamId) };
    });
    return { entries: owned, next };
  }

  async delete(key: StreamKey, which: DeleteRequest = {}): Promise<boolean | 'settling'> {
    const { endedGeneration, whileSettling = false, ownedBy, remainsOnly = false } = which;
    const stream = this.#streams.get(key.id);
    if (stream === undefined || remainsOnly) return false;
    if (ownedBy !== undefined && stream.generations[0]?.userId !== ownedBy) return false;
    if (endedGeneration !== undefined) {
      const index = stream.generations.findIndex((one) => one.generation === endedGeneration);
      const ended = stream.generations[index];
      if (ended === undefined || isActive(ended.status)) return false;
      // The newest one stays while older ones are kept: it says which generation is current.
      if (stream.generations.length > 1) {
        if (index === stream.generations.length - 1) return false;
        stream.generations.splice(index, 1);
        return true;
      }
    }
    const now = this.now();
    if (!whileSettling && stream.generations.some((one) => one.isBeingSettled(now))) return 'settling';
    this.#remove(key);
    return true;
  }

  /** Nothing to let go of: what it holds goes with the object, and other managers may still use it. */
  async close(): Promise<void> {}

  #find(key: StreamKey, generation: number): InMemoryGeneration | undefined {
    return this.#streams.get(key.id)?.generations.find((one) => one.generation === generation);
  }

  #send(commit: SenderCommit, stream: Stream | undefined): CommitReply {
    const { generation, ownedBy, isRepeat, step } = commit;
    const current = stream?.generations.at(-1);
    const named = generation === undefined ? current : this.#find(commit.key, generation);
    if (named === undefined || (ownedBy !== undefined && named.userId !== ownedBy))
      return { ok: false, refusal: 'gone' };
    // A call that got no answer may have reached a generation that is not current any more.
    const messageId = isRepeat && generation === undefined && 'messageId' in step && step.messageId;
    const reached = messageId && stream?.generations.find((one) => one.knowsMessage(messageId));
    const meant = reached || named;
    return meant.commitSender(commit, meant === current, this.now());
  }

  #findCreated(key: StreamKey, callId: string): InMemoryGeneration | undefined {
    return this.#streams.get(key.id)?.generations.find((one) => one.createId === callId);
  }

  /** Names whose the stream is that is kept. */
  #ownerOf(key: StreamKey): string | undefined {
    return this.#streams.get(key.id)?.generations[0]?.userId;
  }

  #add(request: CreateRequest, created: InMemoryGeneration): void {
    this.#streams.set(request.key.id, { generations: [created] });
    this.#index(request.key, request.userId);
  }

  #remove(key: StreamKey): void {
    const userId = this.#ownerOf(key) ?? '';
    this.#streams.delete(key.id);
    this.due.remove(key);
    if (this.queues.ownerOf(key) !== userId) this.#unindex(key, userId);
  }

  #index(key: StreamKey, userId: string): void {
    const name = nameOf(ownerOf(key, userId));
    const owned = this.#users.get(name) ?? new Map<string, StreamKey>();
    this.#users.set(name, owned.set(key.id, key));
  }

  #unindex(key: StreamKey, userId: string): void {
    const name = nameOf(ownerOf(key, userId));
    const owned = this.#users.get(name);
    owned?.delete(key.id);
    if (owned?.size === 0) this.#users.delete(name);
  }
}
