/**
 * A follower is told what changes of its generation's record: notes, public metadata and what waits in the inbox, the newest
 * state and not each step.
 *
 * The record is read once a change was announced, or a page of the log names one that is newer than what was told: one
 * read, shared by all who follow the stream here. A step of the settlement alone is none. A slow reader holds one record.
 */
import type { Cursor } from '../model/cursor.js';
import { isTerminalEvent } from '../model/transitions.js';
import type { Batch, JobRecord, Json, LogEvent, Note } from '../model/types.js';

interface RecordHub {
  record(generation: number): Promise<JobRecord | null>;
}

interface Shown {
  publicMetadata(record: JobRecord): Promise<Json>;
}

/** Nothing is shown of the metadata, as without the hook. */
const NOTHING = '{}';
/** Nothing waits. */
const EMPTY = '[]';

export class RecordFollowing {
  readonly #hub: RecordHub;
  readonly #shown: Shown;
  readonly #onLooked: () => void;
  #generation = 0;
  /** The revision up to which it was told. */
  #told = 0;
  /** The newest change that was heard of. */
  #changed = 0;
  #metadata = NOTHING;
  #inbox = EMPTY;
  #looking: Promise<void> | undefined;
  #found: { readonly record: JobRecord; readonly metadata: string } | undefined;

  /** @param onLooked is called when there is something to tell, or nothing to wait for any more */
  constructor(hub: RecordHub, shown: Shown, onLooked: () => void) {
    this.#hub = hub;
    this.#shown = shown;
    this.#onLooked = onLooked;
  }

  /** Resolves when no change is being read. */
  get looked(): Promise<void> | undefined {
    return this.#looking;
  }

  /** True while a change is being read, or waits to be told. */
  get isPending(): boolean {
    return this.#looking !== undefined || this.#found !== undefined;
  }

  /** Begins a generation. @param told the revision that the follower has; 0 for none */
  begin(generation: number, told: number, changed: number): void {
    this.#generation = generation;
    this.#told = told;
    this.#changed = 0;
    this.#metadata = NOTHING;
    this.#inbox = EMPTY;
    this.#found = undefined;
    this.see(generation, changed);
  }

  /** Takes what a `sync` tells instead. */
  synced({ generation, revision, inbox }: JobRecord, metadata: unknown): void {
    const found = generation === this.#generation ? this.#found : undefined;
    this.#found = undefined;
    this.#generation = generation;
    this.#told = revision;
    this.#metadata = JSON.stringify(metadata);
    this.#inbox = JSON.stringify(inbox);
    if (found !== undefined) this.#find(found.record, found.metadata);
  }

  /** A change of the record was announced, or a page names it. */
  see(generation: number, changed: number): void {
    if (generation !== this.#generation || changed <= Math.max(this.#told, this.#changed)) return;
    this.#changed = changed;
    this.#looking ??= this.#look();
  }

  /** Says whether an end has to wait: what was changed before it is told before it. */
  holds(batch: Batch | undefined): boolean {
    return this.#looking !== undefined && isTerminalEvent(batch?.events.at(-1)?.event ?? '');
  }

  /** Returns what is new, at the follower's place; undefined when nothing is. */
  take({ generation, sequence }: Cursor): Batch | undefined {
    const found = this.#found;
    if (found === undefined || generation !== this.#generation) return undefined;
    this.#found = undefined;
    const { record, metadata } = found;
    const events = this.#newNotes(record).map(
      ({ event, data }): LogEvent => ({ event, data: JSON.stringify(data), sequence, attempt: 0 }),
    );
    if (metadata !== this.#metadata) {
      const data = `{"metadata":${metadata},"revision":${record.revision}}`;
      events.push({ event: 'updated', data, sequence, attempt: 0 });
    }
    const messages = JSON.stringify(record.inbox);
    if (messages !== this.#inbox) {
      const data = `{"messages":${messages},"revision":${record.revision}}`;
      events.push({ event: 'inbox', data, sequence, attempt: 0 });
    }
    this.#told = record.revision;
    this.#metadata = metadata;
    this.#inbox = messages;
    return { generation, events };
  }

  /** Returns the notes to tell; what was taken away is no news to whoever has been told nothing. */
  #newNotes({ notes }: JobRecord): readonly Note[] {
    return notes.filter(({ data, revision }) => revision > this.#told && (this.#told > 0 || data !== null));
  }

  async #look(): Promise<void> {
    let seen = 0;
    while (seen < this.#changed) {
      const generation = this.#generation;
      seen = this.#changed;
      try {
        const record = await this.#hub.record(generation);
        if (record === null) break;
        const metadata = JSON.stringify(await this.#shown.publicMetadata(record));
        if (generation === this.#generation) this.#find(record, metadata);
        else seen = 0;
      } catch {
        // The store is away: the next page, or the poll, names the change again.
        this.#changed = Math.min(this.#changed, this.#told);
        break;
      }
    }
    this.#looking = undefined;
    this.#onLooked();
  }

  /** Keeps what a newer record has to tell, in place of what an older one had; one that tells nothing leaves nothing to tell. */
  #find(record: JobRecord, metadata: string): void {
    if (record.revision <= this.#told) return;
    const isTold = metadata === this.#metadata && JSON.stringify(record.inbox) === this.#inbox;
    this.#found = isTold && this.#newNotes(record).length === 0 ? undefined : { record, metadata };
    if (this.#found === undefined) this.#told = record.revision;
  }
}
