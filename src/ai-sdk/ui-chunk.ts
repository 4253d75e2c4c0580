/**
 * The chunks of a UI message stream of the AI SDK, as this package sees them. They are taken by their shape: nothing of
 * `ai` is imported. What is sent to a page is held to the table below, since a single chunk that its parser does not know
 * ends a chat with an error.
 */

/** One chunk of a UI message stream: what `toUIMessageStream()` of the AI SDK 6 or 7 yields. */
export interface UIChunk {
  /** Says what kind of chunk it is: `text-delta`, `tool-input-available`, `data-weather`, `finish`. */
  readonly type: string;
  /** Holds whatever a chunk of this kind has. */
  readonly [field: string]: unknown;
}

/** The line of the AI SDK that a page uses; 6 stands for what both know. */
export type UIVersion = 6 | 7;

interface Kind {
  /** Fields that hold a text. */
  readonly texts?: readonly string[];
  /** A field that may hold anything, and must be there. */
  readonly value?: string;
  /** The first line that knows it. Default 6. */
  readonly since?: 7;
}

const KINDS: Readonly<Record<string, Kind>> = {
  start: {},
  'start-step': {},
  'finish-step': {},
  'reset-step': { since: 7 },
  finish: {},
  abort: {},
  error: { texts: ['errorText'] },
  'message-metadata': { value: 'messageMetadata' },
  'text-start': { texts: ['id'] },
  'text-delta': { texts: ['id', 'delta'] },
  'text-end': { texts: ['id'] },
  'reasoning-start': { texts: ['id'] },
  'reasoning-delta': { texts: ['id', 'delta'] },
  'reasoning-end': { texts: ['id'] },
  'source-url': { texts: ['sourceId', 'url'] },
  'source-document': { texts: ['sourceId', 'mediaType', 'title'] },
  file: { texts: ['url', 'mediaType'] },
  'reasoning-file': { texts: ['url', 'mediaType'], since: 7 },
  custom: { texts: ['kind'], since: 7 },
  'steering-message': { texts: ['id'], value: 'parts', since: 7 },
  'tool-input-start': { texts: ['toolCallId', 'toolName'] },
  'tool-input-delta': { texts: ['toolCallId', 'inputTextDelta'] },
  'tool-input-available': { texts: ['toolCallId', 'toolName'], value: 'input' },
  'tool-input-error': { texts: ['toolCallId', 'toolName', 'errorText'], value: 'input' },
  'tool-approval-request': { texts: ['approvalId', 'toolCallId'] },
  'tool-approval-response': { texts: ['approvalId'], value: 'approved', since: 7 },
  'tool-output-available': { texts: ['toolCallId'], value: 'output' },
  'tool-output-error': { texts: ['toolCallId', 'errorText'] },
  'tool-output-denied': { texts: ['toolCallId'] },
};

const DATA: Kind = { value: 'data' };

/** `not-yet`: the page's line does not know it · `malformed`: no line would take it */
export type ChunkFault = 'not-yet' | 'malformed';

/** Says what is wrong with a chunk for a page of this version; undefined for nothing. */
export function faultOf(chunk: UIChunk, version: UIVersion): ChunkFault | undefined {
  const kind = kindOf(chunk.type);
  if (kind === undefined) return 'malformed';
  if ((kind.since ?? 6) > version) return 'not-yet';
  return kind.texts?.every((field) => typeof chunk[field] === 'string') === false ? 'malformed' : undefined;
}

/** Returns the chunk with null where JSON has lost a value: undefined is none, and a page refuses the chunk without. */
export function withValue(chunk: UIChunk): UIChunk {
  const value = kindOf(chunk.type)?.value;
  return value === undefined || chunk[value] !== undefined ? chunk : { ...chunk, [value]: null };
}

function kindOf(type: string): Kind | undefined {
  if (type.startsWith('data-')) return DATA;
  return Object.hasOwn(KINDS, type) ? KINDS[type] : undefined;
}

/** These are the reasons both lines know. Any other ends a chat with an error, at its last chunk. */
const FINISH_REASONS = new Set(['stop', 'length', 'content-filter', 'tool-calls', 'error', 'other']);

export function finishReasonOf(said: string | undefined, fallback: string): string {
  if (said === undefined) return fallback;
  return FINISH_REASONS.has(said) ? said : 'other';
}
