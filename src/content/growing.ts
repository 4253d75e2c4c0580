/**
 * The content of a provider's stream grows by what comes from outside: lists found by the provider's own indexes, and fields taken
 * over as they are. Nothing of an event is shared with the content, where the fold would change it.
 */

import type { Fields } from '../stream/model/fields.js';
import { isObject } from '../stream/model/plain-values.js';

/** An object of the content, as its fold may change it. */
export type Own = Record<string, unknown>;

/** Copies the fields of an event but for `except`; of a field that would change what the object is, nothing. */
export function assign(target: Own, fields: Fields, except: readonly string[] = []): void {
  for (const [name, value] of Object.entries(fields))
    if (name !== '__proto__' && !except.includes(name)) target[name] = value;
}

/** Adds text to a field that may not be there yet. */
export function grow(target: Own, field: string, piece: unknown): void {
  if (typeof piece !== 'string' || piece === '') return;
  const known = target[field];
  target[field] = typeof known === 'string' ? known + piece : piece;
}

/** Adds the items of a list to a field that may not be there yet. */
export function append(target: Own, field: string, more: unknown): void {
  if (!Array.isArray(more)) return;
  const known = target[field];
  if (!Array.isArray(known)) target[field] = [...more];
  else for (const item of more) known.push(item);
}

/** The value as an object of the content's own, with all that is in it. */
export function ownCopy(value: unknown): Own {
  return isObject(value) ? (structuredClone(value) as Own) : {};
}

/**
 * The place of an index in a list of indexes that ascends; the newest, of several. It looks from the end, where a stream goes on.
 * @returns -1 when it is not there
 */
export function placeOf(indexes: readonly number[], index: number): number {
  const place = insertionPlace(indexes, index) - 1;
  return indexes[place] === index ? place : -1;
}

/** Says where an index that is not there yet belongs, in a list that ascends. */
export function insertionPlace(indexes: readonly number[], index: number): number {
  let place = indexes.length;
  while (place > 0 && (indexes[place - 1] as number) > index) place--;
  return place;
}

/** Says whether two values are written alike, as JSON. */
export function isAlike(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** Says whether a text says nothing. */
export function isBlank(text: unknown): boolean {
  return typeof text !== 'string' || text.trim() === '';
}

/** The fields without those named. */
export function without(fields: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)));
}

/** Data of the `created` event, as every model keeps it: nothing unless the host gave something. */
export function withCreated<Content extends object>(content: Content, data: unknown): Content {
  const created = isObject(data) ? data.created : undefined;
  return created === undefined || created === null ? content : { created, ...content };
}
