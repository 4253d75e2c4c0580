/**
 * A server on a free port of loopback with the routes mounted at `/api/chat`, behind either adapter, and a reader that
 * uses somebody else's parser. Everything started here is ended after the test, and looked for what it left behind.
 */
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import express, { type Express } from 'express';
import express4 from 'express4';
import {
  createStreamServices,
  type GenerationJob,
  GenerationJobManager,
  type ManagerInput,
  type StreamServices,
} from 'generation-jobs';
import { createStreamRouter, type OnResume, type StreamRouterOptions } from 'generation-jobs/express';
import type { JobStore } from 'generation-jobs/ports';
import { createStreamHandler } from 'generation-jobs/web';
import { afterEach, expect } from 'vitest';

/** Every Express a host may have, by the name of the adapter in tests. Express 4 is typed as 5: what tests use of it is the same. */
export const EXPRESSES = {
  express,
  express4: express4 as unknown as typeof express,
} as const;
type ExpressAdapter = keyof typeof EXPRESSES;
export const EXPRESS_ADAPTERS = Object.keys(EXPRESSES) as readonly ExpressAdapter[];
export const ADAPTERS = [...EXPRESS_ADAPTERS, 'web'] as const;
type Adapter = (typeof ADAPTERS)[number];

type RouteSettings = Omit<StreamRouterOptions<express.Request>, 'authorize' | 'onResume'> & {
  readonly onResume?: OnResume<unknown>;
};

export interface ServeInput {
  readonly adapter?: Adapter;
  readonly manager?: Partial<ManagerInput>;
  readonly services?: StreamServices;
  readonly routes?: RouteSettings;
  /** By the headers of a request; default: who `x-session` says, as `user` or `tenant/user`. */
  readonly authorize?: (
    header: (name: string) => string | undefined,
    request?: express.Request,
  ) => ReturnType<typeof bySession>;
  readonly server?: ServerOptions;
  /** Express only: where the router is mounted; `/api/chat` by default. */
  readonly mount?: string;
  /** Express only: installs what the host has before our router. */
  readonly before?: (app: Express) => void;
  /** Express only: installs what the host has after our router. */
  readonly after?: (app: Express) => void;
}

export interface Served {
  readonly manager: GenerationJobManager;
  readonly port: number;
  /** Where the routes are mounted. */
  readonly url: string;
  readonly host: string;
  /** The server's side of every connection there has been. */
  readonly sockets: readonly Socket[];
  /** As the host goes down: no connection is left. */
  cut(): void;
}

type Identity = { userId: string; tenantId?: string } | null;

const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function bySession(header: (name: string) => string | undefined): Identity | Promise<Identity> {
  const session = header('x-session');
  if (session === undefined) return null;
  const [first = '', second] = session.split('/');
  return second === undefined ? { userId: first } : { userId: second, tenantId: first };
}

export async function serve(input: ServeInput = {}): Promise<Served> {
  const manager = new GenerationJobManager({
    ...(input.services ?? createStreamServices()),
    ...input.manager,
  });
  return serveWith(manager, listenerOf(manager, input), input.server);
}

/** Serves with a listener of the caller's own; `url` is below its root. */
export async function serveWith(
  manager: GenerationJobManager,
  listener: (request: IncomingMessage, response: ServerResponse) => void,
  options: ServerOptions = {},
): Promise<Served> {
  const server = createServer({ ...options }, listener);
  const sockets: Socket[] = [];
  server.on('connection', (socket: Socket) => sockets.push(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const ended = () => new Promise((resolve) => server.close(resolve));
  cleanups.push(async () => {
    const closed = ended();
    await manager.close();
    server.closeAllConnections();
    await closed;
    const { process } = await manager.stats();
    expect(process, 'nothing is left behind').toMatchObject({
      followers: 0,
      followedStreams: 0,
      producing: 0,
    });
  });
  return {
    manager,
    port,
    host: `127.0.0.1:${port}`,
    url: `http://127.0.0.1:${port}/api/chat`,
    sockets,
    cut: () => server.closeAllConnections(),
  };
}

function listenerOf(manager: GenerationJobManager, input: ServeInput) {
  const { adapter = 'express', authorize = bySession, routes = {} } = input;
  if (adapter === 'web') {
    const handler = createStreamHandler(manager, {
      ...routes,
      basePath: '/api/chat',
      authorize: (request) => authorize((name) => request.headers.get(name) ?? undefined),
    });
    return (request: IncomingMessage, response: ServerResponse) => {
      bridge(handler, request, response).catch(() => response.destroy());
    };
  }
  const app = EXPRESSES[adapter]();
  input.before?.(app);
  app.use(
    input.mount ?? '/api/chat',
    createStreamRouter(manager, {
      ...routes,
      authorize: (request) => authorize((name) => request.get(name), request),
    }),
  );
  input.after?.(app);
  return app;
}

/** What frameworks with Web requests do on Node. */
export async function bridge(
  handler: (request: Request) => Promise<Response>,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  outgoing.on('close', () => gone.abort());
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headersDistinct)) {
    for (const one of value ?? []) headers.append(name, one);
  }
  const hasBody = incoming.method !== 'GET' && incoming.method !== 'HEAD';
  const asked = new Request(`http://${incoming.headers.host}${incoming.url}`, {
    method: incoming.method ?? 'GET',
    headers,
    signal: gone.signal,
    ...(hasBody && { body: bodyOf(incoming), duplex: 'half' }),
  });
  const response = await handler(asked);
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  // Leaving the loop cancels the body, which is how the handler learns that the reader has left.
  for await (const chunk of response.body ?? []) {
    if (outgoing.destroyed) break;
    if (!outgoing.write(chunk))
      await new Promise((resolve) => outgoing.once('drain', resolve).once('close', resolve));
  }
  outgoing.end();
  // What was refused unread would stand in front of the connection's next request.
  if (!asked.bodyUsed) void asked.body?.cancel();
}

/** `Readable.toWeb` throws past its caller when a request is cancelled while it arrives. */
function bodyOf(incoming: IncomingMessage): ReadableStream<Uint8Array> {
  const chunks = incoming.iterator({ destroyOnReturn: false });
  return new ReadableStream({
    pull: async (controller) => {
      const { done, value } = await chunks.next();
      if (done) controller.close();
      else controller.enqueue(new Uint8Array(value as Buffer));
    },
    cancel: async () => {
      await chunks.return?.();
      incoming.resume();
    },
  });
}

/** Resolves when the condition holds; fails after 15 s, saying what was awaited. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 15_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`Waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export interface Reader {
  readonly response: Response;
  readonly events: EventSourceMessage[];
  readonly comments: string[];
  readonly retries: number[];
  /** Resolves when the response is over; to why, if it broke off. */
  readonly over: Promise<unknown>;
  readonly isOver: () => boolean;
  leave(): void;
}

/** Follows a stream as a client would. */
export async function follow(url: string, headers: Record<string, string> = {}): Promise<Reader> {
  const leaving = new AbortController();
  const response = await fetch(url, { headers: { 'x-session': 'ann', ...headers }, signal: leaving.signal });
  const reader = { response, events: [], comments: [], retries: [] } as Pick<
    Reader,
    'response' | 'events' | 'comments' | 'retries'
  >;
  const parser = createParser({
    onEvent: (event) => reader.events.push(event),
    onComment: (comment) => reader.comments.push(comment),
    onRetry: (ms) => reader.retries.push(ms),
    onError: (error) => {
      throw error;
    },
  });
  let isOver = false;
  const read = async () => {
    const decoder = new TextDecoder('utf-8', { fatal: true });
    for await (const chunk of response.body ?? []) parser.feed(decoder.decode(chunk, { stream: true }));
  };
  const over = read().then(
    () => undefined,
    (error: unknown) => error,
  );
  void over.then(() => {
    isOver = true;
  });
  cleanups.push(async () => {
    leaving.abort();
    await over;
  });
  return { ...reader, over, isOver: () => isOver, leave: () => leaving.abort() };
}

/** Sends a request as it is written, and reads nothing until told to. */
export async function rawRequest(port: number, text: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.pause();
  socket.on('error', () => {});
  cleanups.push(() => {
    socket.destroy();
  });
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  await new Promise<void>((resolve) => socket.write(text, () => resolve()));
  return socket;
}

export function streamRequest(path: string, host: string, user = 'ann'): string {
  return `GET /api/chat/stream/${path} HTTP/1.1\r\nhost: ${host}\r\nx-session: ${user}\r\n\r\n`;
}

export async function postJson(
  url: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: unknown }> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'x-session': 'ann', 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, body: await response.json() };
}

export async function getJson(
  url: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: unknown; headers: Headers }> {
  const response = await fetch(url, { headers: { 'x-session': 'ann', ...headers } });
  const text = await response.text();
  return { status: response.status, body: text === '' ? null : JSON.parse(text), headers: response.headers };
}

/** Sends a request with exactly these headers, also those a browser's page may not set. */
export function send(
  port: number,
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body: string | Uint8Array = '',
): Promise<{ status: number; headers: IncomingHttpHeaders; body: unknown }> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, method, path: `/api/chat/${path}` };
    const sent = request({ ...options, headers: { 'x-session': 'ann', ...headers } }, async (response) => {
      if (response.headers['content-type']?.startsWith('text/event-stream')) {
        sent.destroy();
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: null });
        return;
      }
      let text = '';
      for await (const chunk of response.setEncoding('utf8')) text += chunk;
      const parsed: unknown = text === '' ? null : JSON.parse(text);
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: parsed });
    });
    sent.on('error', reject);
    sent.on('socket', (socket) => {
      if (!socket.listeners('error').includes(ignoreError)) socket.on('error', ignoreError);
    });
    sent.end(body);
  });
}

/**
 * When an answer came before all of a body was sent, and the rest then can't be, Node's client takes its own listener
 * off the socket a moment before the error is told. The request has been answered by then.
 */
function ignoreError(): void {}

/** A store that counts the calls made to it, and fails those whose name `fails` says. */
export function watchedStore(
  store: JobStore,
  fails: (method: string) => Error | undefined = () => undefined,
): { store: JobStore; calls: string[] } {
  const calls: string[] = [];
  const watched = new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]) => {
        // The clock is looked at by upkeep, whoever asks.
        if (name !== 'now') calls.push(String(name));
        const error = fails(String(name));
        return error ? Promise.reject(error) : member.apply(target, args);
      };
    },
  });
  return { store: watched, calls };
}

/** A job of `ann`'s, or of whoever is named. */
export async function startJob(
  manager: GenerationJobManager,
  streamId: string,
  extra: { userId?: string; tenantId?: string } = {},
): Promise<GenerationJob> {
  const made = await manager.createJob({ streamId, userId: 'ann', ...extra });
  if (!made.started) throw new Error('Somebody else has started it.');
  return made.job;
}

export function codeOf(answer: { body: unknown }): unknown {
  return (answer.body as { error?: { code?: unknown } } | null)?.error?.code;
}
