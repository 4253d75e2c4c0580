/**
 * The test server, asked by real clients. With MONGO_URL the same claims are made of a real server, which is how we know
 * that they are claims about MongoDB: only what needs its clock, its connections or its process is left out there.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { dbName, startMongo, type TestMongo } from '../support/mongo.js';
import { CLIENTS, type Connection, codeOf, type Database } from './clients.js';

const KILOBYTE = 1024;
const MEGABYTE = 1024 * KILOBYTE;

describe.each(CLIENTS)('a server asked by $name', ({ mongoose }) => {
  const { Binary, Decimal128, Long, MaxKey, MinKey, ObjectId, Timestamp, UUID } = mongoose.mongo;
  const { EJSON } = mongoose.mongo.BSON;
  const database = dbName();
  let mongo: TestMongo;
  let connection: Connection;
  let db: Database;
  let names = 0;
  /** A collection of each test's own. */
  let items: ReturnType<Database['collection']>;

  beforeAll(async () => {
    mongo = await startMongo();
    connection = await mongoose.createConnection(mongo.uri, { dbName: database }).asPromise();
    db = connection.getClient().db(database) as unknown as Database;
  });

  beforeEach(() => {
    items = db.collection(`items_${++names}`);
  });

  afterAll(async () => {
    await db.dropDatabase();
    await connection.close();
    await mongo.stop();
  });

  describe('reading and writing', () => {
    it('finds what was inserted, changed and replaced, and no longer what was deleted', async () => {
      const { insertedId } = await items.insertOne({ name: 'a', n: 1 });
      await items.updateOne({ name: 'a' }, { $set: { 'deep.er': [1, { x: 2 }] }, $inc: { n: 2 } });
      expect(await items.findOne({ 'deep.er.x': 2 })).toEqual({
        _id: insertedId,
        name: 'a',
        n: 3,
        deep: { er: [1, { x: 2 }] },
      });
      await items.replaceOne({ _id: insertedId }, { name: 'b' });
      expect(await items.findOne({ _id: insertedId })).toEqual({ _id: insertedId, name: 'b' });
      expect((await items.deleteOne({ name: 'b' })).deletedCount).toBe(1);
      expect(await items.countDocuments()).toBe(0);
    });

    it('says how many were matched and how many changed', async () => {
      await items.insertMany([{ n: 1 }, { n: 1 }, { n: 2 }]);
      expect(await items.updateMany({ n: { $gte: 1 } }, { $set: { n: 1 } })).toMatchObject({
        matchedCount: 3,
        modifiedCount: 1,
      });
      expect(await items.updateOne({ n: 9 }, { $set: { n: 1 } })).toMatchObject({ matchedCount: 0 });
      const absent = db.collection('absent');
      expect(await absent.updateMany({}, { $set: { n: 1 } })).toMatchObject({ matchedCount: 0 });
      expect(await absent.findOneAndDelete({})).toBeNull();
      expect(await db.listCollections({ name: 'absent' }).toArray()).toEqual([]);
      expect((await items.deleteMany({ n: 1 })).deletedCount).toBe(3);
    });

    it('keeps every type as it was, also when another field of the document is changed', async () => {
      const values = {
        binary: new Binary(Buffer.from([0, 0x80, 0xff, 10]), 128),
        uuid: new UUID(),
        long: Long.fromString('9007199254740993'),
        smallLong: Long.fromNumber(5),
        decimal: Decimal128.fromString('0.10'),
        id: new ObjectId(),
        date: new Date(-1),
        pattern: /^a.b$/i,
        timestamp: new Timestamp({ t: 1, i: 2 }),
        ends: [new MinKey(), new MaxKey()],
        plain: { text: 'ä€😀', int: 1, double: 1.5, large: 2 ** 40, yes: true, none: null, list: [[], {}] },
      };
      const { insertedId } = await items.insertOne(values);
      const read = () => items.findOne({ _id: insertedId }, { promoteLongs: false, projection: {} });
      const before = EJSON.stringify(await read(), { relaxed: false });
      expect(before).toBe(EJSON.stringify({ _id: insertedId, ...values }, { relaxed: false }));
      await items.updateOne({ _id: insertedId }, { $set: { other: 1 } });
      await items.updateOne({ _id: insertedId }, { $unset: { other: '' } });
      expect(EJSON.stringify(await read(), { relaxed: false })).toBe(before);
    });

    it('finds bytes by all their bytes, and 64-bit integers by a number', async () => {
      await items.insertMany([
        { _id: 1, bytes: new Binary(Buffer.from([0x80])), n: Long.fromNumber(5) },
        { _id: 2, bytes: new Binary(Buffer.from([0x81])), n: 6 },
      ] as never);
      const found = await items.find({ bytes: new Binary(Buffer.from([0x81])) }).toArray();
      expect(found.map(({ _id }) => _id)).toEqual([2]);
      expect(await items.countDocuments({ n: 5 })).toBe(1);
      expect(await items.countDocuments({ n: { $gt: 4 } })).toBe(2);
      await items.updateMany({}, { $inc: { n: 1 } });
      expect(await items.distinct('n')).toEqual([6, 7]);
    });

    it('has an _id of any type, and refuses a second document with it', async () => {
      await items.insertOne({ _id: 'conversation-1' as never, n: 1 });
      expect(await items.findOne({ _id: 'conversation-1' as never })).toMatchObject({ n: 1 });
      expect(await codeOf(items.insertOne({ _id: 'conversation-1' as never }))).toBe(11000);
      expect(await codeOf(items.updateOne({ n: 1 }, { $set: { _id: 'other' } }))).toBe(66);
    });

    it('sorts, skips, limits and projects', async () => {
      await items.insertMany(
        Array.from({ length: 30 }, (_, i) => ({ i, group: i % 3, more: { a: i, b: i } })),
      );
      const found = await items
        .find({ group: 1 })
        .sort({ group: 1, i: -1 })
        .skip(1)
        .limit(2)
        .project({ _id: 0, 'more.a': 1 })
        .toArray();
      expect(found).toEqual([{ more: { a: 25 } }, { more: { a: 22 } }]);
      expect(await items.findOne({ i: 3 }, { projection: { _id: 0, more: 0 } })).toEqual({ i: 3, group: 0 });
    });

    it('sorts what is missing first and takes the least of an array', async () => {
      await items.insertMany([
        { k: 1, at: new Date(20) },
        { k: 2 },
        { k: 3, at: new Date(10) },
        { k: 4, at: null },
        { k: 5, at: [new Date(30), new Date(5)] },
      ]);
      const order = async (direction: 1 | -1) =>
        (await items.find().sort({ at: direction, k: 1 }).toArray()).map(({ k }) => k);
      expect(await order(1)).toEqual([2, 4, 5, 3, 1]);
      expect(await order(-1)).toEqual([5, 1, 3, 2, 4]);
    });

    it('gives a large result in batches, and forgets a cursor that is closed early', async () => {
      await items.insertMany(Array.from({ length: 250 }, (_, i) => ({ i })));
      const all = await items.find().sort({ i: 1 }).batchSize(40).toArray();
      expect(all.map(({ i }) => i)).toEqual(Array.from({ length: 250 }, (_, i) => i));
      const cursor = items.find().batchSize(10);
      for (let read = 0; read < 15; read++) await cursor.next();
      const { id } = cursor;
      await cursor.close();
      expect(await codeOf(db.command({ getMore: id, collection: items.collectionName }))).toBe(43);
      if (mongo.server) expect(mongo.server.openCursors).toBe(0);
    });

    it('ends a batch before the reply becomes too large', async () => {
      const text = 'x'.repeat(5 * MEGABYTE);
      for (let i = 0; i < 4; i++) await items.insertOne({ i, text });
      expect((await items.find().toArray()).map((item) => item.text.length)).toEqual(
        Array(4).fill(text.length),
      );
    });

    it('aggregates', async () => {
      await items.insertMany(
        Array.from({ length: 6 }, (_, i) => ({ i, group: i % 2, tags: ['a', `t${i}`] })),
      );
      const sums = [
        { $match: { i: { $lt: 5 } } },
        { $group: { _id: '$group', sum: { $sum: '$i' }, count: { $sum: 1 } } },
        { $sort: { _id: -1 } },
      ];
      expect(await items.aggregate(sums).toArray()).toEqual([
        { _id: 1, sum: 4, count: 2 },
        { _id: 0, sum: 6, count: 3 },
      ]);
      const joined = [
        { $match: { i: 0 } },
        { $lookup: { from: items.collectionName, localField: 'i', foreignField: 'group', as: 'peers' } },
        { $unwind: '$peers' },
        { $project: { _id: 0, peer: '$peers.i' } },
      ];
      expect(await items.aggregate(joined).toArray()).toEqual([{ peer: 0 }, { peer: 2 }, { peer: 4 }]);
      expect(await items.distinct('tags', { i: { $lte: 1 } })).toEqual(['a', 't0', 't1']);
      expect(await items.estimatedDocumentCount()).toBe(6);
      expect(await codeOf(items.aggregate([{ $noSuchStage: {} }]).toArray())).toBe(40324);
    });

    it('finds a document and changes, replaces or deletes it in one step', async () => {
      await items.insertMany([{ n: 1 }, { n: 2 }]);
      const next = { sort: { n: -1 }, projection: { _id: 0 } } as const;
      expect(await items.findOneAndUpdate({}, { $inc: { n: 10 } }, next)).toEqual({ n: 2 });
      const after = { ...next, returnDocument: 'after' } as const;
      expect(await items.findOneAndUpdate({}, { $inc: { n: 10 } }, after)).toEqual({ n: 22 });
      expect(await items.findOneAndReplace({ n: 22 }, { n: 3, x: 1 }, after)).toEqual({ n: 3, x: 1 });
      expect(await items.findOneAndUpdate({ n: 9 }, { $set: { x: 1 } })).toBeNull();
      const upsert = { ...after, upsert: true };
      expect(await items.findOneAndUpdate({ n: 9 }, { $setOnInsert: { x: 1 } }, upsert)).toEqual({
        n: 9,
        x: 1,
      });
      expect(await items.findOneAndDelete({ n: 9 }, next)).toEqual({ n: 9, x: 1 });
      expect(await items.countDocuments()).toBe(2);
    });
  });

  describe('updates', () => {
    it('changes arrays by value, by position and by filter', async () => {
      await items.insertOne({ k: 1, list: [3, 1], parts: [{ id: 1 }, { id: 2 }, { id: 3 }] });
      await items.updateOne({ k: 1 }, { $push: { list: { $each: [2, 5], $sort: 1, $slice: -3 } } } as never);
      await items.updateOne({ k: 1 }, { $addToSet: { list: 5 }, $pull: { parts: { id: 3 } } } as never);
      await items.updateOne({ k: 1, 'parts.id': 2 }, { $set: { 'parts.$.hit': true } });
      await items.updateOne({ k: 1 }, { $set: { 'parts.$[one].v': 9 } }, { arrayFilters: [{ 'one.id': 1 }] });
      await items.updateOne({ k: 1 }, { $inc: { 'parts.$[].n': 1 } });
      expect(await items.findOne({ k: 1 }, { projection: { _id: 0, k: 0 } })).toEqual({
        list: [2, 3, 5],
        parts: [
          { id: 1, v: 9, n: 1 },
          { id: 2, hit: true, n: 1 },
        ],
      });
      await items.updateOne({ k: 1 }, { $pull: { list: { $gte: 3 } }, $pop: { parts: 1 } } as never);
      expect(await items.findOne({}, { projection: { _id: 0, list: 1, 'parts.id': 1 } })).toEqual({
        list: [2],
        parts: [{ id: 1 }],
      });
    });

    it('computes, compares, renames, removes and dates', async () => {
      await items.insertOne({ k: 1, a: 5, gone: 1, old: 'x' });
      const before = Date.now();
      await items.updateOne(
        { k: 1 },
        {
          $mul: { a: 2 },
          $min: { low: 3 },
          $max: { k: 4 },
          $unset: { gone: '' },
          $rename: { old: 'new' },
          $currentDate: { at: true },
        },
      );
      const { at, ...rest } = (await items.findOne({}, { projection: { _id: 0 } })) ?? { at: undefined };
      expect(rest).toEqual({ k: 4, a: 10, low: 3, new: 'x' });
      expect(Math.abs(at.getTime() - before)).toBeLessThan(60_000);
      await items.updateOne({ k: 4 }, [{ $set: { sum: { $add: ['$k', '$a'] } } }, { $unset: 'at' }]);
      expect(await items.findOne({}, { projection: { _id: 0 } })).toEqual({ ...rest, sum: 14 });
    });

    it('changes nothing when an update makes no sense, and says why', async () => {
      await items.insertOne({ k: 1, text: 'x', list: [1] });
      const update = (change: object) => codeOf(items.updateOne({ k: 1 }, change));
      expect(await update({ $inc: { text: 1 }, $set: { other: 1 } })).toBe(14);
      expect(await update({ $set: { 'text.deeper': 1 } })).toBe(28);
      expect(await update({ $set: { a: 1, 'a.b': 1 } })).toBe(40);
      expect(await update({ $push: { text: 1 } })).toBe(2);
      expect(await update({ $noSuch: { text: 1 } })).toBe(9);
      expect(await codeOf(items.find({ $noSuch: 1 }).toArray())).toBe(2);
      expect(await items.findOne({}, { projection: { _id: 0 } })).toEqual({ k: 1, text: 'x', list: [1] });
    });

    it('inserts what an upsert does not find: the equal parts of its filter, $set and $setOnInsert', async () => {
      const upsert = { upsert: true };
      const change = { $set: { last: 1 }, $setOnInsert: { first: new Binary(Buffer.from([0xff])) } };
      const filter = { thread: 't', $and: [{ part: { $eq: 1 } }], n: { $not: { $gt: 5 } } };
      const first = await items.updateOne(filter, change, upsert);
      expect(first).toMatchObject({ matchedCount: 0, upsertedCount: 1 });
      const second = await items.updateOne(filter, { ...change, $set: { last: 2 } }, upsert);
      expect(second).toMatchObject({ matchedCount: 1, modifiedCount: 1, upsertedCount: 0, upsertedId: null });
      const [stored, ...others] = await items.find().toArray();
      expect(others).toEqual([]);
      expect(stored).toMatchObject({ _id: first.upsertedId, thread: 't', part: 1, last: 2 });
      expect(stored?.first.value()).toEqual(Buffer.from([0xff]));
      await items.updateOne({ _id: 'named' as never }, { $set: { x: 1 } }, upsert);
      expect(await items.findOne({ _id: 'named' as never })).toEqual({ _id: 'named', x: 1 });
      await items.replaceOne({ _id: 'whole' as never }, { y: 1 }, upsert);
      expect(await items.findOne({ y: 1 })).toEqual({ _id: 'whole', y: 1 });
    });

    it('upserts in bulk, telling which writes inserted', async () => {
      const write = (part: number, v: unknown) => ({
        updateOne: { filter: { thread: 't', part }, update: { $setOnInsert: { v } }, upsert: true },
      });
      const bytes = new Binary(Buffer.from('1'));
      const result = await items.bulkWrite([write(1, bytes), write(1, 2), write(2, bytes)] as never);
      expect(result).toMatchObject({ upsertedCount: 2, matchedCount: 1, modifiedCount: 0 });
      expect(Object.keys(result.upsertedIds)).toEqual(['0', '2']);
      expect(await items.countDocuments({ v: bytes })).toBe(2);
    });

    it('goes on after a failed write only when the bulk is unordered', async () => {
      const writes = [1, 1, 2].map((n) => ({ insertOne: { document: { _id: n as never } } }));
      const failure = async (ordered: boolean) => {
        await items.deleteMany({});
        const error = await items.bulkWrite(writes, { ordered }).catch((reason) => reason);
        expect(
          error.writeErrors.map(({ index, code }: { index: number; code: number }) => [index, code]),
        ).toEqual([[1, 11000]]);
        expect(error.insertedCount ?? error.result.insertedCount).toBe(await items.countDocuments());
        return items.countDocuments();
      };
      expect(await failure(true)).toBe(1);
      expect(await failure(false)).toBe(2);
    });
  });

  describe('indexes', () => {
    it('a unique one refuses a second of the same on insert, update and upsert', async () => {
      await items.createIndex({ user: 1, name: 1 }, { unique: true });
      await items.insertMany([
        { user: 1, name: 'a' },
        { user: 1, name: 'b', z: 1 },
      ]);
      const error = await items.insertOne({ user: 1, name: 'a' }).catch((reason) => reason);
      expect(error).toMatchObject({
        code: 11000,
        keyPattern: { user: 1, name: 1 },
        keyValue: { user: 1, name: 'a' },
      });
      expect(error.message).toContain(
        `E11000 duplicate key error collection: ${items.namespace} index: user_1_name_1`,
      );
      expect(await codeOf(items.updateOne({ z: 1 }, { $set: { name: 'a' } }))).toBe(11000);
      expect(
        await codeOf(items.updateOne({ z: 2 }, { $set: { user: 1, name: 'a' } }, { upsert: true })),
      ).toBe(11000);
      expect(await codeOf(items.findOneAndUpdate({ z: 1 }, { $set: { name: 'a' } }))).toBe(11000);
      await items.deleteOne({ name: 'a' });
      expect((await items.updateOne({ z: 1 }, { $set: { name: 'a' } })).modifiedCount).toBe(1);
      expect((await items.insertOne({ user: 1, name: 'b' })).acknowledged).toBe(true);
    });

    it('a partial one holds only for what it covers', async () => {
      await items.createIndex({ user: 1 }, { unique: true, partialFilterExpression: { active: true } });
      await items.insertMany([
        { user: 1, active: false },
        { user: 1, active: false },
        { user: 1, active: true },
      ]);
      expect(await codeOf(items.insertOne({ user: 1, active: true }))).toBe(11000);
      expect(await codeOf(items.updateOne({ active: false }, { $set: { active: true } }))).toBe(11000);
      await items.updateOne({ active: true }, { $set: { active: false } });
      expect((await items.updateOne({ active: false }, { $set: { active: true } })).modifiedCount).toBe(1);
    });

    it('a sparse one lets fields be missing, a plain unique one lets only one be', async () => {
      await items.createIndex({ sparse: 1 }, { unique: true, sparse: true });
      await items.insertMany([{ tags: ['a', 'b'] }, { tags: ['c'] }]);
      await items.createIndex({ tags: 1 }, { unique: true });
      expect(await codeOf(items.insertOne({ tags: ['d', 'b'] }))).toBe(11000);
      await items.insertOne({ sparse: 1 });
      expect(await codeOf(items.insertOne({ sparse: 2 }))).toBe(11000);
    });

    it('is not made over documents that break it', async () => {
      await items.insertMany([{ n: 1 }, { n: 1 }]);
      expect(await codeOf(items.createIndex({ n: 1 }, { unique: true }))).toBe(11000);
      expect((await items.indexes()).map(({ name }) => name)).toEqual(['_id_']);
    });

    it('of concurrent upserts to one unique key one inserts', async () => {
      await items.createIndex({ key: 1 }, { unique: true });
      const upserts = Array.from({ length: 20 }, (_, n) =>
        items.updateOne({ key: 'k' }, { $setOnInsert: { winner: n } }, { upsert: true }),
      );
      const outcomes = await Promise.allSettled(upserts);
      const inserted = outcomes.map((outcome) =>
        outcome.status === 'fulfilled' ? outcome.value.upsertedCount : 0,
      );
      expect(inserted.filter((count) => count === 1)).toHaveLength(1);
      expect(await items.find().toArray()).toMatchObject([{ winner: inserted.indexOf(1) }]);
      const claims = Array.from({ length: 20 }, (_, n) =>
        items.updateOne({ key: 'k', claimedBy: null }, { $set: { claimedBy: n } }),
      );
      expect((await Promise.all(claims)).filter(({ modifiedCount }) => modifiedCount === 1)).toHaveLength(1);
    });

    it('is made once, listed, changed and dropped; another under its name or with its fields is a conflict', async () => {
      const name = await items.createIndex({ at: 1 }, { expireAfterSeconds: 60 });
      expect(await items.createIndex({ at: 1 }, { expireAfterSeconds: 60 })).toBe(name);
      expect(await codeOf(items.createIndex({ at: 1 }, { expireAfterSeconds: 90 }))).toBe(85);
      expect(await codeOf(items.createIndex({ at: 1 }, { expireAfterSeconds: 60, name: 'other' }))).toBe(85);
      expect(await codeOf(items.createIndex({ other: 1 }, { name }))).toBe(86);
      const index = { keyPattern: { at: 1 }, expireAfterSeconds: 90 };
      expect(await db.command({ collMod: items.collectionName, index })).toMatchObject({
        expireAfterSeconds_old: 60,
        expireAfterSeconds_new: 90,
      });
      expect(await items.indexes()).toMatchObject([
        { key: { _id: 1 } },
        { name: 'at_1', expireAfterSeconds: 90 },
      ]);
      await items.dropIndex(name);
      expect(await codeOf(items.dropIndex(name))).toBe(27);
      expect(await items.indexes()).toHaveLength(1);
      expect(await codeOf(db.collection('none').dropIndex('at_1'))).toBe(26);
    });

    it('a TTL one expires documents by their earliest date', async () => {
      const now = Date.now();
      await items.createIndex({ at: 1 }, { expireAfterSeconds: 3600 });
      const [later, soon] = [new Date(now + 5_000), new Date(now)];
      await items.insertMany([
        { k: 1, at: soon },
        { k: 2, at: [later, soon] },
        { k: 3, at: later },
        { k: 4, at: 'x' },
        { k: 5 },
      ]);
      const left = async () => (await items.find().sort({ k: 1 }).toArray()).map(({ k }) => k);
      expect(await left()).toEqual([1, 2, 3, 4, 5]);
      // A real server's clock is its own.
      if (!mongo.server) return;
      expect(mongo.server.sweep(now + 3_599_999)).toBe(0);
      expect(mongo.server.sweep(now + 3_600_000)).toBe(2);
      expect(await left()).toEqual([3, 4, 5]);
    });
  });

  describe('limits and refusals', () => {
    it('takes a document of almost 16 MB whole, and none above', async () => {
      const text = 'x'.repeat(16 * MEGABYTE - 64);
      await items.insertOne({ _id: 1 as never, text });
      expect((await items.findOne({ _id: 1 as never }))?.text.length).toBe(text.length);
      const tooMuch = 'x'.repeat(16 * MEGABYTE + 32 * KILOBYTE);
      expect(await codeOf(items.insertOne({ _id: 2 as never, text: tooMuch }))).toBe(10334);
      const grown = items.updateOne({ _id: 1 as never }, { $set: { more: 'x'.repeat(MEGABYTE) } });
      expect([10334, 17419]).toContain(await codeOf(grown));
      expect(await items.distinct('_id')).toEqual([1]);
    });

    it('refuses transactions and change streams as a standalone server does', async () => {
      // A real replica set has both, and nothing here needs them.
      if (!mongo.server && (await db.command({ hello: 1 })).setName) return;
      const session = connection.getClient().startSession();
      try {
        session.startTransaction();
        expect(await codeOf(items.insertOne({ n: 1 }, { session: session as never }))).toBe(20);
      } finally {
        await session.abortTransaction().catch(() => {});
        await session.endSession();
      }
      const changes = items.watch();
      expect(await codeOf(changes.next())).toBe(40573);
      await changes.close();
      expect(await items.countDocuments()).toBe(0);
    });

    it('knows no command that is not one', async () => {
      expect(await codeOf(db.command({ noSuchCommand: 1 }))).toBe(59);
      expect(await codeOf(db.command({ constructor: 1 }))).toBe(59);
    });

    it('tells who it is and what it holds', async () => {
      await items.insertOne({ n: 1 });
      expect(await db.command({ ping: 1 })).toMatchObject({ ok: 1 });
      expect(await db.admin().command({ buildInfo: 1 })).toMatchObject({
        ok: 1,
        maxBsonObjectSize: 16 * MEGABYTE,
      });
      expect(await db.listCollections({ name: items.collectionName }).toArray()).toMatchObject([
        { name: items.collectionName, type: 'collection' },
      ]);
      expect((await db.admin().listDatabases()).databases.map(({ name }) => name)).toContain(database);
      expect(await items.drop()).toBe(true);
      expect(await db.listCollections({ name: items.collectionName }).toArray()).toEqual([]);
    });
  });

  it('serves models: unique fields, maps, buffers, timestamps, versions', async () => {
    const { Schema } = mongoose;
    const schema = new Schema(
      {
        name: { type: String, unique: true },
        count: Number,
        tags: [String],
        mixed: Schema.Types.Mixed,
        bytes: Buffer,
        labels: { type: Map, of: String },
      },
      { timestamps: true, minimize: false },
    );
    const Thing = connection.model('Thing', schema);
    await Thing.init();
    const created = await Thing.create({
      name: 'a',
      count: 1,
      mixed: { a: { b: [1] } },
      bytes: Buffer.from([0xff]),
      labels: { k: 'v' },
    });
    const found = await Thing.findById(created._id).orFail();
    expect(found.mixed).toEqual({ a: { b: [1] } });
    expect(found.bytes?.toString('hex')).toBe('ff');
    expect(found.labels?.get('k')).toBe('v');
    found.tags.push('x', 'y');
    found.labels?.set('l', 'w');
    await found.save();
    expect(await Thing.findOne({ tags: 'y', 'labels.l': 'w' }).select('name -_id').lean()).toEqual({
      name: 'a',
    });
    expect(await codeOf(Thing.create({ name: 'a' }))).toBe(11000);
    const upserted = await Thing.findOneAndUpdate(
      { name: 'b' },
      { $inc: { count: 2 } },
      { upsert: true, returnDocument: 'after' },
    );
    expect(upserted).toMatchObject({ name: 'b', count: 2, createdAt: expect.any(Date) });
    const stale = await Thing.findById(created._id).orFail();
    await Thing.updateOne({ _id: created._id }, { $pull: { tags: 'x' }, $inc: { __v: 1 } });
    stale.set('tags.0', 'z');
    await expect(stale.save()).rejects.toThrow(/version/);
  });
});
