/**
 * What a host writes out by hand is taken at its word: a key or value that is not known is refused by name, with the
 * nearest one that is. A misspelt option that was accepted in silence would be found in production.
 */
import { z } from 'zod';
import { type ErrorCode, GenerationJobError } from '../errors.js';

/** A wrong guess is worse than none: at most this part of a word may differ. */
const MOST_DIFFERENT = 0.4;
const LONGEST_SHOWN = 64;

/** @throws GenerationJobError `code`, naming every key and value that `schema` does not know */
export function checkStrictly(code: ErrorCode, schema: z.ZodType, given: unknown): void {
  const parsed = schema.safeParse(given, { reportInput: true });
  if (!parsed.success) throw new GenerationJobError(code, `${describeIssues(parsed.error, schema)}.`);
}

/** The same for keys alone, and cheap: for calls that are made for every request. */
export function checkKeys(what: string, known: ReadonlySet<string>, given: object): void {
  for (const key in given) {
    if (known.has(key) || !Object.hasOwn(given, key)) continue;
    throw new GenerationJobError('invalid_argument', `${unknownKey(what, key, [...known])}.`);
  }
}

/** What a zod error says, on one line: `path: message; path: message`. */
export function describeIssues(error: z.ZodError, schema?: z.ZodType): string {
  return error.issues.map((issue) => describe(issue, schema)).join('; ');
}

/** The known word nearest to one that is not; undefined when none is near. */
export function nearestTo(word: string, known: Iterable<string>): string | undefined {
  let nearest: string | undefined;
  let least = Math.max(2, Math.floor(word.length * MOST_DIFFERENT)) + 1;
  for (const one of known) {
    const distance = editDistance(word.toLowerCase(), one.toLowerCase());
    if (distance < least) [nearest, least] = [one, distance];
  }
  return nearest;
}

function describe(issue: z.core.$ZodIssue, schema: z.ZodType | undefined): string {
  const path = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') {
    const known = keysOf(schemaAt(schema, issue.path));
    return issue.keys.map((key) => unknownKey(path, key, known)).join('; ');
  }
  const where = `${path || 'value'}: ${issue.message}`;
  if (issue.code !== 'invalid_value' || typeof issue.input !== 'string') return where;
  return where + suggestion(nearestTo(issue.input.slice(0, LONGEST_SHOWN), issue.values.map(String)));
}

function unknownKey(path: string, key: string, known: readonly string[]): string {
  const shown = JSON.stringify(key.slice(0, LONGEST_SHOWN));
  return `${path || 'value'}: ${shown} is not known${suggestion(nearestTo(key.slice(0, LONGEST_SHOWN), known))}`;
}

function suggestion(nearest: string | undefined): string {
  return nearest === undefined ? '' : `, did you mean ${JSON.stringify(nearest)}?`;
}

function schemaAt(schema: z.ZodType | undefined, path: readonly PropertyKey[]): z.ZodType | undefined {
  let at = unwrapped(schema);
  for (const step of path) {
    if (at instanceof z.ZodObject) at = unwrapped(at.shape[String(step)] as z.ZodType | undefined);
    else if (at instanceof z.ZodArray) at = unwrapped(at.element as z.ZodType);
    else return undefined;
  }
  return at;
}

/** Without what says that a value may be left out. */
function unwrapped(schema: z.ZodType | undefined): z.ZodType | undefined {
  let at = schema;
  for (;;) {
    if (at instanceof z.ZodPipe) at = at.in as z.ZodType;
    else if (at instanceof z.ZodOptional || at instanceof z.ZodDefault || at instanceof z.ZodPrefault)
      at = at.unwrap() as z.ZodType;
    else return at;
  }
}

function keysOf(schema: z.ZodType | undefined): string[] {
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

/** How many characters must be added, left out or changed. */
function editDistance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      const changed = (row[j - 1] ?? 0) + (one[i - 1] === other[j - 1] ? 0 : 1);
      next.push(Math.min(changed, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}
