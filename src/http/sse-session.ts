/**
 * One reader of one stream: moves what its subscription has into its sink, as fast as the sink takes it and no faster.
 * A delivery makes no promise, no timer and no copy: the subscription is read synchronously, the text of a batch is
 * shared by all its readers, and time is counted in ticks of a timer they share.
 *
 * States
 * - `streaming`  everything readable has been written; a wake-up of the subscription writes more. A heartbeat is sent when
 *                nothing else was for a heartbeat.
 * - `blocked`    the sink is full: nothing is read, so nothing piles up here; wake-ups are ignored, the log waits. Leaves
 *                to `streaming` when the sink drains, to `finishing` when it has not for the stall time, or when the
 *                process drains.
 * - `finishing`  the response has been ended and flushes. Entered when the subscription has closed and what it had was
 *                written, when access was refused, or when the reader stalled. Everything but ticks is ignored; a
 *                reader that does not take the rest in time is cut off.
 * - `closed`     the connection is over. Nothing leaves it.
 *
 * A response ends as a whole one after an end, `gone`, a drain, or when access was refused; anything else, and an end in
 * the middle of a batch, breaks it off.
 *
 * A full sink holds at most its own high-water mark and one slice, so a reader that never reads costs no more than that.
 */
import type { BatchReader } from '../stream/interfaces/batch-reader.js';
import type { DetachResult } from '../stream/interfaces/observer.js';
import { STREAM_HEADERS } from './replies.js';
import type { Reply } from './route-types.js';
import type { SessionTicker, Ticking } from './session-ticker.js';
import { encodeBatch, encodeComment, encodeEvent, encodeRetry, inChunk } from './sse-encoder.js';
import type { SseSink } from './sse-sink.js';
import type { Wire } from './sse-wire.js';
import type { Heartbeat } from './stream-query.js';

/** The sessions of a router share this. */
export interface SessionContext {
  readonly ticker: SessionTicker;
  readonly heartbeatTicks: number;
  readonly recheckTicks: number;
  readonly stallTicks: number;
  /** A reader may leave so much unread in this process, in bytes. */
  readonly readerBytes: number;
  readonly retryMs: number;
  readonly random: () => number;
  /** Is told what a subscription or a re-check threw. */
  readonly onError: (error: unknown) => void;
}

/** Larger writes hold more for a reader that does not read; smaller ones cost a system call each. UTF-16 units. */
const SLICE = 16 * 1024;
/** All readers come back at once after a drain: within this time, elsewhere. */
const LEAST_DRAIN_RETRY_MS = 100;
const DRAIN_RETRY_SPREAD_MS = 900;
/** The wire of PROTOCOL.md, by the way a heartbeat comes in; it is the same for all readers. */
const NATIVE = {
  comment: nativeWire(encodeComment('heartbeat')),
  /** It has no id: it is no place to come back to. */
  event: nativeWire(encodeEvent(undefined, 'heartbeat', '{}')),
} satisfies Record<Heartbeat, Wire>;
/** The ticks that a reader that is not waited for has for what was written last; at least one whole. */
const HASTY_TICKS = 2;

export class SseSession implements Ticking {
  readonly #subscription: BatchReader;
  readonly #sink: SseSink;
  readonly #context: SessionContext;
  readonly #mayRead: () => Promise<boolean>;
  readonly #wire: Wire;
  #state: 'streaming' | 'blocked' | 'finishing' | 'closed' = 'streaming';
  /** Text of which the part from `#sent` has yet to be written; empty when none has. */
  #text = '';
  #sent = 0;
  /** Ticks since the last write, since the sink was full, or until a finishing reader is cut off. */
  #ticks = 0;
  #ticksToRecheck: number;
  #rechecking = false;

  /** `mayRead` asks again whether the reader may read the stream; `wire` is what it reads, or how its heartbeat comes. */
  constructor(
    subscription: BatchReader,
    sink: SseSink,
    context: SessionContext,
    mayRead: () => Promise<boolean>,
    wire: Heartbeat | Wire = 'comment',
  ) {
    this.#subscription = subscription;
    this.#sink = sink;
    this.#context = context;
    this.#mayRead = mayRead;
    this.#wire = typeof wire === 'string' ? NATIVE[wire] : wire;
    // Readers that came together, after a deployment say, are not re-checked together.
    this.#ticksToRecheck = 1 + Math.floor(context.random() * context.recheckTicks);
  }

  /** Begins to write, `preamble` first. */
  start(preamble = ''): void {
    const { ticker } = this.#context;
    this.#subscription.onReadable = this.#pump;
    this.#sink.onDrain = this.#resume;
    this.#sink.onClose = this.#leave;
    if (this.#sink.closed) {
      this.#leave();
      return;
    }
    ticker.add(this);
    if (this.#send(this.#framed(this.#wire.opening(this.#context) + preamble))) this.#pump();
  }

  /** Is called by the shared timer. */
  tick(): void {
    if (this.#state === 'closed') return;
    if (this.#state === 'finishing') {
      if (--this.#ticks <= 0) this.#sink.destroy();
      return;
    }
    this.#ticks++;
    if (this.#isStalled()) this.#stop('detached');
    else {
      if (this.#state === 'streaming' && this.#ticks >= this.#context.heartbeatTicks) {
        this.#send(this.#framed(this.#wire.heartbeat));
      }
      if (--this.#ticksToRecheck <= 0) this.#recheck();
    }
  }

  /**
   * Says whether the reader has stalled. It is over its budget only when the host gave its sockets a high-water mark above
   * it.
   */
  #isStalled(): boolean {
    const { stallTicks, readerBytes } = this.#context;
    return (this.#state === 'blocked' && this.#ticks > stallTicks) || this.#sink.bufferedBytes > readerBytes;
  }

  readonly #pump = () => {
    if (this.#state === 'blocked') return this.#stopIfDraining();
    if (this.#state !== 'streaming') return;
    const [reader, wire] = [this.#subscription, this.#wire];
    try {
      while (wire.isOver !== true) {
        const batch = reader.read();
        if (batch === null) break;
        if (!this.#send(wire.encode(batch, this.#sink.isChunked))) return;
      }
    } catch (error) {
      this.#context.onError(error);
      return this.#stop('failed');
    }
    const reason = wire.endedBy === undefined ? reader.closedBy : wire.endedBy(reader);
    if (reason !== undefined) this.#stop(reason);
  };

  #framed(text: string): string {
    return this.#sink.isChunked ? inChunk(text) : text;
  }

  /** Writes a framed text, in slices if need be; says whether the sink takes more. */
  #send(text: string): boolean {
    this.#ticks = 0;
    if (text.length <= SLICE) {
      if (this.#write(text)) return true;
    } else {
      this.#text = text;
      this.#sent = 0;
      if (this.#sendSlices()) return true;
    }
    if (this.#state === 'streaming') this.#state = 'blocked';
    return false;
  }

  /** Writes what is left of `#text`; says whether the sink takes more. */
  #sendSlices(): boolean {
    let takesMore = true;
    while (takesMore && this.#sent < this.#text.length) {
      let end = Math.min(this.#sent + SLICE, this.#text.length);
      if (endsInsideCharacter(this.#text, end)) end--;
      const slice = this.#text.slice(this.#sent, end);
      this.#sent = end;
      takesMore = this.#write(slice);
    }
    if (this.#sent >= this.#text.length) this.#text = '';
    return takesMore;
  }

  /** A host's own `write` may throw: that is the end of this reader, and of nobody else. */
  #write(text: string): boolean {
    try {
      return this.#sink.write(text);
    } catch (error) {
      this.#context.onError(error);
      this.#sink.destroy();
      return false;
    }
  }

  #end(isWhole: boolean): void {
    try {
      this.#sink.end(isWhole);
    } catch (error) {
      this.#context.onError(error);
      this.#sink.destroy();
    }
  }

  readonly #resume = () => {
    if (this.#state !== 'blocked') return;
    this.#ticks = 0;
    if (this.#text !== '' && !this.#sendSlices()) return;
    this.#state = 'streaming';
    this.#pump();
  };

  /** A draining process does not wait for the reader: it goes on elsewhere from where it is. */
  #stopIfDraining(): void {
    if (this.#subscription.closedBy === 'draining') this.#stop('draining');
  }

  /** Ends the response. Closes the subscription if it is not the one that ended it. */
  #stop(reason: DetachResult): void {
    const complete = reason === 'ended' || reason === 'gone';
    this.#state = 'finishing';
    this.#ticks = complete ? this.#context.stallTicks : HASTY_TICKS;
    this.#subscription.detach(reason);
    // In the middle of an event any more text would become part of it; without a blank line a parser drops it.
    const isCut = this.#text !== '';
    this.#text = '';
    const { text, isWhole } = this.#wire.farewell(reason, this.#context);
    if (!isCut && text !== '') this.#write(this.#framed(text));
    this.#end(!isCut && isWhole);
  }

  readonly #leave = () => {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#text = '';
    this.#subscription.onReadable = undefined;
    this.#subscription.detach('left');
    this.#context.ticker.remove(this);
  };

  /** Asks again for access. No answer by the time of the next question is a refusal. */
  #recheck(): void {
    this.#ticksToRecheck = this.#context.recheckTicks;
    if (this.#rechecking) {
      this.#stop('left');
      return;
    }
    this.#rechecking = true;
    this.#mayRead().then(
      (mayRead) => {
        this.#rechecking = false;
        if (!mayRead) this.#refuse();
      },
      (error: unknown) => {
        this.#context.onError(error);
        this.#refuse();
      },
    );
  }

  #refuse(): void {
    if (this.#state === 'streaming' || this.#state === 'blocked') this.#stop('left');
  }
}

function nativeWire(heartbeat: string): Wire {
  return {
    heartbeat,
    opening: ({ retryMs, random }) => encodeRetry(retryMs * (0.5 + random())),
    encode: encodeBatch,
    farewell: (reason, { retryMs, random }) => {
      switch (reason) {
        case 'draining':
          return { text: farewell(random), isWhole: true };
        case 'detached':
          return { text: encodeRetry(retryMs * (0.5 + random())), isWhole: false };
        case 'failed':
          return { text: '', isWhole: false };
        case 'ended':
        case 'gone':
        case 'left':
          return { text: '', isWhole: true };
        default:
          return reason satisfies never;
      }
    },
  };
}

/** Tells a reader of a draining process to come back soon, to another one. */
function farewell(random: () => number): string {
  return encodeRetry(LEAST_DRAIN_RETRY_MS + random() * DRAIN_RETRY_SPREAD_MS) + encodeComment('draining');
}

/**
 * Sends a reader elsewhere while this replica drains: not by an error, because a browser's EventSource gives up for good on
 * any status but 200, but by a stream that says to come back.
 */
export function elsewhere(random: () => number): Reply {
  return {
    kind: 'stream',
    status: 200,
    headers: STREAM_HEADERS,
    begin: (sink) => {
      sink.write(sink.isChunked ? inChunk(farewell(random)) : farewell(random));
      sink.end(true);
    },
  };
}

/** Says whether a cut here would part a surrogate pair, of which each half would be written as U+FFFD. */
function endsInsideCharacter(text: string, end: number): boolean {
  const last = text.charCodeAt(end - 1);
  return end < text.length && last >= 0xd800 && last <= 0xdbff;
}
