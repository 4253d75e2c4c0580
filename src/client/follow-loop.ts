/**
 * The life of a following over its connections: `follow-state.ts` has the states, and one function changes them. It never
 * gives up by itself while there is something to follow: who wants that closes it.
 */
import type { EventSourceMessage } from 'eventsource-parser';
import { withQuery } from './address.js';
import { pauseAfter, pauseFor } from './back-off.js';
import { Connection } from './connection.js';
import { asClientError, StreamClientError } from './errors.js';
import { type FollowState, isLast } from './follow-state.js';
import type { ConnectionOptions, RequestOptions } from './options.js';
import { isHidden, isOffline } from './page.js';
import { answerTo } from './refusals.js';
import type { ReadEvent } from './stream-reader.js';
import { reportUncaught } from './uncaught.js';

const STALL_MS = 35_000;
const LONGEST_PAUSE_MS = 15_000;
/** No server may ask for a longer pause than this before a try (ms). */
const MOST_RETRY_AFTER_MS = 60_000;

/** The settings that the loop goes by. */
export type LoopOptions = RequestOptions & ConnectionOptions;

/** Gives what a connection brings its meaning, and knows where it goes on. */
export interface LoopReader {
  /** The parameters of the request that goes on from here. */
  readonly query: Readonly<Record<string, string | undefined>>;
  /** True when nothing is left out by a response that the server ends here. */
  readonly hasAll: boolean;
  /** Returns the event that a message tells, if it is one. @throws StreamClientError for what can't be so */
  read(message: EventSourceMessage): ReadEvent | undefined;
  /** Says whether nothing more comes behind an event. */
  isLast(event: ReadEvent): boolean;
  /** Throws the place away; says whether there was one. */
  startOver(): boolean;
}

export interface LoopListeners {
  /** Is called for each event, once and in order; a promise holds the next one up. Never throws. */
  readonly onEvent: (event: ReadEvent) => Promise<unknown> | undefined;
  /** Is called when the state changes, and for each pause. Never throws. */
  readonly onState: (state: FollowState) => void;
}

export class FollowLoop {
  readonly #url: string;
  readonly #options: LoopOptions;
  readonly #reader: LoopReader;
  readonly #listeners: LoopListeners;
  /** Fires when a pause is to end early. */
  #woken = new AbortController();
  #state: FollowState = { name: 'connecting' };
  #connection: Connection | undefined;
  /** Tries that failed in a row; a sign of the server's life ends the row. */
  #failures = 0;
  /** Refusals of one kind in a row: of a status, or for an answer that is none. */
  #refusals = { kind: 0, inARow: 0 };
  /** The status by which the server has refused the last headers, while others are worth a try. */
  #refused: number | undefined;
  #retryMs: number | undefined;
  #isResting = false;
  #isBegun = false;

  constructor(url: string, options: LoopOptions, reader: LoopReader, listeners: LoopListeners) {
    this.#url = url;
    this.#options = options;
    this.#reader = reader;
    this.#listeners = listeners;
  }

  get state(): FollowState {
    return this.#state;
  }

  /** Runs until a state that nothing leaves. Never rejects. */
  async run(): Promise<void> {
    if (this.#isBegun || this.#isOver) return;
    this.#isBegun = true;
    this.#listeners.onState(this.#state);
    while (!this.#isOver) {
      // A wake-up that comes before the next pause skips it.
      this.#woken = new AbortController();
      this.#isResting = false;
      this.#enter({ name: 'connecting' });
      const error = await this.#connect();
      if (this.#isOver) return;
      if (error === undefined && this.#reader.hasAll) return this.#enter({ name: 'ended' });
      await this.#waitAfter(error);
    }
  }

  /** Tries now instead of later, and doubts a connection that has been silent. */
  wake(): void {
    this.#failures = 0;
    this.#woken.abort();
    this.#connection?.doubt();
  }

  /** Lets go of the connection: the next try is after a pause, or at once after a `wake`. */
  disconnect(): void {
    this.#connection?.close();
  }

  /** Lets go of the connection while the page is hidden and the host expects nothing. */
  restIfHidden(): void {
    if (this.#connection === undefined || !isHidden() || !this.#mayRest()) return;
    this.#isResting = true;
    this.#connection.close();
  }

  close(): void {
    this.#enter({ name: 'closed' });
  }

  get #isOver(): boolean {
    return isLast(this.#state);
  }

  /** One connection, to its end. Returns why it broke; undefined when the server has ended it. */
  async #connect(): Promise<StreamClientError | undefined> {
    const { stallMs = STALL_MS } = this.#options;
    const connection = new Connection(stallMs, {
      onOpen: () => this.#opened(),
      onRetry: (ms) => {
        this.#retryMs = ms;
      },
      onMessage: (message) => {
        this.#failures = 0;
        const event = this.#isOver ? undefined : this.#reader.read(message);
        return event && this.#take(event);
      },
    });
    this.#connection = connection;
    const address = withQuery(this.#url, { heartbeat: 'event', ...this.#reader.query });
    try {
      const hasEvents = await connection.run(address, this.#options, this.#refused);
      // Nothing follows the place, and nothing ever will.
      if (!hasEvents) this.#enter({ name: 'ended' });
      return undefined;
    } catch (error) {
      return asClientError(error);
    } finally {
      this.#connection = undefined;
    }
  }

  #opened(): void {
    if (this.#refusals.kind > 0) this.#refusals = { kind: 0, inARow: 0 };
    this.#enter({ name: 'live' });
    this.restIfHidden();
  }

  #take(event: ReadEvent): Promise<unknown> | undefined {
    this.#refusals = { kind: 0, inARow: 0 };
    const handled = this.#listeners.onEvent(event);
    if (event.event === 'gone') {
      const remedy = 'Show what is saved of it.';
      this.#enter({ name: 'gone', error: new StreamClientError('stream_not_found', 'gone', { remedy }) });
    } else if (this.#reader.isLast(event)) this.#enter({ name: 'ended' });
    else this.restIfHidden();
    return handled;
  }

  async #waitAfter(error: StreamClientError | undefined): Promise<void> {
    if (this.#isResting) {
      this.#enter({ name: 'resting' });
      return pauseFor(undefined, this.#woken.signal);
    }
    const answer = error === undefined ? 'again' : answerTo(error, this.#counted(error));
    const isFinal = answer === 'stop' || (answer === 'over' && !this.#reader.startOver());
    if (error !== undefined && isFinal) return this.#enter({ name: 'gone', error });
    this.#failures++;
    this.#refused = answer === 'refreshed' ? error?.status : undefined;
    // A fresh token is worth one try at once; the server that refuses that one, too, is not pressed.
    if (this.#woken.signal.aborted || (answer === 'refreshed' && this.#refusals.inARow === 1)) return;
    const inMs = this.#nextPauseMs(error);
    const name = isOffline() ? 'offline' : 'waiting';
    const why = error === undefined ? {} : { error };
    this.#enter({ name, inMs, retryAt: Date.now() + inMs, failures: this.#failures, ...why });
    await pauseFor(inMs, this.#woken.signal);
  }

  #counted({ status = 0, code }: StreamClientError) {
    const kind = code === 'bad_answer' ? -1 : status;
    const inARow = kind === this.#refusals.kind ? this.#refusals.inARow + 1 : 1;
    this.#refusals = { kind, inARow };
    return { inARow, hasFreshHeaders: typeof this.#options.headers === 'function' };
  }

  #nextPauseMs(error: StreamClientError | undefined): number {
    const { longestPauseMs = LONGEST_PAUSE_MS } = this.#options;
    const asked = Math.min(error?.retryAfterMs ?? 0, MOST_RETRY_AFTER_MS);
    return Math.round(Math.max(asked, pauseAfter(this.#failures, this.#retryMs, longestPauseMs)));
  }

  #mayRest(): boolean {
    try {
      return this.#options.mayRest?.() === true;
    } catch (error) {
      reportUncaught(error);
      return false;
    }
  }

  /** The one place where the state changes. */
  #enter(state: FollowState): void {
    if (this.#isOver) return;
    const isRepeat = state.name === this.#state.name && !('inMs' in state);
    this.#state = state;
    if (isLast(state)) {
      this.#connection?.close();
      this.#woken.abort();
    }
    if (!isRepeat) this.#listeners.onState(state);
  }
}
