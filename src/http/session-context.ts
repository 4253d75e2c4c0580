/** The sessions of a router share one timer, and go by the router's options. */
import type { Internals } from '../stream/process/internals.js';
import { reportError } from './replies.js';
import { LEAST_READER_BYTES, type RouteOptions } from './route-options.js';
import { SessionTicker } from './session-ticker.js';
import type { SessionContext } from './sse-session.js';

/** Times are counted so finely: a heartbeat comes between 3/4 and the whole of its time. */
const TICKS_IN_SHORTEST = 4;

/** The options of a router that its sessions go by. */
export type SessionSettings = Pick<
  RouteOptions,
  'heartbeatMs' | 'recheckMs' | 'stallMs' | 'readerBytes' | 'retryMs'
>;

/** Makes what the sessions of one router share. */
export function sessionContextOf(internals: Internals, settings: SessionSettings): SessionContext {
  const { clock, entropy, errors, options } = internals;
  const { heartbeatMs, recheckMs, stallMs, readerBytes, retryMs } = settings;
  const tickMs = Math.min(heartbeatMs, recheckMs, stallMs) / TICKS_IN_SHORTEST;
  return {
    ticker: new SessionTicker(clock, tickMs),
    heartbeatTicks: Math.floor(heartbeatMs / tickMs),
    recheckTicks: Math.floor(recheckMs / tickMs),
    stallTicks: Math.floor(stallMs / tickMs),
    readerBytes: readerBytes ?? Math.max(options.limits.liveBytes, LEAST_READER_BYTES),
    retryMs,
    random: () => entropy.random(),
    onError: (error) => reportError(error, 'stream', errors),
  };
}
