/**
 * Filters, projections and pipelines, all asked of views and answered by mingo. What mingo does not know is refused as a
 * mongod refuses what it doesn't know: nothing is ignored that would change an answer.
 */
import type { Document } from 'bson';
import { Aggregator, Query } from 'mingo';
import { isDocument, viewOf } from './documents.js';
import { CommandFailure } from './errors.js';
import { setAt } from './paths.js';

/** @param filter as it came in the command */
export function compileFilter(filter: Document): (view: Document) => boolean {
  if (Object.keys(filter).length === 0) return () => true;
  const { $comment, ...conditions } = viewOf(filter);
  const query = asked(() => new Query(conditions, { scriptEnabled: false }));
  return (view) => asked(() => query.test(view));
}

/** @param filter the one that found the document, for a positional projection */
export function compileProjection(projection: Document, filter: Document): (view: Document) => Document {
  if (Object.keys(projection).length === 0) return (view) => view;
  const fields = viewOf(projection);
  const isPositional = Object.keys(fields).some((path) => path.endsWith('.$'));
  const project = isPositional
    ? (view: Document) => new Query(viewOf(filter), {}).find<Document>([view], fields).all()
    : (view: Document) => new Aggregator([{ $project: fields }], {}).run<Document>([view]);
  return (view) => idFirst(asked(() => project(view))[0] ?? {});
}

/** @param collectionNamed the documents another stage may look up */
export function runPipeline(
  pipeline: readonly Document[],
  views: Document[],
  variables: Document = {},
  collectionNamed: (name: string) => Document[] = () => [],
): Document[] {
  const stages = pipeline.map((stage) => viewOf(stage));
  for (const name of stages.flatMap((stage) => Object.keys(stage))) {
    if (name === '$out' || name === '$merge')
      throw new CommandFailure('CommandNotSupported', `this test server has no ${name}`);
  }
  return asked(() =>
    new Aggregator(stages, {
      scriptEnabled: false,
      collectionResolver: collectionNamed,
      variables: viewOf(variables),
    }).run<Document>(views),
  );
}

/** What a new document of an upsert takes from its filter: the fields that the filter says are equal to a value. */
export function equalitiesOf(filter: Document): Document {
  const seed: Document = {};
  const visit = (conditions: Document) => {
    for (const [path, condition] of Object.entries(conditions)) {
      if (path === '$and') for (const part of condition) visit(part);
      else if (path.startsWith('$')) continue;
      else if (!isOperators(condition)) setAt(seed, path.split('.'), condition);
      else if (Object.hasOwn(condition, '$eq')) setAt(seed, path.split('.'), condition.$eq);
    }
  };
  visit(filter);
  return seed;
}

export function isOperators(value: unknown): boolean {
  return isDocument(value) && Object.keys(value).some((name) => name.startsWith('$'));
}

export function idFirst(document: Document): Document {
  return Object.hasOwn(document, '_id') ? { _id: document._id, ...document } : document;
}

function asked<T>(ask: () => T): T {
  try {
    return ask();
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    const message = error instanceof Error ? error.message : String(error);
    const isUnknownStage = message.startsWith('unregistered pipeline operator');
    throw new CommandFailure(isUnknownStage ? 'Location40324' : 'BadValue', message);
  }
}
