/**
 * The chunks that an answer of a provider becomes. Each is one that `ai` 6 and 7 both know, with the same fields: a type that
 * a client does not know ends its stream.
 */

/** The reasons an answer may be over for, in the words that both lines take. */
export type ChunkFinishReason = 'stop' | 'length' | 'content-filter' | 'tool-calls' | 'error' | 'other';

/** One chunk of a UI message stream, as the conversions of this folder make it. */
export type ProviderChunk =
  | StartChunk
  | StepChunk
  | FinishChunk
  | PartChunk
  | DeltaChunk
  | ToolInputStartChunk
  | ToolInputDeltaChunk
  | ToolInputChunk
  | ToolInputErrorChunk
  | ToolOutputChunk
  | ToolOutputErrorChunk
  | SourceUrlChunk
  | SourceDocumentChunk;

type StartChunk = {
  /** The kind of chunk. */
  readonly type: 'start';
  /** The id of the message that begins. */
  readonly messageId?: string;
};

type StepChunk = {
  /** The kind of chunk. */
  readonly type: 'start-step' | 'finish-step';
};

type FinishChunk = {
  /** The kind of chunk. */
  readonly type: 'finish';
  /** The reason the provider gave. */
  readonly finishReason: ChunkFinishReason;
};

type PartChunk = {
  /** The kind of chunk. */
  readonly type: 'text-start' | 'text-end' | 'reasoning-start' | 'reasoning-end';
  /** The part that begins or ends: the number it has in the answer. */
  readonly id: string;
};

type DeltaChunk = {
  /** The kind of chunk. */
  readonly type: 'text-delta' | 'reasoning-delta';
  /** The part that grows. */
  readonly id: string;
  /** The piece, never empty. */
  readonly delta: string;
};

type AnsweredCall = {
  /** The id of the call, as the provider gave it. */
  readonly toolCallId: string;
  /** True where the provider runs the tool, and nobody else is to. */
  readonly providerExecuted?: true;
};

type ShownCall = AnsweredCall & {
  /** The name of the tool. */
  readonly toolName: string;
};

type ToolInputStartChunk = ShownCall & {
  /** The kind of chunk. */
  readonly type: 'tool-input-start';
  /** Present where the input is a text instead of JSON. */
  readonly inputEncoding?: 'text';
};

type ToolInputDeltaChunk = {
  /** The kind of chunk. */
  readonly type: 'tool-input-delta';
  /** The id of the call. */
  readonly toolCallId: string;
  /** The piece of the input's text. */
  readonly inputTextDelta: string;
};

type ToolInputChunk = ShownCall & {
  /** The kind of chunk. */
  readonly type: 'tool-input-available';
  /** The input, whole. */
  readonly input: unknown;
};

type ToolInputErrorChunk = ShownCall & {
  /** The kind of chunk. */
  readonly type: 'tool-input-error';
  /** The text that came of the input. */
  readonly input: unknown;
  /** The reason it is no input. */
  readonly errorText: string;
};

type ToolOutputChunk = AnsweredCall & {
  /** The kind of chunk. */
  readonly type: 'tool-output-available';
  /** The answer of the tool, as the provider told it. */
  readonly output: unknown;
};

type ToolOutputErrorChunk = AnsweredCall & {
  /** The kind of chunk. */
  readonly type: 'tool-output-error';
  /** The provider's word for what went wrong. */
  readonly errorText: string;
};

type SourceUrlChunk = {
  /** The kind of chunk. */
  readonly type: 'source-url';
  /** The id of the source: its address. */
  readonly sourceId: string;
  /** The address of what was cited. */
  readonly url: string;
  /** The title of it, where the provider told one. */
  readonly title?: string;
};

type SourceDocumentChunk = {
  /** The kind of chunk. */
  readonly type: 'source-document';
  /** The id of the source: the document's number among those that were sent. */
  readonly sourceId: string;
  /** The type of the document, as far as the citation tells it. */
  readonly mediaType: string;
  /** The title of the document. */
  readonly title: string;
};
