/**
 * Transcripts in MongoDB, through real clients.
 */
import { once } from 'node:events';
import { appendFile, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeClock } from 'generation-jobs/testing';
import {
  createMongoTranscripts,
  hydrateTranscript,
  saveTranscript,
  type TranscriptStore,
  type TranscriptStoreOptions,
  transcriptsOf,
} from 'generation-jobs/transcripts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { dbName, startMongo, type TestMongo } from '../support/mongo.js';
import { describeTranscriptStore, pieces } from '../transcripts/contract.js';
import { CLIENTS, type Connection, codeOf } from './clients.js';

describe.each(CLIENTS)('transcripts through $name', ({ name, mongoose }) => {
  const database = dbName();
  let mongo: TestMongo;
  let connections: Connection[];
  let collections = 0;

  beforeAll(async () => {
    mongo = await startMongo();
    const connect = () => mongoose.createConnection(mongo.uri, { dbName: database }).asPromise();
    connections = [await connect(), await connect()];
  });

  afterAll(async () => {
    await connections[0]?.dropDatabase();
    await Promise.all(connections.map((connection) => connection.close()));
    await mongo.stop();
  });

  describeTranscriptStore(name, async (options: TranscriptStoreOptions) => {
    const collection = `transcripts_${++collections}`;
    let connected = 0;
    return {
      connect() {
        const connection = connections[connected++ % connections.length] as Connection;
        return createMongoTranscripts({ mongo: connection, collection, ...options });
      },
      dispose: async () => {},
    };
  });

  describe('in MongoDB', () => {
    const OF = { tenantId: 't', agentId: 'a', conversationId: 'c' };
    const RUN = { ...OF, runId: 'r-1' };
    const PIECE = 4 * 1024 * 1024;
    const { signal } = new AbortController();
    let collection: string;
    let store: TranscriptStore;
    const native = (name = collection) => {
      const { db } = connections[0] as Connection;
      if (!db) throw new Error('not open');
      return db.collection(name);
    };
    const piecesLeft = () => native(`${collection}_pieces`).countDocuments();
    const connectTo = (connection: Connection, more: object = {}) =>
      createMongoTranscripts({ mongo: connection, collection, ...more });

    beforeEach(() => {
      collection = `transcripts_${++collections}`;
      store = connectTo(connections[0] as Connection);
    });

    async function* threePieces(whenAt: (piece: number) => unknown = () => {}): AsyncGenerator<Uint8Array> {
      for (let piece = 0; piece < 3; piece++) {
        await whenAt(piece);
        yield Buffer.alloc(PIECE, piece);
      }
    }

    it('a run has one document, unique by tenant, agent, conversation and run', async () => {
      await store.save(RUN, pieces('text'), { signal });
      const [document] = await native().find().toArray();
      expect(document).toMatchObject({ tenant: 't', agent: 'a', conversation: 'c', run: 'r-1', size: 4 });
      const again = { tenant: 't', agent: 'a', conversation: 'c', run: 'r-1' };
      expect(await codeOf(native().insertOne(again))).toBe(11000);
      expect(await piecesLeft()).toBe(0);
    });

    it('a save that dies between its pieces is not seen, and a later one takes away what it left', async () => {
      const clock = new FakeClock();
      const dying = connectTo(connections[0] as Connection, { clock });
      const reached = new AbortController();
      // As a process that is killed: it goes no further, and cleans nothing up.
      const stopped = () => new Promise<void>(() => reached.abort());
      void dying.save(
        RUN,
        threePieces((piece) => piece === 2 && stopped()),
        { signal },
      );
      await once(reached.signal, 'abort');
      await expect.poll(piecesLeft).toBe(1);
      expect(await store.latest(OF, signal)).toEqual({ clears: 0, latest: null });
      expect(await store.save({ ...RUN, runId: 'r-2' }, pieces('next'), { signal })).toBe('saved');
      await clock.advance(3_600_001);
      const later = connectTo(connections[1] as Connection, { clock });
      expect(await later.save({ ...RUN, runId: 'r-3' }, threePieces(), { signal })).toBe('saved');
      expect(await piecesLeft()).toBe(2);
      expect((await later.latest(OF, signal)).latest).toMatchObject({ runId: 'r-3', size: 3 * PIECE });
    });

    it('a clearing takes the pieces too, those of a save under way among them', async () => {
      await store.save({ ...RUN, runId: 'r-0' }, threePieces(), { signal });
      const saving = store.save(
        RUN,
        threePieces((piece) => piece === 2 && connectTo(connections[1] as Connection).clear(OF, signal)),
        { signal },
      );
      expect(await saving).toBe('cleared');
      expect(await piecesLeft()).toBe(0);
      expect(await native().countDocuments({ run: { $ne: '' } })).toBe(0);
    });

    it('what one of two saves of a run wrote in vain is taken away', async () => {
      const saves = [connections[0], connections[1]].map((connection) =>
        connectTo(connection as Connection).save(RUN, threePieces(), { signal }),
      );
      expect((await Promise.all(saves)).sort()).toEqual(['already_saved', 'saved']);
      expect(await piecesLeft()).toBe(2);
    });

    it('a piece that is gone is told, and no file is written of what is left', async () => {
      await store.save(RUN, threePieces(), { signal });
      await native(`${collection}_pieces`).deleteOne({});
      const folder = await mkdtemp(join(tmpdir(), 'transcripts-mongo-'));
      const hydrating = hydrateTranscript(transcriptsOf(store, OF), { file: join(folder, 'session.jsonl') });
      await expect(hydrating).rejects.toMatchObject({ code: 'transcript_damaged' });
      expect(await readdir(folder)).toEqual([]);
      await rm(folder, { recursive: true });
    });

    it('losing the connection before or after a command changes nothing', async () => {
      for (const when of ['before', 'after'] as const) {
        for (const command of ['insert', 'find', 'delete']) mongo.server?.dropNext(command, when);
        expect(await store.save(RUN, threePieces(), { signal })).toBe('saved');
        mongo.server?.dropNext('find', when);
        expect((await store.latest(OF, signal)).latest).toMatchObject({ size: 3 * PIECE });
        for (const command of ['findAndModify', 'delete']) mongo.server?.dropNext(command, when);
        expect(await store.clear(OF, signal)).toBe(when === 'before' ? 1 : 2);
        expect(await piecesLeft()).toBe(0);
      }
    });

    it('a connection that was never opened is unavailable, and one that hangs is given up in time', async () => {
      const closed = mongoose.createConnection();
      await expect(connectTo(closed).latest(OF, signal)).rejects.toMatchObject({ code: 'unavailable' });
      await store.latest(OF, signal);
      mongo.server?.hold(true);
      const enough = AbortSignal.timeout(mongo.server ? 50 : 0);
      await expect(store.latest(OF, enough)).rejects.toMatchObject({ name: 'TimeoutError' });
      mongo.server?.hold(false);
      expect(await store.latest(OF, signal)).toEqual({ clears: 0, latest: null });
    });

    it('two runs on two machines go on with one conversation in turn', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'transcripts-mongo-'));
      let expected = '';
      for (let turn = 0; turn < 6; turn++) {
        const file = join(folder, `machine-${turn % 2}.jsonl`);
        const machine = connectTo(connections[turn % 2] as Connection);
        const transcripts = transcriptsOf(machine, { ...OF, runId: `r-${turn}`, startedAt: turn });
        const { clears } = await hydrateTranscript(transcripts, { file });
        await appendFile(file, `{"role":"user","content":"turn ${turn}"}\n`);
        expected += `{"role":"user","content":"turn ${turn}"}\n`;
        expect(await readFile(file, 'utf8')).toBe(expected);
        const outcome = 'completed';
        expect(await saveTranscript(transcripts, { file, outcome, clears })).toEqual({ result: 'saved' });
      }
      await rm(folder, { recursive: true });
    });
  });
});
