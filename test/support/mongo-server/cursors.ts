/**
 * Open cursors. A cursor holds the result as it was when it was opened, and gives it out in batches; it is gone with its
 * last document, when the client kills it, or when the server stops.
 */
import { type Document, Long } from 'bson';
import { decodeExact, MAX_DOCUMENT_BYTES } from './documents.js';
import { CommandFailure } from './errors.js';

/** A real server's first batch, when the client doesn't say. */
const FIRST_BATCH_DOCUMENTS = 101;

interface OpenCursor {
  readonly namespace: string;
  readonly results: readonly Uint8Array[];
  at: number;
}

export class Cursors {
  readonly #open = new Map<string, OpenCursor>();
  #lastId = 0;

  get size(): number {
    return this.#open.size;
  }

  /** @returns the reply of a command that answers with a cursor */
  open(
    namespace: string,
    results: readonly Uint8Array[],
    {
      batchSize = FIRST_BATCH_DOCUMENTS,
      singleBatch = false,
    }: { batchSize?: unknown; singleBatch?: boolean },
  ): Document {
    const cursor = { namespace, results, at: 0 };
    const firstBatch = nextBatch(cursor, Number(batchSize));
    if (singleBatch || cursor.at === results.length)
      return { cursor: { firstBatch, id: Long.ZERO, ns: namespace } };
    const id = Long.fromNumber(++this.#lastId);
    this.#open.set(id.toString(), cursor);
    return { cursor: { firstBatch, id, ns: namespace } };
  }

  getMore(id: Long, batchSize: number): Document {
    const key = id.toString();
    const cursor = this.#open.get(key);
    if (!cursor) throw new CommandFailure('CursorNotFound', `cursor id ${key} not found`);
    const batch = nextBatch(cursor, batchSize);
    const isOver = cursor.at === cursor.results.length;
    if (isOver) this.#open.delete(key);
    return { cursor: { nextBatch: batch, id: isOver ? Long.ZERO : id, ns: cursor.namespace } };
  }

  kill(ids: readonly Long[]): Document {
    const cursorsKilled = ids.filter((id) => this.#open.delete(id.toString()));
    const cursorsNotFound = ids.filter((id) => !cursorsKilled.includes(id));
    return { cursorsKilled, cursorsNotFound, cursorsAlive: [], cursorsUnknown: [] };
  }

  clear(): void {
    this.#open.clear();
  }
}

/** Ends early when the reply would become larger than a document may be, but not before its first document. */
function nextBatch(cursor: OpenCursor, documents: number): Document[] {
  const batch: Document[] = [];
  let bytes = 0;
  while (batch.length < documents) {
    const next = cursor.results[cursor.at];
    if (!next || (batch.length > 0 && bytes + next.length > MAX_DOCUMENT_BYTES)) break;
    bytes += next.length;
    batch.push(decodeExact(next));
    cursor.at++;
  }
  return batch;
}
