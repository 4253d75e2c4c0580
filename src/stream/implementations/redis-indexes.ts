/**
 * The due index and the users' own bookkeeping in Redis. Both lie in other slots than the streams they speak of, so they
 * over-approximate: see the contract.
 */
import type { DueEntry, DueIndex, RememberedRun, UserSlots } from '../interfaces/job-store.js';
import { streamKey } from '../stream-key.js';
import type { StreamKey, UserKey } from '../types.js';
import type { RedisKeys } from './redis-keys.js';
import type { RedisScripts } from './redis-scripts.js';
import type { ServerTime } from './server-time.js';

export class RedisDueIndex implements DueIndex {
  readonly #scripts: RedisScripts;
  readonly #keys: RedisKeys;
  readonly #time: ServerTime;

  constructor(scripts: RedisScripts, keys: RedisKeys, time: ServerTime) {
    this.#scripts = scripts;
    this.#keys = keys;
    this.#time = time;
  }

  async list({ limit, all = false }: { limit: number; all?: boolean }): Promise<readonly DueEntry[]> {
    const askedAt = this.#time.monotonic();
    const replies = await Promise.all(
      this.#keys.shards.map(({ scores }) => this.#scripts.run('due-list', [scores], [limit, all ? 1 : 0])),
    );
    const due: DueEntry[] = [];
    for (const [shard, [serverNow, ...found]] of (replies as string[][]).entries()) {
      this.#time.tell(shard, Number(serverNow), askedAt);
      for (let index = 0; index < found.length; index += 2) {
        due.push({ key: keyOf(found[index] as string), at: Number(found[index + 1]) });
      }
    }
    return due.sort((a, b) => a.at - b.at).slice(0, limit);
  }

  async nearer(key: StreamKey, inMs: number): Promise<void> {
    const { scores, holds } = this.#keys.shard(key);
    await this.#scripts.run('due-nearer', [scores, holds], [key.id, inMs]);
  }

  async later(entry: DueEntry, at: number | null): Promise<boolean> {
    const { scores, holds } = this.#keys.shard(entry.key);
    return (await this.#scripts.run('due-later', [scores, holds], [entry.key.id, entry.at, at ?? ''])) === 1;
  }

  /** The stream is gone; but what is held is for one that may be about to come. */
  async drop(key: StreamKey): Promise<void> {
    const { scores, holds } = this.#keys.shard(key);
    await this.#scripts.run('due-later', [scores, holds], [key.id, 'any', '']);
  }
}

export class RedisUserSlots implements UserSlots {
  readonly #scripts: RedisScripts;
  readonly #keys: RedisKeys;

  constructor(scripts: RedisScripts, keys: RedisKeys) {
    this.#scripts = scripts;
    this.#keys = keys;
  }

  async take(
    user: UserKey,
    slot: { streamId: string; holder: string; limit: number; forMs: number },
  ): Promise<boolean> {
    const { streamId, holder, limit, forMs } = slot;
    const taken = await this.#scripts.run(
      'slot-take',
      [this.#keys.user(user).slots],
      [streamId, holder, limit, forMs],
    );
    return taken === 1;
  }

  async give(user: UserKey, slot: { streamId: string; holder: string }): Promise<void> {
    await this.#scripts.run('slot-give', [this.#keys.user(user).slots], [slot.streamId, slot.holder]);
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

/** Back from `<tenant>/<streamId>`. */
export function keyOf(id: string): StreamKey {
  const slash = id.indexOf('/');
  return streamKey(id.slice(slash + 1), slash === 0 ? undefined : id.slice(0, slash));
}
