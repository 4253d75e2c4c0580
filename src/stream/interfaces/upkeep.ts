/** The upkeep of one process by hand, for tests and for hosts with a schedule of their own: `manager.upkeep`. */
export interface Upkeep {
  /** Takes one look at everything that is due, and waits for all that comes of it. Never rejects. */
  sweep(): Promise<void>;
  /** Renews every lease this process holds, once. Never rejects. */
  renewLeases(): Promise<void>;
  /** Resolves when nothing runs in the background: no settlement, recovery, snapshot or poll. */
  idle(): Promise<void>;
}
