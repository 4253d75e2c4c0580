/**
 * The listing for operators: each stream's current generation, page by page, through the index of a user or that of what
 * is due. A page looks at so many streams and reads each once, whatever is filtered out; a record that can't be read is
 * named, and takes no other one with it. What users and hosts have written stays out of it.
 */
import { asGenerationJobError, type GenerationJobError, isGenerationJobError } from '../../errors.js';
import type { PageRequest } from '../interfaces/job-store.js';
import type { JobSummary, JobSummaryPage, ListJobsInput } from '../interfaces/operators.js';
import { checkTenant, userKey } from '../model/stream-key.js';
import { isActive } from '../model/transitions.js';
import type { JobRecord, StreamKey } from '../model/types.js';
import { LARGEST_PAGE } from '../process/call-input.js';
import type { IndexKeeper } from '../process/index-keeper.js';
import type { Parts } from '../process/parts.js';
import { reportUpkeepFailures, type UpkeepFailure } from '../process/upkeep-failures.js';

interface Looked {
  readonly key: StreamKey;
  readonly current: JobRecord | GenerationJobError | undefined;
}

interface LookedPage {
  readonly looked: readonly Looked[];
  readonly next?: string | undefined;
  readonly failures: readonly GenerationJobError[];
}

export class JobSummaries {
  readonly #parts: Parts;
  readonly #indexes: IndexKeeper;

  constructor(parts: Parts, indexes: IndexKeeper) {
    this.#parts = parts;
    this.#indexes = indexes;
  }

  /** @throws as `GenerationJobManager.listJobs` */
  async list(input: ListJobsInput): Promise<JobSummaryPage> {
    const { status, userId, tenantId, limit = LARGEST_PAGE, cursor: after } = input;
    const { looked, next, failures } = await (userId === undefined
      ? this.#lookAtAll(tenantId, { limit, after })
      : this.#lookAtUser(userId, tenantId, { limit, after }));
    const failed: UpkeepFailure[] = failures.map((error) => ({ error }));
    const jobs: JobSummary[] = [];
    const now = this.#parts.store.now();
    for (const { key, current } of looked) {
      if (isGenerationJobError(current)) failed.push({ streamId: key.streamId, error: current });
      else if (current !== undefined) {
        this.#indexes.noticed(key, current);
        const isAsked = userId === undefined || current.userId === userId;
        if (isAsked && (status ?? current.status) === current.status) jobs.push(summaryOf(current, now));
      }
    }
    reportUpkeepFailures(this.#parts, 'listing', failed);
    const unread = failed.flatMap(({ streamId }) => streamId ?? []);
    return Object.assign(jobs, {
      ...(next !== undefined && { next }),
      ...(unread.length > 0 && { unread }),
    });
  }

  async #lookAtUser(userId: string, tenantId: string | undefined, request: PageRequest): Promise<LookedPage> {
    const { entries, next } = await this.#parts.store.listByUser(userKey(userId, tenantId), request);
    return { looked: entries, next, failures: [] };
  }

  async #lookAtAll(tenantId: string | undefined, request: PageRequest): Promise<LookedPage> {
    const { store } = this.#parts;
    checkTenant(tenantId);
    const { entries, next, failures } = await store.due.list({ ...request, all: true });
    const asked = entries.filter(({ key }) => tenantId === undefined || key.tenantId === tenantId);
    const look = async ({ key }: { key: StreamKey }): Promise<Looked> => {
      try {
        const [current] = await store.read(key, 'current');
        return { key, current };
      } catch (error) {
        return { key, current: asGenerationJobError(error) };
      }
    };
    return { looked: await Promise.all(asked.map(look)), next, failures };
  }
}

function summaryOf(record: JobRecord, now: number): JobSummary {
  const { pendingAction: action, error, settlement, createdAt } = record;
  return {
    streamId: record.streamId,
    ...(record.tenantId !== undefined && { tenantId: record.tenantId }),
    userId: record.userId,
    generation: record.generation,
    attempt: record.attempt,
    recoveries: record.recoveries,
    status: record.status,
    ...(record.replicaId !== undefined && { replicaId: record.replicaId }),
    createdAt,
    ageMs: Math.max(0, now - createdAt),
    updatedAt: record.updatedAt,
    ...(record.endedAt !== undefined && { endedAt: record.endedAt }),
    lastSequence: record.lastSequence,
    ...(record.leaseUntil !== undefined && { leaseUntil: record.leaseUntil }),
    ...(action && {
      pendingAction: {
        actionId: action.actionId,
        type: action.type,
        askedAt: action.askedAt,
        expiresAt: action.expiresAt,
      },
    }),
    ...(error && { errorCode: error.code }),
    ...(!isActive(record.status) && { settlement: settlement.state }),
  };
}
