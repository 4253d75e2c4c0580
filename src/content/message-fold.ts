/**
 * One event's change to a message. Events of any other name, and fields of another kind than expected, are as if they
 * were not there.
 */
import { type Fields, fieldsOf, listOf, wordOf } from '../stream/model/fields.js';
import { takenIn } from '../stream/model/inbox-message.js';
import type { OwnContent } from './message-content.js';
import { PartIndex } from './message-index.js';

export function foldMessageEvent(content: OwnContent, event: string, data: unknown): void {
  const fields = fieldsOf(data);
  const index = new PartIndex(content);
  switch (event) {
    case 'text':
    case 'reasoning':
      return foldText(index, event, fields);
    case 'tool':
      return foldTool(index, fields);
    case 'file':
      return foldFile(index, fields);
    case 'status':
      return foldStatus(index, fields);
    case 'withdrawn':
      for (const id of idsIn(fields.ids)) index.remove(id);
      return;
    case 'requires_action':
      return foldQuestion(index, fieldsOf(fields.action));
    case 'resumed':
      return foldDecision(index, fields);
    case 'message':
      return foldSent(index, data);
    default:
      return;
  }
}

function foldSent(index: PartIndex, data: unknown): void {
  const taken = takenIn(data);
  if (taken === undefined) return;
  const { messageId: id, kind, message, by } = taken;
  index.add({ type: 'message', id, kind, message, ...(by !== undefined && { by }) }, undefined);
}

function foldText(index: PartIndex, type: 'text' | 'reasoning', { text, replace, ...named }: Fields): void {
  if (typeof text !== 'string') return;
  const [id, parent] = [wordOf(named.id), wordOf(named.parent)];
  const newest = id === undefined ? index.newest(parent) : undefined;
  const known = id === undefined ? newest : index.find(type, id);
  if (known?.type === type && known.id === id) {
    known.text = replace === true ? text : known.text + text;
  } else index.add({ type, ...(id !== undefined && { id }), text }, parent);
}

function foldTool(index: PartIndex, fields: Fields): void {
  const id = wordOf(fields.id);
  if (id === undefined) return;
  if (index.find('tool', id) === undefined)
    index.add({ type: 'tool', id, name: '', state: 'running' }, wordOf(fields.parent));
  const tool = index.find('tool', id);
  if (tool === undefined) return;
  const { name, inputText, input, outputText, output, error, state } = fields;
  tool.name = wordOf(name) ?? tool.name;
  if (input !== undefined) {
    tool.input = input;
    delete tool.inputText;
  } else if (typeof inputText === 'string' && tool.input === undefined)
    tool.inputText = (tool.inputText ?? '') + inputText;
  if (output !== undefined) tool.output = output;
  else if (typeof outputText === 'string')
    tool.output = typeof tool.output === 'string' ? tool.output + outputText : outputText;
  if (typeof error === 'string') tool.error = error;
  if (state === 'running' || state === 'done' || state === 'failed') tool.state = state;
  else if (typeof error === 'string') tool.state = 'failed';
  else if (output !== undefined) tool.state = 'done';
}

function foldFile(index: PartIndex, fields: Fields): void {
  const url = wordOf(fields.url);
  const [id, mediaType, name] = [wordOf(fields.id), wordOf(fields.mediaType), wordOf(fields.name)];
  if (url === undefined || (id !== undefined && index.find('file', id) !== undefined)) return;
  const named = { ...(id !== undefined && { id }), ...(mediaType !== undefined && { mediaType }) };
  index.add({ type: 'file', ...named, ...(name !== undefined && { name }), url }, wordOf(fields.parent));
}

function foldStatus(index: PartIndex, fields: Fields): void {
  const [id, text] = [wordOf(fields.id), wordOf(fields.text)];
  if (id === undefined) return;
  const state = fields.state === 'done' ? 'done' : 'active';
  const known = index.find('status', id);
  if (known !== undefined) {
    known.state = state;
    known.text = text ?? known.text;
  } else if (text !== undefined) index.add({ type: 'status', id, text, state }, wordOf(fields.parent));
}

/** The calls that are asked about show it, with their whole input. */
function foldQuestion(index: PartIndex, action: Fields): void {
  const actionId = wordOf(action.actionId);
  for (const { id, name, arguments: input } of listOf(action.requests)) {
    const call = wordOf(id);
    if (actionId === undefined || call === undefined) continue;
    foldTool(index, { id: call, name, input });
    const tool = index.find('tool', call);
    if (tool !== undefined) tool.approval = { actionId };
  }
}

/** Each call shows its decision, and the input it goes on with. */
function foldDecision(index: PartIndex, { actionId, by, decisions }: Fields): void {
  for (const { id, decision, reason, arguments: input } of listOf(decisions)) {
    const tool = index.find('tool', wordOf(id) ?? '');
    const word = wordOf(decision);
    if (tool?.approval === undefined || tool.approval.actionId !== actionId || word === undefined) continue;
    if (word === 'edit' && input !== undefined) tool.input = input;
    const [who, why] = [wordOf(by), wordOf(reason)];
    tool.approval = {
      ...{ actionId: tool.approval.actionId, decision: word },
      ...(who !== undefined && { by: who }),
      ...(why !== undefined && { reason: why }),
    };
  }
}

function idsIn(ids: unknown): string[] {
  return Array.isArray(ids) ? ids.flatMap((id: unknown) => wordOf(id) ?? []) : [];
}
