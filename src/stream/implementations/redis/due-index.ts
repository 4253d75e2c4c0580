/**
 * The due index in Redis: sorted sets of streams by when they are due, spread over shards that lie in other slots than the
 * streams they speak of, so they over-approximate: see the contract.
 */
import { GenerationJobError } from '../../../errors.js';
import type { DueEntry, DueIndex, DuePage, PageRequest } from '../../interfaces/job-store.js';
import { streamKey } from '../../model/stream-key.js';
import type { StreamKey } from '../../model/types.js';
import { parsePlace, placeOf } from '../listing-place.js';
import { RedisDueShards } from './due-shards.js';
import type { DueShard, RedisKeys } from './keys.js';
import type { RedisScripts } from './scripts.js';
import { type ServerTime, WHOLE_SERVER } from './server-time.js';

export class RedisDueIndex implements DueIndex {
  readonly #scripts: RedisScripts;
  readonly #keys: RedisKeys;
  readonly #shards: RedisDueShards;
  readonly #time: ServerTime;
  readonly #isCluster: boolean;

  /** @param isCluster whether the shards may lie on several nodes */
  constructor(scripts: RedisScripts, keys: RedisKeys, time: ServerTime, isCluster: boolean) {
    this.#scripts = scripts;
    this.#keys = keys;
    this.#shards = new RedisDueShards(keys.shards, isCluster);
    this.#time = time;
    this.#isCluster = isCluster;
  }

  async list({ limit, after, all = false }: PageRequest & { all?: boolean | undefined }): Promise<DuePage> {
    const place = after === undefined ? undefined : parsePlace(after);
    const args = [limit, all ? 1 : 0, place?.score ?? '', place?.name ?? ''];
    const { sets, failures } = await this.#shards.ask((group) => this.#list(group, args));
    const found = sets.flatMap(membersOf).sort(compare);
    const page = found.slice(0, limit);
    const entries: DueEntry[] = [];
    for (const { name, at } of page) {
      const key = keyOf(name);
      if (key !== undefined) entries.push({ key, at });
      else
        failures.push(new GenerationJobError('internal', `The due index holds ${shown(name)}, no stream.`));
    }
    const isMore = found.length > limit || sets.some((set) => set.length >= limit * 2);
    const last = page.at(-1);
    const next = last && isMore ? placeOf(last.score, last.name) : undefined;
    // An entry that is no text can't be named as it is; it must not be listed again and again.
    return { entries, failures, next: next === after ? undefined : next };
  }

  async nearer(key: StreamKey, inMs: number, heldForMs: number = inMs): Promise<void> {
    const { scores, holds } = this.#keys.shard(key);
    await this.#scripts.run('due-nearer', [scores, holds], [key.id, inMs, 0, heldForMs]);
  }

  /** Does as `nearer`, but only when the score is missing or later by more than a second; says whether it was. */
  async restore(key: StreamKey, inMs: number): Promise<boolean> {
    const { scores, holds } = this.#keys.shard(key);
    return (await this.#scripts.run('due-nearer', [scores, holds], [key.id, inMs, 1, inMs])) === 1;
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

  /** One call: of a cluster, the first shard leads to a node, which refuses those that lie elsewhere. */
  async #list(
    group: readonly DueShard[],
    args: readonly (string | number)[],
  ): Promise<readonly (string | string[])[]> {
    const askedAt = this.#time.monotonic();
    const names = group.map(({ scores }) => scores);
    const [keys, more] = this.#isCluster ? [names.slice(0, 1), names.slice(1)] : [names, []];
    const reply = await this.#scripts.run('list', keys, [...args, ...more]);
    const [serverNow, ...sets] = reply as [string, ...(string | string[])[]];
    for (const set of sets) if (typeof set === 'string') this.#scripts.trouble.see(new Error(set));
    if (!this.#isCluster) this.#time.tell(WHOLE_SERVER, Number(serverNow), askedAt);
    else {
      // Another node has a clock of its own.
      const here = group.filter((_, index) => typeof sets[index] !== 'string');
      for (const shard of here) this.#time.tell(this.#keys.shards.indexOf(shard), Number(serverNow), askedAt);
    }
    return sets;
  }
}

export interface Member {
  readonly name: string;
  /** The score, as Redis writes it. */
  readonly score: string;
  readonly at: number;
}

/** Reads a set as the script lists it: name, score, name, score, … */
export function membersOf(flat: readonly string[]): Member[] {
  const members: Member[] = [];
  for (let index = 0; index < flat.length; index += 2) {
    const score = flat[index + 1] as string;
    members.push({ name: flat[index] as string, score, at: Number(score.replace('inf', 'Infinity')) });
  }
  return members;
}

function compare(a: Member, b: Member): number {
  if (a.at !== b.at) return a.at < b.at ? -1 : 1;
  return a.name < b.name ? -1 : Number(a.name > b.name);
}

/** Back from `<tenant>/<streamId>`; undefined for anything else. */
export function keyOf(id: string): StreamKey | undefined {
  const slash = id.indexOf('/');
  try {
    return slash < 0
      ? undefined
      : streamKey(id.slice(slash + 1), slash === 0 ? undefined : id.slice(0, slash));
  } catch {
    return undefined; // what is malformed names no stream
  }
}

const LONGEST_SHOWN = 80;

function shown(name: string): string {
  return JSON.stringify(name.length > LONGEST_SHOWN ? `${name.slice(0, LONGEST_SHOWN)}…` : name);
}
