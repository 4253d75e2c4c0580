/**
 * A file for one agent's log, a record a line, written before the call returns, so that nothing is missing of a process that
 * dies. When it can't be written, records of `error` and `fatal` go to standard error: those must be seen.
 */
import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { type Clock, SECOND } from '../../clock.js';

/** pino tells a stream that has this mark the level of each record. */
const METADATA = Symbol.for('pino.metadata');
/** pino's number of `error`; `fatal` is above it. */
const ERROR = 50;
/** A file that can't be opened is tried again after so long: each try costs a system call. */
const TRY_AGAIN_MS = SECOND;
const LF = 10;
const LONGEST_NAME = 48;

export interface LogFileInput {
  readonly file: string;
  /** The size (bytes) at which it becomes `<file>.1`, and a new one begins in its place. */
  readonly maxBytes: number;
  readonly clock: Clock;
  /** Takes what the file can't. */
  readonly onUnwritten: (line: string) => void;
}

/** The form of a stream that pino writes to. */
export class LogFile {
  readonly [METADATA] = true;
  /** Set by pino before each `write`. */
  lastLevel = 0;
  readonly #input: LogFileInput;
  #opened: { readonly fd: number; size: number } | undefined;
  #triedAt: number | undefined;
  #error: unknown;

  constructor(input: LogFileInput) {
    this.#input = input;
  }

  /** The reason why it can't be written; undefined while it can. */
  get error(): unknown {
    return this.#error;
  }

  write(line: string): void {
    if (this.#writes(Buffer.from(line))) return;
    if (this.lastLevel >= ERROR) this.#input.onUnwritten(line);
  }

  close(): void {
    const { fd } = this.#opened ?? {};
    this.#opened = undefined;
    if (fd !== undefined) closeSync(fd);
  }

  #writes(line: Buffer): boolean {
    const { maxBytes, clock } = this.#input;
    if (this.#opened && this.#opened.size + line.length > maxBytes) this.#turn();
    if (this.#opened === undefined) {
      const now = clock.monotonic();
      if (this.#triedAt !== undefined && now - this.#triedAt < TRY_AGAIN_MS) return false;
      this.#triedAt = now;
    }
    try {
      this.#opened ??= this.#open();
      for (let at = 0; at < line.length; ) at += writeSync(this.#opened.fd, line, at);
      this.#opened.size += line.length;
      this.#error = undefined;
      this.#triedAt = undefined;
      return true;
    } catch (error) {
      this.#giveUp(error);
      return false;
    }
  }

  /** Lets go of a file that may have half a record now; opening it again makes the next one begin its own line. */
  #giveUp(error: unknown): void {
    this.#error = error;
    this.#triedAt = this.#input.clock.monotonic();
    try {
      this.close();
    } catch (closing) {
      this.#error = closing;
    }
  }

  #open(): { readonly fd: number; size: number } {
    const { file } = this.#input;
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    // Not through a link that somebody else has put there.
    const flags = constants.O_APPEND | constants.O_CREAT | constants.O_RDWR | constants.O_NOFOLLOW;
    const fd = openSync(file, flags, 0o600);
    try {
      const { size } = fstatSync(fd);
      const last = Buffer.alloc(1);
      if (size === 0 || readSync(fd, last, 0, 1, size - 1) === 0 || last[0] === LF) return { fd, size };
      // A process that died, or a disk that was full, has left half a record.
      return { fd, size: size + writeSync(fd, '\n') };
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** Begins a new file; if that fails, the old one grows on, and the next record tries again. */
  #turn(): void {
    const { file } = this.#input;
    try {
      renameSync(file, `${file}.1`);
      this.close();
    } catch (error) {
      this.#error = error;
    }
  }
}

/**
 * Makes a file's name of an agent's id, which may hold anything: what is safe of it, for people, and a digest, so that no two
 * agents share one, also where capitals don't count.
 */
export function safeName(agentId: string): string {
  const digest = createHash('sha256').update(agentId).digest('hex').slice(0, 12);
  const shown = [...agentId.slice(0, LONGEST_NAME).toLowerCase()]
    .map((letter) => ('abcdefghijklmnopqrstuvwxyz0123456789'.includes(letter) ? letter : '-'))
    .join('');
  return `${shown}-${digest}.log`;
}
