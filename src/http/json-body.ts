/**
 * A request's JSON, from bytes nobody has looked at, or from where something before us has put them. Refused before it
 * costs anything: by its headers, by its length while it arrives, by its depth before anything recursive sees it, by its
 * shape before anything uses it. Unknown keys are refused, so `__proto__` and `constructor` never become more than text.
 */
import type { z } from 'zod';
import type { Clock } from '../clock.js';
import { GenerationJobError } from '../errors.js';
import { nestsDeeperThan } from '../stream/model/json-depth.js';
import type { ReceivedBody, RouteRequest } from './route-types.js';

const JSON_TYPE = 'application/json';
const FORM_TYPE = 'application/x-www-form-urlencoded';

export interface BodyLimits {
  readonly bodyBytes: number;
  readonly jsonDepth: number;
  /** A body that is not there yet is waited for so long. */
  readonly bodyMs: number;
  readonly clock: Clock;
}

/**
 * @throws GenerationJobError `unsupported_media_type`, `body_too_large`, `body_timeout`, `body_consumed`, `json_too_deep`,
 *   or `invalid_body` when the body is not of the shape `schema` says
 */
export async function readJsonBody<Body>(
  request: RouteRequest,
  limits: BodyLimits,
  schema: z.ZodType<Body>,
): Promise<Body> {
  checkHeaders(request, limits, JSON_TYPE);
  const body = await takeBody(request, limits);
  return bodyOf(schema, 'value' in body ? body.value : parse(textIn(body.unparsed, limits), limits));
}

/**
 * Reads the fields of a form as `readJsonBody` reads an object. Any page can make a browser send one: it is for routes that go by what
 * is in it, and by nothing that a browser adds by itself.
 * @throws as `readJsonBody`
 */
export async function readFormBody<Body>(
  request: RouteRequest,
  limits: BodyLimits,
  schema: z.ZodType<Body>,
): Promise<Body> {
  checkHeaders(request, limits, FORM_TYPE);
  const body = await takeBody(request, limits);
  return bodyOf(
    schema,
    'value' in body ? body.value : Object.fromEntries(new URLSearchParams(textIn(body.unparsed, limits))),
  );
}

/** Says whether a request brings the fields of a form. */
export function bringsForm(request: RouteRequest): boolean {
  return mediaTypeOf(request) === FORM_TYPE;
}

function bodyOf<Body>(schema: z.ZodType<Body>, content: unknown): Body {
  const parsed = schema.safeParse(content);
  if (parsed.success) return parsed.data;
  throw new GenerationJobError('invalid_body', 'The body is not of the documented shape.');
}

async function takeBody(request: RouteRequest, limits: BodyLimits): Promise<ReceivedBody> {
  return request.receivedBody ?? { unparsed: await readInTime(request, limits) };
}

async function readInTime(request: RouteRequest, limits: BodyLimits): Promise<Uint8Array> {
  const { bodyBytes, bodyMs, clock } = limits;
  const late = new AbortController();
  const timer = clock.setTimeout(
    () => late.abort(new GenerationJobError('body_timeout', `The body did not arrive in ${bodyMs} ms.`)),
    bodyMs,
  );
  try {
    return await request.readBody(bodyBytes, late.signal);
  } finally {
    clock.clearTimeout(timer);
  }
}

function textIn(unparsed: string | Uint8Array, limits: BodyLimits): string {
  const bytes = typeof unparsed === 'string' ? Buffer.from(unparsed) : unparsed;
  if (bytes.length > limits.bodyBytes) {
    throw new GenerationJobError('body_too_large', `The body exceeds ${limits.bodyBytes} bytes.`);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new GenerationJobError('invalid_body', 'The body is not UTF-8.', { cause });
  }
}

function mediaTypeOf(request: RouteRequest): string {
  const [mediaType = ''] = (request.header('content-type') ?? '').split(';', 1);
  return mediaType.trim().toLowerCase();
}

/**
 * Checks the content type, also for a body that was parsed before us: a form of another origin can send text, but not
 * `application/json`.
 */
function checkHeaders(request: RouteRequest, limits: BodyLimits, expected: string): void {
  const encoding = request.header('content-encoding') ?? 'identity';
  if (mediaTypeOf(request) !== expected || encoding.trim().toLowerCase() !== 'identity') {
    throw new GenerationJobError('unsupported_media_type', `The body is not plain ${expected}.`);
  }
  if (Number(request.header('content-length') ?? 0) > limits.bodyBytes) {
    throw new GenerationJobError('body_too_large', `The body exceeds ${limits.bodyBytes} bytes.`);
  }
}

function parse(text: string, limits: BodyLimits): unknown {
  if (nestsDeeperThan(text, limits.jsonDepth)) {
    throw new GenerationJobError('json_too_deep', `The body nests deeper than ${limits.jsonDepth}.`);
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new GenerationJobError('invalid_body', 'The body is not JSON.', { cause });
  }
}
