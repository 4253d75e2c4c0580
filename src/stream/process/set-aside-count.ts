/**
 * The number of settlements that are set aside in the store is kept for whoever watches. Only a look at every stream
 * tells, so the number is that of the last look of this process (`stats`, the bound `setAsideMost`, the walk over all
 * streams), and what it has done since. One that another replica has looked after is forgotten here: a stale number is
 * worse than none.
 */
import type { StreamObserver } from '../interfaces/observer.js';

export class SetAsideCount {
  readonly #observer: Pick<StreamObserver, 'settlementsSetAside'>;
  #known: number | undefined;

  constructor(observer: Pick<StreamObserver, 'settlementsSetAside'>) {
    this.#observer = observer;
  }

  /** Every stream was looked at; undefined when another replica does it. */
  counted(count: number | undefined): void {
    this.#known = count;
    this.#observer.settlementsSetAside(count);
  }

  /** This process has set one aside (1), or one is set aside no more (-1). */
  changed(by: 1 | -1): void {
    if (this.#known !== undefined) this.counted(Math.max(0, this.#known + by));
  }
}
