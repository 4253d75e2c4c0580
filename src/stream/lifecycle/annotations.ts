/**
 * An annotation is what belongs to a generation and comes from anywhere: a title that a second model has made, an id that is
 * known once the message is saved. It is written to the record, of any kept generation, without a word to the producer.
 */
import { GenerationJobError, isGenerationJobError } from '../../errors.js';
import type { AnnotationCommit, Refusal } from '../interfaces/commits.js';
import type { AnnotateInput } from '../interfaces/manager-types.js';
import type { AnnotationResult } from '../interfaces/observer.js';
import { isOwnedBy } from '../model/access.js';
import { serialiseMetadata } from '../model/events.js';
import { serialiseNotes } from '../model/notes.js';
import type { JobRecord, StreamKey } from '../model/types.js';
import { publishFrames } from '../process/frames.js';
import type { Parts } from '../process/parts.js';
import { repeatUntilAnswered } from '../process/repeat.js';

type AnnotatorParts = Pick<
  Parts,
  'store' | 'transport' | 'options' | 'clock' | 'entropy' | 'observer' | 'seals' | 'feed'
>;

/** @throws GenerationJobError what `manager.annotate` throws */
export async function annotate(
  parts: AnnotatorParts,
  key: StreamKey,
  input: AnnotateInput,
): Promise<JobRecord> {
  try {
    const record = await write(parts, key, input);
    parts.observer.annotated('written');
    return record;
  } catch (error) {
    parts.observer.annotated(resultOf(error));
    throw error;
  }
}

async function write(parts: AnnotatorParts, key: StreamKey, input: AnnotateInput): Promise<JobRecord> {
  const { store, options, clock, entropy, seals } = parts;
  const { metadataBytes, notes: most, notesBytes } = options.limits;
  const bounds = { metadataBytes, notes: most, notesBytes };
  const patch = serialiseMetadata(input.metadata ?? {}, options.limits);
  const notes = serialiseNotes(input.notes ?? [], options.limits);
  const [record] = await store.read(key, input.generation ?? 'current');
  if (record === undefined || !isOwnedBy(record, input)) throw notFound();
  const { generation } = record;
  const metadata = await seals.metadata(patch, { key, createId: record.createId });
  const commit: AnnotationCommit = {
    writer: 'annotator',
    key,
    generation,
    callId: entropy.id(),
    metadata,
    notes,
    bounds,
  };
  // As long as a producer's commit is made again: nobody else waits for this one.
  const until = clock.monotonic() + options.leaseMs;
  const reply = await repeatUntilAnswered(parts, () => store.commit(commit), until);
  if (!reply.ok) throw refusalError(reply.refusal, bounds);
  publishFrames(parts, reply.frames);
  const annotated = reply.record ?? record;
  if (notes.some(({ key }) => key === options.feedTitle)) parts.feed.renameSoon(key, annotated);
  return annotated;
}

function notFound(): GenerationJobError {
  return new GenerationJobError('stream_not_found', 'There is no such stream or generation.');
}

function refusalError(refusal: Refusal, bounds: AnnotationCommit['bounds']): GenerationJobError {
  if (refusal === 'metadata')
    return new GenerationJobError('metadata_too_large', `Metadata exceeds ${bounds.metadataBytes} bytes.`);
  if (refusal !== 'notes') return notFound();
  const message = `The notes exceed ${bounds.notes}, or ${bounds.notesBytes} bytes.`;
  return new GenerationJobError('notes_limit', message);
}

function resultOf(error: unknown): AnnotationResult {
  if (isGenerationJobError(error, 'stream_not_found')) return 'not_found';
  const isTooLarge =
    isGenerationJobError(error, 'metadata_too_large') || isGenerationJobError(error, 'notes_limit');
  return isTooLarge ? 'too_large' : 'failed';
}
