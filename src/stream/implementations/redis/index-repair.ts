/**
 * Puts back what the indexes in Redis have lost: eviction takes single keys, and a failover the last writes of some. The
 * streams themselves say which there are, so they are found by a walk over the key space, a node after the other.
 */

import { asGenerationJobError } from '../../../errors.js';
import type { IndexRepair, KeptPage, PageRequest, RepairedIndex } from '../../interfaces/job-store.js';
import { ownerOf } from '../../model/stream-key.js';
import type { StreamKey } from '../../model/types.js';
import { parsePlace, placeOf } from '../listing-place.js';
import type { RedisClient } from './client.js';
import { keyOf, type RedisDueIndex } from './due-index.js';
import type { RedisKeys } from './keys.js';
import type { RedisScripts } from './scripts.js';
import type { RedisUserIndex } from './user-index.js';

interface Indexes {
  readonly due: RedisDueIndex;
  readonly users: RedisUserIndex;
}

export class RedisIndexRepair implements IndexRepair {
  readonly #client: RedisClient;
  readonly #scripts: RedisScripts;
  readonly #keys: RedisKeys;
  readonly #indexes: Indexes;

  constructor(client: RedisClient, scripts: RedisScripts, keys: RedisKeys, indexes: Indexes) {
    this.#client = client;
    this.#scripts = scripts;
    this.#keys = keys;
    this.#indexes = indexes;
  }

  async restore(
    key: StreamKey,
    { userId, inMs }: { userId: string; inMs: number },
  ): Promise<readonly RepairedIndex[]> {
    const user = ownerOf(key, userId);
    const [due, owned] = await this.#scripts.together(() =>
      Promise.all([this.#indexes.due.restore(key, inMs), this.#indexes.users.restore(user, key.streamId)]),
    );
    return [...(due ? (['due'] as const) : []), ...(owned ? (['user'] as const) : [])];
  }

  /** A place is `<node>_<cursor of its SCAN>`. */
  async list({ limit, after }: PageRequest): Promise<KeptPage> {
    const nodes = this.#client.nodes?.('master') ?? [this.#client];
    const place = after === undefined ? { score: '0', name: '0' } : parsePlace(after);
    const at = Number(place.score);
    const node = nodes[at];
    if (node === undefined) return { entries: [], failures: [] };
    const nextNode = at + 1 < nodes.length ? placeOf(at + 1, '0') : undefined;
    const pattern = ['MATCH', this.#keys.everyStream, 'COUNT', limit];
    try {
      const reply = await this.#scripts.commandOn(node, 'SCAN', place.name, ...pattern);
      const [cursor, names] = reply as [string, string[]];
      const entries = names.flatMap((name) => keyOf(this.#keys.streamIn(name)) ?? []);
      return { entries, failures: [], next: cursor === '0' ? nextNode : placeOf(at, cursor) };
    } catch (error) {
      return { entries: [], failures: [asGenerationJobError(error)], next: nextNode };
    }
  }
}
