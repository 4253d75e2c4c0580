/**
 * Frames over Redis publish and subscribe, on a connection of its own. The store publishes inside its commits; this only
 * listens, and says when it may have missed something.
 *
 * The link
 * - is made at `start`, and made again by the client when it breaks; then every channel is asked for anew, and every
 *   listener is told that frames may have been missed
 * - is tried every `pingMs`: one that does not answer within `pingTimeoutMs` is half open, and is replaced
 * - on a cluster whose client can subscribe to shards, each channel lies on its stream's shard; else on the bus
 *
 * On a cluster the link is several connections that the client keeps to itself: one to the bus, and one to each shard
 * that has a followed stream. PING would not reach them. What does is to leave a channel that nobody listens to: it
 * changes nothing and is answered on that very connection. A silent one to a shard is broken by its socket's own time
 * limit, and the client makes it again and subscribes; the others are left alone. The bus has no such limit: when it is
 * silent the whole link is replaced.
 *
 * A channel that is refused when the link is made anew (a right taken away) is asked for again every `pingMs`; until all
 * are granted, the transport says that it is `failing`.
 *
 * A link that its client has given up, because its strategy ends or its server stayed away too long, is made anew after
 * `pingMs`, and the host is told.
 *
 * No answer of the link is waited for without a limit: the client keeps what it is asked for as long as the server is away,
 * and may drop it for good when the connection breaks. Who listens in vain is told so in time, and reads the log.
 *
 * One thing goes unseen: a client whose connection to the bus breaks makes another without a word. Where frames travel
 * on the bus, what was missed is found with the stream's next frame, or by the poll.
 */
import { timerMs } from '../../../clock.js';
import { GenerationJobError, isGenerationJobError } from '../../../errors.js';
import type { ControlSignal, EventTransport, FrameListener } from '../../interfaces/event-transport.js';
import type { Report } from '../../interfaces/report.js';
import type { Frame, StreamKey } from '../../model/types.js';
import {
  canSubscribeToShards,
  Deadlines,
  duplicateForListening,
  isCluster,
  type RedisClient,
} from './client.js';
import { assertRedisClient } from './client-check.js';
import { RedisKeys } from './keys.js';
import { GONE, readFrame, readSignal, signalText } from './live-texts.js';
import { parseRedisOptions, type RedisOptions } from './options.js';
import { refusalOf } from './refusals.js';
import { RedisScripts } from './scripts.js';
import { startError } from './start.js';

/** Makes of a channel another that nobody listens to, on the same shard. */
const TRIED = ':tried';
/** Channels asked for in one command after a reconnect. */
const CHUNK = 100;
/**
 * The followed channels that are tried for each shard, since which of them lie on it only the client knows. That none
 * does, of a shard with an even share of them, happens once in ten million times; and then the next try has others.
 */
const TRIES_A_SHARD = 16;

/** Most streams have one listener: a list for it would be a thirtieth of what an idle stream costs. */
interface Listening {
  readonly key: StreamKey;
  listener: FrameListener;
  /**
   * The listeners of further managers, when several share the transport; replaced when one comes or goes. Not there
   * before it is needed: it would take room.
   */
  others?: readonly FrameListener[] | undefined;
}

export class RedisEventTransport implements EventTransport {
  /** Names the transport in logs. */
  readonly kind = 'redis';
  readonly #client: RedisClient;
  #link: RedisClient;
  readonly #sharded: boolean;
  readonly #keys: RedisKeys;
  readonly #scripts: RedisScripts;
  readonly #options: ReturnType<typeof parseRedisOptions>;
  readonly #deadlines: Deadlines;
  readonly #listening = new Map<string, Listening>();
  readonly #signalListeners = new Set<(signal: ControlSignal) => void>();
  /** Channels listened to that could not be asked for when the link was made; that of the signals among them. */
  readonly #unasked = new Set<string>();
  /** Channels of which the server is being told that nobody listens any more; each is asked for again behind that, if need be. */
  readonly #leaving = new Map<string, Promise<void>>();
  #refusal: GenerationJobError | undefined;
  /** The place the tries have got to. */
  #round: Iterator<string> | undefined;
  #pingTimer: NodeJS.Timeout | undefined;
  #starting: Promise<void> | undefined;
  readonly #reports = new Set<Report>();
  #anewTimer: NodeJS.Timeout | undefined;
  #closed = false;

  /** @param client as for the store; the link is a duplicate of it, and is this transport's to close */
  constructor(client: RedisClient, options: RedisOptions = {}) {
    assertRedisClient(client);
    this.#options = parseRedisOptions(options);
    this.#sharded = canSubscribeToShards(client);
    this.#keys = new RedisKeys(this.#options.keyPrefix);
    this.#scripts = new RedisScripts(client, { timeoutMs: this.#options.timeoutMs, sharded: this.#sharded });
    this.#deadlines = new Deadlines(this.#options.pingTimeoutMs);
    this.#client = client;
    this.#link = this.#makeLink();
  }

  get failing(): GenerationJobError | undefined {
    return this.#unasked.size > 0 ? this.#refusal : undefined;
  }

  start(report?: Report): Promise<void> {
    if (report !== undefined) this.#reports.add(report);
    this.#starting ??= this.#start().catch((error: unknown) => {
      this.#starting = undefined;
      throw error;
    });
    return this.#starting;
  }

  async subscribe(key: StreamKey, listener: FrameListener): Promise<() => Promise<void>> {
    await this.start();
    const channel = interned(this.#keys.live(key));
    const joined = this.#listening.get(channel) ?? { key, listener };
    if (this.#listening.has(channel)) joined.others = [...(joined.others ?? []), listener];
    else this.#listening.set(channel, joined);
    try {
      const leaving = this.#leaving.get(channel);
      await (leaving === undefined ? this.#ask([channel]) : this.#answer(leaving));
    } catch (error) {
      void this.#leave(joined, listener);
      throw error;
    }
    return () => this.#leave(joined, listener);
  }

  /** Nothing to do: the store published it with the commit. */
  publish(_frame: Frame): void {}

  publishGone(key: StreamKey): void {
    this.#publish(this.#sharded ? 'SPUBLISH' : 'PUBLISH', this.#keys.live(key), GONE);
  }

  signal(signal: ControlSignal): void {
    this.#publish('PUBLISH', this.#keys.signals, signalText(signal));
  }

  onSignal(listener: (signal: ControlSignal) => void): () => void {
    this.#signalListeners.add(listener);
    return () => this.#signalListeners.delete(listener);
  }

  /** Ends every subscription and its own subscriber link; the client stays the host's. Safe to call again. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#pingTimer);
    clearTimeout(this.#anewTimer);
    this.#reports.clear();
    this.#listening.clear();
    this.#unasked.clear();
    this.#leaving.clear();
    this.#signalListeners.clear();
    this.#link.disconnect();
  }

  async #start(): Promise<void> {
    if (this.#link.status === 'wait') this.#link.connect?.().catch(() => {}); // what is asked next fails, and says why
    try {
      await this.#answer(this.#link.subscribe(this.#keys.signals));
    } catch (error) {
      throw startError(this.#link, error);
    }
    if (this.#closed) return;
    this.#pingTimer = setInterval(() => void this.#try(this.#link), timerMs(this.#options.pingMs)).unref();
  }

  #makeLink(): RedisClient {
    const link = duplicateForListening(this.#client, this.#options.pingTimeoutMs);
    link.on('error', () => {}); // told by what fails; the client tries again by itself
    link.on('ready', () => void this.#askAnew(link));
    link.on('end', () => this.#onGivenUp(link));
    // A cluster's connections to its shards were made anew, and what they listened to has been asked for.
    link.on('subscribersReady', () => void this.#onShardsAnew(link));
    const receive = (channel: unknown, text: unknown) => this.#receive(String(channel), String(text));
    link.on('message', receive);
    link.on('smessage', receive);
    return link;
  }

  #publish(command: string, channel: string, text: string): void {
    // Only speed: the log, the next renewal and the poll say the same.
    this.#scripts.command(command, channel, text).catch((cause: unknown) => {
      this.#tell(
        'A stop, a deletion or a hand-over was not made known at once; the next renewal, poll or sweep finds it.',
        cause,
      );
    });
  }

  /** Returns the link's answer. @throws GenerationJobError `unavailable` when there is none in time */
  #answer<Answer>(asked: Promise<Answer> | undefined): Promise<Answer | undefined> {
    return this.#deadlines.limit(Promise.resolve(asked));
  }

  async #ask(channels: string[]): Promise<void> {
    const isOnBus = !this.#sharded || channels[0] === this.#keys.signals;
    await this.#answer(isOnBus ? this.#link.subscribe(...channels) : this.#link.ssubscribe?.(...channels));
  }

  async #askAnew(link: RedisClient): Promise<void> {
    if (!this.#uses(link)) return;
    this.#leaving.clear(); // a new connection has been asked for nothing yet
    await this.#askForAll([this.#keys.signals, ...this.#listening.keys()]);
    this.#resetAll();
  }

  /** Asks at once, so that a shard that is away holds up no other. */
  async #askForAll(channels: readonly string[]): Promise<void> {
    const { signals } = this.#keys;
    const ofStreams = channels.filter((channel) => channel !== signals);
    const chunks = ofStreams.length < channels.length ? [[signals]] : [];
    // On a cluster, channels of different shards can't be asked for together.
    const size = this.#sharded ? 1 : CHUNK;
    for (let at = 0; at < ofStreams.length; at += size) chunks.push(ofStreams.slice(at, at + size));
    let refused: { readonly cause: unknown } | undefined;
    const asking = chunks.map(async (chunk) => {
      try {
        await this.#ask(chunk);
        for (const channel of chunk) this.#unasked.delete(channel);
      } catch (cause) {
        refused ??= { cause };
        for (const channel of chunk) if (this.#isWanted(channel)) this.#unasked.add(channel);
      }
    });
    await Promise.all(asking);
    if (refused !== undefined) this.#tellUnasked(refused.cause);
  }

  /** Asks again for what was refused. Who listens to what is granted now looks for what was missed. */
  async #askAgain(): Promise<void> {
    const channels = [...this.#unasked];
    if (channels.length === 0) return;
    await this.#askForAll(channels);
    for (const channel of channels) {
      const entry = this.#unasked.has(channel) ? undefined : this.#listening.get(channel);
      if (entry !== undefined) tellAll(entry, (listener) => listener.onReset());
    }
  }

  #isWanted(channel: string): boolean {
    return !this.#closed && (this.#listening.has(channel) || channel === this.#keys.signals);
  }

  async #onShardsAnew(link: RedisClient): Promise<void> {
    if (!this.#uses(link) || this.#listening.size === 0) return;
    // Sent after what the client asked for: once they have answered, frames come. It comes again when one does not.
    if (!(await this.#tryShards(link)) || !this.#uses(link)) return;
    await this.#askAgain();
    this.#resetAll();
  }

  #resetAll(): void {
    for (const entry of this.#listening.values()) tellAll(entry, (listener) => listener.onReset());
  }

  #uses(link: RedisClient): boolean {
    return !this.#closed && this.#starting !== undefined && link === this.#link;
  }

  async #try(link: RedisClient): Promise<void> {
    if (link.status !== 'ready') return;
    const hasShards = isCluster(link);
    if (hasShards && this.#sharded) void this.#tryShards(link);
    try {
      const nobody = `${this.#keys.signals}${TRIED}`;
      await this.#answer(hasShards ? link.unsubscribe(nobody) : link.call('PING'));
    } catch (error) {
      if (!this.#uses(link)) return;
      if (!hasShards) link.disconnect(true);
      else if (isGenerationJobError(error, 'unavailable')) this.#replace(link);
      return;
    }
    if (this.#uses(link)) await this.#askAgain();
  }

  /** Says whether every shard tried has answered. */
  async #tryShards(link: RedisClient): Promise<boolean> {
    const tries = this.#someChannels(TRIES_A_SHARD * (link.nodes?.('master').length ?? 1)).map((channel) =>
      this.#answer(link.sunsubscribe?.(`${channel}${TRIED}`)),
    );
    return (await Promise.allSettled(tries)).every(({ status }) => status === 'fulfilled');
  }

  /** Some followed channels, and next time others. */
  #someChannels(most: number): string[] {
    const channels: string[] = [];
    while (channels.length < Math.min(most, this.#listening.size)) {
      this.#round ??= this.#listening.keys();
      const next = this.#round.next();
      if (next.done) this.#round = undefined;
      else channels.push(next.value);
    }
    return channels;
  }

  /** A client whose own strategy gives up would leave every follower to the poll, for ever. */
  #onGivenUp(link: RedisClient): void {
    if (!this.#uses(link)) return;
    this.#tell('The client has given up the subscriber link. It is made anew; the log is polled meanwhile.');
    this.#anewTimer = setTimeout(() => {
      if (this.#uses(link)) this.#replace(link);
    }, timerMs(this.#options.pingMs)).unref();
  }

  #tellUnasked(cause: unknown): void {
    this.#refusal = this.#tell(
      'The link was made anew, and not every channel could be asked for; the log is polled, and it is tried again.',
      cause,
    );
  }

  #tell(message: string, cause?: unknown): GenerationJobError {
    const code = cause === undefined ? 'unavailable' : refusalOf(cause).code;
    const error = new GenerationJobError(code, message, cause === undefined ? {} : { cause });
    if (!this.#closed) for (const report of this.#reports) report(error);
    return error;
  }

  #replace(link: RedisClient): void {
    link.disconnect();
    this.#link = this.#makeLink();
    if (this.#link.status === 'wait') void this.#link.connect?.().catch(() => undefined); // told by `error`
  }

  async #leave(entry: Listening, listener: FrameListener): Promise<void> {
    const channel = this.#keys.live(entry.key);
    if (!removeFrom(entry, listener) || this.#listening.get(channel) !== entry) return;
    this.#listening.delete(channel);
    this.#unasked.delete(channel);
    if (this.#closed) return;
    const leaving = this.#leaving.get(channel) ?? this.#tellLeft(channel);
    await this.#answer(leaving).catch(() => undefined); // a link that is down forgets by itself
  }

  /**
   * Tells the server that nobody listens to a channel any more. Until that is answered nothing else is asked of the channel: a
   * client whose server is away would gather two commands for each poll of each stream.
   */
  #tellLeft(channel: string): Promise<void> {
    const left = this.#sharded ? this.#link.sunsubscribe?.(channel) : this.#link.unsubscribe(channel);
    const leaving: Promise<void> = Promise.resolve(left)
      .catch(() => undefined)
      .then(() => {
        if (this.#leaving.get(channel) === leaving) this.#leaving.delete(channel);
        // Somebody may have begun to listen meanwhile.
        return this.#listening.has(channel) ? this.#ask([channel]) : undefined;
      });
    leaving.catch(() => undefined); // told to whoever waits for it
    this.#leaving.set(channel, leaving);
    return leaving;
  }

  #receive(channel: string, text: string): void {
    if (channel === this.#keys.signals) return this.#receiveSignal(text);
    const entry = this.#listening.get(channel);
    if (entry === undefined) return;
    if (text === GONE) return tellAll(entry, (listener) => listener.onGone());
    const frame = readFrame(entry.key, text);
    tellAll(entry, (listener) => (frame ? listener.onFrame(frame) : listener.onReset()));
  }

  #receiveSignal(text: string): void {
    const signal = readSignal(text);
    if (signal === undefined) return; // the next renewal says the same
    for (const listener of this.#signalListeners) listener(signal);
  }
}

function tellAll({ listener, others }: Listening, tell: (listener: FrameListener) => void): void {
  tell(listener);
  if (others !== undefined) for (const other of others) tell(other);
}

/** Says whether nobody is left. */
function removeFrom(entry: Listening, listener: FrameListener): boolean {
  const others = entry.others?.filter((other) => other !== listener) ?? [];
  if (entry.listener === listener) {
    const next = others.shift();
    if (next === undefined) return true;
    entry.listener = next;
  }
  entry.others = others.length > 0 ? others : undefined;
  return false;
}

/** A client keeps the names of its channels as those of properties; a name of ours made the same way is not kept twice. */
function interned(channel: string): string {
  return Object.keys({ [channel]: true })[0] ?? channel;
}
