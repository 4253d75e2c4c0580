/**
 * Append and deliver to one subscriber, in memory, against the least a program could do: an EventEmitter, an array that
 * keeps the text, and JSON.parse on the other side. Both write the same event as text and read its data back.
 */
import { EventEmitter } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createStreamServices, GenerationJobManager } from 'generation-jobs';
import { median, ratioOf, repeatShuffled } from './figures.js';

const EVENTS = 200_000;
const BURST = 64;
const PAD = 'x'.repeat(90);

export async function benchEmit(): Promise<void> {
  let stream = 0;
  const results = await repeatShuffled(7, {
    bare: () => bare(),
    burst: () => ours(`burst-${stream++}`, BURST),
    single: () => ours(`single-${stream++}`, 1),
  });
  const rate = (name: keyof typeof results) => `${Math.round(median(results[name]) / 1000)} k events/s`;
  console.log(`append + deliver in memory: EventEmitter + push + parse ${rate('bare')}`);
  console.log(
    `  ${BURST} events a turn: ${rate('burst')}, x bare ${ratioOf(results.burst, results.bare)} (goal >= 0.25)`,
  );
  console.log(`  one event a turn: ${rate('single')}, x bare ${ratioOf(results.single, results.bare)}`);
}

function bare(): number {
  const emitter = new EventEmitter();
  const log: string[] = [];
  let seen = 0;
  emitter.on('event', (text: string) => {
    seen += (JSON.parse(text) as { index: number }).index & 1;
  });
  const startedAt = performance.now();
  for (let index = 0; index < EVENTS; index++) {
    const text = JSON.stringify({ index, text: PAD });
    log.push(text);
    emitter.emit('event', text);
  }
  if (seen === 0 || log.length !== EVENTS) throw new Error('nothing was delivered');
  return (EVENTS / (performance.now() - startedAt)) * 1000;
}

async function ours(streamId: string, burst: number): Promise<number> {
  const manager = new GenerationJobManager({
    ...createStreamServices(),
    options: { limits: { unsnapshottedEvents: EVENTS * 2, generationEvents: EVENTS * 2 } },
  });
  const created = await manager.createJob({ streamId, userId: 'bench' });
  if (!created.started) throw new Error('not started');
  const { job } = created;
  const subscription = manager.subscribe(streamId, { after: 'tail' });
  await subscription.ready;
  let seen = 0;
  let count = 0;
  const reading = (async () => {
    for await (const { event, data } of subscription) {
      if (event !== 'text') continue;
      seen += (data as { index: number }).index & 1;
      count++;
    }
  })();
  const startedAt = performance.now();
  for (let index = 0; index < EVENTS; ) {
    for (let more = Math.min(burst, EVENTS - index); more > 0; more--, index++) {
      void job.emit({ event: 'text', data: { index, text: PAD } });
    }
    await job.flush();
    if (burst > 1 || index % BURST === 0) await nextTurn();
  }
  await job.complete();
  await reading;
  const rate = (EVENTS / (performance.now() - startedAt)) * 1000;
  if (count !== EVENTS || seen === 0) throw new Error(`${count} events were delivered`);
  await manager.close();
  return rate;
}
