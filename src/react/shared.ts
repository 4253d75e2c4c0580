/**
 * A copy of what a fold changes in place, made so that whatever is equal to the copy before is the same object: React, and
 * whoever memoises by identity, then renders only the parts that have changed. Plain JSON, as content is.
 */

type Fields = Record<string, unknown>;

/** Returns `before` where `now` equals it, else a copy of `now` that shares with `before` what is equal. */
export function sharedCopy<Value>(before: unknown, now: Value): Value {
  if (typeof now !== 'object' || now === null) return now;
  return (Array.isArray(now) ? copyOfList(before, now) : copyOfFields(before, now as Fields)) as Value;
}

function copyOfList(before: unknown, now: readonly unknown[]): readonly unknown[] {
  const known: readonly unknown[] = Array.isArray(before) ? before : [];
  const copy = now.map((value, at) => sharedCopy(known[at], value));
  const isSame =
    Array.isArray(before) && known.length === copy.length && copy.every((one, at) => one === known[at]);
  return isSame ? known : copy;
}

function copyOfFields(before: unknown, now: Fields): Fields {
  const isKnown = typeof before === 'object' && before !== null && !Array.isArray(before);
  const known = (isKnown ? before : {}) as Fields;
  const names = Object.keys(now);
  const copy = Object.fromEntries(names.map((name) => [name, sharedCopy(known[name], now[name])]));
  const isSame =
    isKnown &&
    Object.keys(known).length === names.length &&
    names.every((name) => Object.hasOwn(known, name) && copy[name] === known[name]);
  return isSame ? known : copy;
}
