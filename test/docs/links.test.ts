import { existsSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { markdownFiles, prose, ROOT, read } from './markdown.js';

const files = markdownFiles();

describe('the documents', () => {
  it('are there', () => {
    const expected = ['CHANGELOG.md', 'PROTOCOL.md', 'README.md', 'SECURITY.md', join('docs', 'design.md')];
    expect(files).toEqual(expect.arrayContaining(expected));
  });

  it.each(files)('%s links only to files and headings that exist', (file) => {
    const targets = [...prose(read(file)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
    const broken = targets.filter((target) => !/^[a-z]+:/.test(target) && !leadsSomewhere(file, target));
    expect(broken).toEqual([]);
  });

  it.each(files)('%s names no machine or registry of those who wrote it', (file) => {
    expect(read(file)).not.toMatch(/\/work\/|\/root\/|\/tmp\/|registry\.npmjs|localhost:(?!3000)\d/);
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
