/**
 * An update's path with `$`, `$[]` or `$[name]` in it, made into the paths of the elements it means in one document.
 */
import type { Document } from 'bson';
import { viewOf } from './documents.js';
import { CommandFailure } from './errors.js';
import { compileFilter } from './matching.js';
import { setAt, valueAt } from './paths.js';

/** By the name in `$[name]`: whether an element is meant. */
export type ArrayFilters = ReadonlyMap<string, (element: unknown) => boolean>;

export interface Place {
  readonly document: Document;
  /** The filter that found the document: `$` means the element it matched. */
  readonly filter: Document;
  readonly filters: ArrayFilters;
}

/** @throws {CommandFailure} BadValue when there is no such array, element or array filter */
export function concretePaths(place: Place, path: string): string[][] {
  let paths: string[][] = [[]];
  for (const step of path.split('.')) {
    if (step.startsWith('$')) paths = paths.flatMap((steps) => elementsMeant(place, steps, step));
    else for (const steps of paths) steps.push(step);
  }
  return paths;
}

function elementsMeant(place: Place, steps: readonly string[], step: string): string[][] {
  const path = steps.join('.');
  const array = valueAt(place.document, steps);
  if (!Array.isArray(array)) {
    const message = `The path '${path}' must exist in the document in order to apply array updates.`;
    throw new CommandFailure('BadValue', message);
  }
  if (step === '$') return [[...steps, String(matchedElement(place.filter, path, array))]];
  const matches = elementFilter(place, path, step);
  return array.flatMap((element, at) => (matches(element) ? [[...steps, String(at)]] : []));
}

function elementFilter({ filters }: Place, path: string, step: string): (element: unknown) => boolean {
  if (step === '$[]') return () => true;
  const name = step.slice(2, -1);
  const matches = filters.get(name);
  if (matches) return matches;
  throw new CommandFailure('BadValue', `No array filter found for identifier '${name}' in path '${path}'`);
}

/** The first element that alone would satisfy what the filter asks of the array. */
function matchedElement(filter: Document, path: string, array: readonly unknown[]): number {
  const conditions = conditionsOn(filter, path);
  const matchers = conditions.map((condition) => compileFilter(condition));
  const at = array.findIndex((element) => {
    const alone: Document = {};
    setAt(alone, path.split('.'), [element]);
    const view = viewOf(alone);
    return matchers.length > 0 && matchers.every((matches) => matches(view));
  });
  if (at >= 0) return at;
  const message = 'The positional operator did not find the match needed from the query.';
  throw new CommandFailure('BadValue', message);
}

function conditionsOn(filter: Document, path: string): Document[] {
  return Object.entries(filter).flatMap(([key, condition]) => {
    if (key === '$and') return (condition as Document[]).flatMap((part) => conditionsOn(part, path));
    return key === path || key.startsWith(`${path}.`) ? [{ [key]: condition }] : [];
  });
}
