/**
 * One connection to a stream, from the request to its end. It is given up when it falls silent; an answer that is no
 * stream of events is an error, since a proxy or a sign-in page may well answer 200.
 */
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { asClientError, refusalIn, StreamClientError } from './errors.js';
import type { RequestOptions } from './options.js';
import { ask, orAborted } from './requests.js';

/** No event of the library's is as large as this (characters); what goes on and on must not fill the page's memory. */
const LARGEST_EVENT = 64 * 1024 * 1024;

export interface ConnectionListeners {
  /** Is called once the server has answered with a stream. */
  readonly onOpen: () => void;
  /** Is called for each event; a promise holds the next one up. What it throws ends the connection. */
  readonly onMessage: (message: EventSourceMessage) => Promise<unknown> | undefined;
  /** Is called with the pause that the server asks for, in milliseconds. */
  readonly onRetry: (ms: number) => void;
}

/** A wake-up doubts a connection that has been silent for this part of the longest silence. */
const DOUBTFUL_PART = 0.6;

export class Connection {
  readonly #abort = new AbortController();
  readonly #stallMs: number;
  readonly #listeners: ConnectionListeners;
  /** Runs while something is waited for, and not while a slow listener holds the connection up by itself. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  #heardAt = 0;

  constructor(stallMs: number, listeners: ConnectionListeners) {
    this.#stallMs = stallMs;
    this.#listeners = listeners;
  }

  /**
   * Runs to the end of the response; says whether there was one with events, false for a 204.
   * @throws StreamClientError a refusal, with its status; or why the connection broke
   */
  async run(address: string, options: RequestOptions, refused: number | undefined): Promise<boolean> {
    const { signal } = this.#abort;
    this.#heard();
    try {
      const response = await ask(address, options, { accept: 'text/event-stream', refused, signal });
      if (response.status === 204) return false;
      if (!response.ok) throw await refusalIn(response);
      const type = response.headers.get('content-type') ?? '';
      if (!response.body || !type.startsWith('text/event-stream'))
        throw new StreamClientError('bad_answer', `content-type ${type}`);
      this.#listeners.onOpen();
      await this.#read(response.body.getReader());
      return true;
    } catch (error) {
      throw asClientError(signal.aborted ? signal.reason : error);
    } finally {
      clearTimeout(this.#timer);
      // What is left of the response is nobody's business: a browser has few connections.
      this.close();
    }
  }

  /** Ends the connection if it has been silent for long: its timer may have slept, as in a frozen tab. */
  doubt(): void {
    if (Date.now() - this.#heardAt > this.#stallMs * DOUBTFUL_PART)
      this.close(new StreamClientError('stalled'));
  }

  /** Ends the connection. @param reason the reason that `run` throws; default: a lost connection */
  close(reason?: StreamClientError): void {
    this.#abort.abort(reason ?? new StreamClientError('no_answer'));
  }

  /** Notes a sign of life; without the next one in time the connection is given up: half-open ones look alive to others. */
  #heard(): void {
    clearTimeout(this.#timer);
    this.#heardAt = Date.now();
    this.#timer = setTimeout(() => this.close(new StreamClientError('stalled')), this.#stallMs);
  }

  async #read(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
    const { signal } = this.#abort;
    let messages: EventSourceMessage[] = [];
    const parser = createParser({
      maxBufferSize: LARGEST_EVENT,
      onEvent: (message) => messages.push(message),
      onRetry: this.#listeners.onRetry,
    });
    const decoder = new TextDecoder();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      this.#heard();
      parser.feed(decoder.decode(value, { stream: true }));
      const arrived = messages;
      messages = [];
      for (const message of arrived) {
        if (signal.aborted) throw signal.reason;
        const handled = this.#listeners.onMessage(message);
        if (handled === undefined) continue;
        clearTimeout(this.#timer);
        this.#heardAt = Number.POSITIVE_INFINITY;
        await orAborted(signal, handled);
        this.#heard();
      }
    }
  }
}
