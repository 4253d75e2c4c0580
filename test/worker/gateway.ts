/** A gateway on a free port of loopback, behind either adapter, with a run that was handed over. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import {
  createStreamServices,
  type GenerationJob,
  GenerationJobManager,
  type ManagerInput,
  parseCursor,
  type StreamServices,
} from 'generation-jobs';
import {
  createWorkerHandler,
  createWorkerRouter,
  type IssuedRun,
  type IssueRunTokenOptions,
  issueRunToken,
  type WorkerRouterOptions,
} from 'generation-jobs/worker/gateway';
import { afterEach, expect } from 'vitest';

export const KEYS = [{ id: 'k1', secret: 'x'.repeat(32) }] as const;

export interface GatewayInput {
  readonly adapter?: 'express' | 'web';
  readonly manager?: Partial<ManagerInput>;
  readonly services?: StreamServices;
  readonly routes?: Partial<WorkerRouterOptions>;
}

export interface Gateway {
  readonly manager: GenerationJobManager;
  readonly url: string;
  /** What was logged, as text. */
  readonly logged: readonly string[];
  /** Takes the gateway off the network, or brings it back on the same port. */
  stop(): Promise<void>;
  begin(): Promise<void>;
}

const cleanups: (() => Promise<unknown> | unknown)[] = [];

/** Does something after the test, before the gateways are closed. */
export function afterTest(cleanup: () => Promise<unknown> | unknown): void {
  cleanups.push(cleanup);
}

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

export async function startGateway(input: GatewayInput = {}): Promise<Gateway> {
  const logged: string[] = [];
  const log = (fields: object, message: string) => void logged.push(JSON.stringify({ message, ...fields }));
  const manager = new GenerationJobManager({
    ...(input.services ?? createStreamServices()),
    logger: { debug: () => {}, info: log, warn: log, error: log },
    ...input.manager,
  });
  await manager.start();
  const listener = listenerOf(manager, input);
  let server = createServer(listener);
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const stop = async () => {
    if (!server.listening) return;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  };
  cleanups.push(async () => {
    await manager.close();
    await stop();
    const { process } = await manager.stats();
    expect(process, 'nothing is left behind').toMatchObject({
      followers: 0,
      followedStreams: 0,
      producing: 0,
    });
  });
  return {
    manager,
    logged,
    url: `http://127.0.0.1:${port}/worker`,
    stop,
    begin: () => {
      server = createServer(listener);
      return listen(port);
    },
  };
}

function listenerOf(manager: GenerationJobManager, { adapter = 'express', routes }: GatewayInput) {
  const options = { keys: KEYS, ...routes };
  if (adapter === 'express') return express().use('/worker', createWorkerRouter(manager, options));
  const handler = createWorkerHandler(manager, { ...options, basePath: '/worker' });
  return express().use(async (incoming, outgoing) => {
    const headers = new Headers(incoming.headers as Record<string, string>);
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const gone = new AbortController();
    outgoing.on('close', () => gone.abort());
    const body = chunks.length > 0 ? { body: Buffer.concat(chunks) } : {};
    const { method } = incoming;
    const url = `http://127.0.0.1${incoming.originalUrl}`;
    const response = await handler(new Request(url, { method, headers, signal: gone.signal, ...body }));
    outgoing.writeHead(response.status, Object.fromEntries(response.headers));
    for await (const chunk of response.body ?? []) outgoing.write(chunk);
    outgoing.end();
  });
}

export async function startJob(manager: GenerationJobManager, streamId = 's'): Promise<GenerationJob> {
  const made = await manager.createJob({ streamId, userId: 'ann' });
  if (!made.started) throw new Error('Somebody else has started it.');
  return made.job;
}

/** A run that was handed over to a worker. */
export async function handedOver(
  { manager }: Gateway,
  options: Partial<IssueRunTokenOptions> = {},
  streamId = 's',
): Promise<IssuedRun & { readonly job: GenerationJob }> {
  const job = await startJob(manager, streamId);
  return { job, ...(await issueRunToken(job, { keys: KEYS, agentId: 'writer', ...options })) };
}

export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: what a test expects of it is what it asks for
  readonly body: any;
  readonly headers: Headers;
}

export async function post(
  { url }: Gateway,
  path: string,
  token: string | undefined,
  body: unknown,
): Promise<Answer> {
  const response = await fetch(`${url}/${path}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? null : JSON.parse(text) };
}

/** Resolves when the condition holds; fails after two minutes, saying what was awaited. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 120_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`Waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The events of a stream's current generation, from its beginning to its end. */
export async function eventsOf(
  manager: GenerationJobManager,
  streamId = 's',
): Promise<{ event: string; data: unknown; sequence: number }[]> {
  const found: { event: string; data: unknown; sequence: number }[] = [];
  const subscription = manager.subscribe(streamId);
  for await (const { event, data, cursor } of subscription)
    found.push({ event, data, sequence: parseCursor(cursor).sequence });
  return found;
}
