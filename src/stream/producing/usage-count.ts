/**
 * An attempt's count of what its generation has used, from where the attempt before it stopped: the totals, and beside them
 * an entry for each call. The list is bounded. When it is full, entries of the same kind, model, provider and agent become
 * one, and stay so; of what doesn't fit even then, all goes to one entry of the kind `other`.
 */
import { GenerationJobError } from '../../errors.js';
import type { JobRecord, Usage, UsageEntry, UsageInput } from '../model/types.js';
import { type CountedUsage, parseUsage } from '../process/usage-input.js';
import type { Change } from './patches.js';

/** Entries of a generation, without the one for what doesn't fit. */
const MOST_ENTRIES = 64;
/** Different counters of a generation. */
const MOST_COUNTERS = 128;

export class UsageCount {
  #totals: Usage;
  #entries: readonly UsageEntry[];

  constructor({ usage, usageEntries }: JobRecord) {
    this.#totals = usage;
    this.#entries = usageEntries;
  }

  /** Adds to the count. @returns the change of the record that says so @throws GenerationJobError `invalid_argument` */
  add(given: UsageInput): Change {
    const counted = parseUsage(given);
    const totals = sumOf(this.#totals, counted.counters);
    if (Object.keys(totals).length > MOST_COUNTERS)
      throw new GenerationJobError(
        'invalid_argument',
        `A generation has no more than ${MOST_COUNTERS} different counters.`,
      );
    this.#totals = totals;
    if (counted.counters.size > 0) this.#entries = withEntry(this.#entries, counted);
    return { usage: this.#totals, usageEntries: this.#entries };
  }
}

function sumOf(usage: Usage, counters: ReadonlyMap<string, number>): Usage {
  const sums = new Map(Object.entries(usage));
  for (const [name, value] of counters) sums.set(name, (sums.get(name) ?? 0) + value);
  return Object.fromEntries(sums);
}

function withEntry(entries: readonly UsageEntry[], { labels, counters }: CountedUsage): UsageEntry[] {
  const entry = { ...labels, calls: 1, usage: Object.fromEntries(counters) };
  const isMerged = entries.some(({ calls }) => calls > 1);
  if (!isMerged && entries.length < MOST_ENTRIES) return [...entries, entry];
  return into(isMerged ? entries : entries.reduce(into, []), entry);
}

/** Adds an entry to the one it is like, else to the list, else to `other`. */
function into(list: readonly UsageEntry[], entry: UsageEntry): UsageEntry[] {
  const alike = list.findIndex((one) => isAlike(one, entry));
  if (alike < 0 && list.length < MOST_ENTRIES) return [...list, entry];
  const other = { kind: 'other', calls: 0, usage: {} };
  const at = alike >= 0 ? alike : list.findIndex((one) => isAlike(one, other));
  const known = list[at] ?? other;
  const usage = sumOf(known.usage, new Map(Object.entries(entry.usage)));
  const sum = { ...known, calls: known.calls + entry.calls, usage };
  return at < 0 ? [...list, sum] : list.with(at, sum);
}

function isAlike(one: UsageEntry, other: UsageEntry): boolean {
  return (['kind', 'model', 'provider', 'agentId'] as const).every((label) => one[label] === other[label]);
}
