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
  checkHeaders(request, limits);
  const body = request.receivedBody ?? { unparsed: await readInTime(request, limits) };
  const parsed = schema.safeParse(contentOf(body, limits));
  if (!parsed.success)
    throw new GenerationJobError('invalid_body', 'The body is not of the documented shape.');
  return parsed.data;
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

function contentOf(body: ReceivedBody, limits: BodyLimits): unknown {
  if ('value' in body) return body.value;
  const bytes = typeof body.unparsed === 'string' ? Buffer.from(body.unparsed) : body.unparsed;
  if (bytes.length > limits.bodyBytes) {
    throw new GenerationJobError('body_too_large', `The body exceeds ${limits.bodyBytes} bytes.`);
  }
  return parse(bytes, limits);
}

/**
 * Checks the content type, also for a body that was parsed before us: a form of another origin can send text, but not this
 * content type.
 */
function checkHeaders(request: RouteRequest, limits: BodyLimits): void {
  const [mediaType = ''] = (request.header('content-type') ?? '').split(';', 1);
  const encoding = request.header('content-encoding') ?? 'identity';
  if (mediaType.trim().toLowerCase() !== 'application/json' || encoding.trim().toLowerCase() !== 'identity') {
    throw new GenerationJobError('unsupported_media_type', 'The body is not plain JSON.');
  }
  if (Number(request.header('content-length') ?? 0) > limits.bodyBytes) {
    throw new GenerationJobError('body_too_large', `The body exceeds ${limits.bodyBytes} bytes.`);
  }
}

function parse(bytes: Uint8Array, limits: BodyLimits): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new GenerationJobError('invalid_body', 'The body is not UTF-8.', { cause });
  }
  if (nestsDeeperThan(text, limits.jsonDepth)) {
    throw new GenerationJobError('json_too_deep', `The body nests deeper than ${limits.jsonDepth}.`);
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new GenerationJobError('invalid_body', 'The body is not JSON.', { cause });
  }
}
