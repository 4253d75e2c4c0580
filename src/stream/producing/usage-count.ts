/** An attempt's count of what its generation has used, from where the attempt before it stopped. */
import type { JobRecord, Usage } from '../model/types.js';
import { checkUsage } from '../process/call-input.js';
import type { Change } from './patches.js';

export class UsageCount {
  #totals: Usage;

  constructor({ usage }: JobRecord) {
    this.#totals = usage;
  }

  /** Adds to the count. @returns the change of the record that says so @throws GenerationJobError `invalid_argument` */
  add(usage: Usage): Change {
    checkUsage(usage);
    const totals: Record<string, number> = { ...this.#totals };
    for (const [name, value] of Object.entries(usage)) {
      totals[name] = (Object.hasOwn(totals, name) ? (totals[name] ?? 0) : 0) + value;
    }
    this.#totals = totals;
    return { usage: totals };
  }
}
