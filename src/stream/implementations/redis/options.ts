/**
 * Options of the Redis implementations: names, defaults, bounds and meaning, here only.
 */
import { z } from 'zod';
import { HOUR, SECOND } from '../../../clock.js';
import { parseStrictly } from '../../model/strict.js';
import type { RedisOptions } from './options.generated.js';

export const redisOptionsSchema = z.strictObject({
  keyPrefix: z
    .string()
    .max(64)
    .regex(/^[A-Za-z0-9_.:-]*$/)
    .default('gj:')
    .describe('Sets what every key begins with; no braces'),
  timeoutMs: z
    .number()
    .int()
    .min(10)
    .max(600_000)
    .default(5 * SECOND)
    .describe('Longest wait for an answer; less than half of leaseMs (ms)'),
  expiryMarginMs: z
    .number()
    .int()
    .min(SECOND)
    .default(48 * HOUR)
    .describe(
      'Sets how long keys outlive what is due on them, with every replica down; more than the retention (ms)',
    ),
  createHoldMs: z
    .number()
    .int()
    .min(1)
    .default(15 * SECOND)
    .describe(
      'Sets how long a user’s index keeps an entry for a create under way; at least createTimeoutMs (ms)',
    ),
  pingMs: z
    .number()
    .int()
    .min(10)
    .default(5 * SECOND)
    .describe('Sets how often the subscriber link is tried (ms)'),
  pingTimeoutMs: z
    .number()
    .int()
    .min(10)
    .default(3 * SECOND)
    .describe('Sets when a silent subscriber link is replaced (ms)'),
}) satisfies z.ZodType<unknown, RedisOptions>;

export type { RedisOptions };

/** @throws GenerationJobError `invalid_options` */
export function parseRedisOptions(given: RedisOptions): z.output<typeof redisOptionsSchema> {
  return parseStrictly('invalid_options', redisOptionsSchema, given, 'options');
}
