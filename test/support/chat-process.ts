/**
 * The built example as the processes a user would start, ended by their ids. A test that forgets to end one still
 * leaves nothing behind: what is running when the file is done is killed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, vi } from 'vitest';

const ROOT = join(import.meta.dirname, '..', '..');
export const RECORDINGS_FOLDER = join(ROOT, 'examples', 'chat', 'recordings');
/** A process that isn't ready by then has failed. */
const READY_MS = 60_000;

/** A server behind the front of `--replicas`. */
export interface ChatReplica {
  readonly name: string;
  /** Past the front. */
  readonly url: string;
  readonly pid: number;
}

export interface ChatProcess {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  readonly port: number;
  /** With `--replicas`, by name in ascending order. */
  readonly replicas: readonly ChatReplica[];
  /** Everything it has printed. */
  output(): string;
  /** Sends SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
  /** Ends it at once, as a crash would. */
  kill(): Promise<void>;
}

const running = new Set<ChildProcess>();

afterAll(() => {
  for (const child of running) endGroup(child, 'SIGKILL');
});

/** Starts the server itself, or with `viaNpm` the command of the README. Any free port unless `PORT` is given. */
export async function startChat({
  env = {},
  args = [],
  viaNpm = false,
}: {
  env?: Record<string, string>;
  args?: readonly string[];
  viaNpm?: boolean;
} = {}): Promise<ChatProcess> {
  const [command, before] = viaNpm
    ? ['npm', ['start', '--']]
    : [process.execPath, [join(ROOT, 'examples', 'chat', 'dist', 'start.js')]];
  const child = spawn(command, [...before, ...args], {
    cwd: ROOT,
    env: { ...withoutOwnSettings(process.env), PORT: '0', ...env },
    // A group of its own, because npm puts a shell and the server below itself.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  const exited = once(child, 'exit').then(([code]: (number | null)[]) => code ?? null);
  void exited.then(() => running.delete(child));
  let output = '';
  const port = await new Promise<number>((resolve, reject) => {
    const late = setTimeout(
      () => reject(new Error(`the example isn't ready; it printed:\n${output}`)),
      READY_MS,
    );
    const hear = (chunk: Buffer) => {
      output += chunk;
      const match = /^chat: http:\/\/localhost:(\d+)$/m.exec(output);
      if (match) resolve(Number(match[1]));
      if (match) clearTimeout(late);
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    void exited.then((code) => reject(new Error(`the example exited with ${code}; it printed:\n${output}`)));
  });
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    replicas: replicasIn(output),
    output: () => output,
    stop: () => {
      endGroup(child, 'SIGTERM');
      return exited;
    },
    kill: async () => {
      endGroup(child, 'SIGKILL');
      await exited;
    },
  };
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no TCP address');
  return address.port;
}

/** The process that a server with `--worker` has its answers made in: the newest, as the server prints it. */
export async function workerOf(chat: ChatProcess, replica = '1'): Promise<number> {
  const said = new RegExp(`^chat: worker of replica ${replica}: process (\\d+),`, 'gm');
  const newest = () => [...chat.output().matchAll(said)].at(-1)?.[1];
  await vi.waitUntil(newest, { timeout: READY_MS, interval: 10 });
  return Number(newest());
}

function replicasIn(output: string): ChatReplica[] {
  const lines = output.matchAll(/^chat: replica (\w+): http:\/\/localhost:(\d+), process (\d+)$/gm);
  return [...lines].map(([, name = '', port, pid]) => ({
    name,
    url: `http://127.0.0.1:${port}`,
    pid: Number(pid),
  }));
}

/** What the person who runs the tests has set for a server of their own. */
function withoutOwnSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const own =
    /^(OPENAI_.*|REDIS_URL|REPLICA|RECOVER|LEASE_MS|WORKER_LEASE_MS|RUN_TOKEN_SECRET|APPROVAL_MS|HOST)$/;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !own.test(name)));
}

function endGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // It ended by itself meanwhile, which is what was wanted.
  }
}
