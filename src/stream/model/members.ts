/**
 * The check of what a host writes out by hand, for the parts that run in a page as well: it weighs little and imports no
 * schemas. Like `strict.ts` it names a key that is not known, and the nearest one that is.
 */
import { nearestTo } from './nearest.js';

const LONGEST_SHOWN = 64;

/** A test of one member's value, and what is said of one that fails it. */
export interface Member {
  readonly holds: (value: unknown) => boolean;
  readonly said: string;
}

export const aFunction: Member = {
  holds: (value) => typeof value === 'function',
  said: 'must be a function',
};
export const aWord: Member = {
  holds: (value) => typeof value === 'string' && value !== '',
  said: 'must be a text that is not empty',
};

/** Makes the same test for a member that may be left out. */
export function optional({ holds, said }: Member): Member {
  return { holds: (value) => value === undefined || holds(value), said };
}

/**
 * Says what is wrong with an object of these members, each fault as `path: what`; undefined when nothing is. Plain objects
 * are held to their known keys; an instance of a host's own class has members of its own.
 */
export function faultIn(
  given: unknown,
  members: Readonly<Record<string, Member>>,
  what: string,
): string | undefined {
  if (typeof given !== 'object' || given === null) return `${what}: must be an object.`;
  const fields = given as Readonly<Record<string, unknown>>;
  const prototype = Object.getPrototypeOf(given);
  const isPlain = prototype === null || prototype === Object.prototype;
  const faults = Object.entries(members).flatMap(([name, { holds, said }]) =>
    holds(fields[name]) ? [] : `${what}.${name}: ${said}`,
  );
  const unknown = isPlain ? Object.keys(given).filter((key) => !Object.hasOwn(members, key)) : [];
  faults.push(...unknown.map((key) => unknownKey(what, key, Object.keys(members))));
  if (faults.length === 0) return undefined;
  const text = faults.join('; ');
  return text.endsWith('?') ? text : `${text}.`;
}

/** Says that a key is not known, and which one may have been meant. */
export function unknownKey(path: string, key: string, known: readonly string[]): string {
  const shown = key.slice(0, LONGEST_SHOWN);
  return `${path}: ${JSON.stringify(shown)} is not known${suggestion(nearestTo(shown, known))}`;
}

/** Asks whether a near word was meant; empty when none is near. */
export function suggestion(nearest: string | undefined): string {
  return nearest === undefined ? '' : `, did you mean ${JSON.stringify(nearest)}?`;
}
