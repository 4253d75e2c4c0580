/**
 * The bodies that workers send, as JSON. The run they act for is the token's; a body may say it again and is refused where it
 * says another.
 * An event's name, data and `keep` are taken; anything else it holds (such as when it happened) stays with the worker.
 */
import { z } from 'zod';
import { GenerationJobError } from '../../errors.js';
import type { RemoteBatch } from '../../stream/interfaces/remote-attempts.js';
import { isStreamId } from '../../stream/model/stream-key.js';
import type { RunClaims } from './run-tokens.js';

/** More events in one commit cost the store a long moment. */
const MOST_EVENTS = 1024;
/** A generation has at most so many counters, and entries of them. */
const MOST_COUNTERS = 128;
const MOST_ENTRIES = 65;

const whole = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
/** A call is named as a stream is. */
const callId = z.string().refine(isStreamId, 'is no name of a call');
const label = z.string().min(1).max(256).optional();
const usage = z
  .record(z.string().min(1).max(128), z.number())
  .refine((counters) => Object.keys(counters).length <= MOST_COUNTERS, 'has too many counters');

const changeSchema = z.strictObject({
  number: whole.min(1),
  conversationId: z.string().max(1024).optional(),
  metadata: z.record(z.string(), z.unknown()).optional(),
  usage: usage.optional(),
  usageEntries: z
    .array(
      z.strictObject({
        kind: label,
        model: label,
        provider: label,
        agentId: label,
        calls: whole.min(1),
        usage,
      }),
    )
    .max(MOST_ENTRIES)
    .optional(),
});

/** The run may be named, and must then be the token's. */
const named = {
  tenantId: z.unknown().optional(),
  userId: z.unknown().optional(),
  streamId: z.unknown().optional(),
  generation: z.unknown().optional(),
  attempt: z.unknown().optional(),
  agentId: z.unknown().optional(),
  conversationId: z.unknown().optional(),
};

export const batchBody = z.strictObject({
  ...named,
  after: whole,
  events: z
    .array(z.looseObject({ event: z.string(), data: z.unknown().optional(), keep: z.string().optional() }))
    .max(MOST_EVENTS)
    .default([]),
  change: changeSchema.optional(),
  end: z
    .strictObject({
      name: z.enum(['complete', 'fail']),
      callId,
      error: z.unknown().optional(),
      final: z.unknown().optional(),
    })
    .optional(),
  pause: z.strictObject({ callId, action: z.looseObject({ type: z.string() }) }).optional(),
});

export type BatchBody = z.output<typeof batchBody>;

export const usageBody = z.union([
  batchBody.extend({ leaves: z.undefined().optional() }),
  z.strictObject({ ...named, change: changeSchema.optional(), leaves: z.boolean() }),
]);

/** Asks whether an action of the host's own type may show this; nothing is changed. */
export const pauseBody = z.union([
  batchBody,
  z.strictObject({
    ...named,
    check: z.strictObject({ type: z.string().min(1).max(64), payload: z.unknown().optional() }),
  }),
]);

export const heartbeatBody = z.strictObject({ ...named, describe: z.boolean().default(false) });
export const tokenBody = z.strictObject(named);
export const hookFatalBody = z.looseObject({
  ...named,
  hook: z.string().min(1).max(256),
  message: z.string().max(16_000).optional(),
  exitCode: z.number().int().optional(),
  at: z.number().optional(),
  idempotencyKey: z.string().max(512).optional(),
});

/** @throws GenerationJobError `token_of_another_run` when a body says that it is of another run than its token */
export function checkNamed(body: object, run: RunClaims): void {
  const said = body as Record<keyof typeof named, unknown>;
  for (const name of Object.keys(named) as (keyof typeof named)[]) {
    if (said[name] !== undefined && said[name] !== run[name])
      throw new GenerationJobError('token_of_another_run', `The body has another ${name} than its token.`);
  }
}

/** The batch of a body, as a commit takes it. @throws GenerationJobError `invalid_body` when it both ends and pauses */
export function batchOf({ after, events, change, end, pause }: BatchBody): RemoteBatch {
  if (end && pause) throw new GenerationJobError('invalid_body', 'A batch ends its attempt once.');
  return {
    after,
    events: events.map(({ event, data, keep }) => ({ event, data, ...(keep !== undefined && { keep }) })),
    change,
    end,
    pause: pause && { callId: pause.callId, input: pause.action },
  };
}
