/**
 * Commits under way, over all producers of a manager: how many one node of the store is given at once, and who is next.
 * Without a bound two thousand busy producers put two thousand batches before the one event of a quiet one, in the store
 * and in this process.
 *
 * - While a node has places, and nobody waits for one, a commit is sent at once, in the turn of its emit. A producer that
 *   has begun one in this turn sends what else comes at the turn's end, unless somebody waits for it: a store that answers
 *   within the turn would be given a burst event by event.
 * - Otherwise its producer waits. Places are handed on at the end of a turn, to who has had least. A batch is made when it
 *   is sent, so what comes meanwhile goes with it.
 * - A commit that got no answer within a poll's time leaves the count, though not the producer that repeats it: what a
 *   server that is away owes must not hold up what others would answer.
 *
 * An end or a pause is counted and waits for nobody. Renewals, reads and what others commit don't come here.
 */
import type { Clock, TimerHandle } from '../../clock.js';
import type { JobStore } from '../interfaces/job-store.js';
import type { Options } from '../model/options.js';
import type { StreamKey } from '../model/types.js';
import { type Entrant, FairQueue } from './fair-queue.js';

export class CommitSeat implements Entrant {
  had = 0;
  place = -1;
  arrival = 0;
  node: StoreNode | undefined;
  /** The turn in which its last commit was sent, and when that was. */
  turn = -1;
  sentAt = 0;
  readonly key: StreamKey;
  /** Makes a batch of what there is and sends it; nothing when there is nothing, or one is under way. */
  readonly send: () => void;

  constructor(key: StreamKey, send: () => void) {
    this.key = key;
    this.send = send;
  }
}

interface StoreNode {
  /** The seats whose commits are under way, in the order in which they were sent. */
  readonly underWay: Set<CommitSeat>;
  readonly queue: FairQueue<CommitSeat>;
  /**
   * The commits begun in this turn, answered or not: a store that answers within the turn has none under way for long.
   */
  begun: number;
  /** Somebody was refused a place and still waits: nobody passes. */
  isCrowded: boolean;
}

export class CommitTurns {
  readonly #clock: Clock;
  readonly #store: Pick<JobStore, 'nodeOf'>;
  readonly #most: number;
  readonly #patienceMs: number;
  readonly #nodes = new Map<string, StoreNode>();
  #turn = 0;
  #endsTurn = false;
  #timer: TimerHandle | undefined;

  constructor(parts: { clock: Clock; store: Pick<JobStore, 'nodeOf'>; options: Options }) {
    this.#clock = parts.clock;
    this.#store = parts.store;
    this.#most = parts.options.limits.commitsUnderWay;
    this.#patienceMs = parts.options.logPollMs;
  }

  /**
   * Calls `seat.send` now, or when its turn comes.
   * @param isAwaited whether it is sent in this turn even if the seat has sent before in it
   */
  ask(seat: CommitSeat, isAwaited: boolean): void {
    if (seat.place >= 0 && (!isAwaited || seat.node?.isCrowded)) return;
    const node = this.#nodeOf(seat);
    const hasToWait = node.isCrowded || !this.#hasPlace(node);
    if (!hasToWait && (isAwaited || seat.turn !== this.#turn)) return seat.send();
    if (hasToWait) node.isCrowded = true;
    node.queue.enter(seat);
    this.#endTurnLater();
  }

  /** A commit of that many events is sent. */
  sent(seat: CommitSeat, events: number, now: number): void {
    const node = seat.node ?? this.#nodeOf(seat);
    node.queue.leave(seat);
    node.queue.charge(seat, events);
    node.underWay.add(seat);
    node.begun++;
    seat.sentAt = now;
    seat.turn = this.#turn;
    this.#endTurnLater();
  }

  /** It has been answered. */
  answered(seat: CommitSeat): void {
    if (seat.node?.underWay.delete(seat) && seat.node.isCrowded) this.#endTurnLater();
  }

  /** Its producer is over. */
  leave(seat: CommitSeat): void {
    const { node } = seat;
    node?.queue.leave(seat);
    node?.underWay.delete(seat);
    if (node?.isCrowded) this.#endTurnLater();
  }

  #nodeOf(seat: CommitSeat): StoreNode {
    const name = this.#store.nodeOf?.(seat.key) ?? '';
    let node = this.#nodes.get(name);
    if (node === undefined) {
      node = { underWay: new Set(), queue: new FairQueue(), begun: 0, isCrowded: false };
      this.#nodes.set(name, node);
    }
    if (seat.node !== node) {
      // What one node gave does not count with another.
      this.leave(seat);
      seat.had = 0;
      seat.node = node;
    }
    return node;
  }

  #hasPlace(node: StoreNode): boolean {
    if (node.begun >= this.#most) return false;
    if (node.underWay.size < this.#most) return true;
    const now = this.#clock.monotonic();
    for (const seat of node.underWay) {
      if (now - seat.sentAt < this.#patienceMs) break;
      node.underWay.delete(seat);
    }
    return node.underWay.size < this.#most;
  }

  #endTurnLater(): void {
    if (this.#endsTurn) return;
    this.#endsTurn = true;
    this.#clock.defer(() => this.#endTurn());
  }

  #endTurn(): void {
    this.#endsTurn = false;
    this.#turn++;
    let freeAt = Number.POSITIVE_INFINITY;
    for (const node of this.#nodes.values()) {
      node.begun = 0;
      while (node.queue.size > 0 && this.#hasPlace(node)) node.queue.take()?.send();
      node.isCrowded = node.queue.size > 0;
      const [oldest] = node.underWay;
      if (node.isCrowded && oldest) freeAt = Math.min(freeAt, oldest.sentAt + this.#patienceMs);
    }
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    if (freeAt === Number.POSITIVE_INFINITY) return;
    // A node that answers nothing ends no turn.
    this.#timer = this.#clock.setTimeout(
      () => this.#endTurnLater(),
      Math.max(0, freeAt - this.#clock.monotonic()),
    );
  }
}
