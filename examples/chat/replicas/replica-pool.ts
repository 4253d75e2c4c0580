/**
 * Which replicas there are and how they fare.
 *
 * States of a replica
 * - `well`    says so itself. Gets new requests, in turn.
 * - `unwell`  answers, but says that others should be asked (it is stopping, or its store is away). Gets new requests only
 *             when none is well.
 * - `leaving` is told to stop. Gets nothing new; what it has open ends by itself. The next of its name takes its place.
 * - `dead`    refuses connections, or leaves a look at its health unanswered. Gets nothing, and what it had open is cut, so
 *             that whoever followed through it goes on elsewhere.
 *
 * Every replica is looked at again and again, dead ones too: one that answers again is taken back.
 */
export interface ReplicaAddress {
  readonly name: string;
  readonly port: number;
}

type Health = 'well' | 'unwell' | 'leaving' | 'dead';

interface Replica extends ReplicaAddress {
  port: number;
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
    return this.#replicas.filter(isThere).map(({ name }) => name);
  }

  /** The wanted one if it answers, or else the next; nothing when all that answer were tried. */
  choose(wanted: string | undefined, tried: ReadonlySet<number>): ReplicaAddress | undefined {
    const left = this.#replicas.filter((replica) => isThere(replica) && !tried.has(replica.port));
    const pinned = left.find(({ name }) => name === wanted);
    if (pinned) return addressOf(pinned);
    const well = left.filter(({ health }) => health === 'well');
    const candidates = well.length > 0 ? well : left;
    const next = candidates[this.#turn++ % candidates.length];
    return next && addressOf(next);
  }

  /** Has `cut` called if the replica dies before the returned function is. */
  enter({ name }: ReplicaAddress, cut: () => void): () => void {
    const { open } = this.#find(name);
    open.add(cut);
    return () => open.delete(cut);
  }

  /** Its process has ended. */
  ended(name: string): void {
    this.#become(this.#find(name), 'dead');
  }

  /** It refuses connections, unless the next of its name has come meanwhile. */
  drop({ name, port }: ReplicaAddress): void {
    const replica = this.#find(name);
    if (replica.port === port) this.#become(replica, 'dead');
  }

  /** It is about to be told to stop: others are asked from now on. */
  leave(name: string): void {
    this.#find(name).health = 'leaving';
  }

  /** The next one of this name is there. */
  come({ name, port }: ReplicaAddress): void {
    Object.assign(this.#find(name), { port, health: 'well' });
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
    // Two at once could answer in the wrong order; how one fares that leaves is known.
    if (replica.isLookedAt || replica.health === 'leaving') return;
    replica.isLookedAt = true;
    const { port } = replica;
    const signal = AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(ANSWER_MS)]);
    try {
      const response = await fetch(`http://127.0.0.1:${port}/healthz`, { signal });
      await response.body?.cancel();
      this.#learn(replica, port, response.ok ? 'well' : 'unwell');
    } catch {
      if (!this.#stopped.signal.aborted) this.#learn(replica, port, 'dead');
    } finally {
      replica.isLookedAt = false;
    }
  }

  /** What was asked before it began to leave is no news, of it or of the next of its name. */
  #learn(replica: Replica, port: number, health: Health): void {
    if (replica.health !== 'leaving' && replica.port === port) this.#become(replica, health);
  }

  #become(replica: Replica, health: Health): void {
    replica.health = health;
    if (health !== 'dead') return;
    for (const cut of [...replica.open]) cut();
  }
}

/** The address as it is now: the next of the name has another port. */
function addressOf({ name, port }: Replica): ReplicaAddress {
  return { name, port };
}

/** Says whether new requests may be sent to it. */
function isThere({ health }: Replica): boolean {
  return health === 'well' || health === 'unwell';
}
