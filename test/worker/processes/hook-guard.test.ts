/** The lines that hooks begin with, in real shells, with each of the programs that may carry the report, and no jq. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ControlServer, type DeadHook, hookGuard, startControlServer } from 'generation-jobs/worker';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const SHELLS = ['bash', 'dash'] as const;
const ODD_NAME = `it's "odd" $(touch injected) \`touch injected\`\n\\ é 😀 \u2028`;

let folder: string;
let portFile: string;
let control: ControlServer | undefined;
let dead: DeadHook[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hook-guard-'));
  portFile = join(folder, "it's the port");
  dead = [];
  control = await startControlServer({
    ...{ portFile, log: { level: 'info', levels: ['info'] }, status: () => null },
    onHookFatal: async (report) => {
      dead.push(report);
      await writeFile(join(folder, 'told'), '');
    },
  });
});
afterEach(async () => {
  await control?.close();
  await rm(folder, { recursive: true });
});

/** A folder of commands, with those alone. */
async function pathOf(...commands: string[]): Promise<string> {
  const bin = join(folder, `bin-${commands.join('-')}`);
  await mkdir(bin);
  for (const command of commands) await symlink(`/usr/bin/${command}`, join(bin, command));
  return bin;
}

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface HookOptions {
  readonly path?: string;
  readonly name?: string;
  readonly env?: Readonly<Record<string, string>>;
}

async function started(
  shell: string,
  script: string,
  { path = '/usr/bin:/bin', name = 'finish', env = {} }: HookOptions = {},
) {
  const file = join(folder, 'hook.sh');
  await writeFile(file, `${hookGuard({ hook: name, portFile })}\n${script}\n`);
  await chmod(file, 0o700);
  return spawn(`/usr/bin/${shell}`, [file], {
    ...{ cwd: folder, detached: true, env: { PATH: path, ...env }, stdio: ['ignore', 'pipe', 'pipe'] },
  });
}

async function end(child: ChildProcess): Promise<Ended> {
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name]?.on('data', (piece) => {
      texts[name] += piece;
    });
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { code, signal, ...texts };
}

async function run(shell: string, script: string, options: HookOptions = {}): Promise<Ended> {
  return end(await started(shell, script, options));
}

const CLEANUP = 'hook_cleanup() { echo cleaned >> cleaned; }\n';
const cleaned = () => readFile(join(folder, 'cleaned'), 'utf8');

describe.each(SHELLS)('a hook in %s', (shell) => {
  it.each([['curl'], ['wget'], ['bash', 'wc']])('that dies is told, by %s', async (...commands) => {
    const path = await pathOf(...commands);
    const ended = await run(shell, 'exit 7', { path, name: ODD_NAME });
    expect(ended).toEqual({ code: 7, signal: null, stdout: '', stderr: '' });
    expect(dead).toEqual([{ hook: ODD_NAME, exitCode: 7, pid: expect.any(Number), at: expect.any(Number) }]);
    await expect(readFile(join(folder, 'injected'))).rejects.toThrow('ENOENT');
  });

  it.each([
    ['a command fails under set -e', 'set -eu\necho said\nfalse\necho never', 1],
    ['a variable is missing under set -u', 'set -u\necho said\necho "$missing"', expect.any(Number)],
    ['it exits with 255', 'echo said\nexit 255', 255],
    ['its last command fails', 'echo said\n(exit 3)', 3],
  ])('keeps its code, is told and cleans up once when %s', async (_, script, code) => {
    const ended = await run(shell, CLEANUP + script);
    expect(ended).toMatchObject({ code, signal: null, stdout: 'said\n' });
    expect(ended.code).not.toBe(0);
    expect(dead).toMatchObject([{ hook: 'finish', exitCode: ended.code }]);
    expect(await cleaned()).toBe('cleaned\n');
  });

  it('that ends well cleans up once, and is not told', async () => {
    const ended = await run(shell, `${CLEANUP}set -eu\necho done`);
    expect(ended).toEqual({ code: 0, signal: null, stdout: 'done\n', stderr: '' });
    expect(await cleaned()).toBe('cleaned\n');
    expect(dead).toEqual([]);
  });

  it.each(['TERM', 'INT', 'HUP'] as const)(
    'that is killed by %s with its group is told, cleans up, and has died of it',
    async (name) => {
      // Said by what the shell waits for: a shell that is just about to start something can pass the signal over.
      const script = `${CLEANUP}sh -c 'echo ready; exec sleep 1000'\necho never`;
      const child = await started(shell, script);
      const ending = end(child);
      await once(child.stdout as NodeJS.ReadableStream, 'data');
      process.kill(-(child.pid ?? 0), `SIG${name}`);
      expect(await ending).toMatchObject({ code: null, signal: `SIG${name}`, stdout: 'ready\n' });
      expect(dead).toMatchObject([{ hook: 'finish', signal: name }]);
      expect(await cleaned()).toBe('cleaned\n');
    },
  );

  it('is told before a clean-up that takes long, and a clean-up that fails changes nothing', async () => {
    // It ends when the report has come: if it held that up, neither would.
    const script =
      'hook_cleanup() { while [ ! -e told ]; do sleep 0.05; done; echo waited; exit 99; }\nset -e\nexit 4';
    expect(await run(shell, script)).toMatchObject({ code: 4, stdout: 'waited\n' });
    expect(dead).toHaveLength(1);
  });

  it('finds another port file by its environment', async () => {
    await writeFile(join(folder, 'other'), String(control?.port)); // without a line's end
    await rm(portFile);
    const env = { GENERATION_JOBS_PORT_FILE: join(folder, 'other') };
    expect(await run(shell, 'exit 7', { env })).toMatchObject({ code: 7, stderr: '' });
    expect(dead).toHaveLength(1);
  });

  describe('that can’t be told', () => {
    let hanging: Server | undefined;
    afterEach(() => hanging?.close());

    it.each([
      ['no port file is there', () => rm(portFile)],
      ['the port file holds something else', () => writeFile(portFile, '80; touch injected\n')],
      ['nobody listens', () => control?.close().then(() => writeFile(portFile, '1\n'))],
      [
        'whoever listens does not answer',
        async () => {
          const sockets: { destroy(): void }[] = [];
          hanging = createServer((socket) => void sockets.push(socket.on('error', () => {})));
          hanging.listen(0, '127.0.0.1');
          await once(hanging, 'listening');
          const { port } = hanging.address() as { port: number };
          await writeFile(portFile, `${port}\n`);
          hanging.once('close', () => {
            for (const socket of sockets) socket.destroy();
          });
        },
      ],
    ])('since %s says so on standard error, cleans up and keeps its code', async (_, spoil) => {
      await spoil();
      const ended = await run(shell, `${CLEANUP}exit 5`);
      expect(ended).toMatchObject({ code: 5, stdout: '' });
      expect(ended.stderr).toBe('The hook "finish" died (5), and nobody could be told.\n');
      expect(await cleaned()).toBe('cleaned\n');
      await expect(readFile(join(folder, 'injected'))).rejects.toThrow('ENOENT');
    });

    it('since no program is there that could', async () => {
      const path = await pathOf();
      const ended = await run(shell, 'exit 5', { path });
      expect(ended.code).toBe(5);
      expect(ended.stderr).toContain('nobody could be told');
    });
  });
});
