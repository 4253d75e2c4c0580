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
    const port = await freePort(args.includes('--cluster-enabled'));
    const own = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', ''];
    const server = new RedisServer(port, folder, [...own, ...args]);
    await server.run();
    return server;
  }

  /** A server whose clock `setClock` sets while it runs: its wall time alone, as on a machine whose date is set. */
  static async startWithClock(...args: string[]): Promise<RedisServer> {
    const folder = await newFolder();
    const port = await freePort(false);
    const own = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', ''];
    const server = new RedisServer(port, folder, [...own, ...args], {
      ...process.env,
      LD_PRELOAD: clockLibraries(),
      FAKETIME_TIMESTAMP_FILE: join(folder, 'clock'),
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    });
    await server.setClock(0);
    await server.run();
    return server;
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
    const port = await freePort(false);
    const file = join(folder, 'sentinel.conf');
    const { name } = watched;
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
    const server = new RedisServer(port, folder, [file, '--sentinel']);
    await server.run();
    return server;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** Starts it (again), with the files it left. */
  async run(): Promise<void> {
    this.#process = spawn(PROGRAM, this.#args, { stdio: 'ignore', env: this.#environment });
    const failed = once(this.#process, 'error').then(([error]) => {
      throw error as Error;
    });
    await Promise.race([failed, this.#answers()]);
    failed.catch(() => {});
    process.once('exit', this.#end);
    endWithSignals();
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

  async #answers(): Promise<void> {
    const client = this.connect();
    try {
      for (;;) {
        try {
          await client.ping();
          return;
        } catch {
          await pause(10);
        }
      }
    } finally {
      client.disconnect();
    }
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

/** A cluster node also needs the port 10,000 above its own. */
async function freePort(withBus: boolean): Promise<number> {
  for (;;) {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    server.close();
    await once(server, 'close');
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    if (!withBus || port < 55_000) return port;
  }
}

let obeysSignals = false;

/** A test runner that gives up on a file ends its process with a signal, which alone would leave the servers behind. */
function endWithSignals(): void {
  if (obeysSignals) return;
  obeysSignals = true;
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));
}
