/**
 * A job may ask this: checked whole before the pause, so that whatever is shown can be answered. What may be answered
 * is in `verdict.ts`.
 */
import { z } from 'zod';
import type { Entropy } from '../../clock.js';
import { GenerationJobError } from '../../errors.js';
import type { PauseInput } from '../interfaces/action-input.js';
import { type ActionSchema, checkAgainst, isActionTypeName } from '../model/action-types.js';
import { tooLarge } from '../model/events.js';
import { fingerprintOf } from '../model/fingerprint.js';
import { durationMs } from '../model/host-values.js';
import { nestsDeeperThan } from '../model/json-depth.js';
import { deepestPart, unwritablePart } from '../model/json-fault.js';
import type { Options } from '../model/options.js';
import { areUnique } from '../model/plain-values.js';
import { parseStrictly } from '../model/strict.js';
import type { Mutable, PendingAction } from '../model/types.js';

/** Counts and characters: more than a person can look through is no question any more. */
export const ACTION_LIMITS = {
  requests: 64,
  questions: 4,
  options: 12,
  labelLength: 280,
  /** An answer, a reason, a response, a description, a question. */
  textLength: 16_000,
  idLength: 256,
} as const;

export const DECISIONS = ['approve', 'reject', 'edit', 'respond'] as const;
export const idSchema = z
  .string()
  .min(1)
  .max(ACTION_LIMITS.idLength)
  .refine((id) => id.isWellFormed(), 'has half of a surrogate pair');
export const textSchema = z.string().max(ACTION_LIMITS.textLength);
const label = z.string().min(1).max(ACTION_LIMITS.labelLength);

const option = z
  .strictObject({ label, value: label.optional(), description: textSchema.optional() })
  .transform(({ value, ...shown }) => ({ value: value ?? shown.label, ...shown }));

const question = z
  .strictObject({
    id: idSchema,
    question: textSchema.min(1),
    description: textSchema.optional(),
    options: z.array(option).max(ACTION_LIMITS.options).default([]),
    multiSelect: z.boolean().default(false),
    allowText: z.boolean().default(true),
  })
  .refine(({ options }) => areUnique(options.map(({ value }) => value)), 'two options share a value')
  .refine(({ options, allowText }) => allowText || options.length > 0, 'it can’t be answered');

const request = z.strictObject({
  id: idSchema,
  name: z.string().min(1).max(256),
  arguments: z.unknown().optional(),
  description: textSchema.optional(),
  allowedDecisions: z
    .array(z.enum(DECISIONS))
    .min(1)
    .refine(areUnique, 'a decision stands twice')
    .default(['approve', 'reject']),
});

const pauseSchema = z
  .strictObject({
    actionId: idSchema.optional(),
    type: z.string().refine(isActionTypeName, 'is no name of a type'),
    requests: z.array(request).max(ACTION_LIMITS.requests).default([]),
    questions: z.array(question).max(ACTION_LIMITS.questions).default([]),
    payload: z.unknown().optional(),
    expiresInMs: durationMs.optional(),
    resumeContext: z.unknown().optional(),
    fingerprint: idSchema.optional(),
  })
  .refine(
    ({ requests, questions }) => areUnique([...requests, ...questions].map(({ id }) => id)),
    'two requests or questions share an id',
  )
  .refine(
    ({ type, requests, questions }) =>
      type !== 'tool_approval' || (requests.length > 0 && questions.length === 0),
    'tool_approval has requests and no questions',
  )
  .refine(
    ({ type, requests, questions }) =>
      type !== 'ask_user_question' || (questions.length > 0 && requests.length === 0),
    'ask_user_question has questions and no requests',
  );

/** The action as a commit takes it: when it was asked and until when is the store's to say. */
export type CheckedAction = Omit<PendingAction, 'askedAt' | 'expiresAt'> & { readonly expiresInMs: number };

/** @throws GenerationJobError `invalid_action`, `event_too_large`, `json_too_deep` */
export function parsePause(input: PauseInput, entropy: Entropy, options: Options): CheckedAction {
  const parsed = parseStrictly('invalid_action', pauseSchema, input, 'action');
  const action = asJson(parsed, 'The action', options) as Mutable<CheckedAction>;
  action.actionId ??= entropy.id();
  action.expiresInMs ??= options.approvalWindowMs;
  action.payloadDigest = payloadDigestOf(action);
  return action;
}

/** The action with its payload as the host's schema gives it. @throws as `parsePause` */
export async function withPayloadChecked(
  action: CheckedAction,
  schema: ActionSchema,
  options: Options,
): Promise<CheckedAction> {
  const checked = { payload: await checkAgainst(schema, action.payload, 'payload') };
  const { payload } = asJson(checked, 'The payload', options) as Pick<CheckedAction, 'payload'>;
  return { ...action, payload, payloadDigest: payloadDigestOf({ ...action, payload }) };
}

/** The digest of what a person is shown. */
function payloadDigestOf({ type, requests, questions, payload }: CheckedAction): string {
  return fingerprintOf({ type, requests, questions, payload });
}

/**
 * A copy nobody shares, bounded like an event. What is refused is named by the path of its part.
 * @throws GenerationJobError `invalid_action`, `event_too_large`, `json_too_deep`
 */
export function asJson(value: object, what: string, { limits }: Options): unknown {
  let text: string;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    const message = `${what} is no JSON: ${unwritablePart(value)} can’t be written as JSON.`;
    throw new GenerationJobError('invalid_action', message, { cause });
  }
  const bytes = Buffer.byteLength(text);
  if (bytes > limits.eventBytes) throw tooLarge(what, value, bytes, limits);
  if (nestsDeeperThan(text, limits.jsonDepth)) {
    const path = deepestPart(value, limits.jsonDepth);
    throw new GenerationJobError('json_too_deep', `${what} nests deeper than ${limits.jsonDepth}: ${path}.`);
  }
  return JSON.parse(text);
}
