/**
 * A quiet stream beside two thousand greedy ones in one process: how long an event of the quiet one takes to its follower,
 * and how much all of them get done, with the bounds on a turn of the event loop and on commits under way, and without.
 *
 * Two kinds of greed. `turns` lets the loop go by itself after every sixteen events; `awaits` does nothing but await
 * `emit`. Without bounds the second holds the process until it stops by itself, so its producers look at the time.
 */
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import {
  createStreamServices,
  type GenerationJob,
  GenerationJobManager,
  type ManagerInput,
} from 'generation-jobs';
import { median, ratioOf, repeatShuffled } from './figures.js';

const GREEDY = 2_000;
const EVERY_MS = 20;
/** Two thousand that begin at once have all had nothing: who has had least shows when each has had its first share. */
const WARM_UP_MS = 1_000;
const TOKENS_A_TURN = 16;
const TOKEN = 'twenty characters ab';
const OFF = Number.MAX_SAFE_INTEGER;

type Services = Pick<ManagerInput, 'jobStore' | 'eventTransport'>;

export interface GreedSetup {
  /** What is measured, for people. */
  readonly store: string;
  /** Goal for the quiet stream's median (ms). */
  readonly goalMs: number;
  readonly repetitions: number;
  readonly forMs: number;
  /** Fresh services, empty. */
  open(): Promise<Services>;
  close(): Promise<void>;
}

interface Sample {
  readonly p50: number;
  readonly p99: number;
  readonly perSecond: number;
  /** The longest time in which the process answered nothing (ms). */
  readonly silence: number;
}

export function benchGreedInMemory(): Promise<void> {
  return benchGreed({
    ...{ store: 'memory', goalMs: 20, repetitions: 5, forMs: 3_000 },
    open: async () => createStreamServices(),
    close: async () => {},
  });
}

export async function benchGreed(setup: GreedSetup): Promise<void> {
  const run = (isBounded: boolean, load: Load) => () => measure(setup, isBounded, load);
  const results = await repeatShuffled<string, Sample>(setup.repetitions, {
    'turns, bounded': run(true, byTurns),
    'turns, unbounded': run(false, byTurns),
    'awaits, bounded': run(true, byAwaits),
    'awaits, unbounded': run(false, byAwaits),
  });
  console.log(`a quiet stream beside ${GREEDY} greedy ones, ${setup.store} (emit -> receive, ms)`);
  for (const [name, samples] of Object.entries(results)) {
    const of = (figure: keyof Sample) => median(valuesOf(samples, figure));
    console.log(
      `  ${name.padEnd(17)} p50 ${of('p50').toFixed(1)}, p99 ${of('p99').toFixed(1)}; ` +
        `${Math.round(of('perSecond') / 1000)} k events/s; longest silence ${Math.round(of('silence'))}`,
    );
  }
  for (const load of ['turns', 'awaits']) {
    const [own, free] = [results[`${load}, bounded`] ?? [], results[`${load}, unbounded`] ?? []];
    const rate = ratioOf(valuesOf(own, 'perSecond'), valuesOf(free, 'perSecond'));
    const tail = ratioOf(valuesOf(own, 'p99'), valuesOf(own, 'p50'), 1);
    console.log(
      `  ${load}: p50 goal <= ${setup.goalMs}; p99 x p50 ${tail} (goal <= 4); rate x unbounded ${rate} (goal >= 0.8)`,
    );
  }
}

function valuesOf(samples: readonly Sample[], figure: keyof Sample): number[] {
  return samples.map((sample) => sample[figure]);
}

type Load = (job: GenerationJob, until: number) => Promise<number>;

async function byTurns(job: GenerationJob, until: number): Promise<number> {
  let emitted = 0;
  while (performance.now() < until) {
    for (let more = TOKENS_A_TURN; more > 0; more--) await job.emit({ event: 'text', data: TOKEN });
    emitted += TOKENS_A_TURN;
    await nextTurn();
  }
  return emitted;
}

async function byAwaits(job: GenerationJob, until: number): Promise<number> {
  let emitted = 0;
  for (; performance.now() < until; emitted++) await job.emit({ event: 'text', data: TOKEN });
  return emitted;
}

async function measure(setup: GreedSetup, isBounded: boolean, load: Load): Promise<Sample> {
  const services = await setup.open();
  const bounds = isBounded ? {} : { turnEvents: OFF, commitsUnderWay: OFF };
  const manager = new GenerationJobManager({
    ...services,
    options: { limits: { ...bounds, unsnapshottedEvents: 2_000_000, generationEvents: 2_000_000 } },
  });
  const jobs = await Promise.all(Array.from({ length: GREEDY }, (_, index) => start(manager, `g${index}`)));
  const delays: number[] = [];
  const quiet = await start(manager, 'quiet');
  const reading = read(manager, delays);
  await pause(100);
  const startedAt = performance.now();
  const until = startedAt + setup.forMs;
  const silence = watchLoop();
  const speaking = speak(quiet, until);
  const counts = await Promise.all(jobs.map((job) => load(job, until)));
  await Promise.all(jobs.map((job) => job.flush()));
  const elapsed = performance.now() - startedAt;
  const longest = silence.stop();
  await speaking;
  await quiet.complete();
  await reading;
  await Promise.all(jobs.map((job) => job.complete()));
  await manager.close();
  await setup.close();
  const sorted = delays.toSorted((a, b) => a - b);
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
  const events = counts.reduce((sum, count) => sum + count, 0);
  return { p50: at(0.5), p99: at(0.99), perSecond: (events / elapsed) * 1000, silence: longest };
}

async function start(manager: GenerationJobManager, streamId: string): Promise<GenerationJob> {
  const made = await manager.createJob({ streamId, userId: streamId });
  if (!made.started) throw new Error('not started');
  return made.job;
}

/** An event counts from when it was to be emitted: what a held process could not even begin is late as well. */
async function speak(job: GenerationJob, until: number): Promise<void> {
  await pause(WARM_UP_MS);
  for (let at = performance.now() + EVERY_MS; at < until; at += EVERY_MS) {
    await pause(Math.max(0, at - performance.now()));
    void job.emit({ event: 'text', data: at });
  }
}

async function read(manager: GenerationJobManager, delays: number[]): Promise<void> {
  for await (const { event, data } of manager.subscribe('quiet', { after: 'tail' }))
    if (event === 'text') delays.push(performance.now() - Number(data));
}

function watchLoop(): { stop(): number } {
  let last = performance.now();
  let longest = 0;
  const look = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  };
  const timer = setInterval(look, 10);
  return {
    stop() {
      clearInterval(timer);
      look();
      return longest;
    },
  };
}
