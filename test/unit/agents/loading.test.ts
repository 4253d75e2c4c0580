/** What importing this package loads: nothing of the agent SDK, of LangChain or of mongoose, which weigh half a gigabyte. */
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';

const HEAVY = [
  '@librechat/',
  '@langchain/',
  'langchain',
  'langsmith',
  'mongoose',
  'mongodb',
  'openai',
  '@anthropic-ai/',
];

/** Every module a fresh process asks for, by its specifier, when it imports these: through a hook of Node's own loader. */
function loadedBy(code: string): string[] {
  const hook = `
    import { writeSync } from 'node:fs';
    export async function resolve(specifier, context, next) {
      writeSync(1, specifier + '\\n');
      return next(specifier, context);
    }`;
  const program = `
    import { register } from 'node:module';
    register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(hook)}));
    ${code}`;
  const said = execFileSync(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: new URL('../../../', import.meta.url),
    encoding: 'utf8',
  });
  return said.split('\n');
}

const heavyIn = (specifiers: readonly string[]) =>
  specifiers.filter((one) =>
    HEAVY.some((name) => one.startsWith(name) || one.includes(`/node_modules/${name}`)),
  );

describe('a process that imports', () => {
  for (const entry of ['', '/agents', '/content', '/redis']) {
    it(`generation-jobs${entry} has loaded none of it`, () => {
      const loaded = loadedBy(`await import('generation-jobs${entry}');`);
      expect(loaded).toContain(`generation-jobs${entry}`);
      expect(heavyIn(loaded)).toEqual([]);
    });
  }

  it('a package of that kind is noticed', () => {
    expect(heavyIn(loadedBy(`await import('mongoose');`))).not.toEqual([]);
    expect(heavyIn(loadedBy(`await import('@librechat/agents').catch(() => {});`))).toEqual([
      '@librechat/agents',
    ]);
  });
});
