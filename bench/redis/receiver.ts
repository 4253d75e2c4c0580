/** The process that receives, and takes the time of every token. */
import { setTimeout as pause } from 'node:timers/promises';
import { listeners } from './listeners.js';
import { answerParent, type Received, type RunSetup, setupOfChild } from './messages.js';
import { micros, type Token } from './tokens.js';

const LONGEST_WAIT_MS = 20_000;

const setup = setupOfChild<RunSetup>();
let received = 0;
let lastAt = 0;
let delays: number[] = [];
let cpu = process.cpuUsage();

answerParent({
  open: async () => {
    await listeners[setup.contender](setup, onToken);
    return undefined;
  },
  begin: async (total) => {
    await allReceived(total);
    delays = [];
    cpu = process.cpuUsage();
    return undefined;
  },
  finish: async (total): Promise<Received> => {
    await allReceived(total);
    const { user, system } = process.cpuUsage(cpu);
    delays.sort((a, b) => a - b);
    return { total: received, lastAt, cpuMicros: user + system, p50: percentile(0.5), p99: percentile(0.99) };
  },
});

function onToken(token: Token): void {
  lastAt = micros();
  received++;
  delays.push(lastAt - token.at);
}

/** A bare PUBLISH may lose tokens: then what came is told after a while. */
async function allReceived(total: number): Promise<void> {
  const until = Date.now() + LONGEST_WAIT_MS;
  while (received < total && Date.now() < until) await pause(2);
}

function percentile(share: number): number {
  return delays[Math.min(delays.length - 1, Math.floor(delays.length * share))] ?? Number.NaN;
}
