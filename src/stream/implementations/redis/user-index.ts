/**
 * The index of each user's streams in Redis: a sorted set of stream ids, scored by until when a create under way holds
 * them. It lies in another slot than the streams, so it over-approximates: an entry is added before its stream is made,
 * and taken out after the stream has gone.
 */

import { asGenerationJobError, type GenerationJobError } from '../../../errors.js';
import type { OwnedStream, Page, PageRequest } from '../../interfaces/job-store.js';
import { LONGEST_DURATION_MS } from '../../model/host-values.js';
import { isStreamId, streamKey } from '../../model/stream-key.js';
import type { JobRecord, StreamKey, UserKey } from '../../model/types.js';
import { parsePlace, placeOf } from '../listing-place.js';
import { decodeRecord } from './codec.js';
import { type Member, membersOf } from './due-index.js';
import type { RedisKeys } from './keys.js';
import type { RedisScripts } from './scripts.js';

export class RedisUserIndex {
  readonly #scripts: RedisScripts;
  readonly #keys: RedisKeys;
  readonly #options: { readonly createHoldMs: number; readonly expiryMarginMs: number };

  constructor(
    scripts: RedisScripts,
    keys: RedisKeys,
    options: { readonly createHoldMs: number; readonly expiryMarginMs: number },
  ) {
    this.#scripts = scripts;
    this.#keys = keys;
    this.#options = options;
  }

  /** Puts a stream in that is about to be made. */
  async add(user: UserKey, streamId: string): Promise<void> {
    await this.#add(user, streamId, 'GT');
  }

  /** Puts a stream in if it is missing; says whether it was. */
  async restore(user: UserKey, streamId: string): Promise<boolean> {
    return (await this.#add(user, streamId, 'NX')) === 1;
  }

  /** Says whether it is out of the index; if not, a create holds it. */
  async drop(user: UserKey, streamId: string): Promise<boolean> {
    const index = this.#keys.user(user).streams;
    return (await this.#scripts.run('index-drop', [index], [streamId])) === 1;
  }

  /** Two round trips a page: the index, then all records at once. */
  async list(user: UserKey, { limit, after }: PageRequest): Promise<Page<OwnedStream>> {
    const place = after === undefined ? undefined : parsePlace(after);
    const args = [limit, 1, place?.score ?? '', place?.name ?? ''];
    const index = this.#keys.user(user).streams;
    const [serverNow, found] = (await this.#scripts.run('list', [index], args)) as [
      string,
      string[] | string,
    ];
    if (typeof found === 'string') throw this.#scripts.refusal(new Error(found));
    const members = membersOf(found);
    const named = members.filter(({ name }) => isStreamId(name));
    const records = await this.#scripts.together(() =>
      Promise.all(named.map(({ name }) => this.#read(streamKey(name, user.tenantId)))),
    );
    const owned = named.map((member, at) => {
      const key = streamKey(member.name, user.tenantId);
      return { key, current: records[at], place: placeOf(member.score, member.name) };
    });
    const forgotten = named.filter(
      ({ at }, index) => records[index] === undefined && at <= Number(serverNow),
    );
    const dropped = new Set(await this.#dropForgotten(user, forgotten));
    const last = members.at(-1);
    const next = last && members.length === limit ? placeOf(last.score, last.name) : undefined;
    return {
      entries: owned.filter(({ key }) => !dropped.has(key.streamId)),
      next: next === after ? undefined : next,
    };
  }

  async #add(user: UserKey, streamId: string, condition: 'GT' | 'NX'): Promise<unknown> {
    const { createHoldMs, expiryMarginMs } = this.#options;
    const index = this.#keys.user(user).streams;
    return this.#scripts.run(
      'index-add',
      [index],
      [...[streamId, createHoldMs], ...[LONGEST_DURATION_MS, expiryMarginMs, condition]],
    );
  }

  /** Drops what a process that was killed between a deletion and the end of a create's hold has left in the index. */
  async #dropForgotten(user: UserKey, forgotten: readonly Member[]): Promise<readonly string[]> {
    const names = forgotten.map(({ name }) => name);
    // The script looks again whether a create holds it; what can't be dropped now is found by the next listing.
    const dropped = await this.#scripts.together(() =>
      Promise.all(names.map((name) => this.#dropUnqueued(user, name).catch(() => false))),
    );
    return names.filter((_, at) => dropped[at]);
  }

  /** A stream that is kept no longer, or not yet, may have a queue of the user's. */
  async #dropUnqueued(user: UserKey, streamId: string): Promise<boolean> {
    const queue = this.#keys.queue(streamKey(streamId, user.tenantId));
    return (await this.#scripts.command('HLEN', queue)) === 0 && this.drop(user, streamId);
  }

  async #read(key: StreamKey): Promise<JobRecord | GenerationJobError | undefined> {
    const [job] = this.#keys.stream(key);
    try {
      const flat = flatOf(await this.#scripts.command('HGETALL', job));
      const fields = new Set(flat.filter((_, at) => at % 2 === 0));
      // A deleted stream may leave a hash with its floor alone for a moment.
      const isLeft = fields.size === 0 || (fields.has('floor') && !fields.has('fence'));
      return isLeft ? undefined : decodeRecord(flat, key);
    } catch (error) {
      return asGenerationJobError(error);
    }
  }
}

/** Clients give a hash as a list or, knowing the command, as an object or a map. */
function flatOf(reply: unknown): readonly string[] {
  if (Array.isArray(reply)) return reply as string[];
  return (reply instanceof Map ? [...reply] : Object.entries(reply as object)).flat() as string[];
}
