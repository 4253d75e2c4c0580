/**
 * The library's metrics for Prometheus, as an observer of the manager. They live in the registry the host gives, so two
 * managers, or a test, never share numbers by accident. No label is an id: each takes its values from a short list, so
 * the number of series is fixed whatever clients send. Names and units follow prometheus.io/docs/practices/naming.
 */
import type { Registry } from 'prom-client';
import { z } from 'zod';
import { GenerationJobError } from '../errors.js';
import { warnIfUntested } from '../peer-versions.js';
import type { RepairedIndex } from '../stream/interfaces/job-store.js';
import {
  type AnnotationResult,
  type AttachKind,
  type BooksResult,
  type ContentlessStep,
  DETACH_RESULTS,
  type EndResult,
  type FinalOmission,
  SETTLEMENT_WAIT_RESULTS,
  type StreamObserver,
  type SuccessionOutcome,
  type TransportStep,
  type UpkeepStep,
} from '../stream/interfaces/observer.js';
import { having } from '../stream/model/host-values.js';
import { parseStrictly } from '../stream/model/strict.js';
import { TRANSITIONS, type TransitionName } from '../stream/model/transitions.js';
import { observeDecisionLinks } from './decision-links.js';
import { observeFeeds } from './feeds.js';
import { observeHandOvers } from './hand-overs.js';
import { HOOKS, OTHER_HOOK } from './hooks.js';
import { observeInbox } from './inbox.js';
import { type Makers, makersOf } from './makers.js';
import { observeQueues } from './queues.js';
import { observeReceipts } from './receipts.js';
import { observeRules } from './rules.js';
import { observeWorkers } from './workers.js';

export interface MetricsOptions {
  /** The registry of the metrics; there is no default. Its default labels tell stores or replicas apart. */
  readonly registry: Registry;
  /**
   * The beginning of every name. Letters, digits and `_`, at most 64, not beginning with a digit. Default
   * `generation_jobs_`.
   */
  readonly prefix?: string | undefined;
}

/** Seconds. A commit takes some 10 µs in memory and some 100 µs on a near Redis; a second means trouble. */
const COMMIT_SECONDS = [0.00005, 0.0002, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1, 5];
/** Seconds. What a reader notices begins at about 50 ms. */
const LAG_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];
/** Seconds. A model's first token takes from tenths of a second to a minute of thinking. */
const FIRST_EVENT_SECONDS = [0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 180];
/** Seconds. People answer within seconds when they sit before it, within a day when they don't. */
const WAIT_SECONDS = [1, 5, 15, 60, 300, 900, 3600, 14_400, 43_200, 86_400];
/** Seconds. A save takes some tenths of one; `predecessorMs` is 15. */
const SUCCESSION_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 15, 30];
/** Seconds. A save takes some 10 ms, or as long as a database takes to come back; `settledWaitMs` is 10 s. */
const SETTLEMENT_WAIT_SECONDS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
/** Events. The largest commit is `limits.batchEvents`. */
const BATCH_EVENTS = [1, 2, 4, 8, 16, 32, 64, 256];
/** Bytes. From a few words to the whole of an answer with its tool results. */
const RESUME_BYTES = [256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 8_388_608];

const END_RESULTS = [
  'completed',
  'failed',
  'aborted',
  'replaced',
  'expired',
  'timeout',
  'producer_lost',
  'store_damaged',
  'limit_exceeded',
  'interrupted',
] as const satisfies readonly EndResult[];
const SUCCESSIONS = ['handed_out', 'refused', 'ended'] as const satisfies readonly SuccessionOutcome[];
const FINAL_OMISSIONS = ['too_large', 'too_deep', 'no_json'] as const satisfies readonly FinalOmission[];
const BOOKS_RESULTS = ['taken', 'refused', 'left'] as const satisfies readonly BooksResult[];
const ATTACH_KINDS = ['start', 'cursor', 'resume', 'tail'] as const satisfies readonly AttachKind[];
const UPKEEP_STEPS = [
  'renewal',
  'sweep',
  'visit',
  'listing',
  'deletion',
  'repair',
] as const satisfies readonly UpkeepStep[];
const REPAIRED_INDEXES = ['due', 'user'] as const satisfies readonly RepairedIndex[];
const TRANSPORT_STEPS = [
  'subscribe',
  'publish',
  'signal',
  'link',
] as const satisfies readonly TransportStep[];
const CONTENTLESS_STEPS = [
  'aborted',
  'replaced',
  'expired',
  'lost',
  'recovered',
  'resolved',
  'settled',
] as const satisfies readonly ContentlessStep[];
const ANNOTATION_RESULTS = [
  'written',
  'not_found',
  'too_large',
  'failed',
] as const satisfies readonly AnnotationResult[];
const TRANSITION_NAMES = Object.keys(TRANSITIONS) as TransitionName[];

const optionsSchema = z.strictObject({
  registry: having('a Registry of prom-client', 'registerMetric', 'getSingleMetric'),
  prefix: z
    .string()
    .max(64)
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be 1 to 64 letters, digits or _')
    .default('generation_jobs_'),
});

/**
 * An observer for `new GenerationJobManager({ observer })` that counts into `registry`.
 * @throws GenerationJobError `invalid_options` for an option that is missing, unknown or malformed; or when the registry
 *   has metrics of that prefix already
 */
export function createMetrics(options: MetricsOptions): StreamObserver {
  const { prefix } = parseStrictly('invalid_options', optionsSchema, options);
  const { registry } = options;
  warnIfUntested('prom-client');
  // Two managers that counted into one set would each overwrite the other's gauges.
  if (registry.getSingleMetric(`${prefix}jobs_created_total`) !== undefined) {
    const message = `The registry has metrics of the prefix ${prefix} already: give each manager a prefix or a registry of its own.`;
    throw new GenerationJobError('invalid_options', message);
  }
  const make = makersOf(registry, prefix);
  return {
    ...observeJobs(make),
    ...observeDecisions(make),
    ...observeDecisionLinks(make),
    ...observeCommits(make),
    ...observeFollowers(make),
    ...observeFaults(make),
    ...observeInbox(make),
    ...observeQueues(make),
    ...observeFeeds(make),
    ...observeRules(make),
    ...observeReceipts(make),
    ...observeWorkers(make),
    ...observeHandOvers(make),
  };
}

function observeJobs(make: Makers) {
  const created = make.counter('jobs_created_total', 'Generations created');
  const transitions = make.counterBy(
    'job_transitions_total',
    'Changes of a job’s status made by this process',
    'transition',
    TRANSITION_NAMES,
  );
  const ended = make.counterBy(
    'jobs_ended_total',
    'Generations ended by this process',
    'result',
    END_RESULTS,
  );
  const omitted = make.counterBy(
    'finals_omitted_total',
    'Ends that came without the final message they were given',
    'omission',
    FINAL_OMISSIONS,
  );
  const behind = make.counter(
    'ends_described_behind_total',
    'Ends whose final message may lack what a producer without hold committed meanwhile',
  );
  const inFlight = make.gauge('jobs_in_flight', 'Generations this process is producing');
  const recoveries = make.counterBy('recoveries_total', 'Generations whose producer was lost', 'result', [
    'taken_over',
    'given_up',
  ]);
  const books = make.counterBy(
    'books_total',
    'Changes that stopped producers of this process still made of their records, and their leaves',
    'result',
    BOOKS_RESULTS,
  );
  const successions = make.histogram(
    'predecessor_wait_seconds',
    'Time that new producers waited for what comes before them',
    SUCCESSION_SECONDS,
    ['outcome'],
  );
  for (const outcome of SUCCESSIONS) successions.zero({ outcome });
  return {
    jobCreated: () => created.inc(),
    jobTransitioned: (name) => transitions(name),
    jobEnded: (result) => ended(result),
    finalOmitted: (omission) => omitted(omission),
    endBehind: () => behind.inc(),
    jobsInFlight: (count) => inFlight.set(count),
    recovered: (result) => recoveries(result),
    books: (result) => books(result),
    succeeded: (outcome, waitedMs) => successions.observe({ outcome }, waitedMs / 1000),
  } satisfies Partial<StreamObserver>;
}

function observeDecisions(make: Makers) {
  const approvals = make.counterBy('approvals_total', 'Steps of pending actions', 'outcome', [
    'paused',
    'resolved',
    'expired',
    'refused',
  ]);
  const waits = make.histogram('approval_wait_seconds', 'Time from asking to the outcome', WAIT_SECONDS, [
    'outcome',
  ]);
  for (const outcome of ['resolved', 'expired']) waits.zero({ outcome });
  const pauses = make.counterBy(
    'pauses_told_total',
    'Calls of onPaused that the host took, or did not',
    'outcome',
    ['told', 'retried'],
  );
  const settlementWaits = make.histogram(
    'settlement_wait_seconds',
    'Time that somebody waited for a settlement, by how it ended',
    SETTLEMENT_WAIT_SECONDS,
    ['result'],
  );
  for (const result of SETTLEMENT_WAIT_RESULTS) settlementWaits.zero({ result });
  const settlements = make.counterBy(
    'settlements_total',
    'Tries to settle an ended generation, and those dropped unsettled',
    'outcome',
    ['settled', 'retried', 'set_aside', 'dropped'],
  );
  const annotations = make.counterBy(
    'annotations_total',
    'Calls of annotate in this process',
    'outcome',
    ANNOTATION_RESULTS,
  );
  const setAside = make.gauge(
    'settlements_set_aside',
    'Settlements set aside in the whole store, as this process counted them last; NaN when another one has since, or none has',
  );
  setAside.set(Number.NaN);
  return {
    approval: (outcome, waitedMs) => {
      approvals(outcome);
      if (waitedMs !== undefined) waits.observe({ outcome }, waitedMs / 1000);
    },
    pauseTold: (outcome) => pauses(outcome),
    annotated: (outcome) => annotations(outcome),
    settled: (outcome) => settlements(outcome),
    settlementAwaited: (result, ms) => settlementWaits.observe({ result }, ms / 1000),
    settlementsSetAside: (count) => setAside.set(count ?? Number.NaN),
  } satisfies Partial<StreamObserver>;
}

function observeCommits(make: Makers) {
  const events = make.counter('events_committed_total', 'Events committed by this process');
  const bytes = make.counter(
    'event_bytes_committed_total',
    'Event data committed by this process, as JSON text',
  );
  const batch = make.histogram('commit_events', 'Events in one commit', BATCH_EVENTS);
  const commit = make.histogram('commit_seconds', 'Time of one commit, repeats included', COMMIT_SECONDS);
  const first = make.histogram(
    'first_event_seconds',
    'Time from a generation’s creation to its first event of the host',
    FIRST_EVENT_SECONDS,
  );
  return {
    committed: (eventCount, byteCount, ms) => {
      events.inc(eventCount);
      bytes.inc(byteCount);
      batch.observe(eventCount);
      commit.observe(ms / 1000);
    },
    firstEvent: (ms) => first.observe(ms / 1000),
  } satisfies Partial<StreamObserver>;
}

function observeFollowers(make: Makers) {
  const lag = make.histogram(
    'deliver_lag_seconds',
    'Time from emit to delivery inside this process',
    LAG_SECONDS,
  );
  const attached = make.counterBy(
    'subscriptions_attached_total',
    'Subscriptions by where they began',
    'kind',
    ATTACH_KINDS,
  );
  const detached = make.counterBy(
    'subscriptions_closed_total',
    'Subscriptions by why they closed; detached ones did not read',
    'result',
    DETACH_RESULTS,
  );
  const subscriptions = make.gauge('subscriptions', 'Open subscriptions of this process');
  const resumeBytes = make.histogram(
    'resume_bytes',
    'Log and snapshot read for one resume state',
    RESUME_BYTES,
  );
  const resume = make.histogram('resume_seconds', 'Time to read and fold one resume state', COMMIT_SECONDS);
  const reads = make.counter('log_reads_total', 'Reads of the log');
  return {
    delivered: (ms) => lag.observe(ms / 1000),
    attached: (kind) => attached(kind),
    detached: (result) => detached(result),
    subscriptions: (count) => subscriptions.set(count),
    resumed: (byteCount, ms) => {
      resumeBytes.observe(byteCount);
      resume.observe(ms / 1000);
    },
    logRead: () => reads.inc(),
  } satisfies Partial<StreamObserver>;
}

function observeFaults(make: Makers) {
  const repairs = make.counterBy('log_repairs_total', 'Times a hub went back to the log', 'cause', [
    'frame',
    'reset',
    'poll',
  ]);
  const transport = make.counterBy(
    'transport_failures_total',
    'Failures of the transport; what it did not bring is found in the log, or with the next renewal',
    'step',
    TRANSPORT_STEPS,
  );
  const gaps = make.counter('gaps_total', 'Cursors that could not be served');
  const fenced = make.counter(
    'fenced_writes_total',
    'Writes refused because another attempt or generation took over',
  );
  const leases = make.counter('leases_lost_total', 'Leases lost by this process');
  const upkeep = make.counterBy(
    'upkeep_failures_total',
    'Steps of the upkeep that failed for one stream or one part of the due index, and are tried again',
    'step',
    UPKEEP_STEPS,
  );
  const restored = make.counterBy(
    'index_repairs_total',
    'Entries put back that an index of the store had lost, or held too late',
    'index',
    REPAIRED_INDEXES,
  );
  const contentless = make.counterBy(
    'contentless_steps_total',
    'Steps taken without content, because this process was not given the content model',
    'step',
    CONTENTLESS_STEPS,
  );
  const jumps = make.counterBy(
    'clock_jumps_total',
    'Jumps of the store’s clock by more than half a lease, as this process saw them',
    'direction',
    ['ahead', 'back'],
  );
  const hooks = make.counterBy('hook_failures_total', 'Hooks of the host that threw', 'hook', HOOKS);
  const isHook = (name: string): name is (typeof HOOKS)[number] =>
    (HOOKS as readonly string[]).includes(name);
  return {
    repaired: (cause) => repairs(cause),
    transportFailed: (step) => transport(step),
    gap: () => gaps.inc(),
    fenced: () => fenced.inc(),
    leaseLost: () => leases.inc(),
    upkeepFailed: (step) => upkeep(step),
    indexRepaired: (index) => restored(index),
    contentless: (step) => contentless(step),
    clockJumped: (direction) => jumps(direction),
    hookFailed: (hook) => hooks(isHook(hook) ? hook : OTHER_HOOK),
  } satisfies Partial<StreamObserver>;
}
