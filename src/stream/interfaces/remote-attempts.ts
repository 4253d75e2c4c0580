/**
 * An attempt whose producer works outside every process that knows the store: on a machine that sees a gateway's HTTP alone. It
 * is an ordinary attempt of the record, with a lease that nobody renews but the gateway, on the worker's behalf. The layers
 * around a manager do this with it; the fence (generation, attempt, sequence) is the whole check, so any replica may.
 */
import type { HostEvent } from '../model/host-types.js';
import type { JobRecord, StreamKey, Usage, UsageEntry } from '../model/types.js';
import type { PauseInput } from './action-input.js';
import type { Refusal } from './commits.js';
import type { GenerationJob } from './generation-job.js';
import type { HeldWithInbox, RenewAnswer } from './job-store.js';

/** An attempt that is somebody else's, and the lease it is given with each accepted commit. */
export interface RemoteAttempt {
  /** The stream. */
  readonly key: StreamKey;
  /** The generation the worker works on. */
  readonly generation: number;
  /** The worker's attempt. */
  readonly attempt: number;
  /** The length of the lease from each renewal (ms). */
  readonly leaseMs: number;
}

/** Changes of the record as a worker sends them: totals, not increments, and metadata as values. */
export interface RemoteChange {
  /** Counts the changes of one attempt from 1: one that is not newer than the last is a repeat. */
  readonly number: number;
  readonly conversationId?: string | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  readonly usage?: Usage | undefined;
  readonly usageEntries?: readonly UsageEntry[] | undefined;
}

/** A batch is one commit. Its number is the sequence before it: made again, it is the same batch. */
export interface RemoteBatch {
  /** The sequence that the log must end with. */
  readonly after: number;
  /** The events in order, numbered from `after + 1`. */
  readonly events: readonly HostEvent[];
  /** Holds what changes of the record with them. */
  readonly change?: RemoteChange | undefined;
  /** The attempt's own end, whose event is one more. */
  readonly end?: RemoteEnd | undefined;
  /** A question to a person, whose event is one more. */
  readonly pause?: { readonly callId: string; readonly input: PauseInput } | undefined;
}

interface RemoteEnd {
  readonly name: 'complete' | 'fail';
  /** Names the call, so that asking again is not doing it twice. */
  readonly callId: string;
  /** The failure, for `fail`: told as `job.fail` tells it. */
  readonly error?: unknown;
  /** The finished message; undefined for none. */
  readonly final?: unknown;
}

export type RemoteReply =
  | {
      readonly ok: true;
      /** The sequence of the log's last event. */
      readonly sequence: number;
      /** The store's time until which the attempt's lease lasts, where it was looked at. */
      readonly leaseUntil?: number | undefined;
      /** The record after an end or a pause. */
      readonly record?: JobRecord | undefined;
    }
  | { readonly ok: false; readonly refusal: Refusal; readonly record?: JobRecord | undefined };

export interface RemoteAttempts {
  /**
   * Hands a job of this process over: commits what it has taken, gives the attempt the name and the lease of another, and ends
   * the handle as `handed_over`. The generation goes on.
   * @throws JobEndedError when the handle is over · GenerationJobError `invalid_argument` for what is no job; what the store
   *   could not do: the lease then lapses by itself
   */
  handOver(
    job: GenerationJob,
    to: { readonly replicaId: string; readonly leaseMs: number },
  ): Promise<JobRecord>;

  /**
   * Commits a batch, and renews the lease unless that was done a moment ago. What follows an end or a pause follows as if the
   * producer were here.
   * @throws GenerationJobError as `emit`, `update`, `pause` and `complete` throw for what they refuse; what the store could not do
   */
  commit(attempt: RemoteAttempt, batch: RemoteBatch): Promise<RemoteReply>;

  /**
   * Writes what a producer that others have stopped still has to say of its record, and with `leaves` that it has returned.
   * @throws GenerationJobError as `update`; what the store could not do
   */
  leave(attempt: RemoteAttempt, change: RemoteChange | undefined, leaves: boolean): Promise<RemoteReply>;

  /**
   * Renews the lease of an attempt; one that should have been over long ago is ended instead.
   * @throws GenerationJobError what the store could not do
   */
  renew(attempt: RemoteAttempt): Promise<Exclude<RenewAnswer, Error | HeldWithInbox>>;

  /**
   * Ends an attempt whose worker is known to be dead, as if its lease had lapsed: the generation is taken over or lost, by the
   * ordinary rules. Says whether the attempt was a worker's and still ran.
   * @throws GenerationJobError what the store could not do
   */
  lose(attempt: Omit<RemoteAttempt, 'leaseMs'>): Promise<boolean>;

  /** Reads the generation's record; undefined when it is not kept. */
  read(attempt: Pick<RemoteAttempt, 'key' | 'generation'>): Promise<JobRecord | undefined>;

  /** Returns the store's clock as this process knows it, in milliseconds since 1970. */
  now(): number;
}
