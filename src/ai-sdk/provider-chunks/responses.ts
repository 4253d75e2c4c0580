/** The events of OpenAI's Responses as the chunks of a UI message stream. */

import { type Fields, fieldsOf } from '../../stream/model/fields.js';
import type { ChunkWriter } from './chunk-writer.js';
import { textOf } from './fields.js';
import type { ChunkMapper } from './mapper.js';
import type { ChunkFinishReason } from './provider-chunk.js';
import { addItem, endItem, isCallOfTheHost } from './responses-items.js';

/**
 * A response is a step, so a host that goes on after a tool chains the streams. Items without a part in a UI message
 * (encrypted reasoning, lists of tools, compactions) are left out.
 */
export function responsesMapper(writer: ChunkWriter): ChunkMapper {
  let finishReason: ChunkFinishReason | undefined;
  let asksHost = false;
  return {
    add(given) {
      const event = fieldsOf(given);
      const item = fieldsOf(event.item);
      switch (event.type) {
        case 'response.created':
          writer.endStep();
          [finishReason, asksHost] = [undefined, false];
          break;
        case 'response.output_item.added':
          addItem(writer, item);
          asksHost ||= isCallOfTheHost(item);
          break;
        case 'response.output_item.done':
          endItem(writer, item);
          break;
        case 'response.completed':
        case 'response.incomplete':
          finishReason = reasonOf(fieldsOf(event.response), asksHost);
          writer.endStep();
          break;
        default:
          addPiece(writer, event);
      }
    },
    finishReason: () => finishReason,
  };
}

function addPiece(writer: ChunkWriter, event: Fields): void {
  const itemId = textOf(event.item_id);
  switch (event.type) {
    case 'response.output_text.delta':
    case 'response.refusal.delta':
      writer.addTo('text', partOf(event), textOf(event.delta));
      break;
    case 'response.output_text.annotation.added': {
      const { url, title } = fieldsOf(event.annotation);
      writer.source(url, title);
      break;
    }
    case 'response.reasoning_summary_text.delta':
      writer.addTo('reasoning', `${itemId} summary ${event.summary_index}`, textOf(event.delta));
      break;
    case 'response.reasoning_text.delta':
      writer.addTo('reasoning', partOf(event), textOf(event.delta));
      break;
    case 'response.content_part.done':
      writer.endPart(partOf(event));
      break;
    case 'response.reasoning_summary_part.done':
      writer.endPart(`${itemId} summary ${event.summary_index}`);
      break;
    case 'response.function_call_arguments.delta':
    case 'response.mcp_call_arguments.delta':
    case 'response.custom_tool_call_input.delta':
      writer.addInput(itemId, textOf(event.delta));
      break;
    case 'response.function_call_arguments.done':
    case 'response.mcp_call_arguments.done':
      writer.endInput(itemId, textOf(event.arguments));
      break;
    case 'response.custom_tool_call_input.done':
      writer.endInput(itemId, textOf(event.input));
      break;
    default:
  }
}

function partOf({ item_id: itemId, content_index: index }: Fields): string {
  return `${textOf(itemId)} ${index}`;
}

function reasonOf(response: Fields, asksHost: boolean): ChunkFinishReason {
  if (response.status !== 'incomplete') return asksHost ? 'tool-calls' : 'stop';
  switch (fieldsOf(response.incomplete_details).reason) {
    case 'max_output_tokens':
      return 'length';
    case 'content_filter':
      return 'content-filter';
    default:
      return 'other';
  }
}
