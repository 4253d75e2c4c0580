/** The lines of every agent as a pipe brings them: bytes, cut anywhere, with lines that are long, too long, or none. */
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { messageContent } from '../../src/content/message.js';
import type { MessagePart } from '../../src/content/message-content.js';
import { agentMappers } from '../../src/worker/mappers/index.js';
import type { AgentEnd, AgentMapper } from '../../src/worker/mappers/mapper.js';
import { BoundedQueue } from '../../src/worker/process/bounded-queue.js';
import { LineCounts } from '../../src/worker/process/diagnosis.js';
import { LineIntake, type RunStep } from '../../src/worker/process/line-intake.js';
import { chanceOf, type Line, plainParts } from './agent-lines.js';
import { SESSIONS } from './all-sessions.js';

const SEED = Number(process.env.AGENT_LINES_SEED ?? Date.now() % 2 ** 31);
console.log(`agent lines: AGENT_LINES_SEED=${SEED}`);
const MIB = 1024 * 1024;

/** Cuts bytes into chunks of any size, so that characters are cut too. */
function cut(bytes: Buffer, most: number): Buffer[] {
  const chance = chanceOf(SEED);
  const chunks: Buffer[] = [];
  for (let from = 0; from < bytes.length; ) {
    const to = from + 1 + Math.floor(chance() * most);
    chunks.push(bytes.subarray(from, to));
    from = to;
  }
  return chunks;
}

async function readPipe(mapper: AgentMapper, chunks: readonly Buffer[]) {
  const queue = new BoundedQueue<RunStep>(MIB);
  const counts = new LineCounts();
  const context = { mapper, queue, counts, lineBytes: 10 * MIB, onOutput: () => {}, onMapped: () => {} };
  const intake = new LineIntake(context);
  const reading = intake.readAll(Readable.from(chunks)).then(() => {
    void queue.put({ kind: 'over', closed: intake.close() }, 0);
  });
  const model = messageContent();
  let content = model.initial();
  let [sequence, end]: [number, AgentEnd | undefined] = [0, undefined];
  for (let isOver = false; !isOver; ) {
    const step = await queue.take();
    isOver = step.kind === 'over';
    if (step.kind === 'over') end = step.closed.end;
    for (const { event, data } of (step.kind === 'over' ? step.closed : step.mapped).events ?? [])
      content = model.fold(content, { event, data: JSON.parse(JSON.stringify(data)), sequence: ++sequence });
  }
  await reading;
  return { parts: content.parts as readonly MessagePart[], end, ...counts.seen() };
}

const bytesOf = (lines: readonly string[], end: string) =>
  Buffer.from(lines.map((line) => line + end).join(''));

describe.each(Object.entries(SESSIONS))('%s', (_, [mapper, sessionOf]) => {
  const jsonOf = (lines: readonly Line[]) => lines.map((line) => JSON.stringify(line));

  it.each(['\n', '\r\n'])('lines that end with %j are the same, wherever the pipe cuts them', async (end) => {
    const { lines, parts } = sessionOf(SEED);
    const read = await readPipe(mapper, cut(bytesOf(jsonOf(lines), end), 40));
    expect(plainParts(read.parts)).toEqual(parts);
    expect(read).toMatchObject({ end: { ok: true }, lines: lines.length, badLines: { count: 0 } });
  });

  it('a line of 10 MB, a longer one, broken ones and blank ones change nothing of the others', async () => {
    const { lines, parts } = sessionOf(SEED);
    const [first = '', ...rest] = jsonOf(lines);
    const large = (bytes: number) => JSON.stringify({ type: 'telepathy', text: 'é'.repeat(bytes / 2) });
    const odd = [large(10_000_000), large(11_000_000), '{"half', '', '  ', '[1]', '7'];
    const read = await readPipe(mapper, cut(bytesOf([first, ...odd, ...rest], '\n'), 256 * 1024));
    expect(plainParts(read.parts)).toEqual(parts);
    expect(read).toMatchObject({ end: { ok: true }, badLines: { count: 4 } });
    expect(Object.values(read.unknownLines).reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(1);
    expect(Buffer.byteLength(JSON.stringify(read.badLines))).toBeLessThan(4_096);
  });
});

it('raw: lines of any kind are the text, whatever stands in them', async () => {
  const chance = chanceOf(SEED);
  const odd = ['', ' ', '\u2028', 'a\rb', '{"type":"text"}', 'naïve 🙂', 'x'.repeat(100_000)];
  const lines = Array.from({ length: 200 }, () => odd[Math.floor(chance() * odd.length)] ?? '');
  const { parts, end } = await readPipe(agentMappers.raw, cut(bytesOf(lines, '\r\n'), 1_000));
  expect(parts).toEqual([{ type: 'text', text: lines.map((line) => `${line}\n`).join('') }]);
  expect(end).toEqual({ ok: true });
});
