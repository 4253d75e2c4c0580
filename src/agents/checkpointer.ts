/**
 * Checkpoints of agents: in Mongo through the connection the host's mongoose has, in memory without, or in any saver of
 * LangGraph. Adds what a saver lacks: errors of its set-up are thrown, a checkpoint that the database would refuse is
 * refused by name, a pause is never allowed to outlive its checkpoint, and threads go with their generations.
 */
import { z } from 'zod';
import { HOUR, MIB, SECOND } from '../clock.js';
import { GenerationJobError, isGenerationJobError } from '../errors.js';
import { warnIfUntested } from '../peer-versions.js';
import type { Hooks } from '../stream/interfaces/manager-types.js';
import { callable, durationMs, having } from '../stream/model/host-values.js';
import { resumedActionOf } from '../stream/model/own-actions.js';
import { parseStrictly } from '../stream/model/strict.js';
import type { JobRecord } from '../stream/model/types.js';
import { handOut, handOutMethods, NO_MANAGER } from '../stream/process/handed-out.js';
import { boundHooks } from '../stream/process/host-input.js';
import type { SaverLike } from './shapes.js';
import { threadsOf } from './thread-ids.js';

/** The part of a mongoose connection that is used: its drivers' types differ between versions, so there is no more. */
export interface MongooseConnection {
  /** Gives the driver's client, of an open connection. */
  getClient(): unknown;
  /** 1 when it is open. */
  readonly readyState: number;
  /** The name of its database. */
  readonly name?: string | undefined;
  /** The mongoose it belongs to. */
  readonly base?: { readonly version?: string | undefined } | undefined;
}

export interface CheckpointerOptions {
  /** `mongoose.connection`, open. */
  readonly mongo?: MongooseConnection | undefined;
  /** A saver of the host's own. Without `mongo` and `saver`: LangGraph's `MemorySaver`, for one process. */
  readonly saver?: SaverLike | undefined;
  /** Mongo only; default: the connection's database. */
  readonly dbName?: string | undefined;
  /**
   * The time a checkpoint is kept after it was last written (ms); must exceed every approval window by a minute, which
   * is how often Mongo looks. Default 3 days. Changing it later needs a `collMod` of the index on `upserted_at`. With
   * `saver`: how long that keeps them, if it doesn't until they are deleted; approval windows are checked against it.
   */
  readonly ttlMs?: number | undefined;
  /**
   * The most bytes of one checkpoint or write. The default is 15 MiB: Mongo takes 16 in all. It holds for a `saver` too, if
   * that has a `serde`.
   */
  readonly maxBytes?: number | undefined;
  /**
   * A function that imports LangGraph's packages, `(name) => import(name)`, where they are not to be found from this one:
   * in a bundle, or in a repository of several packages.
   */
  readonly importPeer?: ((name: string) => Promise<unknown>) | undefined;
}

export interface CheckpointPlace {
  /** The thread. */
  readonly threadId: string;
  /** The checkpoint in it. */
  readonly checkpointId: string;
  /** LangGraph's namespace of the checkpoint. */
  readonly checkpointNs: string;
}

const OPEN = 1;
const DEFAULT_TTL_MS = 72 * HOUR;
const TTL_MARGIN_MS = 60 * SECOND;
const DEFAULT_MAX_BYTES = 15 * MIB;
const INTERRUPT_CHANNEL = '__interrupt__';
const optionsSchema = z.strictObject({
  mongo: having('an open connection of mongoose', 'getClient').optional(),
  saver: having('a saver of LangGraph', 'getTuple', 'deleteThread').optional(),
  dbName: z.string().optional(),
  ttlMs: durationMs.min(TTL_MARGIN_MS, 'must be a minute or more').optional(),
  maxBytes: z.number().int().min(1).optional(),
  importPeer: callable,
} satisfies Record<keyof CheckpointerOptions, z.ZodType>);
/** These names are passed as values, so that nothing resolves them before they are wanted. */
const PEERS = {
  mongo: '@langchain/langgraph-checkpoint-mongodb',
  memory: '@langchain/langgraph-checkpoint',
};

export class Checkpointer {
  static {
    handOutMethods(Checkpointer.prototype, ['isPausedAt', 'deleteThread'], () => NO_MANAGER);
  }

  /** The saver for `compileOptions.checkpointer`. */
  readonly saver: SaverLike;
  /** Undefined when checkpoints are kept until they are deleted. */
  readonly ttlMs: number | undefined;

  constructor(saver: SaverLike, ttlMs?: number) {
    this.saver = saver;
    this.ttlMs = ttlMs;
  }

  /** Says whether the thread waits for a decision, exactly there. @throws GenerationJobError `unavailable` */
  async isPausedAt({ threadId, checkpointId, checkpointNs }: CheckpointPlace): Promise<boolean> {
    const where = { thread_id: threadId, checkpoint_ns: checkpointNs };
    const tuple = await answered(() => this.saver.getTuple({ configurable: where }));
    const isThere = tuple?.config.configurable?.checkpoint_id === checkpointId;
    return isThere && (tuple?.pendingWrites ?? []).some(([, channel]) => channel === INTERRUPT_CHANNEL);
  }

  /** Deletes the checkpoints of a thread. */
  deleteThread(threadId: string): Promise<void> {
    return this.saver.deleteThread(threadId);
  }

  /** Checks that no window outlives its checkpoint. @throws GenerationJobError `invalid_options` */
  checkWindow(approvalWindowMs: number): void {
    if (this.ttlMs === undefined || approvalWindowMs + TTL_MARGIN_MS <= this.ttlMs) return;
    throw new GenerationJobError(
      'invalid_options',
      'ttlMs must exceed the approval window by a minute, or an approved run would find nothing to go on from.',
    );
  }

  /**
   * Gives the host's hooks one more duty: when a generation has ended, however it did, or its stream is deleted, its
   * threads are deleted, whatever becomes of the host's own `settle`. As often as it takes, like any settlement. And unless
   * the host says otherwise, an attempt that was resumed is recovered where it stood: its agent goes on from the checkpoint
   * of the pause, so what came before must not go.
   */
  settling(hooks: Hooks = {}): Hooks {
    const deleteThreads = async (record: JobRecord) => {
      for (const threadId of threadsOf(record)) await this.deleteThread(threadId);
    };
    return {
      ...boundHooks(hooks),
      recoverMode: hooks.recoverMode ?? ((record) => (resumedActionOf(record) ? 'continue' : 'restart')),
      settle: async (ended) => {
        try {
          await hooks.settle?.(ended);
        } finally {
          await deleteThreads(ended.record);
        }
      },
      onDeleted: async (record: JobRecord) => {
        try {
          await deleteThreads(record);
        } finally {
          await hooks.onDeleted?.(record);
        }
      },
    };
  }
}

/**
 * Makes the checkpointer for `runAgent` and `resumeAgent`, from the host's database, its saver, or in memory.
 * @throws GenerationJobError `invalid_options`; `unavailable` when the connection is not open; `checkpointer_failed` when a
 *   package is missing or Mongo refused an index, with what it said as `cause`
 */
export function createCheckpointer(options: CheckpointerOptions = {}): Promise<Checkpointer> {
  return handOut(NO_MANAGER, 'createCheckpointer', () => checkpointerOf(options));
}

async function checkpointerOf(options: CheckpointerOptions): Promise<Checkpointer> {
  parseStrictly('invalid_options', optionsSchema, options, 'options');
  const { mongo, saver, ttlMs = DEFAULT_TTL_MS, maxBytes = DEFAULT_MAX_BYTES } = options;
  if (mongo !== undefined && saver !== undefined)
    throw new GenerationJobError('invalid_options', 'Give mongo or saver, not both.');
  refuseUndefined(options);
  if (mongo !== undefined) return new Checkpointer(await mongoSaver(mongo, ttlMs, options), ttlMs);
  if (saver !== undefined) {
    const { serde } = saver as { readonly serde?: Serialiser };
    if (serde !== undefined) guardSize(serde, maxBytes);
    return new Checkpointer(saver, options.ttlMs);
  }
  const { MemorySaver } = (await load(PEERS.memory, options)) as { MemorySaver: new () => SaverLike };
  return new Checkpointer(new MemorySaver());
}

/** A host that names a place wants it: in memory, a pause would be lost with its process. */
function refuseUndefined(options: CheckpointerOptions): void {
  const { mongo, saver } = options;
  if (mongo !== undefined || saver !== undefined) return;
  const named = ['mongo', 'saver'].find((name) => name in options);
  if (named === undefined) return;
  const message = `${named} is undefined: give one, or leave it out to keep checkpoints in the memory of this process.`;
  throw new GenerationJobError('invalid_options', message);
}

interface Serialiser {
  dumpsTyped(value: unknown): Promise<[string, Uint8Array]>;
}

interface MongoSaver extends SaverLike {
  readonly serde: Serialiser;
  put(...args: never[]): Promise<unknown>;
  putWrites(...args: never[]): Promise<unknown>;
  /** Returns what went wrong instead of throwing it. */
  setup(): Promise<readonly unknown[]>;
}

async function mongoSaver(
  mongo: MongooseConnection,
  ttlMs: number,
  options: CheckpointerOptions,
): Promise<SaverLike> {
  const { dbName = mongo.name, maxBytes = DEFAULT_MAX_BYTES } = options;
  if (mongo.readyState !== OPEN)
    throw new GenerationJobError('unavailable', 'The mongoose connection is not open.');
  if (mongo.base !== undefined) warnIfUntested('mongoose', mongo.base.version);
  const { MongoDBSaver } = (await load(PEERS.mongo, options)) as {
    MongoDBSaver: new (params: object) => MongoSaver;
  };
  const saver = new MongoDBSaver({ client: mongo.getClient(), dbName, ttl: Math.ceil(ttlMs / SECOND) });
  guardSize(saver.serde, maxBytes);
  nameFailures(saver);
  const errors = await saver.setup();
  if (errors.length > 0) {
    const cause = new AggregateError(errors);
    throw new GenerationJobError('checkpointer_failed', 'Mongo refused an index for checkpoints.', { cause });
  }
  return saver;
}

/** Each checkpoint holds the whole list of messages, so long conversations with media in them come near the limit. */
function guardSize(serde: Serialiser, maxBytes: number): void {
  const dumps = serde.dumpsTyped.bind(serde);
  serde.dumpsTyped = async (value) => {
    const dumped = await dumps(value);
    if (dumped[1].byteLength <= maxBytes) return dumped;
    throw new GenerationJobError('checkpoint_too_large', `A checkpoint exceeds ${maxBytes} bytes.`);
  };
}

/** The driver's own errors say nothing to clients; they are told that the store did not answer. */
function nameFailures(saver: MongoSaver): void {
  const { put, putWrites, getTuple, deleteThread } = saver;
  const named = <Answer>(name: string, call: () => Promise<Answer>) =>
    handOut(NO_MANAGER, name, () => answered(call));
  Object.assign(saver, {
    put: (...args: never[]) => named('put', () => put.apply(saver, args)),
    putWrites: (...args: never[]) => named('putWrites', () => putWrites.apply(saver, args)),
    getTuple: (config: never) => named('getTuple', () => getTuple.call(saver, config)),
    deleteThread: (threadId: string) => named('deleteThread', () => deleteThread.call(saver, threadId)),
  });
}

/**
 * Waits for the answer of a saver.
 * @throws GenerationJobError its own, or `unavailable` with what else the call threw as `cause`
 */
async function answered<Answer>(call: () => Promise<Answer>): Promise<Answer> {
  try {
    return await call();
  } catch (cause) {
    if (isGenerationJobError(cause)) throw cause;
    throw new GenerationJobError('unavailable', 'The store of checkpoints failed.', { cause });
  }
}

async function load(
  peer: string,
  { importPeer = (name) => import(name) }: CheckpointerOptions,
): Promise<unknown> {
  try {
    return await importPeer(peer);
  } catch (cause) {
    throw new GenerationJobError('checkpointer_failed', `${peer} could not be loaded.`, { cause });
  }
}
