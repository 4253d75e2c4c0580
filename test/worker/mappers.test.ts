import { describe, expect, it } from 'vitest';
import { howOften } from '../support/how-often.js';
import { chanceOf, plainParts } from './agent-lines.js';
import { SESSIONS } from './all-sessions.js';
import { readLines } from './reading.js';

const SEED = Number(process.env.AGENT_LINES_SEED ?? Date.now() % 2 ** 31);
console.log(`agent lines: AGENT_LINES_SEED=${SEED}`);

/** Lines of no type that any agent has, and of types whose fields are of other kinds. */
const STRANGE: readonly unknown[] = [
  { type: 'telepathy', payload: { deep: [1, 2, 3] } },
  { event: 'agent', stream: 'dreams', data: 7 },
  { type: { toString: 7 }, subtype: { toString: 7 } },
  { type: 'system', subtype: 'weather' },
  { type: 'item.updated', item: { type: 'hologram', id: 'x' } },
  { type: 'data-weather', data: 1 },
  [],
  'a text',
  null,
];

describe.each(Object.entries(SESSIONS))('%s', (_, [mapper, sessionOf, lastLines]) => {
  const seeds = Array.from({ length: howOften(200) }, (_, at) => SEED + at);

  it('at least 100 lines become the message they tell, each text once, its usage and its end', () => {
    for (const seed of seeds) {
      const session = sessionOf(seed);
      expect(session.lines.length).toBeGreaterThanOrEqual(100);
      const read = readLines(mapper, session.lines);
      expect(plainParts(read.parts), `seed ${seed}`).toEqual(session.parts);
      expect(read.usage).toEqual(session.usage);
      expect(read.end).toEqual({ ok: true });
      expect(read.unknown.filter((kind) => kind !== 'warning')).toEqual([]);
    }
  });

  it('lines of unknown types in between are told as such, and change nothing', () => {
    const chance = chanceOf(SEED);
    const { lines, parts } = sessionOf(SEED);
    let strange = 0;
    const mixed = lines.flatMap((line) => {
      if (chance() > 0.3) return [line];
      strange++;
      return [STRANGE[Math.floor(chance() * STRANGE.length)], line];
    });
    const read = readLines(mapper, mixed);
    expect(plainParts(read.parts)).toEqual(parts);
    expect(read.unknown.filter((kind) => kind !== 'warning')).toHaveLength(strange);
  });

  it('a status is closed when real output comes, and none is open at the end', () => {
    const { lines } = sessionOf(SEED);
    for (const upTo of [1, 3, lines.length]) {
      const { parts } = readLines(mapper, lines.slice(0, upTo));
      for (const part of parts) if (part.type === 'status') expect(part.state).toBe('done');
    }
    const { events } = readLines(mapper, lines);
    const open = new Set<string>();
    for (const { event, data } of events) {
      const { id, state } = data as { id: string; state: string };
      if (event !== 'status') expect([...open]).toEqual([]);
      else if (state === 'done') open.delete(id);
      else open.add(id);
    }
  });

  it('without the line that ends it there is no end, and what comes after the end changes nothing', () => {
    const { lines, parts } = sessionOf(SEED);
    expect(readLines(mapper, lines.slice(0, -lastLines)).end).toBeUndefined();
    const after = readLines(mapper, [...lines, { type: 'telepathy' }, { event: 'agent', stream: 'dreams' }]);
    expect(plainParts(after.parts)).toEqual(parts);
    expect(after.end).toEqual({ ok: true });
    expect(after.unknown.filter((kind) => kind !== 'warning')).toHaveLength(2);
  });

  it('reads any prefix, and any line, without a throw', () => {
    const { lines } = sessionOf(SEED);
    for (const line of [...STRANGE, 7, undefined]) readLines(mapper, [line, ...lines.slice(0, 5), line]);
    for (const line of lines) {
      for (const key of Object.keys(line))
        readLines(mapper, [
          { ...line, [key]: { toString: 1 } },
          { ...line, [key]: null },
        ]);
    }
  });
});
