/**
 * The routes go by these options: names, defaults, bounds and meaning in one schema. `authorize` has no default: a
 * router that lets everybody in must be written on purpose.
 */
import { z } from 'zod';
import { HOUR, KIB, MIB, SECOND } from '../clock.js';
import type { Continuation } from '../stream/interfaces/continuation.js';
import type { GenerationJob } from '../stream/interfaces/generation-job.js';
import type { HostTypes, Untyped } from '../stream/model/host-types.js';
import { callable } from '../stream/model/host-values.js';
import { parseStrictly } from '../stream/model/strict.js';
import { originOf } from './origin-check.js';
import type { HandlerSettings, RouterSettings } from './route-options.generated.js';
import type { Identity } from './route-types.js';

/**
 * Says on whose behalf a request acts, or null when on nobody's. Called for every request, and again while a stream is
 * open (`recheckMs`), with the same request. What it throws becomes `internal`.
 */
export type Authorize<HostRequest> = (
  request: HostRequest,
) => Identity | null | undefined | Promise<Identity | null | undefined>;

/**
 * Goes on with a run after a decision that came over HTTP: called once the decision is made, as `job.run` would, and not
 * waited for by the answer. The run outlives `request`, so it goes by `job.signal` alone. The same that a host does after
 * `approvals.resolve`, and most of what it does for `recover`.
 */
export type OnResume<HostRequest, Types extends HostTypes = Untyped> = (
  job: GenerationJob<Types>,
  continuation: Continuation<Types>,
  request: HostRequest,
) => unknown;

/** Least budget of a reader: a socket's own buffer (64 KiB) and one slice of text (48 KiB in UTF-8) must fit in it. */
export const LEAST_READER_BYTES = 256 * KIB;

const duration = (byDefault: number, text: string) =>
  z.number().int().min(10).max(HOUR).default(byDefault).describe(`${text} (ms)`);

const origin = z.string().transform((text, context) => {
  const named = originOf(text);
  if (named !== undefined) return named;
  const message = 'must be an origin such as https://chat.example.com or capacitor://localhost';
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

const basePath = z
  .string()
  .refine(
    (path) => path === '' || (path.startsWith('/') && !path.endsWith('/')),
    'must begin with / and not end with it',
  )
  .default('')
  .describe(
    'The path the routes are mounted at: it begins with `/` and does not end with it; web handler only',
  );

const optionsSchema = z.strictObject({
  allowedOrigins: z
    .array(origin)
    .default([])
    .describe('Origins other than the server’s own that may call the routes. Default: none'),
  cors: z
    .boolean()
    .default(false)
    .describe(
      'Sets whether pages of allowedOrigins get the headers that let them read answers, with cookies',
    ),
  messages: z
    .boolean()
    .default(false)
    .describe('Sets whether there are the routes `POST /messages`: only where producers take what is sent'),
  heartbeatMs: duration(15 * SECOND, 'Longest silence of an open stream; then a comment is sent'),
  recheckMs: duration(30 * SECOND, 'Sets how often access is checked again on an open stream'),
  stallMs: duration(30 * SECOND, 'Sets how long a reader may take nothing before it is detached'),
  retryMs: duration(
    2 * SECOND,
    'Sets when clients reconnect; each is told between half and one and a half of it',
  ),
  bodyBytes: z
    .number()
    .int()
    .min(64)
    .max(4096 * MIB)
    .default(256 * KIB)
    .describe('The body of a request (bytes)'),
  bodyMs: duration(30 * SECOND, 'Sets how long the body of a request is waited for'),
  readerBytes: z
    .number()
    .int()
    .min(LEAST_READER_BYTES)
    .optional()
    .describe('Sets what a reader may leave unread in this process (bytes). Default: limits.liveBytes'),
});
export const routerSchema = optionsSchema.extend({
  framing: z
    .enum(['chunked', 'close'])
    .default('chunked')
    .describe(
      'Sets how the body of a stream is framed over HTTP/1.1: in chunks, or not at all, as over HTTP/1.0',
    ),
}) satisfies z.ZodType<unknown, RouterSettings>;
export const handlerSchema = optionsSchema.extend({ basePath }) satisfies z.ZodType<unknown, HandlerSettings>;

export type Framing = z.output<typeof routerSchema>['framing'];
/** The routes ask this of the host. */
interface Host<HostRequest, Types extends HostTypes = Untyped> {
  /** Says on whose behalf a request acts, from its session or token only. There is no default. */
  readonly authorize: Authorize<HostRequest>;
  /** Goes on with a run after a decision. Default: none, and then there is no `POST /resume`. */
  readonly onResume?: OnResume<HostRequest, Types> | undefined;
}

/** Options of `createStreamRouter`: where Express mounts it is its base path. */
export interface StreamRouterOptions<HostRequest, Types extends HostTypes = Untyped>
  extends Host<HostRequest, Types>,
    RouterSettings {}
/** Options of `createStreamHandler`: framing is its server's. */
export interface StreamHandlerOptions<Types extends HostTypes = Untyped>
  extends Host<Request, Types>,
    HandlerSettings {}
export type RouteOptions = z.output<typeof optionsSchema> & {
  /** The host's, with a request of the kind it gave `authorize` for. */
  readonly onResume?: OnResume<unknown> | undefined;
};

/** @throws GenerationJobError `invalid_options` naming each option that is missing, unknown or out of bounds */
export function parseRouterOptions<HostRequest, Types extends HostTypes>(
  given: StreamRouterOptions<HostRequest, Types>,
) {
  return parse(given, routerSchema.extend(hostShape));
}

/** @throws GenerationJobError `invalid_options` naming each option that is missing, unknown or out of bounds */
export function parseHandlerOptions<Types extends HostTypes>(given: StreamHandlerOptions<Types>) {
  return parse(given, handlerSchema.extend(hostShape));
}

/** The host's functions, with whatever kind of request they are given. */
const hostShape = {
  authorize: z.custom(
    (value) => typeof value === 'function',
    'must be a function that gives { userId, tenantId? } or null for a request',
  ),
  onResume: callable,
};

function parse<HostRequest, Types extends HostTypes, Settings extends object>(
  given: Host<HostRequest, Types>,
  schema: z.ZodType<Settings>,
) {
  // Left out, they are still refused for want of `authorize`.
  const settings = parseStrictly('invalid_options', schema, given ?? {}, 'options');
  const { authorize, onResume } = given;
  return { ...settings, authorize, onResume: onResume as OnResume<unknown> | undefined };
}
