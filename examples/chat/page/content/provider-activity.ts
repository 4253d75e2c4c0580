/**
 * What a provider event tells of the work behind the answer: a piece of reasoning, or a tool that was called or has
 * answered. The page shows it as one folded line, so only names and a short detail are kept, never whole arguments.
 */
import { field, text } from './provider-text.js';

export type Activity =
  | { readonly kind: 'reasoning'; readonly text: string }
  | {
      readonly kind: 'tool';
      readonly id: string;
      readonly name: string;
      readonly detail: string;
      readonly isDone: boolean;
    };

const LONGEST_DETAIL = 160;

export function providerActivity(event: unknown): Activity | undefined {
  return (
    reasoning(event) ?? responsesTool(event) ?? anthropicTool(event) ?? googleTool(event) ?? chatTool(event)
  );
}

function reasoning(event: unknown): Activity | undefined {
  const type = field(event, 'type');
  const delta = field(event, 'delta');
  const chatDelta = field(field(field(event, 'choices'), 0), 'delta');
  const piece =
    type === 'response.reasoning_summary_text.delta'
      ? text(delta)
      : field(delta, 'type') === 'thinking_delta'
        ? text(field(delta, 'thinking'))
        : text(field(chatDelta, 'reasoning_content'));
  return piece === '' ? undefined : { kind: 'reasoning', text: piece };
}

function responsesTool(event: unknown): Activity | undefined {
  const type = field(event, 'type');
  if (type !== 'response.output_item.added' && type !== 'response.output_item.done') return undefined;
  const item = field(event, 'item');
  const itemType = text(field(item, 'type'));
  // An approval request is no call yet: who was asked shows it.
  if (/^(message|reasoning|mcp_approval_request)$/.test(itemType)) return undefined;
  const action = field(item, 'action');
  const detail =
    field(action, 'query') ?? field(action, 'pattern') ?? field(action, 'url') ?? field(item, 'arguments');
  const name = text(field(item, 'name')) || itemType.replace(/_call$/, '');
  return tool(field(item, 'id'), name, detail, type === 'response.output_item.done');
}

function anthropicTool(event: unknown): Activity | undefined {
  if (field(event, 'type') !== 'content_block_start') return undefined;
  const block = field(event, 'content_block');
  const blockType = text(field(block, 'type'));
  if (blockType === 'tool_use' || blockType === 'server_tool_use') {
    return tool(field(block, 'id'), text(field(block, 'name')), '', false);
  }
  return blockType.endsWith('_tool_result') ? tool(field(block, 'tool_use_id'), '', '', true) : undefined;
}

function googleTool(event: unknown): Activity | undefined {
  if (field(event, 'event_type') !== 'step.start') return undefined;
  const step = field(event, 'step');
  const stepType = text(field(step, 'type'));
  if (stepType.endsWith('_call')) return tool(field(step, 'id'), stepType.replace(/_call$/, ''), '', false);
  return stepType.endsWith('_result') ? tool(field(step, 'call_id'), '', '', true) : undefined;
}

function chatTool(event: unknown): Activity | undefined {
  const call = field(field(field(field(field(event, 'choices'), 0), 'delta'), 'tool_calls'), 0);
  const name = text(field(field(call, 'function'), 'name'));
  return name === '' ? undefined : tool(field(call, 'id'), name, '', false);
}

function tool(id: unknown, name: string, detail: unknown, isDone: boolean): Activity {
  return { kind: 'tool', id: text(id), name, detail: text(detail).slice(0, LONGEST_DETAIL), isDone };
}
