/**
 * The update operators, each from a field's present value (`undefined` when it is missing) and its argument to the next.
 * They work on the exact form, so that a number of 64 bits stays one.
 */
import { type Document, Long, Timestamp } from 'bson';
import { isDocument, viewOf } from './documents.js';
import { CommandFailure } from './errors.js';
import { compileFilter, isOperators } from './matching.js';
import { compareValues, isNumeric, sortedBy } from './order.js';

interface Applied {
  readonly name: string;
  readonly path: string;
  readonly now: Date;
}

type Operator = (current: unknown, argument: unknown, applied: Applied) => unknown;

/** An operator's answer: the field goes. */
export const REMOVED = Symbol('removed');

/** They make no field where there is none. */
export const ONLY_WHEN_PRESENT: ReadonlySet<string> = new Set(['$unset', '$pop', '$pull', '$pullAll']);

export const OPERATORS: Readonly<Record<string, Operator>> = {
  $set: (_, argument) => argument,
  $setOnInsert: (_, argument) => argument,
  $unset: () => REMOVED,
  $inc: (current, by, applied) => calculated(current ?? 0, by, applied),
  $mul: (current, by, applied) => calculated(current ?? 0, by, applied),
  $min: (current, other) => (current === undefined || compareValues(other, current) < 0 ? other : current),
  $max: (current, other) => (current === undefined || compareValues(other, current) > 0 ? other : current),
  $currentDate: (_, argument, { now }) =>
    isDocument(argument) && argument.$type === 'timestamp'
      ? new Timestamp({ t: Math.floor(now.getTime() / 1000), i: 1 })
      : now,
  $push: (current, argument, applied) => pushed(arrayOr(current, [], applied), argument),
  $addToSet: (current, argument, applied) => {
    const result = [...arrayOr(current, [], applied)];
    for (const value of eachOf(argument)) if (!includes(result, value)) result.push(value);
    return result;
  },
  $pop: (current, end, applied) => {
    const array = arrayOr(current, [], applied);
    return Number(end) < 0 ? array.slice(1) : array.slice(0, -1);
  },
  $pull: (current, condition, applied) => {
    const matches = pullFilter(condition);
    return arrayOr(current, [], applied).filter((element) => !matches(element));
  },
  $pullAll: (current, values, applied) =>
    arrayOr(current, [], applied).filter((element) => !includes(values as unknown[], element)),
};

function calculated(current: unknown, by: unknown, { name, path }: Applied): number | Long {
  if (!isNumeric(current) || !isNumeric(by)) {
    const message = `Cannot apply ${name} to a value of non-numeric type: the field '${path}' or its argument`;
    throw new CommandFailure('TypeMismatch', message);
  }
  if (current instanceof Long || by instanceof Long) {
    const [a, b] = [asLong(current), asLong(by)];
    if (a && b) return name === '$inc' ? a.add(b) : a.multiply(b);
  }
  if (typeof current === 'object' && !(current instanceof Long))
    throw new CommandFailure('CommandNotSupported', `this test server has no ${name} of a Decimal128`);
  return name === '$inc' ? Number(current) + Number(by) : Number(current) * Number(by);
}

function asLong(value: unknown): Long | undefined {
  if (value instanceof Long) return value;
  return Number.isSafeInteger(value) ? Long.fromNumber(value as number) : undefined;
}

function pushed(array: readonly unknown[], argument: unknown): unknown[] {
  const isList = isDocument(argument) && Object.hasOwn(argument, '$each');
  const { $position, $sort, $slice }: Document = isList ? argument : {};
  const at = $position === undefined ? array.length : Number($position);
  let result = [...array.slice(0, at), ...eachOf(argument), ...array.slice(at)];
  if (isDocument($sort)) result = sortedBy(result, $sort, (element) => viewOf({ ...(element as Document) }));
  else if ($sort !== undefined) result.sort((a, b) => compareValues(a, b) * Number($sort));
  if ($slice === undefined) return result;
  return Number($slice) < 0 ? result.slice(Number($slice)) : result.slice(0, Number($slice));
}

function eachOf(argument: unknown): readonly unknown[] {
  if (!isDocument(argument) || !Object.hasOwn(argument, '$each')) return [argument];
  if (Array.isArray(argument.$each)) return argument.$each;
  throw new CommandFailure('BadValue', 'The argument to $each must be an array');
}

/** A document is asked of elements as a filter is; anything else must be equal. */
function pullFilter(condition: unknown): (element: unknown) => boolean {
  if (isOperators(condition)) {
    const matches = compileFilter({ element: condition });
    return (element) => matches(viewOf({ element }));
  }
  if (!isDocument(condition)) return (element) => compareValues(element, condition) === 0;
  const matches = compileFilter(condition);
  return (element) => isDocument(element) && matches(viewOf(element));
}

function includes(values: readonly unknown[], wanted: unknown): boolean {
  return values.some((value) => compareValues(value, wanted) === 0);
}

function arrayOr(current: unknown, missing: readonly unknown[], { name, path }: Applied): readonly unknown[] {
  if (current === undefined) return missing;
  if (Array.isArray(current)) return current;
  throw new CommandFailure('BadValue', `Cannot apply ${name} to a non-array value: the field '${path}'`);
}
