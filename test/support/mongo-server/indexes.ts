/**
 * Indexes as far as a client can notice them: which may stand beside which, what a unique one forbids, and what a TTL one
 * expires. None makes a search faster; the collections of a test are small.
 */
import type { Document } from 'bson';
import type { StoredDocument } from './collection.js';
import { valueKey, viewOf } from './documents.js';
import { CommandFailure } from './errors.js';
import { compileFilter } from './matching.js';
import { valuesAt } from './paths.js';

const SECOND = 1000;

/** What makes two indexes different ones, so that both may exist; other options (TTL) make them conflict. */
const IDENTITY = ['key', 'unique', 'sparse', 'partialFilterExpression'] as const;
const OPTIONS = [...IDENTITY, 'v', 'name', 'expireAfterSeconds', 'background', 'hidden'];

export class CollectionIndex {
  readonly #covers: (view: Document) => boolean;
  /** Of a unique index: whose key it is. */
  readonly #owners = new Map<string, string>();
  #spec: Document;

  constructor(requested: Document) {
    this.#spec = checked(requested);
    this.#covers = compileFilter(this.#spec.partialFilterExpression ?? {});
  }

  get spec(): Document {
    return this.#spec;
  }

  get paths(): string[] {
    return Object.keys(this.#spec.key);
  }

  /** @returns the key that another document has already */
  conflict(document: StoredDocument): Document | undefined {
    return this.#keysOf(document).find(({ key }) => {
      const owner = this.#owners.get(key);
      return owner !== undefined && owner !== document.key;
    })?.keyValue;
  }

  add(document: StoredDocument): void {
    for (const { key } of this.#keysOf(document)) this.#owners.set(key, document.key);
  }

  remove(document: StoredDocument): void {
    for (const { key } of this.#keysOf(document)) this.#owners.delete(key);
  }

  expireAfter(seconds: number): void {
    this.#spec = { ...this.#spec, expireAfterSeconds: seconds };
  }

  /** A document without a date in the field never expires; of several dates the earliest counts. */
  expires({ view }: StoredDocument, now: number): boolean {
    const { expireAfterSeconds } = this.#spec;
    if (expireAfterSeconds === undefined || !this.#covers(view)) return false;
    const dates = valuesAt(view, this.paths[0] ?? '').flatMap((value) =>
      value instanceof Date ? [value.getTime()] : [],
    );
    return dates.length > 0 && Math.min(...dates) + Number(expireAfterSeconds) * SECOND <= now;
  }

  /** None for a document the index does not hold, several for one with an array. */
  #keysOf({ view }: StoredDocument): { key: string; keyValue: Document }[] {
    if (!this.#spec.unique || !this.#covers(view)) return [];
    const columns = this.paths.map((path) => valuesAt(view, path));
    if (this.#spec.sparse && columns.every((values) => values.length === 0)) return [];
    let rows: unknown[][] = [[]];
    for (const values of columns) {
      const choices = values.length === 0 ? [null] : values;
      rows = rows.flatMap((row) => choices.map((value) => [...row, value ?? null]));
    }
    return rows.map((row) => ({
      key: valueKey(row),
      keyValue: Object.fromEntries(this.paths.map((path, at) => [path, row[at]])),
    }));
  }
}

/** @throws {CommandFailure} IndexOptionsConflict, IndexKeySpecsConflict */
export function conflictOf(indexes: readonly CollectionIndex[], added: CollectionIndex): 'exists' | 'none' {
  const same = indexes.find((index) => identityOf(index) === identityOf(added));
  const namesake = indexes.find(({ spec }) => spec.name === added.spec.name);
  if (namesake && namesake !== same) {
    const message = `An existing index has the same name as the requested index. Requested: ${shown(added)}, existing: ${shown(namesake)}`;
    throw new CommandFailure('IndexKeySpecsConflict', message);
  }
  if (!same) return 'none';
  if (!namesake)
    throw new CommandFailure(
      'IndexOptionsConflict',
      `Index already exists with a different name: ${same.spec.name}`,
    );
  if (same.spec.expireAfterSeconds === added.spec.expireAfterSeconds) return 'exists';
  const message = `An equivalent index already exists with the same name but different options. Requested: ${shown(added)}, existing: ${shown(same)}`;
  throw new CommandFailure('IndexOptionsConflict', message);
}

function checked(requested: Document): Document {
  const { background, ...spec }: Document = { v: 2, ...requested };
  const unknown = Object.keys(spec).find((option) => !OPTIONS.includes(option));
  if (unknown !== undefined)
    throw new CommandFailure('CommandNotSupported', `this test server has no index option ${unknown}`);
  const kinds = Object.values(spec.key ?? {});
  if (kinds.length === 0 || kinds.some((kind) => typeof kind === 'string'))
    throw new CommandFailure('CannotCreateIndex', 'an index needs fields, each with 1 or -1');
  if (spec.expireAfterSeconds === undefined) return spec;
  if (kinds.length > 1 || Object.hasOwn(spec.key, '_id'))
    throw new CommandFailure('CannotCreateIndex', 'TTL indexes are single-field indexes, and not on _id');
  return { ...spec, expireAfterSeconds: Number(spec.expireAfterSeconds) };
}

function identityOf({ spec }: CollectionIndex): string {
  // Entries, not the object: the order of an index's fields is part of it.
  return JSON.stringify(
    IDENTITY.map((option) => (spec[option] ? Object.entries(viewOf({ ...asFields(spec[option]) })) : null)),
  );
}

function asFields(option: unknown): Document {
  return option === true ? { option } : (option as Document);
}

function shown({ spec }: CollectionIndex): string {
  return JSON.stringify(spec);
}
