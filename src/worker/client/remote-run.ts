/** One attempt at a worker: a producer's handle over the gateway, its lease, and the limits that the gateway holds it to. */
import { type Clock, type Entropy, SECOND } from '../../clock.js';
import { type EndReason, GenerationJobError } from '../../errors.js';
import type { Continuation } from '../../stream/interfaces/continuation.js';
import type { EventTransport } from '../../stream/interfaces/event-transport.js';
import type { Logger } from '../../stream/interfaces/logger.js';
import type { Hooks } from '../../stream/interfaces/manager-types.js';
import type { FoldedState } from '../../stream/model/fold.js';
import { parseOptions } from '../../stream/model/options.js';
import { isObject } from '../../stream/model/plain-values.js';
import { leaseSlackMs } from '../../stream/model/remote-times.js';
import { streamKey } from '../../stream/model/stream-key.js';
import type { JobRecord, PendingAction, Resolution } from '../../stream/model/types.js';
import { IndexKeeper } from '../../stream/process/index-keeper.js';
import type { Parts } from '../../stream/process/parts.js';
import { partsFrom } from '../../stream/process/parts-from.js';
import type { JobHandle } from '../../stream/producing/job-handle.js';
import { LeaseKeeper } from '../../stream/producing/lease-keeper.js';
import { Producers } from '../../stream/producing/producers.js';
import type { GatewayLink } from './gateway-link.js';
import { remoteActionTypes } from './remote-action-types.js';
import { noReceipts, RemoteStore } from './remote-store.js';
import type { RunChannel } from './run-channel.js';
import type { RunDescription } from './run-description.js';

/** Heartbeats come several times within a lease, so that one may be lost; and no oftener than does any good. */
const HEARTBEATS_IN_LEASE = 4;
const LONGEST_HEARTBEAT_MS = 30 * SECOND;

export interface RunContext {
  readonly link: GatewayLink;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly logger: Logger | undefined;
  readonly onError: Hooks['onError'];
}

/** Nothing is followed at a worker. */
const NO_TRANSPORT: EventTransport = {
  kind: 'none',
  start: async () => {},
  subscribe: async () => async () => {},
  publish: () => {},
  publishGone: () => {},
  signal: () => {},
  onSignal: () => () => {},
  close: async () => {},
};

export class RemoteRun {
  readonly job: JobHandle;
  readonly channel: RunChannel;
  /** The attempt's continuation, as far as the gateway tells it: without the content and the action's `resumeContext`. */
  readonly continuation: Continuation;
  readonly #parts: Parts;
  readonly #producers: Producers;

  constructor(context: RunContext, channel: RunChannel, described: RunDescription) {
    const { clock, entropy, logger, onError, link } = context;
    const startedAt = clock.monotonic();
    const record = recordOf(described);
    const skewMs = described.now - clock.now();
    const store = new RemoteStore(link, channel, record, () => clock.now() + skewMs);
    const hooks = { ...(onError && { onError }) };
    const host = { hooks, clock, entropy, ...(logger && { logger }) };
    this.channel = channel;
    this.continuation = continuationFrom(described, record);
    this.#parts = partsFrom({
      ...host,
      jobStore: store,
      eventTransport: NO_TRANSPORT,
      options: optionsOf(described),
      actionTypes: remoteActionTypes(described.run.checked, link, clock),
    });
    const leases = new LeaseKeeper(this.#parts, new IndexKeeper(this.#parts));
    this.#producers = new Producers(this.#parts, leases, {
      onTaken: () => {},
      onLeft: () => {},
      onStoreDamaged: () => {},
      onTransition: () => {},
    });
    this.job = this.#producers.adopt(streamKey(record.streamId, record.tenantId), stateOf(record), startedAt);
    const { leaseMs } = this.#parts.options;
    channel.attach(
      {
        onAccepted: (sentAt) => {
          const until = sentAt + leaseMs - leaseSlackMs(leaseMs);
          this.job.leaseDeadline = Math.max(this.job.leaseDeadline, until);
        },
        onOver: (reason) => this.stop(reason),
        onLost: (cause) => {
          const message = 'Events of this worker could not be delivered.';
          this.job.failWithStore(new GenerationJobError('worker_events_lost', message, { cause }));
        },
      },
      record.lastSequence,
    );
  }

  /** Ends the handle, since the gateway says that the attempt is over. */
  stop(reason: EndReason): void {
    this.job.stop(reason);
  }

  /** Ends what still runs as interrupted; resolves when the end is told, or can't be. */
  async interrupt(): Promise<void> {
    await this.#producers.handOverOrEndAll();
    await this.#parts.background.idle();
  }

  /** Gives up what belongs to the handle in this process. */
  close(): void {
    // Its own end may be without an answer: it waits in the outbox, and whoever waits for it here must not.
    if (this.job.isEnding) this.job.loseLease();
    else this.job.stop('handed_over');
    this.#parts.errors.close();
  }
}

function recordOf(described: RunDescription): JobRecord {
  const { run, now } = described;
  const { sequence, actions, leaseMs, tenantId, conversationId } = run;
  const past = { type: 'past', outcome: 'decided', decisions: [], answers: [], payloadDigest: '' } as const;
  return {
    ...{ streamId: run.streamId, tenantId, generation: run.generation, attempt: run.attempt },
    ...{ userId: run.userId, conversationId, createId: run.createId, createdAt: run.createdAt },
    ...{ recoveries: 0, status: 'running', updatedAt: now, leaseUntil: now + leaseMs, leaseMs },
    ...{ lastSequence: sequence, lifecycleEvents: run.lifecycleEvents, snapshotSequence: sequence },
    changes: run.changes,
    resolutions: actions.map((actionId) => ({ ...past, actionId, askedAt: now, at: now })),
    ...{ usage: run.usage, usageEntries: run.usageEntries, metadata: {}, notes: [], revision: 0 },
    ...{ inbox: [], unsent: [] },
    settlement: { state: 'settled', revision: 0, tries: 0, notBefore: 0 },
  };
}

/** The listing of what earlier attempts have called: nobody must read that it is nothing. */
const NO_RECEIPTS: AsyncIterable<never> = {
  [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(noReceipts()) }),
};

/** The gateway has checked what it tells: it is as it stands in the record. */
function continuationFrom({ run: { action, decision } }: RunDescription, record: JobRecord): Continuation {
  return {
    record,
    ...(action && { action: action as unknown as PendingAction }),
    ...(decision && { resolution: decision as unknown as Resolution }),
    receipts: NO_RECEIPTS,
    content: null,
    sequence: record.lastSequence,
    kept: [],
  };
}

function stateOf(record: JobRecord): FoldedState {
  const { lastSequence: sequence, updatedAt: now } = record;
  return { record, content: null, kept: [], sequence, end: null, now, snapshotSize: 0, tailSize: 0 };
}

/**
 * The handle is held to the gateway's own limits, so that what would be refused there is refused where the mistake is. Those that
 * depend on the log's snapshots are the gateway's alone.
 */
function optionsOf({ run: { options, leaseMs } }: RunDescription): Parts['options'] {
  const known = parseOptions();
  const given = isObject(options.limits) ? options.limits : {};
  const limits = Object.fromEntries(
    Object.entries(known.limits).map(([name, value]) => [name, given[name] ?? value]),
  ) as unknown as Parts['options']['limits'];
  const { generationEvents: unsnapshottedEvents, generationBytes: unsnapshottedBytes } = limits;
  const renewMs = Math.min(LONGEST_HEARTBEAT_MS, Math.floor(leaseMs / HEARTBEATS_IN_LEASE));
  const idleTimeoutMs = Math.max(renewMs, options.idleTimeoutMs);
  return {
    ...known,
    ...{ leaseMs, renewMs, idleTimeoutMs, maxRunMs: Math.max(idleTimeoutMs, options.maxRunMs) },
    ...{
      approvalWindowMs: options.approvalWindowMs,
      retryMs: options.retryMs,
      sweepMs: Math.min(known.sweepMs, leaseMs),
    },
    limits: { ...limits, unsnapshottedEvents, unsnapshottedBytes, activeJobsPerUser: 0 },
  };
}
