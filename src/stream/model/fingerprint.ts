/**
 * A digest of a JSON value that does not depend on the order of its keys, so that the same fields give the same digest
 * wherever they are put together. Objects are written with sorted keys, as RFC 8785 does; numbers and text as
 * `JSON.stringify` writes them, which is what that RFC asks for too.
 */
import { createHash } from 'node:crypto';
import { GenerationJobError } from '../../errors.js';

/**
 * The fingerprint of what determines a run: give it the fields that must not change between a pause and the decision
 * (the model, the tools with their versions, the instructions), and not what may (a time, a request id).
 *
 * @param fields anything JSON can carry; undefined fields count as absent
 * @returns 43 characters: SHA-256 in base64url
 * @throws GenerationJobError `invalid_argument` for what JSON can't carry
 */
export function fingerprintOf(fields: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(fields, sortKeys);
  } catch (cause) {
    throw new GenerationJobError('invalid_argument', 'The fields can’t be written as JSON.', { cause });
  }
  if (text === undefined) throw new GenerationJobError('invalid_argument', 'There is nothing to digest.');
  return createHash('sha256').update(text).digest('base64url');
}

function sortKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
