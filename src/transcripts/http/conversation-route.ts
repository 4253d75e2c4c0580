/**
 * The host's own route: what a conversation's latest transcript says, for people, while no worker is there. The host says
 * which conversation a request is about; nothing else in the request does.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { MIB, SECOND, systemClock } from '../../clock.js';
import { GenerationJobError } from '../../errors.js';
import { sendReply } from '../../http/node-exchange.js';
import { emptyReply, jsonReply, replyToError } from '../../http/replies.js';
import type { Reply } from '../../http/route-types.js';
import { requiredFunction } from '../../stream/model/host-values.js';
import { parseStrictly } from '../../stream/model/strict.js';
import { handOut, NO_MANAGER } from '../../stream/process/handed-out.js';
import { until } from '../bytes.js';
import { readTranscript, type TranscriptMessage } from '../read.js';
import type { TranscriptConversation, TranscriptStore } from '../transcript-store.js';
import { transcriptsOf } from '../transcripts-of.js';
import { within } from '../within.js';

export interface TranscriptRouteOptions<HostRequest> {
  /**
   * Says which conversation a request is about, after looking whether whoever asks may read it; null when they may not: then
   * the answer is the same as when there is none. There is no default.
   */
  readonly authorize: (
    request: HostRequest,
  ) => TranscriptConversation | null | undefined | Promise<TranscriptConversation | null | undefined>;
}

const READ_MS = 30 * SECOND;
const MOST_MESSAGES = 1_000;
const DEFAULT_MESSAGES = 100;
/** The text of messages in one answer; those that were said first are left out. */
const MOST_TEXT = 4 * MIB;
const optionsSchema = z.strictObject({ authorize: requiredFunction });

/**
 * Answers `GET` with the messages of a conversation's latest transcript as JSON: `{ runId, startedAt, savedAt, messages, counts,
 * damaged }`, the last 100 messages or as many as `?last=` says (1 to 1,000), of 4 MiB in all. A handler for Express 4 and 5 or
 * a server of Node's, wherever it is mounted.
 *
 * @throws GenerationJobError `invalid_options`
 * @example
 * app.get('/api/transcripts/:id', createTranscriptRouter(store, { authorize: (request) => conversationOf(request) }));
 */
export function createTranscriptRouter<HostRequest extends IncomingMessage = IncomingMessage>(
  store: TranscriptStore,
  options: TranscriptRouteOptions<HostRequest>,
): (request: HostRequest, response: ServerResponse, next?: (error: unknown) => void) => void {
  const { authorize } = parse(options);
  return (request, response, next) => {
    const { method = 'GET', url = '' } = request;
    const query = new URLSearchParams(url.slice(url.indexOf('?') + 1 || url.length));
    answer(store, method, query, async () => authorize(request))
      .then((reply) => sendReply(reply, request, response, 'chunked'))
      .catch((error: unknown) => (next ? next(error) : response.destroy()));
  };
}

/**
 * Answers as `createTranscriptRouter` does, a Web `Request` with a `Response`.
 *
 * @throws GenerationJobError `invalid_options`
 */
export function createTranscriptHandler(
  store: TranscriptStore,
  options: TranscriptRouteOptions<Request>,
): (request: Request) => Promise<Response> {
  const { authorize } = parse(options);
  return (request) =>
    handOut(NO_MANAGER, 'createTranscriptHandler', async () => {
      const { searchParams } = new URL(request.url);
      const reply = await answer(store, request.method, searchParams, async () => authorize(request));
      const body = reply.kind === 'json' && request.method !== 'HEAD' ? reply.body : null;
      return new Response(body, { status: reply.status, headers: { ...reply.headers } });
    });
}

function parse<HostRequest>(
  options: TranscriptRouteOptions<HostRequest>,
): TranscriptRouteOptions<HostRequest> {
  parseStrictly('invalid_options', optionsSchema, options, 'options');
  return options;
}

async function answer(
  store: TranscriptStore,
  method: string,
  query: URLSearchParams,
  authorize: () => Promise<TranscriptConversation | null | undefined>,
): Promise<Reply> {
  try {
    if (method !== 'GET' && method !== 'HEAD')
      throw new GenerationJobError('method_not_allowed', 'A transcript is read by GET.');
    const last = lastIn(query);
    const conversation = await authorize();
    if (!conversation) throw new GenerationJobError('transcript_not_found', 'Not for whoever asks.');
    const read = await within({ what: 'Reading', withinMs: READ_MS, clock: systemClock }, (signal) =>
      readLatest(store, conversation, last, signal),
    );
    return method === 'HEAD' ? emptyReply(200) : jsonReply(200, read);
  } catch (error) {
    return replyToError(error, 'transcript', NO_MANAGER.errors);
  }
}

async function readLatest(
  store: TranscriptStore,
  conversation: TranscriptConversation,
  last: number,
  signal: AbortSignal,
): Promise<object> {
  const { latest } = await transcriptsOf(store, conversation).latest(signal);
  if (latest === null) throw new GenerationJobError('transcript_not_found', 'Nothing was saved.');
  const { runId, startedAt, savedAt } = latest;
  const { messages, counts, damaged } = await readTranscript(until(latest.read(), signal), { last });
  return { runId, startedAt, savedAt, messages: fitting(messages), counts, damaged };
}

/** Leaves out the bytes' own form, and of the messages the first ones, until they fit one answer. */
function fitting(messages: readonly TranscriptMessage[]): object[] {
  const shown: object[] = [];
  let size = 0;
  for (const { value: _, ...message } of messages.toReversed()) {
    size += JSON.stringify(message).length;
    if (size > MOST_TEXT) break;
    shown.push(message);
  }
  return shown.reverse();
}

function lastIn(query: URLSearchParams): number {
  const text = query.get('last');
  const last = text === null ? DEFAULT_MESSAGES : Number(text);
  if (text !== null && String(last) !== text)
    throw new GenerationJobError('invalid_argument', '?last= must be a number.');
  if (!Number.isInteger(last) || last < 1 || last > MOST_MESSAGES)
    throw new GenerationJobError('invalid_argument', `?last= must be 1 to ${MOST_MESSAGES}.`);
  return last;
}
