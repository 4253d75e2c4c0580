/**
 * Dotted paths into a document: read as an index or a sort reads them (through arrays), and written as an update does
 * (each step named, missing ones made).
 */
import type { Document } from 'bson';
import { isDocument } from './documents.js';
import { CommandFailure } from './errors.js';

/** Every value an index would hold for the path; none when it is missing, `undefined` for an empty array. */
export function valuesAt(document: Document, path: string): unknown[] {
  const found: unknown[] = [];
  collect(document, path.split('.'), found);
  return found;
}

function collect(value: unknown, steps: readonly string[], found: unknown[]): void {
  const [step, ...rest] = steps;
  if (step === undefined) {
    if (!Array.isArray(value)) found.push(value);
    else if (value.length === 0) found.push(undefined);
    else found.push(...value);
  } else if (Array.isArray(value)) {
    if (isIndex(step) && Number(step) < value.length) collect(value[Number(step)], rest, found);
    for (const element of value) if (isDocument(element)) collect(element, steps, found);
  } else if (isDocument(value) && Object.hasOwn(value, step)) {
    collect(value[step], rest, found);
  }
}

export function valueAt(document: Document, steps: readonly string[]): unknown {
  let value: unknown = document;
  for (const step of steps) {
    if (Array.isArray(value)) value = isIndex(step) ? value[Number(step)] : undefined;
    else value = isDocument(value) && Object.hasOwn(value, step) ? value[step] : undefined;
  }
  return value;
}

/** @throws {CommandFailure} PathNotViable when the way leads through something that has no fields */
export function setAt(document: Document, steps: readonly string[], value: unknown): void {
  let holder: unknown = document;
  for (const [at, step] of steps.entries()) {
    const isLast = at === steps.length - 1;
    if (Array.isArray(holder) && isIndex(step)) {
      while (holder.length < Number(step)) holder.push(null);
      if (isLast) holder[Number(step)] = value;
      else holder = holder[Number(step)] ??= {};
    } else if (isDocument(holder)) {
      if (isLast) holder[step] = value;
      else if (Object.hasOwn(holder, step)) holder = holder[step];
      else holder = holder[step] = {};
    } else {
      const parent = steps.slice(0, at).join('.');
      throw new CommandFailure('PathNotViable', `Cannot create field '${step}' in element {${parent}: ...}`);
    }
  }
}

/** An element of an array is emptied and stays, as on a real server. */
export function unsetAt(document: Document, steps: readonly string[]): void {
  const holder = valueAt(document, steps.slice(0, -1));
  const last = steps.at(-1) ?? '';
  if (Array.isArray(holder)) holder[Number(last)] = null;
  else if (isDocument(holder)) delete holder[last];
}

function isIndex(step: string): boolean {
  return /^\d{1,9}$/.test(step);
}
