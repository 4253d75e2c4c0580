/**
 * Two replicas, as processes, that use one rule: from 1,000 calls a budget of 100 is spent exactly, and after a revocation
 * nothing is. A twentieth of both in a normal run.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createStreamServices, GenerationJobManager } from 'generation-jobs';
import {
  createRedisRules,
  createStandingDecisions,
  type RuleInput,
  type StandingDecisions,
} from 'generation-jobs/rules';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { howOften } from '../support/how-often.js';
import { RedisServer } from '../support/redis-server.js';

const PROGRAM = fileURLToPath(new URL('rule-process.mjs', import.meta.url));
const LIBRARY = new URL('../../dist/index.js', import.meta.url).href;
const RULE: RuleInput = {
  ...{ tool: 'pay', scope: 'user', userId: 'ann', givenBy: 'ann' },
  match: { kind: 'exact', arguments: { to: 'bob' } },
};

interface Told {
  readonly ready?: true;
  readonly error?: string;
  readonly used?: string;
  readonly allowed?: readonly string[];
  readonly repeats?: number;
}

class Replica {
  readonly #child: ChildProcess;
  readonly told: Told[] = [];

  constructor(port: number) {
    const config = JSON.stringify({ port, library: LIBRARY });
    this.#child = fork(PROGRAM, [config], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#child.on('message', (told: Told) => this.told.push(told));
  }

  ask(work: { streamId: string; from: number; count?: number; atOnce: number }): void {
    this.told.length = 0;
    this.#child.send(work);
  }

  /** What was told of this kind, once it was. */
  async heard(kind: keyof Told): Promise<Told> {
    for (;;) {
      const found = this.told.find((told) => told[kind] !== undefined);
      if (found) return found;
      await once(this.#child, 'message');
    }
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }
}

let server: RedisServer;
let redis: Redis;
let replicas: readonly [Replica, Replica];
let manager: GenerationJobManager;
let rules: StandingDecisions;

beforeAll(async () => {
  server = await RedisServer.start();
  redis = server.connect();
  rules = createStandingDecisions({ store: createRedisRules({ redis }) });
  manager = new GenerationJobManager({ ...createStreamServices({ redis }), rules });
  replicas = [new Replica(server.port), new Replica(server.port)];
  await Promise.all(replicas.map((replica) => replica.heard('ready')));
});
afterAll(async () => {
  for (const replica of replicas) replica.stop();
  await manager.close();
  redis.disconnect();
  await server.stop();
});

async function usesIn(streamId: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { event, data } of manager.subscribe(streamId)) {
    if (event === 'rule_used') found.push((data as { callId: string }).callId);
  }
  return found;
}

describe('a rule that two replicas use', () => {
  it('L152 is spent exactly as often as its budget says, each use once, in the log and in the history', async () => {
    const [calls, budget] = [howOften(1_000), howOften(100)];
    await rules.add({ ...RULE, budget });
    const each = calls / 2;
    for (const [index, replica] of replicas.entries())
      replica.ask({ streamId: `spent-${index}`, from: index * each, count: each, atOnce: 25 });
    const answers = await Promise.all(replicas.map((replica) => replica.heard('allowed')));
    expect(replicas.flatMap(({ told }) => told.flatMap(({ error }) => error ?? []))).toEqual([]);
    const allowed = answers.flatMap((answer) => answer.allowed ?? []);
    expect(allowed).toHaveLength(budget);
    expect(answers.reduce((sum, { repeats = 0 }) => sum + repeats, 0)).toBe(budget);
    expect(await rules.list({ userId: 'ann' })).toMatchObject([{ used: budget }]);
    const { uses } = await rules.uses({ userId: 'ann' }, { limit: 1_000 });
    expect(uses.map(({ callId }) => callId).sort()).toEqual([...allowed].sort());
    const told = (await Promise.all([usesIn('spent-0'), usesIn('spent-1')])).flat();
    expect(told.sort()).toEqual([...allowed].sort());
  });

  it('L152 and that is revoked meanwhile allows no call that was begun after the revocation', async () => {
    const { ruleId } = await rules.add(RULE);
    for (const [index, replica] of replicas.entries())
      replica.ask({ streamId: `revoked-${index}`, from: index * 1_000_000, atOnce: 2 });
    await Promise.all(replicas.map((replica) => replica.heard('used')));
    expect(await rules.revoke({ userId: 'ann' }, ruleId)).toBe(true);
    const [usesKey = ''] = await redis.keys('*:uses');
    const lastUse = () => redis.hget(usesKey, 'next');
    const atOnce = await lastUse();
    const answers = await Promise.all(replicas.map((replica) => replica.heard('allowed')));
    expect(await lastUse()).toBe(atOnce);
    for (const { allowed } of answers) expect(allowed?.length).toBeGreaterThan(0);
  });
});
