/**
 * A part grows by a delta, by a piece of a call's arguments, by a result. A part is replaced, not changed, but for its
 * lists, which only the fold has and which grow in place. The shapes are those of the agent SDK's aggregator, so that a
 * finished run has the same parts either way.
 */

import { type Fields, fieldsOf, wordOf } from '../stream/model/fields.js';
import { isObject } from '../stream/model/plain-values.js';
import type { ContentPart, Step, ToolCall } from './graph-content.js';

/** The part after a delta; the part as it was, or none, when the delta does not fit. */
export function grownBy(part: ContentPart | undefined, delta: Fields): ContentPart | undefined {
  const type = wordOf(delta.type);
  if (type === undefined) return part;
  if (type === 'tool_call') return isObject(delta.tool_call) ? callGrownBy(part, delta.tool_call) : part;
  const current: ContentPart = part ?? { type };
  if (!type.startsWith(current.type)) return part;
  if (type.startsWith('text')) return textGrownBy(current, delta);
  if (type.startsWith('think')) {
    const { think } = delta;
    return typeof think === 'string' ? { type: 'think', think: (current.think ?? '') + think } : current;
  }
  switch (type) {
    case 'agent_update':
      return isObject(delta.agent_update) ? { type, agent_update: delta.agent_update } : current;
    case 'summary':
      return { ...delta, type, content: grownList(current.content, delta.content) };
    case 'image_url':
      return 'image_url' in delta ? { ...current, image_url: delta.image_url } : current;
    case 'toolCall':
    case 'toolResponse':
      return { ...delta, type };
    default:
      return current;
  }
}

function textGrownBy(current: ContentPart, delta: Fields): ContentPart {
  const text = typeof delta.text === 'string' ? delta.text : undefined;
  const citations = Array.isArray(delta.citations) ? delta.citations : undefined;
  if (text === undefined && citations === undefined) return current;
  const callIds = delta.tool_call_ids || (text === undefined && current.tool_call_ids);
  return {
    type: 'text',
    text: (current.text ?? '') + (text ?? ''),
    ...(callIds ? { tool_call_ids: callIds } : {}),
    ...((citations ?? current.citations) !== undefined && {
      citations: grownList(current.citations, citations),
    }),
  };
}

/** A call after a piece of its name or arguments; a call with a result takes no more. */
export function callGrownBy(part: ContentPart | undefined, piece: Fields): ContentPart | undefined {
  const call = part?.tool_call;
  if (part !== undefined && call === undefined) return part;
  if (call?.progress === 1) return part;
  const name = wordOf(piece.name);
  const args = joinedArgs(call?.args, piece.args);
  // A place that was announced, but not what is called there.
  if (call === undefined && name === undefined && args === '') return undefined;
  return {
    ...part,
    type: 'tool_call',
    tool_call: { ...identity(call, piece), args, ...signIn(call, piece) },
  };
}

export function callFinishedBy(part: ContentPart | undefined, result: Fields): ContentPart | undefined {
  const call = part?.tool_call;
  if (part !== undefined && call === undefined) return part;
  const { output, outcome } = result;
  const args = result.args ?? call?.args;
  return {
    ...part,
    type: 'tool_call',
    tool_call: {
      ...identity(call, result),
      ...(args !== undefined && { args }),
      ...signIn(call, result),
      progress: 1,
      ...(output !== undefined && { output }),
      ...(outcome !== undefined && outcome !== null && { outcome }),
    },
  };
}

/** The call with all of its arguments, as text; its own text if that says the same. */
export function withArguments(part: ContentPart, given: unknown): ContentPart {
  const call = part.tool_call;
  if (call === undefined || call.progress === 1 || given === undefined) return part;
  const args = JSON.stringify(given);
  if (typeof call.args === 'string' && compact(call.args) === args) return part;
  return { ...part, tool_call: { ...call, args } };
}

/** Says who speaks in a part: from its step, else as it was. */
export function attributed(after: ContentPart, before: ContentPart | undefined, step?: Step): ContentPart {
  const agentId = step?.agentId ?? before?.agentId;
  const groupId = step?.groupId ?? before?.groupId;
  if (agentId === after.agentId && groupId === after.groupId) return after;
  return { ...after, ...(agentId !== undefined && { agentId }), ...(groupId !== undefined && { groupId }) };
}

function identity(call: ToolCall | undefined, piece: Fields): Pick<ToolCall, 'id' | 'name' | 'type'> {
  return {
    id: wordOf(piece.id) ?? call?.id ?? '',
    name: wordOf(piece.name) ?? call?.name ?? '',
    type: 'tool_call',
  };
}

/**
 * Steps announce arguments as far as they could be parsed, as an object; the text that follows begins at the beginning. So
 * text replaces an object, and an object never replaces text.
 */
function joinedArgs(known: unknown, piece: unknown): unknown {
  const text = typeof known === 'string' ? known : '';
  if (typeof piece === 'string') return piece === '' ? (known ?? '') : text + piece;
  return text === '' && isObject(piece) ? piece : (known ?? '');
}

function signIn(call: ToolCall | undefined, piece: Fields): Pick<ToolCall, 'auth' | 'expires_at'> {
  const auth = piece.auth ?? call?.auth;
  const until = piece.expires_at ?? call?.expires_at;
  if (auth === undefined || auth === null) return {};
  return { auth, ...(until !== undefined && until !== null && { expires_at: until }) };
}

function compact(text: string): string | undefined {
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    return undefined; // cut off: that is what it is asked for
  }
}

/** The list with more at its end; one of the fold's own if there was none. */
function grownList(list: unknown, more: unknown): unknown[] {
  const grown: unknown[] = Array.isArray(list) ? list : [];
  for (const item of itemsOf(more)) grown.push(item);
  return grown;
}

function itemsOf(list: unknown): readonly unknown[] {
  return Array.isArray(list) ? list : [];
}

/** A summary as it came, if it can be a part. */
export function summaryOf(value: unknown): ContentPart | undefined {
  const fields = fieldsOf(value);
  const type = wordOf(fields.type);
  if (type === undefined) return undefined;
  // What the fold goes on with is its own.
  return Array.isArray(fields.content)
    ? { ...fields, type, content: [...fields.content] }
    : { ...fields, type };
}
