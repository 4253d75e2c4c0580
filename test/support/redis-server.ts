/**
 * Redis servers of a test's own: on free loopback ports, with their files in a folder of their own, ended by pid. A test
 * that fails leaves none behind, because a server ends with the process that started it.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';

const PROGRAM = process.env.REDIS_SERVER_PATH ?? 'redis-server';
const FAKETIME = process.env.FAKETIME_PATH ?? 'faketime';
const CLUSTER_NODES = 3;
const SLOTS = 16_384;
/** A cluster node listens on this port above its own, too. */
const BUS_ABOVE = 10_000;
/** Starts that are tried before it is the server, and not its port, that is found wrong. */
const MOST_STARTS = 20;

export interface SentinelTimes {
  readonly quorum: number;
  /** How long a server may be silent. */
  readonly downAfterMs?: number;
  /** Within this time of a failover no server is told again whom to follow. */
  readonly failoverTimeoutMs?: number;
}

export class RedisServer {
  readonly port: number;
  readonly #folder: string;
  readonly #args: readonly string[];
  readonly #environment: NodeJS.ProcessEnv;
  #process: ChildProcess | undefined;

  private constructor(port: number, folder: string, args: readonly string[], environment = process.env) {
    this.port = port;
    this.#folder = folder;
    this.#args = args;
    this.#environment = environment;
  }

  /** @param args more of the server's command line, such as `--appendonly yes` */
  static async start(...args: string[]): Promise<RedisServer> {
    const folder = await newFolder();
    return startAtFreePort(args.includes('--cluster-enabled'), async (port) => {
      const own = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', ''];
      return new RedisServer(port, folder, [...own, ...args]);
    });
  }

  /** A server whose clock `setClock` sets while it runs: its wall time alone, as on a machine whose date is set. */
  static async startWithClock(...args: string[]): Promise<RedisServer> {
    const folder = await newFolder();
    const environment = {
      ...process.env,
      LD_PRELOAD: clockLibraries(),
      FAKETIME_TIMESTAMP_FILE: join(folder, 'clock'),
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    };
    return startAtFreePort(false, async (port) => {
      const own = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', ''];
      const server = new RedisServer(port, folder, [...own, ...args], environment);
      await server.setClock(0);
      return server;
    });
  }

  /**
   * A Sentinel that watches a primary under a name.
   * @param quorum how many Sentinels must find the primary dead
   */
  static async startSentinel(
    watched: { name: string; port: number },
    { quorum, downAfterMs = 500, failoverTimeoutMs = 60_000 }: SentinelTimes,
  ): Promise<RedisServer> {
    const folder = await newFolder();
    const file = join(folder, 'sentinel.conf');
    const { name } = watched;
    return startAtFreePort(false, async (port) => {
      // A Sentinel keeps what it learns in its file.
      const lines = [
        `port ${port}`,
        'bind 127.0.0.1',
        `dir ${folder}`,
        `sentinel monitor ${name} 127.0.0.1 ${watched.port} ${quorum}`,
        `sentinel down-after-milliseconds ${name} ${downAfterMs}`,
        `sentinel failover-timeout ${name} ${failoverTimeoutMs}`,
      ];
      await writeFile(file, `${lines.join('\n')}\n`);
      return new RedisServer(port, folder, [file, '--sentinel']);
    });
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** Starts it (again), with the files it left, as soon as its port is free. @throws when it ends again and again */
  async run(): Promise<void> {
    for (let tries = 1; tries < MOST_STARTS; tries++) {
      if (await this.tryRun()) return;
      await pause(50);
    }
    throw new Error(`${PROGRAM} ends as soon as it starts: ${this.#args.join(' ')}`);
  }

  /** Says whether it has started; false when it has ended at once, as it does where something has its port. */
  async tryRun(): Promise<boolean> {
    const started = spawn(PROGRAM, this.#args, { stdio: 'ignore', env: this.#environment });
    this.#process = started;
    const over = new AbortController();
    const ended = once(started, 'exit').then(() => false);
    const isRunning = await Promise.race([ended, this.#answers(over.signal)]).finally(() => over.abort());
    ended.catch(() => {});
    if (!isRunning) return false;
    process.once('exit', this.#end);
    endWithSignals();
    return true;
  }

  /** Sets the clock of a server of `startWithClock` to so many seconds off this machine's. */
  async setClock(bySeconds: number): Promise<void> {
    const file = join(this.#folder, 'clock');
    await writeFile(`${file}.new`, `${bySeconds < 0 ? '' : '+'}${bySeconds}\n`);
    await rename(`${file}.new`, file);
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  /** Ends the process; `run` starts it again. */
  async halt(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const running = this.#process;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const gone = once(running, 'exit');
    running.kill('SIGCONT');
    running.kill(signal);
    await gone;
    process.off('exit', this.#end);
  }

  async stop(): Promise<void> {
    await this.halt('SIGKILL');
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** A connection for looking and for mischief; its owner disconnects it. */
  connect(): Redis {
    return connectTo(this.port);
  }

  readonly #end = () => {
    this.#process?.kill('SIGKILL');
  };

  /** Resolves when this server answers, and not another one that has its port. */
  async #answers(over: AbortSignal): Promise<boolean> {
    const client = this.connect();
    const isOwn = async () => (await client.info('server')).includes(`process_id:${this.pid}\r\n`);
    over.addEventListener('abort', () => client.disconnect(), { once: true });
    while (!over.aborted) {
      if (await isOwn().catch(() => false)) return true;
      await pause(10);
    }
    return false;
  }
}

export interface RedisCluster {
  /** The primaries. */
  readonly nodes: readonly RedisServer[];
  /** A replica of the first primary, if asked for. */
  readonly replica?: RedisServer | undefined;
  stop(): Promise<void>;
}

/** Each node has an epoch of its own. A client whose link broke asks twice, and the second answer is a refusal. */
async function setEpoch(client: Redis, epoch: number): Promise<void> {
  try {
    await client.call('CLUSTER', 'SET-CONFIG-EPOCH', `${epoch}`);
  } catch (error) {
    const info = String(await client.call('CLUSTER', 'INFO'));
    if (!info.includes(`cluster_my_epoch:${epoch}\r\n`)) throw error;
  }
}

/**
 * Three primaries that share the slots.
 * @param nodeTimeoutMs when a silent node is taken for dead; a busy machine keeps a living one silent for seconds
 */
export async function startCluster({
  withReplica = false,
  nodeTimeoutMs = 15_000,
} = {}): Promise<RedisCluster> {
  const args = ['--cluster-enabled', 'yes', '--cluster-node-timeout', `${nodeTimeoutMs}`];
  const count = withReplica ? CLUSTER_NODES + 1 : CLUSTER_NODES;
  const servers = await Promise.all(
    Array.from({ length: count }, () => RedisServer.start(...args, '--repl-diskless-sync-delay', '0')),
  );
  const clients = servers.map((server) => server.connect());
  const share = Math.ceil(SLOTS / CLUSTER_NODES);
  for (const [index, client] of clients.entries()) {
    const [first, last] = [index * share, Math.min((index + 1) * share, SLOTS) - 1];
    if (index < CLUSTER_NODES) await client.call('CLUSTER', 'ADDSLOTSRANGE', `${first}`, `${last}`);
    await setEpoch(client, index + 1);
    if (index > 0) await client.call('CLUSTER', 'MEET', '127.0.0.1', `${servers[0]?.port}`);
  }
  for (const client of clients) while (!(await isWhole(client, count))) await pause(20);
  if (withReplica) {
    const [primary, replica] = [clients[0], clients[CLUSTER_NODES]];
    await replica?.call('CLUSTER', 'REPLICATE', String(await primary?.call('CLUSTER', 'MYID')));
    while (!(await replica?.info('replication'))?.includes('master_link_status:up')) await pause(20);
  }
  for (const client of clients) client.disconnect();
  return {
    nodes: servers.slice(0, CLUSTER_NODES),
    replica: servers[CLUSTER_NODES],
    async stop() {
      await Promise.all(servers.map((server) => server.stop()));
    },
  };
}

function connectTo(port: number): Redis {
  const client = new Redis({ port, host: '127.0.0.1', retryStrategy: () => 50, maxRetriesPerRequest: null });
  client.on('error', () => {});
  return client;
}

async function isWhole(client: Redis, nodes: number): Promise<boolean> {
  const state = String(await client.call('CLUSTER', 'INFO'));
  return state.includes('cluster_state:ok') && state.includes(`cluster_known_nodes:${nodes}\r`);
}

/**
 * libfaketime, as its own command would load it. The C library comes before the server's allocator, which would ask for
 * the time while libfaketime still allocates.
 */
function clockLibraries(): string {
  const found = execFileSync(FAKETIME, ['-f', '+0', 'printenv', 'LD_PRELOAD'], { encoding: 'utf8' });
  return `${found.trim()} libc.so.6`;
}

function newFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'redis-'));
}

/** Starts a server at a port that is free; at another one when somebody takes it, or that of its bus, in between. */
async function startAtFreePort(
  withBus: boolean,
  make: (port: number) => Promise<RedisServer>,
): Promise<RedisServer> {
  for (let tries = 1; tries < MOST_STARTS; tries++) {
    const server = await make(await freePort(withBus));
    if (await server.tryRun()) return server;
  }
  throw new Error(`${PROGRAM} ends as soon as it starts`);
}

async function freePort(withBus: boolean): Promise<number> {
  for (;;) {
    const port = await portFrom(0);
    if (!withBus) return port;
    if (port + BUS_ABOVE > 65_535) continue;
    const bus = await portFrom(port + BUS_ABOVE).catch(() => undefined); // somebody has it
    if (bus !== undefined) return port;
  }
}

/** Returns a port that can be listened on: the one that is given, or with 0 any. */
async function portFrom(wanted: number): Promise<number> {
  const server = createServer().listen(wanted, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

let obeysSignals = false;

/** A test runner that gives up on a file ends its process with a signal, which alone would leave the servers behind. */
function endWithSignals(): void {
  if (obeysSignals) return;
  obeysSignals = true;
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));
}
