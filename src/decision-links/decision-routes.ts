/**
 * The route for decision links, without a web framework: `GET` shows what a link would decide, and decides nothing; `POST` decides.
 *
 * There is no session, and no cookie is looked at: the token in the body is all that counts. So a page of another origin has nothing to
 * forge, and no origin is checked: who has the token may decide from wherever it comes, who hasn't can't make anybody's browser do it.
 * (The form's own `Origin` is `null`, since its page tells nobody where it was.) No page can frame these.
 *
 * It asks in this order: the body's form, the token, how often it is asked for, what the token may, and only then the store. Whatever
 * is wrong with a token is one and the same answer. Tokens are in no log.
 */
import { z } from 'zod';
import { SECOND } from '../clock.js';
import { ERROR_TABLE, type ErrorCode, GenerationJobError, isGenerationJobError } from '../errors.js';
import { type BodyLimits, bringsForm, readFormBody, readJsonBody } from '../http/json-body.js';
import { jsonReply, reportError } from '../http/replies.js';
import { RequestRate, TooManyRequests } from '../http/request-rate.js';
import { RouteFrame } from '../http/route-frame.js';
import type { Reply, RouteRequest } from '../http/route-types.js';
import { ActionDecidedError, isDecidedAsSaid } from '../stream/approvals/action-decided-error.js';
import type { GenerationJobManager } from '../stream/interfaces/generation-job-manager.js';
import { checkAgainst } from '../stream/model/action-types.js';
import type { PendingAction, Resolution } from '../stream/model/types.js';
import { boundHook } from '../stream/process/host-code.js';
import { type Internals, internalsOf } from '../stream/process/internals.js';
import { digestOfFingerprint, type VerifiedLink, verifiedAt } from './decision-links.js';
import type { DecisionSettings } from './decision-options.js';
import { askingPage, decidedPage, LINK_HEADERS, refusalPage } from './link-page.js';
import { decisionIn, LINK_DECISIONS, saidAgain, saidOf } from './link-scope.js';
import { isPassing, outcomeWords, sentenceFor } from './link-words.js';
import { shownAction, shownOutcome } from './shown-action.js';

const SERVER_ERROR = 500;
const METHODS = { decide: ['GET', 'HEAD', 'POST', 'OPTIONS'] } as const;

const decideBody = z.strictObject({ token: z.string(), decision: z.enum(LINK_DECISIONS).optional() });
type DecideBody = z.output<typeof decideBody>;

/** A request as far as it has been understood: what a refusal is told with. */
interface Asking {
  link?: VerifiedLink;
  body?: DecideBody;
}

export class DecisionRoutes {
  readonly #manager: GenerationJobManager;
  readonly #internals: Internals;
  readonly #options: DecisionSettings;
  readonly #bodyLimits: BodyLimits;
  readonly #rate: RequestRate;
  /** No origins: a page of another one has nothing to forge. */
  readonly #frame: RouteFrame<'decide'>;

  /** @throws GenerationJobError `invalid_options` for what is no manager */
  constructor(manager: GenerationJobManager, options: DecisionSettings) {
    this.#manager = manager;
    this.#internals = internalsOf(manager);
    this.#options = options;
    const { clock, logger, options: streamOptions } = this.#internals;
    const { bodyBytes, bodyMs, requestsPerSecond } = options;
    this.#bodyLimits = { bodyBytes, bodyMs, jsonDepth: streamOptions.limits.jsonDepth, clock };
    this.#rate = new RequestRate(clock, requestsPerSecond);
    this.#frame = new RouteFrame(METHODS, logger);
  }

  /** Answers a request; undefined at once when its path is not ours. Never rejects. */
  answer(request: RouteRequest): Promise<Reply> | undefined {
    return request.path === '/decide' || request.path === '/decide/' ? this.#answer(request) : undefined;
  }

  async #answer(request: RouteRequest): Promise<Reply> {
    const asking: Asking = {};
    const act = () =>
      request.method === 'POST' ? this.#decide(request, asking) : this.#show(request, asking);
    const failed = (error: unknown) => this.#refuse(request, asking, error);
    const reply = await this.#frame.answer('decide', request, { act, failed });
    return { ...reply, headers: { ...reply.headers, ...LINK_HEADERS } };
  }

  async #show(request: RouteRequest, asking: Asking): Promise<Reply> {
    const token = request.query.get('token') ?? '';
    const link = await this.#open(token, asking);
    const { action, resolution } = await this.#find(link);
    if (resolution) throw new ActionDecidedError('action_decided', resolution, false);
    this.#internals.observer.decisionLink('shown');
    const shown = shownAction(action, link, this.#options.shows);
    if (wantsPage(request)) return askingPage(link, shown, token);
    const { decisions, user, actionId, expiresAt } = link;
    return jsonReply(200, { actionId, user, decisions, expiresAt, action: shown });
  }

  async #decide(request: RouteRequest, asking: Asking): Promise<Reply> {
    const read = bringsForm(request) ? readFormBody : readJsonBody;
    const body = await read(request, this.#bodyLimits, decideBody);
    asking.body = body;
    const link = await this.#open(body.token, asking);
    const decision = decisionIn(link, body.decision);
    const { action, resolution } = await this.#find(link);
    const said = action ? saidOf(link, action, decision) : saidAgain(resolution, decision);
    await this.#resolve(request, link, said);
    if (wantsPage(request)) return decidedPage(decision);
    return jsonReply(200, { decided: true, actionId: link.actionId, decision });
  }

  /** Decides, and goes on with the run behind the answer. @throws what `approvals.resolve` throws, unless it is decided so already */
  async #resolve(request: RouteRequest, link: VerifiedLink, said: ReturnType<typeof saidOf>): Promise<void> {
    const { background, observer } = this.#internals;
    const { tokenId, tenantId, streamId, generation, actionId, payloadDigest, user } = link;
    try {
      const { job, continuation } = await this.#manager.approvals.resolve(streamId, {
        ...said,
        ...{ tenantId, generation, actionId, payloadDigest, by: user },
        via: 'link',
        idempotencyKey: `link:${tokenId}`,
        context: request.hostRequest,
      });
      observer.decisionLink('decided');
      // Nobody else holds this promise: a manager that closes waits for what it stands for.
      background.run(job.run(() => this.#options.onResume(job, continuation, request.hostRequest)));
    } catch (error) {
      if (!isDecidedAsSaid(error)) throw error;
      observer.decisionLink('repeated');
    }
  }

  /** Verifies a token, and counts the request. @throws GenerationJobError `link_invalid`, `link_expired`, `too_many_requests` */
  async #open(token: string, asking: Asking): Promise<VerifiedLink> {
    const link = await verifiedAt(this.#options.links, this.#internals.clock.now(), token);
    asking.link = link;
    this.#rate.take(link.tokenId);
    return link;
  }

  /**
   * Finds the action that a link is for: as it waits, or how it was decided.
   * @throws GenerationJobError by what has become of it: `stream_not_found`, `generation_ended`, `action_expired`, `payload_changed`,
   *   `fingerprint_mismatch`, `decision_not_linkable`
   */
  async #find(link: VerifiedLink): Promise<Found> {
    const { tenantId, streamId, generation, actionId, payloadDigest, fingerprint } = link;
    const record = await this.#manager.getJob(streamId, { tenantId, generation });
    if (record === null) throw new GenerationJobError('stream_not_found', 'Nothing is kept of it.');
    const resolution = record.resolutions.find((one) => one.actionId === actionId);
    if (resolution?.outcome === 'decided') return { resolution };
    const action = record.pendingAction;
    const isLate = action !== undefined && action.expiresAt <= this.#internals.remote.now();
    if (resolution || (isLate && action.actionId === actionId))
      throw new GenerationJobError('action_expired', 'The time to decide is over.');
    if (action?.actionId !== actionId)
      throw new GenerationJobError('generation_ended', 'It does not wait any more.');
    if (action.payloadDigest !== payloadDigest)
      throw new GenerationJobError('payload_changed', 'The link was made for another payload.');
    if (fingerprint !== undefined && fingerprint !== digestOfFingerprint(action.fingerprint))
      throw new GenerationJobError('fingerprint_mismatch', 'The link was made for another run.');
    await this.#throwUnlessLinkable(action);
    return { action };
  }

  /**
   * Refuses an action that asks for more than a link says. The manager knows its type, and what made the link does not.
   * @throws GenerationJobError `decision_not_linkable` where the type wants a response, which no link has
   */
  async #throwUnlessLinkable({ type }: PendingAction): Promise<void> {
    const schema = this.#internals.actionTypes.get(type)?.response;
    if (schema === undefined) return;
    try {
      await boundHook(this.#internals, 'actionType', () => checkAgainst(schema, undefined, 'response'));
    } catch (cause) {
      if (!isGenerationJobError(cause, 'invalid_action')) throw cause;
      throw new GenerationJobError('decision_not_linkable', 'The action wants a response.', { cause });
    }
  }

  #refuse(request: RouteRequest, { link, body }: Asking, error: unknown): Reply {
    const { errors, logger, observer } = this.#internals;
    const code = codeOf(error);
    const { status } = ERROR_TABLE[code];
    observer.decisionLink(link === undefined && code !== 'link_expired' ? 'invalid' : 'refused');
    if (status >= SERVER_ERROR) reportError(error, 'decide', errors);
    else if (link !== undefined) {
      const { tokenId, tenantId, streamId, generation } = link;
      logger.info({ code, tokenId, tenantId, streamId, generation }, 'a decision link was refused');
    }
    const message = sentenceFor(code, status);
    const resolution = error instanceof ActionDecidedError ? error.resolution : undefined;
    const headers = moreHeaders(error);
    if (!wantsPage(request)) {
      const outcome = resolution && shownOutcome(resolution, this.#options.shows);
      return jsonReply(status, { error: { code, message, outcome } }, headers);
    }
    const again = isPassing(code) && body ? { token: body.token, decision: body.decision } : undefined;
    const page = refusalPage(status, resolution ? [message, outcomeWords(resolution)] : [message], again);
    return { ...page, headers: { ...page.headers, ...headers } };
  }
}

/** An action that a link is for: it waits, or somebody has decided it. */
type Found =
  | { readonly action: PendingAction; readonly resolution?: undefined }
  | { readonly action?: undefined; readonly resolution: Resolution };

/** Says whether a person asks, and not a program: by a form, or with a browser that shows pages. */
function wantsPage(request: RouteRequest): boolean {
  return bringsForm(request) || (request.header('accept') ?? '').includes('text/html');
}

/** Names what a link is refused with: that something newer is asked is nothing to who has it. */
function codeOf(error: unknown): ErrorCode {
  if (error instanceof ActionDecidedError) return 'action_decided';
  return isGenerationJobError(error) ? error.code : 'internal';
}

function moreHeaders(error: unknown): Readonly<Record<string, string>> {
  if (!(error instanceof TooManyRequests)) return {};
  return { 'retry-after': String(Math.ceil(error.afterMs / SECOND)) };
}
