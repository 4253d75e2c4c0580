/** What the events tell of the generation that is followed: enough to show it, to stop it, and to decide what it asks. */
import type { Cursor } from '../stream/model/cursor.js';
import type { JobStatus, PublicAction } from '../stream/model/types.js';
import { type ContentFold, FollowedContent, isEnd } from './followed-content.js';

type Fields = Readonly<Record<string, unknown>>;

/** The generation that is followed, as far as its events have come. */
export interface FollowedGeneration<Content = unknown> {
  /** The generation; undefined before the first event. */
  readonly generation: number | undefined;
  /** The status; undefined before the first event, and after a `gap` until the `sync`. */
  readonly status: JobStatus | undefined;
  /** The action that waits for a decision; null when none does. */
  readonly pendingAction: PublicAction | null;
  /** The data of the end; undefined before it. */
  readonly end: unknown;
  /**
   * The content; undefined without a content model, and while events are missing. The model may change it in place: copy
   * it to keep it.
   */
  readonly content: Content | undefined;
}

export class GenerationView {
  readonly #content: FollowedContent;
  #generation: number | undefined;
  #status: JobStatus | undefined;
  #pendingAction: PublicAction | null = null;
  #end: unknown;

  /** @param generation the one that the following begins in; undefined when nobody knows */
  constructor(model: ContentFold | undefined, generation: number | undefined) {
    this.#content = new FollowedContent(model);
    this.#generation = generation;
  }

  get status(): JobStatus | undefined {
    return this.#status;
  }

  /** Makes the view as it is now. */
  get now(): FollowedGeneration {
    return {
      generation: this.#generation,
      status: this.#status,
      pendingAction: this.#pendingAction,
      end: this.#end,
      content: this.#content.content,
    };
  }

  /** Takes an event of the log, or a `sync`, at its place. */
  add(event: string, data: unknown, { generation, sequence }: Cursor): void {
    this.#generation = generation;
    if (event === 'sync') this.#replace(data as Fields);
    else {
      this.#note(event, data as Fields | null);
      this.#content.add(event, data, sequence);
    }
  }

  /** Forgets what it shows: a `sync` follows. */
  forget(): void {
    this.#content.forget();
    this.#status = undefined;
    this.#pendingAction = null;
    this.#end = undefined;
  }

  #replace({ status, pendingAction, end, content }: Fields): void {
    this.#content.replace(content);
    this.#status = status as JobStatus;
    this.#pendingAction = (pendingAction ?? null) as PublicAction | null;
    this.#end = end ?? undefined;
  }

  #note(event: string, data: Fields | null): void {
    switch (event) {
      case 'created':
      case 'resumed':
      case 'recovered':
        this.#status = 'running';
        this.#pendingAction = null;
        if (event === 'created') this.#end = undefined;
        return;
      case 'requires_action':
        this.#status = event;
        this.#pendingAction = (data?.action ?? null) as PublicAction | null;
        return;
      default:
        if (isEnd(event)) {
          this.#status = event as JobStatus;
          this.#pendingAction = null;
          this.#end = data ?? undefined;
        } else this.#status ??= 'running';
    }
  }
}
