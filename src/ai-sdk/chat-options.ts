/** The routes of a chat go by these options: names, defaults, bounds and meaning in one schema. */
import { z } from 'zod';
import { MIB } from '../clock.js';
import { type Authorize, handlerSchema, routerSchema } from '../http/route-options.js';
import type { Identity } from '../http/route-types.js';
import type { Continuation } from '../stream/interfaces/continuation.js';
import type { GenerationJob } from '../stream/interfaces/generation-job.js';
import type { HostTypes, Untyped } from '../stream/model/host-types.js';
import { callable } from '../stream/model/host-values.js';
import { parseStrictly } from '../stream/model/strict.js';
import type { ChatTrigger } from './chat-body.js';
import type { ChatMessage } from './chat-messages.js';
import type { ChatHandlerSettings, ChatRouterSettings } from './chat-options.generated.js';

/** A chat's POST, as it was checked. */
export interface ChatRequest<Message = ChatMessage, HostRequest = unknown> {
  /** The chat's id: 1 to 256 characters. */
  readonly id: string;
  /** The messages that were posted, oldest first; at least one. */
  readonly messages: Message[];
  /** Says why: a message is new or is to be gone on with, or an answer is wanted once more. */
  readonly trigger: ChatTrigger;
  /** All else that was posted: the page's own `body`, and `messageId` where a message is edited or made anew. */
  readonly body: Readonly<Record<string, unknown>>;
  /** The user that `authorize` named. */
  readonly identity: Identity;
  /** The framework's own request. The answer outlives it: go by `job.signal`. */
  readonly request: HostRequest;
}

/** The request of a message that is to be answered, with the job that answers it. */
export interface ChatInput<Message = ChatMessage, HostRequest = unknown, Types extends HostTypes = Untyped>
  extends ChatRequest<Message, HostRequest> {
  /** The id of the message that is the answer; also in the record (`chatOf`). */
  readonly messageId: string;
  /** The job that the answer is piped into. */
  readonly job: GenerationJob<Types>;
}

/**
 * Answers a message. It returns a stream of UI message chunks (of `toUIMessageStream()`), or what has that method, and the router
 * pipes it; or it pipes into `job` by itself, and returns nothing. It may pause. It runs as `job.run` would run it.
 */
export type OnMessage<Message = ChatMessage, HostRequest = unknown, Types extends HostTypes = Untyped> = (
  input: ChatInput<Message, HostRequest, Types>,
) => unknown;

/**
 * Goes on with an answer after a decision, and returns what `onMessage` returns. `answer` is the POST that decided; undefined when
 * it goes on after a crash (`resumeChat`).
 */
export type OnChatResume<Message = ChatMessage, HostRequest = unknown, Types extends HostTypes = Untyped> = (
  job: GenerationJob<Types>,
  continuation: Continuation<Types>,
  answer?: ChatRequest<Message, HostRequest>,
) => unknown;

const ownSettings = {
  bodyBytes: z
    .number()
    .int()
    .min(64)
    .max(4096 * MIB)
    .default(4 * MIB)
    .describe('The body of a request, all messages of the chat in it (bytes)'),
  onConflict: z
    .enum(['replace', 'reject'])
    .default('replace')
    .describe(
      'Sets what a new message does to an answer that is still being made, or waits for a decision: ends it, or is refused as conflict',
    ),
  waitFor: z
    .enum(['settled', 'left', 'nothing'])
    .default('left')
    .describe(
      'Sets what an answer waits for, of those before it: that they are settled, that their producers have left, or nothing',
    ),
};

export const chatRouterSchema = routerSchema
  .omit({ retryMs: true, messages: true })
  .extend(ownSettings) satisfies z.ZodType<unknown, ChatRouterSettings>;
export const chatHandlerSchema = handlerSchema
  .omit({ retryMs: true, messages: true })
  .extend(ownSettings) satisfies z.ZodType<unknown, ChatHandlerSettings>;

/** The routes ask this of the host. */
interface Host<Message, HostRequest, Types extends HostTypes> {
  /** Says on whose behalf a request acts, from its session or token only. There is no default. */
  readonly authorize: Authorize<HostRequest>;
  /** Answers a message. There is no default. */
  readonly onMessage: OnMessage<Message, HostRequest, Types>;
  /** Goes on after a decision. Default: none, and then a chat can't decide (`action_refused`). */
  readonly onResume?: OnChatResume<Message, HostRequest, Types> | undefined;
  /**
   * Judges a POST before anything is started or decided: `validateUIMessages` with the host's tools, say. What it throws, and
   * false, refuse the POST as `invalid_body`. Default: nothing more is checked.
   */
  readonly validate?: ((request: ChatRequest<ChatMessage, HostRequest>) => unknown) | undefined;
  /**
   * Names the stream of a chat: 1 to 128 characters of `A-Z a-z 0-9 _ . ~ -`, always the same for a chat, and of no other chat
   * of the tenant. Where two users may have chats of one id, it has to tell them apart. Default: `chatStreamId`.
   */
  readonly streamId?: ((chatId: string, identity: Identity) => string) | undefined;
  /**
   * Says what the record of an answer keeps as metadata, beside `chat`: what `recover`, `settle` and `onPaused` need to know of the
   * request. Written with the create, so no crash loses it. Default: nothing.
   */
  readonly metadata?:
    | ((request: ChatRequest<ChatMessage, HostRequest>) => Readonly<Record<string, unknown>>)
    | undefined;
  /** Makes the id of an answer's message: 1 to 256 characters. Default: a random one. */
  readonly generateMessageId?: (() => string) | undefined;
  /**
   * The release of the AI SDK that the pages have, 6 or 7: what only 7 knows is sent to 7 alone. Default: as the request's header
   * `x-ai-sdk` says, and 6 without one.
   */
  readonly version?: 6 | 7 | undefined;
}

/** Options of `createChatRouter`: where Express mounts it is its base path. */
export interface ChatRouterOptions<Message, HostRequest, Types extends HostTypes = Untyped>
  extends Host<Message, HostRequest, Types>,
    ChatRouterSettings {}
/** Options of `createChatHandler`: framing is its server's. */
export interface ChatHandlerOptions<Message, Types extends HostTypes = Untyped>
  extends Host<Message, Request, Types>,
    ChatHandlerSettings {}

/** The options as the routes go by them, with whatever kind of request. */
export type ChatOptions = Omit<z.output<typeof chatRouterSchema>, 'framing'> &
  Omit<Host<ChatMessage, unknown, Untyped>, 'authorize'>;

const hostShape = {
  authorize: z.custom(
    (value) => typeof value === 'function',
    'must be a function that gives { userId, tenantId? } or null for a request',
  ),
  onMessage: z.custom(
    (value) => typeof value === 'function',
    'must be a function that answers a message with a stream of UI message chunks',
  ),
  onResume: callable,
  validate: callable,
  streamId: callable,
  metadata: callable,
  generateMessageId: callable,
  version: z.literal([6, 7], 'must be 6 or 7').optional(),
};

/** @throws GenerationJobError `invalid_options` naming each option that is missing, unknown or out of bounds */
export function parseChatRouterOptions<Message, HostRequest, Types extends HostTypes>(
  given: ChatRouterOptions<Message, HostRequest, Types>,
) {
  return parse(given, chatRouterSchema.extend(hostShape));
}

/** @throws as `parseChatRouterOptions` */
export function parseChatHandlerOptions<Message, Types extends HostTypes>(
  given: ChatHandlerOptions<Message, Types>,
) {
  return parse(given, chatHandlerSchema.extend(hostShape));
}

function parse<Message, HostRequest, Types extends HostTypes, Settings extends object>(
  given: Host<Message, HostRequest, Types>,
  schema: z.ZodType<Settings>,
) {
  const settings = parseStrictly('invalid_options', schema, given ?? {}, 'options');
  const { authorize } = given;
  // The host's code knows its own messages, requests and types; nothing here looks into them.
  return { ...(given as unknown as Host<ChatMessage, unknown, Untyped>), ...settings, authorize };
}
