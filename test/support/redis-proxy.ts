/**
 * A TCP proxy in front of a Redis server that does what networks do to clients of Redis: a request arrives and its reply
 * does not, a link stays open and carries nothing, everything comes late, a link breaks. It knows two kinds of
 * connections, told apart by what is asked on them: `links`, which have subscribed, and `commands`, the others.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';

export type Which = 'all' | 'links' | 'commands';

/** A reply that will be, or has been, lost. */
export interface LostReply {
  /** How many requests of the kind have arrived at the server without their reply getting back. */
  readonly lost: number;
  stop(): void;
}

interface Loss {
  readonly matches: (request: string) => boolean;
  left: number;
  lost: number;
}

/** Bytes of TCP payload, and how often each way was written to. */
export interface Traffic {
  toServer: number;
  toClient: number;
}

const SUBSCRIBES = /\$\d+\r\ns?subscribe\r\n/i;

class Connection {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #proxy: RedisProxy;
  isLink = false;
  isFrozen = false;
  #losing: Loss | undefined;
  readonly #up = new Lane();
  readonly #down = new Lane();

  constructor(client: Socket, targetPort: number, proxy: RedisProxy) {
    this.#client = client;
    this.#proxy = proxy;
    this.#server = connect({ port: targetPort, host: '127.0.0.1', noDelay: true });
    client.setNoDelay(true);
    for (const socket of [client, this.#server]) {
      socket.on('error', () => {}); // what this proxy is for
      socket.on('close', () => this.cut());
    }
    client.on('data', (bytes) => this.#fromClient(bytes));
    this.#server.on('data', (bytes) => this.#fromServer(bytes));
  }

  /** Resets both sides. */
  cut(): void {
    this.#proxy.forget(this);
    this.#client.resetAndDestroy();
    this.#server.resetAndDestroy();
  }

  is(which: Which): boolean {
    return which === 'all' || (which === 'links') === this.isLink;
  }

  #fromClient(bytes: Buffer): void {
    const request = bytes.toString('latin1');
    this.isLink ||= SUBSCRIBES.test(request);
    if (this.isFrozen || this.#proxy.swallows(this)) return;
    this.#losing ??= this.#proxy.losing(request);
    this.#proxy.traffic.toServer += bytes.length;
    this.#up.send(this.#proxy.delayMs, () => this.#server.write(bytes));
  }

  #fromServer(bytes: Buffer): void {
    if (this.isFrozen || this.#proxy.swallows(this)) return;
    // A script the server does not know has not run: its request comes again, with its text.
    if (this.#losing !== undefined && bytes.subarray(0, 9).toString('latin1') === '-NOSCRIPT') {
      this.#losing.left++;
      this.#losing = undefined;
    }
    if (this.#losing !== undefined) {
      this.#losing.lost++;
      this.cut();
      return;
    }
    this.#proxy.traffic.toClient += bytes.length;
    this.#down.send(this.#proxy.delayMs, () => this.#client.write(bytes));
  }
}

/** Keeps one direction's bytes in order while the delay changes. */
class Lane {
  #dueAt = 0;
  readonly #waiting: (() => void)[] = [];

  send(delayMs: number, write: () => void): void {
    if (delayMs === 0 && this.#waiting.length === 0) return write();
    this.#dueAt = Math.max(this.#dueAt, performance.now() + delayMs);
    this.#waiting.push(write);
    // Timers of different lengths may fire out of order: each lets the oldest go.
    setTimeout(() => this.#waiting.shift()?.(), Math.ceil(this.#dueAt - performance.now()));
  }
}

export class RedisProxy {
  readonly port: number;
  readonly traffic: Traffic = { toServer: 0, toClient: 0 };
  /** How late everything is in each direction. */
  delayMs = 0;
  /** Connections accepted so far. */
  accepted = 0;
  readonly #server: Server;
  readonly #connections = new Set<Connection>();
  readonly #losses = new Set<Loss>();
  #swallowed: Which | undefined;
  #isDown = false;

  private constructor(server: Server, targetPort: () => number) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (client) => {
      this.accepted++;
      client.on('error', () => {});
      if (this.#isDown) client.resetAndDestroy();
      else this.#connections.add(new Connection(client, targetPort(), this));
    });
  }

  /** @param targetPort a function where the server behind it may change, as behind a Sentinel */
  static async start(targetPort: number | (() => number)): Promise<RedisProxy> {
    const server = createServer();
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return new RedisProxy(server, typeof targetPort === 'number' ? () => targetPort : targetPort);
  }

  get open(): number {
    return this.#connections.size;
  }

  get links(): number {
    return [...this.#connections].filter((connection) => connection.isLink).length;
  }

  /** The next `times` requests that match arrive, and their connection breaks before the reply gets back. */
  loseReplies(matches: (request: string) => boolean, times = 1): LostReply {
    const loss: Loss = { matches, left: times, lost: 0 };
    this.#losses.add(loss);
    return {
      get lost() {
        return loss.lost;
      },
      stop: () => this.#losses.delete(loss),
    };
  }

  /** Open connections stay open and carry nothing any more; new ones are made as ever. */
  freeze(which: Which): void {
    for (const connection of this.#connections) if (connection.is(which)) connection.isFrozen = true;
  }

  /** Like `freeze`, for new connections too, until the returned function is called. */
  swallow(which: Which): () => void {
    this.#swallowed = which;
    return () => {
      this.#swallowed = undefined;
    };
  }

  cut(which: Which = 'all'): void {
    for (const connection of [...this.#connections]) if (connection.is(which)) connection.cut();
  }

  /** Cuts everything, and refuses new connections until `up`. */
  down(): void {
    this.#isDown = true;
    this.cut();
  }

  up(): void {
    this.#isDown = false;
  }

  async close(): Promise<void> {
    this.down();
    this.#server.close();
    await once(this.#server, 'close');
  }

  // --- for connections

  forget(connection: Connection): void {
    this.#connections.delete(connection);
  }

  swallows(connection: Connection): boolean {
    return this.#swallowed !== undefined && connection.is(this.#swallowed);
  }

  losing(request: string): Loss | undefined {
    for (const loss of this.#losses) {
      if (loss.left === 0 || !loss.matches(request)) continue;
      loss.left--;
      return loss;
    }
    return undefined;
  }
}
