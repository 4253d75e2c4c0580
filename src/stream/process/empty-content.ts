/** Says of a generation that has ended whether it came to anything worth keeping. */
import { isEarly } from '../model/access.js';
import type { ContentModels } from '../model/content-model.js';
import type { FoldedState } from '../model/fold.js';
import { isObject } from '../model/plain-values.js';
import type { JobRecord } from '../model/types.js';
import { callUnawaited, type HookReportContext, reportHook } from './host-code.js';

export interface EmptyContentContext extends HookReportContext {
  readonly models: ContentModels;
}

/**
 * Says whether nothing is worth keeping: the content model says so, or, where it can't, no event of the host was committed.
 * In doubt there is something: with a final message of the producer's own, where the log has lost events, and where the
 * model fails or answers with anything but true or false.
 * @param state the fold of the whole generation; null where it could not be had
 */
export function isEmptyContent(
  context: EmptyContentContext,
  record: JobRecord,
  state: FoldedState | null,
): boolean {
  if (record.status !== 'aborted' && hasFinal(state?.end)) return false;
  const model = record.contentModel === undefined ? undefined : context.models.get(record.contentModel);
  if (state === null || state.missing !== undefined || model?.isEmpty === undefined) return isEarly(record);
  try {
    const answer: unknown = model.isEmpty(state.content);
    if (typeof answer === 'boolean') return answer;
    callUnawaited(
      () => answer,
      () => {}, // what a promise comes to later is not asked for
    );
    throw new TypeError('isEmpty must answer true or false, and at once.');
  } catch (error) {
    reportHook(context, 'contentModel', error, record);
    return false;
  }
}

function hasFinal(end: unknown): boolean {
  if (!isObject(end)) return false;
  return end.finalOmitted === true || (end.final ?? null) !== null;
}
