/**
 * One collection: its documents by `_id`, and its indexes. Everything is checked before anything changes, so a write
 * that is refused has left no trace.
 */
import { type Document, ObjectId } from 'bson';
import {
  assertParsable,
  decodeExact,
  decodeView,
  encode,
  MAX_DOCUMENT_BYTES,
  valueKey,
  viewOf,
} from './documents.js';
import { CommandFailure } from './errors.js';
import { CollectionIndex, conflictOf } from './indexes.js';
import { compileFilter, idFirst } from './matching.js';
import { sortedBy } from './order.js';

export interface StoredDocument {
  /** Its `_id` as a string. */
  readonly key: string;
  readonly bytes: Uint8Array;
  readonly view: Document;
}

export interface Selection {
  readonly filter?: Document | undefined;
  readonly sort?: Document | undefined;
  readonly skip?: number | undefined;
  /** 0 for all. */
  readonly limit?: number | undefined;
}

const ID_INDEX = { v: 2, key: { _id: 1 }, name: '_id_' };

export class Collection {
  readonly namespace: string;
  readonly #documents = new Map<string, StoredDocument>();
  #indexes = [new CollectionIndex(ID_INDEX)];

  constructor(namespace: string) {
    this.namespace = namespace;
  }

  get indexes(): readonly CollectionIndex[] {
    return this.#indexes;
  }

  select({ filter = {}, sort = {}, skip = 0, limit = 0 }: Selection): StoredDocument[] {
    const matches = compileFilter(filter);
    let found = this.#candidates(filter).filter(({ view }) => matches(view));
    if (Object.keys(sort).length > 0) found = sortedBy(found, sort, ({ view }) => view);
    return limit === 0 ? found.slice(skip) : found.slice(skip, skip + Math.abs(limit));
  }

  insert(document: Document): StoredDocument {
    const added = stored(
      idFirst(document._id === undefined ? { _id: new ObjectId(), ...document } : document),
    );
    if (added.bytes.length > MAX_DOCUMENT_BYTES)
      throw new CommandFailure('BadValue', `object to insert too large. ${tooLarge(added)}`);
    if (Array.isArray(added.view._id))
      throw new CommandFailure('InvalidIdField', "The '_id' value cannot be of type array");
    if (this.#documents.has(added.key))
      throw duplicateKey(this.namespace, ID_INDEX, { _id: decodeExact(added.bytes)._id });
    this.#assertUnique(added);
    this.#put(added);
    return added;
  }

  /** @returns whether anything changed */
  replace(old: StoredDocument, document: Document): boolean {
    const next = stored(idFirst(document));
    if (next.bytes.length > MAX_DOCUMENT_BYTES)
      throw new CommandFailure(
        'Location17419',
        `Resulting document after update is too large. ${tooLarge(next)}`,
      );
    if (Buffer.compare(old.bytes, next.bytes) === 0) return false;
    this.#assertUnique(next);
    for (const index of this.#indexes) index.remove(old);
    this.#put(next);
    return true;
  }

  remove(old: StoredDocument): void {
    for (const index of this.#indexes) index.remove(old);
    this.#documents.delete(old.key);
  }

  /** @throws {CommandFailure} when it can't stand beside the others, or the documents already break it */
  createIndex(spec: Document): void {
    const added = new CollectionIndex(spec);
    if (conflictOf(this.#indexes, added) === 'exists') return;
    for (const document of this.#documents.values()) {
      const taken = added.conflict(document);
      if (taken) throw duplicateKey(this.namespace, added.spec, taken);
      added.add(document);
    }
    this.#indexes.push(added);
  }

  /** @param isDropped not asked of the index on `_id`, which stays */
  dropIndexes(isDropped: (spec: Document) => boolean): number {
    const kept = this.#indexes.filter(({ spec }) => spec.name === ID_INDEX.name || !isDropped(spec));
    const dropped = this.#indexes.length - kept.length;
    this.#indexes = kept;
    return dropped;
  }

  /** Removes what has expired at `now`. */
  sweep(now: number): number {
    const expired = [...this.#documents.values()].filter((document) =>
      this.#indexes.some((index) => index.expires(document, now)),
    );
    for (const document of expired) this.remove(document);
    return expired.length;
  }

  /** By `_id` there is at most one, and no need to look at the rest. */
  #candidates(filter: Document): StoredDocument[] {
    if (!(filter._id instanceof ObjectId) && typeof filter._id !== 'string')
      return [...this.#documents.values()];
    const found = this.#documents.get(valueKey(filter._id));
    return found ? [found] : [];
  }

  #assertUnique(document: StoredDocument): void {
    for (const index of this.#indexes) {
      const taken = index.conflict(document);
      if (taken) throw duplicateKey(this.namespace, index.spec, taken);
    }
  }

  #put(document: StoredDocument): void {
    for (const index of this.#indexes) index.add(document);
    this.#documents.set(document.key, document);
  }
}

function stored(document: Document): StoredDocument {
  const bytes = encode(document);
  assertParsable(bytes.length);
  const view = decodeView(bytes);
  return { key: valueKey(view._id), bytes, view };
}

function tooLarge({ bytes }: StoredDocument): string {
  return `size in bytes: ${bytes.length}, max size: ${MAX_DOCUMENT_BYTES}`;
}

function duplicateKey(namespace: string, spec: Document, keyValue: Document): CommandFailure {
  const shown = Object.entries(viewOf(keyValue)).map(([path, value]) => `${path}: ${JSON.stringify(value)}`);
  return new CommandFailure(
    'DuplicateKey',
    `E11000 duplicate key error collection: ${namespace} index: ${spec.name} dup key: { ${shown.join(', ')} }`,
    { keyPattern: spec.key, keyValue },
  );
}
