/** The continuation of a generation is given to its next attempt. No code. */
import type { ContentOf, HostTypes, Untyped } from '../model/host-types.js';
import type { Hole, JobRecord, Json, LogEvent, PendingAction, Resolution } from '../model/types.js';
import type { Receipt } from './once.js';

/** The next attempt is given this after a decision, a crash or a hand-over. */
export interface Continuation<Types extends HostTypes = Untyped> {
  /** The record as the attempt begins. */
  readonly record: JobRecord<Types>;
  /** The decided action this attempt goes on from, when there is one. */
  readonly action?: PendingAction | undefined;
  /** The decision about it. */
  readonly resolution?: Resolution | undefined;
  /** The action's own. */
  readonly resumeContext?: Json | undefined;
  /**
   * The library's own question that came after that (`tool_unknown`), and what was decided: `once` goes by it. The rest of the
   * continuation is then as it was for the attempt that asked, so that the same code goes on.
   */
  readonly unknown?:
    | { readonly action: PendingAction; readonly resolution: Resolution | undefined }
    | undefined;
  /**
   * Lists the calls that earlier attempts have made through `job.once`, and what came of them. Read from the store while it
   * is iterated: up to `limits.receipts`. Throws `unavailable`, `seal_unavailable`, `store_damaged`; `receipts_unavailable` at a worker.
   */
  readonly receipts: AsyncIterable<Receipt>;
  /** The content so far; null without a content model. */
  readonly content: ContentOf<Types> | null;
  /** The sequences that `content` and `kept` lack because the store has lost them; absent when nothing is lost. */
  readonly missing?: Hole | undefined;
  /** The sequence `content` is true at. */
  readonly sequence: number;
  /** The newest event of each `keep` key, oldest first. */
  readonly kept: readonly LogEvent[];
  /** True when the attempt before was handed over by a replica that left, and nobody has produced anything since; absent after a crash. */
  readonly handover?: true | undefined;
  /**
   * The state that it was handed over with, by itself, or by the attempt before it when it has produced nothing. Absent where it was
   * cut at the end of its time, and where a replica of release 0.1 goes on: `content` and `sequence` say how far the answer is in
   * any case.
   */
  readonly handoverState?: Json | undefined;
}
