/**
 * A queue that serves first who has had least, and of those who have had the same, who came first. What somebody has had
 * counts from where the queue stands: who was away is served next, but has saved nothing up, so a newcomer never keeps
 * those out who have been served for hours.
 */

/** One who waits now and then. Lives as long as the one it stands for; used with one queue only. */
export interface Entrant {
  /** The service it has had, in whatever the queue's owner counts. Kept by the queue. */
  had: number;
  /** Its place in the queue; -1 while it isn't waiting. Kept by the queue. */
  place: number;
  /** The number of its arrival. Kept by the queue. */
  arrival: number;
}

/** A binary heap, so that thousands who wait cost a dozen steps each. */
export class FairQueue<Who extends Entrant> {
  readonly #heap: Who[] = [];
  /** The service that the last one served had had. */
  #floor = 0;
  #arrivals = 0;

  get size(): number {
    return this.#heap.length;
  }

  /** Counts what somebody has had; who waits falls behind by it. */
  charge(who: Who, units: number): void {
    who.had = Math.max(who.had, this.#floor) + units;
    if (who.place >= 0) this.#sink(who, who.place);
  }

  /** Lets it wait; nothing when it waits already. */
  enter(who: Who): void {
    if (who.place >= 0) return;
    who.had = Math.max(who.had, this.#floor);
    who.arrival = this.#arrivals++;
    this.#heap.push(who);
    this.#rise(who, this.#heap.length - 1);
  }

  /** Takes out who is served next. */
  take(): Who | undefined {
    const [first] = this.#heap;
    if (first === undefined) return undefined;
    this.#floor = first.had;
    this.leave(first);
    return first;
  }

  /** Waits no more, without having been served. */
  leave(who: Who): void {
    const { place } = who;
    if (place < 0) return;
    who.place = -1;
    const last = this.#heap.pop() as Who;
    if (last === who) return;
    this.#rise(last, place);
    this.#sink(last, last.place);
  }

  #rise(who: Who, from: number): void {
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const other = this.#heap[above] as Who;
      if (!isBefore(who, other)) break;
      this.#put(other, place);
      place = above;
    }
    this.#put(who, place);
  }

  #sink(who: Who, from: number): void {
    let place = from;
    for (;;) {
      let below = 2 * place + 1;
      const [left, right] = [this.#heap[below], this.#heap[below + 1]];
      if (left === undefined) break;
      if (right !== undefined && isBefore(right, left)) below++;
      const other = this.#heap[below] as Who;
      if (!isBefore(other, who)) break;
      this.#put(other, place);
      place = below;
    }
    this.#put(who, place);
  }

  #put(who: Who, place: number): void {
    this.#heap[place] = who;
    who.place = place;
  }
}

function isBefore(one: Entrant, other: Entrant): boolean {
  return one.had < other.had || (one.had === other.had && one.arrival < other.arrival);
}
