/**
 * What a checkpointer makes of its saver and of the connection it is given: a saver and a connection of the narrow shape
 * that is used. With Mongo itself: test/mongo and real-agents.
 */
import { GenerationJobError, type JobRecord } from 'generation-jobs';
import { type CheckpointerOptions, createCheckpointer } from 'generation-jobs/agents';
import { describe, expect, it } from 'vitest';

const HOUR = 3_600_000;
const AWAY = new Error('ECONNREFUSED mongodb://user:secret@db');

type Saver = NonNullable<CheckpointerOptions['saver']>;
type Tuple = Awaited<ReturnType<Saver['getTuple']>>;

/** Calls as they came, `this` included. */
class SaverByHand {
  readonly asked: unknown[] = [];
  readonly serde = { dumpsTyped: async (value: string) => ['json', Buffer.from(value)] as const };
  setUpErrors: readonly unknown[] = [];
  failure: Error | undefined;
  tuple: Tuple;

  put(...given: unknown[]): Promise<unknown> {
    return this.#answer(['put', ...given], 'put');
  }
  async putWrites(...given: unknown[]): Promise<unknown> {
    await this.serde.dumpsTyped(String(given[0]));
    return this.#answer(['putWrites', ...given], 'written');
  }
  getTuple(...given: unknown[]): Promise<Tuple> {
    return this.#answer(['getTuple', ...given], this.tuple);
  }
  deleteThread(...given: unknown[]): Promise<void> {
    return this.#answer(['deleteThread', ...given], undefined);
  }
  async setup(): Promise<readonly unknown[]> {
    return this.setUpErrors;
  }

  async #answer<Answer>(call: unknown[], answer: Answer): Promise<Answer> {
    this.asked.push(call);
    if (this.failure) throw this.failure;
    return answer;
  }
}

const connection = (more: object = {}) => ({
  ...{ getClient: () => 'the client', readyState: 1, name: 'chats', base: { version: '9.12.1' } },
  ...more,
});

/** A checkpointer on Mongo, and the saver that LangGraph's package would make for it. */
async function onMongo(options: CheckpointerOptions = {}, change: (saver: SaverByHand) => void = () => {}) {
  const made: { saver: SaverByHand; given: unknown }[] = [];
  const imported: string[] = [];
  class MongoDBSaver extends SaverByHand {
    constructor(given: unknown) {
      super();
      made.push({ saver: this, given });
      change(this);
    }
  }
  const checkpointer = await createCheckpointer({
    mongo: connection(),
    importPeer: async (name) => {
      imported.push(name);
      return { MongoDBSaver };
    },
    ...options,
  });
  const [{ saver, given } = {}] = made;
  if (saver === undefined) throw new Error('nothing was made');
  return { checkpointer, saver, given, imported };
}

describe('a checkpointer on Mongo', () => {
  it('has a saver on the connection’s own client and database, whose checkpoints go after three days', async () => {
    const { checkpointer, given, imported } = await onMongo();
    expect(imported).toEqual(['@langchain/langgraph-checkpoint-mongodb']);
    expect(given).toEqual({ client: 'the client', dbName: 'chats', ttl: (72 * HOUR) / 1000 });
    expect(checkpointer.ttlMs).toBe(72 * HOUR);
  });

  it('takes another database, and rounds a time to live up to whole seconds', async () => {
    const { checkpointer, given } = await onMongo({ dbName: 'other', ttlMs: 60_001 });
    expect(given).toMatchObject({ dbName: 'other', ttl: 61 });
    expect(checkpointer.ttlMs).toBe(60_001);
  });

  it.each([0, 2, 3])('is refused on a connection that is not open (state %i)', async (readyState) => {
    await expect(onMongo({ mongo: connection({ readyState }) })).rejects.toMatchObject({
      code: 'unavailable',
    });
  });

  it('is refused when Mongo refused an index, with what it said', async () => {
    const refused = onMongo({}, (saver) => {
      saver.setUpErrors = [AWAY];
    });
    await expect(refused).rejects.toMatchObject({
      code: 'checkpointer_failed',
      cause: { errors: [AWAY] },
      message: expect.not.stringContaining('secret'),
    });
  });

  it('is refused by the name of the package when that can’t be loaded', async () => {
    await expect(onMongo({ importPeer: () => Promise.reject(AWAY) })).rejects.toMatchObject({
      code: 'checkpointer_failed',
      message: expect.stringContaining('@langchain/langgraph-checkpoint-mongodb'),
      cause: AWAY,
    });
  });

  it('warns of a mongoose that no test has seen, once, and not of one that does not say', async () => {
    const warnings: string[] = [];
    const note = ({ message }: Error) => void warnings.push(message);
    process.on('warning', note);
    for (const base of [{ version: '7.99.0' }, { version: '7.99.0' }, { version: '9.12.1' }, {}, undefined])
      await onMongo({ mongo: connection({ base }) });
    await expect.poll(() => warnings.length).toBeGreaterThan(0);
    process.off('warning', note);
    expect(warnings.filter((text) => text.includes('mongoose'))).toEqual([
      expect.stringContaining('mongoose 7.99.0'),
    ]);
  });
});

describe('the saver of a checkpointer on Mongo', () => {
  const CALLS = ['put', 'putWrites', 'getTuple', 'deleteThread'] as const;

  it.each(CALLS)('passes %s on as it was called, and its answer back', async (name) => {
    const { checkpointer, saver } = await onMongo();
    const call = (checkpointer.saver as unknown as SaverByHand)[name] as (...given: unknown[]) => unknown;
    const answers = { put: 'put', putWrites: 'written', getTuple: undefined, deleteThread: undefined };
    expect(await call('thread')).toBe(answers[name]);
    expect(saver.asked).toEqual([[name, 'thread']]);
  });

  it.each(CALLS)(
    'names what %s throws unavailable, and keeps what the driver said as its cause',
    async (name) => {
      const { checkpointer } = await onMongo({}, (saver) => {
        saver.failure = AWAY;
      });
      const call = (checkpointer.saver as unknown as SaverByHand)[name] as (
        ...given: unknown[]
      ) => Promise<unknown>;
      await expect(call('thread')).rejects.toMatchObject({
        code: 'unavailable',
        cause: AWAY,
        message: expect.not.stringContaining('secret'),
      });
    },
  );

  it('refuses what exceeds maxBytes by its own code, before the database does', async () => {
    const { checkpointer, saver } = await onMongo({ maxBytes: 4 });
    const { putWrites } = checkpointer.saver as unknown as SaverByHand;
    await expect(putWrites('fives')).rejects.toMatchObject({ code: 'checkpoint_too_large' });
    expect(saver.asked).toEqual([]);
    expect(await putWrites('four')).toBe('written');
  });
});

describe('a checkpointer without Mongo', () => {
  it('keeps checkpoints in LangGraph’s own memory, until they are deleted', async () => {
    const imported: string[] = [];
    class MemorySaver extends SaverByHand {}
    const checkpointer = await createCheckpointer({
      importPeer: async (name) => {
        imported.push(name);
        return { MemorySaver };
      },
    });
    expect(imported).toEqual(['@langchain/langgraph-checkpoint']);
    expect(checkpointer.saver).toBeInstanceOf(MemorySaver);
    expect(checkpointer.ttlMs).toBeUndefined();
  });

  it('is refused by the name of the package when that can’t be loaded', async () => {
    await expect(createCheckpointer({ importPeer: () => Promise.reject(AWAY) })).rejects.toMatchObject({
      code: 'checkpointer_failed',
      message: expect.stringContaining('@langchain/langgraph-checkpoint '),
    });
  });

  it('takes a saver of the host’s own as it is', async () => {
    const saver = { getTuple: async () => undefined, deleteThread: async () => {} };
    const checkpointer = await createCheckpointer({ saver });
    expect(checkpointer.saver).toBe(saver);
  });
});

describe('options', () => {
  const saver: Saver = new SaverByHand();
  it.each<[string, CheckpointerOptions]>([
    ['both a connection and a saver', { mongo: connection(), saver }],
    ['a time to live below a minute', { saver, ttlMs: 59_999 }],
    ['a time to live that is no whole number', { saver, ttlMs: 60_000.5 }],
    ['a time to live that is no number', { saver, ttlMs: Number.NaN }],
  ])('are refused with %s', async (_what, options) => {
    await expect(createCheckpointer(options)).rejects.toMatchObject({ code: 'invalid_options' });
  });

  it('of a window that a checkpoint may not outlive by a minute are refused', async () => {
    const checkpointer = await createCheckpointer({ saver, ttlMs: HOUR });
    checkpointer.checkWindow(HOUR - 60_000);
    expect(() => checkpointer.checkWindow(HOUR - 59_999)).toThrow(
      expect.objectContaining({ code: 'invalid_options' }),
    );
    (await createCheckpointer({ saver })).checkWindow(1_000 * HOUR);
  });
});

describe('a thread', () => {
  const PLACE = { threadId: 't', checkpointId: 'c', checkpointNs: 'ns' };
  const tupleOf = (id: string, ...channels: string[]): Tuple => ({
    config: { configurable: { checkpoint_id: id } },
    pendingWrites: channels.map((channel) => ['task', channel, {}] as const),
  });

  it.each<[string, Tuple, boolean]>([
    ['waits where its newest checkpoint has the interrupt', tupleOf('c', 'messages', '__interrupt__'), true],
    ['does not wait where there is no interrupt', tupleOf('c', 'messages'), false],
    ['does not wait where nothing is pending', { config: { configurable: { checkpoint_id: 'c' } } }, false],
    ['does not wait at a checkpoint before its newest', tupleOf('d', '__interrupt__'), false],
    [
      'does not wait at a checkpoint that does not say which',
      { config: {}, pendingWrites: [['t', '__interrupt__', {}]] },
      false,
    ],
    ['that is not there does not wait', undefined, false],
  ])('%s', async (_title, tuple, isPaused) => {
    const saver = new SaverByHand();
    saver.tuple = tuple;
    const checkpointer = await createCheckpointer({ saver });
    expect(await checkpointer.isPausedAt(PLACE)).toBe(isPaused);
    expect(saver.asked).toEqual([['getTuple', { configurable: { thread_id: 't', checkpoint_ns: 'ns' } }]]);
  });

  it('of which the saver can’t say whether it waits is unavailable; a refusal of ours stays what it is', async () => {
    const saver = new SaverByHand();
    const checkpointer = await createCheckpointer({ saver });
    saver.failure = AWAY;
    await expect(checkpointer.isPausedAt(PLACE)).rejects.toMatchObject({ code: 'unavailable', cause: AWAY });
    saver.failure = new GenerationJobError('checkpoint_too_large', 'A checkpoint exceeds 4 bytes.');
    await expect(checkpointer.isPausedAt(PLACE)).rejects.toBe(saver.failure);
  });

  it('that can’t be deleted with its stream keeps nobody from being told of the deletion', async () => {
    const saver = new SaverByHand();
    const checkpointer = await createCheckpointer({ saver });
    saver.failure = AWAY;
    const told: JobRecord[] = [];
    const record = { streamId: 's', generation: 1, metadata: {} } as unknown as JobRecord;
    const hooks = checkpointer.settling({ onDeleted: (one) => void told.push(one) });
    await expect(hooks.onDeleted?.(record)).rejects.toBe(AWAY);
    expect(told).toEqual([record]);
    expect(saver.asked).toEqual([['deleteThread', '/s/1']]);
  });
});
