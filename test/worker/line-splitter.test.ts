import fc from 'fast-check';
import { expect, it } from 'vitest';
import { LineSplitter, type SplitLine } from '../../src/worker/process/line-splitter.js';
import { checked } from '../unit/property.js';

const MOST = 32;

function split(chunks: readonly Buffer[], most = MOST): SplitLine[] {
  const splitter = new LineSplitter(most);
  const lines = chunks.flatMap((chunk) => [...splitter.push(chunk)]);
  return [...lines, ...splitter.end()];
}

/** The same by the definition: cut at LF, one CR before it left out, an end without LF only if there is something. */
function byDefinition(bytes: Buffer): SplitLine[] {
  const lines: SplitLine[] = [];
  for (let from = 0; from <= bytes.length; ) {
    const at = bytes.indexOf(0x0a, from);
    const to = at < 0 ? bytes.length : at;
    if (at < 0 && to === from) break;
    const whole = bytes.subarray(from, to);
    const line = whole.at(-1) === 0x0d ? whole.subarray(0, -1) : whole;
    const isFit = line.length <= MOST;
    const { length } = whole;
    lines.push(
      isFit
        ? { text: line.toString() }
        : { tooLong: true, beginning: expect.anything() as string, bytes: length },
    );
    from = to + 1;
  }
  return lines;
}

it('wherever the chunks are cut, the lines are the same', () => {
  const piece = fc.oneof(
    fc.constantFrom('\n', '\r\n', '\r', '\u2028', '\u2029', '🙂', 'é', 'x'.repeat(MOST), ''),
    fc.string({ maxLength: 40 }),
  );
  const text = fc.array(piece, { maxLength: 20 }).map((pieces) => Buffer.from(pieces.join('')));
  checked(
    fc.property(text, fc.array(fc.nat(200), { maxLength: 8 }), (bytes, cuts) => {
      const places = [
        0,
        ...cuts.filter((at) => at < bytes.length).sort((one, other) => one - other),
        bytes.length,
      ];
      const chunks = places.slice(1).map((to, at) => bytes.subarray(places[at], to));
      expect(split(chunks)).toEqual(byDefinition(bytes));
    }),
    5_000,
  );
});

it('a line of the bound is taken, with a CR after it too; one byte more is not', () => {
  expect(split([Buffer.from(`${'x'.repeat(MOST)}\r\n`)])).toEqual([{ text: 'x'.repeat(MOST) }]);
  expect(split([Buffer.from(`${'x'.repeat(MOST + 1)}\nafter\n`)])).toEqual([
    { tooLong: true, beginning: 'x'.repeat(MOST + 1), bytes: MOST + 1 },
    { text: 'after' },
  ]);
});

it('a line without an end takes no more memory than the bound', () => {
  const splitter = new LineSplitter(1_000);
  const chunk = Buffer.alloc(64 * 1024, 'x');
  for (let at = 0; at < 1_000; at++) expect([...splitter.push(chunk)]).toEqual([]);
  const [line] = [...splitter.push(Buffer.from('\n'))];
  expect(line).toEqual({ tooLong: true, beginning: 'x'.repeat(512), bytes: 64 * 1024 * 1_000 });
});

it('a line that comes byte by byte is copied together, and holds none of its pieces', () => {
  const splitter = new LineSplitter(100_000);
  let ended = 0;
  for (let at = 0; at < 100_000; at++) {
    const piece = Buffer.from('x');
    for (const _ of splitter.push(piece)) ended++;
    piece.fill('y');
  }
  expect(ended).toBe(0);
  expect([...splitter.push(Buffer.from('\nz\n'))]).toEqual([{ text: 'x'.repeat(100_000) }, { text: 'z' }]);
});
