/** The wait for what becomes of a paused run: the decision, or its end. Whichever is told first stays. */
import { type EndReason, JobEndedError } from '../../errors.js';
import type { Json, Verdict } from '../../stream/model/types.js';

/** A decision as followers are told of it. */
export interface Decision extends Verdict {
  /** The action that was decided. */
  readonly actionId: string;
  /** The action's type. */
  readonly type: string;
  /** The attempt that goes on. */
  readonly attempt: number;
  /** The person who decided. */
  readonly by?: string | undefined;
  /** The answer to an action of the host's own type that takes one. */
  readonly response?: Json | undefined;
}

type Outcome = { readonly decision: Decision } | { readonly ended: EndReason };

export class DecisionWait {
  #outcome: Outcome | undefined;
  #waiters: (() => void)[] = [];

  /** Looks at an event of the run's life. */
  take(event: string, data: Readonly<Record<string, unknown>>): void {
    if (event === 'resumed') this.#settle({ decision: data as unknown as Decision });
    else if (event === 'aborted')
      this.end(data.code === 'expired' || data.code === 'replaced' ? data.code : 'aborted');
    else if (event === 'completed' || event === 'failed') this.end(event);
    else if (event === 'gone') this.end('gone');
  }

  /** The run is over. */
  end(reason: EndReason): void {
    this.#settle({ ended: reason });
  }

  /**
   * Resolves with the decision after which an attempt goes on.
   * @throws JobEndedError when the run ends instead · the reason of `signal`
   */
  async after(attempt: number, signal: AbortSignal): Promise<Decision> {
    while (this.#outcome === undefined) {
      signal.throwIfAborted();
      await new Promise<void>((resolve) => {
        const finish = () => {
          signal.removeEventListener('abort', finish);
          resolve();
        };
        this.#waiters.push(finish);
        signal.addEventListener('abort', finish, { once: true });
      });
    }
    if ('ended' in this.#outcome) throw new JobEndedError(this.#outcome.ended);
    if (this.#outcome.decision.attempt <= attempt) throw new JobEndedError('fenced');
    return this.#outcome.decision;
  }

  #settle(outcome: Outcome): void {
    this.#outcome ??= outcome;
    for (const resolve of this.#waiters.splice(0)) resolve();
  }
}
