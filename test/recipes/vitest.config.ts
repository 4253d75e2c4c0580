import { defineConfig } from 'vitest/config';
import everywhere from '../../vitest.config.js';

/** One program at a time, with room for a framework's own build. */
export default defineConfig({
  resolve: everywhere.resolve ?? {},
  test: {
    include: ['test/recipes/*.test.ts'],
    pool: 'forks',
    maxWorkers: 1,
    testTimeout: 600_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 15_000 } },
    reporters: ['default', './scripts/closing-line-reporter.mjs'],
  },
});
