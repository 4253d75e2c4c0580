/** The ends that a producer makes itself, as a commit takes them: the change of state, and the event that tells of it. */
import type { ProducerTransition } from '../interfaces/commits.js';
import type { CompleteOptions } from '../interfaces/generation-job.js';
import { toFailure } from '../model/end-reasons.js';
import type { ErrorSubject } from '../model/error-report.js';
import type { SerialisedEvent } from '../model/types.js';
import type { Parts } from '../process/parts.js';
import { endEvent } from './end-event.js';

export interface OwnEnd {
  readonly transition: ProducerTransition;
  readonly event: SerialisedEvent;
}

type EndParts = Pick<Parts, 'entropy' | 'errors' | 'hooks' | 'observer' | 'options'>;

export function completionOf(
  parts: EndParts,
  record: ErrorSubject,
  final: unknown,
  options: CompleteOptions,
): OwnEnd {
  const ifInboxEmpty = options.ifInboxEmpty || undefined;
  const transition = { name: 'complete', ifInboxEmpty, ...callOf(parts) } as const;
  return { transition, event: endEvent(parts, record, 'completed', {}, final) };
}

/** @param releasesKey whether the request may be made again under its key */
export function failureOf(
  parts: EndParts,
  record: ErrorSubject,
  given: unknown,
  { final, releasesKey }: { readonly final: unknown; readonly releasesKey: true | undefined },
): OwnEnd {
  const error = toFailure(given);
  const transition = { name: 'fail', error, releasesKey, ...callOf(parts) } as const;
  return { transition, event: endEvent(parts, record, 'failed', error, final) };
}

function callOf({ entropy, hooks }: EndParts): { readonly callId: string; readonly settles: boolean } {
  return { callId: entropy.id(), settles: hooks.settle !== undefined };
}
