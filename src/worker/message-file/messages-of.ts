/** The messages that a generation's record and content come to: the user's, and the assistant's as it grows and once it is final. */

import { systemClock } from '../../clock.js';
import { type MessagePart, messageText } from '../../content/message-content.js';
import { isObject } from '../../stream/model/plain-values.js';
import type { JobRecord } from '../../stream/model/types.js';
import type { MessageLines } from './message-lines.js';
import type { MessageFileOptions, StoredMessage, UserMessage } from './message-types.js';

/** An assistant's message to write, or to take out: one that is final and has nothing in it. */
export interface Answer {
  readonly id: string;
  readonly isFinal: boolean;
  /** Undefined when there is nothing to keep. */
  readonly message: StoredMessage | undefined;
}

export function conversationOf({ conversationId, streamId }: JobRecord): string {
  return conversationId ?? streamId;
}

/** Returns the user's message; undefined when `created` holds none. */
export function userMessageOf(
  record: JobRecord,
  content: unknown,
  asked: MessageFileOptions['userMessage'] = plainUserMessage,
): StoredMessage | undefined {
  const created = isObject(content) ? content.created : undefined;
  const said = created === undefined ? null : asked(created, record);
  if (said === null) return undefined;
  const parts: readonly MessagePart[] = said.parts ?? [{ type: 'text', text: said.content }];
  const words = {
    id: said.id ?? `${answerId(record)}/user`,
    role: 'user',
    content: said.content,
    parts,
  } as const;
  return { ...words, updatedAt: record.createdAt, ...placeOf(record) };
}

/** The answer as it is now. */
export function growingAnswer(record: JobRecord, content: unknown, sequence: number): Answer {
  const message = answerOf(record, partsIn(content), sequence);
  return { id: answerId(record), isFinal: false, message: message && { ...message, _streaming: true } };
}

/** The answer as it stays: nothing in it is under way any more. The same however often it is made. */
export function finalAnswer(record: JobRecord, content: unknown, isEmpty: boolean): Answer {
  const isWhole = record.status === 'completed';
  const parts = isEmpty ? undefined : partsIn(content)?.map((part) => closed(part, isWhole));
  const message = answerOf(record, parts, record.lastSequence);
  const end = record.error?.code ?? record.status;
  const updatedAt = record.endedAt ?? record.updatedAt;
  return { id: answerId(record), isFinal: true, message: message && { ...message, updatedAt, end } };
}

/** Puts the answer where it belongs, unless what is there is newer: writes of other processes may come late. */
export function putAnswer(lines: MessageLines, { id, isFinal, message }: Answer): void {
  const there = lines.find(id);
  if (!isFinal && there !== undefined) {
    if (there._streaming !== true || (there.sequence ?? 0) > (message?.sequence ?? 0)) return;
  }
  if (message !== undefined) lines.upsert(message);
  else if (isFinal) lines.remove(id);
}

function answerOf(
  record: JobRecord,
  parts: readonly MessagePart[] | undefined,
  sequence: number,
): StoredMessage | undefined {
  if (parts === undefined) return undefined;
  const words = { id: answerId(record), role: 'assistant', content: messageText({ parts }), parts } as const;
  return { ...words, sequence, updatedAt: systemClock.now(), ...placeOf(record) };
}

function answerId({ streamId, generation }: JobRecord): string {
  return `${streamId}/${generation}`;
}

function placeOf(record: JobRecord) {
  const { createdAt, streamId, generation, userId } = record;
  return { createdAt, streamId, generation, userId, conversationId: conversationOf(record) };
}

/** Returns the parts of content of `messageContent`, or of `textContent`; undefined of any other. */
function partsIn(content: unknown): readonly MessagePart[] | undefined {
  if (!isObject(content)) return undefined;
  const { parts, text } = content;
  if (Array.isArray(parts)) return parts as readonly MessagePart[];
  return typeof text === 'string' ? [{ type: 'text', text }] : undefined;
}

/** Nothing goes on in a part any more. A call without a result may be for a client to run, unless its generation broke off. */
function closed(part: MessagePart, isWhole: boolean): MessagePart {
  if (part.type === 'status') return { ...part, state: 'done' };
  if (part.type !== 'tool') return part;
  const isCutOff = part.state === 'running' && !isWhole;
  return {
    ...part,
    ...(isCutOff && { state: 'failed', error: part.error ?? 'It did not come to an end.' }),
    ...(part.parts && { parts: part.parts.map((one) => closed(one, isWhole)) }),
  };
}

function plainUserMessage(created: unknown): UserMessage | null {
  if (typeof created === 'string') return { content: created };
  if (!isObject(created)) return null;
  const text = [created.text, created.content].find((one) => typeof one === 'string');
  if (typeof text !== 'string') return null;
  return { content: text, ...(typeof created.id === 'string' && { id: created.id }) };
}
