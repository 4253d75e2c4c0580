/**
 * Reading lines whose shape nobody vouches for: what is not as expected reads as absent, and nothing throws.
 */
import { type Fields, fieldsOf, wordOf } from '../../stream/model/fields.js';
import { isObject } from '../../stream/model/plain-values.js';
import type { AgentEnd, OwnMapping } from './mapper.js';

export { type Fields, fieldsOf, wordOf };

/** A kind of line, and an error's text, are for reading, not for keeping whole. */
const LONGEST_KIND = 64;
const LONGEST_DETAIL = 4_000;

/** The objects in a list. */
export function objectsIn(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** A text, which may be empty. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Returns a short value as it would be named; of any other only its kind. */
export function nameOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : typeof value;
}

/** Returns the numbers among the fields, under their own names and down to details of details. */
export function numbersIn(value: unknown, depth = 3): Readonly<Record<string, number>> {
  const numbers: Record<string, number> = {};
  for (const [name, one] of Object.entries(fieldsOf(value))) {
    if (typeof one === 'number' && Number.isFinite(one)) numbers[name] = one;
    else if (depth > 1)
      for (const [inner, number] of Object.entries(numbersIn(one, depth - 1)))
        numbers[`${name}.${inner}`] = number;
  }
  return numbers;
}

/** A failure that the agent tells of itself. */
export function failed(
  detail: unknown,
  code: 'agent_failed' | 'agent_out_of_turns' | 'agent_out_of_budget' = 'agent_failed',
): AgentEnd {
  const text = typeof detail === 'string' ? detail : (wordOf(fieldsOf(detail).message) ?? jsonOf(detail));
  return { ok: false, code, detail: text?.slice(0, LONGEST_DETAIL) };
}

/** A line of a type that is not known. */
export function unknownLine(kind: unknown): OwnMapping {
  return { unknown: (wordOf(kind) ?? 'without a type').slice(0, LONGEST_KIND) };
}

/**
 * Returns what blocks of content say: their text, if that is all there is, or the blocks.
 */
export function contentOf(content: unknown): unknown {
  if (!Array.isArray(content)) return content;
  const texts = content.map((block: unknown) => {
    const { type, text } = fieldsOf(block);
    return type === 'text' ? textOf(text) : undefined;
  });
  return texts.every((text) => text !== undefined) ? texts.join('\n') : content;
}

/** Returns an error's text: the content's, or JSON of it. */
export function errorText(content: unknown): string {
  const said = contentOf(content);
  if (typeof said === 'string') return said;
  return wordOf(fieldsOf(said).message) ?? jsonOf(said) ?? 'It failed.';
}

function jsonOf(value: unknown): string | undefined {
  return value === undefined || value === null ? undefined : JSON.stringify(value);
}
