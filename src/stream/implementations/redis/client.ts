/**
 * The library needs this of a Redis client, as a shape: ioredis and iovalkey fit it as they are, single, Sentinel or
 * Cluster. Nothing of a client is imported here.
 */
import { performance } from 'node:perf_hooks';
import { timerMs } from '../../../clock.js';
import { GenerationJobError } from '../../../errors.js';

/** Commands are sent by name, so that no client's typings tie us to its version. */
export interface RedisClient {
  /** `ready` when commands can be sent. */
  readonly status: string;
  /** Sends a command. */
  call(command: string, ...args: (string | number)[]): Promise<unknown>;
  /** Runs a script by its digest. */
  evalsha(sha: string, keys: number, ...args: (string | number)[]): Promise<unknown>;
  /** Runs a script by its text. */
  eval(script: string, keys: number, ...args: (string | number)[]): Promise<unknown>;
  /** Connects, where the client does not by itself. */
  connect?(): Promise<void>;
  /** Makes another client of the same settings, for subscriptions. */
  duplicate(...args: unknown[]): RedisClient;
  /** Subscribes to channels. */
  subscribe(...channels: string[]): Promise<unknown>;
  /** Leaves channels. */
  unsubscribe(...channels: string[]): Promise<unknown>;
  /** Subscribes to channels of a shard of the cluster. */
  ssubscribe?(...channels: string[]): Promise<unknown>;
  /** Leaves channels of a shard of the cluster. */
  sunsubscribe?(...channels: string[]): Promise<unknown>;
  /** Adds a listener. */
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  /** Removes a listener. */
  off(event: string, listener: (...args: unknown[]) => void): unknown;
  /** Ends the connection at once. */
  disconnect(reconnect?: boolean): void;
  /** Ends the connection when all is answered. */
  quit(): Promise<unknown>;
  /** The settings it was made with. */
  readonly options?: RedisClientOptions | undefined;
  /** The connection's socket, once there is one: what is written while it is corked leaves in one piece. */
  readonly stream?: { cork(): void; uncork(): void } | undefined;
  /** A cluster client lists its nodes. */
  nodes?(role?: string): RedisClient[];
  /** A cluster client keeps, for each hash slot, the names of its nodes, the primary first. */
  readonly slots?: readonly (readonly string[] | undefined)[] | undefined;
}

/** The settings of a client that this library looks at. */
export interface RedisClientOptions {
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly path?: string | undefined;
  readonly name?: string | undefined;
  readonly sentinels?: readonly { readonly host?: string; readonly port?: number }[] | null | undefined;
  readonly keyPrefix?: string | undefined;
  readonly stringNumbers?: boolean | undefined;
  readonly replyMapping?: string | undefined;
  readonly monitor?: boolean | undefined;
  readonly failoverDetector?: boolean | undefined;
  readonly retryStrategy?: ((times: number) => unknown) | null | undefined;
  readonly clusterRetryStrategy?: ((times: number) => unknown) | null | undefined;
  readonly scaleReads?: unknown;
  readonly shardedSubscribers?: boolean | undefined;
  /** The options of a cluster client for the connections to its nodes. */
  readonly redisOptions?: RedisClientOptions | undefined;
}

export function isCluster(client: RedisClient): boolean {
  return typeof client.nodes === 'function';
}

/** Says whether frames can travel within their shard instead of over the whole cluster's bus. */
export function canSubscribeToShards(client: RedisClient): boolean {
  return (
    isCluster(client) &&
    client.options?.shardedSubscribers === true &&
    typeof client.ssubscribe === 'function'
  );
}

/**
 * A connection for listening, on which nothing may be asked and stay without an answer for longer than the limit: the
 * client then breaks it and connects anew. What is asked while it connects waits for it, whatever the client it is made
 * from does.
 */
export function duplicateForListening(client: RedisClient, socketTimeout: number): RedisClient {
  const waiting = { enableOfflineQueue: true };
  // The transport asks for its channels anew by itself. A client that does so leaves a refusal unhandled, which ends Node.
  const own = { maxRetriesPerRequest: null, autoResubscribe: false };
  if (!isCluster(client)) return client.duplicate({ socketTimeout, ...waiting, ...own });
  return client.duplicate([], {
    ...waiting,
    redisOptions: { ...client.options?.redisOptions, socketTimeout },
  });
}

interface Waiting {
  readonly at: number;
  readonly reject: (error: unknown) => void;
}

/**
 * Gives every answer a time limit, with one timer for all that are awaited: a timer each would cost more than the call.
 */
export class Deadlines {
  readonly #ms: number;
  readonly #waiting = new Set<Waiting>();
  #timer: NodeJS.Timeout | undefined;

  constructor(ms: number) {
    this.#ms = ms;
  }

  /** The answer, or `unavailable` when it takes longer than the limit (at most a quarter longer). */
  limit<Answer>(answer: Promise<Answer>): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { at: performance.now() + this.#ms, reject };
      this.#waiting.add(waiting);
      this.#timer ??= setInterval(() => this.#rejectOverdue(), timerMs(this.#ms / 4)).unref();
      answer.then(
        (value) => {
          this.#waiting.delete(waiting);
          resolve(value);
        },
        (error: unknown) => {
          this.#waiting.delete(waiting);
          reject(error);
        },
      );
    });
  }

  #rejectOverdue(): void {
    const now = performance.now();
    for (const waiting of this.#waiting) {
      if (waiting.at > now) break; // in the order in which they were asked
      this.#waiting.delete(waiting);
      waiting.reject(new GenerationJobError('unavailable', 'Redis did not answer in time.'));
    }
    if (this.#waiting.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
