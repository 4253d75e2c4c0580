/**
 * A host is taken at its word in what it writes out by hand: a key or value that is not known is refused by name, with
 * the nearest one that is. A misspelt option that was accepted in silence would be found in production.
 */
import { z } from 'zod';
import { type ErrorCode, GenerationJobError } from '../../errors.js';

/** A wrong guess is worse than none: at most this part of a word may differ. */
const MOST_DIFFERENT = 0.4;
const LONGEST_SHOWN = 64;

/**
 * Returns what `schema` makes of what was given.
 * @param what names the whole in the message, where nothing in it can be named; default `value`
 * @throws GenerationJobError `code`, naming every key and value that `schema` does not know
 */
export function parseStrictly<Schema extends z.ZodType>(
  code: ErrorCode,
  schema: Schema,
  given: unknown,
  what = 'value',
): z.output<Schema> {
  const parsed = schema.safeParse(given, { reportInput: true });
  if (parsed.success) return parsed.data;
  // On one line: `path: message; path: message`.
  const text = parsed.error.issues.map((issue) => describe(issue, { schema, what })).join('; ');
  throw new GenerationJobError(code, text.endsWith('?') ? text : `${text}.`);
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

interface Expected {
  readonly schema: z.ZodType;
  readonly what: string;
}

function describe(issue: z.core.$ZodIssue, expected: Expected): string {
  const path = issue.path.join('.') || expected.what;
  if (issue.code === 'unrecognized_keys') {
    const known = keysOf(schemaAt(expected.schema, issue.path));
    return issue.keys.map((key) => unknownKey(path, key, known)).join('; ');
  }
  if (issue.code === 'invalid_union') {
    // Of several forms, the one with names says most.
    const named = issue.errors.flat().find(({ code }) => code === 'invalid_value');
    if (named) return describe({ ...named, path: [...issue.path, ...named.path] }, expected);
  }
  const where = `${path}: ${issue.message}`;
  if (issue.code !== 'invalid_value' || typeof issue.input !== 'string') return where;
  return where + suggestion(nearestTo(issue.input.slice(0, LONGEST_SHOWN), issue.values.map(String)));
}

function unknownKey(path: string, key: string, known: readonly string[]): string {
  const shown = key.slice(0, LONGEST_SHOWN);
  return `${path}: ${JSON.stringify(shown)} is not known${suggestion(nearestTo(shown, known))}`;
}

function suggestion(nearest: string | undefined): string {
  return nearest === undefined ? '' : `, did you mean ${JSON.stringify(nearest)}?`;
}

function schemaAt(schema: z.ZodType, path: readonly PropertyKey[]): z.ZodType | undefined {
  let at = unwrapped(schema);
  for (const step of path) {
    if (at instanceof z.ZodObject) at = unwrapped(at.shape[String(step)] as z.ZodType | undefined);
    else if (at instanceof z.ZodArray) at = unwrapped(at.element as z.ZodType);
    else return undefined;
  }
  return at;
}

/** Strips what says that a value may be left out. */
function unwrapped(schema: z.ZodType | undefined): z.ZodType | undefined {
  let at = schema;
  for (;;) {
    if (at instanceof z.ZodPipe) at = at.in as z.ZodType;
    else if (
      at instanceof z.ZodOptional ||
      at instanceof z.ZodDefault ||
      at instanceof z.ZodPrefault ||
      at instanceof z.ZodReadonly
    )
      at = at.unwrap() as z.ZodType;
    else return at;
  }
}

function keysOf(schema: z.ZodType | undefined): string[] {
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

/** Counts the characters that must be added, left out or changed. */
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
