/**
 * The MongoDB of a test file: the server named by MONGO_URL, or one of our own in this process. What only our own can do
 * (be dropped, stopped, have its clock moved) a test asks of `server`, and does without where there is none.
 */
import { randomBytes } from 'node:crypto';
import { MongoServer, type MongoServerOptions } from './mongo-server/server.js';

export interface TestMongo {
  readonly uri: string;
  /** Absent with MONGO_URL. */
  readonly server?: MongoServer;
  stop(): Promise<void>;
}

/** @param options of our own server; a real one is as it is */
export async function startMongo(options?: MongoServerOptions): Promise<TestMongo> {
  const { MONGO_URL: uri } = process.env;
  if (uri) return { uri, stop: async () => {} };
  const server = await MongoServer.start(options);
  return { uri: server.uri, server, stop: () => server.stop() };
}

/** A name no other run has on a shared server; the test file drops the database at its end. */
export function dbName(prefix = 'generation_jobs_test'): string {
  return `${prefix}_${randomBytes(6).toString('hex')}`;
}
