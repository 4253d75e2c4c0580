/**
 * Transcripts that travel: the file in which an agent keeps a conversation is saved by each run that completes, and the
 * next run, on whatever machine, begins with it.
 */

export type { MongooseLike } from '../mongo-shapes.js';
export { type ClearOptions, clearTranscripts } from './clear.js';
export {
  createTranscriptHandler,
  createTranscriptRouter,
  type TranscriptRouteOptions,
} from './http/conversation-route.js';
export { type RemoteTranscriptsOptions, remoteTranscripts } from './http/remote.js';
export { type Hydrated, type HydrateOptions, hydrateTranscript } from './hydrate.js';
export {
  type DamagedLine,
  type ReadTranscriptOptions,
  readTranscript,
  type Transcript,
  type TranscriptCounts,
  type TranscriptMessage,
} from './read.js';
export { type SavedTranscript, type SaveOptions, saveTranscript } from './save.js';
export { createFileTranscripts, type FileTranscriptsOptions } from './stores/files.js';
export { createMemoryTranscripts } from './stores/memory.js';
export { createMongoTranscripts, type MongoTranscriptsOptions } from './stores/mongo.js';
export type { TranscriptStoreOptions } from './stores/store-options.js';
export type {
  ConversationState,
  RunTranscripts,
  SaveResult,
  StoredTranscript,
  TranscriptBytes,
  TranscriptConversation,
  TranscriptRun,
  TranscriptStore,
} from './transcript-store.js';
export { transcriptsOf } from './transcripts-of.js';
