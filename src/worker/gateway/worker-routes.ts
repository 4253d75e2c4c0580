/**
 * The routes for workers, without a web framework. Each asks in the same order: whose token is it, does the run send too much, is
 * the body well formed and of the same run; and only then the store, which says whether the attempt may still write. Nothing is
 * kept here that another replica needs. What is refused is logged by its code, never with the token.
 */
import type { z } from 'zod';
import { ERROR_TABLE, type ErrorCode, GenerationJobError, isGenerationJobError } from '../../errors.js';
import { type BodyLimits, readJsonBody } from '../../http/json-body.js';
import { errorReply, jsonReply, replyToError } from '../../http/replies.js';
import { RequestRate, TooManyRequests } from '../../http/request-rate.js';
import type { Reply, RouteRequest } from '../../http/route-types.js';
import type { GenerationJobManager } from '../../stream/interfaces/generation-job-manager.js';
import { WORKER_REFUSALS, type WorkerRefusal } from '../../stream/interfaces/observer.js';
import type { RemoteAttempt } from '../../stream/interfaces/remote-attempts.js';
import { streamKey } from '../../stream/model/stream-key.js';
import { boundHook } from '../../stream/process/host-code.js';
import { type Internals, internalsOf } from '../../stream/process/internals.js';
import { SNAPSHOT_PATH } from '../../transcripts/http/snapshot-form.js';
import type { SnapshotReply, SnapshotRequest } from '../../transcripts/http/snapshot-route.js';
import { ControlRoute } from './control-route.js';
import type { GatewayOptions } from './gateway-options.js';
import { checkedTypes, checkPayload } from './payload-check.js';
import {
  type BatchBody,
  batchBody,
  batchOf,
  checkNamed,
  heartbeatBody,
  hookFatalBody,
  pauseBody,
  tokenBody,
  usageBody,
} from './run-bodies.js';
import { descriptionOf, overReply, replyOf } from './run-replies.js';
import type { RunClaims, VerifiedRun } from './run-tokens.js';
import { renewedToken } from './token-renewal.js';
import { TranscriptRoute } from './transcript-route.js';
import { VerifiedTokens } from './verified-tokens.js';

/** A route of a run: the token has been verified, and the request counted. */
type RunRoute = (request: RouteRequest, run: VerifiedRun) => Promise<Reply>;

interface Route {
  readonly method: 'GET' | 'POST';
  readonly answer: RunRoute;
}

/** A body holds what an event's data holds, and itself around that. */
const DEPTH_AROUND = 4;
const BEARER = 'bearer ';
/** No token of ours is as long. */
const LONGEST_AUTHORIZATION = 8200;

export class WorkerRoutes {
  readonly #internals: Internals;
  readonly #options: GatewayOptions;
  readonly #tokens: VerifiedTokens;
  readonly #rate: RequestRate;
  readonly #bodyLimits: BodyLimits;
  readonly #routes: ReadonlyMap<string, Route>;
  readonly #transcript: TranscriptRoute;

  /**
   * @param more further routes of a run, by their paths
   * @throws GenerationJobError `invalid_options` for what is no manager
   */
  constructor(
    manager: GenerationJobManager,
    options: GatewayOptions,
    more: ReadonlyMap<string, Route> = new Map(),
  ) {
    const internals = internalsOf(manager);
    const { clock, options: streamOptions } = internals;
    this.#internals = internals;
    this.#options = options;
    this.#tokens = new VerifiedTokens(clock, options);
    this.#rate = new RequestRate(clock, options.requestsPerSecond);
    const { bodyBytes, bodyMs } = options;
    const jsonDepth = streamOptions.limits.jsonDepth + DEPTH_AROUND;
    this.#bodyLimits = { bodyBytes, bodyMs, jsonDepth, clock };
    const control = new ControlRoute(internals, options);
    this.#transcript = new TranscriptRoute(internals, options);
    const post = (answer: RunRoute): Route => ({ method: 'POST', answer });
    this.#routes = new Map<string, Route>([
      ['events', post((request, run) => this.#events(request, run))],
      ['pause', post((request, run) => this.#pause(request, run))],
      ['usage', post((request, run) => this.#usage(request, run))],
      ['heartbeat', post((request, run) => this.#heartbeat(request, run))],
      ['token', post((request, run) => this.#token(request, run))],
      ['hook-fatal', post((request, run) => this.#hookFatal(request, run))],
      ['control', { method: 'GET', answer: (request, run) => control.answer(request, run) }],
      ...more,
    ]);
  }

  /** Answers a request; undefined at once when its path is none of ours. Never rejects. */
  answer(request: RouteRequest): Promise<Reply> | undefined {
    const name = nameIn(request.path);
    const route = this.#routes.get(name);
    return route && this.#answer(name, route, request);
  }

  /**
   * Answers a request for the run's transcripts, whose body and answer are streams; undefined at once when its path is not
   * theirs. Never rejects.
   */
  transcript(path: string, requested: () => SnapshotRequest): Promise<SnapshotReply> | undefined {
    return path === SNAPSHOT_PATH ? this.#answerTranscript(requested()) : undefined;
  }

  async #answerTranscript(request: SnapshotRequest): Promise<SnapshotReply> {
    let run: VerifiedRun | undefined;
    let leave = () => {};
    try {
      // A run that has ended, and saves, gets no other token: its last is good for as long as it could be renewed.
      run = await this.#identify(request, this.#options.tokenGraceMs);
      leave = this.#rate.enter(rateKeyOf(run));
      // An answer is under way until its bytes are through: each may hold some MiB, and a reader may take its time.
      return await this.#transcript.answer(request, run, leave);
    } catch (error) {
      leave();
      const reply = this.#refuse('transcript', run, error);
      const { status, headers } = reply;
      return { status, headers, body: reply.kind === 'json' ? reply.body : null };
    }
  }

  async #answer(name: string, { method, answer }: Route, request: RouteRequest): Promise<Reply> {
    let run: VerifiedRun | undefined;
    try {
      if (request.method !== method) return errorReply('method_not_allowed', { allow: method });
      run = await this.#identify(request, name === 'token' ? this.#options.tokenGraceMs : 0);
      const known = run;
      const reply = await this.#rate.during(rateKeyOf(known), () => answer(request, known));
      if (reply.status >= 400) this.#internals.observer.workerRefused(refusalIn(reply));
      return reply;
    } catch (error) {
      return this.#refuse(name, run, error);
    }
  }

  /** @throws GenerationJobError `token_invalid`, `token_expired` */
  #identify(request: Pick<RouteRequest, 'header'>, graceMs: number): Promise<VerifiedRun> {
    const token = tokenIn(request.header('authorization'));
    if (token === undefined) throw new GenerationJobError('token_invalid', 'There is no bearer token.');
    return this.#tokens.verify(token, graceMs);
  }

  #refuse(route: string, run: RunClaims | undefined, error: unknown): Reply {
    const { logger, errors } = this.#internals;
    const code: ErrorCode = isGenerationJobError(error) ? error.code : 'internal';
    this.#internals.observer.workerRefused(asRefusal(code));
    if (ERROR_TABLE[code].status < 500) {
      const { tenantId, streamId, generation, attempt } = run ?? {};
      logger.warn({ route, code, tenantId, streamId, generation, attempt }, 'a worker was refused');
    }
    if (error instanceof TooManyRequests)
      return errorReply(code, { 'retry-after': String(Math.ceil(error.afterMs / 1000)) });
    return replyToError(error, route, errors);
  }

  async #bodyOf<Body extends object>(
    request: RouteRequest,
    run: RunClaims,
    schema: z.ZodType<Body>,
  ): Promise<Body> {
    const body = await readJsonBody(request, this.#bodyLimits, schema);
    checkNamed(body, run);
    return body;
  }

  async #events(request: RouteRequest, run: VerifiedRun): Promise<Reply> {
    return this.#commit(await this.#bodyOf(request, run, batchBody), run);
  }

  async #commit(body: BatchBody, run: VerifiedRun): Promise<Reply> {
    const batch = batchOf(body);
    const reply = await this.#internals.remote.commit(attemptOf(run), batch);
    if (reply.ok) this.#internals.observer.workerBatch(batch.events.length);
    return replyOf(reply, run, this.#internals);
  }

  async #pause(request: RouteRequest, run: VerifiedRun): Promise<Reply> {
    const body = await this.#bodyOf(request, run, pauseBody);
    if ('check' in body) return checkPayload(this.#internals, body.check);
    return this.#commit(body, run);
  }

  async #usage(request: RouteRequest, run: VerifiedRun): Promise<Reply> {
    const { remote } = this.#internals;
    const body = await this.#bodyOf(request, run, usageBody);
    if ('after' in body) return this.#commit(body, run);
    const reply = await remote.leave(attemptOf(run), body.change, body.leaves);
    return replyOf(reply, run, this.#internals);
  }

  async #heartbeat(request: RouteRequest, run: VerifiedRun): Promise<Reply> {
    const { remote, options } = this.#internals;
    const { describe } = await this.#bodyOf(request, run, heartbeatBody);
    const attempt = attemptOf(run);
    const answer = await remote.renew(attempt);
    const record = describe || answer !== 'held' ? await remote.read(attempt) : undefined;
    if (answer !== 'held') return overReply(answer, record);
    const times = { now: remote.now(), leaseUntil: remote.now() + run.leaseMs };
    return jsonReply(
      200,
      record
        ? {
            ...times,
            run: { ...descriptionOf(record, run, options), checked: checkedTypes(this.#internals) },
          }
        : times,
    );
  }

  async #token(request: RouteRequest, run: VerifiedRun): Promise<Reply> {
    await this.#bodyOf(request, run, tokenBody);
    const record = await this.#internals.remote.read(attemptOf(run));
    return renewedToken(run, record, this.#options, this.#internals.clock.now());
  }

  async #hookFatal(request: RouteRequest, run: VerifiedRun): Promise<Reply> {
    const report = await this.#bodyOf(request, run, hookFatalBody);
    const { onHookFatal } = this.#options;
    const { logger } = this.#internals;
    const { expiresAt: _, ...claims } = run;
    if (onHookFatal) await boundHook(this.#internals, 'onHookFatal', () => onHookFatal(report, claims));
    else {
      const { tenantId, streamId, generation, agentId } = run;
      const { hook, exitCode, at } = report;
      logger.error(
        { tenantId, streamId, generation, agentId, hook, exitCode, at },
        'a hook of a worker died',
      );
    }
    return jsonReply(200, {});
  }
}

function asRefusal(code: unknown): WorkerRefusal {
  return WORKER_REFUSALS.find((one) => one === code) ?? 'other';
}

/** Reads the code that an answer refuses with: it is small, and made here. */
function refusalIn(reply: Reply): WorkerRefusal {
  const { error } = reply.kind === 'json' ? JSON.parse(reply.body) : {};
  return asRefusal(error?.code);
}

function nameIn(path: string): string {
  return path.slice(path.startsWith('/') ? 1 : 0, path.length > 1 && path.endsWith('/') ? -1 : undefined);
}

/** Returns the token of a bearer; undefined when there is none. What it is, is for whoever verifies it. */
function tokenIn(authorization = ''): string | undefined {
  if (authorization.length > LONGEST_AUTHORIZATION) return undefined;
  const scheme = authorization.slice(0, BEARER.length).toLowerCase();
  return (scheme === BEARER && authorization.slice(BEARER.length).trim()) || undefined;
}

function rateKeyOf({ tenantId = '', streamId, generation }: RunClaims): string {
  return `${tenantId}/${streamId}/${generation}`;
}

function attemptOf({ streamId, tenantId, generation, attempt, leaseMs }: RunClaims): RemoteAttempt {
  return { key: streamKey(streamId, tenantId), generation, attempt, leaseMs };
}
