/**
 * Processes killed at a random moment of their calls by `job.once`, before one, within one or after one. What they did outside stays
 * done, and is counted: no call is made a second time that nobody allowed. The seed is printed; FAULT_SEED repeats it.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createStreamServices } from '../../src/services.js';
import { GenerationJobManager } from '../../src/stream/generation-job-manager.js';
import type { GenerationJob } from '../../src/stream/interfaces/generation-job.js';
import type { Receipt } from '../../src/stream/interfaces/once.js';
import { pick, seededRandom } from '../contract/seeded.js';
import { howOften } from '../support/how-often.js';
import { RedisServer } from '../support/redis-server.js';
import { NO_WALK } from './no-walk.js';
import { REDIS_OPTIONS, TIMES, until } from './replicas.js';

const KILLS = howOften(500);
const AT_ONCE = 5;
const SEED = Number(process.env.FAULT_SEED ?? Date.now() % 1_000_000);
const PROGRAM = fileURLToPath(new URL('once-process.mjs', import.meta.url));
const LIBRARY = new URL('../../dist/index.js', import.meta.url).href;
const TOOL = 'tool:';
const STREAMS = 2;
const KEYS = ['a', 'b', 'c', 'd', 'e', 'f'];
/** About as long as a process takes for all its calls: some are killed before the first of them, few after the last. */
const LONGEST_MS = 80;
const DECISIONS = ['approve', 'reject', 'respond'] as const;

let server: RedisServer;
let redis: Redis;
let client: Redis;
let manager: GenerationJobManager;
const random = seededRandom(SEED);
const settings = {
  options: {
    ...{ ...TIMES, ...NO_WALK, maxRecoveries: 1_000, retentionMs: 120_000 },
    ...{ leaseMs: 2_000, renewMs: 500, createTimeoutMs: 30_000 },
  },
  redisOptions: { ...REDIS_OPTIONS, timeoutMs: 900, keyPrefix: 'once:' },
};
/** What attempts were told that earlier ones have left, by stream. */
const listed = new Map<string, Receipt[]>();
const asked: Record<string, number> = {};

beforeAll(async () => {
  console.log(`FAULT_SEED=${SEED}`);
  server = await RedisServer.start();
  redis = server.connect();
  client = new Redis({ port: server.port, host: '127.0.0.1' });
  manager = new GenerationJobManager({
    ...createStreamServices({ redis: client, ...settings.redisOptions }),
    // Its own attempts last as long as it does: who is killed is nobody else.
    options: { ...settings.options, leaseMs: 20_000, renewMs: 5_000 },
    hooks: {
      recoverMode: 'continue',
      recover: async (job, { receipts }) => {
        const found: Receipt[] = [];
        for await (const receipt of receipts) found.push(receipt);
        listed.set(job.streamId, found);
        await goOn(job);
      },
      onPaused: ({ record, action }) =>
        decide(record.streamId, action.actionId, action.requests[0]?.id ?? ''),
    },
  });
  await manager.start();
});
afterAll(async () => {
  await manager.close();
  client.disconnect();
  redis.disconnect();
  await server.stop();
});

/** The same calls, by whoever goes on. */
async function goOn(job: GenerationJob): Promise<void> {
  for (const key of KEYS)
    await job.once(key, async () => {
      await redis.rpush(`${TOOL}${job.streamId}:${key}`, job.attempt);
      return key;
    });
}

/** A person who decides by chance. */
async function decide(streamId: string, actionId: string, id: string): Promise<void> {
  const decision = DECISIONS[pick(random, DECISIONS.length)] ?? 'reject';
  asked[decision] = (asked[decision] ?? 0) + 1;
  const said = { id, decision, ...(decision === 'respond' && { text: 'by hand' }) };
  const { job } = await manager.approvals.resolve(streamId, { actionId, decisions: [said], by: 'p' });
  void job.run(() => goOn(job));
}

async function killed(streams: readonly string[], afterMs: number): Promise<void> {
  const config = { library: LIBRARY, port: server.port, ...settings, tool: TOOL, streams, keys: KEYS };
  const child = fork(PROGRAM, [JSON.stringify(config)], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  let said = '';
  child.stderr?.on('data', (text: Buffer) => {
    said += text;
  });
  const exited = once(child, 'exit');
  const begun = once(child, 'message');
  await Promise.race([begun, exited]);
  expect(said).toBe('');
  await pause(afterMs);
  child.kill('SIGKILL');
  await exited;
  expect(said).toBe('');
}

/** What was done outside, against what was allowed. */
async function check(streamId: string, context: string): Promise<Record<string, number>> {
  const record = await manager.getJob(streamId);
  expect(record, context).toMatchObject({ status: 'completed', receipts: KEYS.length });
  const decided = (record?.resolutions ?? []).flatMap(({ decisions }) => decisions);
  const fates: Record<string, number> = {};
  for (const key of KEYS) {
    const uses = await redis.lrange(`${TOOL}${streamId}:${key}`, 0, -1);
    const said = decided.filter(({ id }) => id === key).map(({ decision }) => decision);
    const allowed = said.filter((decision) => decision === 'approve').length;
    const about = `${context}, ${key}: made in attempts ${uses}, decided ${said}`;
    expect(uses.length, about).toBeLessThanOrEqual(1 + allowed);
    // Where nobody was asked it was made; where somebody allowed it, it was made since.
    expect(uses.length, about).toBeGreaterThanOrEqual(said.length === allowed ? Math.max(1, allowed) : 0);
    const left = listed.get(streamId)?.find((one) => one.key === key);
    if (left?.state === 'finished') expect([left.result, uses, said], about).toEqual([key, ['1'], []]);
    if (said.length > 0) expect(left?.state, about).toBe('unknown');
    const fate = said[0] ?? left?.state ?? 'not begun';
    fates[fate] = (fates[fate] ?? 0) + 1;
  }
  return fates;
}

it(`F53 ${KILLS} processes killed around their calls: none is made a second time that nobody allowed`, async () => {
  const fates: Record<string, number> = {};
  for (let from = 0; from < KILLS; from += AT_ONCE) {
    const rounds = Array.from({ length: Math.min(AT_ONCE, KILLS - from) }, (_, at) => ({
      streams: Array.from({ length: STREAMS }, (_, stream) => `s${from + at}-${stream}`),
      afterMs: pick(random, LONGEST_MS),
    }));
    await Promise.all(rounds.map(({ streams, afterMs }) => killed(streams, afterMs)));
    for (const { streams, afterMs } of rounds) {
      for (const streamId of streams) {
        const context = `FAULT_SEED=${SEED} ${streamId}, killed after ${afterMs} ms`;
        const isOver = async () => (await manager.getJob(streamId))?.status === 'completed';
        await until(isOver, `${context}: it ends`);
        for (const [fate, count] of Object.entries(await check(streamId, context)))
          fates[fate] = (fates[fate] ?? 0) + count;
        await manager.deleteStream(streamId);
      }
    }
  }
  console.log(`FAULT_SEED=${SEED}: ${JSON.stringify({ fates, asked })}`);
  const unknown = DECISIONS.reduce((sum, decision) => sum + (asked[decision] ?? 0), 0);
  expect(unknown, 'some die within a call').toBeGreaterThan(0);
  expect(fates.finished ?? 0, 'some die after one').toBeGreaterThan(0);
});
