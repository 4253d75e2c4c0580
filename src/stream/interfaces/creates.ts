/** The step that makes a generation, and what a store answers to it. What it promises stands at the port, `JobStore.create`. */
import type { Frame, JobFailure, JobRecord, SerialisedEvent, StreamKey } from '../model/types.js';

/** A generation's place: its last event, and who may write the next. */
export interface Place {
  /** The last sequence that was seen. */
  readonly sequence: number;
  /** The attempt that was seen. */
  readonly attempt: number;
}

export interface CreateRequest {
  /** The stream to create a generation on. */
  readonly key: StreamKey;
  /** Names who owns it. */
  readonly userId: string;
  /** The call id; kept as `record.createId`. */
  readonly callId: string;
  /** The time by the store's clock later than which the create is refused as `expired`. */
  readonly notAfter: number;
  /** Says how long the producer may be silent, in milliseconds. */
  readonly leaseMs: number;
  /** Names the creating replica; kept as `record.replicaId`. */
  readonly replicaId?: string | undefined;
  /** The conversation it belongs to. */
  readonly conversationId?: string | undefined;
  /** The name of the content model that folds its events. */
  readonly contentModel?: string | undefined;
  /** The key under which the user starts it once only. */
  readonly idempotencyKey?: string | undefined;
  /** Values as JSON text. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The `created` event, sequence 1. */
  readonly created: SerialisedEvent;
  /**
   * The active generation this create may end, and the `aborted` event it ends with; with `describedFrom`, only while it
   * stands there.
   */
  readonly replaces?:
    | {
        readonly generation: number;
        readonly end: SerialisedEvent;
        readonly error: JobFailure;
        readonly describedFrom?: Place | undefined;
        /** Sets how long the ended producer may write its books, as in `OtherCommit`. */
        readonly leaveMs?: number | undefined;
      }
    | undefined;
  /**
   * The newest generation the caller has seen, null for none: refused as `unexpected` when a newer one is current. Left out,
   * nothing is expected.
   */
  readonly expects?: { readonly generation: number } | null | undefined;
  /**
   * Makes the create the start of a run that waits, which `callId` names: the run leaves the stream's queue in the same step.
   * `startId` names the start, and is kept with the record, which has `fromQueue`. Left out, the queue is left as it is.
   */
  readonly start?: { readonly startId: string } | undefined;
  /** Says what the new generation's producer waits for; kept as `record.waits`. */
  readonly waits?: JobRecord['waits'];
  /** True when the ended generation still has a settlement to come. */
  readonly settles: boolean;
}

export type CreateReply =
  /** The caller's own generation, now or (same call id) earlier. `replaced` is the one this create ended. */
  | {
      /** Holds what has become of the create. */
      readonly outcome: 'created';
      /** The record of the generation that was created, joined or in the way. */
      readonly record: JobRecord;
      /** The generation that was ended to make room, when there was one. */
      readonly replaced?: JobRecord | undefined;
      /** Frames the caller must hand to the transport; empty when the store published them, or on a repeat. */
      readonly frames: readonly Frame[];
    }
  /** A kept generation of the same user has the same idempotency key. */
  | {
      /** Holds what has become of the create. */
      readonly outcome: 'joined';
      /** The record of the generation that was created, joined or in the way. */
      readonly record: JobRecord;
    }
  /** A newer generation is current than `expects` says, active or ended. */
  | {
      /** Holds what has become of the create. */
      readonly outcome: 'unexpected';
      /** The record of the generation that was created, joined or in the way. */
      readonly record: JobRecord;
    }
  /** Another generation is active than `replaces` named (or it named none), or that one stands elsewhere than described. */
  | {
      /** Holds what has become of the create. */
      readonly outcome: 'conflict';
      /** The record of the generation that was created, joined or in the way. */
      readonly record: JobRecord;
    }
  /** Another start has made the run a generation, whose this one is not. */
  | {
      /** Holds what has become of the create. */
      readonly outcome: 'started';
      /** The record of the generation that the run has become. */
      readonly record: JobRecord;
    }
  /** The create is a start, and no such run waits: it was taken away, or its time is over. */
  | {
      /** Holds what has become of the create. */
      readonly outcome: 'unqueued';
    }
  /** The stream is another user's. */
  | {
      /** Holds what has become of the create. */
      readonly outcome: 'taken';
    }
  /** `now` is the store's time, for a caller whose estimate of it was wrong. */
  | {
      /** Holds what has become of the create. */
      readonly outcome: 'expired';
      /** The store's clock, in milliseconds since 1970. */
      readonly now: number;
    }
  /** The store holds as many streams as it may. */
  | {
      /** Holds what has become of the create. */
      readonly outcome: 'full';
    };
