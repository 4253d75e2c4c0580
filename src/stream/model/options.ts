/**
 * Every number the library goes by: name, default, bounds and meaning in one schema, and nowhere else: the types with doc
 * comments are written from it. Options that
 * contradict each other are refused at construction, in words, because each of them alone would look right.
 */
import { z } from 'zod';
import { HOUR, KIB, MIB, MINUTE, SECOND } from '../../clock.js';
import { GenerationJobError } from '../../errors.js';
import { LONGEST_DURATION_MS } from './host-values.js';
import type { GenerationJobOptions, GenerationLimits } from './options.generated.js';
import { isObject } from './plain-values.js';
import { parseStrictly } from './strict.js';

const duration = (byDefault: number, text: string, least = 1) =>
  z.number().int().min(least).max(LONGEST_DURATION_MS).default(byDefault).describe(`${text} (ms)`);
const count = (byDefault: number, text: string, least = 1) =>
  z.number().int().min(least).max(Number.MAX_SAFE_INTEGER).default(byDefault).describe(text);
/** A number for text is counted the cheap way, as is what is counted for every event. */
const text = (byDefault: number, meaning: string) =>
  z
    .number()
    .int()
    .min(64)
    .max(4 * 1024 * MIB)
    .default(byDefault)
    .describe(`${meaning} (UTF-16 units: bytes, for ASCII)`);
const bytes = (byDefault: number, text: string) =>
  z
    .number()
    .int()
    .min(64)
    .max(4 * 1024 * MIB)
    .default(byDefault)
    .describe(`${text} (bytes)`);

const limitsSchema = z.strictObject({
  eventBytes: bytes(256 * KIB, 'One event’s data as JSON text'),
  finalBytes: bytes(4 * MIB, 'The final message of an end as JSON text; beyond it the end comes without'),
  metadataBytes: bytes(64 * KIB, 'A job’s metadata as JSON text'),
  jsonDepth: count(64, 'Nesting of event data, metadata and request bodies'),
  keptEvents: count(32, 'Different `keep` keys in a generation', 0),
  notes: count(64, 'Notes that stand on a generation', 0),
  notesBytes: bytes(64 * KIB, 'A generation’s notes: keys, event names and data as JSON text'),
  inboxMessages: count(10, 'Messages that wait for a generation’s producer', 0),
  generationMessages: count(64, 'Messages that a generation accepts in all', 0),
  messageBytes: bytes(32 * KIB, 'One message to a generation as JSON text'),
  handOverBytes: bytes(64 * KIB, 'The state that a job hands over, as JSON text'),
  receipts: count(1_000, 'Calls of `job.once` in a generation, each with a receipt; one more is refused', 0),
  receiptBytes: bytes(16 * KIB, 'A result kept in a receipt, as JSON text; a larger one is not kept'),
  generationEvents: count(500_000, 'Events in a generation'),
  generationBytes: bytes(256 * MIB, 'Event data emitted by one attempt'),
  unsnapshottedEvents: count(100_000, 'Events since the last snapshot'),
  unsnapshottedBytes: bytes(64 * MIB, 'Event data since the last snapshot'),
  batchEvents: count(256, 'Events in one commit'),
  batchBytes: text(48 * KIB, 'Event data in one commit'),
  bufferEvents: count(1024, 'Events waiting to be committed before `emit` waits'),
  bufferBytes: text(4 * MIB, 'Event data waiting to be committed before `emit` waits'),
  turnEvents: count(
    2048,
    'Events taken from all producers of a process in one turn of the event loop before `emit` waits for another; each KiB of data counts as one more',
  ),
  commitsUnderWay: count(
    64,
    'Commits of a process that one node of the store is given at once; more on a slow link',
  ),
  liveBytes: text(
    1 * MIB,
    'Live tail of a followed stream in memory; a follower further behind pulls from the log',
  ),
  pageEvents: count(1000, 'Events in one read of the log'),
  pageBytes: text(1 * MIB, 'Event data in one read of the log'),
  resolutionBytes: bytes(4 * MIB, 'Decisions recorded in a generation, as JSON text'),
  activeJobsPerUser: count(0, 'Running jobs of one user; 0 is no limit', 0),
  queuedRuns: z
    .number()
    .int()
    .min(1)
    .max(100)
    .default(10)
    .describe('Runs that wait for their turn on one stream'),
  followersPerStream: count(10_000, 'Local followers of one stream, and of one user’s feed'),
  feedEntries: count(500, 'Streams in one user’s feed; then the one that changed longest ago goes'),
});

export const optionsSchema = z.strictObject({
  leaseMs: duration(
    15 * SECOND,
    'Sets how long a producer may be silent to the store before others may take over',
  ),
  renewMs: duration(5 * SECOND, 'Sets how often leases are renewed'),
  sweepMs: duration(1 * SECOND, 'Sets how often each replica looks at the due index'),
  repairMs: duration(
    1 * HOUR,
    'Sets how often, at most, one of the replicas walks over all streams for what the indexes have lost',
    100,
  ),
  sweepStreams: count(256, 'Streams looked at in one sweep'),
  logPollMs: duration(
    5 * SECOND,
    'Sets how often a followed stream is compared with its log when nothing arrives',
  ),
  idleTimeoutMs: duration(20 * MINUTE, 'Longest silence of a living producer'),
  maxRunMs: duration(6 * HOUR, 'Longest run of one attempt; a pause ends it'),
  approvalWindowMs: duration(24 * HOUR, 'Sets how long a pending action waits unless it says otherwise'),
  retentionMs: duration(10 * MINUTE, 'Sets how long an ended, settled generation is kept'),
  idempotencyMs: duration(24 * HOUR, 'Sets how long an idempotency key is remembered'),
  createTimeoutMs: duration(
    10 * SECOND,
    'Sets how long a create is tried, and the age at which the store refuses it',
  ),
  queuedMs: z
    .number()
    .int()
    .min(SECOND)
    .max(24 * HOUR)
    .default(HOUR)
    .describe('Sets how long a queued run waits for its turn before it is handed back (ms)'),
  retryMs: duration(
    50,
    'First pause before a call of unknown outcome is repeated; doubles up to 20 times this',
  ),
  coalesceMs: duration(0, 'Gather events this long before a first commit; for those who pay per command', 0),
  snapshotEvents: count(500, 'Fewest events between snapshots; more lie between them as the content grows'),
  trimLog: z
    .boolean()
    .default(false)
    .describe('Sets whether events before a snapshot are removed from the log'),
  maxRecoveries: count(1, 'Sets how often a generation may be taken over after a crash', 0),
  settleForMs: duration(
    24 * HOUR,
    'Sets how long after its end a generation’s settlement is tried before it is set aside',
  ),
  settleTries: count(0, 'Sets how often it is tried at most before that; 0 is no limit', 0),
  setAsideMs: duration(
    30 * 24 * HOUR,
    'Sets how long after its end a generation is kept whose settlement was set aside',
  ),
  setAsideRetryMs: duration(6 * HOUR, 'Sets how often what was set aside is tried again by itself'),
  setAsideMost: count(
    5_000,
    'Generations kept whose settlement was set aside, and for each replica a tenth of it; then the oldest goes',
  ),
  leaveMs: duration(
    5 * SECOND,
    'Sets how long a producer that others have stopped may still add usage and metadata before its generation is settled; less than predecessorMs',
    0,
  ),
  predecessorMs: duration(
    15 * SECOND,
    'Sets how long a new producer waits at most for what comes before it, where its create asks for that',
    0,
  ),
  settleClaimMs: duration(30 * SECOND, 'Sets how long a replica may be silent while it settles'),
  settledWaitMs: duration(
    10 * SECOND,
    'Sets how long is waited at most for a settlement: by a follower that stays for it, a stop, `manager.settled`',
    0,
  ),
  settleBackoffMs: duration(1 * SECOND, 'Pause after the first failed settlement; doubles up to 10 minutes'),
  progressMs: duration(2 * SECOND, 'Shortest time between two calls of `onProgress` for a generation', 100),
  hookMs: duration(
    30 * SECOND,
    'Sets how long a hook may take; not `settle` and `recover`, nor `describeEnd`',
  ),
  describeEndMs: duration(
    5 * SECOND,
    'Sets how long `describeEnd` may take; less than the grace of a drain, so that ends under way are described',
  ),
  feed: z
    .boolean()
    .default(false)
    .describe('Sets whether each user has a feed of all their streams; the same on every replica'),
  feedKeptMs: duration(30 * 24 * HOUR, 'Sets how long a feed keeps what has become of a stream', MINUTE),
  feedTitle: z
    .string()
    .min(1)
    .max(128)
    .default('title')
    .describe('The key of the note that names a stream in its user’s feed, 1 to 128 characters'),
  sourceCloseMs: duration(1 * SECOND, 'Sets how long `job.pipe` waits for a source to close'),
  logErrors: z
    .enum(['full', 'name'])
    .default('full')
    .describe('Sets what is logged of an error: all of it, or its name and where it was thrown'),
  limits: limitsSchema.prefault({}).describe('Sets how much of each thing there may be'),
}) satisfies z.ZodType<Options, GenerationJobOptions>;

export type { GenerationJobOptions, GenerationLimits };
/** The options the library works with: everything is there. */
export type Options = Complete<Omit<GenerationJobOptions, 'limits'>> & {
  /** Says how much of each thing there may be. */
  readonly limits: Complete<GenerationLimits>;
};

type Complete<Given> = { readonly [Name in keyof Given]-?: Exclude<Given[Name], undefined> };

/** The refusal of a limit that stood here until 0.1, by name, since "did you mean" would name another limit. */
const MOVED_BODY_BYTES =
  'limits.bodyBytes is an option of the routes now: give bodyBytes to createStreamRouter or createStreamHandler.';

/** The times of a store that bound the options: what it has of them is at the port, `JobStore`. */
export interface StoreTimes {
  readonly answerMs?: number | undefined;
  readonly keepsEndedMs?: number | undefined;
}

/**
 * @param store what the options must go with
 * @throws GenerationJobError `invalid_options` naming each option that is unknown, out of bounds or contradictory
 */
export function parseOptions(given: GenerationJobOptions = {}, store: StoreTimes = {}): Options {
  if (isObject(given?.limits) && Object.hasOwn(given.limits, 'bodyBytes')) {
    throw new GenerationJobError('invalid_options', MOVED_BODY_BYTES);
  }
  const options = parseStrictly('invalid_options', optionsSchema, given, 'options');
  const contradictions = findContradictions(options, store);
  if (contradictions.length > 0) {
    throw new GenerationJobError('invalid_options', contradictions.map((text) => `${text}.`).join(' '));
  }
  return options;
}

function findContradictions(
  { limits, ...options }: Options,
  { answerMs = 0, keepsEndedMs = Number.POSITIVE_INFINITY }: StoreTimes,
): string[] {
  const rules: [boolean, string][] = [
    [
      options.renewMs * 2 > options.leaseMs,
      'renewMs must be at most half of leaseMs, or one late renewal loses the lease',
    ],
    [
      answerMs * 2 >= options.leaseMs,
      'The store’s timeoutMs must be less than half of leaseMs, or what got no answer can’t be asked again in time',
    ],
    [options.sweepMs > options.leaseMs, 'sweepMs must not exceed leaseMs, or a dead producer goes unnoticed'],
    [
      options.idleTimeoutMs < options.renewMs,
      'idleTimeoutMs must be at least renewMs, which is when it is checked',
    ],
    [
      options.retentionMs >= keepsEndedMs,
      'The store’s expiryMarginMs must exceed retentionMs, or what has ended is gone before its time',
    ],
    [
      options.leaveMs >= keepsEndedMs,
      'The store’s expiryMarginMs must exceed leaveMs, or what a stop has ended is gone before it is settled',
    ],
    [
      options.predecessorMs > 0 && options.predecessorMs <= options.leaveMs,
      'predecessorMs must exceed leaveMs, or be 0: else a create that waits is refused while a stopped producer may still be there',
    ],
    [options.setAsideRetryMs > options.setAsideMs, 'setAsideRetryMs must not exceed setAsideMs'],
    [options.settleForMs > options.setAsideMs, 'settleForMs must not exceed setAsideMs'],
    [options.maxRunMs < options.idleTimeoutMs, 'maxRunMs must be at least idleTimeoutMs'],
    [options.idempotencyMs < options.retentionMs, 'idempotencyMs must be at least retentionMs'],
    [limits.eventBytes > limits.generationBytes, 'limits.eventBytes must not exceed limits.generationBytes'],
    [limits.eventBytes > limits.bufferBytes, 'limits.eventBytes must not exceed limits.bufferBytes'],
    [
      limits.unsnapshottedEvents > limits.generationEvents,
      'limits.unsnapshottedEvents must not exceed limits.generationEvents',
    ],
    [
      limits.unsnapshottedBytes > limits.generationBytes,
      'limits.unsnapshottedBytes must not exceed limits.generationBytes',
    ],
    [
      options.snapshotEvents > limits.unsnapshottedEvents,
      'snapshotEvents must not exceed limits.unsnapshottedEvents',
    ],
  ];
  return rules.filter(([contradicts]) => contradicts).map(([, text]) => text);
}
