/**
 * Which replicas there are and how they fare.
 *
 * States of a replica
 * - `well`    says so itself. Gets new requests, in turn.
 * - `unwell`  answers, but says that others should be asked (it is stopping, or its store is away). Gets new requests only
 *             when none is well.
 * - `dead`    refuses connections, or leaves a look at its health unanswered. Gets nothing, and what it had open is cut, so
 *             that whoever followed through it goes on elsewhere.
 *
 * Every replica is looked at again and again, dead ones too: one that answers again is taken back.
 */
export interface ReplicaAddress {
  readonly name: string;
  readonly port: number;
}

type Health = 'well' | 'unwell' | 'dead';

interface Replica extends ReplicaAddress {
  health: Health;
  isLookedAt: boolean;
  /** Each cuts one exchange that goes through this replica. */
  readonly open: Set<() => void>;
}

const SECOND = 1000;
const LOOK_EVERY_MS = SECOND;
/** Longer than a replica waits for its store before it says that it is away. */
const ANSWER_MS = 5 * SECOND;

export class ReplicaPool {
  readonly #replicas: readonly Replica[];
  readonly #stopped = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #turn = 0;

  constructor(addresses: readonly ReplicaAddress[]) {
    this.#replicas = addresses.map((address) => ({
      ...address,
      health: 'well',
      isLookedAt: false,
      open: new Set(),
    }));
    this.#timer = setInterval(() => this.#lookAtAll(), LOOK_EVERY_MS);
  }

  /** The names of those that answer. */
  get alive(): readonly string[] {
    return this.#replicas.filter(({ health }) => health !== 'dead').map(({ name }) => name);
  }

  /** The wanted one if it answers, or else the next; nothing when all that answer were tried. */
  choose(wanted: string | undefined, tried: ReadonlySet<string>): ReplicaAddress | undefined {
    const left = this.#replicas.filter(({ name, health }) => health !== 'dead' && !tried.has(name));
    const pinned = left.find(({ name }) => name === wanted);
    if (pinned) return pinned;
    const well = left.filter(({ health }) => health === 'well');
    const candidates = well.length > 0 ? well : left;
    return candidates[this.#turn++ % candidates.length];
  }

  /** Has `cut` called if the replica dies before the returned function is. */
  enter({ name }: ReplicaAddress, cut: () => void): () => void {
    const { open } = this.#find(name);
    open.add(cut);
    return () => open.delete(cut);
  }

  /** It is known to be dead. */
  drop(name: string): void {
    this.#become(this.#find(name), 'dead');
  }

  /** Something went wrong with it that may be the request's fault: it is asked at once. */
  suspect(name: string): void {
    void this.#look(this.#find(name));
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#stopped.abort();
  }

  #find(name: string): Replica {
    const replica = this.#replicas.find((one) => one.name === name);
    if (!replica) throw new Error(`there is no replica ${name}`);
    return replica;
  }

  #lookAtAll(): void {
    for (const replica of this.#replicas) void this.#look(replica);
  }

  async #look(replica: Replica): Promise<void> {
    // Two at once could answer in the wrong order.
    if (replica.isLookedAt) return;
    replica.isLookedAt = true;
    const signal = AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(ANSWER_MS)]);
    try {
      const response = await fetch(`http://127.0.0.1:${replica.port}/healthz`, { signal });
      await response.body?.cancel();
      this.#become(replica, response.ok ? 'well' : 'unwell');
    } catch {
      if (!this.#stopped.signal.aborted) this.#become(replica, 'dead');
    } finally {
      replica.isLookedAt = false;
    }
  }

  #become(replica: Replica, health: Health): void {
    replica.health = health;
    if (health !== 'dead') return;
    for (const cut of [...replica.open]) cut();
  }
}
