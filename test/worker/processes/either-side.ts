/** Both sides of a worker's run, as processes that a test takes away: gateways behind proxies, workers, and readers over HTTP. */
import { setTimeout as pause } from 'node:timers/promises';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import type { IssuedRun } from 'generation-jobs/worker/gateway';
import type { StreamEvent } from '../../../src/stream/model/lifecycle-payloads.js';
import { isTerminalEvent } from '../../../src/stream/model/transitions.js';
import type { FollowerHistory, History } from '../../support/history.js';
import { RedisServer } from '../../support/redis-server.js';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.js';
import { freshPath } from '../outbox-databases.js';
import { GatewayProcess, type ReadRun, WorkerLife } from './workers.js';

/** Before a reader comes back, or a killed process is begun anew. */
const BREATH_MS = 20;

/** A gateway's place: workers come to it through a proxy, readers straight. */
export interface Seat {
  readonly gateway: GatewayProcess;
  readonly proxy: TcpProxy;
  isAway: boolean;
}

export class BothSides {
  readonly redis: RedisServer;
  readonly seats: readonly Seat[];
  #cuts = 0;

  private constructor(redis: RedisServer, seats: readonly Seat[]) {
    this.redis = redis;
    this.seats = seats;
  }

  static async start(options: object): Promise<BothSides> {
    const redis = await RedisServer.start();
    const seats: Seat[] = [];
    for (let at = 0; at < 2; at++) {
      const gateway = new GatewayProcess(redis.port, options);
      await gateway.begin();
      seats.push({ gateway, proxy: await startTcpProxy(gateway.port), isAway: false });
    }
    return new BothSides(redis, seats);
  }

  async close(): Promise<void> {
    for (const { gateway, proxy } of this.seats) {
      await gateway.kill();
      await proxy.close();
    }
    await this.redis.stop();
  }

  async handOver(streamId: string, workerLeaseMs: number): Promise<IssuedRun> {
    return this.#first.ask<IssuedRun>('create', { streamId, workerLeaseMs });
  }

  /** Everything of a run, once it has ended. */
  read(streamId: string): Promise<ReadRun> {
    return this.#first.ask<ReadRun>('read', { streamId });
  }

  /** Kills a gateway; it is back after a while. */
  async killGateway(seat: Seat, awayMs: number): Promise<void> {
    if (seat.isAway) return;
    seat.isAway = true;
    await seat.gateway.kill();
    await pause(awayMs);
    await seat.gateway.begin();
    seat.isAway = false;
  }

  /** Takes both gateways away from workers until `work` is done; they go on, and readers still reach them. */
  async without<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#cuts++;
    for (const { proxy } of this.seats) proxy.cut();
    try {
      return await work();
    } finally {
      this.#cuts--;
      if (this.#cuts === 0) for (const { proxy } of this.seats) proxy.restore();
    }
  }

  get #first(): GatewayProcess {
    const [seat] = this.seats;
    if (seat === undefined) throw new Error('There is no gateway.');
    return seat.gateway;
  }
}

/** One worker in its lives: each goes on with the token and the outbox of the one before. */
export class Worker {
  readonly lives: WorkerLife[] = [];
  readonly #config: object;
  readonly #streamId: string;

  constructor(sides: BothSides, run: IssuedRun, driver: string) {
    const urls = sides.seats.map(({ proxy }) => `http://127.0.0.1:${proxy.port}/worker`);
    this.#config = { urls, token: run.token, outbox: freshPath(), driver };
    this.#streamId = run.streamId;
  }

  get life(): WorkerLife {
    const life = this.lives.at(-1);
    if (life === undefined) throw new Error('It has not been born.');
    return life;
  }

  /** Begins another life. */
  live(pace: { readonly total: number; readonly everyMs: number; readonly burst: number }): WorkerLife {
    const life = new WorkerLife(`${this.#streamId}-life-${this.lives.length}`, { ...this.#config, ...pace });
    this.lives.push(life);
    return life;
  }
}

/** A reader over HTTP, which comes back with its cursor, to whichever gateway, until it is told an end. */
export class Reader implements FollowerHistory {
  readonly name: string;
  readonly streamId: string;
  readonly received: StreamEvent[] = [];
  isOver = false;

  constructor(name: string, streamId: string) {
    this.name = name;
    this.streamId = streamId;
  }

  async read(sides: BothSides, seat: number): Promise<void> {
    for (let at = seat; !this.isOver; at++) {
      const { gateway } = sides.seats[at % sides.seats.length] as Seat;
      // Whatever breaks it off, it comes back.
      await this.#readOnce(gateway.readersUrl).catch(() => undefined);
      if (!this.isOver) await pause(BREATH_MS);
    }
  }

  async #readOnce(url: string): Promise<void> {
    const cursor = this.received.at(-1)?.cursor;
    const after = cursor === undefined ? '' : `?after=${cursor}`;
    const response = await fetch(`${url}/stream/${this.streamId}${after}`);
    if (response.status !== 200 || response.body === null) return;
    const events = response.body
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(new EventSourceParserStream());
    for await (const { event = 'message', data, id = '' } of events) {
      if (id === '') continue; // a heartbeat
      this.received.push({ event, data: JSON.parse(data), cursor: id } as StreamEvent);
      if (isTerminalEvent(event)) this.isOver = true;
    }
  }
}

/** The run's history in the words of the checker: its lives are one attempt, which has numbered its events through. */
export function historyOf(read: ReadRun, readers: readonly Reader[]): History {
  const { streamId, generation, attempt, status } = read.record;
  const offsets = new Map<string, number>();
  let count = 0;
  for (const { event, data } of read.events) {
    if (event !== 'text') continue;
    const { life = '' } = data;
    if (!offsets.has(life)) offsets.set(life, count);
    count++;
  }
  const numbered = (event: StreamEvent): StreamEvent => {
    if (event.event !== 'text') return event;
    const { life = '', n = 0 } = event.data as { life?: string; n?: number };
    const text = `${generation}/${attempt}/${(offsets.get(life) ?? Number.NaN) + n} `;
    return { ...event, data: { text } } as StreamEvent;
  };
  const asked = status === 'completed' ? 'completed' : undefined;
  const writing = { streamId, generation, attempt, emitted: count, acknowledged: count, isComplete: true };
  return {
    producers: [{ ...writing, asked, ended: asked !== undefined }],
    followers: readers.map(({ name, received, isOver }) => ({
      ...{ name, streamId, isOver, received: received.map(numbered) },
    })),
    isFinished: true,
  };
}
