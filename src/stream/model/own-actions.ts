/**
 * An action that the library asks by itself: `tool_unknown`, whether a call that an earlier attempt has begun, and nobody knows
 * the outcome of, is to be made again. It pauses the job and is decided as any other; the attempt that goes on is given what the
 * one that asked was given, so that the host's code runs as it did, and `once` goes by the decision.
 */
import { isObject } from './plain-values.js';
import type { Decision, JobRecord, Json, PendingAction, Resolution } from './types.js';

export const TOOL_UNKNOWN = 'tool_unknown';

/**
 * A release that does not know the type would go on from the action as from the host's own: having a fingerprint that no host
 * gives, it is refused there, and stays pending for a replica that knows it.
 */
export const OWN_FINGERPRINT = 'generation-jobs:tool_unknown';

/** Says whether an action is the library's own question. */
export function isOwnAction({ type }: Pick<PendingAction, 'type'>): boolean {
  return type === TOOL_UNKNOWN;
}

/** The names of actions are short: a call's id has room in one. */
const PREFIX = 'unknown-';

/** Returns the id of the action that asks about one making of a call. */
export function actionIdOf(callId: string): string {
  return `${PREFIX}${callId}`;
}

/** Returns the `resumeContext` of an own action: what the attempt that asks was itself resumed from, sealed where that is. */
export function contextOfOwn(resumed: PendingAction | undefined): Json {
  return resumed === undefined ? {} : { resumed: resumed as unknown as Json };
}

/** Returns what the attempt that asked was itself resumed from; undefined when that was nothing, or can't be read. */
export function resumedIn({ resumeContext }: PendingAction): PendingAction | undefined {
  const resumed = isObject(resumeContext) ? resumeContext.resumed : undefined;
  const { actionId, type, requests, questions } = (
    isObject(resumed) ? resumed : {}
  ) as Partial<PendingAction>;
  const isWhole =
    typeof actionId === 'string' &&
    typeof type === 'string' &&
    Array.isArray(requests) &&
    Array.isArray(questions);
  return isWhole ? (resumed as unknown as PendingAction) : undefined;
}

/** The action that the host's own code goes on from, with its resolution, and the library's own question that came since. */
export interface ResumedFrom {
  readonly action?: PendingAction | undefined;
  readonly resolution?: Resolution | undefined;
  readonly unknown?:
    | { readonly action: PendingAction; readonly resolution: Resolution | undefined }
    | undefined;
}

/** Returns the action that the host's own code goes on from, in the current attempt of a record. */
export function resumedActionOf({
  resumedAction,
}: Pick<JobRecord, 'resumedAction'>): PendingAction | undefined {
  return resumedAction && isOwnAction(resumedAction) ? resumedIn(resumedAction) : resumedAction;
}

/** Returns what the current attempt of a record goes on from. */
export function resumedFrom(record: Pick<JobRecord, 'resumedAction' | 'resolutions'>): ResumedFrom {
  const resolutionOf = (action: PendingAction | undefined) =>
    action && record.resolutions.find(({ actionId }) => actionId === action.actionId);
  const { resumedAction } = record;
  const action = resumedActionOf(record);
  const from = { action, resolution: resolutionOf(action) };
  if (resumedAction === undefined || !isOwnAction(resumedAction)) return from;
  return { ...from, unknown: { action: resumedAction, resolution: resolutionOf(resumedAction) } };
}

/** Returns what was said of the making of a call that nobody knew the outcome of; undefined when nothing was. */
export function decisionOn(resolutions: readonly Resolution[], callId: string): Decision | undefined {
  const actionId = actionIdOf(callId);
  return resolutions.find((one) => one.actionId === actionId && one.outcome === 'decided')?.decisions[0];
}
