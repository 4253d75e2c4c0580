/**
 * A process of the workers' figures, by its role: a gateway, which can produce by itself as well; a worker with its outbox; or a
 * reader. Each answers one question at a time. Times are of one machine's clock.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import express from 'express';
import { createStreamServices, type GenerationJob, GenerationJobManager } from 'generation-jobs';
import { createWorkerClient, openOutbox } from 'generation-jobs/worker';
import { createWorkerRouter, issueRunToken } from 'generation-jobs/worker/gateway';
import Database from 'libsql';
import { connect } from './clients.js';
import { setupOfChild } from './messages.js';

export interface WorkersSetup {
  readonly role: 'gateway' | 'worker' | 'reader';
  readonly port: number;
}

/** Events, one each so many milliseconds; 0 for as fast as they are taken. */
export interface WorkersLoad {
  readonly events: number;
  readonly everyMs: number;
}

/** What a reader has seen: how late each event was (ms), and the events each second from the first emit to the last arrival. */
export interface WorkersSeen {
  readonly lateMs: readonly number[];
  readonly perSecond: number;
}

type Answers = Readonly<Record<string, (input: never) => Promise<unknown>>>;

const { role, port } = setupOfChild<WorkersSetup>();
const keys = [{ id: 'bench', secret: 'b'.repeat(32) }];
const now = () => performance.timeOrigin + performance.now();

async function produce(job: GenerationJob, { events, everyMs }: WorkersLoad): Promise<void> {
  for (let n = 0; n < events; n++) {
    const taken = job.emit({ event: 'text', data: { at: now(), text: 'twenty characters ab' } });
    if (everyMs > 0) await pause(everyMs);
    else await taken;
  }
  await job.complete();
}

async function gateway(): Promise<Answers> {
  const manager = new GenerationJobManager(
    createStreamServices({ redis: connect({ port, cluster: false }) }),
  );
  await manager.start();
  const server = createServer(express().use('/worker', createWorkerRouter(manager, { keys })));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/worker`;
  const jobs: GenerationJob[] = [];
  const newest = () => jobs.at(-1) as GenerationJob;
  return {
    create: async ({ streamId }: { streamId: string }) => {
      const made = await manager.createJob({ streamId, userId: 'bench' });
      if (!made.started) throw new Error('It was not started.');
      jobs.push(made.job);
    },
    handOver: async () => ({ url, ...(await issueRunToken(newest(), { keys, agentId: 'bench' })) }),
    produce: (load: WorkersLoad) => produce(newest(), load),
  };
}

function worker(): Answers {
  return {
    produce: async ({ url, token, load }: { url: string; token: string; load: WorkersLoad }) => {
      const folder = mkdtempSync(join(tmpdir(), 'bench-worker-'));
      const outbox = openOutbox({ database: new Database(join(folder, 'outbox.db')) });
      const client = await createWorkerClient({ url, token, outbox });
      await produce(client.job, load);
      await client.close();
      await outbox.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function reader(): Promise<Answers> {
  const manager = new GenerationJobManager(
    createStreamServices({ redis: connect({ port, cluster: false }) }),
  );
  await manager.start();
  let seen: Promise<WorkersSeen>;
  const read = async (streamId: string): Promise<WorkersSeen> => {
    const lateMs: number[] = [];
    let [first, last] = [Number.NaN, Number.NaN];
    for await (const { event, data } of manager.subscribe(streamId)) {
      if (event !== 'text') continue;
      const { at } = data as { at: number };
      last = now();
      if (lateMs.length === 0) first = at;
      lateMs.push(last - at);
    }
    return { lateMs, perSecond: (lateMs.length / (last - first)) * 1000 };
  };
  return {
    follow: async ({ streamId }: { streamId: string }) => {
      seen = read(streamId);
    },
    seen: async () => seen,
  };
}

const answers: Answers = role === 'gateway' ? await gateway() : role === 'worker' ? worker() : await reader();
process.on('message', async ({ call, input }: { call: string; input: never }) => {
  const answer = await answers[call]?.(input).catch((error: unknown) => ({ failed: String(error) }));
  process.send?.({ answer });
});
process.once('disconnect', () => process.exit(0));
process.send?.({ answer: 'ready' });
