/**
 * Commands about collections, databases and indexes.
 */
import { type Document, UUID } from 'bson';
import type { Collection } from './collection.js';
import type { CommandContext, Handler } from './commands.js';
import { encode } from './documents.js';
import { CommandFailure } from './errors.js';
import { compileFilter } from './matching.js';

/** Options of `create` that would change how a collection behaves, and that nothing here obeys. */
const REFUSED_OPTIONS = ['capped', 'timeseries', 'viewOn', 'validator', 'clusteredIndex', 'collation'];

const create: Handler = (command, { storage }) => {
  const refused = REFUSED_OPTIONS.find((option) => command[option]);
  if (refused !== undefined)
    throw new CommandFailure('CommandNotSupported', `this test server has no collection option ${refused}`);
  storage.findOrCreate(command.$db, command.create);
  return {};
};

const listCollections: Handler = (command, { storage, cursors }) => {
  const matches = compileFilter(command.filter ?? {});
  const described = storage.collections(command.$db).map((name) => ({
    name,
    type: 'collection',
    ...(!command.nameOnly && { options: {}, info: { readOnly: false, uuid: new UUID() } }),
  }));
  const results = described.filter(matches).map(encode);
  return cursors.open(`${command.$db}.$cmd.listCollections`, results, command.cursor ?? {});
};

const listDatabases: Handler = (command, { storage }) => {
  const matches = compileFilter(command.filter ?? {});
  const databases = storage.databases.map((name) => ({ name, sizeOnDisk: 1, empty: false })).filter(matches);
  return command.nameOnly ? { databases: databases.map(({ name }) => ({ name })) } : { databases };
};

const createIndexes: Handler = (command, { storage }) => {
  const isNew = !storage.find(command.$db, command.createIndexes);
  const collection = storage.findOrCreate(command.$db, command.createIndexes);
  const numIndexesBefore = collection.indexes.length;
  for (const spec of command.indexes) collection.createIndex(spec);
  const numIndexesAfter = collection.indexes.length;
  return { numIndexesBefore, numIndexesAfter, createdCollectionAutomatically: isNew };
};

const listIndexes: Handler = (command, context) => {
  const collection = existing(context, command.$db, command.listIndexes);
  const results = collection.indexes.map(({ spec }) => encode(spec));
  return context.cursors.open(collection.namespace, results, command.cursor ?? {});
};

const dropIndexes: Handler = (command, context) => {
  const collection = existing(context, command.$db, command.dropIndexes);
  const { index } = command;
  const nIndexesWas = collection.indexes.length;
  const dropped = collection.dropIndexes((spec) => index === '*' || isNamed(spec, index));
  if (dropped === 0 && index !== '*')
    throw new CommandFailure('IndexNotFound', `index not found with name [${JSON.stringify(index)}]`);
  return { nIndexesWas };
};

/** Only what it is needed for: another time to live. */
const collMod: Handler = (command, context) => {
  const collection = existing(context, command.$db, command.collMod);
  const { index: request } = command;
  if (request?.expireAfterSeconds === undefined)
    throw new CommandFailure('CommandNotSupported', 'this test server changes only expireAfterSeconds');
  const index = collection.indexes.find(({ spec }) => isNamed(spec, request.name ?? request.keyPattern));
  if (!index) throw new CommandFailure('IndexNotFound', 'cannot find the index to change');
  const before = index.spec.expireAfterSeconds;
  index.expireAfter(Number(request.expireAfterSeconds));
  const after = index.spec.expireAfterSeconds;
  return { ...(before !== undefined && { expireAfterSeconds_old: before }), expireAfterSeconds_new: after };
};

export const ADMINISTRATION: Readonly<Record<string, Handler>> = {
  create,
  listCollections,
  listDatabases,
  createIndexes,
  listIndexes,
  dropIndexes,
  collMod,
  drop: (command, { storage }) => {
    if (storage.drop(command.$db, command.drop)) return { ns: `${command.$db}.${command.drop}` };
    return {};
  },
  dropDatabase: (command, { storage }) => {
    storage.dropDatabase(command.$db);
    return { dropped: command.$db };
  },
};

function existing({ storage }: CommandContext, database: string, name: string): Collection {
  const collection = storage.find(database, name);
  if (collection) return collection;
  throw new CommandFailure('NamespaceNotFound', `ns does not exist: ${database}.${name}`);
}

/** An index is named by its name, several names, or its fields. */
function isNamed(spec: Document, named: unknown): boolean {
  if (typeof named === 'string') return spec.name === named;
  if (Array.isArray(named)) return named.includes(spec.name);
  return JSON.stringify(Object.entries(spec.key)) === JSON.stringify(Object.entries(named ?? {}));
}
