/**
 * Arguments are compared as JSON has them: what a tool gets and a rule would see otherwise (a class of its own, a function,
 * a number JSON can't carry) is the same as nothing, so no rule allows it.
 */
import type { Json } from '../stream/model/types.js';

/** Says whether a value is an object with fields of its own alone: no list, and no instance of a class. */
export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Lists the fields that a value has as JSON: one that is undefined is absent. */
export function fieldsOf(value: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(value).filter((name) => value[name] !== undefined);
}

/** Says whether a value is this JSON: the order of keys does not count. It goes no deeper than the JSON does. */
function isSameJson(json: Json, value: unknown): boolean {
  if (Array.isArray(json)) {
    return (
      Array.isArray(value) &&
      value.length === json.length &&
      json.every((item: Json, at) => isSameJson(item, value[at]))
    );
  }
  if (typeof json !== 'object' || json === null) return json === value;
  return isPlainObject(value) && hasSameFields(json as Readonly<Record<string, Json>>, value);
}

/** Says whether a value has these fields, each the same, and no others. */
export function hasSameFields(
  fields: Readonly<Record<string, Json>>,
  value: Readonly<Record<string, unknown>>,
): boolean {
  const names = Object.keys(fields);
  return (
    fieldsOf(value).length === names.length &&
    names.every((name) => Object.hasOwn(value, name) && isSameJson(fields[name] as Json, value[name]))
  );
}
