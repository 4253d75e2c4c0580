/** The recordings as the chunks of a UI message stream, by the provider that a recording's name begins with. */
import {
  chunksFromAnthropic,
  chunksFromChatCompletions,
  chunksFromResponses,
  type ProviderChunksOptions,
} from 'generation-jobs/ai-sdk';
import type { Recording } from '../playing/recordings.js';
import { chunksFromGoogle } from './google-chunks.js';

export interface Chunk {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** What was recorded is what the provider sent: each conversion takes what its own provider sends. */
type Conversion = (
  events: Iterable<never>,
  options: ProviderChunksOptions,
) => AsyncIterable<Chunk> | Iterable<Chunk>;

const CONVERSIONS: Readonly<Record<string, Conversion>> = {
  anthropic: chunksFromAnthropic,
  google: chunksFromGoogle,
  'openai-chat': chunksFromChatCompletions,
  'openai-responses': chunksFromResponses,
};

/** @throws Error for a recording of a provider that has no conversion · what the conversion throws */
export async function chunksOf(
  name: string,
  recording: Recording,
  options: ProviderChunksOptions = {},
): Promise<readonly Chunk[]> {
  const [provider = ''] = name.split('.');
  const conversion = CONVERSIONS[provider];
  if (!conversion) throw new Error(`there is no conversion for ${name}`);
  const chunks: Chunk[] = [];
  // The message has begun: its id was given when the answer was created.
  for await (const chunk of conversion(recording as never[], { sendStart: false, ...options }))
    chunks.push(chunk);
  return chunks;
}
