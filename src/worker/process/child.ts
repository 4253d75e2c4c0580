/**
 * A child process in a group of its own, so that what it has started is stopped with it. Once the child is gone, nothing of
 * its group stays: it is asked to go, and ended after the grace time.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { Readable, type Writable } from 'node:stream';
import { sleep, systemClock } from '../../clock.js';

export interface ChildInput {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly graceMs: number;
}

export interface ChildExit {
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  readonly spawnError: NodeJS.ErrnoException | undefined;
}

const LOOK_MS = 25;
/** Lines that an agent has been told and has not read: one that reads nothing would have them pile up. */
const MOST_UNHEARD = 1024 * 1024;
const IS_WINDOWS = process.platform === 'win32';

export class AgentChild {
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly #child: ChildProcess;
  readonly #stdin: Writable | undefined;
  readonly #graceMs: number;
  /** Resolves when the child itself is gone. */
  readonly exited: Promise<ChildExit>;
  /** Resolves when nothing of its group is left. */
  readonly gone: Promise<void>;
  #hasExited = false;
  #isGone = false;
  #isTold = false;
  #unheard = 0;

  constructor({ command, args, cwd, env, graceMs }: ChildInput) {
    this.#graceMs = graceMs;
    const child: ChildProcess = spawn(command, [...args], {
      cwd,
      env,
      detached: !IS_WINDOWS,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#child = child;
    // Before anything else: where files have run out there are no pipes, and the error is told by this event alone.
    this.exited = new Promise((resolve) => {
      const over = (exit: ChildExit) => {
        this.#hasExited = true;
        resolve(exit);
      };
      child.on('error', (error: NodeJS.ErrnoException) => {
        if (this.pid === undefined)
          over({ exitCode: undefined, signal: undefined, spawnError: named(error, cwd) });
      });
      child.on('exit', (code, signal) =>
        over({ exitCode: code ?? undefined, signal: signal ?? undefined, spawnError: undefined }),
      );
    });
    this.gone = this.exited.then(() => this.#endGroup());
    this.#stdin = child.stdin ?? undefined;
    this.stdout = child.stdout ?? Readable.from([]);
    this.stderr = child.stderr ?? Readable.from([]);
    // A child that is gone reads nothing more: its exit tells why.
    this.#stdin?.on('error', () => {});
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get hasExited(): boolean {
    return this.#hasExited;
  }

  /** True while lines can be written to it. */
  get canHear(): boolean {
    return this.#stdin?.writable === true && !this.#hasExited;
  }

  /** Writes the text it is started with. */
  write(text: string): void {
    if (this.canHear) this.#stdin?.write(text);
  }

  /** Writes a line; false when it has left so much unread that this one is left out. */
  tell(line: string): boolean {
    if (!this.canHear) return true;
    if (this.#unheard > MOST_UNHEARD) return false;
    const text = `${line}\n`;
    this.#unheard += text.length;
    this.#stdin?.write(text, () => {
      this.#unheard -= text.length;
    });
    return true;
  }

  endInput(): void {
    if (this.#stdin?.writable) this.#stdin.end();
  }

  /** Asks the group to go, ends it after the grace time, and resolves when the child is gone. Safe to call again. */
  async terminate(): Promise<void> {
    if (!this.#isTold && !this.#hasExited) {
      this.#isTold = true;
      this.signalGroup('SIGTERM');
      await this.#untilExited(this.#graceMs);
      if (!this.#hasExited) this.signalGroup('SIGKILL');
    }
    await this.exited;
  }

  /** Waits for the child to go by itself, no longer than the grace time, before it is told to. */
  async terminateUnlessGone(): Promise<void> {
    await this.#untilExited(this.#graceMs);
    await this.terminate();
  }

  /** Signals every process of the group; says whether there was one. */
  signalGroup(signal: NodeJS.Signals | 0): boolean {
    // Of a group that is gone the number may be somebody else's by now.
    if (this.pid === undefined || this.#isGone) return false;
    try {
      return IS_WINDOWS ? this.#child.kill(signal) : process.kill(-this.pid, signal);
    } catch {
      return false; // the group is gone, or is none of ours any more: there is nothing to end
    }
  }

  /** Reads no more: somebody outside the group may hold the pipes open for ever. */
  closePipes(): void {
    this.stdout.destroy();
    this.stderr.destroy();
  }

  async #endGroup(): Promise<void> {
    if (!IS_WINDOWS && this.signalGroup('SIGTERM')) {
      const startedAt = systemClock.monotonic();
      while (this.signalGroup(0)) {
        if (systemClock.monotonic() - startedAt >= this.#graceMs) {
          this.signalGroup('SIGKILL');
          break;
        }
        await sleep(systemClock, LOOK_MS);
      }
    }
    this.#isGone = true;
  }

  async #untilExited(ms: number): Promise<void> {
    const gone = new AbortController();
    await Promise.race([this.exited.then(() => gone.abort()), sleep(systemClock, ms, gone.signal)]);
  }
}

/** A folder that is not there reads like a command that is not there. */
function named(error: NodeJS.ErrnoException, cwd: string | undefined): NodeJS.ErrnoException {
  if (error.code !== 'ENOENT' || cwd === undefined || existsSync(cwd)) return error;
  return Object.assign(new Error(`The folder ${cwd} is not there.`, { cause: error }), { code: 'ENOTDIR' });
}
