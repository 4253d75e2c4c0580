/**
 * Transcripts in MongoDB, through real clients.
 */
import { createMongoTranscripts, type TranscriptStoreOptions } from 'generation-jobs/transcripts';
import { afterAll, beforeAll, describe } from 'vitest';
import { dbName, startMongo, type TestMongo } from '../support/mongo.js';
import { describeTranscriptStore } from '../transcripts/contract.js';
import { CLIENTS, type Connection } from './clients.js';

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
});
