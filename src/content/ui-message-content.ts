/**
 * The content of a chat's answer: a `UIMessage` of the AI SDK as far as it has come, and beside it what its stream has left
 * open, so that whoever comes late can go on from it. Plain JSON.
 */

export interface UIMessageContent {
  /** The message's id: the `messageId` of what the job was created with, else that of the first `start`. */
  readonly id?: string;
  /** Says whose message it is: the model's. */
  readonly role: 'assistant';
  /** The metadata of the message, merged from all that was sent. */
  readonly metadata?: unknown;
  /** The parts, oldest first, each as the AI SDK has it. A tool input that still streams has its text, `rawInput`, alone. */
  readonly parts: readonly UIMessagePart[];
  /** The number of parts the message began with; absent when it began with none. A restart keeps them. */
  readonly begins?: number;
  /** The texts and reasonings that still stream. Absent when there are none. */
  readonly open?: readonly OpenPart[];
  /** True while a step is under way. */
  readonly inStep?: true;
  /** The reason the model gave for its end, once it did. */
  readonly finishReason?: string;
  /** The text of the error that the stream ended with: nothing behind it counts. */
  readonly errorText?: string;
  /** The pauses that were decided, or wait to be, oldest first. */
  readonly pauses?: readonly UIMessagePause[];
}

/** A part of a UI message, told from the others by its `type`. Which fields it has is the AI SDK's business. */
export interface UIMessagePart {
  /** Says what kind of part it is: `text`, `reasoning`, `tool-<name>`, `dynamic-tool`, `file`, `data-<name>`. */
  readonly type: string;
  /** Holds whatever a part of this kind has. */
  readonly [field: string]: unknown;
}

/** A text or a reasoning that still streams. */
export interface OpenPart {
  /** The id by which its stream names it. */
  readonly id: string;
  /** Its place among the parts, from 0. */
  readonly part: number;
}

/** A place at which the answer waited for a person. */
export interface UIMessagePause {
  /** The action that asked. */
  readonly actionId: string;
  /** The number of parts there were. */
  readonly parts: number;
  /** The calls whose input the decision has changed; absent when it has changed none. */
  readonly edited?: readonly string[];
}

/** A message of the AI SDK, as a host saves it. */
export interface FinishedUIMessage {
  /** The message's id. */
  readonly id: string;
  /** Says whose message it is: the model's. */
  readonly role: 'assistant';
  /** The metadata of the message; absent when there is none. */
  readonly metadata?: unknown;
  /** The parts, oldest first; none is left open. */
  readonly parts: readonly UIMessagePart[];
}

/** The same as a fold may change it: nobody else has its content. */
export interface OwnUIMessage {
  id?: string;
  readonly role: 'assistant';
  metadata?: unknown;
  readonly parts: OwnUIPart[];
  begins?: number;
  open?: OpenPart[];
  inStep?: true;
  finishReason?: string;
  errorText?: string;
  pauses?: UIMessagePause[];
}

export interface OwnUIPart {
  type: string;
  [field: string]: unknown;
}

/** A tool input that ends before it is whole gets this for an error. */
export const CUT_INPUT = 'The answer ended before this input was complete.';

export function isToolPart({ type }: UIMessagePart): boolean {
  return type === 'dynamic-tool' || type.startsWith('tool-');
}

export function isTextPart({ type }: UIMessagePart): boolean {
  return type === 'text' || type === 'reasoning';
}

/** Closes what the stream has left open, as a page has it behind an end or a pause. */
export function closeParts(message: OwnUIMessage): void {
  for (const part of message.parts) {
    if (isToolPart(part) && part.state === 'input-streaming') closeInput(part);
    else if (isTextPart(part) && part.state === 'streaming') part.state = 'done';
  }
  delete message.open;
}

/** Makes an error of a tool input that will not be completed: a static tool's text stays `rawInput`, as with the AI SDK 6. */
function closeInput(part: OwnUIPart): void {
  part.state = 'output-error';
  part.errorText = CUT_INPUT;
  part.rawInput ??= '';
  delete part.inputEncoding;
  if (part.type !== 'dynamic-tool') return;
  part.input = part.rawInput;
  delete part.rawInput;
}

/**
 * Makes the message that a host saves out of what `uiMessageContent` has folded: for the hooks `settle` and `onPaused`. What
 * was left open is closed, as a page has it.
 *
 * @param id the message's id where the content has none. Default: an empty text
 * @example
 * const hooks: Hooks = {
 *   settle: ({ content, record }) => database.save(record.streamId, uiMessageOf(content as UIMessageContent)),
 * };
 */
export function uiMessageOf(content: UIMessageContent, id = ''): FinishedUIMessage {
  const message = structuredClone(content) as OwnUIMessage;
  closeParts(message);
  const { metadata, parts } = message;
  return { id: message.id ?? id, role: 'assistant', ...(metadata !== undefined && { metadata }), parts };
}
