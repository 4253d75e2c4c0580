/** The shapes in which the generations that a stream keeps are asked for and told, the ended ones among them. No code. */
import type { Access } from '../model/access.js';
import type { SettlementState } from '../model/settlement-state.js';
import type { JobFailure, JobStatus } from '../model/types.js';

/** An `Access`, to the state of one generation. */
export interface StateAccess extends Access {
  /** A kept generation, from 1; `completed` for the newest of those that ended well. Default: the current one. */
  readonly generation?: number | 'completed' | undefined;
}

/** A kept generation as a listing has it: what became of it, and nothing that anybody wrote. */
export interface GenerationSummary {
  /** The number of the generation, from 1. */
  readonly generation: number;
  /** The newest attempt, from 1. */
  readonly attempt: number;
  /** Running, waiting for a person, or how it ended. */
  readonly status: JobStatus;
  /** Says where the host's side effect after the end stands; `open` while the generation is active. */
  readonly settlement: SettlementState;
  /** The sequence of the log's last event. */
  readonly lastSequence: number;
  /** Says when it was created: the store's clock, in milliseconds since 1970. */
  readonly createdAt: number;
  /** Says when it ended, as `createdAt`; absent before. */
  readonly endedAt?: number | undefined;
  /** The conversation it belongs to, when one was named. */
  readonly conversationId?: string | undefined;
  /** The name of the content model that folds its events, when it has one. */
  readonly contentModel?: string | undefined;
  /** Says why it failed, or was stopped; absent where it did not. */
  readonly error?: JobFailure | undefined;
}
