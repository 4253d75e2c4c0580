/**
 * A create: what it takes, and what comes of it. A new generation, one that was joined, or a run that waits for its turn. No code.
 */
import type { CreatedOf, HostTypes, MetadataPatch, Untyped } from '../model/host-types.js';
import type { Predecessor } from '../model/predecessor.js';
import type { QueuedRun } from '../model/queued-run.js';
import type { JobRecord } from '../model/types.js';
import type { GenerationJob } from './generation-job.js';

export interface CreateJobInput<Types extends HostTypes = Untyped> {
  /** 1 to 128 characters of `A-Z a-z 0-9 _ . ~ -`. */
  readonly streamId: string;
  /** Names who owns the stream: 1 to 256 characters. */
  readonly userId: string;
  /** The tenant it lives in: 1 to 128 characters of `A-Z a-z 0-9 _ . ~ -`. Default: none. */
  readonly tenantId?: string | undefined;
  /** The conversation it belongs to: 1 to 256 characters. Default: none. */
  readonly conversationId?: string | undefined;
  /** The same key of a user never starts a second run while it is remembered (`idempotencyMs`). 1 to 256 characters. */
  readonly idempotencyKey?: string | undefined;
  /**
   * The newest generation of the stream that who asks has seen; null when they have seen none. The create is refused with a
   * ConflictError that names what is there when a newer one is current, active or ended. Looked at after the idempotency
   * key, and before `onConflict`; says nothing of another stream that the key leads to. What has been seen may be gone by
   * now. Default: nothing is expected.
   */
  readonly expects?: { readonly generation: number } | null | undefined;
  /**
   * Names what the new producer waits for, before it is handed out, for at most `predecessorMs`. `settled`: that all generations
   * kept from before are settled, the one this create ends among them; one that is not by then, or is set aside, refuses
   * the create as `predecessor_unsettled`. `left`: that the producers which were stopped have returned; none refuses.
   * The new generation is there at once. Without a `settle` hook nothing is settled, and nothing is waited for.
   * Default: nothing.
   */
  readonly waitFor?: 'settled' | 'left' | undefined;
  /**
   * The answer when a generation is active on the stream, a paused one included. Default `replace`. A fourth answer, `enqueue`, has
   * the run wait for its turn: see `EnqueueJobInput`.
   */
  readonly onConflict?: 'replace' | 'reject' | 'join' | undefined;
  /** The data that a client needs to show the start (the user's message); that of the `created` event, as `created`. */
  readonly created?: CreatedOf<Types> | undefined;
  /** Holds what the host wants to find on the record: JSON, at most `limits.metadataBytes`. Default: nothing. */
  readonly metadata?: MetadataPatch<Types> | undefined;
  /** The name of a content model given to the manager. */
  readonly contentModel?: string | undefined;
  /** Lets the content model merge neighbouring events before they are committed. Default false. */
  readonly merge?: boolean | undefined;
}

/**
 * A create that waits for its turn: it starts at once when nothing is active on the stream, nothing waits there and the user has a
 * slot (`limits.activeJobsPerUser`); otherwise it is added to the stream's queue, for at most `queuedMs`, and the hook
 * `startQueued` runs it on whichever replica its turn comes. A run that waits expects nothing any more (`expects` is looked at
 * when it is added).
 */
export interface EnqueueJobInput<Types extends HostTypes = Untyped>
  extends Omit<CreateJobInput<Types>, 'onConflict'> {
  /** The run waits its turn when it can't start at once. */
  readonly onConflict: 'enqueue';
}

export type CreateJobResult<Types extends HostTypes = Untyped> =
  | {
      /** Says whether this call started the generation, and so has its job. */
      readonly started: true;
      /** The handle: emit into it, or give it a producer with `run`. */
      readonly job: GenerationJob<Types>;
      /** The record of the generation, started or joined. */
      readonly record: JobRecord<Types>;
      /** Says how the generation before it was by then, as `job.predecessor`. */
      readonly predecessor: Predecessor | undefined;
      /** A generation that has started waits for nothing. */
      readonly queued?: undefined;
    }
  | {
      /** Says whether this call started the generation, and so has its job. */
      readonly started: false;
      /** A caller that joined has no job. */
      readonly job?: undefined;
      /** The record of the generation, started or joined. */
      readonly record: JobRecord<Types>;
      /** A generation that was joined waits for nothing. */
      readonly queued?: undefined;
    };

/** A create that waits for its turn. */
export interface QueuedJobResult<Types extends HostTypes = Untyped> {
  /** The generation has not started. */
  readonly started: false;
  /** A run that waits has no job: the hook `startQueued` is given it. */
  readonly job?: undefined;
  /** The run that waits; that of an earlier call when the idempotency key is known. */
  readonly queued: QueuedRun;
  /** The record of the stream's current generation; absent when there is none. */
  readonly record?: JobRecord<Types> | undefined;
}
