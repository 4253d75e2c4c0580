/** A store on which an end that wants an empty inbox, and so may be refused, waits until the test lets it go on. */
import type { JobStore } from 'generation-jobs/ports';
import { wrapStore } from 'generation-jobs/testing';

export class HeldEnds {
  /** How many are, or were, held. */
  held = 0;
  #letGo = () => {};
  readonly #gone = new Promise<void>((resolve) => {
    this.#letGo = resolve;
  });

  /** @param what waits: the call, or the answer to it */
  wrap(store: JobStore, what: 'call' | 'answer'): JobStore {
    return wrapStore(store, async ({ method, args }, perform) => {
      const [commit] = args as [{ readonly transition?: { readonly ifInboxEmpty?: boolean } } | undefined];
      if (method !== 'commit' || !commit?.transition?.ifInboxEmpty) return perform();
      if (what === 'call') await this.#hold();
      const answer = await perform();
      if (what === 'answer') await this.#hold();
      return answer;
    });
  }

  /** From now on none is held. */
  letGo(): void {
    this.#letGo();
  }

  #hold(): Promise<void> {
    this.held++;
    return this.#gone;
  }
}
