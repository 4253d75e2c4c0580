/**
 * Admission says whether and where a new generation may start: idempotency keys, the per-user limit, and what to do
 * about a generation that is active. Ends with one atomic create; everything before it can be done again, and what was
 * taken for a create that came to nothing is given back.
 */
import { ConflictError, GenerationJobError, isUnanswered } from '../../errors.js';
import type { CreateReply, CreateRequest } from '../interfaces/commits.js';
import type { RememberedRun } from '../interfaces/job-store.js';
import type { CreateJobInput } from '../interfaces/manager-types.js';
import { lookAfterEnd } from '../model/deadlines.js';
import { serialiseLifecycle, serialiseMetadata } from '../model/events.js';
import { checkConversationId, isIdText, streamKey, userKey } from '../model/stream-key.js';
import { isActive } from '../model/transitions.js';
import type { JobRecord, LogEvent, StreamKey, UserKey } from '../model/types.js';
import { publishFrames } from '../process/frames.js';
import { logStep } from '../process/life-log.js';
import type { Parts } from '../process/parts.js';
import { repeatUntilAnswered } from '../process/repeat.js';
import type { SlotOwner } from '../process/slot-keeper.js';
import type { Ender } from './ender.js';

export type Admitted =
  | {
      readonly started: true;
      readonly key: StreamKey;
      readonly record: JobRecord;
      readonly created: LogEvent;
      readonly leaseStartedAt: number;
      /** The newest ended generation, as far as the create has seen one: that which it ended, or found ended. */
      readonly before: JobRecord | undefined;
    }
  | { readonly started: false; readonly record: JobRecord };

const MOST_CONFLICTS = 100;

export class Admission {
  readonly #parts: Parts;
  readonly #ender: Ender;

  constructor(parts: Parts, ender: Ender) {
    this.#parts = parts;
    this.#ender = ender;
  }

  /** @throws as `GenerationJobManager.createJob` */
  async admit(input: CreateJobInput): Promise<Admitted> {
    const { options, store, clock } = this.#parts;
    const user = userKey(input.userId, input.tenantId);
    const until = clock.monotonic() + options.createTimeoutMs;
    const request = this.#request(input);
    if (input.idempotencyKey !== undefined) {
      const run = { streamId: input.streamId };
      const remembered = await this.#repeat(until, () =>
        store.slots.remember(user, input.idempotencyKey as string, run, options.idempotencyMs),
      );
      const first = await this.#firstRun(user, remembered, input.idempotencyKey);
      if (first) return { started: false, record: first };
      // The key's own stream, so that two requests that disagree about the stream still start one run.
      if (remembered.streamId !== input.streamId) {
        const key = streamKey(remembered.streamId, input.tenantId);
        // What was seen is of the stream that was asked for: it says nothing of this one.
        return this.#create({ ...request, key, expects: undefined }, input, user, until);
      }
    }
    return this.#create(request, input, user, until);
  }

  async #create(
    first: CreateRequest,
    input: CreateJobInput,
    user: UserKey,
    until: number,
  ): Promise<Admitted> {
    const { store, slots, clock } = this.#parts;
    const { key } = first;
    let [current] = await this.#repeat(until, () => store.read(key, 'current'));
    /** The lead of the store's clock over what is known of it, as it turned out to be. */
    let aheadMs = 0;
    let sealed: CreateRequest['metadata'] | undefined;
    for (let conflicts = 0; conflicts < MOST_CONFLICTS; conflicts++) {
      const wanted = await this.#withReplacement(first, input, current, { round: conflicts + 1, until });
      if (wanted === undefined) return { started: false, record: current as JobRecord };
      sealed ??= await this.#sealedMetadata(wanted);
      const request = { ...wanted, metadata: sealed };
      const slot = { userId: user.userId, createId: request.callId, attempt: 1 };
      await this.#repeat(until, () => slots.take(key, slot)).catch((error: unknown) => {
        this.#ender.letReplacedGoOn(key, request.replaces);
        throw error;
      });
      const leaseStartedAt = clock.monotonic();
      const reply = await this.#answered(until, () => this.#tryCreate(request, aheadMs));
      if (reply.outcome === 'created') {
        await this.#announce(request, user, reply);
        const created = { ...request.created, sequence: 1, attempt: 1 };
        const found = current && !isActive(current.status) ? current : undefined;
        const { record, replaced: before = (await this.#endedBy(request)) ?? found } = reply;
        return { started: true, key, record, created, leaseStartedAt, before };
      }
      // In a conflict it is held again at once, or is not the one in the way.
      if (reply.outcome !== 'conflict') this.#ender.letReplacedGoOn(key, request.replaces);
      await this.#giveSlotBack(slot, request, reply);
      switch (reply.outcome) {
        case 'joined':
          return { started: false, record: reply.record };
        case 'unexpected':
          throw new ConflictError(reply.record.streamId, reply.record.generation);
        case 'conflict':
          current = reply.record;
          break;
        case 'taken':
          throw new GenerationJobError('stream_taken', 'The stream belongs to somebody else.');
        case 'expired':
          // Too late by this process's own clock as well?
          if (aheadMs === 0 && clock.monotonic() < until) {
            aheadMs = Math.max(1, reply.now - store.now());
            break;
          }
          throw new GenerationJobError('create_expired', 'The create reached the store too late.');
        case 'full':
          throw new GenerationJobError('capacity_exceeded', 'The store holds as many streams as it may.');
        default:
          reply satisfies never;
      }
    }
    throw new GenerationJobError('unavailable', 'Other creates kept getting in between.');
  }

  /** Returns what came of a create, or throws that nobody knows. */
  async #answered(until: number, create: () => Promise<CreateReply>): Promise<CreateReply> {
    try {
      return await this.#repeat(until, create);
    } catch (error) {
      if (!isUnanswered(error)) throw error;
      throw new GenerationJobError('unavailable', 'The store did not answer a create.', { cause: error });
    }
  }

  /** The score is held near for one lease, so a create that arrives later than that must not be made. */
  async #tryCreate(request: CreateRequest, aheadMs: number): Promise<CreateReply> {
    const { store } = this.#parts;
    const notAfter = Math.min(request.notAfter, store.now() + request.leaseMs) + aheadMs;
    const lookInMs = lookAfterEnd(request.replaces?.leaveMs, request);
    await store.due.nearer(request.key, lookInMs, request.leaseMs);
    return store.create({ ...request, notAfter });
  }

  async #sealedMetadata({
    key,
    callId,
    metadata,
    replaces,
  }: CreateRequest): Promise<CreateRequest['metadata']> {
    try {
      return await this.#parts.seals.metadata(metadata, { key, createId: callId });
    } catch (error) {
      this.#ender.letReplacedGoOn(key, replaces);
      throw error;
    }
  }

  /** Returns the key's first run, as far as it is known to have started. */
  async #firstRun(user: UserKey, run: RememberedRun, idempotencyKey: string): Promise<JobRecord | undefined> {
    if (run.generation === undefined) return undefined;
    const key = streamKey(run.streamId, user.tenantId);
    const [record] = await this.#parts.store.read(key, run.generation);
    if (record?.idempotencyKey === idempotencyKey) return record;
    // Kept without the key: lost before any host event, and the key was released.
    if (record !== undefined || run.record === undefined) return undefined;
    // Releases before remember none of these.
    const { notes = [], revision = 0, inbox = [], unsent = [] }: Partial<JobRecord> = run.record;
    return { ...run.record, notes, revision, inbox, unsent };
  }

  #request(input: CreateJobInput): CreateRequest {
    const { options, store, models, entropy, hooks, replicaId } = this.#parts;
    const { contentModel, idempotencyKey } = input;
    if (contentModel !== undefined && !models.has(contentModel)) {
      throw new GenerationJobError('invalid_argument', 'contentModel names no model given to the manager.');
    }
    if (idempotencyKey !== undefined && !isIdText(idempotencyKey, 256)) {
      throw new GenerationJobError(
        'invalid_argument',
        'idempotencyKey must have 1 to 256 well-formed characters.',
      );
    }
    checkConversationId(input.conversationId);
    return {
      key: streamKey(input.streamId, input.tenantId),
      userId: input.userId,
      callId: entropy.id(),
      notAfter: store.now() + options.createTimeoutMs,
      leaseMs: options.leaseMs,
      replicaId,
      conversationId: input.conversationId,
      contentModel,
      idempotencyKey,
      metadata: serialiseMetadata(input.metadata ?? {}, options.limits),
      created: serialiseLifecycle('created', { created: input.created ?? null }, options.limits),
      expects: input.expects,
      waits: input.waitFor,
      settles: hooks.settle !== undefined,
    };
  }

  /** The request that may end what is active, or undefined when the caller wants to join it. */
  async #withReplacement(
    request: CreateRequest,
    input: CreateJobInput,
    current: JobRecord | undefined,
    { round, until }: { readonly round: number; readonly until: number },
  ): Promise<CreateRequest | undefined> {
    if (current === undefined || !isActive(current.status)) return request;
    if (current.userId !== input.userId)
      throw new GenerationJobError('stream_taken', 'The stream belongs to somebody else.');
    if (current.createId === request.callId) return request;
    if (input.idempotencyKey !== undefined && current.idempotencyKey === input.idempotencyKey)
      return undefined;
    // The store refuses it, unless an older generation has the key: nothing of this one is held or described for that.
    const { expects } = request;
    if (expects !== undefined && current.generation > (expects?.generation ?? 0)) return request;
    switch (input.onConflict ?? 'replace') {
      case 'reject':
        throw new ConflictError(current.streamId, current.generation);
      case 'join':
        return undefined;
      case 'replace': {
        // Half of what is left, so that the create itself still has time.
        const limitMs = Math.max(1, (until - this.#parts.clock.monotonic()) / 2);
        const replaces = await this.#ender.describeReplacement(request.key, current, round, limitMs);
        return { ...request, replaces };
      }
    }
  }

  /** The generation that a create has ended whose answer was lost: a repeat does not name it. */
  async #endedBy({ key, replaces }: CreateRequest): Promise<JobRecord | undefined> {
    if (replaces === undefined) return undefined;
    const { store, errors } = this.#parts;
    const [ended] = await store.read(key, replaces.generation).catch((error: unknown) => {
      errors.report({ where: 'upkeep', error, record: key });
      return [];
    });
    return ended;
  }

  /** Gives the slot back to the holder the stream has, so that a lost race doesn't cost the winner its slot. */
  async #giveSlotBack(slot: SlotOwner, { key }: CreateRequest, reply: CreateReply): Promise<void> {
    const { slots } = this.#parts;
    const winner = reply.outcome !== 'created' && 'record' in reply ? reply.record : undefined;
    if (winner?.status === 'running') await slots.retake(key, winner);
    else await slots.give(key, slot);
  }

  async #announce(
    request: CreateRequest,
    user: UserKey,
    reply: CreateReply & { outcome: 'created' },
  ): Promise<void> {
    const { store, observer, errors } = this.#parts;
    publishFrames(this.#parts, reply.frames);
    observer.jobCreated();
    logStep(this.#parts, 'created', reply.record);
    this.#parts.feed.tellSoon(request.key, reply.record);
    if (reply.replaced) {
      observer.jobTransitioned('replace', reply.replaced.status);
      this.#ender.afterEnd(request.key, reply.replaced);
    }
    if (request.idempotencyKey === undefined) return;
    const run = { streamId: request.key.streamId, generation: reply.record.generation };
    // Without it the key still finds the run on its stream for as long as the run is kept.
    await store.slots
      .confirm(user, request.idempotencyKey, run)
      .catch((error: unknown) => errors.report({ where: 'upkeep', error, record: reply.record }));
  }

  #repeat<Answer>(until: number, call: () => Promise<Answer>): Promise<Answer> {
    return repeatUntilAnswered(this.#parts, call, until);
  }
}
