/**
 * The order of BSON values: by type first, then by value; numbers of all types are compared with each other.
 */
import {
  Binary,
  BSONRegExp,
  Decimal128,
  type Document,
  Long,
  MaxKey,
  MinKey,
  ObjectId,
  Timestamp,
} from 'bson';
import { isDocument } from './documents.js';
import { valuesAt } from './paths.js';

/** @returns less than, equal to or more than 0 */
export function compareValues(a: unknown, b: unknown): number {
  const rank = rankOf(a) - rankOf(b);
  if (rank !== 0) return rank;
  if (isNumeric(a) && isNumeric(b)) return compareNumbers(a, b);
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : a > b ? 1 : 0;
  if (Array.isArray(a) && Array.isArray(b)) return compareLists(a, b);
  if (isDocument(a) && isDocument(b)) return compareLists(Object.entries(a).flat(), Object.entries(b).flat());
  if (a instanceof Date && b instanceof Date) return a.getTime() - b.getTime();
  if (a instanceof ObjectId && b instanceof ObjectId) return Buffer.compare(a.id, b.id);
  if (a instanceof Binary && b instanceof Binary) return compareBinaries(a, b);
  if (a instanceof Timestamp && b instanceof Timestamp) return a.compare(b);
  if (typeof a === 'boolean') return Number(a) - Number(b);
  if (a instanceof RegExp || a instanceof BSONRegExp) return compareValues(patternOf(a), patternOf(b));
  return 0;
}

/** Sorts stably by the paths of `sort`; an array counts with its least value, or its greatest when descending. */
export function sortedBy<T>(items: readonly T[], sort: Document, viewOf: (item: T) => Document): T[] {
  const keys = Object.entries(sort).map(([path, direction]) => ({
    path,
    sign: Number(direction) < 0 ? -1 : 1,
  }));
  const ranked = items.map((item) => ({
    item,
    values: keys.map(({ path, sign }) => extreme(valuesAt(viewOf(item), path), sign)),
  }));
  ranked.sort((a, b) => {
    for (const [at, { sign }] of keys.entries()) {
      const order = compareValues(a.values[at], b.values[at]);
      if (order !== 0) return order * sign;
    }
    return 0;
  });
  return ranked.map(({ item }) => item);
}

export function isNumeric(value: unknown): value is number | Long | Decimal128 {
  if (value instanceof Timestamp) return false;
  return typeof value === 'number' || value instanceof Long || value instanceof Decimal128;
}

function extreme(values: readonly unknown[], sign: number): unknown {
  if (values.length === 0) return null;
  return values.reduce((best, value) => (compareValues(value, best) * sign < 0 ? value : best));
}

function rankOf(value: unknown): number {
  if (value instanceof MinKey) return 0;
  // An empty array's place in a sort.
  if (value === undefined) return 1;
  if (value === null) return 2;
  if (isNumeric(value)) return 3;
  if (typeof value === 'string') return 4;
  if (Array.isArray(value)) return 6;
  if (value instanceof Binary) return 7;
  if (value instanceof ObjectId) return 8;
  if (typeof value === 'boolean') return 9;
  if (value instanceof Date) return 10;
  if (value instanceof Timestamp) return 11;
  if (value instanceof RegExp || value instanceof BSONRegExp) return 12;
  if (value instanceof MaxKey) return 14;
  return isDocument(value) ? 5 : 13;
}

function compareNumbers(a: number | Long | Decimal128, b: number | Long | Decimal128): number {
  if (a instanceof Long && b instanceof Long) return a.compare(b);
  const [left, right] = [Number(a), Number(b)];
  if (Number.isNaN(left) || Number.isNaN(right))
    return Number(Number.isNaN(right)) - Number(Number.isNaN(left));
  return left < right ? -1 : left > right ? 1 : 0;
}

function compareLists(a: readonly unknown[], b: readonly unknown[]): number {
  for (let at = 0; at < Math.min(a.length, b.length); at++) {
    const order = compareValues(a[at], b[at]);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

function compareBinaries(a: Binary, b: Binary): number {
  return a.length() - b.length() || a.sub_type - b.sub_type || Buffer.compare(a.value(), b.value());
}

function patternOf(value: unknown): string {
  if (value instanceof BSONRegExp) return `${value.pattern}/${value.options}`;
  return value instanceof RegExp ? `${value.source}/${value.flags}` : '';
}
