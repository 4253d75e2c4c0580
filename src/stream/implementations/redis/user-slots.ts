/**
 * A user's own bookkeeping in Redis: slots of running jobs, which streams wait for one, and what idempotency keys led
 * to.
 */
import type { RememberedRun, SlotRequest, UserSlots } from '../../interfaces/job-store.js';
import type { UserKey } from '../../model/types.js';
import type { RedisKeys } from './keys.js';
import type { RedisScripts } from './scripts.js';

/** Streams that wait for a slot, of those that are told when one is given back. */
const MOST_NAMED = 10;

export class RedisUserSlots implements UserSlots {
  readonly #scripts: RedisScripts;
  readonly #keys: RedisKeys;

  constructor(scripts: RedisScripts, keys: RedisKeys) {
    this.#scripts = scripts;
    this.#keys = keys;
  }

  async take(user: UserKey, slot: SlotRequest): Promise<boolean> {
    const { streamId, holder, limit, forMs, awaitsMs } = slot;
    const args = [streamId, holder, limit, forMs, awaitsMs ?? ''];
    return (await this.#scripts.run('slot-take', [this.#keys.user(user).slots], args)) === 1;
  }

  async give(user: UserKey, slot: { streamId: string; holder: string }): Promise<readonly string[]> {
    const args = [slot.streamId, slot.holder, MOST_NAMED];
    return (await this.#scripts.run('slot-give', [this.#keys.user(user).slots], args)) as string[];
  }

  async remember(user: UserKey, key: string, run: RememberedRun, forMs: number): Promise<RememberedRun> {
    const known = await this.#scripts.run(
      'run-remember',
      [this.#keys.user(user).runs],
      [key, JSON.stringify(run), forMs],
    );
    return JSON.parse(known as string) as RememberedRun;
  }

  async confirm(user: UserKey, key: string, run: RememberedRun): Promise<void> {
    await this.#change(user, key, run, JSON.stringify(run));
  }

  async forget(user: UserKey, key: string, run: RememberedRun): Promise<void> {
    await this.#change(user, key, run, '');
  }

  async clear(user: UserKey): Promise<void> {
    const { slots, runs } = this.#keys.user(user);
    await this.#scripts.command('DEL', slots, runs);
  }

  async #change(user: UserKey, key: string, run: RememberedRun, stored: string): Promise<void> {
    await this.#scripts.run(
      'run-change',
      [this.#keys.user(user).runs],
      [key, run.streamId, run.generation ?? '', stored],
    );
  }
}
