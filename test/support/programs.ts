/**
 * Programs as those write them who use the package: compiled as strictly as TypeScript can against the built package,
 * and run as processes of their own. They live in a folder below the package, so that they find it, and what it is tested
 * with, by name. What a test leaves running, or written, is gone when its file is done.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll } from 'vitest';
import { freePort } from './chat-process.js';

export const ROOT = join(import.meta.dirname, '..', '..');
/** A program that says nothing by then has failed. */
const READY_MS = 15_000;
const COMPILER = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');

const running = new Set<ChildProcess>();
const folders = new Set<string>();

afterAll(async () => {
  for (const child of running) await end(child);
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

export interface Program {
  /** What it said it listens at. */
  readonly url: string;
  /** Everything it has printed. */
  output(): string;
  /** Resolves with the exit code. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** A new folder below the package, or below one of its folders that has packages of its own. */
export function programFolder(below = ROOT): string {
  const parent = join(below, '.cache');
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, 'programs-'));
  folders.add(folder);
  return folder;
}

/** Copies a small example, its page included, and compiles it. */
export function compiledExample(name: string): string {
  const folder = programFolder();
  for (const one of new Set([name, 'minimal'])) {
    cpSync(join(ROOT, 'examples', one), join(folder, one), { recursive: true });
  }
  compile(folder);
  return join(folder, name, 'server.js');
}

export function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

/**
 * Compiles every TypeScript file of the folder.
 * @param own compiler options other than those of this package
 * @throws with what the compiler says
 */
export function compile(folder: string, own: object = {}): void {
  const compilerOptions = { noEmitOnError: true, rootDir: '.', tsBuildInfoFile: null, ...own };
  const config = { extends: join(ROOT, 'tsconfig.base.json'), compilerOptions, include: ['**/*.ts'] };
  writeFiles(folder, { 'tsconfig.json': JSON.stringify(config) });
  const { status, stdout } = spawnSync(process.execPath, [COMPILER, '-p', folder], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the compiler says:\n${stdout}`);
}

/** Starts it on a free port, which it is told as PORT; resolves when it says where it listens. */
export async function startProgram(
  file: string,
  env: Readonly<Record<string, string>> = {},
  args: readonly string[] = [],
  cwd = dirname(file),
): Promise<Program> {
  const settings = { ...process.env, PORT: String(await freePort()), ...env };
  const child = spawn(process.execPath, [file, ...args], { env: settings, cwd });
  running.add(child);
  const exited = once(child, 'exit').then(([code]: (number | null)[]) => code ?? null);
  void exited.then(() => running.delete(child));
  let output = '';
  const url = await new Promise<string>((resolve, reject) => {
    const fail = () => reject(new Error(`the program is not ready; it printed:\n${output}`));
    const late = setTimeout(fail, READY_MS);
    const hear = (chunk: Buffer) => {
      output += chunk;
      const [found] = /http:\/\/localhost:\d+/.exec(output) ?? [];
      if (found === undefined) return;
      clearTimeout(late);
      resolve(found);
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    void exited.then(() => {
      clearTimeout(late);
      fail();
    });
  });
  return {
    url,
    output: () => output,
    end: (signal) => {
      child.kill(signal);
      return exited;
    },
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
