/**
 * The content of streams of chat completions: each completion as the API gives it without streaming, as far as it has come. Plain
 * JSON: no key is undefined, no place in a list is empty.
 */

export interface ChatCompletionsContent {
  /** The host's data to show the start, from the `created` event; survives a restart of the answer. */
  readonly created?: unknown;
  /** The completions, oldest first: one for each call of the model. */
  readonly completions: readonly ChatCompletionContent[];
  /** The fold's own notes on the newest completion; clients need not look. */
  readonly bookkeeping: ChatBookkeeping;
}

/** A completion so far. Fields that are not named here are the provider's, as its newest chunk gave them. */
export interface ChatCompletionContent {
  /** The provider's id of the completion. */
  readonly id: string;
  /** Names the kind of object. */
  readonly object: 'chat.completion';
  /** The choices, by their index. */
  readonly choices: readonly CompletionChoice[];
  readonly [field: string]: unknown;
}

/** One of the answers that were asked for; there is one, unless `n` said otherwise. */
export interface CompletionChoice {
  /** The number of the choice. */
  readonly index: number;
  /** The message so far. */
  readonly message: CompletionMessage;
  /** Says why the model stopped; null while it goes on. */
  readonly finish_reason: string | null;
  readonly [field: string]: unknown;
}

export interface CompletionMessage {
  /** The role of who speaks: `assistant`. */
  readonly role: string;
  /** The text so far; null while there is none. */
  readonly content: string | null;
  /** The refusal so far; null while there is none. */
  readonly refusal: string | null;
  /** The calls of tools, in the order of their indexes; absent while there is none. */
  readonly tool_calls?: readonly CompletionToolCall[];
  readonly [field: string]: unknown;
}

export interface CompletionToolCall {
  /** Names the call in its result. Empty while the provider has not said it. */
  readonly id: string;
  /** The kind of tool: `function`, or `custom`. */
  readonly type: string;
  /** The function to call, its arguments being the JSON text so far. */
  readonly function?: { readonly name: string; readonly arguments: string };
  /** The custom tool to call, its input being the text so far. */
  readonly custom?: { readonly name: string; readonly input: string };
  readonly [field: string]: unknown;
}

/** The provider's index of each tool call, in the order of the calls, for each choice. */
interface ChatBookkeeping {
  readonly calls: readonly (readonly number[])[];
}
