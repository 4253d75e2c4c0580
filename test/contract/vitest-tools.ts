/** The suite's tools, from Vitest: what the package's own tests run the contracts with. */
import { describe, expect, it } from 'vitest';
import { type TestTools, useExpect } from './tools.js';

export const TOOLS: TestTools = { describe, it, expect };

/** Where time is real, tests mostly wait: several at once. */
export const SIDE_BY_SIDE: TestTools = {
  describe: (title, define) => describe(title, { concurrent: true }, define),
  it,
  expect,
};

useExpect(expect); // for those that run a contract by itself
