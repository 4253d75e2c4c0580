/**
 * The routes of a chat, without a web framework: a request in, a reply out, in the words of `useChat`. Each asks in the same
 * order as the stream routes do. A POST is a message to answer, or an answer to what is asked (`ChatDecisions`). What is wrong
 * with it is told before a stream begins, as JSON with a status.
 *
 * The id of an answer's message is fixed when its job is created and stands in its record, so any replica answers any request.
 */
import { z } from 'zod';
import { GenerationJobError, isGenerationJobError } from '../errors.js';
import { type Caller, identify, mayStillRead } from '../http/caller.js';
import { type BodyLimits, readJsonBody } from '../http/json-body.js';
import { emptyReply, errorReply, jsonReply, replyToError } from '../http/replies.js';
import { RouteFrame } from '../http/route-frame.js';
import type { Reply, RouteRequest } from '../http/route-types.js';
import { sessionContextOf } from '../http/session-context.js';
import type { SessionContext } from '../http/sse-session.js';
import { oneOf } from '../http/stream-query.js';
import type { GenerationJobManager } from '../stream/interfaces/generation-job-manager.js';
import { boundHook } from '../stream/process/host-code.js';
import { type Internals, internalsOf } from '../stream/process/internals.js';
import { type ChatPost, chatBody, messageToGoOnWith } from './chat-body.js';
import { type ChatCall, hostRequestOf } from './chat-call.js';
import { ChatDecisions } from './chat-decisions.js';
import type { ChatOptions, ChatRequest } from './chat-options.js';
import {
  CHAT_METHODS,
  type ChatRouteName,
  chatIdOf,
  chatStreamId,
  type MatchedChatRoute,
  matchChatRoute,
} from './chat-paths.js';
import { produce } from './chat-producer.js';
import { chatOf } from './chat-record.js';
import { refusalReply } from './chat-refusal.js';
import { CHAT_MODEL, startChat } from './chat-start.js';
import { type UIReplyOptions, uiReplyFor } from './ui-reply.js';

/** A message holds what an event's data holds, and itself around that. */
const DEPTH_AROUND = 6;
/** No client of these streams reads it. */
const RETRY_MS = 2_000;

const stopBody = z.object({ messageId: z.string().nullish() });

/** The place in an answer at which a reply begins. */
type ReplyPlace = Partial<Pick<UIReplyOptions, 'generation' | 'after' | 'continuation' | 'ended'>>;

export class ChatRoutes {
  readonly #manager: GenerationJobManager;
  readonly #internals: Internals;
  readonly #options: ChatOptions;
  readonly #sessions: SessionContext;
  readonly #bodyLimits: BodyLimits;
  readonly #frame: RouteFrame<ChatRouteName>;
  readonly #decisions: ChatDecisions;

  /** @throws GenerationJobError `invalid_options` for what is no manager, or one without the content model of chats */
  constructor(manager: GenerationJobManager, options: ChatOptions) {
    this.#manager = manager;
    this.#internals = internalsOf(manager);
    this.#options = options;
    const { clock, logger, models, options: streamOptions } = this.#internals;
    if (!models.has(CHAT_MODEL)) {
      const message = `manager has no content model '${CHAT_MODEL}': give it contentModels: [uiMessageContent()].`;
      throw new GenerationJobError('invalid_options', message);
    }
    const { bodyBytes, bodyMs } = options;
    const jsonDepth = streamOptions.limits.jsonDepth + DEPTH_AROUND;
    this.#bodyLimits = { bodyBytes, bodyMs, jsonDepth, clock };
    this.#frame = new RouteFrame(CHAT_METHODS, logger, options);
    this.#sessions = sessionContextOf(this.#internals, { ...options, retryMs: RETRY_MS });
    this.#decisions = new ChatDecisions(manager, options);
  }

  /** Answers a request; undefined at once when its path is none of ours. Never rejects. */
  answer(request: RouteRequest): Promise<Reply> | undefined {
    const route = matchChatRoute(request.path, request.method);
    if (route === undefined) return undefined;
    return this.#answer(route, request);
  }

  #answer(route: MatchedChatRoute, request: RouteRequest): Promise<Reply> {
    const act = async () => {
      switch (route.name) {
        case 'post':
          return await this.#post(request);
        case 'stream':
          return await this.#stream(request, route.segment);
        case 'stop':
          return await this.#stop(request, route.segment);
        default:
          return route.name satisfies never;
      }
    };
    const failed = (error: unknown) => replyToError(error, `chat ${route.name}`, this.#internals.errors);
    return this.#frame.answer(route.name, request, { act, failed });
  }

  /** @throws GenerationJobError `stream_not_found` for nobody, and for what names no chat */
  async #callTo(request: RouteRequest, segment: string): Promise<ChatCall> {
    const caller = await identify(request, this.#internals);
    const chatId = chatIdOf(segment);
    if (chatId === undefined) throw new GenerationJobError('stream_not_found', 'That names no chat.');
    return this.#callOf(request, caller, chatId);
  }

  #callOf(request: RouteRequest, caller: Caller, chatId: string): ChatCall {
    return { request, caller, streamId: this.#options.streamId?.(chatId, caller) ?? chatStreamId(chatId) };
  }

  async #post(request: RouteRequest): Promise<Reply> {
    const caller = await identify(request, this.#internals);
    const post = await readJsonBody(request, this.#bodyLimits, chatBody);
    const call = this.#callOf(request, caller, post.id);
    const asked = hostRequestOf(post, call);
    await this.#validate(asked);
    const answered = messageToGoOnWith(post);
    const decided = answered && (await this.#decisions.decide(call, post, answered, asked));
    if (decided === undefined) return this.#start(call, post, asked);
    if ('refusal' in decided) return refusalReply(decided.refusal);
    return this.#follow(call, decided);
  }

  /** @throws GenerationJobError `invalid_body` for what the host refuses */
  async #validate(asked: ChatRequest): Promise<void> {
    const { validate } = this.#options;
    if (validate === undefined) return;
    let isValid: unknown;
    try {
      isValid = await boundHook(this.#internals, 'validate', () => validate(asked));
    } catch (cause) {
      if (isGenerationJobError(cause)) throw cause;
      throw new GenerationJobError('invalid_body', 'The host found the messages invalid.', { cause });
    }
    if (isValid === false) throw new GenerationJobError('invalid_body', 'The host refused the messages.');
  }

  async #start(call: ChatCall, post: ChatPost, asked: ChatRequest): Promise<Reply> {
    const { streamId, caller } = call;
    const { background } = this.#internals;
    const started = await startChat(this.#manager, { streamId, caller, post, asked, options: this.#options });
    const { record } = started;
    const { messageId = '' } = chatOf(record) ?? {};
    if (started.started) {
      const { job } = started;
      const answer = () => this.#options.onMessage({ ...asked, messageId, job });
      // Nobody else holds this promise: a manager that closes waits for what it stands for.
      background.run(job.run(() => produce(job, answer)));
    }
    const { generation } = record;
    // A message that is gone on with is on the page already, and begins the content: what is new of it follows.
    const isGoneOnWith = messageToGoOnWith(post) !== undefined;
    return this.#follow(call, { generation, ...(isGoneOnWith && { continuation: { actionId: '' } }) });
  }

  /** @throws GenerationJobError `generation_ended` when nothing is kept of it any more */
  async #follow(call: ChatCall, from: ReplyPlace): Promise<Reply> {
    const reply = await this.#replyFor(call, { ...from, ended: 'replay' });
    if (reply === null) throw new GenerationJobError('generation_ended', 'The answer is no longer kept.');
    return reply;
  }

  #replyFor({ request, caller, streamId }: ChatCall, from: ReplyPlace): Promise<Reply | null> {
    return uiReplyFor(this.#manager, streamId, {
      ...from,
      access: caller,
      version: this.#versionOf(request),
      sessions: this.#sessions,
      mayRead: () => mayStillRead(request, streamId, caller, this.#manager),
    });
  }

  #versionOf(request: RouteRequest): 6 | 7 {
    return this.#options.version ?? (request.header('x-ai-sdk')?.startsWith('7') ? 7 : 6);
  }

  /** Nothing, somebody else's and what is settled get one answer: any other status would put the chat into an error. */
  async #stream(request: RouteRequest, segment: string): Promise<Reply> {
    const after = request.header('last-event-id') ?? request.query.get('after') ?? undefined;
    const ended = oneOf(request.query, 'ended', ['replay']);
    try {
      const call = await this.#callTo(request, segment);
      const from = { ...(after !== undefined && { after }), ...(ended !== undefined && { ended }) };
      return (await this.#replyFor(call, from)) ?? emptyReply(204);
    } catch (error) {
      if (isGenerationJobError(error, 'stream_not_found')) return emptyReply(204);
      throw error;
    }
  }

  /** Stops the answer that is being made; with a message's id, that one alone. */
  async #stop(request: RouteRequest, segment: string): Promise<Reply> {
    const { caller, streamId } = await this.#callTo(request, segment);
    const wait = oneOf(request.query, 'wait', ['settled']);
    const { messageId } = hasNoBody(request) ? {} : await readJsonBody(request, this.#bodyLimits, stopBody);
    const record = await this.#manager.getJob(streamId, caller);
    if (record === null) return errorReply('stream_not_found');
    const isNamed = messageId !== undefined && messageId !== null;
    if (isNamed && chatOf(record)?.messageId !== messageId) return errorReply('generation_ended');
    const generation = isNamed ? record.generation : undefined;
    const stopped = await this.#manager
      .abortJob(streamId, { ...caller, generation, wait, by: 'user' })
      .catch((error: unknown) => refuseAsEnded(error, isNamed));
    if (!stopped.aborted && isNamed && wait === undefined) return errorReply('generation_ended');
    return jsonReply(200, {
      stopped: stopped.aborted,
      messageId: chatOf(stopped.record)?.messageId,
      status: stopped.record.status,
      settlement: stopped.settlement,
    });
  }
}

/** Says whether nothing is sent with a POST that needs nothing. */
function hasNoBody(request: RouteRequest): boolean {
  const length = request.header('content-length') ?? '0';
  return length === '0' && request.header('transfer-encoding') === undefined;
}

/** The generation that was named may be gone by now; that it is over is certain. */
function refuseAsEnded(error: unknown, isNamed: boolean): never {
  if (isNamed && isGenerationJobError(error, 'stream_not_found')) {
    throw new GenerationJobError('generation_ended', 'The answer is over.', { cause: error });
  }
  throw error;
}
