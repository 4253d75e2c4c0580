/**
 * The contract suite as others have it: from the packed package, in a project of its own, on a store the package does not
 * know. Nothing of this repository is there but the package, its one dependency and the test runner.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ROOT } from '../docs/markdown.js';

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly assertionResults: readonly { status: string; title: string }[];
  }[];
}

/** What the compiler is asked for. */
const COMPILER = {
  ...{ target: 'ES2023', module: 'NodeNext', lib: ['ES2023', 'ES2024.String', 'DOM', 'ESNext.Disposable'] },
  ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, noEmit: true },
  ...{ types: ['node'], skipLibCheck: true },
};

let project: string;
beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), 'outside-'));
  cpSync(join(ROOT, 'test/fixtures/outside'), project, { recursive: true });
  const modules = join(project, 'node_modules');
  mkdirSync(join(modules, 'generation-jobs'), { recursive: true });
  const packed = run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', project], ROOT);
  const archive = join(project, packed.stdout.trim().split('\n').at(-1) ?? '');
  run('tar', ['-xzf', archive, '--strip-components=1', '-C', join(modules, 'generation-jobs')], project);
  mkdirSync(join(modules, '@types'));
  for (const name of ['zod', 'vitest', '@types/node'])
    symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  writeFileSync(join(project, 'package.json'), JSON.stringify({ type: 'module', private: true }));
  const tsconfig = { compilerOptions: COMPILER, include: ['*.ts'] };
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(tsconfig));
});
afterAll(() => rmSync(project, { recursive: true, force: true }));

function run(command: string, args: readonly string[], cwd: string, environment: object = {}) {
  const env = { ...process.env, ...environment };
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, env, encoding: 'utf8' });
  return { status, stdout, stderr };
}

function runSuite(environment: object = {}): Report {
  const report = join(project, 'report.json');
  const include = ['--root', project, '--dir', project, '--reporter=json', `--outputFile=${report}`];
  const config = "export default { test: { include: ['*.contract.ts'], testTimeout: 60_000 } };\n";
  writeFileSync(join(project, 'vitest.config.mjs'), config);
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
  const { stderr } = run(process.execPath, [vitest, 'run', ...include], project, environment);
  try {
    return JSON.parse(readFileSync(report, 'utf8'));
  } catch (cause) {
    throw new Error(`There is no report: ${stderr}`, { cause });
  }
}

it('the packed suite compiles in a strict project of somebody else, and a store of theirs that is good passes it', () => {
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  const compiled = run(process.execPath, [tsc, '-p', project], project);
  expect(compiled.stdout).toBe('');
  expect(compiled.status).toBe(0);
  const report = runSuite();
  const failed = report.testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status }) => status !== 'passed');
  expect(failed.map(({ title }) => title)).toEqual([]);
  expect(report.numPassedTests).toBeGreaterThan(40);
});

it('the packed suite catches a store of somebody else that forgets metadata', () => {
  const report = runSuite({ BREAK: '1' });
  expect(report.numFailedTests).toBeGreaterThan(0);
  expect(report.numPassedTests, 'and passes what has nothing to do with it').toBeGreaterThan(10);
});
