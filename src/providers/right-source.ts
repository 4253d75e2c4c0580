/** The source that a stream is for, by one of its items: for those who gave it to another. */
import { GenerationJobError } from '../errors.js';
import { isObject } from '../stream/model/plain-values.js';

const ANTHROPIC = ['message_start', 'message_delta', 'message_stop'];
const UI_CHUNKS = ['start', 'start-step', 'text-start', 'text-delta', 'reasoning-start', 'tool-input-start'];

/** Returns the function's name; undefined for what is no provider's event that is known. */
export function nameOfRightSource(item: unknown): string | undefined {
  if (typeof item === 'string') return 'fromTextStream';
  if (!isObject(item)) return undefined;
  const { type } = item;
  if (Array.isArray(item.choices)) return 'fromChatCompletions';
  if (typeof type !== 'string') return undefined;
  if (type.startsWith('response.')) return 'fromResponses';
  if (type.startsWith('content_block_') || ANTHROPIC.includes(type)) return 'fromAnthropic';
  return UI_CHUNKS.includes(type) ? 'fromUIMessageStream' : undefined;
}

/**
 * Checks an item that must be an event of a provider's.
 * @param name the source it was given to
 * @throws GenerationJobError `invalid_argument` for what is no object, and for a stream that begins as another source's does
 */
export function checkEvent(name: string, item: unknown, isFirst: boolean): void {
  const isEvent = isObject(item) && !ArrayBuffer.isView(item);
  if (!isFirst && isEvent) return;
  const right = nameOfRightSource(item);
  if (right === name || (right === undefined && isEvent)) return;
  const hint = right === undefined ? 'parse it first.' : `did you mean ${right}?`;
  throw new GenerationJobError(
    'invalid_argument',
    `${name}: the stream yields no events of its kind; ${hint}`,
  );
}
