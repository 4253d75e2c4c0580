/**
 * One writer at a time for a file, among all processes of a machine. Turns are files with growing numbers, in a folder of the
 * file's own, so that a turn costs the same however many files there are: who makes the next number has the turn. A number is
 * made once and never made again, so a turn that is taken from a dead writer can't be taken twice, and no clock is asked for it.
 *
 * States of the highest number
 * - `free`   its writer is done; the next one may be made.
 * - `held`   its writer is at work. One whose process is gone, or that has held it for longer than a minute, is succeeded; it
 *            looks before its work takes effect whether the turn is still its own, and what it has prepared is taken away.
 */
import { mkdir, open, readdir, readFile, stat, unlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { MINUTE, SECOND, sleep, systemClock, systemEntropy } from '../../clock.js';
import { GenerationJobError } from '../../errors.js';
import { codeOf, existing } from '../../transcripts/durable-files.js';

/** A turn takes milliseconds; who waits for so long has another trouble. */
const WAIT_MS = 30 * SECOND;
const STALE_MS = MINUTE;
/** A turn's file is empty between its making and its first words. */
const EMPTY_MS = 10 * SECOND;
const AGAIN_MS = 20;
const FREE = 'free';
const FOLDER = 'turns';

export interface Turn {
  /** The file in which the next content is prepared: it goes with the turn. */
  readonly part: string;
  /** Says whether the turn is still this writer's: asked just before what it has made takes effect. */
  isMine(): Promise<boolean>;
}

/** Does `work` while no other writer of the file is at work. @throws GenerationJobError `unavailable` when its turn does not come */
export async function inTurn<Value>(path: string, work: (turn: Turn) => Promise<Value>): Promise<Value> {
  const mine = await takeTurn(path);
  try {
    const isMine = async () => (await highest(path)) === mine;
    return await work({ part: partFile(path, mine), isMine });
  } finally {
    // Nobody waits for one that was succeeded meanwhile: its file is gone.
    if ((await highest(path)) === mine) await writeFile(turnFile(path, mine), FREE);
  }
}

async function takeTurn(path: string): Promise<number> {
  const startedAt = systemClock.monotonic();
  await mkdir(turnsOf(path), { recursive: true, mode: 0o700 });
  while (systemClock.monotonic() - startedAt < WAIT_MS) {
    const before = await highest(path);
    if (before === 0 || (await isFree(turnFile(path, before)))) {
      if (await make(path, before + 1)) return before + 1;
    } else await sleep(systemClock, AGAIN_MS * (1 + systemEntropy.random()));
  }
  throw new GenerationJobError(
    'unavailable',
    `The file ${basename(path)} was written by others for ${WAIT_MS} ms.`,
  );
}

/** Makes the turn of this number; false when somebody else has it, or has had it. */
async function make(path: string, number: number): Promise<boolean> {
  const file = turnFile(path, number);
  try {
    const opened = await open(file, 'wx', 0o600);
    await opened.writeFile(JSON.stringify({ pid: process.pid, host: hostname() }));
    await opened.close();
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
  const numbers = await numbersOf(path);
  if (numbers.some((one) => one > number)) {
    // It was made after the one above it, of which this writer had not heard.
    await existing(unlink(file));
    return false;
  }
  for (const one of numbers.filter((one) => one < number)) {
    // First what it has prepared: were its writer only asleep, there is nothing left that could get the name.
    await existing(unlink(partFile(path, one)));
    await existing(unlink(turnFile(path, one)));
  }
  return true;
}

async function isFree(file: string): Promise<boolean> {
  const [text, found] = await Promise.all([existing(readFile(file, 'utf8')), existing(stat(file))]);
  // Gone: its number has been passed.
  if (text === undefined || found === undefined) return false;
  if (text === FREE) return true;
  const heldMs = systemClock.now() - found.mtimeMs;
  if (heldMs > STALE_MS) return true;
  if (text === '') return heldMs > EMPTY_MS;
  const { pid, host } = holderIn(text);
  return host === hostname() && typeof pid === 'number' && !isAlive(pid);
}

function holderIn(text: string): { readonly pid?: unknown; readonly host?: unknown } {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {}; // half written: it becomes stale, or whole
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) !== 'ESRCH';
  }
}

async function highest(path: string): Promise<number> {
  return Math.max(0, ...(await numbersOf(path)));
}

async function numbersOf(path: string): Promise<number[]> {
  const names = await readdir(turnsOf(path));
  return names.map(Number).filter(Number.isInteger);
}

function partFile(path: string, number: number): string {
  return `${turnFile(path, number)}.part`;
}

function turnFile(path: string, number: number): string {
  return join(turnsOf(path), String(number));
}

function turnsOf(path: string): string {
  return join(dirname(path), FOLDER, basename(path));
}
