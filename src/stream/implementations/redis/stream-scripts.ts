/**
 * Runs scripts on a stream, each with as many of the stream's keys as it needs. Few streams have them all, and while a slot
 * of a cluster moves, Redis refuses a call of which a key is not there. So a call is first given the keys that it is certain
 * to need. A script that finds in the record that it needs more answers `MOREKEYS <how many>` before it writes anything
 * (`key_at` in redis-lua/include/record.lua), and is run again with them. Such a stream is remembered: a process pays once.
 */
import type { StreamKey } from '../../model/types.js';
import { wholeNumber } from './fields.js';
import type { RedisKeys } from './keys.js';
import { NeededKeys } from './needed-keys.js';
import type { RedisScripts, ScriptName } from './scripts.js';
import { wordOf } from './word.js';

/** Names how many keys a call is given, in the order of `RedisKeys.stream`, by the last of them. */
export const UP_TO = { job: 1, log: 2, ended: 3, snapshots: 4, inbox: 5, receipts: 6 } as const;

/** A change of state keeps these four keys alive, whatever the record says. */
const USUAL = UP_TO.snapshots;

/** The scripts that keep a stream's keys alive: those of its messages and receipts too, once its record says there are some. */
const KEEPING: ReadonlySet<ScriptName> = new Set(['create', 'commit', 'transition', 'settle']);

/** The scripts that are first given fewer or more keys than usual. */
const FIRST: Readonly<Partial<Record<ScriptName, number>>> = {
  // A lease is renewed and a producer is held by the record alone; a renewal that keeps the keys alive asks for them.
  renew: UP_TO.job,
  hold: UP_TO.job,
  read: UP_TO.ended,
  annotate: UP_TO.ended,
  leave: UP_TO.ended,
  inbox: UP_TO.inbox,
  receipt: UP_TO.receipts,
  'list-receipts': UP_TO.receipts,
  // What is deleted goes from every key, also what no record speaks of.
  delete: UP_TO.receipts,
};

export class StreamScripts {
  readonly #scripts: RedisScripts;
  readonly #keys: RedisKeys;
  readonly #needed = new NeededKeys();

  constructor(scripts: RedisScripts, keys: RedisKeys) {
    this.#scripts = scripts;
    this.#keys = keys;
  }

  /**
   * @param firstKeys how many keys the call is first given, where that does not follow from the script
   * @throws as `RedisScripts.run`
   */
  async run(
    name: ScriptName,
    key: StreamKey,
    args: readonly (string | number)[],
    firstKeys = FIRST[name] ?? USUAL,
  ): Promise<unknown> {
    const keys = this.#keys.stream(key);
    const isKeeping = firstKeys >= USUAL && KEEPING.has(name);
    let count = isKeeping ? Math.max(firstKeys, this.#needed.of(key)) : firstKeys;
    for (;;) {
      try {
        return await this.#scripts.run(name, keys.slice(0, count), args);
      } catch (error) {
        const wanted = Math.min(keysWantedBy(error), keys.length);
        // The slot moves, and a key is not there: perhaps the stream has it no longer, and needs it no more.
        if (wordOf(error).kind === 'TRYAGAIN') this.#needed.forget(key);
        if (wanted <= count) throw error;
        if (wanted > USUAL) this.#needed.remember(key, wanted);
        count = wanted;
      }
    }
  }
}

/** Returns how many keys a script has answered that it needs; 0 for every other error. */
function keysWantedBy(error: unknown): number {
  const { kind, text } = wordOf(error);
  return kind === 'MOREKEYS' ? (wholeNumber(text.split(' ')[1]) ?? 0) : 0;
}
