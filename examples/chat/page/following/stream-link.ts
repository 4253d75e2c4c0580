/**
 * The page's connection to a stream: follows it through every generation, comes back after every loss with the last
 * cursor, and hands each event on once.
 *
 * States
 * - `connecting`    the first request is under way. Left by the answer or a failure.
 * - `live`          the server has answered and bytes arrive at least as often as its heartbeat.
 * - `reconnecting`  the connection was lost, refused for now, or has fallen silent; the next try is waiting or under way.
 *                   Left by success, or early by `wake`.
 * - `offline`       as `reconnecting`, while the browser says there is no network. It still tries, as the browser may be
 *                   wrong about loopback.
 * - `idle`          nothing to follow until `wake` says there may be: the stream is gone or was never there, or the tab is
 *                   hidden and nothing is expected (browsers allow six connections to a server, over all tabs).
 * - `closed`        `close` was called. Nothing leaves it.
 */
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { type Loss, type NoAnswerError, noAnswerIn, reasonOf } from './failures.js';
import { type Cursor, isNext, parseCursor } from './place.js';
import { replicaChoice } from './replica-choice.js';

export type LinkState = 'connecting' | 'live' | 'reconnecting' | 'offline' | 'idle' | 'closed';

export interface LinkEvent {
  readonly cursor: string;
  readonly event: string;
  readonly data: unknown;
}

export interface LinkHandlers {
  readonly onEvent: (event: LinkEvent) => void;
  /** Also when a lost connection waits for its next try. */
  readonly onState: (state: LinkState) => void;
  /** The stream broke its promise: an event was missing or came twice. The link then starts over from a `sync`. */
  readonly onBroken: (message: string) => void;
  /** Whether nothing is expected now, so that a hidden tab may let go of its connection. */
  readonly mayRest: () => boolean;
}

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 8_000;
/** A connection that is back after one try needs no words. */
const QUIET_FAILURES = 1;
/** More than two heartbeats (15 s each): a link silent for longer is dead, even if no error ever comes. */
const SILENCE_MS = 35_000;
/** More than one heartbeat: a tab that comes back after a sleep need not wait for its timer to doubt the connection. */
const DOUBT_MS = 20_000;

export class StreamLink {
  readonly #url: string;
  readonly #statusUrl: string;
  readonly #handlers: LinkHandlers;
  #state: LinkState = 'connecting';
  #place: Cursor | null = null;
  /** Whether to begin with what the server has folded instead of every event. */
  #resume: boolean;
  #failures = 0;
  #loss: Loss | undefined;
  #request: AbortController | undefined;
  #endPause: (() => void) | undefined;
  /** A wake-up that came while no pause was under way; the next pause is skipped for it. */
  #isWoken = false;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #heardAt = 0;
  #isResting = false;

  /** `resume`: begin with a `sync`, for a page that has just been loaded; otherwise with the first event. */
  constructor(streamId: string, resume: boolean, handlers: LinkHandlers) {
    this.#url = `/api/chat/stream/${encodeURIComponent(streamId)}?follow=stream`;
    this.#statusUrl = `/api/chat/status/${encodeURIComponent(streamId)}`;
    this.#resume = resume;
    this.#handlers = handlers;
    window.addEventListener('online', this.#onOnline);
    window.addEventListener('offline', this.#onOffline);
    document.addEventListener('visibilitychange', this.#onVisibility);
    handlers.onState(this.#state);
    void this.#run();
  }

  get state(): LinkState {
    return this.#state;
  }

  /** Why the connection is away and when it is tried again, if that is worth telling. */
  get loss(): Loss | undefined {
    return this.#loss;
  }

  /** Tries now instead of later; also when there was nothing to follow. */
  wake(): void {
    this.#failures = 0;
    this.#isWoken = true;
    this.#endPause?.();
  }

  /** Lets go of the connection, and goes on from the same place with the next one at once. */
  reconnect(): void {
    this.wake();
    this.#request?.abort();
  }

  close(): void {
    this.#enter('closed');
    window.removeEventListener('online', this.#onOnline);
    window.removeEventListener('offline', this.#onOffline);
    document.removeEventListener('visibilitychange', this.#onVisibility);
    this.#request?.abort();
    this.#endPause?.();
  }

  readonly #onOnline = () => this.wake();

  /** A connection that lost its network can look open for minutes; if it is still good, the next one is at once. */
  readonly #onOffline = () => {
    this.#request?.abort();
    if (this.#state === 'reconnecting') this.#enter('offline');
  };

  readonly #onVisibility = () => {
    this.#restIfHidden();
    if (document.hidden) return;
    if (Date.now() - this.#heardAt > DOUBT_MS) this.#request?.abort();
    this.wake();
  };

  async #run(): Promise<void> {
    while (this.#state !== 'closed') {
      let failure: unknown;
      const hasStream = await this.#follow().catch((error: unknown) => {
        failure = error;
        return true;
      });
      if (this.#isClosed) return;
      const mayReturn = hasStream && !this.#isResting;
      const pauseMs = mayReturn ? this.#nextPauseMs() : undefined;
      this.#loss = pauseMs === undefined ? undefined : this.#lossWorthTelling(failure, pauseMs);
      this.#enter(mayReturn ? lost() : 'idle');
      if (this.#loss) this.#handlers.onState(this.#state);
      await this.#pause(pauseMs);
    }
  }

  /** One connection, to its end. False when there is no such stream to come back to. */
  async #follow(): Promise<boolean> {
    const request = new AbortController();
    this.#request = request;
    this.#isWoken = false;
    this.#isResting = false;
    this.#heard();
    try {
      if (this.#place === null && this.#resume && !(await this.#isThere(request.signal))) return false;
      const response = await fetch(this.#address(), {
        headers: this.#headers(),
        signal: request.signal,
        cache: 'no-store',
      });
      replicaChoice.note(response, 'stream');
      if (response.status === 400) this.#startOver();
      if (response.status === 204 || (response.status >= 400 && response.status < 429))
        return response.status === 400;
      if (!response.ok || !response.body) throw await refusalOf(response);
      this.#loss = undefined;
      this.#enter('live');
      return await this.#read(response.body);
    } finally {
      clearTimeout(this.#silence);
      request.abort();
    }
  }

  /** Whether anything is kept. That nothing is, of an old conversation, is ordinary, and asked for so that it is no error. */
  async #isThere(signal: AbortSignal): Promise<boolean> {
    const url = `${this.#statusUrl}?missing=ok`;
    const response = await fetch(url, { headers: replicaChoice.headers, signal, cache: 'no-store' });
    replicaChoice.note(response, 'stream');
    if (response.status >= 400 && response.status < 429) return false;
    if (!response.ok) throw await refusalOf(response);
    const { generation } = (await response.json()) as { generation: number | null };
    return generation !== null;
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<boolean> {
    let isGone = false;
    const parser = createParser({
      onEvent: (message) => {
        isGone ||= message.event === 'gone';
        this.#take(message);
      },
    });
    const decoder = new TextDecoder();
    const reader = body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return !isGone;
      this.#heard();
      parser.feed(decoder.decode(value, { stream: true }));
      this.#restIfHidden();
    }
  }

  #take({ id, event, data }: EventSourceMessage): void {
    // After a break or a close, what is left of the old connection is nobody's business.
    if (event === undefined || id === undefined || this.#request?.signal.aborted) return;
    this.#failures = 0;
    if (event !== 'gap' && event !== 'gone' && !this.#moveTo(id, event)) return;
    this.#handlers.onEvent({ cursor: id, event, data: JSON.parse(data) });
  }

  /** Whether the event is the next one. If not, says so and starts over from what the server has. */
  #moveTo(id: string, event: string): boolean {
    const next = parseCursor(id);
    if (isNext(this.#place, next, event)) {
      this.#place = next;
      return true;
    }
    const expected = this.#place
      ? `after ${this.#place.generation}-${this.#place.sequence}`
      : 'as the first event';
    this.#handlers.onBroken(`Event ${id} (${event}) came ${expected}.`);
    this.#startOver();
    this.#request?.abort();
    return false;
  }

  #startOver(): void {
    this.#place = null;
    this.#resume = true;
  }

  #address(): string {
    return this.#place === null && this.#resume ? `${this.#url}&resume=true` : this.#url;
  }

  #headers(): Record<string, string> {
    const cursor = this.#place && `${this.#place.generation}-${this.#place.sequence}`;
    return {
      accept: 'text/event-stream',
      ...replicaChoice.headers,
      ...(cursor && { 'last-event-id': cursor }),
    };
  }

  get #isClosed(): boolean {
    return this.#state === 'closed';
  }

  #enter(state: LinkState): void {
    if (this.#state === state || this.#isClosed) return;
    this.#state = state;
    this.#handlers.onState(state);
  }

  /** A sign of life; without the next one in time, the connection is given up. */
  #heard(): void {
    clearTimeout(this.#silence);
    this.#heardAt = Date.now();
    this.#silence = setTimeout(() => this.#request?.abort(), SILENCE_MS);
  }

  #restIfHidden(): void {
    if (!document.hidden || !this.#handlers.mayRest()) return;
    this.#isResting = true;
    this.#request?.abort();
  }

  #lossWorthTelling(failure: unknown, pauseMs: number): Loss | undefined {
    if (this.#failures <= QUIET_FAILURES) return undefined;
    const words = `The connection to the conversation is lost: ${reasonOf(failure)}.`;
    return { words, retryAt: Date.now() + pauseMs };
  }

  #nextPauseMs(): number {
    const most = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures++);
    return most / 2 + (Math.random() * most) / 2;
  }

  /** Ends after `ms`, or never by itself; `wake` ends it at once. */
  async #pause(ms: number | undefined): Promise<void> {
    if (this.#isWoken) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#endPause = resolve;
      if (ms !== undefined) timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
    this.#endPause = undefined;
  }
}

async function refusalOf(response: Response): Promise<NoAnswerError> {
  return noAnswerIn(response.status, await response.json().catch(() => null));
}

function lost(): 'offline' | 'reconnecting' {
  return navigator.onLine ? 'reconnecting' : 'offline';
}
