/**
 * A chat's messages as this package reads them: taken by their shape, nothing of `ai` imported, and what it does not know of
 * them passed on as it is. Checked is what is used here and by whoever turns them into a model's messages; a host checks the
 * rest by `validate`.
 */
import { isObject } from '../stream/model/plain-values.js';
import { isIdText } from '../stream/model/stream-key.js';

/** A piece of a message: text, a file, a tool call. A `UIMessagePart` of the AI SDK is one. */
export interface ChatPart {
  /** Says what kind of piece it is: `text`, `tool-weather`, `data-plan`. */
  readonly type: string;
}

/** A message of a chat. A `UIMessage` of the AI SDK is one. */
export interface ChatMessage {
  /** The id the page, or this package, has given it: 1 to 256 characters. */
  id: string;
  /** Says who speaks. */
  role: 'system' | 'user' | 'assistant';
  /** The pieces, in order. */
  parts: ChatPart[];
}

/** A part that is a tool call. */
export interface ToolPart extends ChatPart {
  readonly toolCallId: string;
  readonly state: string;
  readonly toolName?: string;
  readonly input?: unknown;
  readonly output?: unknown;
  readonly approval?: { readonly id: string; readonly approved?: unknown; readonly reason?: unknown };
}

const LONGEST_ID = 256;
const ROLES: readonly unknown[] = ['system', 'user', 'assistant'];
/** The states of a tool call in 6 and 7; those that tell of an approval must have one. */
const TOOL_STATES: readonly unknown[] = [
  'input-streaming',
  'input-available',
  'approval-requested',
  'approval-responded',
  'output-available',
  'output-error',
  'output-denied',
];
/** The texts that a part of a kind must have. */
const TEXTS_OF: Readonly<Record<string, readonly string[]>> = {
  text: ['text'],
  reasoning: ['text'],
  file: ['mediaType', 'url'],
  'source-url': ['sourceId', 'url'],
  'source-document': ['sourceId', 'mediaType', 'title'],
  'dynamic-tool': ['toolName'],
};

/** Says whether a value is a message of a chat. */
export function isChatMessage(value: unknown): value is ChatMessage {
  return (
    isObject(value) &&
    isIdText(value.id, LONGEST_ID) &&
    ROLES.includes(value.role) &&
    Array.isArray(value.parts) &&
    value.parts.every(isChatPart)
  );
}

function isChatPart(value: unknown): value is ChatPart {
  if (!isObject(value) || typeof value.type !== 'string' || value.type === '') return false;
  const texts = Object.hasOwn(TEXTS_OF, value.type) ? TEXTS_OF[value.type] : [];
  return (
    (texts ?? []).every((name) => typeof value[name] === 'string') && (!isTool(value.type) || isCall(value))
  );
}

function isCall({ toolCallId, state, approval }: Readonly<Record<string, unknown>>): boolean {
  if (typeof toolCallId !== 'string' || toolCallId === '' || !TOOL_STATES.includes(state)) return false;
  if (state === 'approval-requested') return isObject(approval) && typeof approval.id === 'string';
  if (state !== 'approval-responded') return true;
  return (
    isObject(approval) &&
    typeof approval.id === 'string' &&
    typeof approval.approved === 'boolean' &&
    (approval.reason === undefined || approval.reason === null || typeof approval.reason === 'string')
  );
}

/** Returns the tool calls of a message. */
export function toolPartsOf({ parts }: Pick<ChatMessage, 'parts'>): readonly ToolPart[] {
  return parts.filter((part): part is ToolPart => isTool(part.type));
}

/** Returns the tool calls of a message's last step. */
export function lastToolPartsOf({ parts }: ChatMessage): readonly ToolPart[] {
  return toolPartsOf({ parts: parts.slice(parts.findLastIndex(({ type }) => type === 'step-start') + 1) });
}

/** Returns the name of the tool that a part calls. */
export function toolNameOf(part: ToolPart): string {
  return part.type === DYNAMIC ? (part.toolName ?? '') : part.type.slice(STATIC.length);
}

const STATIC = 'tool-';
const DYNAMIC = 'dynamic-tool';

function isTool(type: string): boolean {
  return type === DYNAMIC || type.startsWith(STATIC);
}
