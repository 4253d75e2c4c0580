/**
 * Commands that change nothing: find, count, distinct, aggregate, and what keeps their cursors going.
 */
import type { Document } from 'bson';
import type { CommandContext, Handler } from './commands.js';
import { decodeView, encode, valueKey } from './documents.js';
import { CommandFailure } from './errors.js';
import { compileProjection, runPipeline } from './matching.js';
import { valuesAt } from './paths.js';

const find: Handler = (command, context) => {
  const { filter = {}, sort, projection = {}, batchSize, singleBatch } = command;
  const [skip, limit] = [Number(command.skip ?? 0), Number(command.limit ?? 0)];
  const collection = context.storage.find(command.$db, command.find);
  const found = collection?.select({ filter, sort, skip, limit }) ?? [];
  const project = compileProjection(projection, filter);
  const results =
    Object.keys(projection).length === 0
      ? found.map(({ bytes }) => bytes)
      : found.map(({ bytes }) => encode(project(decodeView(bytes))));
  return context.cursors.open(`${command.$db}.${command.find}`, results, { batchSize, singleBatch });
};

const count: Handler = (command, { storage }) => {
  const selection = {
    filter: command.query,
    skip: Number(command.skip ?? 0),
    limit: Number(command.limit ?? 0),
  };
  return { n: storage.find(command.$db, command.count)?.select(selection).length ?? 0 };
};

const distinct: Handler = (command, { storage }) => {
  const found = storage.find(command.$db, command.distinct)?.select({ filter: command.query }) ?? [];
  const values = found.flatMap(({ view }) => valuesAt(view, command.key));
  const present = values.filter((value) => value !== undefined);
  return { values: [...new Map(present.map((value) => [valueKey(value), value])).values()] };
};

const aggregate: Handler = (command, context) => {
  const pipeline: Document[] = command.pipeline;
  if (command.explain) throw new CommandFailure('CommandNotSupported', 'this test server has no explain');
  if (pipeline.some((stage) => Object.hasOwn(stage, '$changeStream')))
    throw new CommandFailure('Location40573', 'The $changeStream stage is only supported on replica sets');
  const views = (name: unknown) => viewsOf(context, command.$db, name);
  const results = runPipeline(pipeline, views(command.aggregate), command.let, views);
  const batchSize = command.cursor?.batchSize;
  return context.cursors.open(`${command.$db}.${command.aggregate}`, results.map(encode), { batchSize });
};

export const READING: Readonly<Record<string, Handler>> = {
  find,
  count,
  distinct,
  aggregate,
  getMore: ({ getMore, batchSize }, { cursors }) => cursors.getMore(getMore, Number(batchSize ?? Infinity)),
  killCursors: (command, { cursors }) => cursors.kill(command.cursors),
};

/** Fresh ones: stages of a pipeline may change what goes through them. */
function viewsOf({ storage }: CommandContext, database: string, name: unknown): Document[] {
  // A pipeline that makes its own documents names the number 1 instead of a collection.
  const collection = typeof name === 'string' ? storage.find(database, name) : undefined;
  return collection?.select({}).map(({ bytes }) => decodeView(bytes)) ?? [];
}
