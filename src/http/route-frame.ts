/**
 * The frame around the routes of a router: the methods that a path has, whether the page that asks may ask, what lets it read the answer
 * (a refusal too), and what becomes of what is thrown. What is inside is each router's own.
 */
import type { Logger } from '../stream/interfaces/logger.js';
import { corsHeaders } from './cors.js';
import { listedOrigin, OriginCheck } from './origin-check.js';
import { emptyReply, errorReply } from './replies.js';
import type { Reply, RouteRequest } from './route-types.js';

/** The origins whose pages may ask; with `cors` they may read the answers. */
export interface FrameOrigins {
  readonly allowedOrigins: readonly string[];
  readonly cors: boolean;
}

/** The part of an answer that is a router's own. */
export interface Framed {
  /** Answers a request that may be made. */
  act(): Promise<Reply>;
  /** Makes the answer to what was thrown. */
  failed(error: unknown): Reply;
}

export class RouteFrame<Name extends string> {
  readonly #methods: Readonly<Record<Name, readonly string[]>>;
  readonly #origins: FrameOrigins | undefined;
  readonly #check: OriginCheck | undefined;

  /**
   * @param methods the methods of each route, `OPTIONS` among them
   * @param origins left out where a request counts for the same wherever it comes from
   */
  constructor(methods: Readonly<Record<Name, readonly string[]>>, logger: Logger, origins?: FrameOrigins) {
    this.#methods = methods;
    this.#origins = origins;
    this.#check = origins && new OriginCheck(origins.allowedOrigins, logger);
  }

  /** Answers a request for a route. Never rejects, unless `failed` throws. */
  async answer(name: Name, request: RouteRequest, framed: Framed): Promise<Reply> {
    const methods = this.#methods[name];
    const reply = await this.#answer(methods, request, framed);
    if (!this.#origins?.cors) return reply;
    const origin = listedOrigin(request, this.#origins.allowedOrigins);
    return { ...reply, headers: { ...reply.headers, ...corsHeaders(request, origin, methods) } };
  }

  async #answer(methods: readonly string[], request: RouteRequest, { act, failed }: Framed): Promise<Reply> {
    const allow = { allow: methods.join(', ') };
    try {
      if (!methods.includes(request.method)) return errorReply('method_not_allowed', allow);
      if (request.method === 'OPTIONS') return emptyReply(204, allow);
      if (this.#check?.refuses(request)) return errorReply('origin_refused');
      return await act();
    } catch (error) {
      return failed(error);
    }
  }
}
