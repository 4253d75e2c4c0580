/**
 * Commands that write documents. Of a command with several writes each stands alone: an ordered one ends at the first that
 * fails, an unordered one goes on, and both say which failed.
 */
import type { Document } from 'bson';
import type { Collection, StoredDocument } from './collection.js';
import type { CommandContext, Handler } from './commands.js';
import { decodeExact, decodeView, isDocument } from './documents.js';
import { CommandFailure, writeError } from './errors.js';
import { compileProjection, isOperators } from './matching.js';
import { type Update, updated, upserted } from './update.js';

const insert: Handler = (command, { storage }) => {
  const collection = storage.findOrCreate(command.$db, command.insert);
  let n = 0;
  const failed = each(command.documents, command.ordered, (document) => {
    collection.insert(document);
    n++;
  });
  return { n, ...failed };
};

const update: Handler = (command, context) => {
  const collection = written(context, command.$db, command.update, command.updates);
  let [n, nModified] = [0, 0];
  const inserted: Document[] = [];
  const failed = each(
    command.updates,
    command.ordered,
    ({ q, u, multi = false, upsert, sort, arrayFilters }, index) => {
      if (multi && isDocument(u) && !isOperators(u) && Object.keys(u).length > 0)
        throw new CommandFailure(
          'FailedToParse',
          'multi update is not supported for replacement-style update',
        );
      const change = { filter: q, change: u, arrayFilters, now: new Date(context.now()) };
      const found = collection.select({ filter: q, sort, limit: multi ? 0 : 1 });
      if (found.length === 0 && upsert) {
        inserted.push({ index, _id: collection.insert(upserted(change)).view._id });
        n++;
      }
      for (const document of found) {
        if (collection.replace(document, updated(document.bytes, change))) nModified++;
        n++;
      }
    },
  );
  return { n, nModified, ...(inserted.length > 0 && { upserted: inserted }), ...failed };
};

const remove: Handler = (command, { storage }) => {
  const collection = storage.findOrEmpty(command.$db, command.delete);
  let n = 0;
  const failed = each(command.deletes, command.ordered, ({ q, limit }) => {
    const found = collection.select({ filter: q, limit: Number(limit) });
    for (const document of found) collection.remove(document);
    n += found.length;
  });
  return { n, ...failed };
};

const findAndModify: Handler = (command, context) => {
  const { query = {}, sort, fields = {}, remove: isRemoval = false } = command;
  if (isRemoval && (command.update || command.new))
    throw new CommandFailure(
      'FailedToParse',
      "Cannot specify both an update and remove=true, nor 'new' with it",
    );
  const collection = written(context, command.$db, command.findAndModify, [command]);
  const [found] = collection.select({ filter: query, sort, limit: 1 });
  const project = compileProjection(fields, query);
  const shown = ({ bytes }: StoredDocument) =>
    Object.keys(fields).length === 0 ? decodeExact(bytes) : project(decodeView(bytes));
  if (isRemoval) {
    if (found) collection.remove(found);
    return { lastErrorObject: { n: found ? 1 : 0 }, value: found ? shown(found) : null };
  }
  return modify(collection, found, command, context, shown);
};

export const WRITING: Readonly<Record<string, Handler>> = { insert, update, delete: remove, findAndModify };

function modify(
  collection: Collection,
  found: StoredDocument | undefined,
  command: Document,
  context: CommandContext,
  shown: (document: StoredDocument) => Document,
): Document {
  const { query: filter = {}, update: change, arrayFilters } = command;
  const requested: Update = { filter, change, arrayFilters, now: new Date(context.now()) };
  if (!found && !command.upsert) return { lastErrorObject: { n: 0, updatedExisting: false }, value: null };
  if (!found) {
    const added = collection.insert(upserted(requested));
    const lastErrorObject = { n: 1, updatedExisting: false, upserted: added.view._id };
    return { lastErrorObject, value: command.new ? shown(added) : null };
  }
  collection.replace(found, updated(found.bytes, requested));
  const [after] = command.new ? collection.select({ filter: { _id: found.view._id } }) : [found];
  return { lastErrorObject: { n: 1, updatedExisting: true }, value: after ? shown(after) : null };
}

/** Only an upsert makes a collection that isn't there. */
function written({ storage }: CommandContext, database: string, name: string, writes: readonly Document[]) {
  const mayInsert = writes.some(({ upsert }) => upsert);
  return mayInsert ? storage.findOrCreate(database, name) : storage.findOrEmpty(database, name);
}

function each(
  writes: readonly Document[],
  isOrdered: boolean,
  write: (write: Document, index: number) => void,
) {
  const writeErrors: Document[] = [];
  for (const [index, requested] of writes.entries()) {
    try {
      write(requested, index);
    } catch (error) {
      if (!(error instanceof CommandFailure)) throw error;
      writeErrors.push(writeError(index, error));
      if (isOrdered !== false) break;
    }
  }
  return writeErrors.length > 0 ? { writeErrors } : {};
}
