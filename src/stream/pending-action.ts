/**
 * What a job may ask, and what may be answered: checked whole before anything changes.
 */
import { z } from 'zod';
import type { Entropy } from '../clock.js';
import { GenerationJobError } from '../errors.js';
import { nestsDeeperThan } from './json-depth.js';
import type { PauseInput, ResolveInput } from './manager-types.js';
import { describeIssues, type Options } from './options.js';
import type { Decision, PendingAction } from './types.js';

const MOST_REQUESTS = 64;
const DECISIONS = ['approve', 'reject', 'edit', 'respond'] as const;
const id = z.string().min(1).max(256);

const pauseSchema = z.strictObject({
  actionId: id.optional(),
  type: z
    .string()
    .max(64)
    .regex(/^[a-z][a-z0-9_]*$/),
  requests: z
    .array(
      z.strictObject({
        id,
        name: z.string().min(1).max(256),
        arguments: z.unknown().optional(),
        description: z.string().max(16_000).optional(),
        allowedDecisions: z.array(z.enum(DECISIONS)).min(1).default(['approve', 'reject']),
      }),
    )
    .max(MOST_REQUESTS)
    .default([]),
  payload: z.unknown().optional(),
  expiresInMs: z.number().int().min(1).optional(),
  resumeContext: z.unknown().optional(),
  fingerprint: z.string().max(256).optional(),
  payloadDigest: z.string().max(256).optional(),
});

const decisionsSchema = z
  .array(
    z.strictObject({
      id,
      decision: z.enum(DECISIONS),
      reason: z.string().max(16_000).optional(),
      arguments: z.record(z.string(), z.unknown()).optional(),
      text: z.string().max(16_000).optional(),
    }),
  )
  .max(MOST_REQUESTS);

export type CheckedAction = Omit<PendingAction, 'expiresAt'> & { readonly expiresInMs: number };

/** @throws GenerationJobError `invalid_action`, `event_too_large`, `json_too_deep` */
export function parsePause(input: PauseInput, entropy: Entropy, options: Options): CheckedAction {
  const parsed = pauseSchema.safeParse(input);
  if (!parsed.success) throw new GenerationJobError('invalid_action', `${describeIssues(parsed.error)}.`);
  const ids = parsed.data.requests.map((request) => request.id);
  if (new Set(ids).size !== ids.length)
    throw new GenerationJobError('invalid_action', 'Two requests share an id.');
  const given = asJson(parsed.data, options) as Omit<CheckedAction, 'actionId' | 'expiresInMs'> & {
    actionId?: string;
    expiresInMs?: number;
  };
  return {
    ...given,
    actionId: given.actionId ?? entropy.id(),
    expiresInMs: given.expiresInMs ?? options.approvalWindowMs,
  };
}

/**
 * Checks that each request of the action is decided exactly once, as it allows.
 * @throws GenerationJobError `invalid_action`
 */
export function parseDecisions(input: ResolveInput['decisions'], action: PendingAction): readonly Decision[] {
  const parsed = decisionsSchema.safeParse(input);
  if (!parsed.success) throw new GenerationJobError('invalid_action', `${describeIssues(parsed.error)}.`);
  const decided = new Map<string, Decision>();
  for (const decision of parsed.data as Decision[]) {
    const request = action.requests.find((one) => one.id === decision.id);
    if (request === undefined) throw new GenerationJobError('invalid_action', 'A decision names no request.');
    if (decided.has(decision.id))
      throw new GenerationJobError('invalid_action', 'A request is decided twice.');
    if (!request.allowedDecisions.includes(decision.decision)) {
      throw new GenerationJobError('invalid_action', `"${decision.decision}" is not allowed for a request.`);
    }
    if (decision.decision === 'edit' && decision.arguments === undefined) {
      throw new GenerationJobError('invalid_action', '"edit" needs an object of arguments.');
    }
    if (decision.decision === 'respond' && decision.text === undefined) {
      throw new GenerationJobError('invalid_action', '"respond" needs text.');
    }
    decided.set(decision.id, decision);
  }
  if (decided.size !== action.requests.length) {
    throw new GenerationJobError('invalid_action', 'A request is undecided.');
  }
  return [...decided.values()];
}

/** A copy nobody shares, bounded like an event. */
function asJson(value: object, { limits }: Options): unknown {
  let text: string;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new GenerationJobError('invalid_action', 'The action can’t be written as JSON.', { cause });
  }
  if (Buffer.byteLength(text) > limits.eventBytes) {
    throw new GenerationJobError('event_too_large', `The action exceeds ${limits.eventBytes} bytes.`);
  }
  if (nestsDeeperThan(text, limits.jsonDepth))
    throw new GenerationJobError('json_too_deep', 'The action nests too deeply.');
  return JSON.parse(text);
}
