import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import manifest from './package.json' with { type: 'json' };
import LongestFirst from './test/support/longest-first.js';

/**
 * The package's own name leads to its sources, so that no test passes on a stale build. Child processes that
 * a test starts are outside Vitest and use the built package; `npm test` builds it first.
 */
const entries = Object.entries(manifest.exports).flatMap(([entry, target]) =>
  typeof target === 'string' ? [] : [{ name: `${manifest.name}${entry.slice(1)}`, built: target.default }],
);

const BUILT_CONTRACT = './dist/ports/contract/';

/** Where an entry is built from. The contract suite comes from the tests that run it here. */
function sourceOf(built: string): string {
  const source = built.startsWith(BUILT_CONTRACT)
    ? built.replace(BUILT_CONTRACT, './test/contract/')
    : built.replace('./dist/', './src/');
  return source.replace(/\.js$/, '.ts');
}

/** Servers, replicas, browsers, hosts of examples, agents, compilers. */
const STARTS_PROCESSES = [
  'test/run/**/*.test.ts',
  'test/redis/**/*.test.ts',
  'test/contract/redis*.test.ts',
  'test/mongo/**/*.test.ts',
  'test/browser/**/*.test.ts',
  'test/example/**/*.test.ts',
  'test/examples/**/*.test.ts',
  'test/docs/programs.test.ts',
  'test/types/compilers.test.ts',
  'test/worker/processes/**/*.test.ts',
  'real-agents/test/**/*.test.ts',
];

/** Races of the contracts are run often enough to find what is often wrong; `npm run test:long` runs all. */
const SHARE_OF_RACES = process.env.LONG_TESTS ? '1' : '0.2';

/** What needs a newer Node than the oldest one the package runs on; collected only where there is one. */
const SINCE_NODE_22 = ['test/**/*-ai7.test.ts', 'test/**/openai7-*.test.ts'];
const isOlder = Number(process.versions.node.split('.', 1)[0]) < 22;

export default defineConfig({
  resolve: {
    alias: entries.map(({ name, built }) => ({
      find: new RegExp(`^${name}$`),
      replacement: new URL(sourceOf(built), import.meta.url).pathname,
    })),
  },
  test: {
    pool: 'forks',
    env: { CONTRACT_SHARE: SHARE_OF_RACES },
    // Bounds for what hangs, with room for a busy machine: what is waited for is over as soon as it is so. A test has a
    // bound of its own only where it promises a time, or takes longer.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 60_000 } },
    // A test that passes on the second try has found something: it fails instead.
    retry: 0,
    sequence: { sequencer: LongestFirst },
    reporters: ['default', './scripts/closing-line-reporter.mjs'],
    // Of all sources, those that no test has asked for among them. `npm run test:coverage` says what becomes of it.
    coverage: { provider: 'v8', include: ['src/**/*.ts'], exclude: ['**/*.generated.ts'] },
    projects: [
      {
        extends: true,
        test: {
          // Time stands still there or doesn't matter, and nothing is started: as many files at once as there are cores.
          name: 'side-by-side',
          include: ['test/**/*.test.ts'],
          exclude: [...STARTS_PROCESSES, 'test/recipes/**', ...(isOlder ? SINCE_NODE_22 : [])],
          maxWorkers: availableParallelism(),
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          // Three files at a time, after the others, whatever the cores: each has processes of its own beside it, and waits
          // more than it works.
          name: 'processes',
          include: STARTS_PROCESSES,
          // Where the contracts' times pass by themselves they are twice as long: a busy machine keeps those.
          env: { CONTRACT_PACE: '2', CONTRACT_SHARE: SHARE_OF_RACES },
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
