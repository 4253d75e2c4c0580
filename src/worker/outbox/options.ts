/** The outbox goes by these numbers. */
import { z } from 'zod';
import { HOUR, MIB, MINUTE, SECOND } from '../../clock.js';
import { callable, clockSchema, having } from '../../stream/model/host-values.js';
import { parseStrictly } from '../../stream/model/strict.js';
import type { OutboxSettings } from './options.generated.js';

const duration = (byDefault: number, text: string) =>
  z.number().int().min(1).max(HOUR).default(byDefault).describe(`${text} (ms)`);
const count = (byDefault: number, text: string, most: number) =>
  z.number().int().min(1).max(most).default(byDefault).describe(text);

export const outboxSchema = z.strictObject({
  maxRows: count(200_000, 'The most batches and reports in the file, those set aside among them', 10_000_000),
  maxBytes: z
    .number()
    .int()
    .min(1024)
    .max(64 * 1024 * MIB)
    .default(256 * MIB)
    .describe('The most text in the file, what is set aside among it (bytes)'),
  reportTries: count(100, 'Failed tries after which a report is set aside', 1_000_000),
  retryMs: duration(500, 'The pause after the first failed try; it doubles with each that follows'),
  longestRetryMs: duration(1 * MINUTE, 'The longest pause between two tries'),
  pollMs: duration(30 * SECOND, 'Sets how often each lane is looked at beside its timers'),
  deliveryMs: duration(1 * MINUTE, 'The longest time a delivery may take before it counts as a failed try'),
  batchItems: count(64, 'The most batches of a run in one delivery', 10_000),
  batchBytes: z
    .number()
    .int()
    .min(1)
    .max(64 * MIB)
    .default(1 * MIB)
    .describe('The most text of a run in one delivery, unless a single batch has more (bytes)'),
});

/** Every setting, with its value. */
export type OutboxOptions = z.output<typeof outboxSchema>;

const inputSchema = outboxSchema.extend({
  database: having('a SQLite database: new DatabaseSync(path), or new Database(path)', 'exec', 'prepare'),
  clock: clockSchema.optional(),
  entropy: having('an Entropy', 'id', 'random').optional(),
  logger: having('a Logger', 'debug', 'info', 'warn', 'error').optional(),
  onEvent: callable,
});

/** @throws GenerationJobError `invalid_options` naming each option that is unknown or wrong */
export function parseOutboxInput(input: OutboxSettings): OutboxOptions {
  return parseStrictly('invalid_options', inputSchema, input, 'options');
}
