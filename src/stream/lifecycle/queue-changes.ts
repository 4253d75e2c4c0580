/**
 * Changes of a stream's queue, from any replica, and what follows each: the user's feed is told, what has left the queue without a
 * start is counted, and its idempotency key is forgotten, so that the request may be made again.
 */
import type { QueueReply, QueueStep } from '../interfaces/job-queues.js';
import { type QueueState, type StoredQueuedRun, waitingRuns } from '../model/queued-run.js';
import { ownerOf } from '../model/stream-key.js';
import type { StreamKey } from '../model/types.js';
import type { Parts } from '../process/parts.js';
import { repeatUntilAnswered } from '../process/repeat.js';

/** A queue's change that was made, or was not needed any more. */
export type QueueChange = QueueReply & { readonly outcome: 'ok' };

export class QueueChanges {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Makes a step that may be made again without harm. @returns undefined when no such run waits, or the queue is another's
   * @throws GenerationJobError `unavailable`
   */
  async make(key: StreamKey, step: QueueStep, ownedBy: string | undefined): Promise<QueueChange | undefined> {
    const reply = await this.#change(key, step, ownedBy);
    if (reply.outcome !== 'ok') return undefined;
    if (reply.changed) this.told(key, reply.state, ownedBy);
    return reply;
  }

  /**
   * Takes away one run, or all that wait, and says which; also when the answer was lost, since what has left the queue and is no
   * generation was taken away by this.
   * @param state the queue as it was read before
   * @throws GenerationJobError `unavailable`
   */
  async takeAway(
    key: StreamKey,
    step: QueueStep & { readonly name: 'cancel' | 'clear' },
    state: QueueState,
  ): Promise<readonly StoredQueuedRun[]> {
    const { userId } = state;
    if (userId === undefined) return [];
    let tries = 0;
    const reply = await this.#change(key, step, userId, () => tries++);
    const meant =
      step.name === 'clear' ? waitingRuns(state) : state.runs.filter((run) => run.queueId === step.queueId);
    const after = reply.outcome === 'ok' ? reply : undefined;
    const removed = tries > 1 ? await this.#gone(key, meant, after) : (after?.removed ?? []);
    if (removed.length === 0) return removed;
    if (after) this.told(key, after.state, userId);
    await this.#forgetKeys(key, userId, removed, after?.state);
    for (const { returned } of removed)
      if (returned === undefined) this.#parts.observer.runQueued('cancelled');
    return removed;
  }

  /** Writes down which runs have waited too long. @throws GenerationJobError `unavailable` */
  async lapse(key: StreamKey, { userId = '' }: QueueState): Promise<void> {
    const reply = await this.#change(key, { name: 'lapse' }, userId);
    if (reply.outcome !== 'ok' || !reply.changed) return;
    this.told(key, reply.state, userId);
    for (const _ of reply.removed) this.#parts.observer.runQueued('expired');
    await this.#forgetKeys(key, userId, reply.removed, reply.state);
  }

  /** Hands a run back that the store refuses to start. @throws GenerationJobError `unavailable` */
  async refuse(key: StreamKey, { userId = '' }: QueueState, run: StoredQueuedRun): Promise<void> {
    const { queueId } = run;
    const reply = await this.#change(key, { name: 'return', queueId, reason: 'refused' }, userId);
    if (reply.outcome !== 'ok' || !reply.changed) return;
    this.told(key, reply.state, userId);
    this.#parts.observer.runQueued('refused');
    await this.#forgetKeys(key, userId, [run], reply.state);
  }

  /**
   * Removes the queue whole, because its stream goes; with `ownedBy`, only one of that user. Says whether anything of theirs was seen in
   * it, which is looked at where runs are started.
   * @throws GenerationJobError what the store could not do
   */
  async remove(key: StreamKey, ownedBy: string | undefined): Promise<boolean> {
    const { store, hooks } = this.#parts;
    const state = hooks.startQueued === undefined ? undefined : await store.queues.read(key);
    await store.queues.drop(key, ownedBy);
    const { userId } = state ?? {};
    if (state === undefined || userId === undefined || (ownedBy !== undefined && ownedBy !== userId))
      return false;
    await this.#forgetKeys(key, userId, waitingRuns(state), undefined);
    return state.runs.length > 0;
  }

  /** Tells the user's feed how many wait, behind whatever goes on. */
  told(key: StreamKey, state: QueueState, userId: string | undefined): void {
    const { feed, background } = this.#parts;
    if (feed.isOn) background.run(feed.tellQueue(key, state, state.userId ?? userId));
  }

  async #change(
    key: StreamKey,
    step: QueueStep,
    ownedBy: string | undefined,
    onTry: () => void = () => {},
  ): Promise<QueueReply> {
    const { store, clock, options } = this.#parts;
    const call = () => {
      onTry();
      return store.queues.change(key, step, ownedBy);
    };
    return repeatUntilAnswered(this.#parts, call, clock.monotonic() + options.leaseMs / 2);
  }

  /** Returns those that are neither in the queue any more nor a generation. */
  async #gone(
    key: StreamKey,
    meant: readonly StoredQueuedRun[],
    after: QueueChange | undefined,
  ): Promise<readonly StoredQueuedRun[]> {
    const { store } = this.#parts;
    const left = new Set((after?.state ?? (await store.queues.read(key))).runs.map(({ queueId }) => queueId));
    const started = new Set((await store.read(key, 'kept')).map(({ createId }) => createId));
    return meant.filter(({ queueId }) => !left.has(queueId) && !started.has(queueId));
  }

  /** A key that is forgotten late harms nobody: the run of it that is asked for next is made on the same stream. */
  async #forgetKeys(
    key: StreamKey,
    userId: string,
    runs: readonly StoredQueuedRun[],
    state: QueueState | undefined,
  ): Promise<void> {
    const { store, errors } = this.#parts;
    const wanted = new Set(state && waitingRuns(state).map(({ idempotencyKey }) => idempotencyKey));
    for (const { idempotencyKey } of runs) {
      if (idempotencyKey === undefined || wanted.has(idempotencyKey)) continue;
      await store.slots
        .forget(ownerOf(key, userId), idempotencyKey, { streamId: key.streamId })
        .catch((error: unknown) => errors.report({ where: 'upkeep', error, record: key }));
    }
  }
}
