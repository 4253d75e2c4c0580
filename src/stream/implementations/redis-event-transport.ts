/**
 * Frames over Redis publish and subscribe, on a connection of its own. The store publishes inside its commits; this only
 * listens, and says when it may have missed something.
 *
 * The link
 * - is made at `start`, and made again by the client when it breaks; then every channel is asked for anew, and every
 *   listener is told that frames may have been missed
 * - is tried every `pingMs`: one that does not answer within `pingTimeoutMs` is half open, and is replaced
 * - on a cluster whose client can subscribe to shards, each channel lies on its stream's shard; else on the bus
 */
import type { ControlSignal, EventTransport, FrameListener } from '../interfaces/event-transport.js';
import type { Frame, StreamKey } from '../types.js';
import { canSubscribeToShards, Deadlines, isCluster, type RedisClient } from './redis-client.js';
import { decodeBatch } from './redis-codec.js';
import { keyOf } from './redis-indexes.js';
import { RedisKeys } from './redis-keys.js';
import { parseRedisOptions, type RedisOptions } from './redis-options.js';
import { RedisScripts } from './redis-scripts.js';

const GONE = 'gone';
/** Channels asked for in one command after a reconnect. */
const CHUNK = 100;

interface Listening {
  readonly key: StreamKey;
  /** One, unless managers share the transport; replaced when it changes. */
  listeners: readonly FrameListener[];
}

export class RedisEventTransport implements EventTransport {
  readonly kind = 'redis';
  readonly #link: RedisClient;
  readonly #sharded: boolean;
  readonly #keys: RedisKeys;
  readonly #scripts: RedisScripts;
  readonly #options: ReturnType<typeof parseRedisOptions>;
  readonly #deadlines: Deadlines;
  readonly #listening = new Map<string, Listening>();
  readonly #signalListeners = new Set<(signal: ControlSignal) => void>();
  #pingTimer: NodeJS.Timeout | undefined;
  #starting: Promise<void> | undefined;
  #closed = false;

  /** @param client as for the store; the link is a duplicate of it, and is this transport's to close */
  constructor(client: RedisClient, options: RedisOptions = {}) {
    this.#options = parseRedisOptions(options);
    this.#sharded = canSubscribeToShards(client);
    this.#keys = new RedisKeys(this.#options.keyPrefix);
    this.#scripts = new RedisScripts(client, { timeoutMs: this.#options.timeoutMs, sharded: this.#sharded });
    this.#deadlines = new Deadlines(this.#options.pingTimeoutMs);
    this.#link = client.duplicate();
    this.#link.on('error', () => {}); // told by what fails; the client tries again by itself
    this.#link.on('ready', () => void this.#askAnew());
    const receive = (channel: unknown, text: unknown) => this.#receive(String(channel), String(text));
    this.#link.on('message', receive);
    this.#link.on('smessage', receive);
  }

  start(): Promise<void> {
    this.#starting ??= this.#start().catch((error: unknown) => {
      this.#starting = undefined;
      throw error;
    });
    return this.#starting;
  }

  async subscribe(key: StreamKey, listener: FrameListener): Promise<() => Promise<void>> {
    await this.start();
    const channel = this.#keys.live(key);
    const joined = this.#listening.get(channel) ?? { key, listeners: [] };
    this.#listening.set(channel, joined);
    joined.listeners = joined.listeners.concat(listener); // spreading would leave room for sixteen more
    try {
      await this.#ask([channel]);
    } catch (error) {
      await this.#leave(channel, joined, listener);
      throw error;
    }
    return () => this.#leave(channel, joined, listener);
  }

  /** Nothing to do: the store published it with the commit. */
  publish(_frame: Frame): void {}

  publishGone(key: StreamKey): void {
    this.#publish(this.#sharded ? 'SPUBLISH' : 'PUBLISH', this.#keys.live(key), GONE);
  }

  signal({ key, generation }: ControlSignal): void {
    this.#publish('PUBLISH', this.#keys.signals, `${key.id} ${generation}`);
  }

  onSignal(listener: (signal: ControlSignal) => void): () => void {
    this.#signalListeners.add(listener);
    return () => this.#signalListeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#pingTimer);
    this.#listening.clear();
    this.#signalListeners.clear();
    this.#link.disconnect();
  }

  async #start(): Promise<void> {
    if (this.#link.status === 'wait') await this.#link.connect?.();
    await this.#deadlines.limit(this.#link.subscribe(this.#keys.signals));
    if (!isCluster(this.#link))
      this.#pingTimer = setInterval(() => void this.#ping(), this.#options.pingMs).unref();
  }

  #publish(command: string, channel: string, text: string): void {
    // Only speed: the log, the next renewal and the poll say the same.
    this.#scripts.command(command, channel, text).catch(() => undefined);
  }

  async #ask(channels: string[]): Promise<void> {
    const asked = this.#sharded ? this.#link.ssubscribe?.(...channels) : this.#link.subscribe(...channels);
    await this.#deadlines.limit(Promise.resolve(asked));
  }

  async #askAnew(): Promise<void> {
    if (this.#closed || this.#starting === undefined) return;
    try {
      await this.#deadlines.limit(this.#link.subscribe(this.#keys.signals));
      const channels = [...this.#listening.keys()];
      // On a cluster, channels of different shards can't be asked for together.
      const chunk = this.#sharded ? 1 : CHUNK;
      for (let at = 0; at < channels.length; at += chunk) await this.#ask(channels.slice(at, at + chunk));
    } catch {
      // The link broke again: `ready` comes again.
    }
    for (const { listeners } of this.#listening.values())
      for (const listener of listeners) listener.onReset();
  }

  async #ping(): Promise<void> {
    if (this.#link.status !== 'ready') return;
    try {
      await this.#deadlines.limit(this.#link.call('PING'));
    } catch {
      if (!this.#closed) this.#link.disconnect(true);
    }
  }

  async #leave(channel: string, entry: Listening, listener: FrameListener): Promise<void> {
    entry.listeners = entry.listeners.filter((one) => one !== listener);
    if (entry.listeners.length > 0 || this.#listening.get(channel) !== entry) return;
    this.#listening.delete(channel);
    if (this.#closed) return;
    // A link that is down forgets by itself.
    const left = this.#sharded ? this.#link.sunsubscribe?.(channel) : this.#link.unsubscribe(channel);
    await Promise.resolve(left).catch(() => undefined);
    // Somebody may have begun to listen while the server was told that nobody does.
    if (this.#listening.has(channel)) await this.#ask([channel]).catch(() => undefined);
  }

  #receive(channel: string, text: string): void {
    if (channel === this.#keys.signals) return this.#receiveSignal(text);
    const entry = this.#listening.get(channel);
    if (entry === undefined) return;
    if (text === GONE) {
      for (const listener of entry.listeners) listener.onGone();
      return;
    }
    const frame = readFrame(entry.key, text);
    for (const listener of entry.listeners) {
      if (frame) listener.onFrame(frame);
      else listener.onReset();
    }
  }

  #receiveSignal(text: string): void {
    const signal = readSignal(text);
    if (signal === undefined) return; // the next renewal says the same
    for (const listener of this.#signalListeners) listener(signal);
  }
}

// What this release can't read, because a later one runs beside it, is undefined: thrown in the client's own listener, it
// would end the process.

/** Followers of what can't be read look at the log, which tells them so. */
function readFrame(key: StreamKey, text: string): Frame | undefined {
  try {
    const { generation, firstSequence, lastSequence, events } = decodeBatch(text);
    return { key, generation, firstSequence, lastSequence, events };
  } catch {
    return undefined;
  }
}

function readSignal(text: string): ControlSignal | undefined {
  const space = text.lastIndexOf(' ');
  try {
    return { key: keyOf(text.slice(0, space)), generation: Number(text.slice(space + 1)) };
  } catch {
    return undefined;
  }
}
