/**
 * Content by folding: the newest snapshot, then the events after it, read page by page. The record comes with the page
 * that reaches the log's end, so content, lifecycle state and cursor are true at the same moment: a pause that lands in
 * between is either in all of them or in none.
 */
import { GenerationJobError } from '../errors.js';
import type { ContentModel, ContentModels } from './content-model.js';
import { formatCursor } from './cursor.js';
import type { LogReader } from './log-reader.js';
import type { ResumeState } from './manager-types.js';
import type { Options } from './options.js';
import { isTerminalEvent } from './transitions.js';
import type {
  Hole,
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

  /** What was lost of the events up to `sequence`, and has not been given up by starting the answer over. */
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
    const data = isRead ? parsed(event.data) : null;
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

export interface FoldedState {
  readonly record: JobRecord;
  readonly content: unknown;
  readonly kept: readonly LogEvent[];
  readonly sequence: number;
  readonly end: unknown;
  /** What `content` and `kept` lack of the events they should hold: the store has lost it, or it can't be folded here. */
  readonly missing?: Hole | undefined;
  /** Text read for it: of the snapshot, and of the events after it. */
  readonly snapshotSize: number;
  readonly tailSize: number;
}

export class StateReader {
  readonly #log: LogReader;
  readonly #models: ContentModels;
  readonly #options: Options;

  constructor(log: LogReader, models: ContentModels, options: Options) {
    this.#log = log;
    this.#models = models;
    this.#options = options;
  }

  /**
   * Folds a generation (default: the current one) up to its log's end; null when it is not kept. What the log has lost is
   * left out and told in `missing`.
   */
  async read(key: StreamKey, generation?: number): Promise<FoldedState | null> {
    const { pageEvents, pageBytes } = this.#options.limits;
    let fold: Fold | undefined;
    let wanted = generation;
    let tailSize = 0;
    for (let begun = 0; begun < MOST_BEGINNINGS; ) {
      const page = await this.#log.read({
        key,
        generation: wanted,
        after: fold?.reached ?? 'snapshot',
        maxEvents: pageEvents,
        maxBytes: pageBytes,
        record: true,
      });
      if (!page.found || page.record === undefined) return null;
      // Trimmed between two pages, or rewritten by a failover: what was folded is no longer a prefix. Begin again.
      if (fold && (page.firstSequence > fold.reached + 1 || page.lastSequence < fold.reached)) {
        fold = undefined;
        tailSize = 0;
        begun++;
        continue;
      }
      wanted = page.generation;
      fold ??= new Fold(this.#modelOf(page.record), page.snapshot);
      if (page.missing) fold.skip(page.missing);
      for (const event of page.events) fold.add(event);
      tailSize += textOf(page.events);
      if (fold.reached >= page.lastSequence) {
        const { content, kept, sequence, end, startSize } = fold;
        const isUnknown = page.record.contentModel !== undefined && !fold.hasModel;
        const missing = isUnknown ? { from: 1, to: sequence } : fold.missing;
        const sizes = { snapshotSize: startSize, tailSize };
        return { record: page.record, content, kept, sequence, end, missing, ...sizes };
      }
    }
    throw new GenerationJobError('unavailable', 'The log changes faster than it can be read.');
  }

  #modelOf(record: JobRecord): ContentModel | undefined {
    return record.contentModel === undefined ? undefined : this.#models.get(record.contentModel);
  }
}

/** A log that is trimmed or rewritten this often while it is read will not be read. */
const MOST_BEGINNINGS = 16;

/** Undefined, which JSON can't say, for what is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function textOf(events: readonly LogEvent[]): number {
  let size = 0;
  for (const { data } of events) size += data.length;
  return size;
}

/** Text of the content and of the events kept with it. */
export function sizeOfSnapshot({ content, kept }: Snapshot): number {
  return content.length + textOf(kept);
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
    ...(state.missing && { missing: state.missing }),
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
