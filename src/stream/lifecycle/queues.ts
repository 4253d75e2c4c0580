/** Lists and changes what waits on a stream, from any replica: `manager.queue`. */
import { GenerationJobError } from '../../errors.js';
import type { JobQueue, MoveInput, QueuedAccess, QueueListing } from '../interfaces/queue.js';
import type { Access } from '../model/access.js';
import { isHeld } from '../model/queue-hold.js';
import { queuedRunOf, returnedRunOf } from '../model/queued-request.js';
import {
  type QueuedRun,
  type QueueState,
  type ReturnedRun,
  type StoredQueuedRun,
  waitingRuns,
} from '../model/queued-run.js';
import { streamKey } from '../model/stream-key.js';
import type { StreamKey } from '../model/types.js';
import { checkCall } from '../process/call-input.js';
import { handOutMethods } from '../process/handed-out.js';
import type { Parts } from '../process/parts.js';
import type { QueueChanges } from './queue-changes.js';

const NO_ACCESS = {};

export interface QueuesContext {
  readonly changes: QueueChanges;
  /** Called when the runs that wait on the stream may start. */
  readonly onResumed: (key: StreamKey) => Promise<void>;
}

export class Queues implements JobQueue {
  static {
    const awaitedOrNot = ['list', 'cancel', 'move', 'resume'] as const;
    handOutMethods(Queues.prototype, awaitedOrNot, (queues) => queues.#parts);
  }

  readonly #parts: Parts;
  readonly #context: QueuesContext;

  constructor(parts: Parts, context: QueuesContext) {
    this.#parts = parts;
    this.#context = context;
  }

  async list(streamId: string, access: Access = NO_ACCESS): Promise<QueueListing> {
    checkCall('access', access);
    const key = streamKey(streamId, access.tenantId);
    return this.#listingOf(key, await this.#read(key, access));
  }

  async cancel(streamId: string, input: QueuedAccess): Promise<QueuedRun | ReturnedRun> {
    checkCall('queued', input);
    const { queueId, tenantId } = input;
    const key = streamKey(streamId, tenantId);
    const state = await this.#read(key, input);
    if (!state.runs.some((run) => run.queueId === queueId)) throw notQueued();
    const [removed] = await this.#context.changes.takeAway(key, { name: 'cancel', queueId }, state);
    if (removed === undefined) throw notQueued();
    const { returned } = removed;
    if (returned !== undefined) return returnedRunOf(key, removed, returned);
    return queuedRunOf(key, removed, positionIn(state, removed));
  }

  async move(streamId: string, input: MoveInput): Promise<QueueListing> {
    checkCall('move', input);
    const { queueId, position, tenantId, userId } = input;
    const key = streamKey(streamId, tenantId);
    const moved = await this.#context.changes.make(key, { name: 'move', queueId, position }, userId);
    if (moved === undefined) throw notQueued();
    return this.#listingOf(key, moved.state);
  }

  async resume(streamId: string, access: Access = NO_ACCESS): Promise<boolean> {
    checkCall('access', access);
    const { store } = this.#parts;
    const key = streamKey(streamId, access.tenantId);
    const state = await this.#read(key, access);
    const [current] = await store.read(key, 'current');
    if (current === undefined || waitingRuns(state).length === 0 || !isHeld(current, state)) return false;
    const step = { name: 'resume', generation: current.generation } as const;
    const resumed = await this.#context.changes.make(key, step, access.userId);
    if (resumed === undefined) return false;
    await this.#context.onResumed(key);
    return true;
  }

  /** Takes away all that wait, and hands them back. @throws GenerationJobError `unavailable` */
  async clear(key: StreamKey, userId: string): Promise<readonly QueuedRun[]> {
    const state = await this.#read(key, { userId });
    const removed = await this.#context.changes.takeAway(key, { name: 'clear' }, state);
    return removed.map((run) => queuedRunOf(key, run, positionIn(state, run)));
  }

  async #read(key: StreamKey, { userId }: Access): Promise<QueueState> {
    const state = await this.#parts.store.queues.read(key);
    return userId === undefined || state.userId === userId ? state : { revision: 0, resumed: 0, runs: [] };
  }

  async #listingOf(key: StreamKey, state: QueueState): Promise<QueueListing> {
    const waiting = waitingRuns(state);
    const [current] = waiting.length > 0 ? await this.#parts.store.read(key, 'current') : [];
    return {
      waiting: waiting.map((run, at) => queuedRunOf(key, run, at + 1)),
      returned: state.runs.flatMap((run) => (run.returned ? returnedRunOf(key, run, run.returned) : [])),
      held: waiting.length > 0 && isHeld(current, state),
    };
  }
}

/** The place that a run has had among those that waited; for one that came later, the place behind them. */
function positionIn(state: QueueState, run: StoredQueuedRun): number {
  return (
    waitingRuns(state).filter(({ place, queueId }) => place < run.place && queueId !== run.queueId).length + 1
  );
}

function notQueued(): GenerationJobError {
  return new GenerationJobError('run_not_queued', 'No such run waits.');
}
