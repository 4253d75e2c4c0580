/**
 * One update applied to one document, on a copy in exact form: a replacement, a pipeline, or operators. The caller
 * stores the result or, when anything here throws, nothing.
 */
import { type Document, ObjectId } from 'bson';
import { decodeExact, decodeView, encode, valueKey, viewOf } from './documents.js';
import { CommandFailure } from './errors.js';
import { compileFilter, equalitiesOf, idFirst, isOperators, runPipeline } from './matching.js';
import { setAt, unsetAt, valueAt } from './paths.js';
import { ONLY_WHEN_PRESENT, OPERATORS, REMOVED } from './update-operators.js';
import { type ArrayFilters, concretePaths } from './update-paths.js';

export interface Update {
  readonly filter: Document;
  /** A replacement, operators, or a pipeline. */
  readonly change: Document | readonly Document[];
  readonly arrayFilters?: readonly Document[] | undefined;
  readonly now: Date;
}

const PIPELINE_STAGES = ['$addFields', '$set', '$project', '$unset', '$replaceRoot', '$replaceWith'];

/** @throws {CommandFailure} ImmutableField when the result has another `_id` */
export function updated(bytes: Uint8Array, update: Update): Document {
  const before = decodeExact(bytes);
  const after = changed(before, update, false);
  if (valueKey(viewOf({ _id: after._id })._id) !== valueKey(decodeView(bytes)._id)) {
    const message = `Performing an update on the path '_id' would modify the immutable field '_id'`;
    throw new CommandFailure('ImmutableField', message);
  }
  return after;
}

/** The document that an upsert inserts when its filter finds none. */
export function upserted(update: Update): Document {
  const seed = decodeExact(encode(equalitiesOf(update.filter)));
  const after = changed(seed, update, true);
  return idFirst(after._id === undefined ? { _id: new ObjectId(), ...after } : after);
}

function changed(before: Document, update: Update, isInsert: boolean): Document {
  const { change } = update;
  if (isPipeline(change)) {
    const unknown = change
      .flatMap((stage) => Object.keys(stage))
      .find((name) => !PIPELINE_STAGES.includes(name));
    if (unknown !== undefined)
      throw new CommandFailure('InvalidOptions', `${unknown} is not allowed to be used within an update`);
    return runPipeline(change, [viewOf(before)])[0] ?? {};
  }
  const fields = change as Document;
  if (isOperators(fields)) return operated(before, fields, update, isInsert);
  return before._id === undefined ? { ...fields } : { _id: before._id, ...fields };
}

function isPipeline(change: Update['change']): change is readonly Document[] {
  return Array.isArray(change);
}

function operated(document: Document, change: Document, update: Update, isInsert: boolean): Document {
  assertNoConflict(change);
  const filters = compileArrayFilters(update.arrayFilters ?? []);
  const place = { document, filter: update.filter, filters };
  for (const [name, fields] of Object.entries(change)) {
    if (name === '$setOnInsert' && !isInsert) continue;
    if (name === '$rename') {
      for (const [from, to] of Object.entries(fields)) rename(document, from, String(to));
      continue;
    }
    const operator = OPERATORS[name];
    if (operator === undefined) throw new CommandFailure('FailedToParse', `Unknown modifier: ${name}`);
    for (const [path, argument] of Object.entries(fields as Document)) {
      for (const steps of concretePaths(place, path)) {
        const current = valueAt(document, steps);
        if (current === undefined && ONLY_WHEN_PRESENT.has(name)) continue;
        const next = operator(current, argument, { name, path, now: update.now });
        if (next === REMOVED) unsetAt(document, steps);
        else setAt(document, steps, next);
      }
    }
  }
  return document;
}

function rename(document: Document, from: string, to: string): void {
  const value = valueAt(document, from.split('.'));
  if (value === undefined) return;
  unsetAt(document, from.split('.'));
  setAt(document, to.split('.'), value);
}

/** Two operators may not touch the same field, nor one a field inside the other's. */
function assertNoConflict(change: Document): void {
  const paths = Object.entries(change).flatMap(([name, fields]) =>
    name === '$rename' ? Object.entries(fields).flat().map(String) : Object.keys(fields as Document),
  );
  paths.sort();
  for (const [at, path] of paths.entries()) {
    const clash = paths.slice(at + 1).find((other) => other === path || other.startsWith(`${path}.`));
    if (clash === undefined) continue;
    const message = `Updating the path '${clash}' would create a conflict at '${path}'`;
    throw new CommandFailure('ConflictingUpdateOperators', message);
  }
}

function compileArrayFilters(filters: readonly Document[]): ArrayFilters {
  return new Map(
    filters.map((filter) => {
      const name = Object.keys(filter)[0]?.split('.')[0] ?? '';
      const matches = compileFilter(filter);
      return [name, (element: unknown) => matches(viewOf({ [name]: element }))];
    }),
  );
}
