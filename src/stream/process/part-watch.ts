/**
 * A watch knows how the store or the transport is, by its last answer: told by those who ask it anyway, and by the
 * looks of `health`.
 *
 * unknown ──answered──► ok ──failed──► failing ──answered──► ok
 *    └──────failed───────────────────────┘
 *
 * `since` is kept for as long as a state lasts; another code is no other state.
 */
import type { Clock } from '../../clock.js';
import { asGenerationJobError } from '../../errors.js';
import type { PartHealth } from '../interfaces/operators.js';

export class PartWatch {
  readonly #clock: Clock;
  #state: PartHealth = { status: 'unknown' };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get state(): PartHealth {
    return this.#state;
  }

  answered(): void {
    if (this.#state.status !== 'ok') this.#state = { status: 'ok', since: this.#clock.now() };
  }

  /** @param at when the call was made that failed, by wall time; default now */
  failed(error: unknown, at = this.#clock.now()): void {
    const since = this.#state.status === 'failing' ? this.#state.since : at;
    this.#state = { status: 'failing', code: asGenerationJobError(error).code, since };
  }
}
