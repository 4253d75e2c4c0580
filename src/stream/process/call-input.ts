/**
 * The shapes of what a host gives with the calls of a manager, its approvals, jobs and subscriptions. A misspelt `userId`
 * would let everybody in, a misspelt `after` would send everything again: so keys and values are checked with every call.
 * Ids have checks and codes of their own, in `stream-key.ts`.
 */
import { z } from 'zod';
import { HOUR } from '../../clock.js';
import type { CreateJobInput } from '../interfaces/create-job.js';
import type { MarkSeenInput, SubscribeUserInput } from '../interfaces/feed.js';
import type { CompleteOptions } from '../interfaces/generation-job.js';
import type { ClaimInput, EditInput, MessageAccess, SendInput } from '../interfaces/inbox.js';
import type {
  AnnotateInput,
  ListActiveJobsInput,
  ListSettlementsInput,
  SubscribeOptions,
} from '../interfaces/manager-types.js';
import type { OnceOptions } from '../interfaces/once.js';
import type { ListJobsInput } from '../interfaces/operators.js';
import type { MoveInput, QueuedAccess } from '../interfaces/queue.js';
import type { AbortInput, DrainInput, SettledInput } from '../interfaces/stopping.js';
import type { Access } from '../model/access.js';
import { having } from '../model/host-values.js';
import { parseStrictly } from '../model/strict.js';

/** The most records in a page: so many are some hundred kilobytes, and some ten milliseconds to read. */
export const LARGEST_PAGE = 1_000;

/** The most notes in one call: so many are read one by one in a step of the store. */
const MOST_NOTES = 1_000;

type ShapeOf<Input> = Record<keyof Required<Input>, z.ZodType>;

const text = z.string().optional();
const generationNumber = z.number().int().positive().max(Number.MAX_SAFE_INTEGER);
const generation = generationNumber.optional();
const duration = z
  .number()
  .min(0)
  .max(24 * HOUR);
const tenant = { tenantId: z.unknown().optional() };
const access = { ...tenant, userId: text } satisfies ShapeOf<Access>;
/** The id that `createJob` has given; a longer one names nothing. */
const queueId = z.string().min(1).max(128);
const page = { limit: z.number().int().min(1).max(LARGEST_PAGE).optional(), cursor: text };

const SHAPES = {
  access: z.strictObject(access),
  tenant: z.strictObject(tenant),
  owner: z.strictObject({ ...tenant, userId: z.unknown() }),
  generation: z.strictObject({ ...access, generation }),
  state: z.strictObject({
    ...access,
    generation: z.union([generationNumber, z.literal('completed')]).optional(),
  }),
  action: z.strictObject({ ...access, actionId: text }),
  create: z.strictObject({
    streamId: z.unknown(),
    userId: z.unknown(),
    ...tenant,
    conversationId: text,
    idempotencyKey: text,
    expects: z.strictObject({ generation: generationNumber }).nullable().optional(),
    waitFor: z.enum(['settled', 'left']).optional(),
    onConflict: z.enum(['replace', 'reject', 'join', 'enqueue']).optional(),
    created: z.unknown().optional(),
    metadata: z.record(z.string(), z.unknown()).optional(),
    contentModel: text,
    merge: z.boolean().optional(),
  } satisfies ShapeOf<CreateJobInput>),
  annotate: z.strictObject({
    ...access,
    generation,
    metadata: z.record(z.string(), z.unknown()).optional(),
    notes: z
      .array(z.strictObject({ key: z.string(), event: z.string(), data: z.unknown() }))
      .max(MOST_NOTES)
      .optional(),
  } satisfies ShapeOf<AnnotateInput>),
  send: z.strictObject({
    ...access,
    generation,
    message: z.unknown(),
    kind: text,
    idempotencyKey: text,
    by: text,
  } satisfies ShapeOf<SendInput>),
  edit: z.strictObject({
    ...access,
    generation,
    messageId: z.string(),
    message: z.unknown(),
  } satisfies ShapeOf<EditInput>),
  message: z.strictObject({ ...access, generation, messageId: z.string() } satisfies ShapeOf<MessageAccess>),
  claim: z.strictObject({ ...access, generation, claimId: text } satisfies ShapeOf<ClaimInput>),
  complete: z.strictObject({ ifInboxEmpty: z.boolean().optional() } satisfies ShapeOf<CompleteOptions>),
  abort: z.strictObject({
    ...access,
    generation,
    by: text,
    reason: text,
    wait: z.enum(['settled']).optional(),
    queue: z.enum(['clear']).optional(),
  } satisfies ShapeOf<AbortInput>),
  queued: z.strictObject({ ...access, queueId } satisfies ShapeOf<QueuedAccess>),
  move: z.strictObject({
    ...access,
    queueId,
    position: z.number().int().positive().max(Number.MAX_SAFE_INTEGER),
  } satisfies ShapeOf<MoveInput>),
  settled: z.strictObject({
    ...access,
    generation,
    timeoutMs: z
      .number()
      .int()
      .min(0)
      .max(24 * HOUR)
      .optional(),
    signal: having('an AbortSignal', 'addEventListener', 'removeEventListener').optional(),
  } satisfies ShapeOf<SettledInput>),
  subscribe: z
    .strictObject({
      ...access,
      after: text,
      generation,
      follow: z.enum(['generation', 'stream']).optional(),
      resume: z.boolean().optional(),
      notes: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional(),
      settled: z.boolean().optional(),
      queueId: text,
      signal: having('an AbortSignal', 'addEventListener', 'removeEventListener').optional(),
    } satisfies ShapeOf<SubscribeOptions>)
    .refine(
      ({ queueId, after, generation: of, notes }) =>
        queueId === undefined || (after ?? of ?? notes) === undefined,
      { path: ['queueId'], message: 'goes with no after, generation or notes' },
    ),
  user: z.strictObject({
    ...{ ...tenant, userId: z.unknown() },
    after: text,
    signal: having('an AbortSignal', 'addEventListener', 'removeEventListener').optional(),
  } satisfies ShapeOf<SubscribeUserInput>),
  seen: z.strictObject({
    ...{ ...tenant, userId: z.unknown() },
    ...{ streamId: z.unknown().optional(), generation, upTo: text },
  } satisfies ShapeOf<MarkSeenInput>),
  list: z.strictObject({ ...tenant, userId: z.unknown(), ...page } satisfies ShapeOf<ListActiveJobsInput>),
  jobs: z.strictObject({
    status: z.enum(['running', 'requires_action', 'completed', 'failed', 'aborted']).optional(),
    ...access,
    ...page,
  } satisfies ShapeOf<ListJobsInput>),
  settlements: z.strictObject({
    state: z.enum(['open', 'settled', 'set_aside']),
    ...page,
  } satisfies ShapeOf<ListSettlementsInput>),
  drain: z.strictObject({
    graceMs: duration.optional(),
    handOverMs: duration.optional(),
  } satisfies ShapeOf<DrainInput>),
  finishesWithin: z.strictObject({ ms: duration }),
  record: z.looseObject({
    ...tenant,
    streamId: z.string(),
    createId: z.string(),
    generation: z.number(),
    metadata: z.record(z.string(), z.unknown()),
    pendingAction: z.looseObject({ actionId: z.string() }).optional(),
    resumedAction: z.looseObject({ actionId: z.string() }).optional(),
    handOver: z.looseObject({ attempt: z.number() }).optional(),
  }),
  once: z.strictObject({
    idempotent: z.boolean().optional(),
    unknown: z.enum(['ask', 'throw']).optional(),
    name: z.string().min(1).max(256).optional(),
    arguments: z.unknown().optional(),
    description: z.string().max(16_000).optional(),
  } satisfies ShapeOf<OnceOptions>),
  update: z.strictObject({ conversationId: text, metadata: z.record(z.string(), z.unknown()).optional() }),
};

/** @throws GenerationJobError `invalid_argument` naming each key and value that is not known */
export function checkCall(call: keyof typeof SHAPES, given: unknown): void {
  parseStrictly('invalid_argument', SHAPES[call], given, 'options');
}
