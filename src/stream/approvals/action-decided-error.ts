/** A decision that came too late. Its caller acts differently from any other refused one: it shows the outcome. */
import { GenerationJobError, JobEndedError } from '../../errors.js';
import type { Resolution } from '../model/types.js';

/** Somebody has decided the action: `resolution` says who and what. `action_stale` when a newer action has been asked since. */
export class ActionDecidedError extends GenerationJobError {
  /** The name of the class, as every error has one. */
  override readonly name = 'ActionDecidedError';
  /** Says how the action ended: who decided what, and when. */
  readonly resolution: Resolution;
  /**
   * True when it was this caller, saying the same again under the same `idempotencyKey`: all is as it was asked for.
   */
  readonly repeated: boolean;

  constructor(code: 'action_decided' | 'action_stale', resolution: Resolution, repeated: boolean) {
    const what = resolution.decisions.map(({ decision }) => decision).join(', ') || 'answered';
    super(code, `The action has been decided (${what}).`);
    this.resolution = resolution;
    this.repeated = repeated;
  }
}

/**
 * Says whether the decision that `resolve` was asked to make stands all the same: it was made before, by the same call,
 * or it was made and its attempt is over already.
 */
export function isDecidedAsSaid(error: unknown): boolean {
  return error instanceof JobEndedError || (error instanceof ActionDecidedError && error.repeated);
}
