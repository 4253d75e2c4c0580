/**
 * The store on Redis 7 or newer, or Valkey: single server, Sentinel or Cluster. Each method of the contract is one script
 * call on the stream's keys, with index writes before or after it where the contract puts them. The scripts, in
 * redis-lua/, do the deciding; this file only translates.
 */

import { timerMs } from '../../../clock.js';
import { asGenerationJobError } from '../../../errors.js';
import type {
  AnnotationCommit,
  Commit,
  CommitReply,
  CreateReply,
  CreateRequest,
  HoldCommit,
  LeaverCommit,
  OtherCommit,
  ProducerCommit,
  Refusal,
  SenderCommit,
  SettlementCommit,
} from '../../interfaces/commits.js';
import type {
  DeleteRequest,
  JobStore,
  LeaseClaim,
  OwnedStream,
  Page,
  PageRequest,
  RenewAnswer,
} from '../../interfaces/job-store.js';
import type { LogPage, ReadLogRequest } from '../../interfaces/log-pages.js';
import type { ReceiptCommit } from '../../interfaces/receipt-commits.js';
import type { Report } from '../../interfaces/report.js';
import type { StoredReceipt } from '../../model/receipt.js';
import { ownerOf } from '../../model/stream-key.js';
import { refusalOfProducer } from '../../model/transitions.js';
import type { JobRecord, Snapshot, StreamKey, UserKey } from '../../model/types.js';
import { handOutMethods, NO_MANAGER } from '../../process/handed-out.js';
import { canSubscribeToShards, isCluster, type RedisClient } from './client.js';
import { assertRedisClient } from './client-check.js';
import { clusterSlot } from './cluster-slot.js';
import { decodeRecord, encodeBatch, encodeSnapshot } from './codec.js';
import { RedisDueIndex } from './due-index.js';
import { raiseFormat, readFormat } from './format.js';
import { inboxArguments } from './inbox.js';
import { RedisIndexRepair } from './index-repair.js';
import { RedisKeys } from './keys.js';
import { parseRedisOptions, type RedisOptions } from './options.js';
import { RedisJobQueues } from './queues.js';
import { receiptArguments, receiptPageOf } from './receipts.js';
import {
  annotationArguments,
  createArguments,
  flag,
  logArguments,
  patchArguments,
  producerArguments,
  transitionArguments,
} from './script-arguments.js';
import {
  commitReply,
  createReply,
  logPageOf,
  NO_FRAMES,
  receiptReply,
  renewAnswer,
  senderReply,
} from './script-replies.js';
import { RedisScripts, type ScriptName } from './scripts.js';
import { ServerTime, WHOLE_SERVER } from './server-time.js';
import { checkServer } from './start.js';
import { StreamScripts, UP_TO } from './stream-scripts.js';
import { RedisUserFeeds } from './user-feeds.js';
import { RedisUserIndex } from './user-index.js';
import { RedisUserSlots } from './user-slots.js';

export class RedisJobStore implements JobStore {
  static {
    // The rest of it is called by managers.
    handOutMethods(RedisJobStore.prototype, ['raiseFormat'], () => NO_MANAGER);
  }

  readonly kind = 'redis';
  readonly shared = true;
  readonly answerMs: number;
  readonly keepsEndedMs: number;
  /** Holds what is due on which stream, in Redis. */
  readonly due: RedisDueIndex;
  /** Names who produces how much at once, in Redis. */
  readonly slots: RedisUserSlots;
  /** Keeps what became of each user's streams, in Redis. */
  readonly feeds: RedisUserFeeds;
  /** Keeps the runs that wait for their turn, in Redis. */
  readonly queues: RedisJobQueues;
  readonly repair: RedisIndexRepair;
  readonly #client: RedisClient;
  readonly #scripts: RedisScripts;
  readonly #streams: StreamScripts;
  readonly #keys: RedisKeys;
  readonly #users: RedisUserIndex;
  readonly #options: ReturnType<typeof parseRedisOptions>;
  readonly #time: ServerTime;
  /** Told of what was not done, and is nobody's answer. */
  #report: Report = () => {};

  /**
   * @param client an ioredis or iovalkey client; it stays the host's, who also closes it
   * @throws GenerationJobError `invalid_options`
   */
  constructor(client: RedisClient, options: RedisOptions = {}) {
    assertRedisClient(client);
    this.#client = client;
    this.#options = parseRedisOptions(options);
    const { timeoutMs, keyPrefix } = this.#options;
    this.answerMs = timeoutMs;
    this.keepsEndedMs = this.#options.expiryMarginMs;
    this.#scripts = new RedisScripts(client, { timeoutMs, sharded: canSubscribeToShards(client) });
    this.#keys = new RedisKeys(keyPrefix);
    this.#streams = new StreamScripts(this.#scripts, this.#keys);
    this.#time = new ServerTime(timeoutMs);
    this.due = new RedisDueIndex(this.#scripts, this.#keys, this.#time, isCluster(client));
    this.#users = new RedisUserIndex(this.#scripts, this.#keys, this.#options);
    this.slots = new RedisUserSlots(this.#scripts, this.#keys);
    this.feeds = new RedisUserFeeds(this.#scripts, this.#keys);
    this.queues = new RedisJobQueues(this.#scripts, this.#keys, this.#users);
    const indexes = { due: this.due, users: this.#users };
    this.repair = new RedisIndexRepair(client, this.#scripts, this.#keys, indexes);
  }

  async start(report: Report = () => {}): Promise<void> {
    const { timeoutMs } = this.#options;
    const asked = { client: this.#client, scripts: this.#scripts, keys: this.#keys, timeoutMs };
    this.#report = report;
    this.#scripts.trouble.tell(report);
    await checkServer(asked);
    await readFormat(asked);
    const askedAt = this.#time.monotonic();
    const [seconds, micros] = (await this.#scripts.command('TIME')) as [string, string];
    this.#time.tell(WHOLE_SERVER, Number(seconds) * 1000 + Math.floor(Number(micros) / 1000), askedAt);
  }

  /**
   * Raises the format of what is kept under `keyPrefix`, once every replica is of a release that reads it. Records of a
   * newer format are written from then on, and releases that can't read them refuse to start. It is never lowered.
   * @param format 1, which is all there is so far
   * @throws GenerationJobError `invalid_argument` for a format this release can't write; `unavailable`
   */
  async raiseFormat(format: number): Promise<void> {
    await raiseFormat({ scripts: this.#scripts, keys: this.#keys }, format);
  }

  now(): number {
    return this.#time.now();
  }

  /** Returns the primary of a cluster that holds the stream's slot, as far as the client knows. */
  nodeOf(key: StreamKey): string {
    const { slots } = this.#client;
    return slots === undefined ? '' : (slots[clusterSlot(key.id)]?.[0] ?? '');
  }

  async create(request: CreateRequest): Promise<CreateReply> {
    const { key, start } = request;
    const user = ownerOf(key, request.userId);
    await this.#users.add(user, key.streamId);
    const args = createArguments(request, this.#options.expiryMarginMs);
    if (start === undefined) return createReply(await this.#run('create', key, args), key);
    const keys = [...this.#keys.stream(key), this.#keys.queue(key)];
    return createReply(await this.#scripts.run('create', keys, args), key);
  }

  commit(commit: Commit): Promise<CommitReply> {
    switch (commit.writer) {
      case 'producer':
        return isPlain(commit) ? this.#append(commit) : this.#commitProducer(commit);
      case 'other':
        return this.#commitOther(commit);
      case 'settler':
        return this.#commitSettlement(commit);
      case 'describer':
        return this.#hold(commit);
      case 'annotator':
        return this.#annotate(commit);
      case 'sender':
        return this.#send(commit);
      case 'leaver':
        return this.#leave(commit);
      case 'receipts':
        return this.#commitReceipt(commit);
    }
  }

  async read(key: StreamKey, which: 'current' | 'kept' | number): Promise<readonly JobRecord[]> {
    const keys = which === 'current' ? UP_TO.job : undefined;
    const found = (await this.#run('read', key, [which], keys)) as string[][];
    return found.map((flat) => decodeRecord(flat, key)).sort((a, b) => b.generation - a.generation);
  }

  async receipts(
    key: StreamKey,
    generation: number,
    { limit, after = '' }: PageRequest,
  ): Promise<Page<StoredReceipt>> {
    return receiptPageOf(await this.#run('list-receipts', key, [generation, after, limit]));
  }

  async readLog(request: ReadLogRequest): Promise<LogPage> {
    const keys = request.after === 'snapshot' ? UP_TO.snapshots : UP_TO.ended;
    const page = logPageOf(await this.#run('read-log', request.key, logArguments(request), keys), request);
    // Without a snapshot that can be read, there is only the log.
    return page ?? this.readLog({ ...request, after: 0 });
  }

  async saveSnapshot(request: {
    key: StreamKey;
    generation: number;
    attempt: number;
    snapshot: Snapshot;
    trim: boolean;
  }): Promise<boolean> {
    const { key, generation, attempt, snapshot, trim } = request;
    const args = [generation, attempt, snapshot.sequence, encodeSnapshot(snapshot), flag(trim)];
    return (await this.#run('save-snapshot', key, args)) === 1;
  }

  renew(claims: readonly LeaseClaim[], leaseMs: number): Promise<readonly RenewAnswer[]> {
    const { expiryMarginMs } = this.#options;
    const renewOne = ({ key, generation, attempt, replicaId = '' }: LeaseClaim) =>
      this.#run('renew', key, [generation, attempt, leaseMs, expiryMarginMs, replicaId]).then(
        renewAnswer,
        asGenerationJobError,
      );
    return this.#scripts.together(() => Promise.all(claims.map(renewOne)));
  }

  listByUser(user: UserKey, request: PageRequest): Promise<Page<OwnedStream>> {
    return this.#users.list(user, request);
  }

  async delete(key: StreamKey, which: DeleteRequest = {}): Promise<boolean | 'settling'> {
    const { endedGeneration, whileSettling = false, ownedBy, remainsOnly = false } = which;
    if (ownedBy === '') return false; // nobody's stream is
    const args = [endedGeneration ?? '', flag(whileSettling), ownedBy ?? '', flag(remainsOnly)];
    const keys = [...this.#keys.stream(key), this.#keys.queue(key)];
    const reply = (await this.#scripts.run('delete', keys, args)) as [string, string?, string?];
    const [removed, userId, hasQueue] = reply;
    if (removed === 'settling') return removed;
    if (removed !== 'all' || userId === undefined) return removed !== 'none';
    // The stream has gone, whatever its indexes say: what is left in them names nothing, and goes with the next look.
    const user = ownerOf(key, userId);
    await this.due.drop(key).catch(this.#report);
    const isUnneeded = userId !== '' && hasQueue !== '1';
    if (isUnneeded) await this.#dropFromIndex(key, user).catch(this.#report);
    return true;
  }

  /** Nothing to let go of: the client is the host's. */
  async close(): Promise<void> {}

  // --- commits

  async #append(commit: ProducerCommit): Promise<CommitReply> {
    const { key, generation, attempt, afterSequence, events } = commit;
    const lastSequence = afterSequence + events.length;
    const [job, log] = this.#keys.stream(key);
    const reply = await this.#scripts.run('append', [job, log], [encodeBatch(generation, attempt, events)]);
    if (reply === 1) return { ok: true, lastSequence, frames: NO_FRAMES };
    if (reply === 'held') return { ok: false, refusal: reply };
    return this.#whyRefused(commit, String(reply));
  }

  /** The fence says why; the record, for those who want to know more, is read beside it. */
  async #whyRefused(commit: ProducerCommit, fence: string): Promise<CommitReply> {
    const [record] = await this.read(commit.key, commit.generation);
    if (record === undefined) return { ok: false, refusal: 'gone' };
    const [current, attempt, status] = fence.split(' ');
    const refuse = (refusal: Refusal): CommitReply => ({ ok: false, refusal, record });
    if (Number(current) !== commit.generation) return refuse('replaced');
    const stored = { attempt: Number(attempt), status: status as JobRecord['status'] };
    return refuse(refusalOfProducer(stored, commit.attempt) ?? 'sequence');
  }

  async #commitProducer(commit: ProducerCommit): Promise<CommitReply> {
    const args = producerArguments(commit, this.#options.expiryMarginMs);
    return commitReply(await this.#run('commit', commit.key, args, firstKeysOf(commit)), commit.key);
  }

  async #commitOther(commit: OtherCommit): Promise<CommitReply> {
    const args = transitionArguments(commit, this.#options.expiryMarginMs);
    return commitReply(await this.#run('transition', commit.key, args), commit.key);
  }

  async #annotate(commit: AnnotationCommit): Promise<CommitReply> {
    return commitReply(await this.#run('annotate', commit.key, annotationArguments(commit)), commit.key);
  }

  async #send(commit: SenderCommit): Promise<CommitReply> {
    return senderReply(await this.#run('inbox', commit.key, inboxArguments(commit)), commit);
  }

  async #hold({ key, generation, forMs }: HoldCommit): Promise<CommitReply> {
    return commitReply(await this.#run('hold', key, [generation, forMs]), key);
  }

  async #leave({ key, generation, attempt, patch, leaves }: LeaverCommit): Promise<CommitReply> {
    const args = [generation, attempt, ...patchArguments(patch), flag(leaves)];
    return commitReply(await this.#run('leave', key, args), key);
  }

  async #commitReceipt(commit: ReceiptCommit): Promise<CommitReply> {
    const { key, name } = commit;
    return receiptReply(await this.#run('receipt', key, receiptArguments(commit)), key, name);
  }

  async #commitSettlement(commit: SettlementCommit): Promise<CommitReply> {
    const { key, generation, revision, state, tries, notBeforeMs, claimed, keepMs, pauseOf } = commit;
    return commitReply(
      await this.#run('settle', key, [
        generation,
        revision,
        state,
        tries,
        notBeforeMs,
        flag(claimed ?? false),
        keepMs ?? 0,
        pauseOf ?? '',
      ]),
      key,
    );
  }

  #run(
    name: ScriptName,
    key: StreamKey,
    args: readonly (string | number)[],
    firstKeys?: number,
  ): Promise<unknown> {
    return this.#streams.run(name, key, args, firstKeys);
  }

  async #dropFromIndex(key: StreamKey, user: UserKey): Promise<void> {
    if (await this.#users.drop(user, key.streamId)) return;
    // A create has just asked for the entry; if nothing came of it, it goes when that is certain.
    setTimeout(() => {
      this.read(key, 'current')
        .then(([record]) => (record === undefined ? this.#users.drop(user, key.streamId) : undefined))
        .catch(() => undefined); // the next listing of the user's streams drops it
    }, timerMs(this.#options.createHoldMs)).unref();
  }
}

/** Says whether a producer's commit changes nothing of the record, which the hot path is for. */
function isPlain({ patch, transition, takes }: ProducerCommit): boolean {
  return patch === undefined && transition === undefined && takes === undefined;
}

/** Returns how many keys a producer's commit is first given: what it takes of the inbox goes into a key of its own. */
function firstKeysOf({ transition, takes }: ProducerCommit): number {
  if (takes !== undefined) return UP_TO.inbox;
  return transition === undefined ? UP_TO.log : UP_TO.snapshots;
}
