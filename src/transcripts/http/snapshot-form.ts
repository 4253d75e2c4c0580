/** The form of a transcript's requests and answers, as gateway and worker both know it. */
import { z } from 'zod';
import type { SaveResult, StoredTranscript } from '../transcript-store.js';

/** The path below the gateway's mount point. */
export const SNAPSHOT_PATH = '/transcript/snapshot';
export const SNAPSHOT_TYPE = 'application/x-ndjson';
/** Counts of clearings: of the conversation in an answer, known to the run in a request. */
export const CLEARS_HEADER = 'transcript-clears';

const number = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const about = z.object({
  'transcript-run': z.string().min(1).max(4096).transform(decoded),
  'transcript-started': number,
  'transcript-saved': number,
  'transcript-sha256': z.string().length(64),
  'content-length': number.min(1),
});
const RESULTS = ['saved', 'already_saved', 'cleared', 'nothing'] as const satisfies readonly SaveResult[];
/** The answer to a save. */
export const savedSchema = z.looseObject({ result: z.enum(RESULTS) });
/** The answer to a clearing. */
export const clearedSchema = z.looseObject({ clears: number });

function decoded(text: string, context: z.RefinementCtx): string {
  try {
    return decodeURIComponent(text);
  } catch {
    context.addIssue({ code: 'custom', message: 'must be percent-encoded' });
    return z.NEVER;
  }
}

export type AboutTranscript = Omit<StoredTranscript, 'read'>;

/** Makes the headers that say what a transcript is; a run id may hold what a header can't, so it is percent-encoded. */
export function headersOf({
  runId,
  startedAt,
  savedAt,
  sha256,
  size,
}: AboutTranscript): Record<string, string> {
  return {
    'content-type': SNAPSHOT_TYPE,
    'content-length': String(size),
    'transcript-run': encodeURIComponent(runId),
    'transcript-started': String(startedAt),
    'transcript-saved': String(savedAt),
    'transcript-sha256': sha256,
  };
}

/** Reads those headers; undefined when they are none. */
export function aboutIn(headers: Headers): AboutTranscript | undefined {
  const { success, data } = about.safeParse(Object.fromEntries(headers));
  if (!success) return undefined;
  return {
    runId: data['transcript-run'],
    startedAt: data['transcript-started'],
    savedAt: data['transcript-saved'],
    sha256: data['transcript-sha256'],
    size: data['content-length'],
  };
}

/** Reads a count of clearings; undefined when there is none that is well formed. */
export function countIn(text: string | null | undefined): number | undefined {
  if (text === null || text === undefined || text === '') return undefined;
  const { data } = number.safeParse(text);
  return data;
}
