/**
 * Transcripts in the memory of this process, for tests and for a single one that needs nothing after its end.
 */
import { handOutMethods, NO_MANAGER } from '../../stream/process/handed-out.js';
import { type Bytes, Measure, until } from '../bytes.js';
import type {
  ConversationState,
  SaveResult,
  StoredTranscript,
  TranscriptConversation,
  TranscriptRun,
  TranscriptStore,
} from '../transcript-store.js';
import { latestFirst, parseStoreOptions, type TranscriptStoreOptions } from './store-options.js';

interface Kept {
  clears: number;
  readonly runs: Map<string, StoredTranscript>;
}

/**
 * Makes a store in memory. Conversations are kept, or their counts of clearings, as long as the store.
 * @throws GenerationJobError `invalid_options`
 */
export function createMemoryTranscripts(options: TranscriptStoreOptions = {}): TranscriptStore {
  return new MemoryTranscripts(options);
}

class MemoryTranscripts implements TranscriptStore {
  static {
    handOutMethods(MemoryTranscripts.prototype, ['latest', 'save', 'clear'], () => NO_MANAGER);
  }

  readonly #conversations = new Map<string, Kept>();
  readonly #options: ReturnType<typeof parseStoreOptions>;

  constructor(options: TranscriptStoreOptions) {
    this.#options = parseStoreOptions(options);
  }

  async latest(conversation: TranscriptConversation, signal: AbortSignal): Promise<ConversationState> {
    signal.throwIfAborted();
    const { clears, runs } = this.#of(conversation);
    const [latest = null] = [...runs.values()].sort(latestFirst);
    return { clears, latest };
  }

  async save(
    run: TranscriptRun,
    bytes: Bytes,
    { clears, signal }: { readonly clears?: number | undefined; readonly signal: AbortSignal },
  ): Promise<SaveResult> {
    const { clock, keepRuns } = this.#options;
    const { runId, startedAt = clock.now() } = run;
    const kept = this.#of(run);
    const since = clears ?? kept.clears;
    const pieces: Uint8Array[] = [];
    const measure = new Measure();
    const settled = () => {
      signal.throwIfAborted();
      if (kept.clears !== since) return 'cleared';
      return kept.runs.has(runId) ? 'already_saved' : undefined;
    };
    const before = settled();
    if (before) return before;
    for await (const piece of until(bytes, signal)) {
      // A copy: whoever reads may fill the same memory again.
      pieces.push(Uint8Array.from(piece));
      measure.add(piece);
    }
    const after = settled();
    if (after) return after;
    if (measure.size === 0) return 'nothing';
    const about = { runId, startedAt, savedAt: clock.now(), size: measure.size, sha256: measure.sha256() };
    kept.runs.set(runId, { ...about, read: () => copiesOf(pieces) });
    for (const old of [...kept.runs.values()].sort(latestFirst).slice(keepRuns)) kept.runs.delete(old.runId);
    return 'saved';
  }

  async clear(conversation: TranscriptConversation, signal: AbortSignal): Promise<number> {
    signal.throwIfAborted();
    const kept = this.#of(conversation);
    kept.runs.clear();
    kept.clears++;
    return kept.clears;
  }

  #of({ tenantId = '', agentId, conversationId }: TranscriptConversation): Kept {
    const name = JSON.stringify([tenantId, agentId, conversationId]);
    const kept = this.#conversations.get(name) ?? { clears: 0, runs: new Map() };
    this.#conversations.set(name, kept);
    return kept;
  }
}

async function* copiesOf(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield Uint8Array.from(piece);
}
