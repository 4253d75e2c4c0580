/**
 * Transcripts in MongoDB, through the connection the host's mongoose has. A run has one document, unique by tenant, agent,
 * conversation and run; what is too long for it goes before it into documents of pieces: the document makes the transcript
 * seen, so a save that dies between pieces has saved nothing. Pieces that no document names are deleted by a later save,
 * or when the conversation is cleared.
 *
 * The count of clearings is a document of its own, whose run is empty. A save looks at it before and after: see
 * `transcript-store.ts`.
 */
import { z } from 'zod';
import { HOUR, MIB, systemEntropy } from '../../clock.js';
import { GenerationJobError } from '../../errors.js';
import {
  binaryOf,
  type Client,
  type Collection,
  type Document,
  deleteAll,
  isDuplicate,
  type MongooseLike,
} from '../../mongo-shapes.js';
import { warnIfUntested } from '../../peer-versions.js';
import { having } from '../../stream/model/host-values.js';
import { handOutMethods, NO_MANAGER } from '../../stream/process/handed-out.js';
import { answered } from '../answered.js';
import { type Bytes, exactly, inPiecesOf, Measure, until } from '../bytes.js';
import type {
  ConversationState,
  SaveResult,
  StoredTranscript,
  TranscriptConversation,
  TranscriptRun,
  TranscriptStore,
} from '../transcript-store.js';
import { settledBefore } from '../within.js';
import { latestFirst, parseStoreOptions, type TranscriptStoreOptions } from './store-options.js';

export interface MongoTranscriptsOptions extends TranscriptStoreOptions {
  /** `mongoose.connection`, opened before the store is used. */
  readonly mongo: MongooseLike;
  /** The database. Default: the connection's. */
  readonly dbName?: string | undefined;
  /** The collection of transcripts; their pieces are in `<collection>_pieces`. Default `transcripts`. */
  readonly collection?: string | undefined;
}

/** Four of them fit a document of 16 MiB, with room for what else is in it. */
const PIECE_BYTES = 4 * MIB;
/** No save takes so long: older pieces that no document names were left by one that died. */
const ABANDONED_MS = HOUR;
/** Each one more needs a save and a clearing of the same run in between. */
const MOST_TRIES = 5;
/** The run of the document that counts clearings. */
const NO_RUN = '';

/**
 * Makes a store in MongoDB. Its indexes are made when it is first used.
 * @throws GenerationJobError `invalid_options`
 * @example
 * const store = createMongoTranscripts({ mongo: mongoose.connection });
 */
export function createMongoTranscripts(options: MongoTranscriptsOptions): TranscriptStore {
  return new MongoTranscripts(options);
}

interface Collections {
  readonly transcripts: Collection;
  readonly pieces: Collection;
}

type Place = Readonly<Record<'tenant' | 'agent' | 'conversation', string>>;

class MongoTranscripts implements TranscriptStore {
  static {
    handOutMethods(MongoTranscripts.prototype, ['latest', 'save', 'clear'], () => NO_MANAGER);
  }

  readonly #options: ReturnType<typeof parseStoreOptions<MongoTranscriptsOptions>>;
  #opened: Promise<Collections> | undefined;

  constructor(options: MongoTranscriptsOptions) {
    this.#options = parseStoreOptions(options, {
      mongo: having('a connection of mongoose', 'getClient'),
      dbName: z.string().min(1).optional(),
      collection: z.string().min(1).max(100).optional(),
    });
    warnIfUntested('mongoose', options.mongo.base?.version);
  }

  latest(conversation: TranscriptConversation, signal: AbortSignal): Promise<ConversationState> {
    return this.#ask(signal, async (collections) => {
      const place = placeOf(conversation);
      const clears = await clearsOf(collections, place);
      const [newest] = await transcriptsOf(collections, { ...place, clears });
      return { clears, latest: newest ? storedIn(collections, newest) : null };
    });
  }

  save(
    run: TranscriptRun,
    bytes: Bytes,
    { clears, signal }: { readonly clears?: number | undefined; readonly signal: AbortSignal },
  ): Promise<SaveResult> {
    return this.#ask(signal, async (collections) => {
      const place = placeOf(run);
      const now = await clearsOf(collections, place);
      if (clears !== undefined && clears !== now) return 'cleared';
      const saved = await collections.transcripts.findOne({ ...place, run: run.runId, clears: now }, ID_ONLY);
      if (saved) return 'already_saved';
      const save = new Save(collections, { ...place, clears: now }, systemEntropy.id());
      let result: SaveResult | undefined;
      try {
        result = await save.write(run, until(bytes, signal), this.#options.clock.now());
        if (result === 'saved' && (await clearsOf(collections, place)) !== now) result = 'cleared';
      } finally {
        if (result !== 'saved') await save.discard(result === undefined);
      }
      if (result === 'saved') await this.#makeRoom(collections, { ...place, clears: now });
      return result;
    });
  }

  clear(conversation: TranscriptConversation, signal: AbortSignal): Promise<number> {
    return this.#ask(signal, async (collections) => {
      const place = placeOf(conversation);
      const clears = await countClearing(collections, place);
      const before = { ...place, clears: { $lt: clears } };
      await deleteAll(collections.transcripts, { ...before, run: { $ne: NO_RUN } });
      await deleteAll(collections.pieces, before);
      return clears;
    });
  }

  /**
   * Deletes what is not to be kept, and pieces that saves which died have left. It comes after the save: one that fails has
   * cost nothing that was there.
   */
  async #makeRoom({ transcripts, pieces }: Collections, place: Place & { clears: number }): Promise<void> {
    const { clock, keepRuns } = this.#options;
    const there = await transcriptsOf({ transcripts }, place);
    for (const { save } of there.slice(keepRuns)) {
      await deleteAll(transcripts, { ...place, save });
      await deleteAll(pieces, { ...place, save });
    }
    const named = there.slice(0, keepRuns).map(({ save }) => save);
    const { clears: _, ...conversation } = place;
    const abandoned = { at: { $lt: new Date(clock.now() - ABANDONED_MS) }, save: { $nin: named } };
    await deleteAll(pieces, { ...conversation, ...abandoned });
  }

  #ask<Answer>(signal: AbortSignal, work: (collections: Collections) => Promise<Answer>): Promise<Answer> {
    return answered(() => settledBefore(signal, async () => work(await this.#collections())), signal);
  }

  async #collections(): Promise<Collections> {
    this.#opened ??= this.#open();
    try {
      return await this.#opened;
    } catch (error) {
      this.#opened = undefined;
      throw error;
    }
  }

  async #open(): Promise<Collections> {
    const { mongo, dbName = mongo.name, collection = 'transcripts' } = this.#options;
    // What was acknowledged must outlive a change of the primary.
    const client = mongo.getClient() as Client | undefined;
    if (!client) throw new GenerationJobError('unavailable', 'The mongoose connection was never opened.');
    const db = client.db(dbName, { writeConcern: { w: 'majority' }, readPreference: 'primary' });
    const [transcripts, pieces] = [db.collection(collection), db.collection(`${collection}_pieces`)];
    const place = { tenant: 1, agent: 1, conversation: 1 };
    await transcripts.createIndex({ ...place, run: 1 }, { unique: true });
    await pieces.createIndex(place);
    return { transcripts, pieces };
  }
}

const ID_ONLY = { projection: { _id: 1 } };

/** A save under way, by whose id its document and its pieces are found. */
class Save {
  readonly #collections: Collections;
  readonly #about: Place & { readonly clears: number; readonly save: string };

  constructor(collections: Collections, place: Place & { readonly clears: number }, save: string) {
    this.#collections = collections;
    this.#about = { ...place, save };
  }

  /** Writes the pieces, then the document. */
  async write({ runId, startedAt }: TranscriptRun, bytes: Bytes, now: number): Promise<SaveResult> {
    const measure = new Measure();
    let [first, count]: [Buffer | undefined, number] = [undefined, 0];
    for await (const piece of inPiecesOf(bytes, PIECE_BYTES)) {
      measure.add(piece);
      if (count === 0) first = piece;
      else await this.#insertPiece(count, piece, now);
      count++;
    }
    if (first === undefined) return 'nothing';
    return this.#insertTranscript({
      run: runId,
      startedAt: startedAt ?? now,
      savedAt: now,
      size: measure.size,
      sha256: measure.sha256(),
      pieces: count,
      bytes: first,
    });
  }

  /** Deletes what this save has written. @param hasFailed then an error is on its way already, which says more */
  async discard(hasFailed: boolean): Promise<void> {
    const { transcripts, pieces } = this.#collections;
    try {
      await deleteAll(transcripts, this.#about);
      await deleteAll(pieces, this.#about);
    } catch (error) {
      // Pieces without their document are not seen, and a later save deletes them.
      if (!hasFailed) throw error;
    }
  }

  async #insertPiece(number: number, bytes: Buffer, now: number): Promise<void> {
    const { save } = this.#about;
    const piece = { _id: pieceId(save, number), ...this.#about, at: new Date(now), bytes };
    await this.#collections.pieces.insertOne(piece);
  }

  async #insertTranscript(document: Document & { readonly run: string }): Promise<SaveResult> {
    const { transcripts } = this.#collections;
    const { save: _, clears, ...place } = this.#about;
    const mine = { _id: this.#about.save, ...this.#about, ...document };
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      try {
        await transcripts.insertOne(mine);
        return 'saved';
      } catch (error) {
        if (!isDuplicate(error)) throw error;
      }
      const there = await transcripts.findOne(
        { ...place, run: document.run },
        { projection: { clears: 1, save: 1 } },
      );
      if (there?.save === this.#about.save) return 'saved';
      if (there?.clears === clears) return 'already_saved';
      if (there && Number(there.clears) > clears) return 'cleared';
      // One of before a clearing, whose own save died before it could take it away.
      await deleteAll(transcripts, { ...place, run: document.run, clears: { $lt: clears } });
    }
    throw new GenerationJobError('unavailable', 'Others cleared and saved the transcript all the time.');
  }
}

/** Returns the number of times a conversation was cleared. */
async function clearsOf({ transcripts }: Pick<Collections, 'transcripts'>, place: Place): Promise<number> {
  const counted = await transcripts.findOne({ ...place, run: NO_RUN }, { projection: { clears: 1 } });
  return Number(counted?.clears ?? 0);
}

async function countClearing({ transcripts }: Collections, place: Place): Promise<number> {
  const count = () =>
    transcripts.findOneAndUpdate(
      { ...place, run: NO_RUN },
      { $inc: { clears: 1 } },
      { upsert: true, returnDocument: 'after', projection: { clears: 1 } },
    );
  try {
    return Number((await count())?.clears);
  } catch (error) {
    // Two cleared for the first time at once: the document is there now.
    if (!isDuplicate(error)) throw error;
    return Number((await count())?.clears);
  }
}

interface TranscriptDocument extends StoredTranscript {
  readonly save: string;
  readonly pieces: number;
}

/** Reads what the transcripts of a conversation are, without their bytes, the latest first. */
async function transcriptsOf(
  { transcripts }: Pick<Collections, 'transcripts'>,
  place: Place & { readonly clears: number },
): Promise<Omit<TranscriptDocument, 'read'>[]> {
  const found = await transcripts
    .find({ ...place, run: { $ne: NO_RUN } }, { projection: { bytes: 0 } })
    .toArray();
  return found.map(describe).sort(latestFirst);
}

function describe({ run, startedAt, savedAt, size, sha256, save, pieces }: Document) {
  return {
    runId: String(run),
    startedAt: Number(startedAt),
    savedAt: Number(savedAt),
    size: Number(size),
    sha256: String(sha256),
    save: String(save),
    pieces: Number(pieces),
  };
}

function storedIn(collections: Collections, { save, pieces, ...about }: Omit<TranscriptDocument, 'read'>) {
  return { ...about, read: () => exactly(bytesOf(collections, save, pieces), about) };
}

async function* bytesOf(collections: Collections, save: string, count: number): AsyncGenerator<Uint8Array> {
  const { transcripts, pieces } = collections;
  for (let number = 0; number < count; number++) {
    const found = await answered(() =>
      number === 0
        ? transcripts.findOne({ _id: save }, { projection: { bytes: 1 } })
        : pieces.findOne({ _id: pieceId(save, number) }, { projection: { bytes: 1 } }),
    );
    const bytes = binaryOf(found?.bytes);
    if (bytes === undefined)
      throw new GenerationJobError('transcript_damaged', 'A piece of the transcript is gone.');
    yield bytes;
  }
}

function pieceId(save: string, number: number): string {
  return `${save}:${number}`;
}

function placeOf({ tenantId = '', agentId, conversationId }: TranscriptConversation): Place {
  return { tenant: tenantId, agent: agentId, conversation: conversationId };
}
