/**
 * One chunk of a producer's on its way to a page: as it is, unless the page's line does not know it, its chat would refuse
 * it, or it says what only the end of the answer can say.
 */
import { isObject } from '../stream/model/plain-values.js';
import type { ChunkWriter } from './chunk-writer.js';
import type { PageState } from './page-state.js';
import { faultOf, type UIChunk, withValue } from './ui-chunk.js';
import { writeToolChunk } from './write-tool-chunk.js';

/** @param text the chunk as it is in the log, one line of JSON */
export function writeChunk(writer: ChunkWriter, data: unknown, text: string): void {
  if (!isObject(data) || typeof data.type !== 'string') {
    writer.malformed.push('without a type');
    return;
  }
  const given = data as UIChunk;
  const chunk = withValue(given);
  const fault = faultOf(chunk, writer.dialect.version);
  if (fault === 'malformed') writer.malformed.push(chunk.type);
  // The AI SDK 6 has no way to take parts back.
  if (fault === 'not-yet' && chunk.type === 'reset-step' && writer.state.hasParts) writer.breakOff();
  if (fault !== undefined) return;
  const put = () => writer.put(chunk, chunk === given ? text : undefined);
  if (chunk.type.startsWith('tool-')) return writeToolChunk(writer, chunk, put);
  writePlainChunk(writer, chunk, put);
}

function writePlainChunk(writer: ChunkWriter, chunk: UIChunk, put: () => void): void {
  switch (chunk.type) {
    case 'text-start':
    case 'reasoning-start':
      return writeStart(writer, chunk, put);
    case 'text-delta':
    case 'reasoning-delta':
      if (isOpen(writer, chunk)) put();
      return;
    case 'text-end':
    case 'reasoning-end':
      if (!isOpen(writer, chunk)) return;
      put();
      return writer.change((state) => setOf(state, chunk).delete(chunk.id as string));
    case 'message-metadata':
      if (chunk.messageMetadata !== null) put();
      return;
    case 'start':
    case 'finish':
      return writeMetadata(writer, chunk);
    case 'error':
      writer.close();
      put();
      return writer.finish('error');
    case 'abort':
      return; // how the job ends says it
    case 'finish-step':
      // A chat of the 6 line forgets with it what is open, and refuses its end; nothing else comes of it.
      if (writer.dialect.version === 7 || !writer.state.hasOpenText) put();
      return writer.change((state) => {
        state.inStep = false;
      });
    default:
      put();
      writer.change((state) => frame(state, chunk));
  }
}

function writeStart(writer: ChunkWriter, chunk: UIChunk, put: () => void): void {
  const id = chunk.id as string;
  const end = chunk.type === 'text-start' ? 'text-end' : 'reasoning-end';
  if (setOf(writer.state, chunk).has(id)) writer.put({ type: end, id });
  put();
  writer.change((state) => {
    setOf(state, chunk).add(id);
    state.hasParts = true;
  });
}

/** A chat refuses a delta of what it has not open. What a page came back with is open, if it says so. */
function isOpen(writer: ChunkWriter, chunk: UIChunk): boolean {
  const id = chunk.id as string;
  if (setOf(writer.state, chunk).has(id)) return true;
  if (writer.state.knowsAll) return false;
  writer.change((state) => setOf(state, chunk).add(id));
  return true;
}

function setOf(state: PageState, { type }: UIChunk): Set<string> {
  return type.startsWith('text-') ? state.texts : state.reasonings;
}

/** The message has begun already, and ends with the job; what these say of the message itself is told at once. */
function writeMetadata(writer: ChunkWriter, { type, messageMetadata, finishReason }: UIChunk): void {
  if (messageMetadata !== undefined && messageMetadata !== null)
    writer.put({ type: 'message-metadata', messageMetadata });
  if (type !== 'finish' || typeof finishReason !== 'string') return;
  writer.change((state) => {
    state.finishReason = finishReason;
  });
}

/** Notes what frames the parts, and that there are some. */
function frame(state: PageState, { type, transient }: UIChunk): void {
  switch (type) {
    case 'start-step':
      state.inStep = true;
      state.hasParts = true;
      return;
    case 'reset-step':
      state.texts.clear();
      state.reasonings.clear();
      return;
    default:
      if (transient !== true) state.hasParts = true;
  }
}
