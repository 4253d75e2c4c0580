/** The generations that a stream keeps are read for who asks: somebody else’s stream is as if it were not there. */
import type { GenerationSummary, StateAccess } from '../interfaces/kept-generations.js';
import type { GenerationAccess } from '../interfaces/manager-types.js';
import { isOwnedBy } from '../model/access.js';
import type { FoldedState } from '../model/fold.js';
import { settlementStateOf } from '../model/settlement-state.js';
import { streamKey } from '../model/stream-key.js';
import type { JobRecord, StreamKey } from '../model/types.js';
import type { IndexKeeper } from '../process/index-keeper.js';
import type { Parts } from '../process/parts.js';

export class GenerationReads {
  readonly #parts: Parts;
  readonly #indexes: IndexKeeper;

  constructor(parts: Parts, indexes: IndexKeeper) {
    this.#parts = parts;
    this.#indexes = indexes;
  }

  /** The record of a generation; null when there is none, or it is not theirs. */
  async record(streamId: string, access: GenerationAccess): Promise<JobRecord | null> {
    const key = streamKey(streamId, access.tenantId);
    const [record] = await this.#parts.store.read(key, access.generation ?? 'current');
    if (record === undefined || !isOwnedBy(record, access)) return null;
    this.#indexes.noticed(key, record);
    return record;
  }

  /** The kept generations, newest first. */
  async list(streamId: string, access: GenerationAccess): Promise<readonly GenerationSummary[]> {
    const now = this.#parts.store.now();
    const kept = await this.#kept(streamKey(streamId, access.tenantId), access);
    return kept.map((record) => summaryOf(record, now));
  }

  /** The folded state of a generation; null as for `record`. */
  async state(streamId: string, access: StateAccess): Promise<FoldedState | null> {
    const { clock, observer } = this.#parts;
    const startedAt = clock.monotonic();
    const key = streamKey(streamId, access.tenantId);
    const state =
      access.generation === 'completed'
        ? await this.#newestCompleted(key, access)
        : await this.#parts.states.read(key, access.generation);
    if (state === null || !isOwnedBy(state.record, access)) return null;
    this.#indexes.noticed(key, state.record);
    observer.resumed(state.snapshotSize + state.tailSize, clock.monotonic() - startedAt);
    return state;
  }

  /** One whose time is over between the two reads leaves it to the one before it. */
  async #newestCompleted(key: StreamKey, access: StateAccess): Promise<FoldedState | null> {
    for (const { generation, status } of await this.#kept(key, access)) {
      const state = status === 'completed' ? await this.#parts.states.read(key, generation) : null;
      if (state !== null) return state;
    }
    return null;
  }

  async #kept(key: StreamKey, access: StateAccess): Promise<readonly JobRecord[]> {
    const kept = await this.#parts.store.read(key, 'kept');
    return kept.filter((record) => isOwnedBy(record, access));
  }
}

function summaryOf(record: JobRecord, now: number): GenerationSummary {
  const { generation, attempt, status, createdAt, endedAt, lastSequence } = record;
  const { conversationId, contentModel, error } = record;
  return {
    ...{ generation, attempt, status, createdAt, lastSequence },
    settlement: settlementStateOf(record, now),
    ...(endedAt !== undefined && { endedAt }),
    ...(conversationId !== undefined && { conversationId }),
    ...(contentModel !== undefined && { contentModel }),
    ...(error !== undefined && { error }),
  };
}
