/**
 * What the page knows of one conversation: its turns, put together from the history the server kept and from the events
 * of the stream. Of the same generation, the stream's word counts.
 */

import type { InboxMessage, StreamEvent } from 'generation-jobs/client';
import { type ChatContent, foldContent, initialContent, restartedContent } from '../content/chat-content.js';
import { field, text } from '../content/provider-text.js';
import type { EarlierTurn } from './chat-api.js';
import { parseCursor } from './place.js';

export interface Turn {
  readonly generation: number;
  content: ChatContent;
  status: string;
  /** Why it failed or was aborted; empty otherwise. */
  code: string;
  /** Until when the pending action can be decided, by the server's clock. */
  expiresAt?: number;
}

export class Conversation {
  readonly id: string;
  /** Oldest first. */
  readonly turns: Turn[] = [];
  /** The place of the last event; empty before the first. */
  cursor = '';
  /** What waits for the answer that is being made, oldest first. */
  waiting: readonly InboxMessage[] = [];

  constructor(id: string) {
    this.id = id;
  }

  get lastTurn(): Turn | undefined {
    return this.turns.at(-1);
  }

  get isAnswering(): boolean {
    return this.lastTurn?.status === 'running' || this.lastTurn?.status === 'requires_action';
  }

  /** Whether a person has to decide before the answer goes on. */
  get isAsking(): boolean {
    return this.lastTurn?.status === 'requires_action';
  }

  /** Turns that had ended when the server was asked; a running one comes by the stream. */
  addEarlier(turns: readonly EarlierTurn[]): void {
    for (const { generation, status, code, ...content } of turns) {
      const isKnown = this.turns.some((turn) => turn.generation === generation);
      if (!isKnown && status !== 'running') this.#put({ generation, status, code, content });
    }
  }

  /** @throws Error when the end's own text isn't what the events added up to */
  apply({ cursor, event, data }: StreamEvent): void {
    const { generation } = parseCursor(cursor);
    if (event !== 'gap' && event !== 'gone') this.cursor = cursor;
    if (event === 'sync') this.#sync(generation, data);
    else if (event === 'created')
      this.#put({ generation, content: initialContent(), status: 'running', code: '' });
    const turn = this.turns.find((known) => known.generation === generation);
    if (turn) changeTurn(turn, event, data);
    this.#changeWaiting(event, data);
  }

  #changeWaiting(event: string, data: unknown): void {
    const messages = event === 'sync' ? field(data, 'inbox') : field(data, 'messages');
    if ((event === 'sync' || event === 'inbox') && Array.isArray(messages)) this.waiting = messages;
    if (event === 'created') this.waiting = [];
    if (event === 'message')
      this.waiting = this.waiting.filter(({ messageId }) => messageId !== field(data, 'messageId'));
  }

  /** The stream is gone: an answer that was being made will not go on. */
  loseAnswer(): void {
    const turn = this.lastTurn;
    if (!turn || !this.isAnswering) return;
    turn.status = 'failed';
    turn.code = 'gone';
  }

  #sync(generation: number, data: unknown): void {
    const content = (field(data, 'content') as ChatContent | null) ?? initialContent();
    const code = text(field(field(data, 'end'), 'code'));
    this.#put({
      generation,
      content,
      status: text(field(data, 'status')),
      code,
      ...expiry(field(data, 'pendingAction')),
    });
  }

  #put(turn: Turn): void {
    const others = this.turns.filter(({ generation }) => generation !== turn.generation);
    this.turns.splice(0, Infinity, ...[...others, turn].sort((a, b) => a.generation - b.generation));
  }
}

function changeTurn(turn: Turn, event: string, data: unknown): void {
  foldContent(turn.content, { event, data });
  switch (event) {
    case 'requires_action':
      turn.status = event;
      Object.assign(turn, expiry(field(data, 'action')));
      return;
    case 'resumed':
      turn.status = 'running';
      return;
    case 'recovered':
      if (field(data, 'restart') === true) turn.content = restartedContent(turn.content);
      return;
    case 'completed':
    case 'failed':
    case 'aborted':
      turn.status = event;
      turn.code = text(field(data, 'code'));
      if (event === 'completed') checkFinal(turn, field(data, 'final'));
  }
}

function expiry(action: unknown): Pick<Turn, 'expiresAt'> {
  const expiresAt = field(action, 'expiresAt');
  return typeof expiresAt === 'number' ? { expiresAt } : {};
}

/** The server's own count of the answer: a difference means an event was lost or doubled on the way. */
function checkFinal(turn: Turn, final: unknown): void {
  const whole = field(final, 'text');
  if (typeof whole === 'string' && whole !== turn.content.text) {
    throw new Error(
      `Answer ${turn.generation} has ${turn.content.text.length} characters instead of ${whole.length}.`,
    );
  }
}
