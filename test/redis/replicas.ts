/**
 * Replicas as processes, seen from the test that runs them, and the history they make together.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import type { EndReason } from '../../src/errors.js';
import { parseRedisOptions, type RedisOptions } from '../../src/stream/implementations/redis/options.js';
import type { SendInput, SentMessage } from '../../src/stream/interfaces/inbox.js';
import type { GenerationSummary } from '../../src/stream/interfaces/kept-generations.js';
import type { AnnotateInput, Stats, SubscribeOptions } from '../../src/stream/interfaces/manager-types.js';
import type { QueueListing } from '../../src/stream/interfaces/queue.js';
import type { FeedStream } from '../../src/stream/model/feed.js';
import type { InboxMessage } from '../../src/stream/model/inbox-message.js';
import type { ResumeState, StreamEvent } from '../../src/stream/model/lifecycle-payloads.js';
import type { GenerationJobOptions } from '../../src/stream/model/options.js';
import type { QueuedRun } from '../../src/stream/model/queued-run.js';
import type { SettlementState } from '../../src/stream/model/settlement-state.js';
import type { JobRecord, JobStatus } from '../../src/stream/model/types.js';
import { type FollowerHistory, type ProducerHistory, violations } from '../support/history.js';
import { NO_WALK } from './no-walk.js';

const PROGRAM = fileURLToPath(new URL('replica-process.mjs', import.meta.url));
const LIBRARY = new URL('../../dist/index.js', import.meta.url).href;

/** Times shortened, in the proportions of the defaults. */
export const TIMES = {
  leaseMs: 1_000,
  renewMs: 250,
  sweepMs: 100,
  logPollMs: 200,
  idleTimeoutMs: 60_000,
  maxRunMs: 120_000,
  retentionMs: 60_000,
  idempotencyMs: 120_000,
  createTimeoutMs: 3_000,
  retryMs: 10,
} as const satisfies GenerationJobOptions;

/** What a busy machine may add to a time that is promised; how exact it is, the contracts say on a clock of their own. */
export const BUSY_MS = 15_000;

export const REDIS_OPTIONS = {
  timeoutMs: 300,
  pingMs: 150,
  pingTimeoutMs: 250,
} as const satisfies RedisOptions;

const { pingMs, pingTimeoutMs } = parseRedisOptions({});

/**
 * For a test that waits for no lease to lapse, for no answer to stay away and for no link to fall silent: on a busy machine none
 * of it happens by itself. It comes first in a configuration, so that the test's own times hold.
 */
export const NOTHING_LAPSES = {
  options: { leaseMs: 20_000, createTimeoutMs: 10_000 },
  redisOptions: { timeoutMs: 8_000, pingMs, pingTimeoutMs },
} as const satisfies ReplicaConfig;

/** What a busy machine may add to whatever is not itself a promised time. */
const PATIENCE_MS = 60_000;

export interface Work {
  readonly total?: number;
  /** 0: as fast as it goes. */
  readonly everyMs?: number;
  readonly burst?: number;
  /** `hang`: emits all, then neither ends nor emits. */
  readonly end?: 'complete' | 'fail' | 'hang';
  /** Whether it is what `job.run` runs. */
  readonly inRun?: boolean;
  /** Whether it takes every message that is sent to it. */
  readonly takes?: boolean;
  /** Emits the numbers from 1 on, until it is told to finish; handed over when it is asked to, and gone on with. */
  readonly paced?: boolean;
  /** What it adds to its usage when it is over. */
  readonly lateUsage?: Record<string, number>;
}

export interface ReplicaConfig {
  readonly port?: number;
  readonly clusterPorts?: readonly number[];
  readonly options?: GenerationJobOptions;
  readonly redisOptions?: RedisOptions;
  /** Of ioredis: of `Redis`, or of `Cluster` when there are cluster ports. */
  readonly client?: object;
  /** What a `recover` hook does; without it there is none. */
  readonly recover?: Work;
  /** What a `startQueued` hook does, once so much time is over; without it there is none. */
  readonly startQueued?: Work & { readonly afterMs?: number };
  /** Default: `continue`. */
  readonly recoverMode?: 'continue' | 'restart';
  /** Prefix of the Redis lists, one a stream, to which `decide` and the recover hook write when they use their tool. */
  readonly tool?: string;
  /** `hang`: its hook never returns. */
  readonly settle?: boolean | 'hang';
  /**
   * Settles into a history in the same Redis, under this prefix, which takes so long and fails every other time: a list of what
   * was saved for each settlement, and a hash of generations for each stream. What it has when a producer begins is told.
   */
  readonly history?: { readonly keyPrefix: string; readonly saveMs: number };
  /** The Redis list, a database as it were, in which its hook saves what it settles. */
  readonly saves?: string;
  /** The process kills itself before it tells a feed that a generation stands so. */
  readonly diesAtFeedOf?: JobStatus;
  /** Whether it is given no content model. */
  readonly lacksModels?: boolean;
  /** How far this process's wall clock is ahead. */
  readonly clockSkewMs?: number;
  readonly graceMs?: number;
  /** Whether it kills itself as it gives up the first lease. */
  readonly diesInHandOver?: boolean;
  /** Where the built library's index.js is. */
  readonly library?: string;
}

/** A producer that began, with the generations that its prompt is made from. */
export interface Begun {
  readonly streamId: string;
  readonly generation: number;
  readonly attempt: number;
  readonly prompt: readonly number[];
}

/** A run whose turn has come, as its producer was told of it. */
export interface Start {
  readonly streamId: string;
  readonly generation: number;
  readonly attempt: number;
  readonly queueId: string;
  readonly created: unknown;
}

export interface Producer extends ProducerHistory {
  replica: Replica;
  /** Why its handle is over. */
  reason?: string;
  error?: string;
  /** Whether its late usage was taken. */
  lateTaken?: boolean;
}

export interface Follower extends FollowerHistory {
  /** When each event arrived here, on this process's monotonic clock. */
  readonly times: number[];
  closedBy?: string | undefined;
}

type Told = { readonly type: string } & Record<string, unknown>;

class CallError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export class Replica {
  readonly #stage: Stage;
  readonly #process: ChildProcess;
  readonly #calls = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  readonly settled: string[] = [];
  /** What was settled, in the same order. */
  readonly settledContents: unknown[] = [];
  readonly settledUsages: unknown[] = [];
  /** Calls of its hook that hang. */
  settling = 0;
  isDead = false;
  /** How often it was about to take a message, and what it has taken. */
  takes = 0;
  readonly taken: string[] = [];
  /** Runs that have waited, as it began to produce them. */
  readonly starts: Start[] = [];
  #lastCall = 0;
  #stderr = '';

  constructor(stage: Stage, config: ReplicaConfig) {
    this.#stage = stage;
    this.#process = fork(PROGRAM, [JSON.stringify({ library: LIBRARY, ...config })], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      execArgv: [],
    });
    this.#process.stderr?.on('data', (text: Buffer) => {
      this.#stderr += text;
    });
    this.#process.on('message', (told) => this.#hear(told as Told));
    // What it told last may come behind its exit, and never behind the end of the channel.
    const told = once(this.#process, 'disconnect');
    this.exited = once(this.#process, 'exit').then(async ([code, signal]) => {
      await told;
      this.isDead = true;
      for (const { reject } of this.#calls.values()) reject(new CallError('dead', 'The replica is dead.'));
      return { code, signal };
    });
  }

  get pid(): number {
    return this.#process.pid as number;
  }

  /** What it said before it died; for failures. */
  get lastWords(): string {
    return this.#stderr;
  }

  async ready(): Promise<this> {
    const failed = this.exited.then(() => {
      throw new Error(`A replica did not start: ${this.#stderr}`);
    });
    failed.catch(() => {});
    while (!this.#isReady) await Promise.race([once(this.#process, 'message'), failed]);
    return this;
  }
  #isReady = false;

  call<Result>(operation: string, input: object = {}): Promise<Result> {
    const id = ++this.#lastCall;
    return new Promise<Result>((resolve, reject) => {
      if (this.isDead) return reject(new CallError('dead', 'The replica is dead.'));
      this.#calls.set(id, { resolve, reject });
      // Killed in this moment, it is not known to be dead yet.
      this.#process.send({ id, operation, input }, (error) => {
        if (error) reject(new CallError('dead', 'The replica is dead.'));
      });
    });
  }

  create(input: {
    streamId: string;
    userId?: string;
    onConflict?: 'replace' | 'reject' | 'join' | 'enqueue';
    created?: unknown;
    idempotencyKey?: string;
    waitFor?: 'settled' | 'left';
    contentModel?: string;
    metadata?: Record<string, unknown>;
    produce?: Work;
  }): Promise<{
    started: boolean;
    over?: EndReason;
    generation: number;
    record: JobRecord;
    queued?: QueuedRun;
  }> {
    return this.call('create', input);
  }

  /** What waits on a stream, and what was handed back. */
  queue(streamId: string): Promise<QueueListing> {
    return this.call('queue', { streamId });
  }

  /** Follows; with a follower, that one goes on here after its last event, as a browser would. */
  async follow(streamId: string, options: SubscribeOptions = {}, again?: Follower): Promise<Follower> {
    const follower: Follower = again ?? {
      name: `follower ${this.#stage.followers.length + 1}`,
      streamId,
      after: options.after === 'tail' ? undefined : options.after,
      received: [],
      times: [],
      isOver: false,
    };
    const id = this.#stage.enlist(follower, again !== undefined);
    const last = again?.received.findLast((event) => event.event !== 'gap');
    follower.isOver = false;
    const after = last === undefined ? options : { ...options, after: last.cursor };
    await this.call('follow', { follower: id, streamId, options: after });
    return follower;
  }

  abort(
    streamId: string,
    input: object = {},
  ): Promise<{ aborted: boolean; settlement: SettlementState; record: JobRecord; content: unknown }> {
    return this.call('abort', { streamId, ...input });
  }

  annotate(streamId: string, annotation: AnnotateInput): Promise<JobRecord> {
    return this.call('annotate', { streamId, ...annotation });
  }

  send(streamId: string, message: SendInput): Promise<SentMessage> {
    return this.call('send', { streamId, ...message });
  }

  claim(streamId: string, input: object = {}): Promise<readonly InboxMessage[]> {
    return this.call('claim', { streamId, ...input });
  }

  job(streamId: string, access: object = {}): Promise<JobRecord | null> {
    return this.call('get', { streamId, ...access });
  }

  generations(streamId: string): Promise<readonly GenerationSummary[]> {
    return this.call('generations', { streamId });
  }

  state(streamId: string): Promise<ResumeState | null> {
    return this.call('state', { streamId });
  }

  /** What the feed of the stream's user begins with here. */
  feed(): Promise<readonly FeedStream[]> {
    return this.call('feed');
  }

  stats(): Promise<Stats> {
    return this.call('stats');
  }

  counts(): Promise<Record<string, number>> {
    return this.call('counts');
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.exited;
  }

  #hear(told: Told): void {
    switch (told.type) {
      case 'ready':
        this.#isReady = true;
        return;
      case 'answer': {
        const call = this.#calls.get(told.id as number);
        this.#calls.delete(told.id as number);
        const error = told.error as { code: string; message: string } | undefined;
        if (error) call?.reject(new CallError(error.code, error.message));
        else call?.resolve(told.result as never);
        return;
      }
      case 'producer':
        return this.#stage.hearProducer(this, told as unknown as Producer);
      case 'event':
        return this.#stage.hearEvent(told.follower as number, told.event as StreamEvent);
      case 'followed':
        return this.#stage.hearEnd(
          told as unknown as { follower: number; closedBy?: string; error?: string },
        );
      case 'begun':
        this.#stage.begun.push(told as unknown as Begun);
        return;
      case 'start':
        this.starts.push(told.start as Start);
        return;
      case 'taking':
        this.takes++;
        return;
      case 'taken':
        this.taken.push(told.messageId as string);
        return;
      case 'settling':
        this.settling++;
        return;
      case 'settled':
        this.settled.push(told.settlementId as string);
        this.settledContents.push(told.content);
        this.settledUsages.push(told.usage);
        return;
    }
  }
}

/** The replicas of one test, and what they did. */
export class Stage {
  readonly port: number;
  readonly replicas: Replica[] = [];
  readonly producers: Producer[] = [];
  readonly begun: Begun[] = [];
  readonly followers: Follower[] = [];
  readonly #enlisted: Follower[] = [];
  readonly #prefix: string;

  /** @param port of the Redis, or of a proxy in front of it */
  constructor(port: number) {
    this.port = port;
    this.#prefix = `s${++stages}:`;
  }

  get keyPrefix(): string {
    return this.#prefix;
  }

  configure(config: ReplicaConfig = {}): ReplicaConfig {
    return {
      port: this.port,
      ...config,
      // A release before this one knows no walks, and refuses an option that it does not know.
      options: { ...TIMES, ...(config.library === undefined && NO_WALK), ...config.options },
      redisOptions: { ...REDIS_OPTIONS, keyPrefix: this.#prefix, ...config.redisOptions },
    };
  }

  async replica(config: ReplicaConfig = {}): Promise<Replica> {
    const replica = new Replica(this, this.configure(config));
    this.replicas.push(replica);
    return replica.ready();
  }

  async two(config: ReplicaConfig = {}): Promise<[Replica, Replica]> {
    return Promise.all([this.replica(config), this.replica(config)]);
  }

  async three(config: ReplicaConfig = {}): Promise<[Replica, Replica, Replica]> {
    return Promise.all([this.replica(config), this.replica(config), this.replica(config)]);
  }

  producer(streamId: string, attempt = 1): Producer {
    const found = this.producers.findLast((one) => one.streamId === streamId && one.attempt === attempt);
    if (found === undefined) throw new Error(`Attempt ${attempt} on ${streamId} has not been heard of.`);
    return found;
  }

  /** Waits for a condition, generously. */
  async until(condition: () => unknown, what: string, withinMs = PATIENCE_MS): Promise<void> {
    await until(condition, what, withinMs);
  }

  /** @throws when the promises were broken */
  check(allowed: { mayLose?: boolean; isFinished?: boolean } = {}): void {
    const history = { producers: this.producers, followers: this.followers, isFinished: true, ...allowed };
    expect(violations(history)).toEqual([]);
  }

  /** Ends all replicas. @throws when one of them has died of itself */
  async close(): Promise<void> {
    const died = this.replicas.filter((replica) => replica.isDead && replica.lastWords !== '');
    for (const replica of this.replicas) replica.signal('SIGKILL');
    await Promise.all(this.replicas.map((replica) => replica.exited));
    expect(
      died.map((replica) => replica.lastWords),
      'a replica died',
    ).toEqual([]);
  }

  // --- for replicas

  enlist(follower: Follower, isKnown: boolean): number {
    if (!isKnown) this.followers.push(follower);
    return this.#enlisted.push(follower) - 1;
  }

  hearProducer(replica: Replica, told: Producer): void {
    const isSame = (one: Producer) =>
      one.streamId === told.streamId && one.generation === told.generation && one.attempt === told.attempt;
    const known = this.producers.find(isSame);
    const { type: _, ...facts } = told as Producer & { type: string };
    if (known) Object.assign(known, facts);
    else this.producers.push({ ...facts, isComplete: facts.isComplete ?? false, replica });
  }

  hearEvent(id: number, event: StreamEvent): void {
    const follower = this.#enlisted[id];
    follower?.received.push(event);
    follower?.times.push(performance.now());
  }

  hearEnd({ follower: id, closedBy, error }: { follower: number; closedBy?: string; error?: string }): void {
    const follower = this.#enlisted[id];
    if (follower === undefined) return;
    follower.closedBy = closedBy;
    // Who was told to go elsewhere, or left, has not been told an end.
    follower.isOver = closedBy === 'ended' || closedBy === 'gone' || closedBy === 'failed';
    if (error !== undefined) follower.error = error;
  }
}

let stages = 0;

export async function until(
  condition: () => unknown,
  what: string | (() => string),
  withinMs = PATIENCE_MS,
): Promise<void> {
  const startedAt = performance.now();
  while (!(await condition())) {
    if (performance.now() - startedAt > withinMs) {
      throw new Error(`Not within ${withinMs} ms: ${typeof what === 'string' ? what : what()}`);
    }
    await pause(5);
  }
}

export const namesOf = (follower: { readonly received: readonly StreamEvent[] }): string[] =>
  follower.received.map((event) => event.event);

/** How many events the host wrote among what it got. */
export const countOf = (follower: { readonly received: readonly StreamEvent[] }): number =>
  follower.received.filter((event) => event.event === 'text').length;

export async function codeOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'ok',
    (error: unknown) => (error instanceof CallError ? error.code : String(error)),
  );
}
