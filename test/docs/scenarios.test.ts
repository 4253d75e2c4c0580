/**
 * The ids that tests carry, and the page that says what they mean: neither knows one that the other doesn't.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Expression, parseSync, Visitor } from 'oxc-parser';
import { describe, expect, it } from 'vitest';
import { plain, ROOT, read, tableRows } from './markdown.js';

/** A family's letter with a number, or the number of a rule; `rules 5 and 6` are two. */
const ID = /\b[FLAP]\d+\b|\brules? \d+(?: and \d+)*/g;

/** Suites give the id and the title of a test as properties. */
const SUITES = join('test', 'contract');

/** The files that carry an id, by the id. */
const carried = new Map<string, Set<string>>();
for (const file of [...testFiles('test'), ...testFiles(join('real-agents', 'test'))]) {
  for (const id of titles(file).flatMap(idsIn)) carried.set(id, (carried.get(id) ?? new Set()).add(file));
}

const rows = tableRows(read('test/SCENARIOS.md'), undefined)
  .filter(([id = '']) => idsIn(id).length > 0)
  .map(([id = '', sentence = '', files = '']) => ({ id, sentence, files: files.split(', ').map(plain) }));

describe('test/SCENARIOS.md', () => {
  it('says each id once, in a sentence', () => {
    const ids = rows.map(({ id }) => id);
    expect(ids).toEqual([...new Set(ids)]);
    for (const { id, sentence } of rows) expect(sentence, id).toMatch(/^[A-Z].+\.$/);
  });

  it('knows every id that a test carries, and no other', () => {
    expect(carried.size).toBeGreaterThan(100);
    expect(rows.map(({ id }) => id).sort()).toEqual([...carried.keys()].sort());
  });

  it.each(rows)('names for $id files that have a test with that id', ({ id, files }) => {
    for (const file of files) expect([...(carried.get(id) ?? [])], `${id} in ${file}`).toContain(file);
  });
});

function idsIn(text: string): string[] {
  return [...text.matchAll(ID)].flatMap(([id]) =>
    id.startsWith('rule') ? [...id.matchAll(/\d+/g)].map(([number]) => `rule ${number}`) : [id],
  );
}

function testFiles(folder: string): string[] {
  if (!existsSync(join(ROOT, folder))) return [];
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .map((file) => join(folder, file))
    .filter((file) => file.endsWith('.ts') && !file.includes(join('test', 'fixtures')));
}

/** What stands in `describe(…)`, `it(…)` and `it.each(…)(…)`, and the ids and titles of a suite. */
function titles(file: string): string[] {
  const found: string[] = [];
  const add = (node: unknown) => found.push(...textOf(node as Expression));
  new Visitor({
    CallExpression: ({ callee, arguments: [title] }) => {
      if (/^(?:it|test|describe)$/.test(rootOf(callee))) add(title);
    },
    Property: ({ key, value }) => {
      if (file.startsWith(SUITES) && key.type === 'Identifier' && /^(?:id|title)$/.test(key.name)) add(value);
    },
  }).visit(parseSync(file, read(file)).program);
  return found;
}

function rootOf(callee: Expression): string {
  if (callee.type === 'Identifier') return callee.name;
  if (callee.type === 'MemberExpression') return rootOf(callee.object);
  return callee.type === 'CallExpression' ? rootOf(callee.callee) : '';
}

function textOf(node: Expression | undefined): string[] {
  if (node?.type === 'Literal' && typeof node.value === 'string') return [node.value];
  return node?.type === 'TemplateLiteral' ? node.quasis.map(({ value }) => value.raw) : [];
}
