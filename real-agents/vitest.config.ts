import { defineConfig } from 'vitest/config';
import base from '../vitest.config.js';

/** The tests that run real agents, from the repository's root: `vitest run --config real-agents/vitest.config.ts --root .` */
export default defineConfig({ ...base, test: { ...base.test, include: ['real-agents/test/**/*.test.ts'] } });
