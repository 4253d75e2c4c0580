/**
 * Append and deliver through an outbox, every batch synced to the disk before it counts as taken, against the two halves that
 * nobody can do without: the same rows inserted with bare SQLite, each synced; and the same batches posted to the same
 * server with nothing between. A batch is what a producer commits at once while an agent streams.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { deliveryOf, openOutbox, type RunItem } from 'generation-jobs/worker';
import Database from 'libsql';
import { median, ratioOf, repeatShuffled } from './figures.js';

const EVENTS = 20_000;
const BATCH = 20;
const EVENT = JSON.stringify({ event: 'text', data: { text: 'twenty characters ab' } });
const TEXT = `[${Array.from({ length: BATCH }, () => EVENT).join(',')}]`;
/** Events of the run in which each is delivered before the next is appended. */
const SINGLE_EVENTS = 500;

interface Sample {
  readonly perSecond: number;
  /** From the append until the server has it, median (ms). */
  readonly p50: number;
}

export async function benchOutbox(): Promise<void> {
  const side = await listen();
  const results = await repeatShuffled<string, Sample>(5, {
    sqlite: () => bareSqlite(),
    posts: () => barePosts(side.url),
    outbox: () => throughOutbox(side.url),
    single: () => oneByOne(side.url),
  });
  side.server.close();
  const rates = (name: string) => (results[name] ?? []).map(({ perSecond }) => perSecond);
  const rate = (name: string) => `${(median(rates(name)) / 1000).toFixed(1)} k events/s`;
  const p50 = (name: string) => median((results[name] ?? []).map((one) => one.p50)).toFixed(1);
  console.log(`append + deliver through an outbox, ${BATCH} events a batch, each batch synced`);
  console.log(`  bare SQLite, synced: ${rate('sqlite')}; bare posts: ${rate('posts')}`);
  console.log(
    `  outbox: ${rate('outbox')} (goal >= 2), x bare SQLite ${ratioOf(rates('outbox'), rates('sqlite'))}, ` +
      `x bare posts ${ratioOf(rates('outbox'), rates('posts'))}`,
  );
  console.log(
    `  one batch after another: append -> server p50 ${p50('single')} ms; a bare post ${p50('posts')} ms`,
  );
}

async function listen(): Promise<{ readonly server: Server; readonly url: string }> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.setHeader('content-type', 'application/json').end('{}'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

async function post(url: string, text: string): Promise<{ readonly status: number; readonly body: unknown }> {
  const response = await fetch(url, { method: 'POST', body: text });
  return { status: response.status, body: await response.json() };
}

async function inFolder<Result>(work: (path: string) => Promise<Result>): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-outbox-'));
  try {
    return await work(join(folder, 'outbox.db'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function bareSqlite(): Promise<Sample> {
  return inFolder(async (path) => {
    const database = new Database(path);
    database.exec(
      'PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE item (id INTEGER PRIMARY KEY, text TEXT)',
    );
    const insert = database.prepare('INSERT INTO item (text) VALUES (?)');
    const startedAt = performance.now();
    for (let first = 1; first <= EVENTS; first += BATCH) insert.run(TEXT);
    const elapsed = performance.now() - startedAt;
    database.close();
    return { perSecond: (EVENTS / elapsed) * 1000, p50: Number.NaN };
  });
}

async function barePosts(url: string): Promise<Sample> {
  const times: number[] = [];
  const startedAt = performance.now();
  for (let first = 1; first <= EVENTS; first += BATCH) {
    const sentAt = performance.now();
    await post(url, TEXT);
    times.push(performance.now() - sentAt);
  }
  return { perSecond: (EVENTS / (performance.now() - startedAt)) * 1000, p50: median(times) };
}

function throughOutbox(url: string): Promise<Sample> {
  return inFolder(async (path) => {
    const outbox = openOutbox({ database: new Database(path) });
    const lane = outbox.run('bench', { deliver: (items) => deliver(url, items) });
    const startedAt = performance.now();
    for (let first = 1; first <= EVENTS; first += BATCH) {
      lane.append(first, BATCH, TEXT);
      await nextTurn();
    }
    await lane.idle();
    const elapsed = performance.now() - startedAt;
    await outbox.close();
    return { perSecond: (EVENTS / elapsed) * 1000, p50: Number.NaN };
  });
}

function oneByOne(url: string): Promise<Sample> {
  return inFolder(async (path) => {
    const outbox = openOutbox({ database: new Database(path) });
    const times: number[] = [];
    let appendedAt = 0;
    const lane = outbox.run('bench', {
      deliver: async (items) => {
        const delivery = await deliver(url, items);
        times.push(performance.now() - appendedAt);
        return delivery;
      },
    });
    const startedAt = performance.now();
    for (let first = 1; first <= SINGLE_EVENTS; first++) {
      appendedAt = performance.now();
      lane.append(first, 1, TEXT);
      await lane.idle();
    }
    const elapsed = performance.now() - startedAt;
    await outbox.close();
    return { perSecond: (SINGLE_EVENTS / elapsed) * 1000, p50: median(times) };
  });
}

async function deliver(url: string, items: readonly RunItem[]) {
  const answer = await post(url, items.map(({ text }) => text).join('\n'));
  return deliveryOf(answer, Date.now());
}
