/**
 * A server that speaks MongoDB's protocol, for tests on this machine: no account, no encryption, no file. What a mongod
 * would do differently with something it doesn't have (transactions, change streams, collations), it refuses.
 *
 * It is up, down (`stop` until `restart`), refusing (connections are closed as they come) or holding (commands wait for
 * `hold(false)`). Its data outlives all of them; connections outlive none but holding, cursors not `stop`.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Document } from 'bson';
import { answer, type CommandContext, commandName } from './commands.js';
import { Cursors } from './cursors.js';
import { failedReply } from './errors.js';
import { Sessions } from './sessions.js';
import { Storage } from './storage.js';
import { encodeReply, MessageReader, ProtocolViolation, type Request } from './wire.js';

const HOST = '127.0.0.1';

export interface MongoServerOptions {
  /** The set it says to be the only member of; `null` for a standalone, to which drivers don't retry writes. */
  readonly replicaSet?: string | null;
  /** Milliseconds since 1970; for `$currentDate`, and what `sweep` takes for now. */
  readonly now?: () => number;
}

interface Drop {
  readonly command: string;
  /** Before the command is run, or after it and before its reply. */
  readonly when: 'before' | 'after';
}

export class MongoServer implements AsyncDisposable {
  readonly #storage = new Storage();
  readonly #cursors = new Cursors();
  readonly #sessions = new Sessions();
  readonly #sockets = new Set<Socket>();
  readonly #replicaSet: string | undefined;
  readonly #now: () => number;
  readonly #counts = new Map<string, number>();
  #listener: Server | undefined;
  #port = 0;
  #replies = 0;
  #isRefusing = false;
  #drops: Drop[] = [];
  #held: (() => void)[] | undefined;

  private constructor({ replicaSet = 'tests', now = Date.now }: MongoServerOptions) {
    this.#replicaSet = replicaSet ?? undefined;
    this.#now = now;
  }

  static async start(options: MongoServerOptions = {}): Promise<MongoServer> {
    const server = new MongoServer(options);
    await server.#listen();
    return server;
  }

  /** Direct, so that a proxy in front of it isn't passed by; the database is the client's to name. */
  get uri(): string {
    return `mongodb://${this.#address}/?directConnection=true`;
  }

  get openConnections(): number {
    return this.#sockets.size;
  }

  get openCursors(): number {
    return this.#cursors.size;
  }

  /** How many commands wait to be let go. */
  get held(): number {
    return this.#held?.length ?? 0;
  }

  /** How often a command has arrived, counting those that were dropped. */
  received(command: string): number {
    return this.#counts.get(command) ?? 0;
  }

  /** Closes every connection, as the end of a process does; new ones are welcome. */
  dropConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** The next time this command arrives, its connection is closed instead of its reply being sent. */
  dropNext(command: string, when: Drop['when']): void {
    this.#drops.push({ command, when });
  }

  /** A proxy whose server is away: every connection is closed, and every new one at once. */
  refuse(on: boolean): void {
    this.#isRefusing = on;
    if (on) this.dropConnections();
  }

  /** A server that hangs: it takes commands and does nothing, until it is let go and does them all. */
  hold(on: boolean): void {
    const held = this.#held;
    this.#held = on ? (held ?? []) : undefined;
    if (!on) for (const proceed of held ?? []) proceed();
  }

  /** What a mongod does once a minute: removes what its TTL indexes say has expired. */
  sweep(now = this.#now()): number {
    return this.#storage.sweep(now);
  }

  async stop(): Promise<void> {
    const listener = this.#listener;
    if (!listener) return;
    this.#listener = undefined;
    this.#held = undefined;
    this.#drops = [];
    const closed = [listener, ...this.#sockets].map((open) => once(open, 'close'));
    listener.close();
    this.dropConnections();
    await Promise.all(closed);
    this.#cursors.clear();
  }

  /** On the same port, with its data. */
  async restart(): Promise<void> {
    await this.stop();
    await this.#listen();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  get #address(): string {
    return `${HOST}:${this.#port}`;
  }

  async #listen(): Promise<void> {
    const listener = createServer((socket) => this.#serve(socket));
    await once(listener.listen(this.#port, HOST), 'listening');
    this.#port = (listener.address() as AddressInfo).port;
    this.#listener = listener;
  }

  #serve(socket: Socket): void {
    // A client that goes without a word is ordinary here.
    socket.on('error', () => {});
    if (this.#isRefusing) return void socket.destroy();
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.setNoDelay(true);
    const reader = new MessageReader();
    socket.on('data', (chunk) => {
      try {
        for (const request of reader.push(chunk)) this.#receive(socket, request);
      } catch (error) {
        if (!(error instanceof ProtocolViolation)) throw error;
        socket.destroy();
      }
    });
  }

  #receive(socket: Socket, request: Request): void {
    if (this.#held) this.#held.push(() => this.#execute(socket, request));
    else this.#execute(socket, request);
  }

  #execute(socket: Socket, request: Request): void {
    if (socket.destroyed) return;
    let drop: Drop['when'] | undefined;
    let reply: Document;
    try {
      const command = request.command();
      const name = commandName(command);
      this.#counts.set(name, this.received(name) + 1);
      drop = this.#takeDrop(name);
      reply = drop === 'before' ? {} : answer(command, this.#context());
    } catch (error) {
      reply = failedReply(error);
    }
    if (drop !== undefined) socket.destroy();
    else if (!request.wantsNoReply) socket.write(encodeReply(request, ++this.#replies, reply));
  }

  #context(): CommandContext {
    return {
      storage: this.#storage,
      cursors: this.#cursors,
      sessions: this.#sessions,
      address: this.#address,
      replicaSet: this.#replicaSet,
      now: this.#now,
    };
  }

  #takeDrop(command: string): Drop['when'] | undefined {
    const at = this.#drops.findIndex((drop) => drop.command === command);
    return at < 0 ? undefined : this.#drops.splice(at, 1)[0]?.when;
  }
}
