/**
 * A run's transcripts, through the gateway. The token says whose they are and which store keeps them; the record says whether the
 * attempt is still the run's, and whether it has completed. Requests and answers are streams, so they are no `RouteRequest`.
 */
import { GenerationJobError } from '../../errors.js';
import { reportError } from '../../http/replies.js';
import { streamKey } from '../../stream/model/stream-key.js';
import type { JobRecord } from '../../stream/model/types.js';
import type { Internals } from '../../stream/process/internals.js';
import type { Bytes } from '../../transcripts/bytes.js';
import {
  answerSnapshot,
  namedStore,
  type SnapshotReply,
  type SnapshotRequest,
} from '../../transcripts/http/snapshot-route.js';
import type { RunTranscripts } from '../../transcripts/transcript-store.js';
import { transcriptsOf } from '../../transcripts/transcripts-of.js';
import type { GatewayOptions } from './gateway-options.js';
import type { VerifiedRun } from './run-tokens.js';

export class TranscriptRoute {
  readonly #internals: Internals;
  readonly #options: GatewayOptions;

  constructor(internals: Internals, options: GatewayOptions) {
    this.#internals = internals;
    this.#options = options;
  }

  /**
   * @param onSent is called when the answer is made, or its bytes have been sent or given up; not when this throws
   * @throws GenerationJobError `stream_not_found`, `fenced` for an attempt that has been replaced, `transcripts_not_kept`, and those
   *   of `answerSnapshot`
   */
  async answer(request: SnapshotRequest, run: VerifiedRun, onSent: () => void): Promise<SnapshotReply> {
    const record = await this.#read(run);
    if (record === undefined)
      throw new GenerationJobError('stream_not_found', 'The run is not kept any more.');
    if (record.attempt !== run.attempt)
      throw new GenerationJobError('fenced', 'Another attempt makes this run by now.');
    const { transcriptBytes: maxBytes } = this.#options;
    const access = {
      transcripts: this.#transcriptsOf(run, record),
      isCompleted: async () => (await this.#read(run))?.status === 'completed',
    };
    const { clock } = this.#internals;
    const reply = await answerSnapshot(request, access, { maxBytes, clock });
    const { body, over } = reply;
    if (body === null || typeof body === 'string') onSent();
    over?.addEventListener('abort', onSent, { once: true });
    return body === null || typeof body === 'string'
      ? reply
      : { ...reply, body: this.#watched(body, onSent) };
  }

  #read({ streamId, tenantId, generation }: VerifiedRun): Promise<JobRecord | undefined> {
    return this.#internals.remote.read({ key: streamKey(streamId, tenantId), generation });
  }

  /** Returns null when the run keeps none: its token names no store, or it is of no conversation. */
  #transcriptsOf(run: VerifiedRun, { createdAt: startedAt }: JobRecord): RunTranscripts | null {
    const store = namedStore(this.#options.transcripts ?? {}, run.transcripts);
    const { tenantId, agentId, conversationId, streamId, generation } = run;
    if (store === null || !conversationId) return null;
    const runId = `${streamId}/${generation}`;
    return transcriptsOf(store, { tenantId, agentId, conversationId, runId, startedAt });
  }

  /** Tells the host of bytes that fail when the answer has begun: the worker sees only that it breaks off. */
  async *#watched(bytes: Bytes, onSent: () => void): AsyncGenerator<Uint8Array> {
    try {
      yield* bytes;
    } catch (error) {
      reportError(error, 'transcript', this.#internals.errors);
      throw error;
    } finally {
      onSent();
    }
  }
}
