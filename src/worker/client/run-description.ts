/** The gateway's description of a run, checked as far as a handle rests on it. */
import { z } from 'zod';
import { GenerationJobError } from '../../errors.js';

const whole = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const label = z.string().optional();
const usage = z.record(z.string(), z.number());

const schema = z.looseObject({
  now: z.number(),
  leaseUntil: z.number(),
  run: z.looseObject({
    streamId: z.string(),
    tenantId: label,
    generation: whole,
    attempt: whole.min(1),
    userId: z.string(),
    conversationId: label,
    createId: z.string(),
    createdAt: z.number(),
    agentId: z.string(),
    sequence: whole,
    lifecycleEvents: whole,
    changes: whole,
    usage,
    usageEntries: z.array(
      z.object({ kind: label, model: label, provider: label, agentId: label, calls: whole, usage }),
    ),
    actions: z.array(z.string()),
    checked: z.array(z.string()),
    action: z.looseObject({ actionId: z.string(), type: z.string() }).optional(),
    decision: z.looseObject({ actionId: z.string() }).optional(),
    leaseMs: z.number().int().min(1),
    options: z.looseObject({
      limits: z.record(z.string(), z.unknown()),
      approvalWindowMs: z.number(),
      idleTimeoutMs: z.number(),
      maxRunMs: z.number(),
      retryMs: z.number(),
    }),
  }),
});

export type RunDescription = z.output<typeof schema>;

/** @throws GenerationJobError `unavailable` when it is no description: what answers at that address is no gateway */
export function runDescriptionOf(body: unknown): RunDescription {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new GenerationJobError('unavailable', 'What answered is no gateway for workers.', {
    cause: parsed.error,
  });
}
