/**
 * Admission says whether and where a new generation may start: idempotency keys, the per-user limit, and what to do
 * about a generation that is active. Ends with one atomic create, or with a run that waits for its turn; everything before
 * it can be done again, and what was taken for a create that came to nothing is given back.
 */
import { ConflictError, GenerationJobError } from '../../errors.js';
import type { CreateReply, CreateRequest } from '../interfaces/commits.js';
import type {
  CreateJobInput,
  CreateJobResult,
  EnqueueJobInput,
  QueuedJobResult,
} from '../interfaces/create-job.js';
import type { RememberedRun } from '../interfaces/job-store.js';
import { serialiseLifecycle, serialiseMetadata } from '../model/events.js';
import { checkConversationId, isIdText, streamKey, userKey } from '../model/stream-key.js';
import { isActive } from '../model/transitions.js';
import type { JobRecord, LogEvent, StreamKey, UserKey } from '../model/types.js';
import type { Parts } from '../process/parts.js';
import { repeatUntilAnswered } from '../process/repeat.js';
import type { SlotOwner } from '../process/slot-keeper.js';
import type { Producers } from '../producing/producers.js';
import type { Creation } from './creation.js';
import type { Ender } from './ender.js';
import type { Enqueueing } from './enqueueing.js';
import type { Succession } from './succession.js';

type Admitted =
  | {
      readonly started: true;
      readonly key: StreamKey;
      readonly record: JobRecord;
      readonly created: LogEvent;
      readonly leaseStartedAt: number;
      /** The newest ended generation, as far as the create has seen one: that which it ended, or found ended. */
      readonly before: JobRecord | undefined;
    }
  | { readonly started: false; readonly record: JobRecord; readonly queued?: undefined }
  | QueuedJobResult;

type AdmissionInput = CreateJobInput | EnqueueJobInput;

export interface AdmissionSteps {
  readonly creation: Creation;
  readonly enqueueing: Enqueueing;
  readonly producers: Producers;
  readonly succession: Succession;
}

const MOST_CONFLICTS = 100;

export class Admission {
  readonly #parts: Parts;
  readonly #ender: Ender;
  readonly #creation: Creation;
  readonly #enqueueing: Enqueueing;
  readonly #steps: Pick<AdmissionSteps, 'producers' | 'succession'>;

  constructor(parts: Parts, ender: Ender, { creation, enqueueing, ...steps }: AdmissionSteps) {
    this.#parts = parts;
    this.#ender = ender;
    this.#creation = creation;
    this.#enqueueing = enqueueing;
    this.#steps = steps;
  }

  /** @throws as `GenerationJobManager.createJob` */
  async create(input: AdmissionInput): Promise<CreateJobResult | QueuedJobResult> {
    const { producers, succession } = this.#steps;
    const admitted = await this.#admit(input);
    if (!admitted.started) return admitted;
    const { record, before } = admitted;
    const job = await producers.begin(admitted, input.merge ?? false);
    const refusal = await succession.handOut(job, record, before);
    if (refusal !== undefined) throw refusal;
    return { started: true, job, record, predecessor: job.predecessor };
  }

  async #admit(input: AdmissionInput): Promise<Admitted> {
    const { options, store, clock } = this.#parts;
    if (input.onConflict === 'enqueue') this.#enqueueing.throwUnlessStarted();
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
    input: AdmissionInput,
    user: UserKey,
    until: number,
  ): Promise<Admitted> {
    const { store, clock } = this.#parts;
    const { key } = first;
    let [current] = await this.#repeat(until, () => store.read(key, 'current'));
    let sealed: CreateRequest['metadata'] | undefined;
    for (let conflicts = 0; conflicts < MOST_CONFLICTS; conflicts++) {
      const wanted = await this.#wanted(first, input, current, { round: conflicts + 1, until });
      if (wanted === 'join') return { started: false, record: current as JobRecord };
      sealed ??= await this.#sealedMetadata(wanted === 'wait' ? first : wanted);
      const request = { ...(wanted === 'wait' ? first : wanted), metadata: sealed };
      const slot = { userId: user.userId, createId: request.callId, attempt: 1 };
      if (wanted === 'wait' || !(await this.#takeSlot(request, slot, input, until))) {
        return this.#enqueueing.add({ request, merge: input.merge ?? false, current, until });
      }
      const leaseStartedAt = clock.monotonic();
      const reply = await this.#creation.make(request, until);
      if (reply.outcome === 'created') {
        await this.#creation.announce(request, reply);
        const created = { ...request.created, sequence: 1, attempt: 1 };
        const found = current && !isActive(current.status) ? current : undefined;
        const { record, replaced: before = (await this.#endedBy(request)) ?? found } = reply;
        return { started: true, key, record, created, leaseStartedAt, before };
      }
      // In a conflict it is held again at once, or is not the one in the way.
      if (reply.outcome !== 'conflict') this.#ender.letReplacedGoOn(key, request.replaces);
      await this.#creation.giveSlotBack(key, slot, reply);
      if (reply.outcome === 'joined') return { started: false, record: reply.record };
      if (reply.outcome !== 'conflict') throw refusalError(reply);
      current = reply.record;
    }
    throw new GenerationJobError('unavailable', 'Other creates kept getting in between.');
  }

  /**
   * Takes the user's slot. Says whether it is there; false only for a create that waits for one.
   * @throws GenerationJobError `user_limit_exceeded`
   */
  async #takeSlot(
    { key, replaces }: CreateRequest,
    slot: SlotOwner,
    { onConflict }: AdmissionInput,
    until: number,
  ): Promise<boolean> {
    const { slots } = this.#parts;
    try {
      if (onConflict === 'enqueue') return await this.#repeat(until, () => slots.takeOrAwait(key, slot));
      await this.#repeat(until, () => slots.take(key, slot));
      return true;
    } catch (error) {
      this.#ender.letReplacedGoOn(key, replaces);
      throw error;
    }
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

  #request(input: AdmissionInput): CreateRequest {
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

  /** The request that may end what is active; `join` when the caller wants that one, `wait` when the create waits for its turn. */
  async #wanted(
    request: CreateRequest,
    input: AdmissionInput,
    current: JobRecord | undefined,
    { round, until }: { readonly round: number; readonly until: number },
  ): Promise<CreateRequest | 'join' | 'wait'> {
    if (input.onConflict === 'enqueue' && (await this.#enqueueing.mustWait(request, current, until)))
      return 'wait';
    if (current === undefined || !isActive(current.status)) return request;
    if (current.userId !== input.userId)
      throw new GenerationJobError('stream_taken', 'The stream belongs to somebody else.');
    if (current.createId === request.callId) return request;
    if (input.idempotencyKey !== undefined && current.idempotencyKey === input.idempotencyKey) return 'join';
    // The store refuses it, unless an older generation has the key: nothing of this one is held or described for that.
    const { expects } = request;
    if (expects !== undefined && current.generation > (expects?.generation ?? 0)) return request;
    switch (input.onConflict ?? 'replace') {
      case 'reject':
        throw new ConflictError(current.streamId, current.generation);
      case 'join':
        return 'join';
      case 'enqueue':
        return 'wait';
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

  #repeat<Answer>(until: number, call: () => Promise<Answer>): Promise<Answer> {
    return repeatUntilAnswered(this.#parts, call, until);
  }
}

type Refusal = Exclude<CreateReply, { readonly outcome: 'created' | 'joined' | 'conflict' }>;

function refusalError(reply: Refusal): GenerationJobError {
  switch (reply.outcome) {
    case 'unexpected':
      return new ConflictError(reply.record.streamId, reply.record.generation);
    case 'taken':
      return new GenerationJobError('stream_taken', 'The stream belongs to somebody else.');
    case 'expired':
      return new GenerationJobError('create_expired', 'The create reached the store too late.');
    case 'full':
      return new GenerationJobError('capacity_exceeded', 'The store holds as many streams as it may.');
    case 'started':
    case 'unqueued':
      return new GenerationJobError('internal', 'A create that starts no run was answered as if it did.');
  }
}
