/**
 * `npm run bench:redis`: what the library costs on Redis, against a bare PUBLISH and against the usual three awaited
 * calls a token, measured in the same run on a server of its own.
 *
 * Arguments: `--quick` for a look of a minute; the names of suites (`paced`, `bursty`, `open`, `idle`, `greed`, `long`,
 * `workers`, `deploys`, `feeds`, `cluster`) for some of them. Without names: all but `cluster`, which starts three more servers.
 */
import { parseArgs } from 'node:util';
import { createStreamServices } from 'generation-jobs';
import { RedisServer, startCluster } from '../../test/support/redis-server.js';
import { describeMachine, median, ratioOf, repeatShuffled } from '../figures.js';
import { benchGreed } from '../greed.js';
import { benchFeeds } from './feeds.js';
import { benchHandOvers } from './hand-overs.js';
import { measureIdle } from './idle.js';
import { benchLongAnswers } from './long-answers.js';
import { measure, type Sample } from './measure.js';
import type { ContenderName, LoadName, RunSetup } from './messages.js';
import { benchWorkers } from './workers.js';

const ENDURANCE = {
  quick: { repetitions: 3, warmUpMs: 400, paceMs: 1000, openMs: 400 },
  full: { repetitions: 5, warmUpMs: 1000, paceMs: 3000, openMs: 2000 },
};
const STREAMS = 50;
/** Enough that the tables they stand in weigh little; fewer would seem heavier. */
const IDLE_STREAMS = 5000;

const { values: flags, positionals } = parseArgs({
  options: { quick: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const wanted =
  positionals.length > 0
    ? positionals
    : ['paced', 'bursty', 'open', 'idle', 'greed', 'long', 'workers', 'deploys', 'feeds'];
const { repetitions, warmUpMs, paceMs, openMs } = ENDURANCE[flags.quick ? 'quick' : 'full'];

type Samples = Record<string, Sample[]>;

const server = await RedisServer.start('--client-output-buffer-limit', 'pubsub 0 0 0');
const cluster = wanted.includes('cluster') ? await startCluster() : undefined;
const admin = server.connect();
const nodes = cluster?.nodes.map((node) => node.connect()) ?? [];
const version = /redis_version:(\S+)/.exec(await admin.info('server'))?.[1];
console.log(`${describeMachine()}, Redis ${version}; ${repetitions} shuffled repetitions, medians, [spread]`);

const runs: Record<string, () => Promise<Sample>> = {};
if (wanted.includes('paced')) plan('paced', STREAMS, ['publish', 'per-token', 'ours']);
if (wanted.includes('bursty')) plan('bursty', STREAMS, ['publish', 'ours']);
if (wanted.includes('open')) {
  plan('open', 1, ['publish', 'per-token', 'ours']);
  plan('open', STREAMS, ['publish', 'per-token', 'ours']);
}
if (cluster !== undefined) {
  plan('paced', STREAMS, ['ours']);
  const setup = setupOf('paced', STREAMS, 'ours');
  runs['paced cluster ours'] = () =>
    measure({ ...setup, port: cluster.nodes[0]?.port ?? 0, cluster: true }, nodes);
}
const samples: Samples = await repeatShuffled(repetitions, runs);

for (const load of ['paced', 'bursty'] as const) if (wanted.includes(load)) tellLatency(load);
if (wanted.includes('open')) for (const streams of [1, STREAMS]) tellThroughput(streams);
if (cluster !== undefined) tellCluster();
if (wanted.includes('idle')) {
  await admin.flushall();
  const bytes = await measureIdle(server.port, IDLE_STREAMS);
  console.log(`idle followed stream: ${Math.round(bytes)} bytes of heap, of ${IDLE_STREAMS} (goal <= 1,536)`);
}
if (wanted.includes('greed')) {
  let client = server.connect();
  await benchGreed({
    ...{ store: `Redis ${version}`, goalMs: 40, repetitions, forMs: paceMs },
    async open() {
      await admin.flushall();
      client = server.connect();
      return createStreamServices({ redis: client });
    },
    close: async () => client.disconnect(),
  });
}
if (wanted.includes('long')) await benchLongAnswers(admin, flags.quick ? 1 : repetitions);
if (wanted.includes('workers')) await benchWorkers(server.port, repetitions);
if (wanted.includes('feeds')) await benchFeeds(server.port, flags.quick ? 1 : repetitions);
if (wanted.includes('deploys')) await benchHandOvers(server.port, flags.quick ? 1 : repetitions);

admin.disconnect();
for (const node of nodes) node.disconnect();
await cluster?.stop();
await server.stop();

function setupOf(load: LoadName, streams: number, contender: ContenderName): RunSetup {
  const measureMs = load === 'open' ? openMs : paceMs;
  return { contender, load, streams, warmUpMs, measureMs, port: server.port, cluster: false };
}

function plan(load: LoadName, streams: number, contenders: readonly ContenderName[]): void {
  for (const contender of contenders) {
    const setup = setupOf(load, streams, contender);
    runs[nameOf(load, streams, contender)] = () => measure(setup, [admin]);
  }
}

function nameOf(load: LoadName, streams: number, contender: ContenderName): string {
  return `${load} ${streams} ${contender}`;
}

function tellLatency(load: 'paced' | 'bursty'): void {
  const told = load === 'paced' ? 'one at a time' : '1 to 7 at a time';
  console.log(
    `\nemit -> receive in another process, ${STREAMS} streams, 50 tokens/s each, ${told} (µs; per token)`,
  );
  tellAll(load, STREAMS);
  ratio(load, STREAMS, 'p50', 'publish', load === 'paced' ? '<= 1.6' : undefined);
  ratio(load, STREAMS, 'p99', 'publish', load === 'paced' ? '<= 2' : undefined);
  if (load === 'paced') {
    ratio(load, STREAMS, 'p50', 'per-token');
    ratio(load, STREAMS, 'p99', 'per-token');
    ratio(load, STREAMS, 'redisCpu', 'per-token');
    ratio(load, STREAMS, 'wireBytes', 'per-token', '<= 0.75');
  }
  tellTrips(load, STREAMS, load === 'paced' ? '<= 1' : '<= 0.5');
}

function tellThroughput(streams: number): void {
  console.log(`\nfull speed, ${streams} stream${streams > 1 ? 's' : ''}, one producing process`);
  tellAll('open', streams);
  ratio('open', streams, 'perSecond', 'publish', '>= 2');
  ratio('open', streams, 'perSecond', 'per-token');
  ratio('open', streams, 'redisCpu', 'per-token', '<= 0.12');
  ratio('open', streams, 'producerCpu', 'per-token');
  ratio('open', streams, 'wireBytes', 'per-token', '<= 0.75');
  tellTrips('open', streams, '<= 0.1');
}

function tellCluster(): void {
  const [single, three] = [samplesOf('paced', STREAMS, 'ours'), samples['paced cluster ours'] ?? []];
  console.log(`\na cluster of three, ${STREAMS} streams, 50 tokens/s each`);
  tellOne('cluster', three);
  for (const figure of ['p50', 'p99'] as const) {
    const goal = figure === 'p99' ? ' (goal <= 3)' : '';
    console.log(
      `  ${figure} x one server ${ratioOf(valuesOf(three, figure), valuesOf(single, figure))}${goal}`,
    );
  }
}

function tellAll(load: LoadName, streams: number): void {
  for (const contender of ['publish', 'per-token', 'ours'] as const) {
    const taken = samplesOf(load, streams, contender);
    if (taken.length > 0) tellOne(contender, taken, load === 'open');
  }
}

function tellOne(name: string, taken: readonly Sample[], isOpen = false): void {
  const middle = (figure: keyof Sample) => median(valuesOf(taken, figure));
  const speed = isOpen
    ? `${Math.round(middle('perSecond') / 1000)} k tokens/s`
    : `p50 ${Math.round(middle('p50'))}, p99 ${Math.round(middle('p99'))}`;
  const cpu = (['redisCpu', 'producerCpu', 'receiverCpu'] as const).map((figure) =>
    middle(figure).toFixed(1),
  );
  const lost = valuesOf(taken, 'lost').reduce((sum, count) => sum + count, 0);
  console.log(
    `  ${name.padEnd(10)} ${speed}; CPU Redis ${cpu[0]}, producer ${cpu[1]}, receiver ${cpu[2]} µs; ` +
      `${middle('wireBytes').toFixed(0)} bytes on the wire${lost > 0 ? `; ${lost} LOST` : ''}`,
  );
}

function tellTrips(load: LoadName, streams: number, goal: string): void {
  const taken = samplesOf(load, streams, 'ours');
  const trips = median(valuesOf(taken, 'roundTrips')).toFixed(3);
  const appends = median(valuesOf(taken, 'appends')).toFixed(3);
  console.log(`  round trips a token: ${trips} (goal ${goal}), of them appends ${appends}`);
}

function ratio(
  load: LoadName,
  streams: number,
  figure: keyof Sample,
  to: ContenderName,
  goal?: string,
): void {
  const own = valuesOf(samplesOf(load, streams, 'ours'), figure);
  const theirs = valuesOf(samplesOf(load, streams, to), figure);
  console.log(`  ${figure} x ${to} ${ratioOf(own, theirs)}${goal === undefined ? '' : ` (goal ${goal})`}`);
}

function samplesOf(load: LoadName, streams: number, contender: ContenderName): readonly Sample[] {
  return samples[nameOf(load, streams, contender)] ?? [];
}

function valuesOf(taken: readonly Sample[], figure: keyof Sample): number[] {
  return taken.map((sample) => sample[figure]);
}
