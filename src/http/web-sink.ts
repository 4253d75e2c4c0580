/**
 * A `ReadableStream` as a sink, for servers that speak Web `Request` and `Response`. The stream's queue is the buffer:
 * it is full at its high-water mark, and `pull` is its drain.
 */
import { KIB } from '../clock.js';
import type { SseSink } from './sse-sink.js';

/** It is that of a Node socket of the current line: a larger one holds more for a reader that does not read. */
const HIGH_WATER_MARK = 64 * KIB;

const encoder = new TextEncoder();

export class WebSink implements SseSink {
  closed = false;
  /** Framing is the server's. */
  readonly isChunked = false;
  onDrain: (() => void) | undefined;
  onClose: (() => void) | undefined;
  readonly stream: ReadableStream<Uint8Array>;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #full = false;
  #ended = false;

  /** `signal` is the request's: some servers tell of a client that left only there. */
  constructor(signal: AbortSignal) {
    this.stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => {
          if (!this.#full) return;
          this.#full = false;
          this.onDrain?.();
        },
        cancel: () => this.#finish(),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: HIGH_WATER_MARK }),
    );
    const leave = () => this.destroy();
    signal.addEventListener('abort', leave, { once: true });
    this.#forget = () => signal.removeEventListener('abort', leave);
    if (signal.aborted) leave();
  }

  readonly #forget: () => void;

  get bufferedBytes(): number {
    return HIGH_WATER_MARK - (this.#controller.desiredSize ?? HIGH_WATER_MARK);
  }

  write(text: string): boolean {
    if (this.closed || this.#ended) return true;
    this.#controller.enqueue(encoder.encode(text));
    this.#full = (this.#controller.desiredSize ?? 0) <= 0;
    return !this.#full;
  }

  /** Ends the body. What is still queued of a whole one stays until it is read, or until the session cuts it off. */
  end(isWhole: boolean): void {
    if (this.closed || this.#ended) return;
    if (!isWhole) return this.destroy();
    this.#ended = true;
    const { bufferedBytes } = this;
    this.#controller.close();
    if (bufferedBytes === 0) this.#finish();
  }

  destroy(): void {
    if (this.closed) return;
    this.#controller.error(new Error('The stream was cut off.')); // changes nothing once all has been read
    this.#finish();
  }

  #finish(): void {
    if (this.closed) return;
    this.closed = true;
    this.#forget();
    this.onClose?.();
  }
}
