/** A session that is reset: what its runs have saved goes, and what one of them is still saving never comes. */
import { z } from 'zod';
import { type Clock, SECOND, systemClock } from '../clock.js';
import { parseStrictly } from '../stream/model/strict.js';
import { handOut, NO_MANAGER } from '../stream/process/handed-out.js';
import { BOUNDS } from './hydrate.js';
import type { RunTranscripts } from './transcript-store.js';
import { within } from './within.js';

export interface ClearOptions {
  /** The longest time it may take (ms). Default 30 s. */
  readonly withinMs?: number | undefined;
  /** Gives up when it fires, with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** The clock of the bound. Default: the system's. */
  readonly clock?: Clock | undefined;
}

const CLEAR_MS = 30 * SECOND;
const { withinMs, signal, clock } = BOUNDS;
const optionsSchema = z.strictObject({ withinMs, signal, clock } satisfies Record<
  keyof ClearOptions,
  z.ZodType
>);

/**
 * Clears the transcripts of a conversation, of that one alone, as often as one likes. A worker clears its own
 * (`remoteTranscripts`); a host any, without a token and with no worker there (`transcriptsOf`).
 *
 * @returns the number of times it has been cleared now, for the `clears` of a run that goes on
 * @throws GenerationJobError `transcript_timeout`, `unavailable`, `invalid_options`, and those of the gateway
 * @example
 * await clearTranscripts(transcriptsOf(store, { tenantId, agentId: 'helper', conversationId: 'c-1' }));
 */
export function clearTranscripts(
  transcripts: RunTranscripts,
  options: ClearOptions = {},
): Promise<{ readonly clears: number }> {
  return handOut(NO_MANAGER, 'clearTranscripts', () => clear(transcripts, options));
}

async function clear(
  transcripts: RunTranscripts,
  options: ClearOptions,
): Promise<{ readonly clears: number }> {
  parseStrictly('invalid_options', optionsSchema, options, 'options');
  const { withinMs = CLEAR_MS, clock = systemClock, signal } = options;
  const clears = await within({ what: 'clearTranscripts', withinMs, clock, signal }, (over) =>
    transcripts.clear(over),
  );
  return { clears };
}
