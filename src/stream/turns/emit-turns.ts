/**
 * One turn of the event loop takes in no more than this, over all producers of a manager. A promise that is resolved
 * already lets its awaiter go on within the turn, so producers that do nothing but await `emit` would hold the process
 * for as long as they have something to say. Beyond the bound `emit` therefore waits for another turn. There a few
 * producers go on, who has had least first, and share the turn among them: fewer and longer bursts make fewer and
 * larger commits.
 *
 * A producer that does not await is counted, and can't be stopped.
 */
import type { Clock } from '../../clock.js';
import { type Entrant, FairQueue } from './fair-queue.js';

/** Smaller makes commits of fewer events; larger lets fewer producers into a turn, and each wait longer for its next. */
const BURST = 128;

export class EmitSeat implements Entrant {
  had = 0;
  place = -1;
  arrival = 0;
  /** Its turn has come. */
  readonly goOn: () => void;

  constructor(goOn: () => void) {
    this.goOn = goOn;
  }
}

export class EmitTurns {
  readonly #clock: Clock;
  readonly #turnEvents: number;
  readonly #queue = new FairQueue<EmitSeat>();
  #taken = 0;
  #endsTurn = false;

  constructor(clock: Clock, turnEvents: number) {
    this.#clock = clock;
    this.#turnEvents = turnEvents;
  }

  /** Counts what a producer has emitted. */
  count(seat: EmitSeat, events: number): void {
    this.#taken += events;
    this.#queue.charge(seat, events);
    this.#endTurnLater();
  }

  /** Says whether a producer may go on in this turn; if not, its `goOn` is called in the turn that is its own. */
  admits(seat: EmitSeat): boolean {
    if (this.#taken < this.#turnEvents) return true;
    this.#queue.enter(seat);
    this.#endTurnLater();
    return false;
  }

  leave(seat: EmitSeat): void {
    this.#queue.leave(seat);
  }

  #endTurnLater(): void {
    if (this.#endsTurn) return;
    this.#endsTurn = true;
    this.#clock.defer(() => this.#endTurn());
  }

  #endTurn(): void {
    this.#endsTurn = false;
    this.#taken = 0;
    for (let left = this.#turnEvents; left > 0 && this.#queue.size > 0; left -= BURST)
      this.#queue.take()?.goOn();
    if (this.#queue.size > 0) this.#endTurnLater();
  }
}
