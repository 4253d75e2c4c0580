/**
 * What a contract works with: replicas that share one backend, time that can be moved or waited for, and what is in the
 * log as the judge of what followers got. A contract is a value, not a test, so that the same list can be run against a
 * good store (it must pass) and against broken ones (something must fail).
 */
import {
  type ActionType,
  type Clock,
  type ContentModel,
  type CreateJobInput,
  type ErrorReport,
  type GenerationJob,
  GenerationJobManager,
  type GenerationJobOptions,
  type Hooks,
  isGenerationJobError,
  type JobRecord,
  type LogEvent,
  type Logger,
  type Seal,
  type StreamEvent,
  type StreamObserver,
} from 'generation-jobs';
import { textContent } from 'generation-jobs/content';
import {
  type EventTransport,
  type JobStore,
  type StreamKey,
  streamKey,
  type UserKey,
} from 'generation-jobs/ports';
import { type Intercept, turns, wrapStore } from 'generation-jobs/testing';
import { type Activity, delayedStore } from './delayed-store.js';
import { type Follower, startFollowing } from './follower.js';
import { CountedTransport, ProcessClock } from './leaks.js';
import { seededEntropy, seededRandom } from './seeded.js';
import { expect } from './tools.js';

/** A store and a transport to test. Everything made by one backend sees the same streams. */
export interface Backend {
  readonly clock: Clock;
  /** What is under way in wrappers that take their time. */
  readonly activity: Activity;
  /** The store and the transport of one more process. */
  connect(): { jobStore: JobStore; eventTransport: EventTransport };
  /** How often a race is run: where time is real, fewer must do. */
  readonly rounds: number;
  /** Whether the store makes frames known itself, and so hands none to its caller. */
  readonly publishes: boolean;
  /** What a real clock and a busy machine may add to a deadline. */
  readonly slackMs: number;
  /** Where time is real: times that don't lapse on a busy machine, for contracts that wait for none to. */
  readonly roomyTimes?: GenerationJobOptions | undefined;
  /** Lets time pass: moves it, or waits for it. */
  advance(ms: number): Promise<void>;
  /** Moves time in one leap; undefined where time can't be moved. */
  readonly jump?: ((ms: number) => Promise<void>) | undefined;
  /** Lets everything run that needs no time. */
  rest(): Promise<void>;
  /** @throws when something of the backend's own has been left behind */
  dispose(): Promise<void>;
}

export type BackendFactory = () => Promise<Backend>;

export interface Contract {
  /** The scenarios it checks, such as `L18 F22`: test/SCENARIOS.md says what each is. */
  readonly id: string;
  readonly title: string;
  /** It waits for leases or retention to lapse: they are short, also where time is real. */
  readonly timesLapse?: true;
  run(harness: Harness): Promise<void>;
}

/** How many times longer the times are where they pass by themselves, so that a busy machine keeps them: 1 by default. */
const PACE = Number(process.env.CONTRACT_PACE ?? 1);

/** Short enough for real time, and none of them equal, so that a test can't confuse them. */
export const TIMES = {
  leaseMs: 900 * PACE,
  renewMs: 300 * PACE,
  sweepMs: 100 * PACE,
  logPollMs: 250 * PACE,
  idleTimeoutMs: 20_000,
  maxRunMs: 60_000,
  approvalWindowMs: 4_000 * PACE,
  retentionMs: 5_000 * PACE,
  idempotencyMs: 12_000 * PACE,
  createTimeoutMs: 2_000 * PACE,
  retryMs: 4,
  settleBackoffMs: 120 * PACE,
  settleClaimMs: 700 * PACE,
  leaveMs: 600 * PACE,
  // A walk over all streams begins at any moment of a quarter of this: none comes between a contract and what it counts.
  repairMs: 300 * 24 * 3_600_000,
} as const satisfies GenerationJobOptions;

/** A producer with these is told what others do by a signal or its own next write, not by its renewal. */
export const RENEWS_SELDOM = {
  leaseMs: 3_000 * PACE,
  renewMs: 1_400 * PACE,
} as const satisfies GenerationJobOptions;

/** Sweeps come so seldom that what a replica goes on with at once it has been told of. */
export const SWEEPS_SELDOM = {
  sweepMs: 30_000,
  leaseMs: 45_000,
  renewMs: 15_000,
} as const satisfies GenerationJobOptions;

/** How long something that needs no timer may take; on a fake clock far less than any of the times above. */
export const AT_ONCE_MS = 500;

export interface ReplicaInput {
  readonly options?: GenerationJobOptions | undefined;
  readonly hooks?: Hooks | undefined;
  readonly observer?: Partial<StreamObserver> | undefined;
  readonly contentModels?: readonly ContentModel<never>[] | undefined;
  readonly actionTypes?: readonly ActionType[] | undefined;
  readonly logger?: Logger | undefined;
  readonly seal?: Seal | undefined;
  readonly replicaId?: string | undefined;
  readonly wrapStore?: ((store: JobStore) => JobStore) | undefined;
  readonly wrapTransport?: ((transport: EventTransport, clock: Clock) => EventTransport) | undefined;
}

export class Replica {
  readonly manager: GenerationJobManager;
  readonly clock: ProcessClock;
  /** Calls made to the store, by method. */
  readonly calls: Record<string, number> = {};
  readonly transport: CountedTransport;
  readonly store: JobStore;
  /** What the host was told by `onError`, unless a test has its own. */
  readonly reports: ErrorReport[] = [];
  isDead = false;

  constructor(
    backend: Backend,
    input: ReplicaInput,
    leases: GenerationJobOptions | undefined,
    entropySeed: number,
  ) {
    const { jobStore, eventTransport } = backend.connect();
    this.clock = new ProcessClock(backend.clock);
    this.transport = new CountedTransport(
      input.wrapTransport ? input.wrapTransport(eventTransport, this.clock) : eventTransport,
    );
    const never = new Promise<never>(() => {});
    const counting: Intercept = async ({ method }, perform) => {
      this.calls[method] = (this.calls[method] ?? 0) + 1;
      if (this.isDead) return never;
      const answer = await perform();
      return this.isDead ? never : answer;
    };
    const store = wrapStore(input.wrapStore ? input.wrapStore(jobStore) : jobStore, counting);
    // Its times are those of a real network, and a manager would refuse the short leases of these tests for them.
    this.store = { ...store, answerMs: undefined, keepsEndedMs: undefined };
    this.manager = new GenerationJobManager({
      jobStore: this.store,
      eventTransport: this.transport,
      options: { ...TIMES, ...leases, ...input.options },
      hooks: { onError: (report) => void this.reports.push(report), ...input.hooks },
      observer: input.observer,
      actionTypes: input.actionTypes,
      logger: input.logger,
      seal: input.seal,
      ...(input.replicaId !== undefined && { replicaId: input.replicaId }),
      contentModels: input.contentModels ?? [textContent() as unknown as ContentModel<never>],
      clock: this.clock,
      entropy: seededEntropy(entropySeed),
    });
  }

  /** The process dies without a word: no timer, no store call and no frame of it from now on. */
  async crash(): Promise<void> {
    this.isDead = true;
    this.clock.die();
    await this.transport.die();
  }
}

/** What is left to chance in a replica, such as its jitter, goes by this and by how many were made before it. */
let lastReplica = Number(process.env.CONTRACT_SEED ?? (process.env.LONG_TESTS ? Date.now() % 1_000_000 : 0));
if (lastReplica > 0) console.log(`contracts: CONTRACT_SEED=${lastReplica}`);

export class Harness {
  readonly backend: Backend;
  readonly random: () => number;
  readonly #leases: GenerationJobOptions | undefined;
  readonly #replicas: Replica[] = [];
  readonly #followers: Follower[] = [];

  constructor(
    backend: Backend,
    { timesLapse = true, seed = 1 + lastReplica }: { timesLapse?: boolean; seed?: number } = {},
  ) {
    this.backend = backend;
    this.#leases = timesLapse ? undefined : backend.roomyTimes;
    this.random = seededRandom(seed);
  }

  /** One more process on the same backend, with its upkeep running. */
  async replica(input: ReplicaInput = {}): Promise<Replica> {
    const replica = new Replica(this.backend, input, this.#leases, ++lastReplica);
    this.#replicas.push(replica);
    await replica.manager.start();
    return replica;
  }

  async two(input: ReplicaInput = {}): Promise<[Replica, Replica]> {
    return [await this.replica(input), await this.replica(input)];
  }

  async three(input: ReplicaInput = {}): Promise<[Replica, Replica, Replica]> {
    return [...(await this.two(input)), await this.replica(input)];
  }

  /** For `ReplicaInput.wrapStore`: calls arrive and are answered late, each in its own time. */
  get delayed(): ReplicaInput {
    return { wrapStore: (store) => delayedStore(store, this.random, this.backend.activity) };
  }

  /** A store and a transport of their own, for looking at what is really there. */
  get store(): JobStore {
    this.#store ??= this.backend.connect().jobStore;
    return this.#store;
  }
  #store: JobStore | undefined;

  async start(replica: Replica, input: Partial<CreateJobInput> = {}): Promise<GenerationJob> {
    const result = await replica.manager.createJob({ streamId: 's', userId: 'u', ...input });
    if (!result.started) throw new Error('The job was not started.');
    return result.job;
  }

  follow(
    replica: Replica,
    options: Parameters<GenerationJobManager['subscribe']>[1] = {},
    streamId = 's',
  ): Follower {
    const follower = startFollowing(replica.manager.subscribe(streamId, options));
    this.#followers.push(follower);
    return follower;
  }

  /** Everything kept of a generation (default: the current one), as a follower must see it. */
  async log(streamId = 's', generation?: number): Promise<StreamEvent[]> {
    return (await this.rawLog(streamKey(streamId), generation)).map(({ generation, event }) => ({
      cursor: `${generation}-${event.sequence}`,
      event: event.event,
      data: JSON.parse(event.data),
    }));
  }

  async rawLog(key: StreamKey, generation?: number): Promise<{ generation: number; event: LogEvent }[]> {
    const events: { generation: number; event: LogEvent }[] = [];
    for (let after = 0; ; ) {
      const page = await this.store.readLog({ key, generation, after, maxEvents: 500, maxBytes: 1_000_000 });
      if (!page.found) return events;
      for (const event of page.events) events.push({ generation: page.generation, event });
      after = page.events.at(-1)?.sequence ?? after;
      if (after >= page.lastSequence) return events;
    }
  }

  advance(ms: number): Promise<void> {
    return this.backend.advance(ms);
  }

  rest(): Promise<void> {
    return this.backend.rest();
  }

  /** Waits for a condition, letting time pass, for at most `withinMs` of the backend's time. */
  async until(condition: () => unknown, what: string, withinMs = 3_000): Promise<void> {
    const startedAt = this.backend.clock.monotonic();
    for (;;) {
      await this.rest();
      if (await condition()) return;
      if (this.backend.clock.monotonic() - startedAt > withinMs + this.backend.slackMs) {
        throw new Error(`Not within ${withinMs} ms: ${what}`);
      }
      await this.advance(10);
    }
  }

  /** What a promise comes to, letting time pass, for at most `withinMs`. */
  async soon<Result>(promise: Promise<Result>, what = 'an answer', withinMs = 3_000): Promise<Result> {
    let settled = false;
    const watched = promise.finally(() => {
      settled = true;
    });
    watched.catch(() => {});
    await this.until(() => settled, what, withinMs);
    return watched;
  }

  /** A follower that has got everything and been told that it is over. */
  async finished(follower: Follower, what = 'the follower’s end'): Promise<StreamEvent[]> {
    await this.until(() => follower.isOver, what);
    if (follower.error !== undefined) throw follower.error;
    return follower.events;
  }

  async close(): Promise<void> {
    for (const follower of this.#followers) follower.leave();
    for (const replica of this.#replicas) {
      replica.clock.wake();
      if (!replica.isDead) await this.soon(replica.manager.close(), 'a manager’s close');
    }
  }

  /** @throws when a closed manager has left something behind */
  async checkLeaks(): Promise<void> {
    // Frames that a transport of the tests still delays arrive, and find nobody.
    await this.advance(100);
    for (const { manager, clock, transport } of this.#replicas) {
      const left = {
        timers: clock.pendingTimers,
        places: transport.places,
        followers: manager.followerCount('s'),
      };
      expect(left, 'left behind by a closed manager').toEqual({ timers: 0, places: 0, followers: 0 });
    }
  }
}

/** Records apart from what may come at any time: a renewal, and the leave of a producer that was stopped. */
export function apartFromRenewals(
  records: readonly JobRecord[],
): Omit<JobRecord, 'leaseUntil' | 'updatedAt' | 'producerLeft' | 'revision'>[] {
  return records.map(
    ({ leaseUntil: _, updatedAt: __, producerLeft: ___, revision: ____, ...record }) => record,
  );
}

/** The user's streams that are there: the index over-approximates. */
export async function ownedBy(store: JobStore, user: UserKey): Promise<readonly StreamKey[]> {
  const { entries } = await store.listByUser(user, { limit: 10_000 });
  return entries.flatMap(({ key, current }) => (current === undefined ? [] : [key]));
}

/** Runs a contract on a backend of its own, and looks for what it left behind. */
export async function runContract(contract: Contract, factory: BackendFactory, seed?: number): Promise<void> {
  const backend = await factory();
  const { timesLapse = false } = contract;
  const harness = new Harness(backend, { timesLapse, ...(seed !== undefined && { seed }) });
  try {
    await contract.run(harness);
    await harness.close();
    await harness.checkLeaks();
  } catch (error) {
    await Promise.race([harness.close().catch(() => {}), turns(500)]);
    // What a failed contract leaves behind says nothing more.
    await backend.dispose().catch(() => {});
    throw error;
  }
  await backend.dispose();
}

/** What a promise is rejected with. @throws when it isn't */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => {
      throw new Error(`Expected a rejection, got ${JSON.stringify(value)}`);
    },
    (error: unknown) => error,
  );
}

export async function expectCode(promise: Promise<unknown>, code: string): Promise<void> {
  expect(codeOf(await rejection(promise))).toBe(code);
}

export function thrownCode(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return codeOf(error);
  }
  return 'nothing was thrown';
}

export function codeOf(error: unknown): string {
  return isGenerationJobError(error) ? error.code : `not ours: ${String(error)}`;
}

/** How many of each. */
export function tally(items: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const item of items) counts[item] = (counts[item] ?? 0) + 1;
  return counts;
}

export const isTerminal = (event: { readonly event: string }): boolean =>
  event.event === 'completed' || event.event === 'failed' || event.event === 'aborted';
