/**
 * The routes, without a web framework: a request in, a reply out. Each asks in the same order: may this page ask, is the
 * address well formed, who is it, and only then the store, always on behalf of who it is. Nobody, somebody else and
 * nothing there get one and the same answer.
 */
import { z } from 'zod';
import { GenerationJobError, isGenerationJobError } from '../errors.js';
import { isDecidedAsSaid } from '../stream/approvals/action-decided-error.js';
import { verdictShape } from '../stream/approvals/verdict.js';
import type { GenerationJobManager } from '../stream/interfaces/generation-job-manager.js';
import type { StandingDecisions } from '../stream/interfaces/standing-rules.js';
import { formatCursor } from '../stream/model/cursor.js';
import type { PublicState } from '../stream/model/lifecycle-payloads.js';
import { isActive } from '../stream/model/transitions.js';
import { type Internals, internalsOf } from '../stream/process/internals.js';
import { type Caller, identify, isStill, mayStillRead } from './caller.js';
import { answerFeed, answerSeen, type FeedRouteContext } from './feed-routes.js';
import type { BodyLimits } from './json-body.js';
import { MESSAGE_ROUTES, MessageRoutes } from './message-routes.js';
import { linkToNext, pageQueryOf } from './page-query.js';
import { QueueRoutes } from './queue-routes.js';
import { emptyReply, errorReply, jsonReply, replyToError, STREAM_HEADERS } from './replies.js';
import { RouteFrame } from './route-frame.js';
import type { RouteOptions } from './route-options.js';
import { type MatchedRoute, METHODS, matchRoute, type RouteName, streamIdOf } from './route-paths.js';
import type { Reply, RouteRequest } from './route-types.js';
import { listRules, publicRule, rememberQueryOf, revokeRule, rulesOfAction } from './rule-routes.js';
import { sessionContextOf } from './session-context.js';
import { encodePlace } from './sse-encoder.js';
import { elsewhere, type SessionContext, SseSession } from './sse-session.js';
import { readStreamBody } from './stream-body.js';
import { oneOf, streamQueryOf } from './stream-query.js';

const abortBody = z.strictObject({
  streamId: z.string(),
  generation: z.number().int().positive().max(Number.MAX_SAFE_INTEGER).optional(),
});

const resumeBody = z.strictObject({ streamId: z.string(), ...verdictShape });

export class StreamRoutes {
  readonly #manager: GenerationJobManager;
  readonly #internals: Internals;
  readonly #options: RouteOptions;
  readonly #sessions: SessionContext;
  readonly #bodyLimits: BodyLimits;
  readonly #frame: RouteFrame<RouteName>;
  readonly #messages: MessageRoutes;
  readonly #queue: QueueRoutes;

  /** @throws GenerationJobError `invalid_options` for what is no manager */
  constructor(manager: GenerationJobManager, options: RouteOptions) {
    this.#manager = manager;
    this.#internals = internalsOf(manager);
    this.#options = options;
    const { clock, logger, options: streamOptions } = this.#internals;
    const { bodyBytes, bodyMs } = options;
    const { jsonDepth } = streamOptions.limits;
    this.#bodyLimits = { bodyBytes, jsonDepth, bodyMs, clock };
    this.#frame = new RouteFrame(METHODS, logger, options);
    this.#sessions = sessionContextOf(this.#internals, options);
    this.#messages = new MessageRoutes(manager, this.#bodyLimits);
    this.#queue = new QueueRoutes(manager, this.#bodyLimits);
  }

  /** Answers a request; undefined at once when its path is none of ours. Never rejects. */
  answer(request: RouteRequest): Promise<Reply> | undefined {
    const route = matchRoute(request.path);
    if (route === undefined || !this.#has(route)) return undefined;
    return this.#answer(route, request);
  }

  /** Says whether the host has asked for the route. */
  #has({ name }: MatchedRoute): boolean {
    if (name === 'resume') return this.#options.onResume !== undefined;
    if (name === 'feed' || name === 'seen') return this.#internals.options.feed;
    if (name === 'rules' || name === 'rule') return this.#internals.rules !== undefined;
    if (name.startsWith('queue')) return this.#internals.hooks.startQueued !== undefined;
    return this.#options.messages || !(MESSAGE_ROUTES as readonly string[]).includes(name);
  }

  #answer(route: MatchedRoute, request: RouteRequest): Promise<Reply> {
    const act = async () => {
      switch (route.name) {
        case 'stream':
          return await this.#stream(request, streamIdOf(route.segment));
        case 'status':
          return await this.#status(request, streamIdOf(route.segment));
        case 'active':
          return await this.#active(request);
        case 'abort':
          return await this.#abort(request);
        case 'resume':
          return await this.#resume(request);
        case 'feed':
          return await answerFeed(request, this.#feedContext);
        case 'seen':
          return await answerSeen(request, this.#feedContext);
        case 'rules':
        case 'rule':
          return await this.#rules(request, route);
        case 'queue':
          return await this.#queue.list(request, streamIdOf(route.segment));
        case 'queue/cancel':
        case 'queue/move':
        case 'queue/resume':
          return request.method === 'POST'
            ? await this.#queue.change(route.name, request)
            : await this.#queue.list(request, streamIdOf(route.segment));
        default:
          return await this.#messages.answer(route.name, request);
      }
    };
    const failed = (error: unknown) => replyToError(error, route.name, this.#internals.errors);
    return this.#frame.answer(route.name, request, { act, failed });
  }

  get #feedContext(): FeedRouteContext {
    const [manager, internals] = [this.#manager, this.#internals];
    return { manager, internals, sessions: this.#sessions, bodyLimits: this.#bodyLimits };
  }

  async #stream(request: RouteRequest, streamId: string): Promise<Reply> {
    const { from, heartbeat } = streamQueryOf(request);
    const caller = await identify(request, this.#internals);
    if (this.#manager.isDraining) return elsewhere(this.#sessions.random);
    const isQueued = from.queueId !== undefined;
    if (request.method === 'HEAD') return await this.#headOfStream(streamId, caller, isQueued);
    const subscription = this.#internals.follow(streamId, { ...caller, ...from });
    await subscription.ready;
    // Closed before anything was read: all there is to the generation was before the cursor.
    if (subscription.closedBy === 'ended') return emptyReply(204);
    const preamble = from.after === 'tail' ? encodePlace(subscription.cursor) : '';
    // A follower of a run looks itself whose it is, and its stream may have nothing else.
    const mayRead = () =>
      isQueued
        ? isStill(request, caller, this.#internals)
        : mayStillRead(request, streamId, caller, this.#manager);
    return {
      kind: 'stream',
      status: 200,
      headers: STREAM_HEADERS,
      begin: (sink) => new SseSession(subscription, sink, this.#sessions, mayRead, heartbeat).start(preamble),
    };
  }

  async #headOfStream(streamId: string, caller: Caller, isQueued: boolean): Promise<Reply> {
    const there = emptyReply(200, STREAM_HEADERS);
    if ((await this.#manager.getJob(streamId, caller)) !== null) return there;
    if (!isQueued) return errorReply('stream_not_found');
    const { waiting, returned } = await this.#manager.queue.list(streamId, caller);
    return waiting.length + returned.length > 0 ? there : errorReply('stream_not_found');
  }

  async #status(request: RouteRequest, streamId: string): Promise<Reply> {
    const mayMiss = oneOf(request.query, 'missing', ['ok', 'error']) === 'ok';
    const state = await this.#publicState(request, streamId);
    if (state !== null) return jsonReply(200, { active: isActive(state.status), ...state });
    if (mayMiss) return jsonReply(200, { active: false, streamId, generation: null });
    return errorReply('stream_not_found');
  }

  /** Null for nobody, for somebody else's stream and for none: their answers are one. */
  async #publicState(request: RouteRequest, streamId: string): Promise<PublicState | null> {
    try {
      const caller = await identify(request, this.#internals);
      return await this.#manager.getPublicState(streamId, caller);
    } catch (error) {
      if (isGenerationJobError(error, 'stream_not_found')) return null;
      throw error;
    }
  }

  /** Answers with an array, as ever; where the next page is stands in a header. */
  async #active(request: RouteRequest): Promise<Reply> {
    const { limit, cursor } = pageQueryOf(request.query);
    const caller = await identify(request, this.#internals);
    const records = await this.#manager.listActiveJobs({ ...caller, limit, cursor });
    const jobs = records.map(({ streamId, conversationId, generation, status }) => ({
      streamId,
      conversationId: conversationId ?? null,
      generation,
      status,
    }));
    return jsonReply(200, jobs, records.next === undefined ? {} : { link: linkToNext(records.next, limit) });
  }

  /** A generation before the current one may no longer be kept; that it is over is certain. */
  async #refuseIfReplaced(
    error: unknown,
    streamId: string,
    caller: Caller,
    generation: number | undefined,
  ): Promise<never> {
    const current = generation !== undefined && (await this.#manager.getJob(streamId, caller));
    if (current && current.generation > generation) {
      throw new GenerationJobError('generation_ended', `Generation ${generation} is over.`, { cause: error });
    }
    throw error;
  }

  async #abort(request: RouteRequest): Promise<Reply> {
    const caller = await identify(request, this.#internals);
    const wait = oneOf(request.query, 'wait', ['settled']);
    const queue = oneOf(request.query, 'queue', ['clear']);
    const { streamId, generation } = await readStreamBody(request, this.#bodyLimits, abortBody);
    const result = await this.#manager
      .abortJob(streamId, { ...caller, generation, wait, queue, by: 'user' })
      .catch((error: unknown) => this.#refuseIfReplaced(error, streamId, caller, generation));
    const { aborted, early, isEmpty, content, missing, usage, settlement, record } = result;
    // Without a generation the caller wanted silence, and there is silence; who waits, or clears, wants what it came to.
    const isAsked = generation !== undefined && (wait ?? queue) === undefined;
    if (!aborted && isAsked) return errorReply('generation_ended');
    return jsonReply(200, {
      aborted,
      early,
      isEmpty,
      streamId,
      generation: record.generation,
      status: record.status,
      cursor: formatCursor(record.generation, record.lastSequence),
      content,
      missing,
      usage,
      settlement,
      unsent: record.unsent,
      ...(queue && { unqueued: result.unqueued }),
    });
  }

  /** Answers when it is decided; the run goes on behind the answer. */
  async #resume(request: RouteRequest): Promise<Reply> {
    const caller = await identify(request, this.#internals);
    const { onResume } = this.#options;
    const { background, rules } = this.#internals;
    // A server without rules remembers nothing, as one of the release before.
    const remember = rules && rememberQueryOf(request.query);
    const { streamId, ...said } = await readStreamBody(request, this.#bodyLimits, resumeBody);
    const { actionId } = said;
    const resumed = { resumed: true, streamId, actionId };
    try {
      const { job, continuation, ...made } = await this.#manager.approvals.resolve(streamId, {
        ...said,
        ...caller,
        remember,
        by: caller.userId,
        context: request.hostRequest,
      });
      // Nobody else holds this promise: a manager that closes waits for what it stands for.
      background.run(job.run(() => onResume?.(job, continuation, request.hostRequest)));
      return jsonReply(202, { ...resumed, rules: made.rules?.map(publicRule) });
    } catch (error) {
      if (!isDecidedAsSaid(error)) throw error;
      const made = rules && remember && (await rulesOfAction(rules, caller, actionId));
      return jsonReply(202, { ...resumed, rules: made?.map(publicRule) });
    }
  }

  async #rules(request: RouteRequest, { name, segment }: MatchedRoute): Promise<Reply> {
    const caller = await identify(request, this.#internals);
    const rules = this.#internals.rules as StandingDecisions;
    return name === 'rules' ? listRules(rules, caller) : revokeRule(rules, caller, segment);
  }
}
