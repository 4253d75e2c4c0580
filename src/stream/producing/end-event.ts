/**
 * The terminal event, and the host's final message in it. A message that can't be carried (too large, too deep, nothing
 * JSON can say) is left out and the end says so: what was finished stays finished, because whoever reads `failed` asks
 * for the answer again and pays for it twice.
 */
import { isGenerationJobError } from '../../errors.js';
import type { FinalOmission } from '../interfaces/observer.js';
import type { ErrorSubject } from '../model/error-report.js';
import { serialiseFinal, serialiseLifecycle } from '../model/events.js';
import type { SerialisedEvent } from '../model/types.js';
import type { Parts } from '../process/parts.js';

const OMISSIONS: ReadonlyMap<string, FinalOmission> = new Map([
  ['event_too_large', 'too_large'],
  ['json_too_deep', 'too_deep'],
] as const);

/**
 * @param data what the end says beside its `final`
 * @param final undefined for none
 * @throws GenerationJobError `event_too_large`, `json_too_deep`, `invalid_event` for `data`
 */
export function endEvent(
  parts: Pick<Parts, 'options' | 'observer' | 'errors'>,
  record: ErrorSubject,
  event: 'completed' | 'failed' | 'aborted',
  data: object,
  final: unknown,
): SerialisedEvent {
  const { limits } = parts.options;
  if (final === undefined) return serialiseLifecycle(event, data, limits);
  let text: string;
  try {
    text = serialiseFinal(final, limits);
  } catch (error) {
    const omission = OMISSIONS.get(isGenerationJobError(error) ? error.code : '') ?? 'no_json';
    parts.observer.finalOmitted(omission);
    const details = { omission, finalBytes: limits.finalBytes };
    parts.errors.report({ where: 'final', error, record, details });
    return serialiseLifecycle(event, { ...data, finalOmitted: true }, limits);
  }
  // The text is joined to the rest as it is: it may be large, and has been written once.
  const rest = serialiseLifecycle(event, data, limits).data.slice(0, -1);
  return { event, data: `${rest}${rest === '{' ? '' : ','}"final":${text}}` };
}
