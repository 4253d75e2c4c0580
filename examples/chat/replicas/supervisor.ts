/**
 * Several replicas behind one front: starts Redis if none is given, the replicas, and the front, in this order, and stops
 * them in the other one on SIGTERM or SIGINT. Whatever ends this process ends all of them.
 *
 * A replica that dies is not started again: what there is to see here is how the others go on without it. On SIGUSR2 all of them
 * are started anew, one after the other, as a deploy does.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { installAgent } from '../playing/agent.js';
import type { Config } from '../server/config.js';
import { REPOSITORY_FOLDER } from '../server/folders.js';
import { type Listening, listen } from '../server/listening.js';
import type { FrontReady, ReplicaReady } from '../server/replica.js';
import { checkRedis } from '../server/storage.js';
import { createFront } from './front.js';
import { startPrivateRedis } from './private-redis.js';
import { ReplicaPool } from './replica-pool.js';

interface Child {
  readonly name: string;
  readonly process: ChildProcess;
  readonly gone: Promise<void>;
}

const SECOND = 1000;
/** More than a replica takes at its slowest: its grace, and its last words to a Redis that doesn't answer. */
const STOP_MS = 20 * SECOND;

/**
 * @param program the file that runs one replica when it is started without `--replicas`
 * @throws Error in words when Redis, a replica or the front can't be started; then nothing is left running
 */
export async function supervise(config: Config, count: number, program: string): Promise<void> {
  const supervisor = new Supervisor(config, program);
  try {
    await supervisor.start(count);
  } catch (error) {
    await supervisor.stop();
    throw error;
  }
}

class Supervisor {
  readonly #config: Config;
  readonly #program: string;
  #children: readonly Child[] = [];
  #redis: Awaited<ReturnType<typeof startPrivateRedis>> | undefined;
  #pool: ReplicaPool | undefined;
  #front: Listening | undefined;
  #isStopping = false;
  /** The name of the replica that is being started anew. */
  #leaving: string | undefined;

  constructor(config: Config, program: string) {
    this.#config = config;
    this.#program = program;
  }

  async start(count: number): Promise<void> {
    process.once('SIGTERM', () => void this.#exit(0));
    process.once('SIGINT', () => void this.#exit(0));
    const redisUrl = this.#config.redisUrl ?? (await this.#startRedis());
    if (this.#config.redisUrl !== undefined) await checkRedis(redisUrl);
    if (this.#config.agent) {
      installAgent(REPOSITORY_FOLDER); // once, and not by all of them together
      if (this.#config.mongoUrl === undefined)
        console.error('chat: without MONGO_URL, only the replica that asked can go on after an approval');
    }
    const names = Array.from({ length: count }, (_, index) => index + 1);
    const replicas = await Promise.all(names.map((number) => this.#startReplica(number, redisUrl)));
    this.#pool = new ReplicaPool(replicas);
    this.#front = await listen(createFront(this.#pool), this.#config.port, this.#config.hosts);
    const front: FrontReady = { gateway: `${this.#front.url}/worker` };
    for (const { process } of this.#children) process.send(front);
    for (const { name, port, pid } of replicas)
      console.log(`chat: replica ${name}: http://localhost:${port}, process ${pid}`);
    process.on('SIGUSR2', () => void this.#restart(redisUrl));
    console.log(`chat: restart them in turn: kill -USR2 ${process.pid}`);
    console.log(`chat: ${this.#front.url}`);
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    for (const { process } of this.#children) process.kill('SIGTERM');
    const closed = this.#front?.close();
    const late = setTimeout(() => {
      for (const { process } of this.#children) process.kill('SIGKILL');
    }, STOP_MS);
    await Promise.all(this.#children.map(({ gone }) => gone));
    clearTimeout(late);
    this.#pool?.stop();
    this.#front?.cut();
    await closed;
    await this.#redis?.stop();
  }

  /** A second signal doesn't wait for anything: the children notice that this process has gone. */
  async #exit(code: number): Promise<void> {
    process.once('SIGTERM', () => process.exit(1));
    process.once('SIGINT', () => process.exit(1));
    await this.stop();
    process.exit(code);
  }

  /** Starts the replicas anew, one after the other. Those that have died come back. */
  async #restart(redisUrl: string): Promise<void> {
    if (this.#leaving !== undefined) return;
    for (const { name, process: old, gone } of this.#children) {
      if (this.#isStopping) break;
      this.#leaving = name;
      this.#pool?.leave(name); // before it is told, so that nobody new is sent there
      old.kill('SIGTERM');
      const late = setTimeout(() => old.kill('SIGKILL'), STOP_MS);
      await gone;
      clearTimeout(late);
      if (!this.#isStopping) await this.#replace(name, redisUrl);
    }
    this.#leaving = undefined;
  }

  async #replace(name: string, redisUrl: string): Promise<void> {
    try {
      const replica = await this.#startReplica(Number(name), redisUrl);
      this.#pool?.come(replica);
      const front: FrontReady = { gateway: `${this.#front?.url}/worker` };
      this.#children.find((child) => child.name === name)?.process.send(front);
      console.log(`chat: replica ${name} is back: http://localhost:${replica.port}, process ${replica.pid}`);
    } catch (error) {
      if (!this.#isStopping) console.error(`chat: ${error instanceof Error ? error.message : error}`);
    }
  }

  async #startRedis(): Promise<string> {
    const redis = await startPrivateRedis(this.#config.redisServer);
    this.#redis = redis;
    void redis.lost.then(() =>
      console.error('chat: the private Redis has ended; nothing will go on without it'),
    );
    console.log(`chat: ${redis.url}, until this command ends`);
    return redis.url;
  }

  async #startReplica(number: number, redisUrl: string) {
    const name = `${number}`;
    const { port, agent, worker, command, runTokenSecret } = this.#config;
    const args = [
      ...(agent ? ['--agent'] : []),
      ...(worker ? ['--worker'] : []),
      ...(command ? ['--cli', command] : []),
    ];
    const child = fork(this.#program, args, {
      env: {
        ...process.env,
        REDIS_URL: redisUrl,
        REPLICA: name,
        RUN_TOKEN_SECRET: runTokenSecret,
        PORT: `${port === 0 ? 0 : port + number}`,
        HOST: '', // the front is what others may see
      },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      // A group of its own: Ctrl-C in a terminal is for this process, which tells its replicas once.
      detached: true,
    });
    const gone = once(child, 'exit').then(([code, signal]) => this.#onGone(name, code ?? signal));
    const others = this.#children.filter((one) => one.name !== name);
    this.#children = [...others, { name, process: child, gone }];
    const ready = await new Promise<ReplicaReady>((resolve, reject) => {
      child.once('message', (message) => resolve(message as ReplicaReady));
      void gone.then(() => reject(new Error(`replica ${name} could not be started`)));
    });
    return { name, port: ready.port, pid: child.pid };
  }

  #onGone(name: string, how: number | NodeJS.Signals): void {
    this.#pool?.ended(name);
    if (this.#isStopping || this.#front === undefined || this.#leaving === name) return;
    console.error(`chat: replica ${name} has ended (${how})`);
    const isAlone = this.#children.every(
      ({ process }) => process.exitCode !== null || process.signalCode !== null,
    );
    if (!isAlone) return;
    console.error('chat: no replica is left');
    void this.#exit(1);
  }
}
