/**
 * A follower that writes down what it gets, and a client that folds it as a page would.
 */
import { parseCursor, type StreamEvent, type Subscription } from 'generation-jobs';
import { expect } from './tools.js';

export interface Follower {
  readonly subscription: Subscription;
  readonly events: StreamEvent[];
  readonly names: readonly string[];
  /** Whether its iteration has ended. */
  readonly isOver: boolean;
  readonly error: unknown;
  leave(): void;
}

export function startFollowing(subscription: Subscription): Follower {
  const events: StreamEvent[] = [];
  let isOver = false;
  let error: unknown;
  void (async () => {
    try {
      for await (const event of subscription) events.push(event);
    } catch (thrown) {
      error = thrown;
    } finally {
      isOver = true;
    }
  })();
  return {
    subscription,
    events,
    get names() {
      return events.map((event) => event.event);
    },
    get isOver() {
      return isOver;
    },
    get error() {
      return error;
    },
    leave: () => subscription.close(),
  };
}

/** The text a page shows: what `sync` says, and every `text` event after it. Checks that cursors only move forward. */
export class Page {
  text = '';
  status = 'unknown';
  cursor: string | undefined;

  see(event: StreamEvent): void {
    if (event.event === 'gap') return;
    if (event.event === 'sync') {
      const state = event.data as { content: { text: string } | null; status: string };
      this.text = state.content?.text ?? '';
      this.status = state.status;
    } else if (this.cursor !== undefined) {
      const [was, is] = [parseCursor(this.cursor), parseCursor(event.cursor)];
      expect(is.generation, 'generations only grow').toBeGreaterThanOrEqual(was.generation);
      const next = is.generation > was.generation ? 1 : was.sequence + 1;
      expect(is.sequence, 'the next sequence').toBe(next);
    }
    if (event.event === 'text') this.text += (event.data as { text: string }).text;
    if (event.event === 'created') this.text = '';
    if (event.event === 'recovered' && (event.data as { restart: boolean }).restart) this.text = '';
    this.cursor = event.cursor;
  }
}

export const text = (text: string | number) => ({ event: 'text', data: { text: String(text) } });

/** The data of an event that must be there. */
export function dataOf<Data>(event: StreamEvent | undefined): Data {
  if (event === undefined) throw new Error('There is no such event.');
  return event.data as Data;
}

/** The text in a resume state that must be there. */
export function textOf(state: { readonly content: unknown } | null | undefined): string {
  if (!state) throw new Error('There is no state.');
  return (state.content as { text: string }).text;
}
