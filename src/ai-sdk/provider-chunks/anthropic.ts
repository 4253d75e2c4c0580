/** The events of Anthropic's messages as the chunks of a UI message stream. */

import { type Fields, fieldsOf } from '../../stream/model/fields.js';
import type { ChunkWriter } from './chunk-writer.js';
import { textOf } from './fields.js';
import type { ChunkMapper } from './mapper.js';
import type { ChunkFinishReason } from './provider-chunk.js';

const FINISH_REASONS: Readonly<Record<string, ChunkFinishReason>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool-calls',
  refusal: 'content-filter',
};

/** A call of one of these is run by Anthropic; one of `tool_use` waits for the host. */
const SERVER_CALLS = new Set(['server_tool_use', 'mcp_tool_use']);

/** A message is a step, so a host that goes on after a tool chains the streams. Redacted thinking is left out. */
export function anthropicMapper(writer: ChunkWriter): ChunkMapper {
  let stopReason = '';
  let isOver = false;
  return {
    add(given) {
      const event = fieldsOf(given);
      const block = `block ${event.index}`;
      switch (event.type) {
        case 'message_start':
          writer.endStep();
          [stopReason, isOver] = ['', false];
          break;
        case 'content_block_start':
          startBlock(writer, block, fieldsOf(event.content_block));
          break;
        case 'content_block_delta':
          addDelta(writer, block, fieldsOf(event.delta));
          break;
        case 'content_block_stop':
          writer.endPart(block);
          writer.endInput(block);
          break;
        case 'message_delta':
          stopReason = textOf(fieldsOf(event.delta).stop_reason) || stopReason;
          break;
        case 'message_stop':
          isOver = true;
          writer.endStep();
          break;
        default:
      }
    },
    finishReason: () => (isOver ? (FINISH_REASONS[stopReason] ?? 'other') : undefined),
  };
}

function startBlock(writer: ChunkWriter, key: string, block: Fields): void {
  const type = textOf(block.type);
  if (type === 'text') writer.addTo('text', key, textOf(block.text));
  else if (type === 'thinking') writer.addTo('reasoning', key, textOf(block.thinking));
  else if (type === 'tool_use' || SERVER_CALLS.has(type)) {
    const [toolCallId, toolName] = [textOf(block.id), textOf(block.name)];
    writer.startInput(key, { toolCallId, toolName, isProviders: SERVER_CALLS.has(type) });
  } else if (type.endsWith('_tool_result')) addResult(writer, block);
}

function addDelta(writer: ChunkWriter, key: string, delta: Fields): void {
  switch (delta.type) {
    case 'text_delta':
      writer.addTo('text', key, textOf(delta.text));
      break;
    case 'thinking_delta':
      writer.addTo('reasoning', key, textOf(delta.thinking));
      break;
    case 'input_json_delta':
      writer.addInput(key, textOf(delta.partial_json));
      break;
    case 'citations_delta':
      addCitation(writer, fieldsOf(delta.citation));
      break;
    default:
  }
}

/** Tells the answer of a tool of Anthropic's, which comes as a block of its own, under the call's id. */
function addResult(
  writer: ChunkWriter,
  { tool_use_id: toolCallId, content, is_error: isError }: Fields,
): void {
  const code = textOf(fieldsOf(content).error_code);
  if (code !== '' || isError === true)
    writer.outputError(textOf(toolCallId), code || JSON.stringify(content));
  else writer.output(textOf(toolCallId), content);
}

function addCitation(writer: ChunkWriter, citation: Fields): void {
  if (textOf(citation.url) !== '') return writer.source(citation.url, citation.title);
  const place = citation.document_index ?? citation.search_result_index;
  const title = textOf(citation.document_title) || textOf(citation.title);
  if (place === undefined || title === '') return;
  const mediaType = citation.type === 'page_location' ? 'application/pdf' : 'text/plain';
  writer.document(`document ${String(place)}`, mediaType, title);
}
