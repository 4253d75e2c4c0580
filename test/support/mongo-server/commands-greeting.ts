/**
 * What a driver asks before and between its work: who the server is, what it allows, and whether it is there.
 */
import type { Handler } from './commands.js';
import { MAX_DOCUMENT_BYTES } from './documents.js';
import { MAX_MESSAGE_BYTES } from './wire.js';

/** MongoDB 7.0, the last without a command (`bulkWrite`) that drivers would prefer and this server does not have. */
const VERSION = [7, 0, 0, 0];
const MAX_WIRE_VERSION = 21;

const hello: Handler = (_, { address, replicaSet, now }) => ({
  helloOk: true,
  isWritablePrimary: true,
  ismaster: true,
  ...(replicaSet !== undefined && {
    setName: replicaSet,
    setVersion: 1,
    secondary: false,
    hosts: [address],
    primary: address,
    me: address,
  }),
  maxBsonObjectSize: MAX_DOCUMENT_BYTES,
  maxMessageSizeBytes: MAX_MESSAGE_BYTES,
  maxWriteBatchSize: 100_000,
  localTime: new Date(now()),
  logicalSessionTimeoutMinutes: 30,
  minWireVersion: 0,
  maxWireVersion: MAX_WIRE_VERSION,
  readOnly: false,
});

const buildInfo: Handler = () => ({
  version: VERSION.slice(0, 3).join('.'),
  versionArray: VERSION,
  maxBsonObjectSize: MAX_DOCUMENT_BYTES,
});

export const GREETING: Readonly<Record<string, Handler>> = {
  hello,
  ismaster: hello,
  isMaster: hello,
  ping: () => ({}),
  buildInfo,
  buildinfo: buildInfo,
  serverStatus: (_, { address, now }) => ({
    host: address,
    version: VERSION.slice(0, 3).join('.'),
    process: 'mongod',
    localTime: new Date(now()),
  }),
  endSessions: (command, { sessions }) => {
    sessions.end(command.endSessions);
    return {};
  },
};
