/**
 * The meaning of what a connection brings: each event once and in order, whatever connection it came by. An event of the
 * log moves the place; one that is known is dropped; one that is not the next proves a loss, and everything is asked for
 * anew by a `sync`.
 */
import type { EventSourceMessage } from 'eventsource-parser';
import { StreamClientError } from './errors.js';
import {
  type ContentFold,
  type FollowedGeneration,
  generationAfter,
  inboxAfter,
  isEnd,
  NOTHING_KNOWN,
} from './followed-generation.js';
import { judgeOf, placeIn } from './place.js';

/** An event for the host, with the place to go on from once it is handled. */
export interface ReadEvent {
  readonly cursor: string;
  readonly event: string;
  readonly data: unknown;
}

/** The options that say where a follower begins. */
export interface Beginning {
  readonly follow?: 'generation' | 'stream' | undefined;
  readonly settled?: boolean | undefined;
  readonly queueId?: string | undefined;
  readonly cursor?: string | undefined;
  readonly state?: { readonly cursor: string } | undefined;
  readonly resume?: boolean | undefined;
  readonly contentModel?: ContentFold | undefined;
}

export class StreamReader {
  /** The place after the last event; empty before the first. */
  cursor: string;
  /** The generation, as far as it is known. */
  current: FollowedGeneration = NOTHING_KNOWN;
  readonly #model: ContentFold | undefined;
  readonly #range: Pick<Beginning, 'follow' | 'settled' | 'queueId'>;
  /** True where a follower without a cursor begins with a `sync`. */
  #resume: boolean;

  constructor(beginning: Beginning) {
    const { cursor = '', state, contentModel, resume = contentModel !== undefined } = beginning;
    this.#model = contentModel;
    this.#range = beginning;
    this.#resume = resume;
    this.cursor = cursor;
    if (state) this.#add({ cursor: state.cursor, event: 'sync', data: state });
    else this.current = { ...NOTHING_KNOWN, generation: placeIn(cursor)?.generation };
  }

  /** The parameters of the request that goes on from here. */
  get query(): Readonly<Record<string, string | undefined>> {
    const { follow, settled, queueId } = this.#range;
    return {
      ...{ follow, settled: settled ? 'true' : undefined },
      queue: this.cursor || !queueId ? undefined : encodeURIComponent(queueId),
      ...{ after: this.cursor || undefined, resume: this.#resume ? 'true' : undefined },
    };
  }

  /** Says whether nothing is left out by a response that ends here: a `sync` may be all that is left of an ended answer. */
  get hasAll(): boolean {
    const { follow, settled } = this.#range;
    return isEnd(this.current.status) && follow !== 'stream' && settled !== true;
  }

  /** Says whether nothing more comes behind an event. */
  isLast({ event }: ReadEvent): boolean {
    if (event === 'queued' && this.current.queued?.position === 0) return true;
    const { follow, settled } = this.#range;
    return follow !== 'stream' && (settled === true ? event === 'settled' : isEnd(event));
  }

  /** Throws the place away, because it can't be gone on from: all there is comes by a `sync`. Says whether there was one. */
  startOver(): boolean {
    const hadPlace = this.cursor !== '';
    this.cursor = '';
    this.#resume = true;
    this.current = NOTHING_KNOWN;
    return hadPlace;
  }

  /**
   * Returns the event that a message tells; undefined for one that is known, and for a heartbeat.
   * @throws StreamClientError `bad_answer` for what the routes don't send, `out_of_order` when events were lost
   */
  read({ id, event, data: text }: EventSourceMessage): ReadEvent | undefined {
    if (event === undefined || event === 'heartbeat') return undefined;
    const data = parsedData(text);
    if (id !== undefined) return this.#add({ cursor: id, event, data });
    if (event === 'gap') this.current = NOTHING_KNOWN;
    if (event === 'queued') this.current = { ...this.current, queued: data as FollowedGeneration['queued'] };
    if (event === 'inbox') {
      const inbox = inboxAfter(this.current.inbox, event, (data ?? {}) as Readonly<Record<string, unknown>>);
      this.current = { ...this.current, inbox };
    }
    return { cursor: this.cursor, event, data };
  }

  #add(read: ReadEvent): ReadEvent | undefined {
    const { cursor, event } = read;
    const next = placeIn(cursor);
    if (!next) throw new StreamClientError('bad_answer', `cursor ${cursor}`);
    const judged = event === 'sync' ? 'next' : judgeOf(placeIn(this.cursor), next);
    if (judged === 'known') return undefined;
    if (judged === 'beyond') {
      const error = new StreamClientError('out_of_order', `${cursor} came after ${this.cursor || 'nothing'}`);
      this.startOver();
      throw error;
    }
    this.cursor = cursor;
    this.current = generationAfter(this.current, this.#model, { ...read, ...next });
    return read;
  }
}

/** @throws StreamClientError `bad_answer` */
export function parsedData(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new StreamClientError('bad_answer', 'no JSON', { cause });
  }
}
