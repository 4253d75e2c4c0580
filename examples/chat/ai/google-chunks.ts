/**
 * Google's interactions as the chunks of a UI message stream: of a provider for which the library has no conversion a host
 * writes its own, a switch over its events. The part ids are the steps' own numbers.
 */
import { field, text } from '../page/content/provider-text.js';
import type { Chunk } from './recorded-chunks.js';

export function* chunksFromGoogle(events: Iterable<unknown>): Generator<Chunk> {
  const kinds = new Map<string, string>();
  yield { type: 'start-step' };
  for (const event of events) {
    const id = String(field(event, 'index'));
    switch (field(event, 'event_type')) {
      case 'step.start': {
        const step = field(event, 'step');
        const kind = text(field(step, 'type'));
        kinds.set(id, kind);
        if (kind === 'model_output') yield { type: 'text-start', id };
        break;
      }
      case 'step.delta':
        yield* chunksOfDelta(id, field(event, 'delta'));
        break;
      case 'step.stop':
        if (kinds.get(id) === 'model_output') yield { type: 'text-end', id };
        break;
      default:
    }
  }
  yield { type: 'finish-step' };
  yield { type: 'finish', finishReason: 'stop' };
}

function* chunksOfDelta(id: string, delta: unknown): Generator<Chunk> {
  if (field(delta, 'type') === 'text') yield { type: 'text-delta', id, delta: text(field(delta, 'text')) };
  const annotations = field(delta, 'annotations');
  for (const [index, one] of (Array.isArray(annotations) ? annotations : []).entries()) {
    const [url, title] = [text(field(one, 'url')), text(field(one, 'title'))];
    yield { type: 'source-url', sourceId: `${id} ${index}`, url, ...(title !== '' && { title }) };
  }
}
