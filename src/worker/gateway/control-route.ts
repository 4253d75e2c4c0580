/** `GET /control`: a worker follows the life of its run, from the place it names, for as long as its token is good. */
import { GenerationJobError } from '../../errors.js';
import { emptyReply, reportError, STREAM_HEADERS } from '../../http/replies.js';
import type { Reply, RouteRequest } from '../../http/route-types.js';
import { SessionTicker } from '../../http/session-ticker.js';
import { type SessionContext, SseSession } from '../../http/sse-session.js';
import { parseCursor } from '../../stream/model/cursor.js';
import type { Internals } from '../../stream/process/internals.js';
import { ControlReader } from './control-reader.js';
import type { GatewayOptions } from './gateway-options.js';
import type { VerifiedRun } from './run-tokens.js';

const TICKS_IN_SHORTEST = 4;
/** The part of its limits that a stream of this kind needs: it carries a run's life and nothing else. */
const READER_BYTES = 1024 * 1024;

export class ControlRoute {
  readonly #internals: Internals;
  readonly #graceMs: number;
  readonly #sessions: SessionContext;

  constructor(internals: Internals, { heartbeatMs, stallMs, retryMs, tokenGraceMs }: GatewayOptions) {
    this.#internals = internals;
    this.#graceMs = tokenGraceMs;
    const { clock, entropy, errors } = internals;
    const tickMs = Math.min(heartbeatMs, stallMs) / TICKS_IN_SHORTEST;
    this.#sessions = {
      ticker: new SessionTicker(clock, tickMs),
      heartbeatTicks: Math.floor(heartbeatMs / tickMs),
      recheckTicks: Math.floor(stallMs / tickMs),
      stallTicks: Math.floor(stallMs / tickMs),
      readerBytes: READER_BYTES,
      retryMs,
      random: () => entropy.random(),
      onError: (error) => reportError(error, 'control', errors),
    };
  }

  /** @throws GenerationJobError `invalid_cursor`, `token_of_another_run`; what following throws */
  async answer(request: RouteRequest, run: VerifiedRun): Promise<Reply> {
    const { streamId, tenantId, userId, generation } = run;
    const after = request.header('last-event-id') ?? request.query.get('after') ?? 'tail';
    if (after !== 'tail' && parseCursor(after).generation !== generation)
      throw new GenerationJobError('token_of_another_run', 'The cursor is of another generation.');
    const from = after === 'tail' ? { after, generation } : { after };
    const subscription = this.#internals.follow(streamId, { tenantId, userId, ...from });
    const reader = new ControlReader(subscription);
    await reader.ready;
    // All there is to the run was before the cursor.
    if (reader.closedBy === 'ended') return emptyReply(204);
    const isGood = async () => run.expiresAt + this.#graceMs > this.#internals.clock.now();
    return {
      kind: 'stream',
      status: 200,
      headers: STREAM_HEADERS,
      begin: (sink) => new SseSession(reader, sink, this.#sessions, isGood).start(': control\n\n'),
    };
  }
}
