/**
 * How tokens come.
 *
 * - `paced`   50 a second on each stream, intervals varying by half
 * - `bursty`  the same on average, 1 to 7 at a time
 * - `open`    as fast as they are taken, with at most so many unanswered; its latencies are queueing and mean nothing
 */
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import type { LoadName } from './messages.js';
import { micros } from './tokens.js';

const INTERVAL_MICROS = 20_000;
const BURST_MEAN = 4;
const BURST_MOST = 7;
/** In all, and on one stream: there, `emit` would make its caller wait. */
const UNANSWERED_MOST = 4096;
const UNANSWERED_MOST_EACH = 1024;
const TURN_MOST = 512;

export interface Outlet {
  readonly streams: number;
  readonly unanswered: number;
  send(stream: number): void;
  /** Resolves with the next answer. */
  answered(): Promise<void>;
}

export async function drive(load: LoadName, outlet: Outlet, forMs: number): Promise<void> {
  const until = micros() + forMs * 1000;
  if (load === 'open') await sendOpenly(outlet, until);
  else await sendOnTime(outlet, until, load === 'bursty');
  while (outlet.unanswered > 0) await pause(1);
}

async function sendOpenly(outlet: Outlet, until: number): Promise<void> {
  const most = Math.min(UNANSWERED_MOST, outlet.streams * UNANSWERED_MOST_EACH);
  for (let next = 0; micros() < until; await nextTurn()) {
    if (outlet.unanswered >= most) {
      await outlet.answered();
      continue;
    }
    for (let sent = 0; sent < TURN_MOST && outlet.unanswered < most; sent++) {
      outlet.send(next++ % outlet.streams);
    }
  }
}

async function sendOnTime(outlet: Outlet, until: number, inBursts: boolean): Promise<void> {
  const interval = inBursts ? INTERVAL_MICROS * BURST_MEAN : INTERVAL_MICROS;
  const due = Array.from({ length: outlet.streams }, () => micros() + Math.random() * interval);
  for (let now = micros(); now < until; await pause(1), now = micros()) {
    for (let stream = 0; stream < due.length; stream++) {
      while ((due[stream] ?? 0) <= now) {
        due[stream] = (due[stream] ?? 0) + interval * (0.5 + Math.random());
        const count = inBursts ? 1 + Math.floor(Math.random() * BURST_MOST) : 1;
        for (let one = 0; one < count; one++) outlet.send(stream);
      }
    }
  }
}
