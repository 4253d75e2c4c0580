import { defineConfig } from 'vitest/config';
import manifest from './package.json' with { type: 'json' };

/**
 * The package's own name leads to its sources, so that no test passes on a stale build. Child processes that
 * a test starts are outside Vitest and use the built package; `npm test` builds it first.
 */
const entries = Object.entries(manifest.exports).flatMap(([entry, target]) =>
  typeof target === 'string' ? [] : [{ name: `${manifest.name}${entry.slice(1)}`, built: target.default }],
);

export default defineConfig({
  resolve: {
    alias: entries.map(({ name, built }) => ({
      find: new RegExp(`^${name}$`),
      replacement: new URL(built.replace('/dist/', '/src/').replace(/\.js$/, '.ts'), import.meta.url)
        .pathname,
    })),
  },
  test: {
    include: ['test/**/*.test.ts', 'real-agents/test/**/*.test.ts'],
    pool: 'forks',
    // One file at a time: tests with real processes, servers and clocks must not wait for each other's.
    maxWorkers: 1,
    testTimeout: 20_000,
    hookTimeout: 20_000,
    // What a busy machine may need; a poll is over as soon as it is so.
    expect: { poll: { timeout: 15_000 } },
    // A test that passes on the second try has found something: it fails instead.
    retry: 0,
    reporters: ['default', './scripts/closing-line-reporter.mjs'],
  },
});
