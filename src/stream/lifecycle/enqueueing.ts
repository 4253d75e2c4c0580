/**
 * A create that waits for its turn is added to the queue of its stream. The stream's due score is near before that, and held for as
 * long as the run may wait, and the other replicas have heard of it: whatever becomes of this process, somebody looks.
 */
import { ConflictError, GenerationJobError } from '../../errors.js';
import type { CreateRequest } from '../interfaces/commits.js';
import type { QueueReply } from '../interfaces/job-queues.js';
import { isHeld } from '../model/queue-hold.js';
import { queuedRunOf, serialiseQueuedRequest } from '../model/queued-request.js';
import { type QueuedRun, type QueueState, type StoredQueuedRun, waitingRuns } from '../model/queued-run.js';
import { isActive } from '../model/transitions.js';
import type { JobRecord, StreamKey } from '../model/types.js';
import type { Parts } from '../process/parts.js';
import { repeatUntilAnswered } from '../process/repeat.js';
import type { QueueChanges } from './queue-changes.js';

/** A create that is to wait. */
export interface WaitingCreate {
  /** The create as it will be made, its metadata sealed; its call id is the run's. */
  readonly request: CreateRequest;
  readonly merge: boolean;
  /** The stream's current generation, as it was seen last. */
  readonly current: JobRecord | undefined;
  /** The time after which the store is not asked again, on the monotonic clock. */
  readonly until: number;
}

export interface Waiting {
  readonly started: false;
  readonly queued: QueuedRun;
  readonly record?: JobRecord | undefined;
}

export interface EnqueueingContext {
  readonly changes: Pick<QueueChanges, 'told'>;
  /** A run was added: perhaps its turn has come by now. */
  readonly onAdded: (key: StreamKey) => void;
}

export class Enqueueing {
  readonly #parts: Parts;
  readonly #context: EnqueueingContext;

  constructor(parts: Parts, context: EnqueueingContext) {
    this.#parts = parts;
    this.#context = context;
  }

  /** @throws GenerationJobError `invalid_argument` when nobody here could start what waits */
  throwUnlessStarted(): void {
    if (this.#parts.hooks.startQueued !== undefined) return;
    throw new GenerationJobError('invalid_argument', 'onConflict "enqueue" needs the hook startQueued.');
  }

  /** Says whether a create has to wait behind others that may start, or is known by its key to wait already. */
  async mustWait(
    { key, idempotencyKey }: CreateRequest,
    current: JobRecord | undefined,
    until: number,
  ): Promise<boolean> {
    const isBehind = current !== undefined && isActive(current.status);
    // It waits anyway: nothing to ask, unless a key has to be found before a conflict is.
    if (isBehind && idempotencyKey === undefined) return false;
    const state = await this.#repeat(until, () => this.#parts.store.queues.read(key));
    if (runOfKey(state, idempotencyKey) !== undefined) return true;
    return !isBehind && waitingRuns(state).length > 0 && !isHeld(current, state);
  }

  /** @throws GenerationJobError `stream_taken`, `queue_full`, `unavailable`; ConflictError for what is newer than expected */
  async add(
    create: WaitingCreate,
  ): Promise<Waiting | { readonly started: false; readonly record: JobRecord }> {
    const { request, merge, current, until } = create;
    const { key, callId: queueId, userId, idempotencyKey } = request;
    const { options, store, observer, transport } = this.#parts;
    const known = await this.#runBefore(create);
    if (known !== undefined) return { started: false, record: known };
    const { conversationId, contentModel, metadata, created, waits } = request;
    const text = serialiseQueuedRequest({ conversationId, contentModel, metadata, created, waits, merge });
    const bounds = { expiresInMs: options.queuedMs, mostWaiting: options.limits.queuedRuns };
    const reply = await this.#repeat(until, async () => {
      await store.due.nearer(key, options.leaseMs, options.queuedMs);
      transport.signal({ key, generation: current?.generation ?? 0, kind: 'queued' });
      return store.queues.add(key, { queueId, userId, idempotencyKey, request: text, ...bounds });
    });
    if (reply.outcome !== 'ok') throw this.#refusalError(reply);
    const { state, queueId: meant = queueId } = reply;
    // Its own, whether or not the answer to the first call was lost.
    if (meant === queueId) observer.runQueued('queued');
    if (meant === queueId) this.#context.changes.told(key, state, userId);
    const at = waitingRuns(state).findIndex((run) => run.queueId === meant);
    const run = waitingRuns(state)[at];
    if (run === undefined) return this.#startedRun(key, meant);
    this.#context.onAdded(key);
    return { started: false, queued: queuedRunOf(key, run, at + 1), ...(current && { record: current }) };
  }

  /**
   * Returns the generation that its key has started, if one is kept.
   * @throws ConflictError for what is newer than the create expects, unless a run of its key waits
   */
  async #runBefore({ request, until }: WaitingCreate): Promise<JobRecord | undefined> {
    const { key, userId, idempotencyKey, expects } = request;
    if (idempotencyKey === undefined && expects === undefined) return undefined;
    const { store } = this.#parts;
    const kept = await this.#repeat(until, () => store.read(key, 'kept'));
    const isOfKey = (record: JobRecord) =>
      record.userId === userId && record.idempotencyKey === idempotencyKey;
    const known = idempotencyKey === undefined ? undefined : kept.find(isOfKey);
    const [newest] = kept;
    if (known !== undefined || newest === undefined || newest.userId !== userId) return known;
    if (expects === undefined || newest.generation <= (expects?.generation ?? 0)) return undefined;
    const state = await this.#repeat(until, () => store.queues.read(key));
    if (runOfKey(state, idempotencyKey) !== undefined) return undefined;
    throw new ConflictError(newest.streamId, newest.generation);
  }

  /** Returns what a run has become that was added by a call without an answer, and has left the queue since. */
  async #startedRun(
    key: StreamKey,
    queueId: string,
  ): Promise<{ readonly started: false; readonly record: JobRecord }> {
    const kept = await this.#parts.store.read(key, 'kept');
    const record = kept.find(({ createId }) => createId === queueId);
    if (record !== undefined) return { started: false, record };
    throw new GenerationJobError('run_not_queued', 'The run was taken away as soon as it was there.');
  }

  #refusalError({ outcome }: Exclude<QueueReply, { readonly outcome: 'ok' }>): GenerationJobError {
    if (outcome === 'taken')
      return new GenerationJobError('stream_taken', 'The stream, or its queue, belongs to somebody else.');
    const { queuedRuns } = this.#parts.options.limits;
    this.#parts.observer.runQueued('full');
    return new GenerationJobError('queue_full', `limits.queuedRuns (${queuedRuns}) wait on the stream.`);
  }

  #repeat<Answer>(until: number, call: () => Promise<Answer>): Promise<Answer> {
    return repeatUntilAnswered(this.#parts, call, until);
  }
}

/** Returns the run that waits and has this key. */
function runOfKey(state: QueueState, idempotencyKey: string | undefined): StoredQueuedRun | undefined {
  if (idempotencyKey === undefined) return undefined;
  return waitingRuns(state).find((run) => run.idempotencyKey === idempotencyKey);
}
