/** A subscription as a response to a page of the AI SDK, for hosts with routes of their own. */
import type { ServerResponse } from 'node:http';
import { MINUTE, SECOND } from '../clock.js';
import { GenerationJobError } from '../errors.js';
import { sendReply } from '../http/node-exchange.js';
import type { Reply } from '../http/route-types.js';
import { sessionContextOf } from '../http/session-context.js';
import type { SessionContext } from '../http/sse-session.js';
import { responseOf } from '../http/web-exchange.js';
import type { BatchReader } from '../stream/interfaces/batch-reader.js';
import type { Subscription } from '../stream/interfaces/subscription.js';
import { type Internals, internalsOf } from '../stream/process/internals.js';
import { replay } from './opening.js';
import { dialectOf, parseStreamOptions, type UIResponseOptions, type UIStreamOptions } from './ui-options.js';
import { uiReply } from './ui-reply.js';

/** Readers that do not read are cut off after this, as by the routes. */
const STALL_MS = 30 * SECOND;
const RECHECK_MS = 10 * MINUTE;

/**
 * Makes a Web response that tells a page's `useChat` of a job: from `start` with the message's id, all that there is, short,
 * then what comes, to the end or to a question. Where what was shown does not hold any more (the answer was started over, or
 * events were lost), and where the subscription closes without an end, the response is broken off, and not ended: the page
 * has to resume.
 *
 * @param subscription one that was not read yet, of a job with the content model `uiMessageContent()`; with `resume: true` if
 *   the job may have begun before. Its owner is checked by whoever subscribes
 * @throws GenerationJobError `invalid_options` · `invalid_argument` for what is no subscription of this package
 * @example
 * const subscription = manager.subscribe('chat-1', { userId: 'u-1', resume: true });
 * await subscription.ready;
 * const response = toUIMessageStreamResponse(subscription);
 */
export function toUIMessageStreamResponse(
  subscription: Subscription,
  options: UIResponseOptions = {},
): Response {
  const reply = replyOf(subscription, options);
  const { signal = new AbortController().signal } = options;
  return responseOf(reply, { signal, method: 'GET' });
}

/**
 * Writes the same as `toUIMessageStreamResponse` into a response of Node's `http`, or of Express.
 *
 * @throws GenerationJobError `invalid_options` · `invalid_argument` for what is no subscription of this package
 * @example
 * app.get('/api/chat/:id/stream', async (request, response) => {
 *   const subscription = manager.subscribe(request.params.id, { userId: userOf(request), resume: true });
 *   await subscription.ready;
 *   pipeUIMessageStream(subscription, response);
 * });
 */
export function pipeUIMessageStream(
  subscription: Subscription,
  response: ServerResponse,
  options: UIStreamOptions = {},
): void {
  sendReply(replyOf(subscription, options), response.req, response, 'chunked');
}

function replyOf(subscription: Subscription, options: UIResponseOptions): Reply {
  const { version, messageId, showEvents, cursors, keepAliveMs, headers } = parseStreamOptions(options);
  const internals = internalsOfSubscription(subscription);
  return uiReply(subscription as unknown as BatchReader, {
    dialect: dialectOf({ version, showEvents, cursors }),
    opening: replay(messageId),
    sessions: contextOf(internals, keepAliveMs),
    headers,
  });
}

function internalsOfSubscription(subscription: Subscription): Internals {
  try {
    return internalsOf(subscription);
  } catch (cause) {
    const message = 'subscription must be one that a manager of this copy of generation-jobs handed out.';
    throw new GenerationJobError('invalid_argument', message, { cause });
  }
}

const contexts = new WeakMap<Internals, Map<number, SessionContext>>();

/** Responses of a manager with the same keep-alive share a timer. */
function contextOf(internals: Internals, keepAliveMs: number): SessionContext {
  const known = contexts.get(internals) ?? new Map<number, SessionContext>();
  contexts.set(internals, known);
  const context =
    known.get(keepAliveMs) ??
    sessionContextOf(internals, {
      heartbeatMs: keepAliveMs,
      recheckMs: RECHECK_MS,
      stallMs: STALL_MS,
      retryMs: SECOND,
      readerBytes: undefined,
    });
  known.set(keepAliveMs, context);
  return context;
}
