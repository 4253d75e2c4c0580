/** Reads lines with a mapper, as a run would, and folds what it makes of them. */
import { messageContent } from '../../src/content/message.js';
import type { MessageContent, MessagePart } from '../../src/content/message-content.js';
import type { AgentEnd, AgentMapper, AgentQuestion } from '../../src/worker/mappers/mapper.js';
import type { Line } from './agent-lines.js';

export interface Read {
  readonly parts: readonly MessagePart[];
  readonly usage: Readonly<Record<string, number>>;
  readonly unknown: readonly string[];
  readonly questions: readonly AgentQuestion[];
  readonly withdrawn: readonly string[];
  readonly replies: readonly string[];
  readonly sessions: readonly string[];
  readonly end: AgentEnd | undefined;
  /** What the lines said of the end, one after the other: null when the agent goes on after all. */
  readonly ends: readonly (AgentEnd | null)[];
  /** The events, as they would be emitted. */
  readonly events: readonly { readonly event: string; readonly data: unknown }[];
}

export function readLines(mapper: AgentMapper, lines: readonly (Line | string | unknown)[]): Read {
  const reader = mapper.start();
  const model = messageContent();
  let content: MessageContent = model.initial();
  const [events, unknown, questions]: [Read['events'][number][], string[], AgentQuestion[]] = [[], [], []];
  const [withdrawn, replies, sessions]: [string[], string[], string[]] = [[], [], []];
  const usage: Record<string, number> = {};
  const ends: (AgentEnd | null)[] = [];
  for (const line of lines) {
    const mapped = reader.read(line);
    events.push(...(mapped.events ?? []).map(({ event, data }) => ({ event, data })));
    if (mapped.unknown !== undefined) unknown.push(mapped.unknown);
    if (mapped.question !== undefined) questions.push(mapped.question);
    if (mapped.withdrawn !== undefined) withdrawn.push(mapped.withdrawn);
    if (mapped.reply !== undefined) replies.push(mapped.reply);
    if (mapped.end !== undefined) ends.push(mapped.end);
    if (mapped.session !== undefined) sessions.push(mapped.session);
    for (const call of mapped.usage ?? [])
      for (const [name, number] of Object.entries(call))
        if (typeof number === 'number') usage[name] = (usage[name] ?? 0) + number;
  }
  const closed = reader.close();
  events.push(...closed.events.map(({ event, data }) => ({ event, data })));
  for (const [at, { event, data }] of events.entries()) {
    const asStored: unknown = JSON.parse(JSON.stringify(data));
    content = model.fold(content, { event, data: asStored, sequence: at + 1 });
  }
  const { parts } = content;
  return { parts, usage, unknown, questions, withdrawn, replies, sessions, end: closed.end, ends, events };
}
