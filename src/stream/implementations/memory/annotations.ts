/**
 * A generation's record in memory has this beside its lifecycle: metadata and notes as text, and how often they and the
 * record changed without an event. The rules of an annotation stand in redis-lua/annotate.lua, too.
 */
import type { AnnotationBounds, AnnotationCommit } from '../../interfaces/commits.js';
import type { Note, SerialisedNote } from '../../model/types.js';

/** The annotations whose repeats are known. */
const REMEMBERED_CALLS = 16;

interface WrittenNote extends SerialisedNote {
  readonly revision: number;
}

type Texts = Readonly<Record<string, string>>;
type Notes = ReadonlyMap<string, WrittenNote>;

export class InMemoryAnnotations {
  #metadata: ReadonlyMap<string, string>;
  /** The notes by key, in the order they were written. */
  #notes: Notes = new Map();
  #calls: readonly string[] = [];
  /** Counts the changes of the record that no event tells, those of its settlement excepted. */
  changes = 0;
  /** The record's revision at the last change of metadata or notes. */
  changedRevision = 0;

  constructor(metadata: Texts) {
    this.#metadata = new Map(Object.entries(metadata));
  }

  metadata(): Record<string, unknown> {
    return Object.fromEntries([...this.#metadata].map(([key, text]) => [key, JSON.parse(text)]));
  }

  notes(): Note[] {
    return [...this.#notes.values()].map(({ data, ...note }) => ({ ...note, data: JSON.parse(data) }));
  }

  /** @param settlementRevision the settlement's, which counts in the record's */
  patch(metadata: Texts, settlementRevision: number): void {
    this.#metadata = new Map([...this.#metadata, ...Object.entries(metadata)]);
    this.raise(settlementRevision);
  }

  /** Says what became of it: refused, written, or nothing to write. */
  annotate(commit: AnnotationCommit, settlementRevision: number): 'metadata' | 'notes' | boolean {
    if (this.#calls.includes(commit.callId)) return false;
    const metadata = Object.entries(commit.metadata).filter(
      ([key, text]) => this.#metadata.get(key) !== text,
    );
    const notes = commit.notes.filter((note) => !isSame(note, this.#notes.get(note.key)));
    if (metadata.length === 0 && notes.length === 0) return false;
    const patched = new Map([...this.#metadata, ...metadata]);
    const written = new Map(this.#notes);
    const revision = this.changes + settlementRevision + 1;
    for (const note of notes) {
      written.delete(note.key);
      written.set(note.key, { ...note, revision });
    }
    const { bounds } = commit;
    const bytes = bytesOf(patched);
    if (bytes > bounds.metadataBytes && bytes > bytesOf(this.#metadata)) return 'metadata';
    if (isBeyond(sizeOf(written), sizeOf(this.#notes), bounds)) return 'notes';
    this.#metadata = patched;
    this.#notes = withoutOldest(written, bounds.notes);
    this.#calls = [...this.#calls, commit.callId].slice(-REMEMBERED_CALLS);
    this.raise(settlementRevision);
    return true;
  }

  /** Counts a change that followers look at: of metadata, notes or the inbox. */
  raise(settlementRevision: number): void {
    this.changes++;
    this.changedRevision = this.changes + settlementRevision;
  }
}

/** Says whether it stands so already: what is not there need not be taken away. */
function isSame({ event, data }: SerialisedNote, known: WrittenNote | undefined): boolean {
  return known === undefined ? data === 'null' : known.event === event && known.data === data;
}

function bytesOf(metadata: ReadonlyMap<string, string>): number {
  let bytes = 0;
  for (const [key, text] of metadata) bytes += Buffer.byteLength(key) + Buffer.byteLength(text);
  return bytes;
}

/** Counts the notes that stand. */
function sizeOf(notes: Notes): { count: number; bytes: number } {
  const standing = [...notes.values()].filter(({ data }) => data !== 'null');
  let bytes = 0;
  for (const { key, event, data } of standing)
    bytes += Buffer.byteLength(key) + Buffer.byteLength(event) + Buffer.byteLength(data);
  return { count: standing.length, bytes };
}

type Size = ReturnType<typeof sizeOf>;

function isBeyond(size: Size, before: Size, bounds: AnnotationBounds): boolean {
  const isTooMany = size.count > bounds.notes && size.count > before.count;
  return isTooMany || (size.bytes > bounds.notesBytes && size.bytes > before.bytes);
}

/** Forgets those that were taken away longest ago, while there are more than `most` of all. */
function withoutOldest(notes: Map<string, WrittenNote>, most: number): Notes {
  for (const [key, { data }] of notes) {
    if (notes.size <= most) break;
    if (data === 'null') notes.delete(key);
  }
  return notes;
}
