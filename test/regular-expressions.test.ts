/**
 * Every regular expression of the package, found in its sources: each is linear, and each is asked only after the length
 * of its input, so that not even a linear one walks through a megabyte.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSync, Visitor } from 'oxc-parser';
import { checkSync } from 'recheck';
import { describe, expect, it } from 'vitest';

interface Found {
  readonly file: string;
  readonly pattern: string;
  readonly flags: string;
  /** The lines, or the options, in which it is used. */
  readonly uses: readonly string[];
}

const SOURCES = join(import.meta.dirname, '..', 'src');

function regularExpressions(): { found: Found[]; built: string[] } {
  const found: Found[] = [];
  const built: string[] = [];
  for (const file of readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue;
    const source = readFileSync(join(SOURCES, file), 'utf8');
    const names = new Map<number, string>();
    const enclosing: { start: number; end: number }[] = [];
    new Visitor({
      VariableDeclarator: ({ id, init }) => {
        if (init && id.type === 'Identifier') names.set(init.start, id.name);
      },
      Property: (property) => {
        enclosing.push(property);
      },
      NewExpression: ({ callee }) => {
        if (callee.type === 'Identifier' && callee.name === 'RegExp') built.push(file);
      },
      Literal: (literal) => {
        if (!('regex' in literal)) return;
        const { pattern, flags } = literal.regex;
        const name = names.get(literal.start);
        // Outer properties are entered first, so the last that holds it is the nearest.
        const holder = enclosing.findLast(({ start, end }) => start <= literal.start && literal.end <= end);
        const uses =
          name === undefined
            ? [holder ? source.slice(holder.start, literal.end) : '']
            : source.split('\n').filter((line) => line.includes(`${name}.`));
        found.push({ file, pattern, flags, uses });
      },
    }).visit(parseSync(file, source).program);
  }
  return { found, built };
}

const { found, built } = regularExpressions();

describe('the regular expressions of the package (A21)', () => {
  it('are found', () => {
    expect(found.length).toBeGreaterThanOrEqual(4);
    expect(built, 'none is built at run time').toEqual([]);
  });

  it.each(found)('$file: /$pattern/ is linear', ({ pattern, flags }) => {
    const { status } = checkSync(pattern, flags, { checker: 'automaton', timeout: 15_000 });
    expect(status).toBe('safe');
  });

  it.each(found)('$file: /$pattern/ is asked after the length of its input', ({ uses }) => {
    expect(uses).not.toEqual([]);
    for (const use of uses) expect(use).toMatch(/\.length|\.max\(/);
  });
});
