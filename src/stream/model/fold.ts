/** Content by folding: events in their order, into what a late client needs instead of them. */
import { GenerationJobError } from '../../errors.js';
import type { ContentModel } from './content-model.js';
import { parsedJson } from './plain-values.js';
import { isTerminalEvent } from './transitions.js';
import type { Hole, JobRecord, LogEvent, SerialisedEvent, Snapshot } from './types.js';

/** A fold in progress; its owner feeds it every event of a generation once, in order. */
export class Fold {
  readonly #model: ContentModel | undefined;
  #content: unknown;
  #kept = new Map<string, LogEvent>();
  #sequence = 0;
  #reached = 0;
  #end: unknown = null;
  #missing: Hole | undefined;
  /** Text of the content and the kept events it began with. */
  readonly startSize: number;

  constructor(model: ContentModel | undefined, snapshot?: Snapshot) {
    this.#model = model;
    this.#content = model === undefined ? null : snapshot ? JSON.parse(snapshot.content) : model.initial();
    this.#sequence = snapshot?.sequence ?? 0;
    this.#reached = this.#sequence;
    this.#missing = snapshot?.missing;
    this.startSize = snapshot === undefined ? 0 : sizeOfSnapshot(snapshot);
    for (const event of snapshot?.kept ?? []) this.#kept.set(event.keep ?? event.event, event);
  }

  get content(): unknown {
    return this.#content;
  }

  /** The place the content is true at: never that of a terminal event, so who goes on from it still gets the end. */
  get sequence(): number {
    return this.#sequence;
  }

  /** The last event seen, a terminal one included. */
  get reached(): number {
    return this.#reached;
  }

  get kept(): readonly LogEvent[] {
    return [...this.#kept.values()];
  }

  /** The terminal event's data, once it has been folded. */
  get end(): unknown {
    return this.#end;
  }

  /** Returns what was lost of the events up to `sequence`, and has not been given up by starting the answer over. */
  get missing(): Hole | undefined {
    return this.#missing;
  }

  get hasModel(): boolean {
    return this.#model !== undefined;
  }

  add(event: LogEvent): void {
    const { sequence } = event;
    const isEnd = isTerminalEvent(event.event);
    const isRecovery = event.event === 'recovered';
    const isRead = isEnd || isRecovery || this.#model !== undefined;
    const data = isRead ? parsedJson(event.data) : null;
    // What nobody can read is as good as lost.
    if (data === undefined) return this.skip({ from: sequence, to: sequence });
    this.#reached = sequence;
    if (isEnd) {
      this.#end = data;
      return;
    }
    this.#sequence = sequence;
    if (event.keep !== undefined) {
      this.#kept.delete(event.keep);
      if (event.data !== 'null') this.#kept.set(event.keep, event);
    }
    if (!isRead) return;
    try {
      this.#foldEvent(event, data, isRecovery);
    } catch (cause) {
      throw new GenerationJobError('internal', 'A content model failed.', { cause });
    }
  }

  /**
   * Goes on behind events that are lost. When the terminal one is among them, who goes on from here has nothing more to
   * get, and the end is known from the record alone.
   */
  skip({ from, to }: Hole): void {
    this.#missing = { from: this.#missing?.from ?? from, to };
    this.#sequence = to;
    this.#reached = to;
  }

  #foldEvent(event: LogEvent, data: unknown, isRecovery: boolean): void {
    const model = this.#model;
    if (isRecovery && (data as { restart?: boolean }).restart === true) {
      this.#kept.clear();
      // What is given up is missed no more, but for what a restart may keep.
      const keepsBeginning = model?.restart !== undefined && this.#missing?.from === 1;
      this.#missing = keepsBeginning ? { from: 1, to: 1 } : undefined;
      this.#content = model ? (model.restart?.(this.#content) ?? model.initial()) : null;
    }
    if (model === undefined) return;
    this.#content = model.fold(this.#content, { event: event.event, data, sequence: event.sequence });
  }

  /** The event that stands for two neighbours, if the model can merge them. */
  merge(earlier: SerialisedEvent, later: SerialisedEvent): { event: string; data: unknown } | null {
    if (this.#model?.merge === undefined) return null;
    return this.#model.merge(
      { event: earlier.event, data: JSON.parse(earlier.data) },
      { event: later.event, data: JSON.parse(later.data) },
    );
  }

  snapshot(): Snapshot {
    return {
      sequence: this.#sequence,
      content: JSON.stringify(this.#content ?? null),
      kept: this.kept,
      ...(this.#missing && { missing: this.#missing }),
    };
  }
}

/** A generation, folded up to its log's end. */
export interface FoldedState {
  readonly record: JobRecord;
  readonly content: unknown;
  readonly kept: readonly LogEvent[];
  readonly sequence: number;
  readonly end: unknown;
  /** The store's time when it was read. */
  readonly now: number;
  /** The events that `content` and `kept` lack: the store has lost them, or they can't be folded here. */
  readonly missing?: Hole | undefined;
  /** Text read for it: of the snapshot, and of the events after it. */
  readonly snapshotSize: number;
  readonly tailSize: number;
}

/** Counts the text that events hold, in UTF-16 units. */
export function textOf(events: readonly LogEvent[]): number {
  let size = 0;
  for (const { data } of events) size += data.length;
  return size;
}

/** Text of the content and of the events kept with it. */
export function sizeOfSnapshot({ content, kept }: Snapshot): number {
  return content.length + textOf(kept);
}
