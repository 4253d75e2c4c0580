/**
 * The names of conversations and runs, checked where they come in; and a store as one run sees it.
 */
import { z } from 'zod';
import { GenerationJobError } from '../errors.js';
import { having } from '../stream/model/host-values.js';
import { isIdText, isStreamId } from '../stream/model/stream-key.js';
import { parseStrictly } from '../stream/model/strict.js';
import type {
  RunTranscripts,
  TranscriptConversation,
  TranscriptRun,
  TranscriptStore,
} from './transcript-store.js';

const idText = (most: number) =>
  z.custom<string>((value) => isIdText(value, most), `must have 1 to ${most} well-formed characters`);
const conversation = {
  tenantId: z.custom<string>(isStreamId, 'must be 1 to 128 characters of A-Z a-z 0-9 _ . ~ -').optional(),
  agentId: idText(256),
  conversationId: idText(1024),
} satisfies Record<keyof TranscriptConversation, z.ZodType>;
const runSchema = z.strictObject({
  ...conversation,
  runId: idText(256).optional(),
  startedAt: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional(),
} satisfies Record<keyof TranscriptRun, z.ZodType>);
const storeSchema = having('a TranscriptStore', 'latest', 'save', 'clear');

/**
 * Returns the transcripts of a conversation as one of its runs sees them. Without `runId` nothing can be saved: so a host
 * reads or clears a conversation whose worker is away.
 *
 * @throws GenerationJobError `invalid_argument`
 * @example
 * await clearTranscripts(transcriptsOf(store, { agentId: 'helper', conversationId: 'c-1' }));
 */
export function transcriptsOf(
  store: TranscriptStore,
  of: TranscriptConversation & Partial<TranscriptRun>,
): RunTranscripts {
  parseStrictly('invalid_argument', storeSchema, store, 'store');
  const { runId, startedAt, ...place } = parseStrictly('invalid_argument', runSchema, of, 'run');
  return {
    latest: (signal) => store.latest(place, signal),
    save: async (bytes, options) => {
      if (runId === undefined)
        throw new GenerationJobError('invalid_argument', 'runId is missing: no run saves this transcript.');
      return store.save({ ...place, runId, startedAt }, bytes.read(), options);
    },
    clear: (signal) => store.clear(place, signal),
  };
}
