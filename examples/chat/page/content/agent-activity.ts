/**
 * What an event of an agent's run adds to the answer, in the terms the page has for a model's own events. A paused or
 * refused call is shown by its card; here a call is one folded line with what came of it.
 */
import type { Activity } from './provider-activity.js';
import { field, text } from './provider-text.js';

const LONGEST_DETAIL = 160;

/** The visible text; '' for anything else. */
export function agentText(event: string, data: unknown): string {
  return event === 'on_message_delta' ? piecesOf(data, 'text') : '';
}

export function agentActivities({ event, data }: { event: string; data: unknown }): readonly Activity[] {
  switch (event) {
    case 'on_reasoning_delta': {
      const piece = piecesOf(data, 'think');
      return piece === '' ? [] : [{ kind: 'reasoning', text: piece }];
    }
    case 'on_run_step': {
      const calls = field(field(data, 'stepDetails'), 'tool_calls');
      return Array.isArray(calls) ? calls.flatMap((call) => toolOf(call, '', false)) : [];
    }
    case 'on_run_step_completed': {
      const call = field(field(data, 'result'), 'tool_call');
      return toolOf(call, text(field(call, 'output')), true);
    }
    default:
      return [];
  }
}

function toolOf(call: unknown, output: string, isDone: boolean): Activity[] {
  const id = text(field(call, 'id'));
  if (id === '') return [];
  return [
    { kind: 'tool', id, name: text(field(call, 'name')), detail: output.slice(0, LONGEST_DETAIL), isDone },
  ];
}

function piecesOf(data: unknown, key: 'text' | 'think'): string {
  const content = field(field(data, 'delta'), 'content');
  return Array.isArray(content) ? content.map((part) => text(field(part, key))).join('') : '';
}
