import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT, read } from './markdown.js';

const named = [...read('SECURITY.md').matchAll(/^- `(test\/[^`]+)`: (.+)$/gm)].map(
  ([, file = '', name = '']) => ({ file, name }),
);
const headings = [...read('SECURITY.md').matchAll(/^### (A\d+)\. /gm)].map(([, id]) => id);

describe('SECURITY.md', () => {
  it('speaks of every threat that concerns what is there', () => {
    const ids = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 16, 18, 19, 21, 22, 23, 30, 31, 32, 33].map(
      (number) => `A${number}`,
    );
    expect(headings).toEqual(ids);
  });

  it('names at least one test for each threat, or says that there is none', () => {
    const sections = read('SECURITY.md')
      .split(/^##+ /m)
      .filter((section) => /^A\d+\. /.test(section));
    for (const section of sections) expect(section).toMatch(/^- `test\/|Not tested\./m);
  });

  it('says of each promise about decisions which test shows it', () => {
    const [, chapter = ''] = read('SECURITY.md').split('## Decisions of people');
    const rows = (chapter.split(/^## /m)[0] ?? '').split(/^### /m).slice(1);
    expect(rows.map((row) => row.split('.')[0])).toEqual(['L37', 'L38', 'L39', 'L40', 'L41', 'L42']);
    for (const row of rows) expect(row).toMatch(/^- `test\//m);
  });

  it.each(named)('names a test that exists: $file, $name', ({ file, name }) => {
    expect(existsSync(join(ROOT, file)), `${file} exists`).toBe(true);
    expect(titlesIn(read(file)), `${file} has the test`).toContain(name);
  });
});

/** The first string of every test, and the `title` of every contract. */
function titlesIn(source: string): string[] {
  const titles =
    /(?:\b(?:it|test)(?:\.(?:concurrent|sequential))?(?:\.each\([^)]*\)(?: as const\))?)?\(|\btitle:)\s*(['"`])((?:\\.|(?!\1).)*)\1/g;
  return [...source.matchAll(titles)].map(([, , title = '']) => title.replace(/\\(['"`])/g, '$1'));
}
