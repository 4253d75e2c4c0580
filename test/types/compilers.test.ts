/**
 * The files beside this one are compiled against the package as npm would pack it, in a folder that has nothing else: by
 * the oldest compiler that knows `module: preserve`, by the last one written in JavaScript, and by the current one.
 */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../support/programs.js';

const run = promisify(execFile);

/** Those written in JavaScript, which check what is ours; the current one checks all that it reads. */
const EARLIER = ['typescript54', 'typescript59'];
const MODULES: Readonly<Record<string, object>> = {
  node16: { module: 'node16', moduleResolution: 'node16' },
  nodenext: { module: 'nodenext', moduleResolution: 'nodenext' },
  bundler: { module: 'esnext', moduleResolution: 'bundler' },
  preserve: { module: 'preserve' },
};
const STRICT = {
  target: 'es2022',
  lib: ['es2022'],
  types: ['node'],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  noEmit: true,
};
const WRONG = `import type { HostEvent } from 'generation-jobs';
export const event: HostEvent<{ events: { text: string } }> = { event: 'txt', data: '' };
`;
/** What is typed with the declarations of peers. */
const WITH_PEERS = ['express.ts', 'peers.ts'];

let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'generation-jobs-types-'));
  const pack = ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder];
  const { stdout } = await run('npm', pack, { cwd: ROOT });
  await run('tar', ['-xzf', stdout.trim()], { cwd: folder });
  makeHost('alone', (file) => !WITH_PEERS.includes(file), []);
  makeHost('with-peers', (file) => file === 'chat.ts' || WITH_PEERS.includes(file), [
    '@types/express',
    'ioredis',
    'prom-client',
  ]);
  makeHost('wrong', (file) => file === 'chat.ts', []);
  writeFileSync(join(folder, 'wrong', 'chat.ts'), WRONG);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the types of the packed package', () => {
  it.each(EARLIER)('hold, strictly, under every module setting, without any peer: %s', async (compiler) => {
    const entry = join(ROOT, 'node_modules', compiler, 'lib', 'typescript.js');
    expect(await saidBy(join(import.meta.dirname, 'compile.mjs'), entry, ...projectsOf('alone'))).toBe('');
  });

  it('hold, strictly, under every module setting, without any peer: the current compiler', async () => {
    for (const project of projectsOf('alone')) expect(await saidByCurrent(project)).toBe('');
  });

  it('hold, strictly, beside the types of a page, with Express, ioredis and prom-client', async () => {
    const [project = ''] = projectsOf('with-peers');
    expect(await saidByCurrent(project, '--lib', 'es2022,dom')).toBe('');
  });

  it('are looked at: what is wrong is told', async () => {
    const [project = ''] = projectsOf('wrong');
    const entry = join(ROOT, 'node_modules', 'typescript54', 'lib', 'typescript.js');
    for (const said of [
      await saidByCurrent(project),
      await saidBy(join(import.meta.dirname, 'compile.mjs'), entry, project),
    ]) {
      expect(said).toContain('Type \'"txt"\' is not assignable to type \'"text"\'');
    }
  });
});

/** A project that has the files of the library's, and of the rest only the named packages. */
function makeHost(name: string, takes: (file: string) => boolean, packages: readonly string[]): void {
  const host = join(folder, name);
  const modules = join(host, 'node_modules');
  mkdirSync(modules, { recursive: true });
  cpSync(join(folder, 'package'), join(modules, 'generation-jobs'), { recursive: true });
  for (const one of ['zod', '@types/node', ...packages]) {
    mkdirSync(dirname(join(modules, one)), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules', one), join(modules, one));
  }
  writeFileSync(join(host, 'package.json'), JSON.stringify({ type: 'module' }));
  const files = readdirSync(import.meta.dirname).filter(
    (file) => /(?<!\.test)\.ts$/.test(file) && takes(file),
  );
  for (const file of files) cpSync(join(import.meta.dirname, file), join(host, file));
  for (const [module, options] of Object.entries(MODULES)) {
    const config = { compilerOptions: { ...STRICT, ...options }, files };
    writeFileSync(join(host, `tsconfig.${module}.json`), JSON.stringify(config));
  }
}

function projectsOf(host: string): string[] {
  return Object.keys(MODULES).map((module) => join(folder, host, `tsconfig.${module}.json`));
}

function saidByCurrent(project: string, ...options: string[]): Promise<string> {
  return saidBy(join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', project, ...options);
}

/** What a program prints; a compiler that finds fault has a code of its own. */
async function saidBy(...command: string[]): Promise<string> {
  const { stdout, stderr } = await run(process.execPath, command).catch(
    (failed: { stdout: string; stderr: string }) => failed,
  );
  return stdout + stderr;
}
