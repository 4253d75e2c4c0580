/**
 * Content by folding: the newest snapshot, then the events after it, read page by page. The record comes with the page
 * that reaches the log's end, so content, lifecycle state and cursor are true at the same moment: a pause that lands in
 * between is either in all of them or in none.
 */
import { GenerationJobError } from '../errors.js';
import type { ContentModel, ContentModels } from './content-model.js';
import { formatCursor } from './cursor.js';
import type { JobStore, LogPage } from './interfaces/job-store.js';
import type { ResumeState } from './manager-types.js';
import type { StreamObserver } from './observer.js';
import type { Options } from './options.js';
import { isTerminalEvent } from './transitions.js';
import type {
  JobRecord,
  Json,
  LogEvent,
  PendingAction,
  PublicAction,
  SerialisedEvent,
  Snapshot,
  StreamKey,
} from './types.js';

/** A fold in progress; its owner feeds it every event of a generation once, in order. */
export class Fold {
  readonly #model: ContentModel | undefined;
  #content: unknown;
  #kept = new Map<string, LogEvent>();
  #sequence = 0;
  #reached = 0;
  #end: unknown = null;

  constructor(model: ContentModel | undefined, snapshot?: Snapshot) {
    this.#model = model;
    this.#content = model === undefined ? null : snapshot ? JSON.parse(snapshot.content) : model.initial();
    this.#sequence = snapshot?.sequence ?? 0;
    this.#reached = this.#sequence;
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

  get hasModel(): boolean {
    return this.#model !== undefined;
  }

  add(event: LogEvent): void {
    this.#reached = event.sequence;
    if (isTerminalEvent(event.event)) {
      this.#end = JSON.parse(event.data);
      return;
    }
    this.#sequence = event.sequence;
    if (event.keep !== undefined) {
      this.#kept.delete(event.keep);
      if (event.data !== 'null') this.#kept.set(event.keep, event);
    }
    const model = this.#model;
    const isRecovery = event.event === 'recovered';
    if (model === undefined && !isRecovery) return;
    const data: unknown = JSON.parse(event.data);
    try {
      this.#foldEvent(event, data, isRecovery);
    } catch (cause) {
      throw new GenerationJobError('internal', 'A content model failed.', { cause });
    }
  }

  #foldEvent(event: LogEvent, data: unknown, isRecovery: boolean): void {
    const model = this.#model;
    if (isRecovery && (data as { restart?: boolean }).restart === true) {
      this.#kept.clear();
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
    return { sequence: this.#sequence, content: JSON.stringify(this.#content ?? null), kept: this.kept };
  }
}

export interface FoldedState {
  readonly record: JobRecord;
  readonly content: unknown;
  readonly kept: readonly LogEvent[];
  readonly sequence: number;
  readonly end: unknown;
  /** How much text was read for it. */
  readonly bytes: number;
}

export class StateReader {
  readonly #store: JobStore;
  readonly #models: ContentModels;
  readonly #options: Options;
  readonly #observer: StreamObserver;

  constructor(store: JobStore, models: ContentModels, options: Options, observer: StreamObserver) {
    this.#store = store;
    this.#models = models;
    this.#options = options;
    this.#observer = observer;
  }

  /** Folds a generation (default: the current one) up to its log's end; null when it is not kept. */
  async read(key: StreamKey, generation?: number): Promise<FoldedState | null> {
    const { pageEvents, pageBytes } = this.#options.limits;
    let fold: Fold | undefined;
    let wanted = generation;
    let bytes = 0;
    for (;;) {
      const page: LogPage = await this.#store.readLog({
        key,
        generation: wanted,
        after: fold?.reached ?? 'snapshot',
        maxEvents: pageEvents,
        maxBytes: pageBytes,
        record: true,
      });
      this.#observer.logRead();
      if (!page.found || page.record === undefined) return null;
      // Trimmed between two pages, or rewritten by a failover: what was folded is no longer a prefix. Begin again.
      if (fold && (page.firstSequence > fold.reached + 1 || page.lastSequence < fold.reached))
        fold = undefined;
      else {
        wanted = page.generation;
        fold ??= new Fold(this.#modelOf(page.record), page.snapshot);
        const before = fold.reached;
        bytes += page.snapshot?.content.length ?? 0;
        for (const event of page.events) {
          fold.add(event);
          bytes += event.data.length;
        }
        if (fold.reached === before && before < page.lastSequence && page.snapshot === undefined) {
          throw new GenerationJobError(
            'unavailable',
            'The store gave a page without the events it speaks of.',
          );
        }
        if (fold.reached >= page.lastSequence) {
          const { content, kept, sequence, end } = fold;
          return { record: page.record, content, kept, sequence, end, bytes };
        }
      }
    }
  }

  #modelOf(record: JobRecord): ContentModel | undefined {
    return record.contentModel === undefined ? undefined : this.#models.get(record.contentModel);
  }
}

export function publicAction(action: PendingAction): PublicAction {
  const { resumeContext: _, fingerprint: __, ...shown } = action;
  return shown;
}

/** What the host's own code may see. */
export function resumeState(state: FoldedState): ResumeState {
  const { record } = state;
  return {
    streamId: record.streamId,
    generation: record.generation,
    status: record.status,
    cursor: formatCursor(record.generation, state.sequence),
    content: state.content,
    pendingAction: record.pendingAction ? publicAction(record.pendingAction) : null,
    ...(record.conversationId !== undefined && { conversationId: record.conversationId }),
    metadata: record.metadata,
    usage: record.usage,
    kept: state.kept.map((event) => ({
      event: event.event,
      data: JSON.parse(event.data),
      cursor: formatCursor(record.generation, event.sequence),
    })),
    createdAt: record.createdAt,
    ...(record.endedAt !== undefined && { endedAt: record.endedAt }),
    end: state.end,
  };
}

/** What clients see: the same, with only what the host shows of its metadata. */
export async function publicState(
  state: FoldedState,
  publicMetadata: (record: JobRecord) => Promise<Json>,
): Promise<Omit<ResumeState, 'metadata'> & { metadata: Json }> {
  return { ...resumeState(state), metadata: await publicMetadata(state.record) };
}
