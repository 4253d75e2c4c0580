/**
 * One address for several replicas: a reverse proxy that hands each request to a live replica, in turn or to the one the
 * request asks for, and passes on both ways whatever comes, as it comes, including that one side has gone.
 *
 * A request that could not have reached a replica is given to another one; one that could have, only if it is a GET or
 * HEAD and no answer has begun. An answer that breaks off is broken off: only its reader knows where to go on.
 */
import { type ClientRequest, type IncomingMessage, type ServerResponse, request as send } from 'node:http';
import { pipeline } from 'node:stream';
import type { ReplicaAddress, ReplicaPool } from './replica-pool.js';

/** Asks for a replica by name, as a header or in the query; ignored when that one isn't there. */
const WANTED = 'x-replica';
/** On every answer: the names of the replicas that can be asked for. */
const ALIVE = 'x-replicas';
/** Of one connection, not of what goes through it. `transfer-encoding` is left to a request, whose body needs it. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'upgrade',
  'expect',
]);

export function createFront(pool: ReplicaPool): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => new Exchange(pool, request, response).begin();
}

/** One request on its way, from replica to replica if need be. */
class Exchange {
  readonly #pool: ReplicaPool;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  /** The ports asked so far: the next replica of a name is another one. */
  readonly #tried = new Set<number>();
  #upstream: ClientRequest | undefined;

  constructor(pool: ReplicaPool, request: IncomingMessage, response: ServerResponse) {
    this.#pool = pool;
    this.#request = request;
    this.#response = response;
  }

  begin(): void {
    // Also after a complete answer, when there is nothing left to destroy.
    this.#response.once('close', () => this.#upstream?.destroy());
    this.#try();
  }

  #try(): void {
    const replica = this.#pool.choose(wantedBy(this.#request), this.#tried);
    if (replica === undefined) return this.#refuse();
    this.#tried.add(replica.port);
    const { method, url, rawHeaders } = this.#request;
    // A connection of its own: one that is kept open may be closed by the other side just when it is used again.
    const upstream = send({
      host: '127.0.0.1',
      port: replica.port,
      method,
      path: url,
      headers: passedOn(rawHeaders, HOP_BY_HOP),
      agent: false,
    });
    this.#upstream = upstream;
    let hasReached = false;
    upstream.once('socket', (socket) =>
      socket.once('connect', () => {
        hasReached = true;
        if (hasBody(this.#request)) this.#request.pipe(upstream);
        else upstream.end();
      }),
    );
    const leave = this.#pool.enter(replica, () => upstream.destroy(new Error('the replica died')));
    upstream.once('close', leave);
    upstream.once('response', (answer) => this.#passOn(answer));
    upstream.on('error', (error) => this.#onFailure(replica, error, hasReached));
  }

  #passOn(answer: IncomingMessage): void {
    const response = this.#response;
    // Framing is this connection's own business.
    const headers = passedOn(answer.rawHeaders, new Set([...HOP_BY_HOP, 'transfer-encoding', ALIVE]));
    headers.push(ALIVE, this.#pool.alive.join(','));
    response.writeHead(answer.statusCode ?? 502, headers);
    response.flushHeaders();
    // Either side's end is the other's: pipeline destroys both, which is all there is to say in mid-answer.
    pipeline(answer, response, () => {});
  }

  #onFailure(replica: ReplicaAddress, error: Error, hasReached: boolean): void {
    const response = this.#response;
    if (response.destroyed || response.headersSent) return;
    if ('code' in error && error.code === 'ECONNREFUSED') this.#pool.drop(replica);
    else this.#pool.suspect(replica.name);
    const isRepeatable = !hasBody(this.#request) && /^(GET|HEAD)$/.test(this.#request.method ?? '');
    if (!hasReached || isRepeatable) this.#try();
    else this.#refuse();
  }

  #refuse(): void {
    const message = 'No replica could answer. Try again.';
    this.#response
      .writeHead(502, {
        'content-type': 'application/json',
        'cache-control': 'no-store',
        connection: 'close',
      })
      .end(JSON.stringify({ error: { code: 'unavailable', message } }));
  }
}

function wantedBy({ headers, url = '/' }: IncomingMessage): string | undefined {
  const header = headers[WANTED];
  if (typeof header === 'string') return header;
  return new URLSearchParams(url.split('?')[1]).get(WANTED) ?? undefined;
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** Names and values in turn, as Node reads and writes them, so that nothing is joined, renamed or reordered. */
function passedOn(rawHeaders: readonly string[], without: ReadonlySet<string>): string[] {
  return rawHeaders.flatMap((name, index) => {
    if (index % 2 === 1 || without.has(name.toLowerCase())) return [];
    return [name, rawHeaders[index + 1] ?? ''];
  });
}
