/** Waits for what the host saves after an end, on behalf of those who asked for it: a stop, a call of the manager. */
import { GenerationJobError } from '../../errors.js';
import type { Followers } from '../following/followers.js';
import type { SettledInput } from '../interfaces/stopping.js';
import { isOwnedBy } from '../model/access.js';
import { isSettlementOver, type SettlementState, settlementStateOf } from '../model/settlement-state.js';
import type { JobRecord, StreamKey } from '../model/types.js';
import type { Parts } from '../process/parts.js';
import type { Settler } from './settlement.js';

export class SettlementWaits {
  readonly #parts: Pick<Parts, 'store'>;
  readonly #followers: Pick<Followers, 'whenSettled'>;
  readonly #settler: Pick<Settler, 'isInside'>;

  constructor(
    parts: Pick<Parts, 'store'>,
    followers: Pick<Followers, 'whenSettled'>,
    settler: Pick<Settler, 'isInside'>,
  ) {
    this.#parts = parts;
    this.#followers = followers;
    this.#settler = settler;
  }

  /**
   * Waits for a generation's settlement and says where it stands then.
   * @throws GenerationJobError `stream_not_found`, also when it is deleted meanwhile · `unavailable` · the signal's reason
   */
  async stateOf(key: StreamKey, input: SettledInput): Promise<SettlementState> {
    const { generation, signal } = input;
    signal?.throwIfAborted();
    const [seen] = await this.#parts.store.read(key, generation ?? 'current');
    const record = seen !== undefined && isOwnedBy(seen, input) ? await this.after(key, seen, input) : null;
    signal?.throwIfAborted();
    if (record === null)
      throw new GenerationJobError('stream_not_found', 'There is no such stream or generation.');
    return settlementStateOf(record, this.#parts.store.now());
  }

  /**
   * Returns the record once its settlement is over, or as it is when the time is; null when it is not kept any more. The host's
   * own `settle`, which would wait for itself, is given what was seen.
   */
  async after(
    key: StreamKey,
    seen: JobRecord,
    { timeoutMs, signal }: Pick<SettledInput, 'timeoutMs' | 'signal'> = {},
  ): Promise<JobRecord | null> {
    if (isSettlementOver(seen) || this.#settler.isInside(key)) return seen;
    return this.#followers.whenSettled(key, { generation: seen.generation, timeoutMs, signal, seen });
  }
}
