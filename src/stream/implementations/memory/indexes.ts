/**
 * The due index and the users' own bookkeeping in memory. Small maps, looked through whole when asked: with the streams
 * bounded, a sweep over all of them costs less than keeping an order would.
 */
import type {
  DueEntry,
  DueIndex,
  DuePage,
  Page,
  PageRequest,
  RememberedRun,
  SlotRequest,
  UserSlots,
} from '../../interfaces/job-store.js';
import type { StreamKey, UserKey } from '../../model/types.js';
import { parsePlace, placeOf } from '../listing-place.js';

interface DueScore extends DueEntry {
  /** The soonest time a `nearer` asked for that may lie ahead; until it is over, nobody may put the score beyond it. */
  readonly soonest: number;
  /** The latest such time: what is left to hold to when the soonest is over. */
  readonly held: number;
}

export class InMemoryDueIndex implements DueIndex {
  readonly #scores = new Map<string, DueScore>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  async list({ limit, after, all = false }: PageRequest & { all?: boolean | undefined }): Promise<DuePage> {
    const now = this.#now();
    const due: DueEntry[] = [];
    for (const { key, at } of this.#scores.values()) if (all || at <= now) due.push({ key, at });
    const page = pageOf(due, ({ key, at }) => ({ score: at, name: key.id }), { limit, after });
    return { ...page, failures: [] };
  }

  async nearer(key: StreamKey, inMs: number, heldForMs: number = inMs): Promise<void> {
    const now = this.#now();
    const asked = now + inMs;
    const known = this.#scores.get(key.id);
    this.#scores.set(key.id, {
      key,
      at: Math.min(asked, known?.at ?? asked),
      soonest: known && known.soonest > now ? Math.min(asked, known.soonest) : asked,
      held: Math.max(asked, now + heldForMs, known?.held ?? asked),
    });
  }

  async later({ key, at: seen }: DueEntry, at: number | null): Promise<boolean> {
    const known = this.#scores.get(key.id);
    if (known?.at !== seen) return false;
    const bound = this.#boundOf(known);
    if (bound !== undefined) this.#scores.set(key.id, { ...known, at: Math.min(at ?? bound, bound) });
    else if (at === null) this.#scores.delete(key.id);
    else this.#scores.set(key.id, { ...known, at });
    return true;
  }

  /** The stream is gone; but what is held is for one that may be about to come. */
  remove(key: StreamKey): void {
    const known = this.#scores.get(key.id);
    if (known === undefined) return;
    const bound = this.#boundOf(known);
    if (bound === undefined) this.#scores.delete(key.id);
    else this.#scores.set(key.id, { ...known, at: Math.min(known.at, bound) });
  }

  /** Beyond which a score may not be put now. */
  #boundOf({ soonest, held }: DueScore): number | undefined {
    const now = this.#now();
    const bound = soonest > now ? soonest : held;
    return bound > now ? bound : undefined;
  }
}

/** Streams that wait for a slot, of those that are told when one is given back. */
const MOST_NAMED = 10;

interface UserEntry {
  readonly slots: Map<string, { holder: string; until: number }>;
  /** The streams that wait for a slot. */
  readonly waits: Map<string, { since: number; until: number }>;
  readonly runs: Map<string, { run: RememberedRun; until: number }>;
}

export class InMemoryUserSlots implements UserSlots {
  readonly #users = new Map<string, UserEntry>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  async take(user: UserKey, slot: SlotRequest): Promise<boolean> {
    const { streamId, holder, limit, forMs, awaitsMs } = slot;
    return this.#with(user, ({ slots, waits }) => {
      const now = this.#now();
      const others = slots.size - (slots.has(streamId) ? 1 : 0);
      if (others < limit) {
        slots.set(streamId, { holder, until: now + forMs });
        waits.delete(streamId);
        return true;
      }
      if (awaitsMs !== undefined && !slots.has(streamId))
        waits.set(streamId, { since: waits.get(streamId)?.since ?? now, until: now + awaitsMs });
      return false;
    });
  }

  async give(user: UserKey, slot: { streamId: string; holder: string }): Promise<readonly string[]> {
    return this.#with(user, ({ slots, waits }) => {
      if (slots.get(slot.streamId)?.holder === slot.holder) slots.delete(slot.streamId);
      const waiting = [...waits].sort(([one, a], [other, b]) => a.since - b.since || (one < other ? -1 : 1));
      return waiting.slice(0, MOST_NAMED).map(([streamId]) => streamId);
    });
  }

  async remember(user: UserKey, key: string, run: RememberedRun, forMs: number): Promise<RememberedRun> {
    return this.#with(user, ({ runs }) => {
      const known = runs.get(key);
      if (known) return known.run;
      runs.set(key, { run, until: this.#now() + forMs });
      return run;
    });
  }

  async confirm(user: UserKey, key: string, run: RememberedRun): Promise<void> {
    this.#with(user, ({ runs }) => {
      const known = runs.get(key);
      if (known && isSameRun(known.run, run)) runs.set(key, { run, until: known.until });
    });
  }

  async forget(user: UserKey, key: string, run: RememberedRun): Promise<void> {
    this.#with(user, ({ runs }) => {
      const known = runs.get(key);
      if (known && isSameRun(known.run, run)) runs.delete(key);
    });
  }

  async clear(user: UserKey): Promise<void> {
    this.#users.delete(nameOf(user));
  }

  /** Runs one step on a user's entry without what has expired, and forgets the user when nothing is left. */
  #with<Result>(user: UserKey, step: (entry: UserEntry) => Result): Result {
    const name = nameOf(user);
    const entry = this.#users.get(name) ?? { slots: new Map(), waits: new Map(), runs: new Map() };
    const now = this.#now();
    for (const kept of [entry.slots, entry.waits, entry.runs])
      for (const [name, { until }] of kept) if (until <= now) kept.delete(name);
    const result = step(entry);
    if (entry.slots.size + entry.waits.size + entry.runs.size > 0) this.#users.set(name, entry);
    else this.#users.delete(name);
    return result;
  }
}

function isSameRun(known: RememberedRun, run: RememberedRun): boolean {
  return known.streamId === run.streamId && (known.generation ?? run.generation) === run.generation;
}

export function nameOf(user: UserKey): string {
  return `${user.tenantId ?? ''}/${user.userId}`;
}

/** A page of what an index holds, by score, then by name. */
export function pageOf<Entry>(
  entries: readonly Entry[],
  orderOf: (entry: Entry) => { readonly score: number; readonly name: string },
  { limit, after }: PageRequest,
): Page<Entry> {
  const place = after === undefined ? undefined : parsePlace(after);
  const start = place && { score: Number(place.score), name: place.name };
  const ordered = entries.map((entry) => ({ entry, ...orderOf(entry) })).sort(compare);
  const rest = start ? ordered.filter((one) => compare(start, one) < 0) : ordered;
  const page = rest.slice(0, limit);
  const last = page.at(-1);
  return {
    entries: page.map(({ entry }) => entry),
    next: last && rest.length > limit ? placeOf(last.score, last.name) : undefined,
  };
}

function compare(a: { score: number; name: string }, b: { score: number; name: string }): number {
  if (a.score !== b.score) return a.score - b.score;
  return a.name < b.name ? -1 : Number(a.name > b.name);
}
