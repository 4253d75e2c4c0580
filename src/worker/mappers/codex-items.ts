/** An item of Codex as a part of a message: a text, or a call of one of its tools. */
import {
  contentOf,
  errorText,
  type Fields,
  fieldsOf,
  nameOf,
  objectsIn,
  textOf,
  unknownLine,
  wordOf,
} from './line-fields.js';
import type { OwnMapping } from './mapper.js';
import type { ToldTexts } from './told-texts.js';

/** Tells an item as far as it is news. */
export function codexItem(item: Fields, isComplete: boolean, told: ToldTexts): OwnMapping {
  const id = wordOf(item.id);
  if (id === undefined) return unknownLine('item without an id');
  switch (item.type) {
    case 'agent_message':
    case 'plan':
      return { events: told.whole('text', id, textOf(item.text) ?? '') };
    case 'reasoning':
      return { events: told.whole('reasoning', id, textOf(item.text) ?? '') };
    case 'error':
      return unknownLine('item error');
    default: {
      const call = callOf(item, id, told);
      if (call === undefined) return unknownLine(`item ${nameOf(item.type)}`);
      return { events: [{ event: 'tool', data: { id, ...call, ...outcomeOf(item, isComplete) } }] };
    }
  }
}

function callOf(item: Fields, id: string, told: ToldTexts): Fields | undefined {
  switch (item.type) {
    case 'command_execution': {
      const output = told.output(id, textOf(item.aggregated_output) ?? '');
      return { name: 'command_execution', input: { command: item.command ?? '' }, ...output };
    }
    case 'file_change':
      return { name: 'file_change', input: { changes: objectsIn(item.changes) } };
    case 'mcp_tool_call': {
      const name = [wordOf(item.server), wordOf(item.tool)].filter((word) => word !== undefined).join('/');
      const result =
        item.result === undefined || item.result === null ? {} : { output: resultOf(item.result) };
      return { name, input: item.arguments ?? {}, ...result };
    }
    case 'web_search':
      return { name: 'web_search', input: { query: item.query ?? '' } };
    case 'todo_list':
      return { name: 'todo_list', output: objectsIn(item.items) };
    case 'collab_tool_call':
      return { name: `collab/${wordOf(item.tool) ?? 'call'}`, input: { prompt: item.prompt ?? null } };
    default:
      return undefined;
  }
}

function resultOf(result: unknown): unknown {
  return contentOf(fieldsOf(result).content ?? result);
}

function outcomeOf({ status, error, exit_code }: Fields, isComplete: boolean): Fields {
  if (status === 'declined') return { error: 'It was declined.' };
  if (status === 'failed') {
    const code = typeof exit_code === 'number' ? `It exited with code ${exit_code}.` : 'It failed.';
    return { error: error === undefined || error === null ? code : errorText(error) };
  }
  return { state: isComplete ? 'done' : 'running' };
}
