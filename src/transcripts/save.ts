/**
 * The end of a run: the agent's session file is saved whole, byte for byte, if the run completed. Nothing here throws:
 * whoever saves is about to leave, and has nobody to tell but the answer.
 */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { z } from 'zod';
import { KIB, SECOND, systemClock } from '../clock.js';
import { asGenerationJobError, GenerationJobError } from '../errors.js';
import { parseStrictly } from '../stream/model/strict.js';
import { answered } from './answered.js';
import { LARGEST_TRANSCRIPT, tooLarge } from './bytes.js';
import { existing } from './durable-files.js';
import { BOUNDS, type HydrateOptions } from './hydrate.js';
import type { RunTranscripts, SaveResult, TranscriptBytes } from './transcript-store.js';
import { within } from './within.js';

export interface SaveOptions extends HydrateOptions {
  /** The way the run ended, such as `job.reason`: only what `completed` is saved. */
  readonly outcome: string | undefined;
  /** The count that `hydrateTranscript` gave: a conversation cleared since then is not brought back. Default: not checked. */
  readonly clears?: number | undefined;
  /** The longest time it may take (ms). Default 60 s. */
  readonly withinMs?: number | undefined;
}

/**
 * The answer of a save: as for the store (`saved`, `already_saved`, `cleared`, `nothing`); `not_completed`: it was
 * not to be saved; `stopped`: the signal fired before it was; `failed`: see `error`.
 */
export interface SavedTranscript {
  /** The outcome, by name. */
  readonly result: SaveResult | 'not_completed' | 'stopped' | 'failed';
  /** The reason of `failed`; no other result has one. Saving again may help if the code is `unavailable` or `transcript_timeout`. */
  readonly error?: GenerationJobError | undefined;
}

const SAVE_MS = 60 * SECOND;
const READ_BYTES = 256 * KIB;
const optionsSchema = z.strictObject({
  ...BOUNDS,
  outcome: z.string().optional(),
  clears: z.number().int().min(0).optional(),
} satisfies Record<keyof SaveOptions, z.ZodType>);

/**
 * Saves the agent's session file as the transcript of its run, after the run's end. What grows while it is read is saved up
 * to where it was. Never throws, not even for its options: look at `result`, and at `error` when it is `failed`.
 *
 * @example
 * const { result, error } = await saveTranscript(transcripts, { file: 'sessions/c-1.jsonl', outcome: job.reason, clears: 0 });
 */
export async function saveTranscript(
  transcripts: RunTranscripts,
  options: SaveOptions,
): Promise<SavedTranscript> {
  try {
    parseStrictly('invalid_options', optionsSchema, options, 'options');
    if (options.outcome !== 'completed') return { result: 'not_completed' };
    return { result: await save(transcripts, options) };
  } catch (error) {
    if (options?.signal?.aborted) return { result: 'stopped' };
    return { result: 'failed', error: asGenerationJobError(error) };
  }
}

async function save(transcripts: RunTranscripts, options: SaveOptions): Promise<SaveResult> {
  const { file, withinMs = SAVE_MS, clock = systemClock, signal, clears } = options;
  const { maxBytes = LARGEST_TRANSCRIPT } = options;
  let opened: FileHandle | undefined;
  try {
    return await within({ what: 'saveTranscript', withinMs, clock, signal }, async (over) => {
      const session = await openSession(file, over);
      opened = session;
      if (session === undefined) return 'nothing';
      const about = await answered(() => session.stat());
      if (!about.isFile()) throw new GenerationJobError('invalid_argument', 'file: is no regular file.');
      const { size } = about;
      if (size === 0) return 'nothing';
      if (size > maxBytes) throw tooLarge(maxBytes);
      return answered(() => transcripts.save(bytesOf(session, size), { clears, signal: over }), over);
    });
  } finally {
    await opened?.close();
  }
}

/** Opens the session file, without waiting for a writer of what is no file; closes it when nobody waits for it any more. */
async function openSession(file: string, over: AbortSignal): Promise<FileHandle | undefined> {
  const flags = constants.O_RDONLY | constants.O_NONBLOCK;
  const opened = await answered(() => existing(open(file, flags)));
  if (over.aborted) await opened?.close();
  over.throwIfAborted();
  return opened;
}

/** The first `size` bytes of a file, as often as they are wanted. */
function bytesOf(file: FileHandle, size: number): TranscriptBytes {
  return { size, read: () => readFirst(file, size) };
}

/** @throws GenerationJobError `transcript_damaged` when the file has become shorter */
async function* readFirst(file: FileHandle, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < size; ) {
    const wanted = Math.min(READ_BYTES, size - at);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(wanted), 0, wanted, at);
    if (bytesRead === 0)
      throw new GenerationJobError(
        'transcript_damaged',
        'The session file became shorter while it was read.',
      );
    yield buffer.subarray(0, bytesRead);
    at += bytesRead;
  }
}
