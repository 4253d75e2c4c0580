/**
 * The queues of streams in Redis: a key beside the stream's others, as redis-lua/include/queue.lua keeps it. The scripts judge
 * what waits; this file only translates.
 */
import { GenerationJobError } from '../../../errors.js';
import type { AddToQueue, JobQueues, QueueReply, QueueStep } from '../../interfaces/job-queues.js';
import type { QueueReturnReason, QueueState, StoredQueuedRun } from '../../model/queued-run.js';
import { ownerOf } from '../../model/stream-key.js';
import type { StreamKey } from '../../model/types.js';
import { parsed } from './fields.js';
import type { RedisKeys } from './keys.js';
import type { RedisScripts } from './scripts.js';
import type { RedisUserIndex } from './user-index.js';

const REASONS: readonly QueueReturnReason[] = ['expired', 'refused'];

export class RedisJobQueues implements JobQueues {
  readonly #scripts: RedisScripts;
  readonly #keys: RedisKeys;
  readonly #users: RedisUserIndex;

  constructor(scripts: RedisScripts, keys: RedisKeys, users: RedisUserIndex) {
    this.#scripts = scripts;
    this.#keys = keys;
    this.#users = users;
  }

  async add(key: StreamKey, run: AddToQueue): Promise<QueueReply> {
    const { queueId, userId, idempotencyKey, request, expiresInMs, mostWaiting } = run;
    await this.#users.add(ownerOf(key, userId), key.streamId);
    const named = idempotencyKey === undefined ? '' : JSON.stringify(idempotencyKey);
    const args = [userId, queueId, expiresInMs, mostWaiting, named, request];
    return replyOf(await this.#run(key, 'add', args), queueId);
  }

  async change(key: StreamKey, step: QueueStep, ownedBy?: string): Promise<QueueReply> {
    if (ownedBy === '') return { outcome: 'unknown' }; // nobody's queue is
    const queueId = 'queueId' in step ? step.queueId : '';
    return replyOf(await this.#run(key, step.name, [ownedBy ?? '', queueId, argumentOf(step)]));
  }

  async read(key: StreamKey): Promise<QueueState> {
    return stateIn(await this.#run(key, 'read', []));
  }

  async drop(key: StreamKey, ownedBy?: string): Promise<void> {
    if (ownedBy !== '') await this.#run(key, 'drop', [ownedBy ?? '']);
  }

  #run(key: StreamKey, name: string, args: readonly (string | number)[]): Promise<unknown> {
    const [job, , ended] = this.#keys.stream(key);
    const given = [name, ...args, ...NO_ARGUMENTS.slice(args.length)];
    return this.#scripts.run('queue', [job, ended, this.#keys.queue(key)], given);
  }
}

/** User, run, what the step says, most that wait, idempotency key, request. */
const NO_ARGUMENTS: readonly string[] = ['', '', '', '', '', ''];

function argumentOf(step: QueueStep): string | number {
  switch (step.name) {
    case 'move':
      return step.position;
    case 'resume':
      return step.generation;
    case 'return':
      return step.reason;
    case 'cancel':
    case 'clear':
    case 'lapse':
      return '';
  }
}

type Reply = readonly [
  outcome: string,
  isChanged: string,
  queueId: string,
  userId: string,
  revision: string,
  resumed: string,
  runs: readonly string[],
  removed: readonly string[],
];

/** @param added the run of an `add` */
function replyOf(given: unknown, added?: string): QueueReply {
  const reply = given as Reply;
  const [outcome, isChanged, queueId] = reply;
  switch (outcome) {
    case 'ok':
      return {
        outcome,
        state: stateIn(reply),
        changed: isChanged === '1',
        ...(added !== undefined && { queueId }),
        removed: runsIn(reply[7]),
      };
    case 'taken':
    case 'full':
    case 'unknown':
      return { outcome };
    default:
      throw new GenerationJobError('internal', 'A script gave an answer this release does not know.');
  }
}

function stateIn(given: unknown): QueueState {
  const [, , , userId, revision, resumed, runs] = given as Reply;
  return {
    userId: userId === '' ? undefined : userId,
    revision: Number(revision),
    resumed: Number(resumed),
    runs: runsIn(runs),
  };
}

/** The script has checked them. */
function runsIn(flat: readonly string[]): StoredQueuedRun[] {
  const runs: StoredQueuedRun[] = [];
  for (let at = 0; at < flat.length; at += 2)
    runs.push(decodeRun(flat[at] as string, flat[at + 1] as string));
  return runs;
}

function decodeRun(queueId: string, text: string): StoredQueuedRun {
  const headEnd = text.indexOf('\n');
  const keyEnd = text.indexOf('\n', headEnd + 1);
  const [, place, queuedAt, expiresAt, state] = text.slice(0, headEnd).split(' ');
  const idempotencyKey = parsed(text.slice(headEnd + 1, keyEnd));
  return {
    ...{ queueId, place: Number(place), queuedAt: Number(queuedAt), expiresAt: Number(expiresAt) },
    idempotencyKey: typeof idempotencyKey === 'string' ? idempotencyKey : undefined,
    request: text.slice(keyEnd + 1),
    returned: REASONS.find((one) => one === state),
  };
}
