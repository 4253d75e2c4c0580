/**
 * Listings: a user's active jobs, and counts of everything kept. Both go through an index page by page, and each stream
 * answers for itself: one that can't be read is named and counted, and the rest is listed.
 */
import { GenerationJobError, isGenerationJobError } from '../errors.js';
import type { IndexKeeper } from './index-keeper.js';
import type { DueEntry } from './interfaces/job-store.js';
import type { JobPage, ListActiveJobsInput, Stats } from './manager-types.js';
import type { Parts } from './parts.js';
import { userKey } from './stream-key.js';
import { isActive } from './transitions.js';
import type { JobRecord, JobStatus } from './types.js';
import { reportUpkeepFailures } from './upkeep-failures.js';

/** Jobs in a page: so many records are some hundred kilobytes, and some ten milliseconds to read. */
const LARGEST_PAGE = 1_000;

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
    if (!Number.isInteger(limit) || limit < 1 || limit > LARGEST_PAGE) {
      throw new GenerationJobError('invalid_argument', `limit must be 1 to ${LARGEST_PAGE}.`);
    }
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

  /** Kept generations by status, of the whole store. */
  async counts(): Promise<Stats['global']> {
    const counts = { running: 0, requires_action: 0, completed: 0, failed: 0, aborted: 0 };
    const seen = new Set<string>();
    let unread = 0;
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
      const statuses = await Promise.all(fresh.map((entry) => this.#statusesOf(entry)));
      for (const found of statuses) {
        if (found === undefined) unread++;
        else for (const status of found) counts[status]++;
      }
      if (next === undefined || next === after) return { ...counts, streams: seen.size, unread };
      after = next;
    }
  }

  async #statusesOf({ key }: DueEntry): Promise<readonly JobStatus[] | undefined> {
    try {
      return (await this.#parts.store.read(key, 'kept')).map(({ status }) => status);
    } catch (error) {
      reportUpkeepFailures(this.#parts, 'listing', [{ streamId: key.streamId, error }]);
      return undefined;
    }
  }
}
