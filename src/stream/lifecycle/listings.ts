/**
 * Listings: a user's active jobs, settlements by their state, and counts of everything kept. All go through an index page
 * by page, and each stream answers for itself: one that can't be read is named and counted, and the rest is listed.
 */
import { type GenerationJobError, isGenerationJobError } from '../../errors.js';
import type { DueEntry } from '../interfaces/job-store.js';
import type {
  JobPage,
  ListActiveJobsInput,
  ListSettlementsInput,
  Stats,
} from '../interfaces/manager-types.js';
import { userKey } from '../model/stream-key.js';
import { isActive } from '../model/transitions.js';
import type { JobRecord } from '../model/types.js';
import { LARGEST_PAGE } from '../process/call-input.js';
import type { IndexKeeper } from '../process/index-keeper.js';
import type { Parts } from '../process/parts.js';
import { reportUpkeepFailures, type UpkeepFailure } from '../process/upkeep-failures.js';

export class Listings {
  readonly #parts: Parts;
  readonly #indexes: IndexKeeper;

  constructor(parts: Parts, indexes: IndexKeeper) {
    this.#parts = parts;
    this.#indexes = indexes;
  }

  /** @throws as `GenerationJobManager.listActiveJobs` */
  async activeJobs({
    userId,
    tenantId,
    limit = LARGEST_PAGE,
    cursor,
  }: ListActiveJobsInput): Promise<JobPage> {
    const user = userKey(userId, tenantId);
    const jobs: JobRecord[] = [];
    const unread: { streamId: string; error: GenerationJobError }[] = [];
    let next: string | undefined;
    for (let after = cursor; ; after = next) {
      const page = await this.#parts.store.listByUser(user, { limit, after });
      next = page.next;
      for (const { key, current, place } of page.entries) {
        if (jobs.length === limit) break;
        if (isGenerationJobError(current)) unread.push({ streamId: key.streamId, error: current });
        else if (current?.userId === userId && isActive(current.status)) {
          jobs.push(current);
          this.#indexes.noticed(key, current);
        }
        // When the limit is reached the next page begins here, unless nothing is left of this one.
        if (jobs.length === limit && place !== page.entries.at(-1)?.place) next = place;
      }
      if (next === undefined || next === after || jobs.length === limit) break;
    }
    reportUpkeepFailures(this.#parts, 'listing', unread);
    const unreadIds = unread.map(({ streamId }) => streamId);
    return Object.assign(jobs, {
      ...(next !== undefined && { next }),
      ...(unreadIds.length > 0 && { unread: unreadIds }),
    });
  }

  /** @throws as `GenerationJobManager.settlements` */
  async settlements({ state, limit = LARGEST_PAGE, cursor }: ListSettlementsInput): Promise<JobPage> {
    const { entries, next, failures } = await this.#parts.store.due.list({ limit, all: true, after: cursor });
    const failed: UpkeepFailure[] = failures.map((error) => ({ error }));
    const found = await Promise.all(
      entries.map(async ({ key }) => {
        try {
          return await this.#parts.store.read(key, 'kept');
        } catch (error) {
          failed.push({ streamId: key.streamId, error });
          return [];
        }
      }),
    );
    reportUpkeepFailures(this.#parts, 'listing', failed);
    const jobs = found
      .flat()
      .filter(({ status, settlement }) => !isActive(status) && settlement.state === state);
    const unread = failed.flatMap(({ streamId }) => streamId ?? []);
    return Object.assign(jobs, {
      ...(next !== undefined && { next }),
      ...(unread.length > 0 && { unread }),
    });
  }

  /** Kept generations by status, of the whole store. */
  async counts(): Promise<Stats['global']> {
    const counts = { running: 0, requires_action: 0, completed: 0, failed: 0, aborted: 0 };
    const seen = new Set<string>();
    let unread = 0;
    let setAside = 0;
    for (let after: string | undefined; ; ) {
      const { entries, next, failures } = await this.#parts.store.due.list({
        limit: LARGEST_PAGE,
        all: true,
        after,
      });
      reportUpkeepFailures(
        this.#parts,
        'listing',
        failures.map((error) => ({ error })),
      );
      // One that moves while the pages are read may be listed twice.
      const fresh = entries.filter(({ key }) => !seen.has(key.id));
      for (const { key } of fresh) seen.add(key.id);
      const kept = await Promise.all(fresh.map((entry) => this.#keptOf(entry)));
      unread += kept.filter((found) => found === undefined).length;
      for (const { status, settlement } of kept.flatMap((found) => found ?? [])) {
        counts[status]++;
        if (!isActive(status) && settlement.state === 'set_aside') setAside++;
      }
      if (next === undefined || next === after) {
        this.#parts.setAside.counted(setAside);
        return { ...counts, streams: seen.size, unread, setAside };
      }
      after = next;
    }
  }

  async #keptOf({ key }: DueEntry): Promise<readonly JobRecord[] | undefined> {
    try {
      return await this.#parts.store.read(key, 'kept');
    } catch (error) {
      reportUpkeepFailures(this.#parts, 'listing', [{ streamId: key.streamId, error }]);
      return undefined;
    }
  }
}
