/**
 * The meaning of what a connection brings: each event once and in order, whatever connection it came by. An event of the
 * log moves the place; one that is known is dropped; one that is not the next proves a loss, and everything is asked for
 * anew by a `sync`.
 */
import type { EventSourceMessage } from 'eventsource-parser';
import { StreamClientError } from './errors.js';
import type { ContentFold } from './followed-content.js';
import { type FollowedGeneration, GenerationView } from './followed-generation.js';
import { judgeOf, placeIn } from './place.js';

/** An event for the host, with the place to go on from once it is handled. */
export interface ReadEvent {
  readonly cursor: string;
  readonly event: string;
  readonly data: unknown;
}

/** What says where a follower begins. */
export interface Beginning {
  readonly cursor?: string | undefined;
  readonly state?: { readonly cursor: string } | undefined;
  readonly resume?: boolean | undefined;
  readonly contentModel?: ContentFold | undefined;
}

export class StreamReader {
  readonly #view: GenerationView;
  #cursor: string;
  /** Whether a follower without a cursor begins with a `sync`. */
  #resume: boolean;

  constructor({ cursor, state, contentModel, resume = contentModel !== undefined }: Beginning) {
    this.#cursor = state?.cursor ?? cursor ?? '';
    this.#resume = resume;
    const place = placeIn(this.#cursor);
    this.#view = new GenerationView(contentModel, place?.generation);
    if (state !== undefined && place !== undefined) this.#view.add('sync', state, place);
  }

  /** The place after the last event; empty before the first. */
  get cursor(): string {
    return this.#cursor;
  }

  get current(): FollowedGeneration {
    return this.#view.now;
  }

  /** Says whether the generation has ended, as far as it was told. */
  get hasEnded(): boolean {
    const { status } = this.#view;
    return status === 'completed' || status === 'failed' || status === 'aborted';
  }

  /** The parameters of the request that goes on from here. */
  get query(): Readonly<Record<string, string | undefined>> {
    return {
      after: this.#cursor === '' ? undefined : this.#cursor,
      ...(this.#resume && { resume: 'true' }),
    };
  }

  /** Throws the place away, because it can't be gone on from: all there is comes by a `sync`. Says whether there was one. */
  startOver(): boolean {
    const hadPlace = this.#cursor !== '';
    this.#cursor = '';
    this.#resume = true;
    this.#view.forget();
    return hadPlace;
  }

  /**
   * Returns the event that a message tells; undefined for one that is known, and for a heartbeat.
   * @throws StreamClientError `bad_answer` for what the routes don't send, `out_of_order` when events were lost
   */
  read({ id, event, data: text }: EventSourceMessage): ReadEvent | undefined {
    if (event === undefined || event === 'heartbeat') return undefined;
    const data = parsed(text);
    if (id === undefined) {
      if (event === 'gap') this.#view.forget();
      return { cursor: this.#cursor, event, data };
    }
    const next = placeIn(id);
    if (next === undefined) throw new StreamClientError('bad_answer', 'An event has no cursor that is one.');
    const judged = event === 'sync' ? 'next' : judgeOf(placeIn(this.#cursor) ?? null, next);
    if (judged === 'known') return undefined;
    if (judged === 'beyond') {
      const after = this.#cursor === '' ? 'first' : `after ${this.#cursor}`;
      this.startOver();
      throw new StreamClientError('out_of_order', `Event ${id} came ${after}.`);
    }
    this.#cursor = id;
    this.#view.add(event, data, next);
    return { cursor: id, event, data };
  }
}

/** @throws StreamClientError `bad_answer` */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new StreamClientError('bad_answer', 'The data of an event is no JSON.', { cause });
  }
}
