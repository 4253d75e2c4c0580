/**
 * The store of a worker's handle: nobody else writes to its attempt, so a batch that is kept is a commit. An end or a pause is
 * one when the gateway says so. What only the gateway's side knows (records, logs, indexes, snapshots) is not here.
 */
import { GenerationJobError, isGenerationJobError } from '../../errors.js';
import type { Commit, CommitReply, LeaverCommit, ProducerCommit } from '../../stream/interfaces/commits.js';
import type { JobStore, LeaseClaim, RenewAnswer } from '../../stream/interfaces/job-store.js';
import type { LogPage } from '../../stream/interfaces/log-pages.js';
import { isObject } from '../../stream/model/plain-values.js';
import type { JobRecord, JobStatus } from '../../stream/model/types.js';
import { mergedPatch } from '../../stream/producing/patches.js';
import type { GatewayLink } from './gateway-link.js';
import type { RunChannel } from './run-channel.js';
import { endIn, refusalOf } from './run-end.js';
import { changeOf } from './wire-batches.js';

const NO_FRAMES: readonly never[] = [];
const NOTHING_CHANGED = { changed: 0, frames: NO_FRAMES };
const NO_QUEUE = { outcome: 'unknown' } as const;

/** Makes the error of who asks for receipts, which the gateway has no route for. */
export function noReceipts(): GenerationJobError {
  return new GenerationJobError('receipts_unavailable', 'A worker has no receipts of its calls.');
}

export class RemoteStore implements JobStore {
  readonly kind = 'gateway';
  readonly shared = false;
  readonly due = {
    list: async () => ({ entries: [], failures: [] }),
    nearer: async () => {},
    later: async () => false,
  };
  readonly slots = {
    take: async () => true,
    give: async () => [],
    remember: async (_user: unknown, _key: unknown, run: { readonly streamId: string }) => run,
    confirm: async () => {},
    forget: async () => {},
    clear: async () => {},
  };
  readonly feeds = {
    append: async () => NOTHING_CHANGED,
    read: async () => ({ entries: [], floor: 0, last: 0, goesOn: false }),
    markSeen: async () => NOTHING_CHANGED,
    clear: async () => NOTHING_CHANGED,
  };
  readonly queues = {
    add: async () => NO_QUEUE,
    change: async () => NO_QUEUE,
    read: async () => ({ revision: 0, resumed: 0, runs: [] }),
    drop: async () => {},
  };
  readonly #link: GatewayLink;
  readonly #channel: RunChannel;
  readonly #record: JobRecord;
  readonly #now: () => number;

  /** @param now the gateway's clock, as far as it is known */
  constructor(link: GatewayLink, channel: RunChannel, record: JobRecord, now: () => number) {
    this.#link = link;
    this.#channel = channel;
    this.#record = record;
    this.#now = now;
  }

  now(): number {
    return this.#now();
  }

  async commit(commit: Commit): Promise<CommitReply> {
    if (commit.writer === 'producer') return this.#produce(commit);
    if (commit.writer === 'leaver') return this.#leave(commit);
    if (commit.writer === 'receipts') throw noReceipts();
    if (commit.writer === 'sender' && commit.step.name === 'recall') return this.#recall();
    throw new GenerationJobError('invalid_argument', `A worker makes no commit of a ${commit.writer}.`);
  }

  async renew(claims: readonly LeaseClaim[], leaseMs: number): Promise<readonly RenewAnswer[]> {
    return Promise.all(claims.map((claim) => this.#renew(claim, leaseMs)));
  }

  async read(): Promise<readonly JobRecord[]> {
    const { over } = this.#channel;
    return [over === undefined ? this.#record : refusalOf(over, this.#record).record];
  }

  async receipts(): Promise<never> {
    throw noReceipts();
  }

  async readLog(): Promise<LogPage> {
    return { found: false };
  }

  async saveSnapshot(): Promise<boolean> {
    return false;
  }

  async listByUser() {
    return { entries: [] };
  }

  async create(): Promise<never> {
    throw new GenerationJobError('invalid_argument', 'A worker creates no generations.');
  }

  async delete(): Promise<boolean> {
    return false;
  }

  async start(): Promise<void> {}

  async close(): Promise<void> {}

  async #produce(commit: ProducerCommit): Promise<CommitReply> {
    const before = this.#channel.over;
    if (before !== undefined) return { ok: false, ...refusalOf(before, this.#record) };
    try {
      await this.#channel.take(commit);
    } catch (error) {
      // The lane may have ended meanwhile, for a reason of the gateway's.
      const { over } = this.#channel;
      if (over === undefined || isGenerationJobError(error, 'worker_events_lost')) throw error;
      return { ok: false, ...refusalOf(over, this.#record) };
    }
    const lastSequence = commit.afterSequence + commit.events.length;
    if (commit.transition === undefined) return { ok: true, lastSequence, frames: NO_FRAMES };
    const closed = await this.#channel.closed();
    if ('over' in closed) return { ok: false, ...refusalOf(closed.over, this.#record) };
    const record = { ...this.#record, status: closed.status as JobStatus, lastSequence };
    return { ok: true, lastSequence, frames: NO_FRAMES, record };
  }

  /** A worker has no inbox, and learns of none that an attempt elsewhere has had. */
  #recall(): CommitReply {
    return { ok: true, lastSequence: this.#channel.reached, frames: NO_FRAMES };
  }

  /** The books go past the lane, whose run is over. */
  async #leave({ patch: own, leaves }: LeaverCommit): Promise<CommitReply> {
    const untold = this.#channel.takeUntold();
    const patch = own && untold ? mergedPatch(untold, own) : (own ?? untold);
    const answer = await this.#link.send('usage', { change: patch && changeOf(patch), leaves });
    if (answer.status === 200)
      return { ok: true, lastSequence: this.#channel.reached, frames: NO_FRAMES, record: this.#record };
    if (endIn(answer) !== undefined) return { ok: false, refusal: 'closed' };
    throw new GenerationJobError('unavailable', `The gateway answered ${answer.status}.`);
  }

  async #renew({ attempt }: LeaseClaim, _leaseMs: number): Promise<RenewAnswer> {
    if (this.#channel.over !== undefined) return refusalOf(this.#channel.over, this.#record).refusal;
    try {
      const answer = await this.#link.send('heartbeat', { attempt });
      if (answer.status === 200 && isObject(answer.body)) return 'held';
      const over = endIn(answer);
      if (over !== undefined) return refusalOf(over, this.#record).refusal;
      return new GenerationJobError('unavailable', `The gateway answered ${answer.status}.`);
    } catch (cause) {
      return new GenerationJobError('unavailable', 'The gateway could not be reached.', { cause });
    }
  }
}
