/**
 * What the bridge adds to a run: the wall time of a scripted run of 10,000 deltas with it, over the SDK alone with a
 * handler that does nothing. On the memory store, or on the Redis that REDIS_URL names. The order of the runs is shuffled, seed
 * printed; medians, and the ratio of medians with the spread of the ratios of neighbours.
 *
 *     npm run bench:agents -- [repetitions]
 */
import { Redis } from 'ioredis';
import { loadSdk, runFactory, userSays } from '../support/agents.mjs';

const DELTAS = 10_000;
const GOAL = 1.1;
const REPETITIONS = Number(process.argv[2] ?? 11);
const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31);

const library = (path) =>
  import(new URL(path, process.env.GENERATION_JOBS_DIST ?? new URL('../../dist/', import.meta.url)).href);
const { GenerationJobManager, createStreamServices } = await library('index.js');
const { graphContent } = await library('content/index.js');
const { CLIENT_EVENTS, runAgent } = await library('agents/index.js');
const sdk = await loadSdk();

const redis = process.env.REDIS_URL ? new Redis(process.env.REDIS_URL) : undefined;
const services = () => createStreamServices(redis && { redis, keyPrefix: `bench-${process.pid}:` });

const script = [{ text: Array.from({ length: DELTAS }, (_, i) => `word ${i} `) }];
const createRun = runFactory(sdk, { script });

/** The SDK as a host without the bridge has it: the same events, handled by something that takes no time. */
async function alone(name) {
  let events = 0;
  const handle = () => {
    events++;
  };
  const handlers = Object.fromEntries(CLIENT_EVENTS.map((event) => [event, { handle }]));
  const setup = { runId: name, handlers, discoveredTools: [], checkpointer: undefined };
  const run = await createRun({ ...setup, subagentUsageSink: async () => {} });
  const startedAt = performance.now();
  await run.processStream(userSays(sdk, 'go'), {
    version: 'v2',
    configurable: { thread_id: name, user_id: 'ann' },
    signal: new AbortController().signal,
  });
  const took = performance.now() - startedAt;
  if (events < DELTAS) throw new Error(`only ${events} events`);
  return took;
}

/** With the bridge, to the committed end of the job. */
async function bridged(name) {
  const manager = new GenerationJobManager({ ...services(), contentModels: [graphContent()] });
  const { job } = await manager.createJob({ streamId: name, userId: 'ann', contentModel: 'graph' });
  let startedAt = 0;
  const timed = async (setup) => {
    const run = await createRun(setup);
    startedAt = performance.now();
    return run;
  };
  const { reason } = await runAgent(job, timed, userSays(sdk, 'go'));
  const took = performance.now() - startedAt;
  const { lastSequence } = await manager.getJob(name);
  await manager.deleteStream(name);
  await manager.close();
  if (reason !== 'completed' || lastSequence < DELTAS) throw new Error(`${reason} at ${lastSequence}`);
  return took;
}

const kinds = { alone, bridged };
const times = { alone: [], bridged: [] };
const random = randomFrom(SEED);
for (const kind of Object.values(kinds)) for (let i = 0; i < 2; i++) await kind(`warm-${i}`);
for (let round = 0; round < REPETITIONS; round++) {
  const order = random() < 0.5 ? ['alone', 'bridged'] : ['bridged', 'alone'];
  for (const name of order) {
    globalThis.gc?.();
    times[name].push(await kinds[name](`${name}-${round}`));
  }
}

const pairs = times.alone.map((time, i) => times.bridged[i] / time).sort((a, b) => a - b);
const [own, all] = [median(times.alone), median(times.bridged)];
const ratio = all / own;
const at = (share) => pairs[Math.round((pairs.length - 1) * share)].toFixed(3);
console.log(
  `deltas: ${DELTAS}, repetitions: ${REPETITIONS}, SEED=${SEED}, Node ${process.version}, on ${redis ? 'Redis' : 'the memory store'}`,
);
console.log(`the SDK alone: ${own.toFixed(0)} ms; with the bridge: ${all.toFixed(0)} ms (medians)`);
console.log(
  `ratio ${ratio.toFixed(3)}; of pairs: median ${at(0.5)}, quartiles ${at(0.25)} to ${at(0.75)}, all ${at(0)} to ${at(1)}`,
);
redis?.disconnect();
console.log(`goal ${GOAL.toFixed(2)}: ${ratio <= GOAL ? 'reached' : 'MISSED'}`);

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Numbers in [0, 1) from a seed (mulberry32). */
function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
