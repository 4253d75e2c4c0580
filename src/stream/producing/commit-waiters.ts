/** Those who wait until what an attempt has taken so far is committed: the calls of `flush`, in the order they came. */

interface Waiter {
  readonly sequence: number;
  readonly patch: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class CommitWaiters {
  #waiters: Waiter[] = [];

  get isEmpty(): boolean {
    return this.#waiters.length === 0;
  }

  /** Resolves when the log has reached the sequence, and the record the patch. Rejects with what `fail` is given. */
  add(sequence: number, patch: number): Promise<void> {
    return new Promise((resolve, reject) => this.#waiters.push({ sequence, patch, resolve, reject }));
  }

  settle(sequence: number, patch: number): void {
    while (this.#waiters[0] && this.#waiters[0].sequence <= sequence && this.#waiters[0].patch <= patch)
      this.#waiters.shift()?.resolve();
  }

  fail(reason: unknown): void {
    for (const { reject } of this.#waiters.splice(0)) reject(reason);
  }
}
