/** The body of a request that names its stream. */
import type { z } from 'zod';
import { GenerationJobError } from '../errors.js';
import { isStreamId } from '../stream/model/stream-key.js';
import { type BodyLimits, readJsonBody } from './json-body.js';
import type { RouteRequest } from './route-types.js';

/** @throws GenerationJobError what `readJsonBody` throws; `invalid_stream_id` */
export async function readStreamBody<Body extends { readonly streamId: string }>(
  request: RouteRequest,
  limits: BodyLimits,
  schema: z.ZodType<Body>,
): Promise<Body> {
  const body = await readJsonBody(request, limits, schema);
  if (isStreamId(body.streamId)) return body;
  throw new GenerationJobError('invalid_stream_id', 'The stream id is malformed.');
}
