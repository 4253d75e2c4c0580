/**
 * A stream that only says why nothing follows: an `error`, which the chat shows, and a `finish`. The code goes before it in a
 * transient part, for a page that wants to act on it.
 */
import { ERROR_TABLE, type GenerationJobError } from '../errors.js';
import type { Reply } from '../http/route-types.js';
import { inChunk } from '../http/sse-encoder.js';
import type { UIChunk } from './ui-chunk.js';
import { UI_STREAM_HEADERS } from './ui-reply.js';

/** The transient part that has the code of a refusal: `{ code }`. */
const REFUSED = 'data-refused';

/** Makes the reply to a decision that came too late. */
export function refusalReply({ code }: GenerationJobError): Reply {
  const chunks: readonly UIChunk[] = [
    { type: 'start' },
    { type: REFUSED, data: { code }, transient: true },
    { type: 'error', errorText: ERROR_TABLE[code].remedy },
    { type: 'finish', finishReason: 'error' },
  ];
  const text = [...chunks.map((chunk) => JSON.stringify(chunk)), '[DONE]']
    .map((data) => `data: ${data}\n\n`)
    .join('');
  return {
    kind: 'stream',
    status: 200,
    headers: UI_STREAM_HEADERS,
    begin: (sink) => {
      sink.write(sink.isChunked ? inChunk(text) : text);
      sink.end(true);
    },
  };
}
