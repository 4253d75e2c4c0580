/**
 * Hints tell each replica that a producer has left, so that one of them takes over at once instead of with its next sweep. Who of
 * several comes first is left to chance: each looks within a moment of its own, for each stream another one, so that what a
 * leaving replica had is spread over those that stay, and most of them find it taken. Nothing rests on a hint: what is given
 * up is due, and found by every sweep.
 */
import type { TimerHandle } from '../../clock.js';
import type { StreamKey } from '../model/types.js';
import type { Parts } from '../process/parts.js';

/** The longest time before a look, so that others may come first (ms): longer and people notice, shorter and all come at once. */
const SPREAD_MS = 100;
/** Streams are looked at together that are due to it within this time (ms): one list of what is due serves all of them. */
const TOGETHER_MS = 20;

type HintParts = Pick<Parts, 'clock' | 'entropy' | 'hooks' | 'options' | 'background'>;

interface Hint {
  readonly key: StreamKey;
  /** The time to look, on the monotonic clock. */
  readonly at: number;
}

export class HandOverHints {
  readonly #parts: HintParts;
  readonly #visit: (keys: readonly StreamKey[]) => Promise<unknown>;
  readonly #hints = new Map<string, Hint>();
  #timer: TimerHandle | undefined;
  #isStopped = false;

  /** @param visit looks at streams now, if they are due; never rejects */
  constructor(parts: HintParts, visit: (keys: readonly StreamKey[]) => Promise<unknown>) {
    this.#parts = parts;
    this.#visit = visit;
  }

  /** Hears that a stream's producer has left. More than a sweep has places for are left to the sweeps. */
  heard(key: StreamKey): void {
    const { clock, entropy, hooks, options } = this.#parts;
    // A replica that can't go on has no business there.
    if (this.#isStopped || hooks.recover === undefined) return;
    if (this.#hints.has(key.id) || this.#hints.size >= options.sweepStreams) return;
    this.#hints.set(key.id, { key, at: clock.monotonic() + entropy.random() * SPREAD_MS });
    this.#timer ??= clock.setTimeout(() => this.#look(), TOGETHER_MS);
  }

  stop(): void {
    this.#isStopped = true;
    this.#hints.clear();
    this.#parts.clock.clearTimeout(this.#timer);
  }

  #look(): void {
    const { clock, background } = this.#parts;
    const now = clock.monotonic();
    const due = [...this.#hints.values()].filter(({ at }) => at <= now);
    for (const { key } of due) this.#hints.delete(key.id);
    this.#timer = this.#hints.size > 0 ? clock.setTimeout(() => this.#look(), TOGETHER_MS) : undefined;
    if (due.length > 0) background.run(this.#visit(due.map(({ key }) => key)));
  }
}
