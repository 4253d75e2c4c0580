/** A decision that came too late. Its caller acts differently from any other refused one: it shows the outcome. */
import { GenerationJobError } from '../errors.js';
import type { Resolution } from './types.js';

/** Somebody has decided the action: `resolution` says who and what. `action_stale` when a newer action has been asked since. */
export class ActionDecidedError extends GenerationJobError {
  override readonly name = 'ActionDecidedError';
  readonly resolution: Resolution;
  /** Whether it was this caller, asking again under the same `idempotencyKey`: then all is as it was asked for. */
  readonly repeated: boolean;

  constructor(code: 'action_decided' | 'action_stale', resolution: Resolution, repeated: boolean) {
    const what = resolution.decisions.map(({ decision }) => decision).join(', ') || 'answered';
    super(code, `The action has been decided (${what}).`);
    this.resolution = resolution;
    this.repeated = repeated;
  }
}
