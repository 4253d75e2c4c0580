/**
 * One event's change to a response. Items are found by their id, or, where a server changes ids between its events, by their index.
 * Events that a host has not kept are made up for as far as they can be: text grows in a part that nobody has announced.
 */

import { type Fields, fieldsOf, indexOf, wordOf } from '../stream/model/fields.js';
import { isObject } from '../stream/model/plain-values.js';
import { assign, grow, type Own, ownCopy } from './growing.js';
import type { ResponsesContent } from './responses-content.js';

type OwnResponse = Own & { id: string; output: OwnItem[] };
type OwnItem = Own & { type: string };

/** Pieces of text by the event that brings them: the list of parts, the kind of part, and its field. */
const PART_TEXTS: Readonly<
  Record<string, readonly [list: string, type: string, field: string, item: string]>
> = {
  output_text: ['content', 'output_text', 'text', 'message'],
  refusal: ['content', 'refusal', 'refusal', 'message'],
  reasoning_text: ['content', 'reasoning_text', 'text', 'reasoning'],
  reasoning_summary_text: ['summary', 'summary_text', 'text', 'reasoning'],
};
/** Pieces of text that an item has itself: the kind of item, and its field. */
const ITEM_TEXTS: Readonly<Record<string, readonly [type: string, field: string]>> = {
  function_call_arguments: ['function_call', 'arguments'],
  mcp_call_arguments: ['mcp_call', 'arguments'],
  custom_tool_call_input: ['custom_tool_call', 'input'],
  code_interpreter_call_code: ['code_interpreter_call', 'code'],
};
/** Parts by the event that announces or finishes them: their list. */
const PARTS: Readonly<Record<string, string>> = {
  content_part: 'content',
  reasoning_summary_part: 'summary',
};
const STATES = [
  'in_progress',
  'searching',
  'interpreting',
  'generating',
  'completed',
  'failed',
  'incomplete',
];

export function foldResponseEvent(content: ResponsesContent, data: unknown): void {
  const event = fieldsOf(data);
  const [root, subject = '', step] = typeof event.type === 'string' ? event.type.split('.', 3) : [];
  if (root !== 'response') return;
  const responses = content.responses as unknown as OwnResponse[];
  if (step === undefined) {
    if (isObject(event.response)) foldResponse(responses, event.response, subject);
  } else if (subject === 'output_item') foldItem(outputIn(responses), event);
  else if (step === 'annotation') foldAnnotation(outputIn(responses), event);
  else if (Object.hasOwn(PARTS, subject)) foldPart(outputIn(responses), event, PARTS[subject] as string);
  else if (Object.hasOwn(PART_TEXTS, subject)) foldPartText(outputIn(responses), event, subject, step);
  else if (Object.hasOwn(ITEM_TEXTS, subject)) foldItemText(outputIn(responses), event, subject, step);
  else if (STATES.includes(step) && subject.endsWith('_call')) {
    const item = itemOf(responses.at(-1)?.output ?? [], event);
    if (item?.type === subject) item.status = step;
  }
}

function outputIn(responses: OwnResponse[]): OwnItem[] {
  return (responses.at(-1) ?? added(responses)).output;
}

/** A response as a whole: at its beginning and end, and in between. */
function foldResponse(responses: OwnResponse[], given: Fields, subject: string): void {
  const newest = responses.at(-1);
  const id = wordOf(given.id);
  const isNewest = newest !== undefined && (newest.id === '' || id === undefined || newest.id === id);
  const response = isNewest ? newest : added(responses);
  const { output, ...rest } = ownCopy(given);
  assign(response, rest, ['id', 'status']);
  response.id = id ?? response.id;
  response.status = wordOf(given.status) ?? response.status;
  const items = Array.isArray(output) ? output.flatMap((item) => itemIn(item) ?? []) : [];
  // One that is replayed begins anew. Else what a host has left out of a whole response stands as it came.
  if (items.length > 0 || subject === 'created') response.output = items;
}

function added(responses: OwnResponse[]): OwnResponse {
  const response = { id: '', object: 'response', status: 'in_progress', output: [] };
  responses.push(response);
  return response;
}

function foldItem(output: OwnItem[], event: Fields): void {
  const item = itemIn(event.item);
  if (item === undefined) return;
  const isNamed = wordOf(item.id) !== undefined || event.output_index !== undefined;
  const place = isNamed ? placeOfItem(output, { ...event, item_id: item.id }) : -1;
  const known = output[place];
  const isSame = known !== undefined && (known.type === item.type || known.id === item.id);
  output[isSame ? place : output.length] = item;
}

function foldPart(output: OwnItem[], event: Fields, list: string): void {
  const item = itemOf(output, event);
  const part = ownCopy(event.part);
  if (item === undefined || typeof part.type !== 'string') return;
  const parts = partsOf(item, list);
  parts[placeIn(parts, event.content_index ?? event.summary_index)] = part;
}

function foldPartText(output: OwnItem[], event: Fields, subject: string, step: string | undefined): void {
  const [list, type, field, itemType] = PART_TEXTS[subject] as readonly [string, string, string, string];
  const item = itemOf(output, event) ?? itemAdded(output, event, itemType);
  if (item.type !== itemType) return;
  const parts = partsOf(item, list);
  const place = placeIn(parts, event.content_index ?? event.summary_index);
  const part = parts[place] ?? { type, ...(type === 'output_text' && { annotations: [] }), [field]: '' };
  parts[place] = part;
  if (part.type !== type) return;
  if (step === 'delta') grow(part, field, event.delta);
  else if (typeof event[field] === 'string') part[field] = event[field];
}

function foldItemText(output: OwnItem[], event: Fields, subject: string, step: string | undefined): void {
  const [type, field] = ITEM_TEXTS[subject] as readonly [string, string];
  const item = itemOf(output, event);
  if (item?.type !== type) return;
  if (step === 'delta') grow(item, field, event.delta);
  else if (typeof event[field] === 'string') item[field] = event[field];
}

function foldAnnotation(output: OwnItem[], event: Fields): void {
  const item = itemOf(output, event);
  const part =
    item?.type === 'message' ? partsOf(item, 'content')[indexOf(event.content_index) ?? 0] : undefined;
  if (part?.type !== 'output_text' || !isObject(event.annotation)) return;
  if (!Array.isArray(part.annotations)) part.annotations = [];
  const annotations = part.annotations as unknown[];
  annotations[placeIn(annotations, event.annotation_index)] = event.annotation;
}

/** The item that an event speaks of. */
function itemOf(output: readonly OwnItem[], event: Fields): OwnItem | undefined {
  return output[placeOfItem(output, event)];
}

/** The newest items, among which one is looked for by its id: those that grow at the same time are few. */
const FARTHEST = 64;

/** The place of the item that an event speaks of: by its id, from the end, or else by its index. @returns -1 for none */
function placeOfItem(output: readonly OwnItem[], { item_id, output_index }: Fields): number {
  const index = indexOf(output_index) ?? -1;
  const indexed = output[index] === undefined ? -1 : index;
  const id = wordOf(item_id);
  // Of which neither has been kept, the newest is meant.
  if (id === undefined) return output_index === undefined ? output.length - 1 : indexed;
  if (output[indexed]?.id === id) return indexed;
  const from = Math.max(0, output.length - FARTHEST);
  for (let place = output.length - 1; place >= from; place--) if (output[place]?.id === id) return place;
  return indexed;
}

function itemAdded(output: OwnItem[], { item_id }: Fields, type: string): OwnItem {
  const id = wordOf(item_id);
  const item = {
    ...(id !== undefined && { id }),
    ...{ type, status: 'in_progress' },
    ...(type === 'message' ? { role: 'assistant', content: [] } : { summary: [] }),
  };
  output.push(item);
  return item;
}

function partsOf(item: OwnItem, list: string): Own[] {
  if (!Array.isArray(item[list])) item[list] = [];
  return item[list] as Own[];
}

/** The place in a list of what has this index: at its end, where something before it is not there. */
function placeIn(list: readonly unknown[], index: unknown): number {
  const given = indexOf(index);
  return given === undefined || given < 0 ? Math.max(0, list.length - 1) : Math.min(given, list.length);
}

/** The item as one of the content's own; undefined for what is none. Its parts are objects. */
function itemIn(value: unknown): OwnItem | undefined {
  const item = ownCopy(value);
  if (typeof item.type !== 'string') return undefined;
  for (const list of ['content', 'summary']) {
    const parts = item[list];
    if (Array.isArray(parts)) item[list] = parts.filter(isObject);
    else if (parts !== null) delete item[list];
  }
  return item as OwnItem;
}
