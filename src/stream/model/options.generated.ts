/**
 * Options as their schemas have them. Written by scripts/docs-tables.mjs from the built schemas, never by hand: after a change
 * of a schema, which the compiler tells where it no longer fits, `npm run docs` writes this anew, and a test fails while it
 * differs.
 */

/** The settings of a manager. A caller may leave out any of them. */
export interface GenerationJobOptions {
  /**
   * Sets how long a producer may be silent to the store before others may take over (ms). 1 ms to 366 d;
   * default 15 s.
   */
  readonly leaseMs?: number | undefined;
  /** Sets how often leases are renewed (ms). 1 ms to 366 d; default 5 s. */
  readonly renewMs?: number | undefined;
  /** Sets how often each replica looks at the due index (ms). 1 ms to 366 d; default 1 s. */
  readonly sweepMs?: number | undefined;
  /**
   * Sets how often, at most, one of the replicas walks over all streams for what the indexes have lost (ms).
   * 100 ms to 366 d; default 1 h.
   */
  readonly repairMs?: number | undefined;
  /** Streams looked at in one sweep. 1 or more; default 256. */
  readonly sweepStreams?: number | undefined;
  /**
   * Sets how often a followed stream is compared with its log when nothing arrives (ms). 1 ms to 366 d;
   * default 5 s.
   */
  readonly logPollMs?: number | undefined;
  /** Longest silence of a living producer (ms). 1 ms to 366 d; default 20 min. */
  readonly idleTimeoutMs?: number | undefined;
  /** Longest run of one attempt; a pause ends it (ms). 1 ms to 366 d; default 6 h. */
  readonly maxRunMs?: number | undefined;
  /** Sets how long a pending action waits unless it says otherwise (ms). 1 ms to 366 d; default 1 d. */
  readonly approvalWindowMs?: number | undefined;
  /** Sets how long an ended, settled generation is kept (ms). 1 ms to 366 d; default 10 min. */
  readonly retentionMs?: number | undefined;
  /** Sets how long an idempotency key is remembered (ms). 1 ms to 366 d; default 1 d. */
  readonly idempotencyMs?: number | undefined;
  /**
   * Sets how long a create is tried, and the age at which the store refuses it (ms). 1 ms to 366 d; default
   * 10 s.
   */
  readonly createTimeoutMs?: number | undefined;
  /** Sets how long a queued run waits for its turn before it is handed back (ms). 1 s to 1 d; default 1 h. */
  readonly queuedMs?: number | undefined;
  /**
   * First pause before a call of unknown outcome is repeated; doubles up to 20 times this (ms). 1 ms to
   * 366 d; default 50 ms.
   */
  readonly retryMs?: number | undefined;
  /**
   * Gather events this long before a first commit; for those who pay per command (ms). 0 ms to 366 d; default
   * 0 ms.
   */
  readonly coalesceMs?: number | undefined;
  /** Fewest events between snapshots; more lie between them as the content grows. 1 or more; default 500. */
  readonly snapshotEvents?: number | undefined;
  /** Sets whether events before a snapshot are removed from the log. Default false. */
  readonly trimLog?: boolean | undefined;
  /** Sets how often a generation may be taken over after a crash. 0 or more; default 1. */
  readonly maxRecoveries?: number | undefined;
  /**
   * Sets how long after its end a generation’s settlement is tried before it is set aside (ms). 1 ms to
   * 366 d; default 1 d.
   */
  readonly settleForMs?: number | undefined;
  /** Sets how often it is tried at most before that; 0 is no limit. 0 or more; default 0. */
  readonly settleTries?: number | undefined;
  /**
   * Sets how long after its end a generation is kept whose settlement was set aside (ms). 1 ms to 366 d;
   * default 30 d.
   */
  readonly setAsideMs?: number | undefined;
  /** Sets how often what was set aside is tried again by itself (ms). 1 ms to 366 d; default 6 h. */
  readonly setAsideRetryMs?: number | undefined;
  /**
   * Generations kept whose settlement was set aside, and for each replica a tenth of it; then the oldest
   * goes. 1 or more; default 5,000.
   */
  readonly setAsideMost?: number | undefined;
  /**
   * Sets how long a producer that others have stopped may still add usage and metadata before its generation
   * is settled; less than predecessorMs (ms). 0 ms to 366 d; default 5 s.
   */
  readonly leaveMs?: number | undefined;
  /**
   * Sets how long a new producer waits at most for what comes before it, where its create asks for that (ms).
   * 0 ms to 366 d; default 15 s.
   */
  readonly predecessorMs?: number | undefined;
  /** Sets how long a replica may be silent while it settles (ms). 1 ms to 366 d; default 30 s. */
  readonly settleClaimMs?: number | undefined;
  /**
   * Sets how long is waited at most for a settlement: by a follower that stays for it, a stop,
   * `manager.settled` (ms). 0 ms to 366 d; default 10 s.
   */
  readonly settledWaitMs?: number | undefined;
  /** Pause after the first failed settlement; doubles up to 10 minutes (ms). 1 ms to 366 d; default 1 s. */
  readonly settleBackoffMs?: number | undefined;
  /** Shortest time between two calls of `onProgress` for a generation (ms). 100 ms to 366 d; default 2 s. */
  readonly progressMs?: number | undefined;
  /**
   * Sets how long a hook may take; not `settle` and `recover`, nor `describeEnd` (ms). 1 ms to 366 d; default
   * 30 s.
   */
  readonly hookMs?: number | undefined;
  /**
   * Sets how long `describeEnd` may take; less than the grace of a drain, so that ends under way are
   * described (ms). 1 ms to 366 d; default 5 s.
   */
  readonly describeEndMs?: number | undefined;
  /** Sets whether each user has a feed of all their streams; the same on every replica. Default false. */
  readonly feed?: boolean | undefined;
  /** Sets how long a feed keeps what has become of a stream (ms). 1 min to 366 d; default 30 d. */
  readonly feedKeptMs?: number | undefined;
  /**
   * The key of the note that names a stream in its user’s feed, 1 to 128 characters. At most 128 characters;
   * default `title`.
   */
  readonly feedTitle?: string | undefined;
  /** Sets how long `job.pipe` waits for a source to close (ms). 1 ms to 366 d; default 1 s. */
  readonly sourceCloseMs?: number | undefined;
  /** Sets what is logged of an error: all of it, or its name and where it was thrown. Default `full`. */
  readonly logErrors?: 'full' | 'name' | undefined;
  /** Sets how much of each thing there may be. */
  readonly limits?: GenerationLimits | undefined;
}

/** The most there may be of each thing. */
export interface GenerationLimits {
  /** One event’s data as JSON text (bytes). 64 B to 4 GiB; default 256 KiB. */
  readonly eventBytes?: number | undefined;
  /**
   * The final message of an end as JSON text; beyond it the end comes without (bytes). 64 B to 4 GiB; default
   * 4 MiB.
   */
  readonly finalBytes?: number | undefined;
  /** A job’s metadata as JSON text (bytes). 64 B to 4 GiB; default 64 KiB. */
  readonly metadataBytes?: number | undefined;
  /** Nesting of event data, metadata and request bodies. 1 or more; default 64. */
  readonly jsonDepth?: number | undefined;
  /** Different `keep` keys in a generation. 0 or more; default 32. */
  readonly keptEvents?: number | undefined;
  /** Notes that stand on a generation. 0 or more; default 64. */
  readonly notes?: number | undefined;
  /** A generation’s notes: keys, event names and data as JSON text (bytes). 64 B to 4 GiB; default 64 KiB. */
  readonly notesBytes?: number | undefined;
  /** Messages that wait for a generation’s producer. 0 or more; default 10. */
  readonly inboxMessages?: number | undefined;
  /** Messages that a generation accepts in all. 0 or more; default 64. */
  readonly generationMessages?: number | undefined;
  /** One message to a generation as JSON text (bytes). 64 B to 4 GiB; default 32 KiB. */
  readonly messageBytes?: number | undefined;
  /** The state that a job hands over, as JSON text (bytes). 64 B to 4 GiB; default 64 KiB. */
  readonly handOverBytes?: number | undefined;
  /**
   * Calls of `job.once` in a generation, each with a receipt; one more is refused. 0 or more; default 1,000.
   */
  readonly receipts?: number | undefined;
  /**
   * A result kept in a receipt, as JSON text; a larger one is not kept (bytes). 64 B to 4 GiB; default
   * 16 KiB.
   */
  readonly receiptBytes?: number | undefined;
  /** Events in a generation. 1 or more; default 500,000. */
  readonly generationEvents?: number | undefined;
  /** Event data emitted by one attempt (bytes). 64 B to 4 GiB; default 256 MiB. */
  readonly generationBytes?: number | undefined;
  /** Events since the last snapshot. 1 or more; default 100,000. */
  readonly unsnapshottedEvents?: number | undefined;
  /** Event data since the last snapshot (bytes). 64 B to 4 GiB; default 64 MiB. */
  readonly unsnapshottedBytes?: number | undefined;
  /** Events in one commit. 1 or more; default 256. */
  readonly batchEvents?: number | undefined;
  /** Event data in one commit (UTF-16 units: bytes, for ASCII). 64 B to 4 GiB; default 48 KiB. */
  readonly batchBytes?: number | undefined;
  /** Events waiting to be committed before `emit` waits. 1 or more; default 1,024. */
  readonly bufferEvents?: number | undefined;
  /**
   * Event data waiting to be committed before `emit` waits (UTF-16 units: bytes, for ASCII). 64 B to 4 GiB;
   * default 4 MiB.
   */
  readonly bufferBytes?: number | undefined;
  /**
   * Events taken from all producers of a process in one turn of the event loop before `emit` waits for
   * another; each KiB of data counts as one more. 1 or more; default 2,048.
   */
  readonly turnEvents?: number | undefined;
  /**
   * Commits of a process that one node of the store is given at once; more on a slow link. 1 or more; default
   * 64.
   */
  readonly commitsUnderWay?: number | undefined;
  /**
   * Live tail of a followed stream in memory; a follower further behind pulls from the log (UTF-16 units:
   * bytes, for ASCII). 64 B to 4 GiB; default 1 MiB.
   */
  readonly liveBytes?: number | undefined;
  /** Events in one read of the log. 1 or more; default 1,000. */
  readonly pageEvents?: number | undefined;
  /** Event data in one read of the log (UTF-16 units: bytes, for ASCII). 64 B to 4 GiB; default 1 MiB. */
  readonly pageBytes?: number | undefined;
  /** Decisions recorded in a generation, as JSON text (bytes). 64 B to 4 GiB; default 4 MiB. */
  readonly resolutionBytes?: number | undefined;
  /** Running jobs of one user; 0 is no limit. 0 or more; default 0. */
  readonly activeJobsPerUser?: number | undefined;
  /** Runs that wait for their turn on one stream. 1 to 100; default 10. */
  readonly queuedRuns?: number | undefined;
  /** Local followers of one stream, and of one user’s feed. 1 or more; default 10,000. */
  readonly followersPerStream?: number | undefined;
  /** Streams in one user’s feed; then the one that changed longest ago goes. 1 or more; default 500. */
  readonly feedEntries?: number | undefined;
}
