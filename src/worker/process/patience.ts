/**
 * The two times for which an agent is borne: without any output, and still being there after its last line. Neither counts
 * while it could not be heard: while a person is asked, and while what it has said can't be taken.
 */
import { systemClock } from '../../clock.js';

export interface PatienceInput {
  readonly silenceMs: number;
  readonly graceMs: number;
  /** Says whether its silence means nothing now. */
  readonly isExcused: () => boolean;
  readonly onOver: (why: 'silence' | 'lingering') => void;
}

export class Patience {
  readonly #input: PatienceInput;
  /** The time the agent was last heard, on the monotonic clock. */
  heardAt = systemClock.monotonic();
  #silence: unknown;
  #lingering: unknown;
  #isOver = false;

  constructor(input: PatienceInput) {
    this.#input = input;
    this.#look();
  }

  /** Notes that the agent has been heard, or can be heard again. */
  heard(): void {
    this.heardAt = systemClock.monotonic();
  }

  /** Gives an agent that has said its last line the grace time to go; false: it goes on after all. */
  isDone(isDone: boolean): void {
    systemClock.clearTimeout(this.#lingering);
    if (isDone && !this.#isOver) this.#linger();
  }

  end(): void {
    this.#isOver = true;
    systemClock.clearTimeout(this.#silence);
    systemClock.clearTimeout(this.#lingering);
  }

  #linger(): void {
    const { graceMs, isExcused, onOver } = this.#input;
    this.#lingering = systemClock.setTimeout(
      () => (isExcused() ? this.#linger() : onOver('lingering')),
      graceMs,
    );
  }

  #look(): void {
    const { silenceMs, isExcused, onOver } = this.#input;
    if (isExcused()) this.heard();
    const left = silenceMs - (systemClock.monotonic() - this.heardAt);
    if (left <= 0) return onOver('silence');
    this.#silence = systemClock.setTimeout(() => this.#look(), left);
  }
}
