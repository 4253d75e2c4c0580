/**
 * The worker as a process: makes the answers it is given tokens for, over the gateway's HTTP, with what is not delivered yet
 * in an outbox. It knows neither Redis nor the server's parts; it is told what to do by the server that has started it.
 *
 * SIGTERM ends what it makes as interrupted and delivers that. When its server dies it ends too, or with `--outlives` once
 * what it makes is over: the gateway may be at another replica.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { JobEndedError } from 'generation-jobs';
import {
  createWorkerClient,
  openOutbox,
  resumeAgentProcess,
  runAgentProcess,
  type WorkerClient,
} from 'generation-jobs/worker';
import { destination, pino } from 'pino';
import { type CommandName, processOptions } from '../playing/commands.js';
import { DEMOS } from '../playing/demos.js';
import { makeAnswer } from '../playing/making.js';
import { recordedScripts } from '../playing/recorded-scripts.js';
import { readRecordings } from '../playing/recordings.js';
import type { WorkerReport, WorkOrder } from '../playing/worker.js';
import { readConfig } from '../server/config.js';
import { EXAMPLE_FOLDER } from '../server/folders.js';
import { findSqlite } from './sqlite.js';

const config = readConfig(process.env, {});
const logger = pino({ level: config.logLevel }, destination(2));
const recordings = readRecordings(join(EXAMPLE_FOLDER, 'recordings'));
const scripts = new Map([...recordedScripts(recordings), ...DEMOS]);
/** Its server has made it, and may be gone before it. */
const folder = folderIn(process.argv);
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const sqlite = await findSqlite();
const outbox = sqlite && openOutbox({ database: sqlite.open(join(folder, 'outbox.db')), logger });
/** Of the answers that are being made. */
const clients = new Set<WorkerClient>();
let orders = 0;
let isAlone = false;

process.once('SIGTERM', () => void leave());
process.on('message', (order: WorkOrder) => void carryOut(order));
process.once('disconnect', onAlone);
if (process.connected) report({ ready: true, outbox: sqlite?.name ?? null });
else onAlone();

async function carryOut({ order, url, token, work }: WorkOrder): Promise<void> {
  orders++;
  let isCarriedOut = true;
  try {
    await make(order, { url, token, work });
  } catch (error) {
    // Stopped before it began here, or the gateway can't be reached.
    isCarriedOut = false;
    const level = error instanceof JobEndedError ? 'debug' : 'warn';
    logger[level]({ err: error, order }, 'an order was not carried out');
  }
  orders--;
  report({ order, isCarriedOut });
  if (isAlone && orders === 0) await leave();
}

async function make(order: number, { url, token, work }: Omit<WorkOrder, 'order'>): Promise<void> {
  const client = await createWorkerClient({ url, token, outbox, logger });
  clients.add(client);
  try {
    const { command } = work.playback;
    // After a pause, whoever has the decision makes the next order; an agent's process waits for its own.
    if (command === undefined)
      await client.job.run(() => makeAnswer(client.job, work, { scripts, openAi: config.openAi, logger }));
    else await runCommand(client, order, { command, work });
  } finally {
    await client.close();
    clients.delete(client);
  }
}

async function runCommand(
  client: WorkerClient,
  order: number,
  { command, work: { prompt, playback } }: { command: CommandName; work: WorkOrder['work'] },
): Promise<void> {
  const options = processOptions(command, prompt, playback.tokensPerSecond);
  const questions = { manager: client.questions };
  let { reason } = await runAgentProcess(client.job, { ...options, questions });
  while (reason === 'paused') {
    const { job, continuation } = await client.nextAttempt();
    report({ order, attempt: job.attempt });
    ({ reason } = await resumeAgentProcess(job, continuation));
  }
}

/** @throws Error when nobody has given it one: it is started by a server */
function folderIn([, , given]: readonly string[]): string {
  if (given === undefined) throw new Error('a worker is started by npm start -- --worker');
  return given;
}

function onAlone(): void {
  isAlone = true;
  if (orders === 0 || !process.argv.includes('--outlives')) void leave();
}

async function leave(): Promise<void> {
  await Promise.all([...clients].map((client) => client.close()));
  await outbox?.close();
  process.exit(0);
}

function report(said: WorkerReport): void {
  if (process.connected) process.send?.(said);
}
