import { existsSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { markdownFiles, prose, ROOT, read } from './markdown.js';

const files = markdownFiles();

describe('the documents', () => {
  it('are there', () => {
    const chapters = [
      'guide',
      'approvals',
      'agents',
      'redis',
      'operations',
      'reference',
      'recipes',
      'moving',
      'design',
    ];
    const expected = ['README.md', 'PROTOCOL.md', 'SECURITY.md', 'CONTRIBUTING.md', 'CHANGELOG.md'];
    expect(files).toEqual(
      expect.arrayContaining([...expected, ...chapters.map((name) => join('docs', `${name}.md`))]),
    );
  });

  it('that everybody reads first is read in a few minutes', () => {
    expect(Buffer.byteLength(read('README.md'))).toBeLessThanOrEqual(12 * 1024);
  });

  it.each(files)('%s links only to files and headings that exist', (file) => {
    const targets = [...prose(read(file)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
    const broken = targets.filter((target) => !/^[a-z]+:/.test(target) && !leadsSomewhere(file, target));
    expect(broken).toEqual([]);
  });

  it.each(files)('%s names no machine or registry of those who wrote it', (file) => {
    expect(read(file)).not.toMatch(
      /\/work\/|\/root\/|\/tmp\/|registry\.npmjs|localhost:(?!3000|5173|6379)\d/,
    );
  });
});

function leadsSomewhere(file: string, target: string): boolean {
  const [path = '', anchor] = target.split('#', 2);
  const linked = path === '' ? file : normalize(join(dirname(file), decodeURIComponent(path)));
  if (!existsSync(join(ROOT, linked))) return false;
  if (anchor === undefined) return true;
  return statSync(join(ROOT, linked)).isFile() && anchors(read(linked)).includes(anchor);
}

/** As GitHub makes them. */
function anchors(markdown: string): string[] {
  return [...prose(markdown).matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) => {
    const text = heading.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, '');
    return text.trim().replaceAll(' ', '-');
  });
}
