/** Operators see jobs without what their users wrote, and how a replica is. No code. */
import type { ErrorCode } from '../../errors.js';
import type { JobStatus, PendingAction, Settlement } from '../model/types.js';

export interface ListJobsInput {
  /** Only jobs that stand there. Default: all that are kept. */
  readonly status?: JobStatus | undefined;
  /** Only this user's, 1 to 256 characters: those of the tenant named, or of no tenant. */
  readonly userId?: string | undefined;
  /** Only this tenant's. Default: without `userId`, all tenants'. */
  readonly tenantId?: string | undefined;
  /** Streams looked at for the page, at most: 1 to 1,000. Default 1,000. */
  readonly limit?: number | undefined;
  /** The `next` of the page before. Default: from the beginning. */
  readonly cursor?: string | undefined;
}

/**
 * A stream's current generation as operators may see it: who, where and since when, and nothing that a user or the host
 * has written. Times are the store's clock in milliseconds since 1970.
 */
export interface JobSummary {
  /** The stream. */
  readonly streamId: string;
  /** The tenant it lives in, when it has one. */
  readonly tenantId?: string | undefined;
  /** Names who owns it. */
  readonly userId: string;
  /** The generation, from 1. */
  readonly generation: number;
  /** The attempt, from 1; each decision and each take-over begins another. */
  readonly attempt: number;
  /** The number of times it was taken over after a crash. */
  readonly recoveries: number;
  /** The generation's status. */
  readonly status: JobStatus;
  /** The replica of the attempt, by its `replicaId`. Absent while it is paused, and where a release before 0.2 began it. */
  readonly replicaId?: string | undefined;
  /** Says when it was created: the store's clock, in milliseconds since 1970. */
  readonly createdAt: number;
  /** The time since it was created, in milliseconds. */
  readonly ageMs: number;
  /** The time the record last changed: by a renewal, a change of state or an update, not by events alone. */
  readonly updatedAt: number;
  /** Says when it ended: the store's clock, in milliseconds since 1970; absent before. */
  readonly endedAt?: number | undefined;
  /** The last event's place in the log. */
  readonly lastSequence: number;
  /** The time until which the attempt may write unless it renews; only while running. */
  readonly leaseUntil?: number | undefined;
  /** The action it waits for, without what is asked; only while it waits. */
  readonly pendingAction?: Pick<PendingAction, 'actionId' | 'type' | 'askedAt' | 'expiresAt'> | undefined;
  /** The reason it failed or was aborted: the code, without the message. */
  readonly errorCode?: string | undefined;
  /** The state of the host's side effect after the end; only once it has ended. */
  readonly settlement?: Settlement['state'] | undefined;
}

/** Summaries, as a plain array; and, when there is something to say, how the listing goes on and what is missing in it. */
export interface JobSummaryPage extends ReadonlyArray<JobSummary> {
  /** The `cursor` of the page after this one; absent on the last. It goes into a URL as it is. */
  readonly next?: string;
  /** Stream ids of records that could not be read; absent when all could. */
  readonly unread?: readonly string[];
}

/**
 * The state of the store or the transport, by its last answer. `since` is this process's wall time in milliseconds
 * since 1970.
 */
export type PartHealth =
  /** Nobody has asked it: the manager has not been started, or has been closed. */
  | {
      /** Says whether it answers; `unknown` until it was asked. */
      readonly status: 'unknown';
    }
  | {
      /** Says whether it answers; `unknown` until it was asked. */
      readonly status: 'ok';
      /** Says since when it has been so: milliseconds since 1970. */
      readonly since: number;
    }
  /** `unavailable` when it did not answer in time. */
  | {
      /** Says whether it answers; `unknown` until it was asked. */
      readonly status: 'failing';
      /** The code of what it fails with. */
      readonly code: ErrorCode;
      /** Says since when it has been so: milliseconds since 1970. */
      readonly since: number;
    };

/** The state of a replica. */
export interface Health {
  /** True when requests may be sent here: it has been started, is not draining, and its store answers. */
  readonly isReady: boolean;
  /** Says how the store answers. */
  readonly store: PartHealth;
  /** The transport's state: without it a replica works on, slower, and followers are served by looking into the log. */
  readonly transport: PartHealth;
  /** Says whether it takes no new jobs and followers any more. */
  readonly isDraining: boolean;
  /** The time `start` had done its work, by this process's wall time in milliseconds since 1970; undefined before. */
  readonly startedAt: number | undefined;
  /** Names this process among its replicas. */
  readonly replicaId: string;
}
