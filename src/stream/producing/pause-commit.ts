/**
 * A pause as a commit takes it: the action checked whole and sealed, the event that tells of it, and the stream's place in the
 * due index near enough for what follows. The producer's handle makes it, and the gateway for a producer that works elsewhere.
 */
import { GenerationJobError } from '../../errors.js';
import type { PauseInput } from '../interfaces/action-input.js';
import type { ProducerTransition } from '../interfaces/commits.js';
import { noticeHeldMs } from '../model/deadlines.js';
import { serialiseLifecycle } from '../model/events.js';
import { contextOfOwn, TOOL_UNKNOWN } from '../model/own-actions.js';
import type { PendingAction, SerialisedEvent, StreamKey } from '../model/types.js';
import { boundHook } from '../process/host-code.js';
import type { Parts } from '../process/parts.js';
import { parsePause, withPayloadChecked } from './pending-action.js';

/** The generation that pauses. */
export interface PausingGeneration {
  readonly key: StreamKey;
  readonly generation: number;
  /** The ids of the actions it has had. */
  readonly earlierActions: ReadonlySet<string>;
  /** Says that the library asks by itself, and what the attempt that asks was resumed from. */
  readonly own?: { readonly resumed: PendingAction | undefined } | undefined;
}

export interface PreparedPause {
  readonly transition: ProducerTransition & { readonly action: NonNullable<ProducerTransition['action']> };
  readonly event: SerialisedEvent;
}

/**
 * Hands a pause to `commit`: in this turn where nothing has to be waited for, so that what is emitted next finds it.
 * @throws GenerationJobError `invalid_action`, `event_too_large`, `json_too_deep`, `seal_unavailable`; what the store could not
 *   do; what `commit` throws
 */
export async function preparePause<Result>(
  parts: Parts,
  { key, generation, earlierActions, own }: PausingGeneration,
  input: PauseInput,
  commit: (prepared: PreparedPause) => Promise<Result>,
): Promise<Result> {
  const { actionTypes, entropy, hooks, options, seals, store } = parts;
  let action = parsePause(input, entropy, options);
  if (own === undefined && action.type === TOOL_UNKNOWN)
    throw new GenerationJobError('invalid_action', `type: ${TOOL_UNKNOWN} is asked by \`job.once\` alone.`);
  const schema = actionTypes.get(action.type)?.payload;
  if (schema) {
    const given = action;
    action = await boundHook(parts, 'actionType', () => withPayloadChecked(given, schema, options));
  }
  if (earlierActions.has(action.actionId))
    throw new GenerationJobError('invalid_action', 'The generation has had an action of this id.');
  const { resumeContext: _, fingerprint: __, expiresInMs, ...shown } = action;
  const sealed = seals.action(action, { key, generation });
  action = sealed instanceof Promise ? await sealed : sealed;
  if (own) action = { ...action, resumeContext: contextOfOwn(own.resumed) };
  const event = serialiseLifecycle('requires_action', { action: shown }, options.limits);
  const noticeMs = hooks.onPaused === undefined ? undefined : options.settleClaimMs;
  // The lease's place in the due index is near enough unless the action expires before it; that of a notice is held.
  if (noticeMs !== undefined) {
    await store.due.nearer(key, Math.min(expiresInMs, noticeMs), noticeHeldMs(noticeMs, options));
  } else if (expiresInMs < options.leaseMs) await store.due.nearer(key, expiresInMs);
  const settles = hooks.settle !== undefined;
  return commit({ transition: { name: 'pause', callId: entropy.id(), action, noticeMs, settles }, event });
}
