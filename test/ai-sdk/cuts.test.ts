/**
 * A link that breaks anywhere: a chat that is cut off at any byte, and resumes, has the message of one that was not. Ten cuts
 * here, 200 in `npm run test:long`; the seed is printed, and `CUT_SEED` repeats it.
 */
import fc from 'fast-check';
import type { UIChunk } from 'generation-jobs/ai-sdk';
import { expect, it } from 'vitest';
import { howOften } from '../support/how-often.js';
import { chatAt, chatHost, emitAll, shown } from './chatting.js';
import { chunkStream } from './chunk-streams.js';

const CUTS = 200;
const seed = Number(process.env.CUT_SEED ?? Date.now() % 2 ** 31);

/**
 * Lets a chat read an answer that comes in two pieces, the second once the first was read, and resume when its link breaks
 * after so many characters.
 */
async function answered(chunks: readonly UIChunk[], middle: number, cutAfter?: number) {
  const host = await chatHost({ cutAfter });
  let mark: (seen: unknown) => void = () => {};
  const half = new Promise((resolve) => {
    mark = resolve;
  });
  const chat = chatAt(host.api, { onData: ({ type }) => type === 'data-half' && mark(true) });
  const over = chat.sendMessage({ text: 'a question' });
  const job = await host.job;
  await emitAll(job, [...chunks.slice(0, middle), { type: 'data-half', data: null }]);
  await Promise.race([over, half]);
  const isEarly = chat.status === 'error';
  const resumed = isEarly ? chat.resumeStream() : over;
  await emitAll(job, chunks.slice(middle));
  await job.complete();
  await resumed;
  const isLate = chat.status === 'error';
  if (isLate) expect(chat.error).toBeInstanceOf(TypeError);
  if (isLate) await chat.resumeStream();
  return { chat, isCut: isEarly || isLate };
}

it('a chat that was cut off anywhere, and resumes, has the message of one that was not', async () => {
  console.log(`cuts: CUT_SEED=${seed}`);
  const streams = fc.sample(chunkStream, { seed, numRuns: howOften(CUTS) });
  const places = fc.sample(fc.integer({ min: 1, max: 3_000 }), { seed, numRuns: howOften(CUTS) });
  let cuts = 0;
  for (const [turn, chunks] of streams.entries()) {
    const middle = Math.ceil(chunks.length / 2);
    const whole = await answered(chunks, middle);
    const { chat, isCut } = await answered(chunks, middle, places[turn]);
    expect(shown(chat)).toEqual(shown(whole.chat));
    expect(chat.messages).toHaveLength(2);
    if (isCut) cuts++;
  }
  expect(cuts).toBeGreaterThan(0);
});
