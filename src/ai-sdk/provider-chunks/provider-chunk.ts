/**
 * The chunks that an answer of a provider becomes. Each is one that `ai` 6 and 7 both know, with the same fields: a type that
 * a client does not know ends its stream.
 */

/** The reasons an answer may be over for, in the words that both lines take. */
export type ChunkFinishReason = 'stop' | 'length' | 'content-filter' | 'tool-calls' | 'error' | 'other';

/** One chunk of a UI message stream, as the conversions of this folder make it. */
export type ProviderChunk =
  | { readonly type: 'start'; readonly messageId?: string }
  | { readonly type: 'start-step' | 'finish-step' }
  | { readonly type: 'finish'; readonly finishReason: ChunkFinishReason }
  | { readonly type: 'text-start' | 'text-end' | 'reasoning-start' | 'reasoning-end'; readonly id: string }
  | { readonly type: 'text-delta' | 'reasoning-delta'; readonly id: string; readonly delta: string }
  | ({ readonly type: 'tool-input-start'; readonly inputEncoding?: 'text' } & ShownCall)
  | { readonly type: 'tool-input-delta'; readonly toolCallId: string; readonly inputTextDelta: string }
  | ({ readonly type: 'tool-input-available'; readonly input: unknown } & ShownCall)
  | ({ readonly type: 'tool-input-error'; readonly input: unknown; readonly errorText: string } & ShownCall)
  | ({ readonly type: 'tool-output-available'; readonly output: unknown } & AnsweredCall)
  | ({ readonly type: 'tool-output-error'; readonly errorText: string } & AnsweredCall)
  | { readonly type: 'source-url'; readonly sourceId: string; readonly url: string; readonly title?: string }
  | {
      readonly type: 'source-document';
      readonly sourceId: string;
      readonly mediaType: string;
      readonly title: string;
    };

type AnsweredCall = {
  readonly toolCallId: string;
  /** Says that the provider has run the tool, and nobody else is to. */
  readonly providerExecuted?: true;
};

type ShownCall = AnsweredCall & { readonly toolName: string };
