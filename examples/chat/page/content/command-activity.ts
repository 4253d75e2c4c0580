/**
 * What an event of a command's mapper tells of the work behind the answer, in the terms the page has for a model's own events.
 * What a sub-agent says stands in the call that runs it, and only the call is shown.
 */
import type { Activity } from './provider-activity.js';
import { field, text } from './provider-text.js';

const LONGEST_DETAIL = 160;

export function commandActivity({ event, data }: { event: string; data: unknown }): Activity | undefined {
  if (event === 'tool') return toolIn(data);
  const isOwn = event === 'reasoning' && field(data, 'parent') === undefined;
  const thought = isOwn ? text(field(data, 'text')) : '';
  return thought === '' ? undefined : { kind: 'reasoning', text: thought };
}

/** Undefined for an event that is no status; '' once nothing is shown any more. */
export function statusIn({ event, data }: { event: string; data: unknown }): string | undefined {
  if (event !== 'status') return undefined;
  return field(data, 'state') === 'active' ? text(field(data, 'text')) : '';
}

function toolIn(data: unknown): Activity | undefined {
  const id = text(field(data, 'id'));
  if (id === '' || field(data, 'parent') !== undefined) return undefined;
  const [state, error, input] = [field(data, 'state'), field(data, 'error'), field(data, 'input')];
  const hasEnded = state === 'done' || state === 'failed';
  const isDone = hasEnded || error !== undefined || field(data, 'output') !== undefined;
  const detail = error === undefined ? detailOf(input) : text(error);
  return {
    kind: 'tool',
    id,
    name: text(field(data, 'name')),
    detail: detail.slice(0, LONGEST_DETAIL),
    isDone: isDone && state !== 'running',
  };
}

function detailOf(input: unknown): string {
  const first = text(field(input, 'command')) || text(field(input, 'query')) || text(input);
  return first || (input === undefined ? '' : JSON.stringify(input));
}
