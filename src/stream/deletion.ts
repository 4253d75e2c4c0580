/**
 * Removes streams whole: log, records, snapshots, what their users' books say of them. The producer is told, followers end
 * with `gone`, and a late write finds nothing to write to.
 */
import { isTheirs } from './access.js';
import type { LeaseKeeper } from './lease-keeper.js';
import type { Access } from './manager-types.js';
import { callHook, type Parts } from './parts.js';
import { isActive } from './transitions.js';
import type { JobRecord, StreamKey, UserKey } from './types.js';

export class Deletion {
  readonly #parts: Parts;
  readonly #leases: LeaseKeeper;

  constructor(parts: Parts, leases: LeaseKeeper) {
    this.#parts = parts;
    this.#leases = leases;
  }

  /** Says whether there was something of theirs. */
  async ofStream(key: StreamKey, access: Access): Promise<boolean> {
    const kept = await this.#parts.store.read(key, 'kept');
    const [current] = kept;
    return current !== undefined && isTheirs(current, access) && this.#delete(key, kept);
  }

  /** Everything of the user; says how many streams that were. */
  async ofUser(user: UserKey): Promise<number> {
    const { store } = this.#parts;
    let deleted = 0;
    for (const key of await store.listByUser(user)) if (await this.ofStream(key, user)) deleted++;
    await store.slots.clear(user);
    return deleted;
  }

  async #delete(key: StreamKey, kept: readonly JobRecord[]): Promise<boolean> {
    const { store, transport, slots, background } = this.#parts;
    const deleted = await store.delete(key);
    for (const record of kept) {
      const { generation, idempotencyKey } = record;
      const user = { tenantId: key.tenantId, userId: record.userId };
      if (idempotencyKey !== undefined) {
        await store.slots.forget(user, idempotencyKey, { streamId: key.streamId, generation });
      }
      background.run(slots.give(key, record));
      await callHook(this.#parts, 'onDeleted', () => this.#parts.hooks.onDeleted?.(record), undefined, {
        record,
      });
      if (!isActive(record.status)) continue;
      const local = this.#leases.find(key, generation);
      if (local) local.lose('gone');
      else transport.signal({ key, generation });
    }
    if (deleted) transport.publishGone(key);
    return deleted;
  }
}
