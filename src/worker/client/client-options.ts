/** The options of a worker's client, checked where they come in. */
import { z } from 'zod';
import { type Clock, type Entropy, HOUR, MINUTE, SECOND, systemClock, systemEntropy } from '../../clock.js';
import type { Logger } from '../../stream/interfaces/logger.js';
import type { Hooks } from '../../stream/interfaces/manager-types.js';
import { callable, clockSchema, having } from '../../stream/model/host-values.js';
import { parseStrictly } from '../../stream/model/strict.js';
import type { Outbox } from '../outbox/outbox-types.js';
import type { Fetch, TokenSource } from './gateway-link.js';

export interface WorkerClientInput {
  /** The address of the gateway's routes, such as `https://chat.example.com/worker`. */
  readonly url: string;
  /** The run token, or a function that gives one: asked at the start and whenever the last has expired. */
  readonly token: TokenSource;
  /** The outbox that batches wait in, from `openOutbox`. Default: none, and they wait in memory. */
  readonly outbox?: Outbox | undefined;
  /** The time a request may take, 100 ms to 1 h. Default 30 s. */
  readonly requestMs?: number | undefined;
  /** The time the start may take, with what an earlier process has left in the outbox: 100 ms to 1 h. Default 1 min. */
  readonly startMs?: number | undefined;
  /** Called with each error that nobody else is told, as the manager's hook is. Default: standard error. */
  readonly onError?: Hooks['onError'] | undefined;
  /** The part of a pino logger that is used. Default: none. */
  readonly logger?: Logger | undefined;
  /** Makes requests, as the global one does. Default: that. */
  readonly fetch?: Fetch | undefined;
  /** The clock; default the system's. */
  readonly clock?: Clock | undefined;
  /** Ids and chance; default the system's. */
  readonly entropy?: Entropy | undefined;
}

export interface NextAttemptOptions {
  /** Gives up waiting. */
  readonly signal?: AbortSignal | undefined;
  /** The time the host may take to hand the attempt over once it is decided, 0 to 1 h (ms). Default 1 min. */
  readonly handedOverMs?: number | undefined;
}

export interface CloseOptions {
  /** The time the end and what waits may take, 0 to 1 h (ms). Default 5 s. */
  readonly graceMs?: number | undefined;
}

const duration = (least: number, byDefault: number) =>
  z.number().int().min(least).max(HOUR).default(byDefault);
const schema = z.strictObject({
  url: z.string().refine(isHttp, { message: 'must be an address that begins with http:// or https://' }),
  token: z.union([
    z.string().min(1),
    z.custom((value) => typeof value === 'function', 'must be a token, or a function'),
  ]),
  outbox: having('an Outbox: openOutbox opens one', 'run', 'reports').optional(),
  requestMs: duration(100, 30 * SECOND),
  startMs: duration(100, MINUTE),
  onError: callable,
  logger: having('a Logger', 'debug', 'info', 'warn', 'error').optional(),
  fetch: callable,
  clock: clockSchema.optional(),
  entropy: having('an Entropy', 'id', 'random').optional(),
});
const nextSchema = z.strictObject({
  signal: having('an AbortSignal', 'addEventListener', 'removeEventListener').optional(),
  handedOverMs: duration(0, MINUTE),
});
const closeSchema = z.strictObject({ graceMs: duration(0, 5 * SECOND) });

function isHttp(text: string): boolean {
  return ['http://', 'https://'].some((scheme) => text.startsWith(scheme)) && URL.canParse(text);
}

/** @throws GenerationJobError `invalid_options` naming each key and value that is not known */
export function parseClientInput(given: WorkerClientInput) {
  const { requestMs, startMs, url } = parseStrictly('invalid_options', schema, given, 'options');
  const { token, outbox, onError, logger, clock = systemClock, entropy = systemEntropy } = given;
  const send: Fetch = given.fetch ?? ((address, init) => fetch(address, init));
  const times = { requestMs, startMs };
  return {
    url: url.endsWith('/') ? url.slice(0, -1) : url,
    token,
    outbox,
    onError,
    logger,
    clock,
    entropy,
    fetch: send,
    ...times,
  };
}

/** @throws GenerationJobError `invalid_argument` */
export function checkNextAttempt(given: NextAttemptOptions) {
  const { handedOverMs } = parseStrictly('invalid_argument', nextSchema, given, 'options');
  return { signal: given.signal, handedOverMs };
}

/** @throws GenerationJobError `invalid_argument` */
export function checkClose(given: CloseOptions) {
  return parseStrictly('invalid_argument', closeSchema, given, 'options');
}
