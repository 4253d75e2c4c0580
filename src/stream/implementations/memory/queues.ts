/**
 * The queues of streams in memory. A queue that is empty stays for a day, as one does whose runs were handed back, so that who
 * reads it late learns its revision; the user's index has its stream as long.
 */
import type { CreateRequest } from '../../interfaces/commits.js';
import type { AddToQueue, JobQueues, QueueReply, QueueStep } from '../../interfaces/job-queues.js';
import { type QueueState, type StoredQueuedRun, waitingRuns } from '../../model/queued-run.js';
import type { StreamKey } from '../../model/types.js';
import { afterStep, asShown, isOver, KEPT_FOR_MS, withoutOldReturned } from './queue-steps.js';

/** The streams that the queues belong to, as far as queues ask and tell them. */
export interface QueuedStreams {
  /** Names whose the stream is that is kept; undefined while none is. */
  ownerOf(key: StreamKey): string | undefined;
  /** Says whether a kept generation has the run's id. */
  hasStarted(key: StreamKey, queueId: string): boolean;
  /** Says whether there may be one more stream, beside so many that have nothing but a queue. */
  mayAdd(others: number): boolean;
  /** The queue is there, and the user's. */
  began(key: StreamKey, userId: string): void;
  /** The queue is the user's no longer. */
  gone(key: StreamKey, userId: string): void;
}

interface Queue {
  readonly key: StreamKey;
  readonly userId: string;
  readonly revision: number;
  readonly resumed: number;
  readonly runs: readonly StoredQueuedRun[];
  readonly until: number;
}

const NO_QUEUE: QueueState = { userId: undefined, revision: 0, resumed: 0, runs: [] };

export class InMemoryJobQueues implements JobQueues {
  /** Those written longest ago first. */
  readonly #queues = new Map<string, Queue>();
  readonly #now: () => number;
  readonly #streams: QueuedStreams;
  /** The last one of the whole store: so it grows also where the queue was gone in between. */
  #lastRevision = 0;

  constructor(now: () => number, streams: QueuedStreams) {
    this.#now = now;
    this.#streams = streams;
  }

  async add(key: StreamKey, run: AddToQueue): Promise<QueueReply> {
    const { queueId, userId, idempotencyKey, request, expiresInMs, mostWaiting } = run;
    const now = this.#now();
    const queue = this.#find(key);
    const runs = asShown(queue?.runs ?? [], now);
    if (runs.some((one) => one.queueId === queueId) || this.#streams.hasStarted(key, queueId))
      return this.#unchanged(queue, queueId);
    const owner = this.#streams.ownerOf(key) ?? userId;
    if (owner !== userId || (runs.length > 0 && queue?.userId !== userId)) return { outcome: 'taken' };
    const waiting = waitingRuns({ runs });
    const same = idempotencyKey !== undefined && waiting.find((one) => one.idempotencyKey === idempotencyKey);
    if (same) return this.#unchanged(queue, same.queueId);
    if (waiting.length >= mostWaiting || !this.#hasRoom(key)) return { outcome: 'full' };
    if (queue && queue.userId !== userId) this.#streams.gone(key, queue.userId);
    const place = (runs.at(-1)?.place ?? 0) + 1;
    const added = { queueId, place, queuedAt: now, expiresAt: now + expiresInMs, idempotencyKey, request };
    const resumed = queue?.userId === userId ? queue.resumed : 0;
    const kept = withoutOldReturned([...(queue?.runs ?? []), added], now);
    const written = this.#write({ key, userId, resumed, runs: kept });
    this.#streams.began(key, userId);
    return { outcome: 'ok', state: this.#stateOf(written), changed: true, queueId, removed: [] };
  }

  async change(key: StreamKey, step: QueueStep, ownedBy?: string): Promise<QueueReply> {
    const queue = this.#find(key);
    if (ownedBy === '' || (queue && ownedBy !== undefined && queue.userId !== ownedBy))
      return { outcome: 'unknown' };
    const after = afterStep(queue ?? NO_QUEUE, step, this.#now());
    if (after === 'unknown') return { outcome: after };
    if (after === 'unchanged' || queue === undefined) return this.#unchanged(queue);
    const { runs, resumed = queue.resumed, removed = [] } = after;
    const written = this.#write({ key, userId: queue.userId, resumed, runs });
    return { outcome: 'ok', state: this.#stateOf(written), changed: true, removed };
  }

  async read(key: StreamKey): Promise<QueueState> {
    return this.#stateOf(this.#find(key));
  }

  async drop(key: StreamKey, ownedBy?: string): Promise<void> {
    const queue = this.#find(key);
    if (queue && (ownedBy === undefined || queue.userId === ownedBy)) this.#remove(queue);
  }

  /** Names whose the queue is. */
  ownerOf(key: StreamKey): string | undefined {
    return this.#find(key)?.userId;
  }

  /** Says whether the run that a start names waits, and is its user's. */
  waits({ key, callId, userId }: CreateRequest): boolean {
    const queue = this.#find(key);
    if (queue?.userId !== userId) return false;
    return waitingRuns({ runs: asShown(queue.runs, this.#now()) }).some(({ queueId }) => queueId === callId);
  }

  /** Takes the run of a start, which waits. */
  take({ key, callId }: CreateRequest): void {
    const queue = this.#find(key);
    if (queue) this.#write({ ...queue, runs: queue.runs.filter(({ queueId }) => queueId !== callId) });
  }

  #find(key: StreamKey): Queue | undefined {
    const queue = this.#queues.get(key.id);
    if (queue === undefined || queue.until > this.#now()) return queue;
    this.#remove(queue);
    return undefined;
  }

  /** Puts it last; what nobody has written to for its time goes, one with each write. */
  #write(queue: Omit<Queue, 'revision' | 'until'>): Queue {
    const now = this.#now();
    this.#lastRevision = Math.max(now, this.#lastRevision + 1);
    const runs = queue.runs.filter((run) => !isOver(run, now));
    const until = Math.max(now, ...runs.map(({ expiresAt }) => expiresAt)) + KEPT_FOR_MS;
    const written: Queue = { ...queue, runs, revision: this.#lastRevision, until };
    this.#queues.delete(queue.key.id);
    const [oldest] = this.#queues.values();
    if (oldest !== undefined && oldest.until <= now) this.#remove(oldest);
    this.#queues.set(queue.key.id, written);
    return written;
  }

  #remove(queue: Queue): void {
    this.#queues.delete(queue.key.id);
    this.#streams.gone(queue.key, queue.userId);
  }

  /** A stream that has nothing but a queue is one of those that are bounded. */
  #hasRoom(key: StreamKey): boolean {
    if (this.#queues.has(key.id) || this.#streams.ownerOf(key) !== undefined) return true;
    if (this.#streams.mayAdd(this.#queues.size)) return true;
    const others = [...this.#queues.values()].filter((one) => this.#streams.ownerOf(one.key) === undefined);
    return this.#streams.mayAdd(others.length);
  }

  #unchanged(queue: Queue | undefined, queueId?: string): QueueReply {
    const named = queueId === undefined ? {} : { queueId };
    return { outcome: 'ok', state: this.#stateOf(queue), changed: false, ...named, removed: [] };
  }

  #stateOf(queue: Queue | undefined): QueueState {
    if (queue === undefined) return NO_QUEUE;
    const { userId, revision, resumed, runs } = queue;
    return { userId, revision, resumed, runs: asShown(runs, this.#now()) };
  }
}
