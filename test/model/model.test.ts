/**
 * Thousands of histories nobody thought of: random commands on random schedules, held against a model that is a list of
 * events and a state. `MODEL_RUNS` makes it run longer; `MODEL_SEED` and `MODEL_PATH`, as printed, run one again.
 */
import fc from 'fast-check';
import { it } from 'vitest';
import { howOften } from '../support/how-often.js';
import { run } from './commands.js';
import { World } from './world.js';

const RUNS = Number(process.env.MODEL_RUNS ?? howOften(20_000));
const seed = Number(process.env.MODEL_SEED ?? Date.now() % 2 ** 31);
const path = process.env.MODEL_PATH;
/** A tenth of a second for each run, which is many times what one needs. */
const LONGEST_MS = 60_000 + RUNS * 100;

it(
  `P1–P5 hold for ${RUNS} random histories`,
  async () => {
    console.log(`model: ${RUNS} runs, MODEL_SEED=${seed}${path === undefined ? '' : ` MODEL_PATH=${path}`}`);
    await fc.assert(
      fc.asyncProperty(run, (one) => new World(one).live()),
      { numRuns: RUNS, seed, ...(path !== undefined && { path }), endOnFailure: path !== undefined },
    );
  },
  LONGEST_MS,
);
