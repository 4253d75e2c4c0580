/**
 * Removes streams whole: log, records, snapshots, what waits on them, what their users' books say of them. The producer is told, followers end
 * with `gone`, and a late write finds nothing to write to. A settlement under way, on any replica, is waited for, so that
 * the host saves nothing for who has gone; one that has not begun finds nothing to settle.
 *
 * A stream whose records can't be read goes too, and the host is told what was left out for it: `onDeleted` has nothing to
 * be called with, an idempotency key is not known, and its producer learns it by itself, with its next commit or renewal.
 * Whose it is, is asked by the store's own deletion. Where even that can't be read, the stream may be another's: somebody's access
 * is refused by name, the deletion of a user leaves it and names it, and only a host that names nobody deletes it. A user's
 * index is no proof: a create puts the stream there before it learns that it is somebody else's.
 */

import { sleep } from '../../clock.js';
import { DeletionIncompleteError, GenerationJobError, isGenerationJobError } from '../../errors.js';
import type { Access } from '../model/access.js';
import { isOwnedBy } from '../model/access.js';
import { ownerOf } from '../model/stream-key.js';
import { isActive } from '../model/transitions.js';
import type { JobRecord, StreamKey, UserKey } from '../model/types.js';
import { backOff, retryPauses } from '../process/back-off.js';
import { callHook } from '../process/host-code.js';
import type { Parts } from '../process/parts.js';
import { reportUpkeepFailures } from '../process/upkeep-failures.js';
import type { LeaseKeeper } from '../producing/lease-keeper.js';
import type { QueueChanges } from './queue-changes.js';
import type { Settler } from './settlement.js';

/** A page of a user’s index; its streams are deleted at the same time. */
const STREAMS_AT_ONCE = 100;

export interface DeletionContext {
  readonly leases: LeaseKeeper;
  readonly settler: Settler;
  readonly queues: Pick<QueueChanges, 'remove'>;
}

export class Deletion {
  readonly #parts: Parts;
  readonly #leases: LeaseKeeper;
  readonly #settler: Settler;
  readonly #queues: Pick<QueueChanges, 'remove'>;

  constructor(parts: Parts, { leases, settler, queues }: DeletionContext) {
    this.#parts = parts;
    this.#leases = leases;
    this.#settler = settler;
    this.#queues = queues;
  }

  /** Says whether there was something of theirs. */
  async ofStream(key: StreamKey, access: Access): Promise<boolean> {
    const { store, options, clock } = this.#parts;
    const until = clock.monotonic() + options.hookMs;
    let hadQueue = false;
    for (let looks = 1; ; looks++) {
      // First: a run that has started before it is a generation by now, and none starts behind it.
      hadQueue = (await this.#queues.remove(key, access.userId)) || hadQueue;
      const at = store.now();
      const kept = await store.read(key, 'kept').catch(damagedOrThrow);
      // A stream that begins at this moment is not one that was damaged.
      if (!isGenerationJobError(kept) && kept.length === 0) {
        // Its rules outlive the time that a stream is kept.
        await this.#deleteRules(key, access.userId);
        return this.#deleteRemains(key, access, { at, hadQueue });
      }
      const records = isGenerationJobError(kept) ? [] : kept;
      const [current] = records;
      if (current !== undefined && !isOwnedBy(current, access)) return false;
      const isLate = clock.monotonic() >= until;
      const deleted = await this.#delete(key, records, isLate || this.#settler.isInside(key), access);
      if (deleted === true && current === undefined) this.#tellUnread(key, kept);
      if (deleted !== 'settling') return deleted;
      await sleep(clock, backOff(retryPauses(options), looks));
    }
  }

  /**
   * Everything of the user that can be deleted; says how many streams that were.
   * @throws DeletionIncompleteError when something could not be; the rest has gone
   */
  async ofUser(user: UserKey): Promise<number> {
    const { store } = this.#parts;
    const left: { streamId?: string; error: unknown }[] = [];
    let deleted = 0;
    const tryOne = async (key: StreamKey) => {
      try {
        if (await this.ofStream(key, user)) deleted++;
      } catch (error) {
        left.push({ streamId: key.streamId, error });
      }
    };
    try {
      for (let after: string | undefined; ; ) {
        const { entries, next } = await store.listByUser(user, { limit: STREAMS_AT_ONCE, after });
        await Promise.all(entries.map(({ key }) => tryOne(key)));
        if (next === undefined || next === after) break;
        after = next;
      }
      await store.slots.clear(user);
      await this.#parts.feed.clear(user);
      await this.#parts.rules?.deleteUser(user);
    } catch (error) {
      left.push({ error });
    }
    if (left.length === 0) return deleted;
    reportUpkeepFailures(this.#parts, 'deletion', left);
    const streamIds = left.flatMap(({ streamId }) => streamId ?? []);
    throw new DeletionIncompleteError(deleted, streamIds, { cause: left[0]?.error });
  }

  /** Deletes what is left of a stream of which no generation was current at a time; a feed may know it for longer than it is kept. */
  async #deleteRemains(
    key: StreamKey,
    { userId }: Access,
    { at, hadQueue }: { readonly at: number; readonly hadQueue: boolean },
  ): Promise<boolean> {
    if (userId !== undefined) await this.#parts.feed.removeRemains(key, ownerOf(key, userId), at);
    const remains = { remainsOnly: true, whileSettling: true, ownedBy: userId };
    const deleted = await this.#parts.store.delete(key, remains);
    if (deleted === true) this.#tellUnread(key, undefined);
    if (deleted === true || hadQueue) this.#parts.transport.publishGone(key);
    return deleted === true || hadQueue;
  }

  /** @param whileSettling whether it goes although the host settles it now */
  async #delete(
    key: StreamKey,
    kept: readonly JobRecord[],
    whileSettling: boolean,
    { userId }: Access,
  ): Promise<boolean | 'settling'> {
    const { store, transport, slots, setAside, background } = this.#parts;
    // Before the stream goes: what fails here is done by the next try, which would find no stream any more.
    for (const { generation, idempotencyKey, userId } of kept) {
      if (idempotencyKey === undefined) continue;
      await store.slots.forget(ownerOf(key, userId), idempotencyKey, { streamId: key.streamId, generation });
    }
    await this.#deleteRules(key, kept[0]?.userId ?? userId);
    const deleted = await store.delete(key, { whileSettling, ownedBy: userId });
    if (deleted !== true) return deleted;
    for (const record of kept) {
      const { generation } = record;
      background.run(slots.give(key, record));
      await callHook(this.#parts, 'onDeleted', () => this.#parts.hooks.onDeleted?.(record), undefined, {
        record,
      });
      if (!isActive(record.status)) {
        if (record.settlement.state === 'set_aside') setAside.changed(-1);
        continue;
      }
      const local = this.#leases.find(key, generation);
      if (local) local.stop('gone');
      else transport.signal({ key, generation });
    }
    transport.publishGone(key);
    const [newest] = kept;
    if (newest !== undefined)
      await this.#parts.feed.remove(key, ownerOf(key, newest.userId), newest.generation);
    return true;
  }

  /** Deletes what a user has allowed in the conversation that a stream is. */
  async #deleteRules({ tenantId, streamId }: StreamKey, userId: string | undefined): Promise<void> {
    if (userId === undefined) return;
    await this.#parts.rules?.deleteConversation({ tenantId, userId, conversationId: streamId });
  }

  #tellUnread(key: StreamKey, cause: unknown): void {
    const message = 'A stream was deleted whose records could not be read: onDeleted was not called for it.';
    const error = new GenerationJobError(
      'store_damaged',
      message,
      isGenerationJobError(cause) ? { cause } : {},
    );
    this.#parts.errors.report({ where: 'upkeep', error, record: key, details: { step: 'deletion' } });
  }
}

/**
 * Returns the error when it says that what is kept can't be read, and throws any other. Anything else stops a deletion,
 * a newer release's format among it.
 */
function damagedOrThrow(error: unknown): GenerationJobError {
  if (isGenerationJobError(error, 'store_damaged')) return error;
  throw error;
}
