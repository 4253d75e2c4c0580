/**
 * The content of streams of the Responses API: each response as the API gives it without streaming, as far as it has come. Plain JSON:
 * no key is undefined, no place in a list is empty.
 */

export interface ResponsesContent {
  /** The host's data to show the start, from the `created` event; survives a restart of the answer. */
  readonly created?: unknown;
  /** The responses, oldest first: one for each call of the model. */
  readonly responses: readonly ResponseContent[];
}

/** A response so far. Fields that are not named here are the provider's. */
export interface ResponseContent {
  /** The provider's id of the response; empty while it has not said it. */
  readonly id: string;
  /** The state: `in_progress`, `completed`, `incomplete`, `failed` and the like. */
  readonly status: string;
  /** The items that the model has given so far, in order. */
  readonly output: readonly ResponseItem[];
  readonly [field: string]: unknown;
}

/**
 * One item of a response's output, told from the others by its `type`: `message`, `reasoning`, `function_call`,
 * `mcp_approval_request`, `web_search_call` and others of the provider's, each with the fields that the provider gives it.
 */
export interface ResponseItem {
  /** Names the kind of item. */
  readonly type: string;
  /** The provider's id of the item. */
  readonly id?: string;
  /** The parts, of a message, and of reasoning that is shown. */
  readonly content?: readonly ResponsePart[];
  /** The summary, of reasoning. */
  readonly summary?: readonly ResponsePart[];
  /** The JSON text of the arguments so far, of a call. */
  readonly arguments?: string;
  readonly [field: string]: unknown;
}

/** A part of an item: text (`output_text`, `summary_text`, `reasoning_text`) or a `refusal`. */
export interface ResponsePart {
  /** Names the kind of part. */
  readonly type: string;
  /** The text so far. */
  readonly text?: string;
  /** The refusal so far. */
  readonly refusal?: string;
  /** The sources that are named in the text. */
  readonly annotations?: readonly unknown[];
  readonly [field: string]: unknown;
}
