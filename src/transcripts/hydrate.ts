/**
 * The beginning of a run: the conversation's latest transcript becomes the agent's session file, byte for byte. The file is
 * there whole or not at all, also when the machine loses its power: a new one is written beside it, brought onto the disk,
 * and given its name at the end.
 */
import { renameSync } from 'node:fs';
import { open, readdir, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { type Clock, HOUR, SECOND, systemClock, systemEntropy } from '../clock.js';
import { clockSchema, durationMs, having } from '../stream/model/host-values.js';
import { parseStrictly } from '../stream/model/strict.js';
import { handOut, NO_MANAGER } from '../stream/process/handed-out.js';
import { answered } from './answered.js';
import { atMost, type Bytes, exactly, LARGEST_TRANSCRIPT, tooLarge, until } from './bytes.js';
import { existing, makeFolder, syncFolder } from './durable-files.js';
import type { RunTranscripts, StoredTranscript } from './transcript-store.js';
import { within } from './within.js';

export interface HydrateOptions {
  /** The agent's session file. Its folder is made if it isn't there. */
  readonly file: string;
  /** The longest time it may take (ms). Default 30 s. */
  readonly withinMs?: number | undefined;
  /** The most bytes of a transcript. Default 64 MiB. */
  readonly maxBytes?: number | undefined;
  /** Gives up when it fires, with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** The clock of the bound. Default: the system's. */
  readonly clock?: Clock | undefined;
}

/** A run goes on from this. */
export interface Hydrated {
  /** `hydrated`: the file is the transcript of a run before; `none`: there is none, and the file was not touched. */
  readonly result: 'hydrated' | 'none';
  /** The number of times the conversation was cleared: `saveTranscript` takes it, so a run of before a clearing saves nothing. */
  readonly clears: number;
  /** The run whose transcript it is. */
  readonly runId?: string | undefined;
  /** Its length in bytes. */
  readonly size?: number | undefined;
}

const HYDRATE_MS = 30 * SECOND;
const PART = '.part';
/** Tells the parts of this process from those of one before it: in a container the number is always the same. */
const THIS_PROCESS = `${process.pid}-${systemEntropy.id()}-`;
/** No hydration takes so long: what is older was left by one that died. */
const ABANDONED_MS = HOUR;
/** A transcript that was replaced while it was read is asked for again, so often. */
const MOST_TRIES = 3;

export const BOUNDS = {
  file: z.string().min(1),
  withinMs: durationMs.optional(),
  maxBytes: z.number().int().min(1).max(Number.MAX_SAFE_INTEGER).optional(),
  signal: having('an AbortSignal', 'addEventListener', 'removeEventListener').optional(),
  clock: clockSchema.optional(),
};
const optionsSchema = z.strictObject(BOUNDS satisfies Record<keyof HydrateOptions, z.ZodType>);

/**
 * Writes the conversation's latest transcript into the agent's session file, before the agent opens it. Where no run has
 * completed yet, or the conversation was cleared, the file is not touched and the agent starts fresh.
 *
 * @throws GenerationJobError `transcript_timeout`, `transcript_too_large`, `transcript_damaged`, `unavailable`,
 *   `invalid_options`, and those of the gateway; the file is whole then too, and as it was unless only its folder was still to
 *   be brought onto the disk
 * @example
 * const { clears } = await hydrateTranscript(transcripts, { file: 'sessions/c-1.jsonl' });
 */
export function hydrateTranscript(transcripts: RunTranscripts, options: HydrateOptions): Promise<Hydrated> {
  return handOut(NO_MANAGER, 'hydrateTranscript', () => hydrate(transcripts, options));
}

async function hydrate(transcripts: RunTranscripts, options: HydrateOptions): Promise<Hydrated> {
  parseStrictly('invalid_options', optionsSchema, options, 'options');
  const { withinMs = HYDRATE_MS, clock = systemClock, maxBytes = LARGEST_TRANSCRIPT, signal } = options;
  const file = resolve(options.file);
  return within({ what: 'hydrateTranscript', withinMs, clock, signal }, async (over) => {
    for (let tries = 1; ; tries++) {
      const { clears, latest } = await transcripts.latest(over);
      if (latest === null) return { result: 'none', clears };
      if (latest.size > maxBytes) throw tooLarge(maxBytes);
      try {
        await answered(() => replaceFile(file, until(bytesOf(latest, maxBytes), over), over), over);
        return { result: 'hydrated', clears, runId: latest.runId, size: latest.size };
      } catch (error) {
        if (tries === MOST_TRIES || over.aborted || !(await isReplaced(transcripts, latest, over)))
          throw error;
      }
    }
  });
}

function bytesOf({ size, sha256, read }: StoredTranscript, maxBytes: number): Bytes {
  return exactly(atMost(read(), maxBytes), { size, sha256 });
}

/** Says whether the latest transcript is another one by now, so that what was read of this one is no wonder. */
async function isReplaced(
  transcripts: RunTranscripts,
  { runId, savedAt }: StoredTranscript,
  signal: AbortSignal,
): Promise<boolean> {
  const { latest } = await transcripts.latest(signal);
  return latest?.runId !== runId || latest.savedAt !== savedAt;
}

async function replaceFile(file: string, bytes: Bytes, signal: AbortSignal): Promise<void> {
  const folder = dirname(file);
  await makeFolder(folder);
  await removeLeftParts(file);
  const part = join(folder, `.${basename(file)}.${THIS_PROCESS}${systemEntropy.id()}${PART}`);
  const opened = await open(part, 'wx', 0o600);
  try {
    try {
      for await (const piece of bytes) await opened.appendFile(piece);
      await opened.sync();
    } finally {
      await opened.close();
    }
    // In one turn with the look at the signal: whoever was told that the time is over finds no other file later.
    signal.throwIfAborted();
    renameSync(part, file);
  } catch (error) {
    await existing(unlink(part));
    throw error;
  }
  await syncFolder(folder);
}

/** Deletes what processes that died while they hydrated this file have left beside it. */
async function removeLeftParts(file: string): Promise<void> {
  const [folder, beginning] = [dirname(file), `.${basename(file)}.`];
  for (const name of await readdir(folder)) {
    if (!name.startsWith(beginning) || !name.endsWith(PART)) continue;
    if (await isLeft(join(folder, name), name.slice(beginning.length)))
      await existing(unlink(join(folder, name)));
  }
}

async function isLeft(part: string, writer: string): Promise<boolean> {
  const pid = Number(writer.split('-', 1)[0]);
  if (!Number.isInteger(pid) || pid <= 0 || writer.startsWith(THIS_PROCESS)) return false;
  if (pid === process.pid || !isAlive(pid)) return true;
  // Another program may have its number by now.
  const about = await existing(stat(part));
  return about !== undefined && systemClock.now() - about.mtimeMs > ABANDONED_MS;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { readonly code?: unknown }).code === 'EPERM';
  }
}
