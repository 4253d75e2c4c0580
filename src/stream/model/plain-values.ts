/** Questions about plain data that several parts ask. */

/** Says whether a value is an object with fields: no list, and not null. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Returns what a text says as JSON; undefined, which JSON does not have, for a text that is none. */
export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Says whether no two of these are the same. */
export function areUnique(values: readonly string[]): boolean {
  return new Set(values).size === values.length;
}
