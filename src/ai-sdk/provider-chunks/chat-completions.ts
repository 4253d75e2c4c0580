/** Chat completion chunks, of OpenAI and of everybody who speaks like it, as the chunks of a UI message stream. */

import { type Fields, fieldsOf } from '../../stream/model/fields.js';
import type { ChunkWriter } from './chunk-writer.js';
import { listOf, textOf } from './fields.js';
import type { ChunkMapper } from './mapper.js';
import type { ChunkFinishReason } from './provider-chunk.js';

const FINISH_REASONS: Readonly<Record<string, ChunkFinishReason>> = {
  stop: 'stop',
  length: 'length',
  content_filter: 'content-filter',
  tool_calls: 'tool-calls',
  function_call: 'tool-calls',
};

/**
 * Only the first choice becomes the message. A chunk of another completion, as when a host goes on after a tool, begins a
 * step.
 */
export function chatCompletionsMapper(writer: ChunkWriter): ChunkMapper {
  let completion = '';
  /** The ids of the calls by their places: an id comes with a call's first piece, and with others only from some. */
  const calls = new Map<unknown, string>();
  let finishReason: ChunkFinishReason | undefined;
  return {
    add(event) {
      const chunk = fieldsOf(event);
      const id = textOf(chunk.id);
      if (id !== '' && id !== completion) {
        if (completion !== '') writer.endStep();
        completion = id;
        calls.clear();
      }
      const choice = fieldsOf(listOf(chunk.choices).find((one) => (fieldsOf(one).index ?? 0) === 0));
      addDelta(writer, fieldsOf(choice.delta), calls);
      const reason = textOf(choice.finish_reason);
      if (reason !== '') {
        finishReason = FINISH_REASONS[reason] ?? 'other';
        writer.endStep();
      }
    },
    finishReason: () => finishReason,
  };
}

function addDelta(writer: ChunkWriter, delta: Fields, calls: Map<unknown, string>): void {
  // Not in OpenAI's own stream: what others who speak like it call the thinking before the answer.
  const reasoning = textOf(delta.reasoning_content) || textOf(delta.reasoning);
  const said = textOf(delta.content) || textOf(delta.refusal);
  writer.addTo('reasoning', 'reasoning', reasoning);
  if (said !== '') writer.endPart('reasoning');
  writer.addTo('text', 'text', said);
  for (const one of listOf(delta.annotations)) {
    const { url, title } = fieldsOf(fieldsOf(one).url_citation);
    writer.source(url, title);
  }
  for (const one of listOf(delta.tool_calls)) addCall(writer, fieldsOf(one), calls);
}

function addCall(writer: ChunkWriter, call: Fields, calls: Map<unknown, string>): void {
  const place = call.index ?? 0;
  const { name, arguments: piece } = fieldsOf(call.function);
  const id = textOf(call.id) || (calls.get(place) ?? '');
  if (id !== calls.get(place)) {
    calls.set(place, id);
    for (const part of ['reasoning', 'text']) writer.endPart(part);
    writer.startInput(id, { toolCallId: id, toolName: textOf(name) });
  }
  writer.addInput(id, textOf(piece));
}
