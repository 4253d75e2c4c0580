/** The gateway goes by these options: names, defaults, bounds and meaning in one schema. */
import { z } from 'zod';
import { HOUR, MIB, MINUTE, SECOND } from '../../clock.js';
import { callable, having } from '../../stream/model/host-values.js';
import { parseStrictly } from '../../stream/model/strict.js';
import { checkTokenKeys, type TokenKeys } from '../../tokens/token-keys.js';
import { LARGEST_TRANSCRIPT } from '../../transcripts/bytes.js';
import type { TranscriptStore } from '../../transcripts/transcript-store.js';
import type { GatewaySettings, WebGatewaySettings } from './gateway-options.generated.js';
import { DEFAULT_AUDIENCE, type RunClaims } from './run-tokens.js';

/** A hook that died beside an agent, as its worker reports it. */
export interface HookFatal {
  /** The hook's name: at most 256 characters. */
  readonly hook: string;
  /** Says what it said last: at most 16,000 characters. */
  readonly message?: string | undefined;
  /** The code it exited with, where it did. */
  readonly exitCode?: number | undefined;
  /** Wall time at which it happened, as the worker says: milliseconds since 1970. */
  readonly at?: number | undefined;
  /** The same with every try, so that a repeat can be told. At most 512 characters. */
  readonly idempotencyKey?: string | undefined;
  /** More that the worker says. */
  readonly [field: string]: unknown;
}

const duration = (least: number, byDefault: number, most: number, text: string) =>
  z.number().int().min(least).max(most).default(byDefault).describe(`${text} (ms)`);

export const gatewaySchema = z.strictObject({
  audience: z.string().min(1).max(256).default(DEFAULT_AUDIENCE).describe('The audience a token must have'),
  tokenMs: duration(SECOND, 15 * MINUTE, 24 * HOUR, 'Sets how long a renewed token is good for'),
  tokenGraceMs: duration(
    0,
    10 * MINUTE,
    24 * HOUR,
    'Sets how long after its expiry a token may still be renewed, or save a transcript',
  ),
  bodyBytes: z
    .number()
    .int()
    .min(1024)
    .max(4096 * MIB)
    .default(8 * MIB)
    .describe('The body of a request (bytes); more than limits.finalBytes, or long answers can’t end'),
  bodyMs: duration(10, 30 * SECOND, HOUR, 'Sets how long the body of a request is waited for'),
  transcriptBytes: z
    .number()
    .int()
    .min(1024)
    .max(4096 * MIB)
    .default(LARGEST_TRANSCRIPT)
    .describe('A transcript (bytes); it is passed on as it comes'),
  requestsPerSecond: z
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .default(500)
    .describe('Requests of one run that a replica takes each second, on average; twice as many at once'),
  heartbeatMs: duration(
    10,
    15 * SECOND,
    HOUR,
    'Longest silence of an open control stream; then a comment is sent',
  ),
  stallMs: duration(
    10,
    30 * SECOND,
    HOUR,
    'Sets how long a worker may take nothing of it before it is detached',
  ),
  retryMs: duration(
    10,
    SECOND,
    HOUR,
    'Sets when workers reconnect; each is told between half and one and a half of it',
  ),
}) satisfies z.ZodType<unknown, GatewaySettings>;

export const webGatewaySchema = gatewaySchema.extend({
  basePath: z
    .string()
    .refine(
      (path) => path === '' || (path.startsWith('/') && !path.endsWith('/')),
      'must begin with / and not end with it',
    )
    .default('')
    .describe('The path the routes are mounted at: it begins with `/` and does not end with it'),
}) satisfies z.ZodType<unknown, WebGatewaySettings>;

/** The gateway asks this of its host. */
interface Host {
  /** The keys that tokens are verified with; the first signs those that are renewed. */
  readonly keys: TokenKeys;
  /** The stores of transcripts, by the names that run tokens give them. Default: none. */
  readonly transcripts?: Readonly<Record<string, TranscriptStore>> | undefined;
  /** Called for a hook that died beside an agent. What this throws makes the worker report it again. Default: it is logged. */
  readonly onHookFatal?: ((report: HookFatal, run: RunClaims) => unknown) | undefined;
}

/** Options of `createWorkerRouter`. */
export interface WorkerRouterOptions extends Host, GatewaySettings {}
/** Options of `createWorkerHandler`. */
export interface WorkerHandlerOptions extends Host, WebGatewaySettings {}

export type GatewayOptions = z.output<typeof gatewaySchema> & Host;

const hostShape = {
  keys: z.unknown(),
  onHookFatal: callable,
  transcripts: z
    .record(z.string().min(1).max(128), having('a TranscriptStore', 'latest', 'save', 'clear'))
    .optional(),
};

/** @throws GenerationJobError `invalid_options` naming each option that is missing, unknown or out of bounds */
export function parseGatewayOptions(given: WorkerRouterOptions): GatewayOptions {
  return withHost(
    given,
    parseStrictly('invalid_options', gatewaySchema.extend(hostShape), given ?? {}, 'options'),
  );
}

/** @throws as `parseGatewayOptions` */
export function parseWebGatewayOptions(given: WorkerHandlerOptions) {
  return withHost(
    given,
    parseStrictly('invalid_options', webGatewaySchema.extend(hostShape), given ?? {}, 'options'),
  );
}

function withHost<Settings extends object>(given: Host, settings: Settings): Settings & Host {
  const { keys, onHookFatal, transcripts } = given ?? {};
  checkTokenKeys(keys);
  return { ...settings, keys, onHookFatal, transcripts };
}
