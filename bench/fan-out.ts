/**
 * 1,000 SSE followers of one stream on one process: CPU of this process per delivery, against a bare `res.write` of one
 * string made once per event. The followers live in another process. `four` lets four events arrive in one turn.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import express from 'express';
import { createStreamServices, type GenerationJob, GenerationJobManager } from 'generation-jobs';
import { createStreamRouter } from 'generation-jobs/express';
import { median, ratioOf, repeatShuffled } from './figures.js';
import type { ClientReport, OpenRequest } from './sse-clients.js';

const FOLLOWERS = 1000;
const EVENTS = 120;
const EVERY_MS = 25;

interface Contender {
  readonly server: Server;
  /** Sends this many events in one turn. */
  send(count: number): Promise<void>;
  close(): Promise<void>;
}

export async function benchFanOut(): Promise<void> {
  const clients = fork(join(import.meta.dirname, 'sse-clients.js'));
  const results = await repeatShuffled(5, {
    bare: async () => measure(clients, await bareServer(), 1),
    one: async () => measure(clients, await ourServer(), 1),
    four: async () => measure(clients, await ourServer(), 4),
  });
  clients.disconnect();
  await once(clients, 'exit');
  const cost = (name: keyof typeof results) => `${median(results[name]).toFixed(1)} µs`;
  console.log(`fan-out to ${FOLLOWERS} SSE followers, CPU per delivery: bare res.write ${cost('bare')}`);
  console.log(
    `  one event a turn ${cost('one')}, x bare ${ratioOf(results.one, results.bare)} (goal <= 1.0)`,
  );
  console.log(
    `  four events a turn ${cost('four')}, x bare ${ratioOf(results.four, results.bare)} (goal <= 0.5)`,
  );
}

type Clients = ReturnType<typeof fork>;

async function measure(clients: Clients, contender: Contender, burst: number): Promise<number> {
  contender.server.listen(0, '127.0.0.1');
  await once(contender.server, 'listening');
  const { port } = contender.server.address() as AddressInfo;
  clients.send({ open: FOLLOWERS, port, path: '/stream/bench' } satisfies OpenRequest);
  for (let ready = 0; ready < FOLLOWERS; ready = await connectionsOf(contender.server)) await pause(20);
  await pause(300);
  await contender.send(1);
  await pause(200);
  const before = process.cpuUsage();
  for (let sent = 0; sent < EVENTS; sent += burst) {
    await contender.send(burst);
    await pause(EVERY_MS);
  }
  await pause(100);
  const { user, system } = process.cpuUsage(before);
  const { events } = await ask<ClientReport>(clients, 'report');
  if (events < FOLLOWERS * EVENTS) throw new Error(`${events} deliveries of ${FOLLOWERS * EVENTS} arrived`);
  await ask(clients, 'close');
  await contender.close();
  contender.server.closeAllConnections();
  contender.server.close();
  return (user + system) / (FOLLOWERS * EVENTS);
}

async function bareServer(): Promise<Contender> {
  const responses = new Set<ServerResponse>();
  let sequence = 0;
  const server = createServer((request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.flushHeaders();
    response.socket?.setNoDelay(true);
    responses.add(response);
    request.on('close', () => responses.delete(response));
  });
  return {
    server,
    async send(count) {
      for (let one = 0; one < count; one++) {
        const data = JSON.stringify(payload(++sequence));
        const text = `id: 1700000000000-${sequence}\nevent: text\ndata: ${data}\n\n`;
        for (const response of responses) response.write(text);
      }
    },
    async close() {},
  };
}

async function ourServer(): Promise<Contender> {
  const manager = new GenerationJobManager(createStreamServices());
  const created = await manager.createJob({ streamId: 'bench', userId: 'bench' });
  if (!created.started) throw new Error('not started');
  const job: GenerationJob = created.job;
  const app = express();
  app.use(createStreamRouter(manager, { authorize: () => ({ userId: 'bench' }) }));
  let index = 0;
  return {
    server: createServer(app),
    async send(count) {
      for (let one = 0; one < count; one++) void job.emit({ event: 'text', data: payload(++index) });
      await job.flush();
    },
    async close() {
      await manager.close();
    },
  };
}

function payload(index: number): object {
  return { type: 'text-delta', mark: index, delta: 'twenty characters ab', pad: 'p'.repeat(20) };
}

function connectionsOf(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });
}

async function ask<Answer>(clients: Clients, what: 'report' | 'close'): Promise<Answer> {
  clients.send(what);
  const [answer] = await once(clients, 'message');
  return answer as Answer;
}
