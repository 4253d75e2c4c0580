/** Those that one hub wakes: its followers, which are counted, and those that wait for a change of a record, which are not. */
import type { Follower } from './hub-context.js';

export class HubFollowers {
  /** Most streams have one: a set for it would be a tenth of what an idle stream costs. */
  #first: Follower | undefined;
  #others: Set<Follower> | undefined;
  #waiting: Set<Follower> | undefined;

  /** Counts the followers. */
  get size(): number {
    return (this.#first === undefined ? 0 : 1) + (this.#others?.size ?? 0);
  }

  /** True when the hub has nobody to wake. */
  get isEmpty(): boolean {
    return this.size === 0 && this.#waiting === undefined;
  }

  add(follower: Follower): void {
    if (this.#first === undefined) this.#first = follower;
    else {
      this.#others ??= new Set();
      this.#others.add(follower);
    }
  }

  addWaiting(follower: Follower): void {
    this.#waiting ??= new Set();
    this.#waiting.add(follower);
  }

  remove(follower: Follower): void {
    if (this.#first === follower) this.#first = undefined;
    else this.#others?.delete(follower);
    if (this.#waiting?.delete(follower) && this.#waiting.size === 0) this.#waiting = undefined;
  }

  wake(): void {
    this.#each((follower) => follower.wake());
  }

  fail(error: unknown): void {
    this.#each((follower) => follower.fail(error));
  }

  /** Tells those who look at records that a generation's is at this revision. */
  seeRecord(generation: number, revision: number, changedRevision: number): void {
    this.#each((follower) => follower.seeRecord?.(generation, revision, changedRevision));
  }

  /** One that leaves meanwhile is told all the same, or not at all; it ignores it. */
  #each(tell: (follower: Follower) => void): void {
    if (this.#first !== undefined) tell(this.#first);
    if (this.#others !== undefined) for (const follower of this.#others) tell(follower);
    if (this.#waiting !== undefined) for (const follower of this.#waiting) tell(follower);
  }
}
