/** The output items of a response that are tool calls: the host's own, which wait for it, and those that OpenAI runs. */

import { type Fields, fieldsOf } from '../../stream/model/fields.js';
import type { Call, ChunkWriter } from './chunk-writer.js';
import { picked, textOf } from './fields.js';

interface ServerTool {
  readonly toolName: string;
  /** The fields of the item that say what was asked, and those with what came of it. */
  readonly input: readonly string[];
  readonly output: readonly string[];
}

/** The tools that OpenAI runs, by the type of their items. */
const SERVER_TOOLS: Readonly<Record<string, ServerTool>> = {
  web_search_call: { toolName: 'web_search', input: ['action'], output: ['sources'] },
  file_search_call: { toolName: 'file_search', input: ['queries'], output: ['results'] },
  code_interpreter_call: {
    toolName: 'code_interpreter',
    input: ['code', 'container_id'],
    output: ['outputs'],
  },
  image_generation_call: { toolName: 'image_generation', input: [], output: ['result'] },
};

/** True of a call that the model waits for: for the host's tool, or for somebody's approval. */
export function isCallOfTheHost({ type }: Fields): boolean {
  return type === 'function_call' || type === 'custom_tool_call' || type === 'mcp_approval_request';
}

export function addItem(writer: ChunkWriter, item: Fields): void {
  const call = callOf(item);
  if (call) writer.startInput(textOf(item.id), call);
}

export function endItem(writer: ChunkWriter, item: Fields): void {
  const [key, call] = [textOf(item.id), callOf(item)];
  if (!call) return;
  const tool = SERVER_TOOLS[textOf(item.type)];
  if (tool) {
    const { sources, ...action } = fieldsOf(item.action);
    const told = { ...item, sources, ...(item.action !== undefined && { action }) };
    writer.input(key, call, picked(told, tool.input));
    endServerTool(writer, call, item, picked(told, tool.output));
    return;
  }
  writer.endInput(key, textOf(item.arguments) || textOf(item.input));
  if (item.type === 'mcp_call') endServerTool(writer, call, item, item.output ?? null);
}

function endServerTool(writer: ChunkWriter, { toolCallId, toolName }: Call, item: Fields, output: unknown) {
  const hasFailed = item.status === 'failed' || (item.error !== undefined && item.error !== null);
  const reason = textOf(item.error) || textOf(fieldsOf(item.error).message);
  if (hasFailed) writer.outputError(toolCallId, reason || `${toolName} failed.`);
  else writer.output(toolCallId, output);
}

/** Undefined of an item that is no call. */
function callOf(item: Fields): Call | undefined {
  const [id, name, type] = [textOf(item.id), textOf(item.name), textOf(item.type)];
  const tool = SERVER_TOOLS[type];
  if (tool) return { toolCallId: id, toolName: tool.toolName, isProviders: true };
  switch (type) {
    case 'function_call':
      return { toolCallId: textOf(item.call_id) || id, toolName: name };
    case 'custom_tool_call':
      return { toolCallId: textOf(item.call_id) || id, toolName: name, isText: true };
    // Under the id that the approval is asked for with; the call that was approved comes back under it.
    case 'mcp_approval_request':
      return { toolCallId: id, toolName: name, isProviders: true };
    case 'mcp_call':
      return { toolCallId: textOf(item.approval_request_id) || id, toolName: name, isProviders: true };
    default:
      return undefined;
  }
}
