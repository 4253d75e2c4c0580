/** A worker's process with an outbox, and the server that it delivers to. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { json } from 'node:stream/consumers';

const SCRIPT = new URL('outbox-process.mjs', import.meta.url).pathname;
const LIBRARY = new URL('../../../dist/worker/index.js', import.meta.url).href;

export interface OutboxWorkerConfig {
  readonly path: string;
  readonly url: string;
  readonly driver: string;
  /** Names the runs of this process. */
  readonly name: string;
  readonly runs: number;
  /** Whether it delivers what there is and ends, or produces until it is killed. */
  readonly drains?: boolean;
  readonly settings?: object;
}

/** A line of the process. */
export type Said =
  | { readonly opened: true }
  | { readonly refused: string }
  | { readonly run: string; readonly last: number }
  | { readonly report: string }
  | { readonly ended: string; readonly reason: string }
  | { readonly aside: string; readonly reason: string; readonly text: string }
  | { readonly drained: { readonly waiting: number; readonly rows: number } };

export class OutboxWorker {
  readonly #process: ChildProcess;
  readonly said: Said[] = [];
  readonly #waiting = new Set<() => void>();
  #stderr = '';
  #isOver = false;
  readonly over: Promise<void>;

  constructor(config: OutboxWorkerConfig) {
    const args = [SCRIPT, JSON.stringify({ library: LIBRARY, ...config })];
    this.#process = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    this.#process.stderr?.on('data', (text) => {
      this.#stderr += text;
    });
    if (!this.#process.stdout) throw new Error('no output');
    const lines = createInterface({ input: this.#process.stdout });
    lines.on('line', (line) => {
      // The last line of a process that was killed may be cut short; the outbox may have taken what it was to tell.
      if (line.endsWith('}')) this.said.push(JSON.parse(line) as Said);
      for (const look of this.#waiting) look();
    });
    this.over = Promise.all([once(lines, 'close'), once(this.#process, 'close')]).then(() => {
      this.#isOver = true;
      for (const look of this.#waiting) look();
    });
  }

  /** Resolves when so many lines have come, or the process is over. */
  async untilLines(count: number): Promise<void> {
    await this.until(() => this.said.length >= count);
  }

  /** Resolves when it is so, or the process is over. */
  until(isSo: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!isSo() && !this.#isOver) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.over;
    if (this.#stderr !== '') throw new Error(`The worker said: ${this.#stderr}`);
  }

  /** Resolves with its exit code when it has ended by itself. */
  async ended(): Promise<number | null> {
    await this.over;
    if (this.#stderr !== '') throw new Error(`The worker said: ${this.#stderr}`);
    return this.#process.exitCode;
  }
}

/** `refuses`: 503. `breaks`: nobody answers. `forgets`: takes it, and the answer is lost. */
export const OUTAGES = ['refuses', 'breaks', 'forgets'] as const;
export type Weather = 'well' | (typeof OUTAGES)[number];

/**
 * The other side: it keeps of each run what comes at the number it expects, and of reports what has a new key. A run that was
 * refused so often in one outage has ended: its lease would be over.
 */
export class OtherSide {
  weather: Weather = 'well';
  readonly runs = new Map<string, string[]>();
  readonly reports = new Map<string, unknown>();
  readonly ended = new Set<string>();
  /** Everything that would break the promise. */
  readonly faults: string[] = [];
  readonly #refusedOf = new Map<string, number>();
  readonly #refusalsOfALease: number;
  readonly #server: Server;

  constructor(refusalsOfALease: number) {
    this.#refusalsOfALease = refusalsOfALease;
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => this.faults.push(String(error)));
    });
  }

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await json(request).catch(() => undefined);
    if (body === undefined) return; // the worker was killed while it was sending
    const { weather } = this;
    const given = body as {
      run?: string;
      items?: { first: number; last: number; text: string }[];
      key?: string;
    };
    if (weather === 'refuses' || weather === 'breaks') {
      this.#countRefusal(given.run);
      if (weather === 'breaks') request.socket.destroy();
      else response.writeHead(503).end();
      return;
    }
    const [status, answer] =
      given.run === undefined ? this.#takeReport(given) : this.#takeBatches(given.run, given.items ?? []);
    if (weather === 'forgets') request.socket.destroy();
    else response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  }

  #countRefusal(run: string | undefined): void {
    if (run === undefined) return;
    const refused = (this.#refusedOf.get(run) ?? 0) + 1;
    this.#refusedOf.set(run, refused);
    if (refused >= this.#refusalsOfALease) this.ended.add(run);
  }

  #takeReport({ key = '' }: { key?: string }): [number, object] {
    this.reports.set(key, true);
    return [200, {}];
  }

  #takeBatches(
    run: string,
    items: readonly { first: number; last: number; text: string }[],
  ): [number, object] {
    this.#refusedOf.delete(run);
    if (this.ended.has(run)) return [409, { code: 'ended' }];
    const has = this.runs.get(run) ?? [];
    this.runs.set(run, has);
    for (const { first, last, text } of items) {
      if (first > has.length + 1) {
        this.faults.push(`${run} skipped from ${has.length} to ${first}`);
        return [409, { code: 'gap', expected: has.length + 1 }];
      }
      const events = JSON.parse(text) as string[];
      if (events.length !== last - first + 1) this.faults.push(`${run} ${first} has ${events.length} events`);
      const known = has.slice(first - 1, last);
      if (known.some((event, index) => event !== events[index])) this.faults.push(`${run} ${first} changed`);
      has.push(...events.slice(known.length));
    }
    return [200, { sequence: has.length }];
  }
}
