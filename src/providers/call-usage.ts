/**
 * The tokens of a call go under the counters that the agent bridge reports as well, whichever provider it was: `input_tokens` are
 * all tokens the model has read, those from a cache included, `output_tokens` all it has written, reasoning included.
 */
import { isIdText } from '../stream/model/stream-key.js';
import type { UsageInput, UsageLabels } from '../stream/model/types.js';

/** Characters of a label. */
const LONGEST_LABEL = 256;

export interface TokenCounts {
  readonly input: number;
  readonly output: number;
  /** The part of the input that was read from a cache, and the part that was written to one. */
  readonly cacheRead?: number | undefined;
  readonly cacheCreation?: number | undefined;
  /** The part of the output that is reasoning. */
  readonly reasoning?: number | undefined;
  /** Counts of anything but tokens, such as web searches, by name. */
  readonly others?: Readonly<Record<string, number>> | undefined;
}

export function usageOf(counts: TokenCounts, model: unknown, labels: UsageLabels): UsageInput {
  const { input, output, cacheRead, cacheCreation, reasoning, others } = counts;
  return {
    ...{ kind: 'model', ...(isIdText(model, LONGEST_LABEL) && { model }), ...labels },
    ...{ input_tokens: input, output_tokens: output, total_tokens: input + output },
    input_token_details: { cache_read: cacheRead, cache_creation: cacheCreation },
    output_token_details: { reasoning },
    ...others,
  };
}

/** Returns a count of tokens; undefined for what is none. */
export function countOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined;
}
