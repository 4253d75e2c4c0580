/**
 * A run that waits is started when its turn has come, by whichever replica sees that first: nothing active on the stream, what was there
 * before is settled, no stop holds the queue, and the user has a slot. The start is one create, which takes the run out of the queue and
 * makes its generation in the same step, so only one replica gets it, and one that dies behind it leaves a generation to take over.
 *
 * Ways here: a run was added; a settlement is over here; a slot was given back here; somebody lets the queue go on; a visit of the
 * stream that is due; and the watch of this process. Who can't start a run leaves it, due as it is, to those who can.
 */
import { isGenerationJobError, isUnanswered } from '../../errors.js';
import type { CreateReply, CreateRequest } from '../interfaces/commits.js';
import { isHeld } from '../model/queue-hold.js';
import { createdPayloadOf, parseQueuedRequest, type QueuedRequest } from '../model/queued-request.js';
import { type QueueState, type StoredQueuedRun, waitingRuns } from '../model/queued-run.js';
import { streamKey } from '../model/stream-key.js';
import { isActive } from '../model/transitions.js';
import type { JobRecord, Json, StreamKey, UserKey } from '../model/types.js';
import { giveUpLease } from '../process/give-up-lease.js';
import type { Parts } from '../process/parts.js';
import type { Opener } from '../process/seals.js';
import { reportUpkeepFailures } from '../process/upkeep-failures.js';
import type { Producers } from '../producing/producers.js';
import type { Creation } from './creation.js';
import type { QueueChanges } from './queue-changes.js';
import { QueueWatch } from './queue-watch.js';
import { produceQueued } from './queued-producer.js';
import type { Succession } from './succession.js';

/** Runs that one try goes past, since they were taken away or handed back meanwhile. */
const MOST_PASSED = 100;

/**
 * `nothing` waits · `started`, here or elsewhere · `active`: the end of what runs comes first · `unsettled`: its settlement does ·
 * `held` by a stop · `slot`: the user has none · `full`: the store takes no more streams · `left` to a replica that can
 */
type Outcome = 'nothing' | 'started' | 'active' | 'unsettled' | 'held' | 'slot' | 'full' | 'left';

interface Try {
  readonly outcome: Outcome;
  /** The first time at which one that waits has waited too long, by the store's clock. */
  readonly expiresAt: number;
}

/** The answer of a visit of a stream's queue. */
export interface QueueLook {
  /** The time to look again, by the store's clock; absent when the queue needs no look. */
  readonly lookAt?: number | undefined;
  /** True when the stream stays as due as it is, for another replica. */
  readonly isLeft?: boolean | undefined;
  /** True when what was stopped is still needed, since it holds what waits. */
  readonly holds?: boolean | undefined;
}

/** A run whose turn has come, and what is known to start it. */
interface Turn {
  readonly key: StreamKey;
  readonly state: QueueState;
  readonly run: StoredQueuedRun;
  readonly request: QueuedRequest;
  readonly opener: Opener;
  readonly current: JobRecord | undefined;
}

export interface QueueStartsContext {
  readonly producers: Producers;
  readonly succession: Pick<Succession, 'handOut'>;
  readonly creation: Creation;
  readonly changes: QueueChanges;
}

export class QueueStarts {
  readonly #parts: Parts;
  readonly #context: QueueStartsContext;
  readonly #watch: QueueWatch;
  /** Tries under way, by stream: one asked for meanwhile follows it, since that may have looked too early. */
  readonly #tries = new Map<string, { again: boolean; readonly done: Promise<Try> }>();

  constructor(parts: Parts, context: QueueStartsContext) {
    this.#parts = parts;
    this.#context = context;
    this.#watch = new QueueWatch(parts);
  }

  /** Looks behind whatever goes on whether the next run of a stream may start. Without the hook nothing is looked at. */
  soon(key: StreamKey): void {
    if (this.#parts.hooks.startQueued !== undefined) this.#parts.background.run(this.#look(key));
  }

  /** The same from a replica that may have no hook: then others look. @throws GenerationJobError what the store could not do */
  async soonAnywhere(key: StreamKey): Promise<void> {
    if (this.#parts.hooks.startQueued === undefined) await this.#parts.store.due.nearer(key, 0);
    else this.soon(key);
  }

  /**
   * Looks at a stream that is due, on which nothing is active. A queue that can't be read keeps nobody from the rest of the visit.
   * @throws GenerationJobError `unavailable`
   */
  async visit(key: StreamKey): Promise<QueueLook> {
    const { store, hooks, options } = this.#parts;
    if (hooks.startQueued === undefined) return {};
    try {
      const { outcome, expiresAt } = await this.#try(key);
      switch (outcome) {
        case 'nothing':
        case 'started':
        case 'active':
          return {};
        case 'held':
          return { lookAt: expiresAt, holds: true };
        case 'left':
          return { isLeft: true };
        case 'unsettled':
        case 'slot':
        case 'full':
          return { lookAt: Math.min(expiresAt, store.now() + options.leaseMs) };
      }
    } catch (error) {
      if (isUnanswered(error)) throw error;
      reportUpkeepFailures(this.#parts, 'visit', [{ streamId: key.streamId, error }]);
      return { isLeft: isGenerationJobError(error, 'newer_format') };
    }
  }

  /** A run was added by another replica, of which this one takes note: it may be the one that is left. */
  heardOfRun(key: StreamKey): void {
    if (this.#parts.hooks.startQueued !== undefined) this.#watch.saw(key);
  }

  /** Looks at what this process has seen wait, where nobody has for longer than a lease. None of these rejects. */
  watched(): readonly Promise<unknown>[] {
    if (this.#context.producers.isDraining) return [];
    return this.#watch.due().map((key) => this.#lookAgain(key));
  }

  /** Starts one of the streams that wait for a slot of the user, which one of them may have now. */
  async startOneOf({ tenantId }: UserKey, streamIds: readonly string[]): Promise<void> {
    const { store, hooks } = this.#parts;
    const [first, ...rest] = streamIds.map((streamId) => streamKey(streamId, tenantId));
    if (first === undefined) return;
    if (hooks.startQueued === undefined || this.#context.producers.isDraining) {
      return store.due.nearer(first, 0);
    }
    for (const key of [first, ...rest]) {
      const outcome = await this.#look(key);
      // Others had it first.
      if (outcome === 'started' || outcome === 'slot') return;
    }
  }

  /** Looks, and keeps the score near, so that a replica that knows nothing of the run may be the next to come upon it. */
  async #lookAgain(key: StreamKey): Promise<void> {
    const outcome = await this.#look(key);
    if (outcome === 'nothing' || outcome === 'started' || outcome === undefined) return;
    const { store, options } = this.#parts;
    await store.due.nearer(key, options.leaseMs).catch((error: unknown) => {
      reportUpkeepFailures(this.#parts, 'visit', [{ streamId: key.streamId, error }]);
    });
  }

  /** Tries, and tells others to look when this replica can't. Never rejects: the stream stays due. */
  async #look(key: StreamKey): Promise<Outcome | undefined> {
    try {
      const { outcome } = await this.#try(key);
      if (outcome === 'left') await this.#parts.store.due.nearer(key, 0);
      return outcome;
    } catch (error) {
      reportUpkeepFailures(this.#parts, 'visit', [{ streamId: key.streamId, error }]);
      return undefined;
    }
  }

  /** Starts the next run, if it may. One try at a time for a stream. @throws GenerationJobError what the store could not do */
  #try(key: StreamKey): Promise<Try> {
    const running = this.#tries.get(key.id);
    if (running !== undefined) {
      running.again = true;
      return running.done;
    }
    const done = this.#tryWhileAsked(key);
    this.#tries.set(key.id, { again: false, done });
    return done;
  }

  async #tryWhileAsked(key: StreamKey): Promise<Try> {
    await Promise.resolve(); // so that this one is known as under way
    try {
      for (;;) {
        const result = await this.#tryOnce(key);
        if (result.outcome === 'started' || !this.#wasAskedAgain(key)) return result;
      }
    } finally {
      this.#tries.delete(key.id);
    }
  }

  #wasAskedAgain({ id }: StreamKey): boolean {
    const running = this.#tries.get(id);
    const asked = running?.again === true;
    if (running) running.again = false;
    return asked;
  }

  async #tryOnce(key: StreamKey): Promise<Try> {
    const { store } = this.#parts;
    for (let passed = 0; passed < MOST_PASSED; passed++) {
      const state = await store.queues.read(key);
      if (state.runs.some(({ returned }) => returned === 'expired'))
        await this.#context.changes.lapse(key, state);
      const waiting = waitingRuns(state);
      const [run] = waiting;
      if (run === undefined) {
        this.#watch.forget(key);
        return { outcome: 'nothing', expiresAt: Number.POSITIVE_INFINITY };
      }
      this.#watch.saw(key);
      const [current] = await store.read(key, 'current');
      const outcome = obstacleOf(current, state) ?? (await this.#start({ key, state, run, current }));
      const expiresAt = Math.min(...waiting.map((one) => one.expiresAt));
      if (outcome !== 'passed') return { outcome, expiresAt };
    }
    return { outcome: 'left', expiresAt: Number.POSITIVE_INFINITY };
  }

  async #start(next: Pick<Turn, 'key' | 'state' | 'run' | 'current'>): Promise<Outcome | 'passed'> {
    const { hooks, models, slots } = this.#parts;
    const { key, state, run } = next;
    const request = parseQueuedRequest(run.request);
    if (request === undefined) return this.#refuse(next);
    if (request === 'newer' || hooks.startQueued === undefined) return 'left';
    const { contentModel } = request;
    if (this.#context.producers.isDraining) return 'left';
    if (contentModel !== undefined && !models.has(contentModel)) return 'left';
    const opener = await this.#openerOf(key, run, request);
    if (opener === undefined) return 'left';
    const slot = { userId: state.userId ?? '', createId: run.queueId, attempt: 1 };
    if (!(await slots.takeOrAwait(key, slot))) return 'slot';
    const turn: Turn = { ...next, request, opener };
    const leaseStartedAt = this.#parts.clock.monotonic();
    const wanted = this.#requestOf(turn);
    const reply = await this.#create(turn, wanted);
    if (reply.outcome === 'created') {
      await this.#context.creation.announce(wanted, reply);
      await this.#begin(turn, wanted, reply.record, leaseStartedAt);
      return 'started';
    }
    await this.#context.creation.giveSlotBack(key, slot, 'record' in reply ? reply : undefined);
    switch (reply.outcome) {
      case 'started':
        return 'started';
      case 'left':
        return 'left';
      case 'conflict':
        return 'active';
      case 'unexpected':
      case 'unqueued':
        return 'passed';
      // Its key has run, the stream is another's by now, or what is kept of it can't be gone on from.
      case 'joined':
      case 'taken':
      case 'refused':
        return this.#refuse(next);
      case 'expired':
      case 'full':
        return 'full';
    }
  }

  /** Opens what is sealed in a run before anything is changed; undefined where this replica can't. */
  async #openerOf(
    key: StreamKey,
    { queueId }: StoredQueuedRun,
    { metadata }: QueuedRequest,
  ): Promise<Opener | undefined> {
    const { seals, errors } = this.#parts;
    const opener = seals.opener();
    const values = Object.entries(metadata).map(([name, text]): [string, Json] => [name, JSON.parse(text)]);
    try {
      await opener.metadata({ ...key, createId: queueId, metadata: Object.fromEntries(values) });
      return opener;
    } catch (error) {
      errors.report({ where: 'upkeep', error, record: key });
      return undefined;
    }
  }

  /**
   * Makes the generation of a run: `refused` by the store for good, or `left` to a replica of a newer release.
   * @throws GenerationJobError `unavailable`: whoever looks at what has come of it takes it over, or starts it
   */
  async #create(
    { key }: Turn,
    wanted: CreateRequest,
  ): Promise<CreateReply | { readonly outcome: 'refused' | 'left' }> {
    const { clock, options, errors } = this.#parts;
    try {
      return await this.#context.creation.make(wanted, clock.monotonic() + options.createTimeoutMs);
    } catch (error) {
      if (isUnanswered(error)) throw error;
      errors.report({ where: 'upkeep', error, record: key });
      return { outcome: isGenerationJobError(error, 'newer_format') ? 'left' : 'refused' };
    }
  }

  #requestOf({ key, state, run, request, current }: Turn): CreateRequest {
    const { options, store, entropy, hooks, replicaId } = this.#parts;
    const { conversationId, contentModel, metadata, created, waits } = request;
    return {
      ...{ key, userId: state.userId ?? '', callId: run.queueId, start: { startId: entropy.id() } },
      ...{ notAfter: store.now() + options.createTimeoutMs, leaseMs: options.leaseMs, replicaId },
      ...{ conversationId, contentModel, metadata, created, waits, idempotencyKey: run.idempotencyKey },
      // A run that is settled by nobody yet, or was stopped, must not come in between.
      expects: current === undefined ? null : { generation: current.generation },
      settles: hooks.settle !== undefined,
    };
  }

  /** Has a new generation produced here, unless others have it by now. */
  async #begin(turn: Turn, wanted: CreateRequest, record: JobRecord, leaseStartedAt: number): Promise<void> {
    const { background, feed, observer, store } = this.#parts;
    const { key, run, request, opener, current } = turn;
    observer.runQueued('started', Math.max(0, record.createdAt - run.queuedAt));
    if (feed.isOn) {
      const tell = async () => this.#context.changes.told(key, await store.queues.read(key), record.userId);
      background.run(tell());
    }
    if (record.status !== 'running' || record.attempt !== 1) return;
    const opened = await opener.record(record);
    // The drain has begun meanwhile: what nobody has produced yet is for another replica, at once.
    if (this.#context.producers.isDraining)
      return background.run(giveUpLease(store, { key, generation: record.generation, attempt: 1 }));
    const created = { ...wanted.created, sequence: 1, attempt: 1 };
    const job = await this.#context.producers.begin({ key, record, created, leaseStartedAt }, request.merge);
    const produce = async () => {
      const refusal = await this.#context.succession.handOut(job, record, current);
      if (refusal === undefined)
        await produceQueued(this.#parts, job, opened, createdPayloadOf(request.created));
    };
    background.run(produce());
  }

  async #refuse({ key, state, run }: Pick<Turn, 'key' | 'state' | 'run'>): Promise<'passed'> {
    await this.#context.changes.refuse(key, state, run);
    return 'passed';
  }
}

/** Returns why nothing may start on a stream; undefined when the next run may. */
function obstacleOf(current: JobRecord | undefined, state: QueueState): Outcome | undefined {
  if (current === undefined) return undefined;
  if (isActive(current.status)) return 'active';
  if (current.settlement.state !== 'settled') return 'unsettled';
  return isHeld(current, state) ? 'held' : undefined;
}
