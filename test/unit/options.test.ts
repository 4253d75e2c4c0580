/**
 * One schema for every number: defaults as documented, unknown names and contradictions refused in words.
 */
import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { GenerationJobError } from '../../src/errors.js';
import { createStreamServices } from '../../src/services.js';
import { GenerationJobManager } from '../../src/stream/generation-job-manager.js';
import { type GenerationJobOptions, optionsSchema, parseOptions } from '../../src/stream/model/options.js';

function refusalOf(given: unknown, store?: Parameters<typeof parseOptions>[1]): string {
  try {
    parseOptions(given as GenerationJobOptions, store);
  } catch (error) {
    expect(error).toBeInstanceOf(GenerationJobError);
    expect((error as GenerationJobError).code).toBe('invalid_options');
    return (error as GenerationJobError).message;
  }
  return 'accepted';
}

it('defaults are those of the design', () => {
  const minute = 60_000;
  expect(parseOptions()).toMatchObject({
    leaseMs: 15_000,
    renewMs: 5_000,
    sweepMs: 1_000,
    logPollMs: 5_000,
    idleTimeoutMs: 20 * minute,
    maxRunMs: 360 * minute,
    approvalWindowMs: 1_440 * minute,
    retentionMs: 10 * minute,
    idempotencyMs: 1_440 * minute,
    maxRecoveries: 1,
    hookMs: minute / 2,
    describeEndMs: 5_000,
    trimLog: false,
    limits: {
      eventBytes: 256 * 1024,
      finalBytes: 4 * 1024 ** 2,
      metadataBytes: 64 * 1024,
      jsonDepth: 64,
      generationEvents: 500_000,
      generationBytes: 256 * 1024 ** 2,
      unsnapshottedEvents: 100_000,
      unsnapshottedBytes: 64 * 1024 ** 2,
      batchEvents: 256,
      batchBytes: 48 * 1024,
      bufferEvents: 1_024,
      bufferBytes: 4 * 1024 ** 2,
      liveBytes: 1024 ** 2,
      activeJobsPerUser: 0,
    },
  });
});

it('every option says what it is for, and those in milliseconds or bytes say so', () => {
  const { limits, ...options } = optionsSchema.shape;
  const described = { ...options, ...limits.unwrap().shape };
  for (const [name, schema] of Object.entries(described)) {
    expect(schema.description, name).toMatch(/^[A-Z].{8,}/);
    if (name.endsWith('Ms')) expect(schema.description, name).toContain('(ms)');
    if (name.endsWith('Bytes')) expect(schema.description, name).toContain('bytes');
  }
});

it('unknown names, wrong types and values out of bounds are refused by name', () => {
  for (const [given, named] of [
    [{ leaseMS: 1 }, 'leaseMS'],
    [{ limits: { eventbytes: 100 } }, 'eventbytes'],
    [{ leaseMs: '15000' }, 'leaseMs'],
    [{ leaseMs: 0 }, 'leaseMs'],
    [{ leaseMs: -1 }, 'leaseMs'],
    [{ leaseMs: 1.5 }, 'leaseMs'],
    [{ leaseMs: Number.NaN }, 'leaseMs'],
    [{ retentionMs: Number.POSITIVE_INFINITY }, 'retentionMs'],
    [{ limits: { eventBytes: 1 } }, 'eventBytes'],
    [{ limits: null }, 'limits'],
    [{ trimLog: 1 }, 'trimLog'],
    ['leaseMs', ''],
    [null, ''],
  ] as const) {
    expect(refusalOf(given), JSON.stringify(given)).toContain(named);
    expect(refusalOf(given)).not.toBe('accepted');
  }
});

it('options that contradict each other are refused in words that name both', () => {
  const contradictions: readonly [GenerationJobOptions, string, string][] = [
    [{ leaseMs: 1_000, renewMs: 600, sweepMs: 100 }, 'renewMs', 'leaseMs'],
    [{ sweepMs: 20_000 }, 'sweepMs', 'leaseMs'],
    [{ idleTimeoutMs: 100 }, 'idleTimeoutMs', 'renewMs'],
    [{ maxRunMs: 60_000 }, 'maxRunMs', 'idleTimeoutMs'],
    [{ idempotencyMs: 1_000 }, 'idempotencyMs', 'retentionMs'],
    [{ limits: { eventBytes: 1_000_000_000 } }, 'eventBytes', 'generationBytes'],
    [{ limits: { eventBytes: 8_000_000 } }, 'eventBytes', 'bufferBytes'],
    [{ limits: { unsnapshottedEvents: 600_000 } }, 'unsnapshottedEvents', 'generationEvents'],
    [{ limits: { unsnapshottedBytes: 1_000_000_000 } }, 'unsnapshottedBytes', 'generationBytes'],
    [{ leaveMs: 15_000 }, 'predecessorMs', 'leaveMs'],
    [{ predecessorMs: 5_000 }, 'predecessorMs', 'leaveMs'],
    [{ predecessorMs: 1, leaveMs: 1 }, 'predecessorMs', 'leaveMs'],
    [{ snapshotEvents: 200_000 }, 'snapshotEvents', 'unsnapshottedEvents'],
  ];
  for (const [given, one, other] of contradictions) {
    expect(refusalOf(given)).toContain(one);
    expect(refusalOf(given)).toContain(other);
  }
});

it('a store that may take half a lease to answer is refused, by the options and by a manager on Redis', () => {
  expect(refusalOf({}, { answerMs: 7_499 })).toBe('accepted');
  expect(refusalOf({}, { answerMs: 7_500 })).toContain('timeoutMs must be less than half of leaseMs');
  const redis = new Redis({ lazyConnect: true });
  const services = createStreamServices({ redis, timeoutMs: 7_500 });
  expect(() => new GenerationJobManager(services)).toThrow('timeoutMs must be less than half of leaseMs');
  expect(() => new GenerationJobManager({ ...services, options: { leaseMs: 16_000 } })).not.toThrow();
});

it('a create that waits for nothing, or a stop that leaves no time for books, contradicts nothing', () => {
  for (const given of [
    { predecessorMs: 0 },
    { leaveMs: 0, predecessorMs: 1 },
    { leaveMs: 0, predecessorMs: 0 },
  ])
    expect(refusalOf(given), JSON.stringify(given)).toBe('accepted');
});

it('are refused when what a stop has ended could be gone before its producer’s books are closed', () => {
  const times = { retentionMs: 1_000, leaveMs: 3_000 };
  expect(refusalOf(times, { keepsEndedMs: 3_001 })).toBe('accepted');
  expect(refusalOf(times, { keepsEndedMs: 3_000 })).toContain('expiryMarginMs must exceed leaveMs');
});

it('are refused when they ask for a retention beyond what the store keeps', () => {
  const times = { retentionMs: 1_000, leaveMs: 500 };
  expect(refusalOf(times, { keepsEndedMs: 1_001 })).toBe('accepted');
  expect(refusalOf(times, { keepsEndedMs: 1_000 })).toContain('expiryMarginMs must exceed retentionMs');
});
