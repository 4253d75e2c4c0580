/**
 * The test server failing as servers do, and what real clients make of it. With MONGO_URL there is nobody to make it fail:
 * the same work is then done without the fault, and must come to the same end.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { dbName, startMongo, type TestMongo } from '../support/mongo.js';
import { CLIENTS, type Connection, codeOf, type Database } from './clients.js';

/** A driver looks at a server that it lost half a second later at the earliest; on this machine it needn't wait. */
const LOOK_SOON = { minHeartbeatFrequencyMS: 20 };

/** Which of them depends on what the client noticed first. */
const unreachable = /ECONNREFUSED|ECONNRESET|connection \S+ to \S+ closed/;

describe.each(CLIENTS)('a server that fails $name', ({ mongoose }) => {
  const database = dbName();
  const connections: Connection[] = [];
  let mongo: TestMongo;
  let db: Database;
  let names = 0;
  let items: ReturnType<Database['collection']>;

  async function connect(options: object = {}): Promise<Database> {
    const connection = mongoose.createConnection(mongo.uri, { dbName: database, ...LOOK_SOON, ...options });
    connections.push(connection);
    await connection.asPromise();
    return connection.getClient().db(database) as unknown as Database;
  }

  beforeAll(async () => {
    mongo = await startMongo();
    db = await connect();
  });

  beforeEach(() => {
    items = db.collection(`items_${++names}`);
  });

  afterAll(async () => {
    await db.dropDatabase();
    await Promise.all(connections.map((connection) => connection.close()));
    await mongo.stop();
    expect(mongo.server?.openConnections ?? 0).toBe(0);
  });

  describe.each(['before', 'after'] as const)('by losing the connection %s the command is run', (when) => {
    it('has applied the write once when the client gets its result', async () => {
      const failing = (command: string) => mongo.server?.dropNext(command, when);
      const arrivals = (command: string) => mongo.server?.received(command) ?? 0;

      const inserts = arrivals('insert');
      failing('insert');
      await items.insertOne({ n: 0 });
      if (mongo.server) expect(arrivals('insert')).toBe(inserts + 2);
      expect(await items.countDocuments()).toBe(1);

      failing('update');
      expect(await items.updateOne({}, { $inc: { n: 1 } })).toMatchObject({
        matchedCount: 1,
        modifiedCount: 1,
      });
      failing('findAndModify');
      expect(await items.findOneAndUpdate({}, { $inc: { n: 1 } }, { returnDocument: 'after' })).toMatchObject(
        { n: 2 },
      );
      failing('update');
      const upsert = { updateOne: { filter: { k: 1 }, update: { $inc: { n: 1 } }, upsert: true } };
      expect(await items.bulkWrite([upsert, upsert] as never)).toMatchObject({
        upsertedCount: 1,
        modifiedCount: 1,
      });
      expect(
        await items
          .find({}, { projection: { _id: 0 } })
          .sort({ k: 1 })
          .toArray(),
      ).toEqual([{ n: 2 }, { k: 1, n: 2 }]);
      failing('delete');
      expect((await items.deleteOne({ k: 1 })).deletedCount).toBe(1);
    });

    it('reads again', async () => {
      await items.insertOne({ n: 1 });
      mongo.server?.dropNext('find', when);
      expect(await items.findOne()).toMatchObject({ n: 1 });
      mongo.server?.dropNext('aggregate', when);
      expect(await items.countDocuments()).toBe(1);
    });
  });

  it('serves the same client again after all its connections were dropped', async () => {
    await items.insertOne({ n: 1 });
    mongo.server?.dropConnections();
    await Promise.all([items.updateOne({}, { $inc: { n: 1 } }), items.updateOne({}, { $inc: { n: 1 } })]);
    expect(await items.findOne()).toMatchObject({ n: 3 });
  });

  it('has its data and indexes, but no cursors, after a restart', async () => {
    await items.createIndex({ n: 1 }, { unique: true });
    await items.insertMany(Array.from({ length: 10 }, (_, n) => ({ n })));
    const cursor = items.find().batchSize(2);
    await cursor.next();
    const { id } = cursor;
    if (mongo.server) await mongo.server.restart();
    else await cursor.close();
    expect(await items.countDocuments()).toBe(10);
    expect(await codeOf(items.insertOne({ n: 3 }))).toBe(11000);
    expect(await codeOf(db.command({ getMore: id, collection: items.collectionName }))).toBe(43);
    await cursor.close();
  });

  it('is not found while it is down, nor while it refuses connections, and found again after', async () => {
    const impatient = await connect({ serverSelectionTimeoutMS: 300 });
    const patient = impatient.collection(items.collectionName);
    const { server } = mongo;
    if (server) {
      await server.stop();
      await expect(patient.insertOne({ n: 1 })).rejects.toThrow(unreachable);
      await expect(connect({ serverSelectionTimeoutMS: 300 })).rejects.toThrow(unreachable);
      await server.restart();
    }
    await items.insertOne({ n: 2 });
    server?.refuse(true);
    if (server) await expect(patient.findOne()).rejects.toThrow(unreachable);
    server?.refuse(false);
    expect(await items.find({}, { projection: { _id: 0 } }).toArray()).toEqual([{ n: 2 }]);
  });

  it('answers when it is let go after it hung', async () => {
    await items.insertOne({ n: 1 });
    mongo.server?.hold(true);
    const outcomes: string[] = [];
    const found = items.findOne().finally(() => outcomes.push('found'));
    const insertion = items.insertOne({ n: 2 }).finally(() => outcomes.push('inserted'));
    if (mongo.server) {
      await expect.poll(() => mongo.server?.held).toBeGreaterThanOrEqual(2);
      expect(outcomes).toEqual([]);
    }
    mongo.server?.hold(false);
    expect(await found).toMatchObject({ n: 1 });
    await insertion;
    expect(await items.countDocuments()).toBe(2);
  });
});
