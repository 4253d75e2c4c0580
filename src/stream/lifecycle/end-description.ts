/**
 * The host is asked what it says about an end that no producer announces, from exactly what is committed before that
 * end. The generation's producer is held still, the log is read and folded, the host is asked; the end then names the
 * place it was described from, and the store refuses it (`behind`) when the generation has gone on since. Then it is
 * described anew.
 *
 * The hold only keeps a fast producer from winning every round; what makes it true is the guard. So a hold that lapses,
 * or whose describer dies, harms nobody: the producer goes on, and nothing has ended. Without a `describeEnd` hook, or
 * where this replica can't fold the content, there is neither hold nor guard.
 */

import type { CommitReply, Place } from '../interfaces/commits.js';
import type { FoldedState } from '../model/fold.js';
import type { JobRecord, StreamKey } from '../model/types.js';
import { callHook } from '../process/host-code.js';
import type { Parts } from '../process/parts.js';
import { repeatUntilAnswered } from '../process/repeat.js';

/** A producer of a release that knows no hold may win each round: then the end comes with what was described last. */
const MOST_ROUNDS = 5;

export interface Description {
  /** The host's words; undefined for nothing. */
  readonly final: unknown;
  /** The place it is true at, which the end must name. */
  readonly describedFrom?: Place | undefined;
}

export class EndDescriber {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Describes the end of a generation; undefined when it is over or gone, and nothing is left to describe.
   * @param round counts the descriptions of this end from 1
   * @param limitMs how long the log and the host may take together; default `describeEndMs`
   */
  async describe(
    key: StreamKey,
    record: JobRecord,
    round: number,
    limitMs: number = this.#parts.options.describeEndMs,
  ): Promise<Description | undefined> {
    const { hooks, states, store, options, observer, logger } = this.#parts;
    if (!this.#describes(record)) return { final: undefined };
    const { streamId, generation } = record;
    // Whoever dies from here on leaves a generation that somebody looks at soon.
    await store.due.nearer(key, options.leaseMs);
    const held = await this.#hold(key, generation, Math.ceil(limitMs) + options.renewMs);
    if (!held.ok) return undefined;
    let state: FoldedState | null = null;
    const ask = async () => {
      state = await states.read(key, generation);
      return hooks.describeEnd?.(state?.record ?? record, state?.content ?? null, state?.missing);
    };
    const final = await callHook<unknown>(this.#parts, 'describeEnd', ask, undefined, { record, limitMs });
    const described = state as FoldedState | null;
    if (final === undefined || described === null) return { final };
    if (round > MOST_ROUNDS) {
      observer.endBehind();
      logger.warn({ streamId, generation, round }, 'an end may be described from less than was committed');
      return { final };
    }
    const { lastSequence: sequence, attempt } = described.record;
    return { final, describedFrom: { sequence, attempt } };
  }

  /** Says whether there is somebody to ask, and content to ask about. */
  #describes(record: JobRecord): boolean {
    const { hooks, unknownModels } = this.#parts;
    return hooks.describeEnd !== undefined && !unknownModels.has(record);
  }

  /** Lets the producer go on at once when no end came of it; a hold that is not released lapses. */
  releaseHold(key: StreamKey, generation: number): void {
    const { hooks, background } = this.#parts;
    if (hooks.describeEnd !== undefined) background.run(this.#hold(key, generation, 0));
  }

  #hold(key: StreamKey, generation: number, forMs: number): Promise<CommitReply> {
    const { store, options, clock } = this.#parts;
    const hold = { writer: 'describer', key, generation, forMs } as const;
    return repeatUntilAnswered(this.#parts, () => store.commit(hold), clock.monotonic() + options.leaseMs);
  }
}
