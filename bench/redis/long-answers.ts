/**
 * What the length of an answer costs: time to write an event of it, and time to read its content for whoever comes late.
 * The baseline of a resume is what there is without snapshots: one entry a token, read in pages and folded.
 */
import { createStreamServices, type GenerationJob, GenerationJobManager } from 'generation-jobs';
import { textContent } from 'generation-jobs/content';
import type { Redis } from 'ioredis';
import { median, ratioOf } from '../figures.js';

const WRITTEN = [20_000, 160_000] as const;
const RESUMED = [10_000, 100_000] as const;
/** A tail grows between snapshots, so a resume is timed at as many places of an answer. */
const PLACES = 8;
const PAGE = 1_000;

const WORDS = ['the', ' answer', ' is', ' forty', '-two', ',', ' of', ' course', '.', ' Ask'];
const wordAt = (index: number) => WORDS[index % WORDS.length] as string;

export async function benchLongAnswers(redis: Redis, repetitions: number): Promise<void> {
  const [short, long] = [[] as number[], [] as number[]];
  for (let repetition = 0; repetition < repetitions; repetition++) {
    short.push(await timePerEvent(redis, WRITTEN[0]));
    long.push(await timePerEvent(redis, WRITTEN[1]));
  }
  console.log(
    `\nlong answers: an event of ${WRITTEN[0]} takes ${median(short).toFixed(2)} µs with its snapshots`,
  );
  console.log(`  one of ${WRITTEN[1]} x that ${ratioOf(long, short)} (goal <= 1.5)`);
  for (const [tokens, goal] of [
    [RESUMED[0], 0.05],
    [RESUMED[1], 0.02],
  ] as const) {
    const { ours, plain } = await timesToResume(redis, tokens, repetitions);
    console.log(`  resume of ${tokens} deltas: ${median(ours).toFixed(1)} ms, at ${PLACES} places`);
    console.log(`    x reading and folding an entry a token ${ratioOf(ours, plain, 3)} (goal <= ${goal})`);
  }
}

function newManager(redis: Redis): GenerationJobManager {
  return new GenerationJobManager({
    ...createStreamServices({ redis, pingMs: 600_000 }),
    contentModels: [textContent()],
  });
}

async function started(manager: GenerationJobManager): Promise<GenerationJob> {
  const created = await manager.createJob({ streamId: 'long', userId: 'bench', contentModel: 'text' });
  if (!created.started) throw new Error('not started');
  return created.job;
}

async function write(job: GenerationJob, from: number, to: number): Promise<void> {
  for (let index = from; index < to; index++)
    await job.emit({ event: 'text', data: { text: wordAt(index) } });
  await job.flush();
}

/** Microseconds. */
async function timePerEvent(redis: Redis, tokens: number): Promise<number> {
  const manager = newManager(redis);
  const job = await started(manager);
  const startedAt = performance.now();
  await write(job, 0, tokens);
  await manager.upkeep.idle();
  const took = performance.now() - startedAt;
  await job.complete();
  await manager.close();
  await redis.flushall();
  return (took / tokens) * 1000;
}

/** Milliseconds, ours and the baseline's by turns, at places from `tokens` on. */
async function timesToResume(
  redis: Redis,
  tokens: number,
  repetitions: number,
): Promise<{ ours: number[]; plain: number[] }> {
  const manager = newManager(redis);
  const reader = newManager(redis);
  const job = await started(manager);
  for (let at = 0; at < tokens; at += PAGE) await appendPlain(redis, at, at + PAGE);
  const [ours, plain] = [[] as number[], [] as number[]];
  let written = 0;
  for (let place = 0; place < PLACES; place++) {
    const until = tokens + Math.round((tokens * place) / (PLACES * PLACES));
    await write(job, written, until);
    written = until;
    await manager.upkeep.idle();
    for (let repetition = 0; repetition < repetitions; repetition++) {
      ours.push(await timed(async () => expectText((await reader.getResumeState('long'))?.content)));
      plain.push(await timed(async () => expectText({ text: await readPlain(redis) })));
    }
  }
  await job.complete();
  await manager.close();
  await reader.close();
  await redis.flushall();
  return { ours, plain };
}

async function timed(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

function expectText(content: unknown): void {
  if (((content as { text?: string } | null)?.text?.length ?? 0) < PAGE) throw new Error('Nothing was read.');
}

async function appendPlain(redis: Redis, from: number, to: number): Promise<void> {
  const pipeline = redis.pipeline();
  for (let index = from; index < to; index++)
    pipeline.xadd('plain', '*', 'event', 'text', 'data', JSON.stringify({ text: wordAt(index) }));
  await pipeline.exec();
}

async function readPlain(redis: Redis): Promise<string> {
  let text = '';
  for (let from = '-'; ; ) {
    const entries = await redis.xrange('plain', from, '+', 'COUNT', PAGE);
    for (const [, fields] of entries) text += (JSON.parse(fields[3] ?? '') as { text: string }).text;
    if (entries.length < PAGE) return text;
    from = `(${entries.at(-1)?.[0]}`;
  }
}
