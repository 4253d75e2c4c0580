/**
 * The content of the current generation, folded on in the page from where a `sync` left it: the same model as the
 * server's, by its shape alone. The rules are those of the server's own fold, so both come to the same.
 */
import { reportUncaught } from './uncaught.js';

/** The part of a content model that folds; every `ContentModel` has it. */
export interface ContentFold<Content = unknown> {
  /** Returns the content before the first event, a new object each time. */
  initial(): Content;
  /** Returns the content after one more event; it may change what it is given. */
  fold(
    content: Content,
    event: { readonly event: string; readonly data: unknown; readonly sequence: number },
  ): Content;
  /** Returns what is left when another producer starts the answer over. Default: `initial()`. */
  restart?(content: Content): Content;
}

const ENDS: ReadonlySet<string> = new Set(['completed', 'failed', 'aborted']);

/** Says whether an event of this name ends its generation. */
export function isEnd(event: string): boolean {
  return ENDS.has(event);
}

export class FollowedContent {
  readonly #model: ContentFold | undefined;
  /** Undefined while nobody knows what came before the place. */
  #content: unknown;

  constructor(model: ContentFold | undefined) {
    this.#model = model;
  }

  get content(): unknown {
    return this.#content;
  }

  /** Takes the content of a `sync`; a copy, since a fold may change it and the event is the host's. */
  replace(content: unknown): void {
    this.#content = content === null || content === undefined ? undefined : structuredClone(content);
  }

  /** Forgets it: events are missing that only a `sync` can make up for. */
  forget(): void {
    this.#content = undefined;
  }

  /** Folds an event of the log. A model that fails is the host's to mend: without the event the content would be another. */
  add(event: string, data: unknown, sequence: number): void {
    if (this.#model === undefined || isEnd(event)) return;
    try {
      this.#fold(this.#model, event, data, sequence);
    } catch (error) {
      this.#content = undefined;
      reportUncaught(error);
    }
  }

  #fold(model: ContentFold, event: string, data: unknown, sequence: number): void {
    if (event === 'created') this.#content = model.initial();
    if (this.#content === undefined) return;
    if (event === 'recovered' && (data as { restart?: unknown } | null)?.restart === true)
      this.#content = model.restart?.(this.#content) ?? model.initial();
    this.#content = model.fold(this.#content, { event, data, sequence });
  }
}
