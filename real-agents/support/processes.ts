/** Agents in processes of their own, on a Redis and a Mongo of the test file's own, seen from the test. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type {
  AttemptEnd,
  GenerationJobOptions,
  JobRecord,
  PublicAction,
  ResumeState,
  Usage,
} from 'generation-jobs';
import type { Redis } from 'ioredis';
import mongoose from 'mongoose';
import { afterAll, beforeAll } from 'vitest';
import { dbName, startMongo, type TestMongo } from '../../test/support/mongo.js';
import { RedisServer } from '../../test/support/redis-server.js';
import type { AgentSetup } from './agents.mjs';

const PROGRAM = fileURLToPath(new URL('agent-process.mjs', import.meta.url));

/** Times shortened, in the proportions of the defaults. */
const TIMES = {
  leaseMs: 5_000,
  renewMs: 500,
  sweepMs: 100,
  logPollMs: 200,
  retryMs: 10,
  settleBackoffMs: 100,
} as const satisfies GenerationJobOptions;

export interface AgentConfig {
  readonly mongoose?: 'mongoose' | 'mongoose8';
  /** Whether it goes on with what a dead process left. */
  readonly recover?: boolean;
  readonly sdkVersion?: string;
  readonly checkpointer?: { readonly maxBytes?: number; readonly ttlMs?: number };
  readonly options?: GenerationJobOptions;
  /** Replicas of another prefix are none of ours. */
  readonly keyPrefix?: string;
  /** Where the built library is. */
  readonly library?: string;
}

/** An agent that can be told to another process. Its tools record what they do; some then hang, or wait to be stopped. */
export type AgentSpec = Omit<AgentSetup, 'execute' | 'onTurn' | 'run'> & {
  readonly tool?: 'returns' | 'hangs' | 'waits';
};

export interface Ran {
  readonly pid: number;
  readonly id?: string;
  readonly args?: unknown;
  readonly stopped?: string;
}

/** A call of the model. */
export interface TurnMade {
  readonly pid: number;
  /** The number of messages that it was given. */
  readonly messages: number;
  /** The user's among them. */
  readonly said: readonly string[];
}

export interface Settled {
  readonly status: string;
  readonly error?: string;
  readonly usage: Usage;
  readonly generation: number;
}

class CallError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export class AgentProcess {
  readonly #process: ChildProcess;
  readonly #calls = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  readonly ready: Promise<void>;
  readonly exited: Promise<unknown>;
  #isDead = false;
  #lastCall = 0;

  constructor(config: object) {
    this.#process = fork(PROGRAM, [JSON.stringify(config)], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      execArgv: [],
      env: { ...process.env, DO_NOT_TRACK: '1' },
    });
    this.exited = once(this.#process, 'exit').then(() => {
      this.#isDead = true;
      for (const { reject } of this.#calls.values()) reject(new CallError('dead', 'The process is dead.'));
    });
    this.ready = new Promise((resolve, reject) => {
      this.#process.on('message', (told: { ready?: true; id: number; result: never; error?: CallError }) => {
        if (told.ready) return resolve();
        const call = this.#calls.get(told.id);
        this.#calls.delete(told.id);
        if (told.error) call?.reject(new CallError(told.error.code, told.error.message));
        else call?.resolve(told.result);
      });
      void this.exited.then(() => reject(new Error('A process did not start.')));
    });
    this.ready.catch(() => {});
  }

  get pid(): number {
    return this.#process.pid as number;
  }

  call<Result>(operation: string, input: object = {}): Promise<Result> {
    const id = ++this.#lastCall;
    return new Promise<Result>((resolve, reject) => {
      if (this.#isDead) return reject(new CallError('dead', 'The process is dead.'));
      this.#calls.set(id, { resolve, reject });
      this.#process.send({ id, operation, input });
    });
  }

  start(
    streamId: string,
    agent: AgentSpec,
    more: { readonly begin?: boolean } = {},
  ): Promise<AttemptEnd & { generation: number }> {
    return this.call('start', { streamId, agent, ...more });
  }

  /** Decides the pending action, seen from here. */
  async resolve(
    streamId: string,
    said: { decisions?: readonly object[]; answers?: readonly object[]; claim?: boolean; begin?: boolean },
  ): Promise<{ reason: string }> {
    const action = await this.peek(streamId);
    return this.call('resolve', { streamId, actionId: action?.actionId, ...said });
  }

  ended(streamId: string): Promise<AttemptEnd> {
    return this.call('ended', { streamId });
  }

  peek(streamId: string): Promise<PublicAction | null> {
    return this.call('peek', { streamId });
  }

  job(streamId: string): Promise<JobRecord> {
    return this.call('job', { streamId });
  }

  async parts(streamId: string): Promise<object[]> {
    const state = await this.call<ResumeState<{ content: { parts: object[] } }>>('state', { streamId });
    return state.content?.parts ?? [];
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.exited;
  }
}

/** What the processes of a test file share, and what they have left in it. */
export class World {
  readonly #server: RedisServer;
  readonly mongo: TestMongo;
  readonly #database = dbName('real_agents');
  readonly #connection: mongoose.Connection;
  readonly #redis: Redis;
  readonly #processes: AgentProcess[] = [];

  private constructor(server: RedisServer, mongo: TestMongo) {
    this.#server = server;
    this.mongo = mongo;
    this.#redis = server.connect();
    this.#connection = mongoose.createConnection(mongo.uri, { dbName: this.#database });
    this.#connection.on('error', () => {});
  }

  static async start(): Promise<World> {
    const [server, mongo] = await Promise.all([RedisServer.start(), startMongo()]);
    const world = new World(server, mongo);
    await world.#connection.asPromise();
    return world;
  }

  async process(config: AgentConfig = {}): Promise<AgentProcess> {
    const { options, ...more } = config;
    const made = new AgentProcess({
      redisPort: this.#server.port,
      mongoUri: this.mongo.uri,
      dbName: this.#database,
      ...(process.env.GENERATION_JOBS_DIST ? { library: process.env.GENERATION_JOBS_DIST } : {}),
      ...more,
      options: { ...TIMES, ...options },
    });
    this.#processes.push(made);
    await made.ready;
    return made;
  }

  /** What the tools of a stream's runs have done, in all processes. */
  ran(streamId: string): Promise<Ran[]> {
    return this.#list(`ran:${streamId}`);
  }

  /** The calls of the model. */
  turns(streamId: string): Promise<TurnMade[]> {
    return this.#list(`turns:${streamId}`);
  }

  settled(streamId: string): Promise<Settled[]> {
    return this.#list(`settled:${streamId}`);
  }

  errors(streamId: string): Promise<{ name: string; code?: string; message: string }[]> {
    return this.#list(`errors:${streamId}`);
  }

  /** The threads that have documents. */
  async threads(): Promise<string[]> {
    const found = ['checkpoints', 'checkpoint_writes'].map((name) =>
      this.#connection.collection(name).distinct('thread_id'),
    );
    return [...new Set((await Promise.all(found)).flat() as string[])];
  }

  collection(name: string): mongoose.Collection {
    return this.#connection.collection(name);
  }

  async end(): Promise<void> {
    await Promise.all(this.#processes.map((one) => one.kill()));
    await this.#connection.dropDatabase().catch(() => {});
    await this.#connection.close();
    this.#redis.disconnect();
    await Promise.all([this.#server.stop(), this.mongo.stop()]);
  }

  async #list<Entry>(name: string): Promise<Entry[]> {
    return (await this.#redis.lrange(name, 0, -1)).map((text) => JSON.parse(text) as Entry);
  }
}

/** A process takes seconds to load the SDK when the machine is busy. */
const STARTING_MS = 90_000;

/** A world for a test file, with these processes in it. */
export function useWorld(...configs: AgentConfig[]): { world: World; processes: AgentProcess[] } {
  const used = { world: undefined as never, processes: [] } as { world: World; processes: AgentProcess[] };
  beforeAll(async () => {
    used.world = await World.start();
    used.processes = await Promise.all(configs.map((config) => used.world.process(config)));
  }, STARTING_MS);
  afterAll(() => used.world?.end());
  return used;
}
