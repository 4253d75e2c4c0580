/** A message becomes what an inbox holds: checked and turned into text at once. */
import { GenerationJobError } from '../../errors.js';
import { isName } from './events.js';
import { nestsDeeperThan } from './json-depth.js';
import type { Options } from './options.js';
import { isIdText } from './stream-key.js';

/** @throws GenerationJobError `invalid_argument` for what JSON can't carry, `message_too_large`, `json_too_deep` */
export function serialiseMessage(message: unknown, { messageBytes, jsonDepth }: Options['limits']): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(message);
  } catch (cause) {
    throw new GenerationJobError('invalid_argument', UNWRITABLE, { cause });
  }
  if (text === undefined) throw new GenerationJobError('invalid_argument', UNWRITABLE);
  if (Buffer.byteLength(text) > messageBytes)
    throw new GenerationJobError('message_too_large', `The message exceeds ${messageBytes} bytes.`);
  if (nestsDeeperThan(text, jsonDepth))
    throw new GenerationJobError('json_too_deep', `The message nests deeper than ${jsonDepth}.`);
  return text;
}

/** @throws GenerationJobError `invalid_argument` naming what is malformed of what goes with a message */
export function checkEnvelope(
  kind: string,
  by: string | undefined,
  idempotencyKey: string | undefined,
): void {
  if (!isName(kind))
    throw new GenerationJobError(
      'invalid_argument',
      'kind must be 1 to 128 characters of A-Z a-z 0-9 _ . : / -.',
    );
  for (const [name, value] of Object.entries({ by, idempotencyKey })) {
    if (value !== undefined && !isIdText(value, LONGEST_ID))
      throw new GenerationJobError('invalid_argument', `${name} must have 1 to 256 well-formed characters.`);
  }
}

const LONGEST_ID = 256;
const UNWRITABLE = 'The message can’t be written as JSON.';
