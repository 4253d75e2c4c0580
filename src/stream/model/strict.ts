/**
 * A host is taken at its word in what it writes out by hand: a key or value that is not known is refused by name, with
 * the nearest one that is. A misspelt option that was accepted in silence would be found in production.
 */
import { z } from 'zod';
import { type ErrorCode, GenerationJobError } from '../../errors.js';
import { suggestion, unknownKey } from './members.js';
import { nearestTo } from './nearest.js';

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
