/**
 * The documents of the package as text: where they are, and the few things tests ask of Markdown.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '..', '..');

/** Folders that hold nothing of ours, or nothing that is shipped or kept. */
const FOREIGN = new Set(['node_modules', 'dist', 'coverage']);

export function read(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}

/** Every Markdown file of the package, by its path from the root. */
export function markdownFiles(folder = ''): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.name.startsWith('.') || FOREIGN.has(entry.name)) return [];
    if (entry.isDirectory()) return markdownFiles(path);
    return entry.name.endsWith('.md') ? [path] : [];
  });
}

/** Without fenced code, in which brackets are not links and `#` is not a heading. */
export function prose(markdown: string): string {
  return markdown.replace(/^```[^\n]*\n[\s\S]*?^```$/gm, '');
}

export interface CodeBlock {
  readonly language: string;
  /** What stands after the language: `run=<name>` for a whole program that a test of this name runs, `file=<name>`. */
  readonly marks: Readonly<Record<string, string>>;
  readonly code: string;
}

/** The fenced code blocks, in order. */
export function codeBlocks(markdown: string): CodeBlock[] {
  const fences = markdown.matchAll(/^```(\w*)((?: \w+=\S+)*)\n([\s\S]*?)^```$/gm);
  return [...fences].map(([, language = '', marks = '', code = '']) => ({
    language,
    marks: Object.fromEntries([...marks.matchAll(/ (\w+)=(\S+)/g)].map(([, name, value]) => [name, value])),
    code,
  }));
}

/** The rows of a table, as cells without their head; with a name the one between `<!-- name -->` and `<!-- /name -->`. */
export function tableRows(markdown: string, name?: string): string[][] {
  const block = name === undefined ? markdown : markdown.split(new RegExp(`<!-- /?${name} -->`))[1];
  const lines = (block ?? '').split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) => {
    const cells = line.slice(1, -1).split(/(?<!\\)\|/);
    return cells.map((cell) => cell.trim());
  });
}

/** A numbered section of PROTOCOL.md, without its subsections' siblings. */
export function section(number: string): string {
  const [, text = ''] = read('PROTOCOL.md').split(new RegExp(`^#+ ${number.replace('.', '\\.')} .*$`, 'm'));
  return text.split(/^#/m)[0] ?? '';
}

/** A cell's text without the marks of code. */
export function plain(cell = ''): string {
  return cell.replaceAll('`', '');
}
