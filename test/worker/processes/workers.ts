/** Gateways and workers as processes, as a test sees and kills them. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { OutboxStats } from 'generation-jobs/worker';
import type { IssuedRun } from 'generation-jobs/worker/gateway';
import { onTestFinished } from 'vitest';
import type { JobRecord } from '../../../src/stream/model/types.js';
import { RedisServer } from '../../support/redis-server.js';
import { until } from '../gateway.js';
import { freshPath } from '../outbox-databases.js';

const LIBRARY = new URL('../../../dist/index.js', import.meta.url).href;
const programOf = (name: string) => fileURLToPath(new URL(`${name}-process.mjs`, import.meta.url));

/** What is in a run, read to its end. */
export interface ReadRun {
  readonly record: JobRecord;
  readonly events: readonly { readonly event: string; readonly data: { life?: string; n?: number } }[];
}

export function start(name: string, config: object): ChildProcess {
  const child = fork(programOf(name), [JSON.stringify({ library: LIBRARY, ...config })]);
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

export async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

export class GatewayProcess {
  readonly #config: { readonly redisPort: number; readonly options: object; readonly transcripts?: string };
  #child: ChildProcess | undefined;
  #port = 0;
  #asked = 0;

  constructor(redisPort: number, options: object, transcripts?: string) {
    this.#config = { redisPort, options, ...(transcripts !== undefined && { transcripts }) };
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/worker`;
  }

  /** The address of the routes for readers. */
  get readersUrl(): string {
    return `http://127.0.0.1:${this.#port}/api`;
  }

  get port(): number {
    return this.#port;
  }

  /** Begins, or begins again on the same port. */
  async begin(): Promise<void> {
    const child = start('gateway', { ...this.#config, port: this.#port });
    this.#child = child;
    const [{ listening }] = await once(child, 'message');
    this.#port = listening;
  }

  async kill(): Promise<void> {
    if (this.#child) await killed(this.#child);
  }

  async ask<Answer>(call: string, input: object): Promise<Answer> {
    const child = this.#child as ChildProcess;
    const id = ++this.#asked;
    return new Promise((resolve, reject) => {
      const take = (message: { id?: number; answer?: Answer & { failed?: string } }) => {
        if (message.id !== id) return;
        child.off('message', take);
        if (message.answer?.failed !== undefined) reject(new Error(message.answer.failed));
        else resolve(message.answer as Answer);
      };
      child.on('message', take);
      child.send({ id, call, ...input });
    });
  }
}

/** What a worker's outbox holds at the end of a life. */
export interface LeftInOutbox {
  readonly aside: readonly { readonly reason: string; readonly text: string }[];
  readonly stats: OutboxStats;
}

/** One life of a worker, and what it has said. */
export class WorkerLife {
  readonly name: string;
  kept = 0;
  hasBegun = false;
  ended: string | undefined;
  refused: string | undefined;
  left: LeftInOutbox | undefined;
  isClosed = false;
  readonly #child: ChildProcess;

  constructor(name: string, config: object) {
    this.name = name;
    this.#child = start('worker', { life: name, ...config });
    this.#child.on('message', (said: Record<string, never>) => {
      if (said.kept !== undefined) this.kept = said.kept;
      if (said.began) this.hasBegun = true;
      if (said.ended !== undefined) this.ended = said.ended;
      if (said.refused !== undefined) this.refused = said.refused;
      if (said.left) this.left = said.left;
      if (said.closed) this.isClosed = true;
    });
  }

  get isGone(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  kill(): Promise<void> {
    return killed(this.#child);
  }
}

/** Two gateways on one Redis, and a run that was handed over. */
export async function startStage(options: object, workerLeaseMs: number) {
  const redis = await RedisServer.start();
  onTestFinished(() => redis.stop());
  const gateways = [
    new GatewayProcess(redis.port, options),
    new GatewayProcess(redis.port, options),
  ] as const;
  for (const gateway of gateways) await gateway.begin();
  const [first] = gateways;
  const run = await first.ask<IssuedRun>('create', { streamId: 's', workerLeaseMs });
  const outbox = freshPath();
  const urls = gateways.map(({ url }) => url);
  const live = (name: string, total: number, everyMs = 0) =>
    new WorkerLife(name, { urls, token: run.token, outbox, total, everyMs });
  return { redis, gateways, run, live, read: () => first.ask<ReadRun>('read', { streamId: 's' }) };
}

/** Resolves when a life has had so many events kept. */
export async function untilKept(life: WorkerLife, count: number): Promise<void> {
  await until(`${life.name} has ${count} events kept`, () => life.kept >= count || life.isGone);
}

/** Says what is wrong with what followers of a run got; empty when nothing is. */
export function violationsOf({ events }: ReadRun, lives: readonly WorkerLife[]): string[] {
  const found: string[] = [];
  const texts = events.filter(({ event }) => event === 'text').map(({ data }) => data);
  const order = texts.map(({ life }) => life).filter((life, at, all) => life !== all[at - 1]);
  const expected = lives.map(({ name }) => name).filter((name) => order.includes(name));
  if (order.join() !== expected.join()) found.push(`lives came as ${order.join()}`);
  for (const { name, kept } of lives) {
    const numbers = texts.filter(({ life }) => life === name).map(({ n }) => n);
    if (numbers.some((n, at) => n !== at + 1)) found.push(`${name} is out of order, or has a hole`);
    if (numbers.length < kept) found.push(`${name} had ${kept} events kept, and ${numbers.length} arrived`);
  }
  return found;
}
