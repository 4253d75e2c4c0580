/**
 * The content of streams of Anthropic's Messages API: each message as the API gives it without streaming, as far as it has come. Plain
 * JSON: no key is undefined, no place in a list is empty.
 */

export interface AnthropicContent {
  /** The host's data to show the start, from the `created` event; survives a restart of the answer. */
  readonly created?: unknown;
  /** The messages, oldest first: one for each call of the model. */
  readonly messages: readonly AnthropicMessage[];
  /** The fold's own notes on the newest message; clients need not look. */
  readonly bookkeeping: AnthropicBookkeeping;
}

/** A message so far. Fields that are not named here are the provider's. */
export interface AnthropicMessage {
  /** The provider's id of the message. */
  readonly id: string;
  /** The blocks, in order. */
  readonly content: readonly AnthropicBlock[];
  /** Says why the model stopped; null while it goes on. */
  readonly stop_reason: string | null;
  readonly [field: string]: unknown;
}

/**
 * One block of a message, told from the others by its `type`: `text`, `thinking`, `tool_use`, `server_tool_use` and others of the
 * provider's, each with the fields that the provider gives it.
 */
export interface AnthropicBlock {
  /** Names the kind of block. */
  readonly type: string;
  /** The text so far, of a block of that kind. */
  readonly text?: string;
  /** The sources of the text. */
  readonly citations?: readonly unknown[] | null;
  /** The thinking so far, of a block of that kind. */
  readonly thinking?: string;
  /** The arguments of a call, once they are whole. */
  readonly input?: unknown;
  /** Ours: the JSON text of the arguments while they stream; absent once `input` holds them. */
  readonly partial_json?: string;
  readonly [field: string]: unknown;
}

/** The provider's index of each block, in the order of the blocks. */
interface AnthropicBookkeeping {
  readonly blocks: readonly number[];
}
