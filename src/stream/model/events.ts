/**
 * A host's event becomes what a log holds: checked and turned into text at once, so that what is changed afterwards is
 * not seen, and what is wrong is refused where the mistake is. Bad values are rejected, never repaired.
 */
import { GenerationJobError } from '../../errors.js';
import type { HostEvent } from './host-types.js';
import { nestsDeeperThan } from './json-depth.js';
import { largestPart } from './json-fault.js';
import type { Options } from './options.js';
import { isReservedEvent, type LifecycleEvent } from './transitions.js';
import type { SerialisedEvent } from './types.js';

const NAME = /^[A-Za-z0-9_.:/-]{1,128}$/;
const LONGEST_NAME = 128;

/**
 * @throws GenerationJobError `invalid_event` for a malformed name or data JSON can't carry, `reserved_event`,
 *   `event_too_large`, `json_too_deep`
 */
export function serialiseHostEvent(given: HostEvent, limits: Options['limits']): SerialisedEvent {
  if (typeof given !== 'object' || given === null)
    throw new GenerationJobError('invalid_event', 'An event must be an object { event, data }.');
  const { event, data, keep } = given;
  if (!isName(event)) throw new GenerationJobError('invalid_event', 'The event name is malformed.');
  if (isReservedEvent(event))
    throw new GenerationJobError('reserved_event', `"${event}" is a reserved event name.`);
  if (keep !== undefined && !isName(keep))
    throw new GenerationJobError('invalid_event', 'The `keep` key is malformed.');
  const text = serialise(data, 'invalid_event', `The data of "${event}"`);
  checkSize(text, limits, `The data of "${event}"`);
  return keep === undefined ? { event, data: text } : { event, data: text, keep };
}

/** A lifecycle event. Its parts come from the host, so they are checked like any event. */
export function serialiseLifecycle(
  event: LifecycleEvent,
  data: object,
  limits: Options['limits'],
): SerialisedEvent {
  const what = `The payload of "${event}"`;
  const text = serialise(data, 'invalid_event', what);
  const bytes = Buffer.byteLength(text);
  if (bytes > limits.eventBytes) throw tooLarge(what, data, bytes, limits);
  checkSize(text, limits, what);
  return { event, data: text };
}

/** The error for what a host wrote out and is too large to be told: it names the part that is. */
export function tooLarge(
  what: string,
  value: object,
  bytes: number,
  { eventBytes }: Pick<Options['limits'], 'eventBytes'>,
): GenerationJobError {
  const part = largestPart(value);
  const message = `${what} exceeds ${eventBytes} bytes: ${part.path} has ${part.bytes} of its ${bytes}.`;
  return new GenerationJobError('event_too_large', message);
}

/**
 * The host's final message as JSON text; bounded by `limits.finalBytes`, since an answer as a whole is larger than any of
 * its events. @throws GenerationJobError `invalid_event`, `event_too_large`, `json_too_deep`
 */
export function serialiseFinal(final: unknown, limits: Options['limits']): string {
  const text = serialise(final, 'invalid_event', 'The final message');
  checkSize(text, { ...limits, eventBytes: limits.finalBytes }, 'The final message');
  return text;
}

/**
 * The host's metadata as JSON text by key.
 * @throws GenerationJobError `invalid_argument`, `metadata_too_large`, `json_too_deep`
 */
export function serialiseMetadata(
  metadata: Readonly<Record<string, unknown>>,
  limits: Options['limits'],
): Record<string, string> {
  const texts: Record<string, string> = Object.create(null);
  let bytes = 0;
  for (const [key, value] of Object.entries(metadata)) {
    if (value === undefined) continue;
    if (!key.isWellFormed())
      throw new GenerationJobError('invalid_argument', 'A metadata key has half of a surrogate pair.');
    const text = serialise(value, 'invalid_argument', `metadata["${key.slice(0, 64)}"]`);
    if (nestsDeeperThan(text, limits.jsonDepth))
      throw new GenerationJobError('json_too_deep', 'Metadata nests too deeply.');
    bytes += Buffer.byteLength(key) + Buffer.byteLength(text);
    if (bytes > limits.metadataBytes) {
      throw new GenerationJobError('metadata_too_large', `Metadata exceeds ${limits.metadataBytes} bytes.`);
    }
    texts[key] = text;
  }
  return texts;
}

function serialise(value: unknown, code: 'invalid_event' | 'invalid_argument', what: string): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new GenerationJobError(code, `${what} can't be written as JSON.`, { cause });
  }
  if (text === undefined) throw new GenerationJobError(code, `${what} can't be written as JSON.`);
  return text;
}

function checkSize(text: string, limits: Options['limits'], what: string): void {
  // A UTF-16 unit takes at most three bytes: only text near the limit has to be measured.
  if (text.length * 3 > limits.eventBytes && Buffer.byteLength(text) > limits.eventBytes) {
    throw new GenerationJobError('event_too_large', `${what} exceeds ${limits.eventBytes} bytes.`);
  }
  if (nestsDeeperThan(text, limits.jsonDepth)) {
    throw new GenerationJobError('json_too_deep', `${what} nests deeper than ${limits.jsonDepth}.`);
  }
}

/** Says whether it may name an event, or be a key to keep one under. */
export function isName(name: unknown): name is string {
  return typeof name === 'string' && name.length <= LONGEST_NAME && NAME.test(name);
}
