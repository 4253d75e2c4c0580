/**
 * 1,000 SSE followers of one stream on one process: CPU of this process per delivery, against a bare `res.write` of one
 * string made once per event. The followers live in another process. `four` lets four events arrive in one turn.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import express from 'express';
import { createStreamServices, type GenerationJob, GenerationJobManager } from 'generation-jobs';
import { createStreamRouter } from 'generation-jobs/express';
import { type Contender, cpuPerDelivery, FOLLOWERS } from './cpu-per-delivery.js';
import { median, ratioOf, repeatShuffled } from './figures.js';

export async function benchFanOut(): Promise<void> {
  const clients = fork(join(import.meta.dirname, 'sse-clients.js'));
  const results = await repeatShuffled(5, {
    bare: async () => cpuPerDelivery(clients, await bareServer(), 1),
    one: async () => cpuPerDelivery(clients, await ourServer(), 1),
    four: async () => cpuPerDelivery(clients, await ourServer(), 4),
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
