/**
 * Transcripts in files, for the processes of one machine:
 *
 *     <folder>/<conversation>/<count of clearings>/<run>.jsonl
 *
 * The folder with the greatest count is the one that counts. Clearing makes the next one and deletes those before it; a
 * save that wrote into one of those finds out when it has given its file a name, and takes it away again. Names are
 * digests, so ids may hold anything.
 */
import { createHash } from 'node:crypto';
import { link, open, readdir, rm, stat, unlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { HOUR, systemEntropy } from '../../clock.js';
import { GenerationJobError } from '../../errors.js';
import { handOutMethods, NO_MANAGER } from '../../stream/process/handed-out.js';
import { answered } from '../answered.js';
import { type Bytes, exactly, until } from '../bytes.js';
import { codeOf, existing, makeFolder, syncFolder } from '../durable-files.js';
import type {
  ConversationState,
  SaveResult,
  StoredTranscript,
  TranscriptConversation,
  TranscriptRun,
  TranscriptStore,
} from '../transcript-store.js';
import { type AboutFile, readAbout, readBytes, writeTranscript } from './file-form.js';
import { latestFirst, parseStoreOptions, type TranscriptStoreOptions } from './store-options.js';

export interface FileTranscriptsOptions extends TranscriptStoreOptions {
  /** The folder of all transcripts; made when the first is saved, for this user alone. Other programs keep out of it. */
  readonly folder: string;
}

const ENDING = '.jsonl';
const UNFINISHED = '.part';
/** No save takes so long: what is older was left by one that died. */
const ABANDONED_MS = HOUR;
const FOR_US_ALONE = 0o700;

/**
 * Makes a store in files. Any number of processes of one machine may use the folder at once.
 * @throws GenerationJobError `invalid_options`
 * @example
 * const store = createFileTranscripts({ folder: '/var/lib/agents/transcripts' });
 */
export function createFileTranscripts(options: FileTranscriptsOptions): TranscriptStore {
  return new FileTranscripts(options);
}

class FileTranscripts implements TranscriptStore {
  static {
    handOutMethods(FileTranscripts.prototype, ['latest', 'save', 'clear'], () => NO_MANAGER);
  }

  readonly #options: ReturnType<typeof parseStoreOptions<FileTranscriptsOptions>>;

  constructor(options: FileTranscriptsOptions) {
    const parsed = parseStoreOptions(options, { folder: z.string().min(1) });
    // The process may change its folder later on.
    this.#options = { ...parsed, folder: resolve(parsed.folder) };
  }

  latest(conversation: TranscriptConversation, signal: AbortSignal): Promise<ConversationState> {
    const place = this.#placeOf(conversation);
    return answered(async () => {
      const clears = await clearsOf(place);
      signal.throwIfAborted();
      const [latest] = await transcriptsIn(join(place, String(clears)));
      if (latest === undefined) return { clears, latest: null };
      if (latest.about) return { clears, latest: latest.about };
      throw new GenerationJobError('transcript_damaged', 'The file of a transcript does not say what it is.');
    }, signal);
  }

  save(
    run: TranscriptRun,
    bytes: Bytes,
    { clears, signal }: { readonly clears?: number | undefined; readonly signal: AbortSignal },
  ): Promise<SaveResult> {
    const place = this.#placeOf(run);
    return answered(async () => {
      const now = await clearsOf(place);
      signal.throwIfAborted();
      if (clears !== undefined && clears !== now) return 'cleared';
      const folder = join(place, String(now));
      const result = await this.#saveIn(folder, run, bytes, signal);
      if ((await clearsOf(place)) !== now) {
        await removeFolder(folder);
        return 'cleared';
      }
      if (result === 'saved') await this.#makeRoomIn(folder);
      return result;
    }, signal);
  }

  clear(conversation: TranscriptConversation, signal: AbortSignal): Promise<number> {
    const place = this.#placeOf(conversation);
    return answered(async () => {
      const clears = (await clearsOf(place)) + 1;
      signal.throwIfAborted();
      await makeFolder(join(place, String(clears)), FOR_US_ALONE);
      await this.#syncUpTo(place);
      for (const count of await countsIn(place))
        if (count < clears) await removeFolder(join(place, String(count)));
      return clears;
    }, signal);
  }

  /** Saves into the folder of a count; `cleared` when that is taken away meanwhile. */
  async #saveIn(folder: string, run: TranscriptRun, bytes: Bytes, signal: AbortSignal): Promise<SaveResult> {
    const { clock } = this.#options;
    const { runId, startedAt = clock.now() } = run;
    const file = join(folder, `${digestOf(runId)}${ENDING}`);
    if (await existing(stat(file))) return 'already_saved';
    await makeFolder(folder, FOR_US_ALONE);
    const unfinished = join(folder, `${systemEntropy.id()}${UNFINISHED}`);
    const opened = await existing(open(unfinished, 'wx', 0o600));
    if (opened === undefined) return 'cleared';
    try {
      const about = { runId, startedAt, savedAt: clock.now() };
      const isWritten = await writeTranscript(opened, until(bytes, signal), about).finally(() =>
        opened.close(),
      );
      signal.throwIfAborted();
      return isWritten ? await this.#name(unfinished, file) : 'nothing';
    } finally {
      await existing(unlink(unfinished));
    }
  }

  /** Gives a whole file its name, unless the run has one. */
  async #name(unfinished: string, file: string): Promise<SaveResult> {
    try {
      await link(unfinished, file);
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return 'already_saved';
      if (codeOf(error) === 'ENOENT') return 'cleared';
      throw error;
    }
    const folder = dirname(file);
    await existing(syncFolder(folder));
    await this.#syncUpTo(dirname(folder));
    return 'saved';
  }

  /**
   * Deletes what is not to be kept, and what saves that died have left. It comes after the save: one that fails has cost
   * nothing that was there.
   */
  async #makeRoomIn(folder: string): Promise<void> {
    const { keepRuns, clock } = this.#options;
    const old = (await transcriptsIn(folder)).slice(keepRuns).map(({ file }) => file);
    const left: string[] = [];
    for (const name of (await existing(readdir(folder))) ?? []) {
      if (!name.endsWith(UNFINISHED)) continue;
      const about = await existing(stat(join(folder, name)));
      if (about && clock.now() - about.mtimeMs > ABANDONED_MS) left.push(join(folder, name));
    }
    for (const file of [...old, ...left]) await existing(unlink(file));
  }

  async #syncUpTo(place: string): Promise<void> {
    await syncFolder(place);
    await syncFolder(dirname(place));
  }

  #placeOf({ tenantId = '', agentId, conversationId }: TranscriptConversation): string {
    return join(this.#options.folder, digestOf(JSON.stringify([tenantId, agentId, conversationId])));
  }
}

interface TranscriptFile {
  readonly file: string;
  /** The time the run began; of a file that doesn't say what it is, the time it was written. */
  readonly startedAt: number;
  readonly savedAt: number;
  readonly about: StoredTranscript | null;
}

/** Reads what the transcripts of a folder are, the latest first; a damaged one costs the others nothing. */
async function transcriptsIn(folder: string): Promise<TranscriptFile[]> {
  const found: TranscriptFile[] = [];
  for (const name of (await existing(readdir(folder))) ?? []) {
    if (!name.endsWith(ENDING)) continue;
    const file = join(folder, name);
    const opened = await existing(open(file));
    if (opened === undefined) continue; // cleared, or no longer kept, in this moment
    try {
      found.push(transcriptIn(file, await readAbout(opened), (await opened.stat()).mtimeMs));
    } finally {
      await opened.close();
    }
  }
  return found.sort(latestFirst);
}

function transcriptIn(file: string, about: AboutFile | null, writtenAt: number): TranscriptFile {
  if (about === null) return { file, startedAt: writtenAt, savedAt: writtenAt, about };
  const { runId, startedAt, savedAt, size, sha256 } = about;
  const read = () => exactly(bytesIn(file), { size, sha256 });
  return { file, startedAt, savedAt, about: { runId, startedAt, savedAt, size, sha256, read } };
}

async function* bytesIn(file: string): AsyncGenerator<Uint8Array> {
  const opened = await answered(() => existing(open(file)));
  if (opened === undefined) throw new GenerationJobError('transcript_damaged', 'The transcript is gone.');
  try {
    yield* readBytes(opened);
  } finally {
    await opened.close();
  }
}

/** Returns the number of times a conversation was cleared; 0 when nothing of it is there. */
async function clearsOf(place: string): Promise<number> {
  return Math.max(0, ...(await countsIn(place)));
}

async function countsIn(place: string): Promise<number[]> {
  const names = (await existing(readdir(place))) ?? [];
  return names.filter((name) => String(Number(name)) === name).map(Number);
}

/** Deletes a folder; while a save still writes into it, that takes more than one try. */
function removeFolder(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 40);
}
