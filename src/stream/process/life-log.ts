/**
 * One line at `debug` for each step of a job's life that this process makes: which job, which step, and how long what
 * came before it took, by the store's clock. Ids and durations only, never what a user or the host has written; nothing
 * here is on the way of an event.
 */
import type { Logger } from '../interfaces/logger.js';
import type { JobRecord } from '../model/types.js';

const MESSAGES = {
  created: 'a job was created',
  paused: 'a job was paused',
  resumed: 'a job was resumed',
  recovered: 'a job was taken over',
  ended: 'a job has ended',
  settled: 'a job was settled',
} as const;

/** @param details ids and durations that the record does not say */
export function logStep(
  { logger }: { readonly logger: Logger },
  step: keyof typeof MESSAGES,
  record: JobRecord,
  details: Readonly<Record<string, string | number | undefined>> = {},
): void {
  const { tenantId, streamId, generation, attempt, createdAt, endedAt, updatedAt } = record;
  const durations = {
    ...(step !== 'created' && { sinceCreatedMs: (endedAt ?? updatedAt) - createdAt }),
    ...(step === 'settled' && endedAt !== undefined && { sinceEndedMs: updatedAt - endedAt }),
  };
  const ids = { ...(tenantId !== undefined && { tenantId }), streamId, generation, attempt };
  logger.debug({ ...ids, ...durations, ...details }, MESSAGES[step]);
}
