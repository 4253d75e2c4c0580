/**
 * Receipts of this release, where the release before takes over, decides, replaces and deletes: it knows none of them, and no call
 * is made twice for that. The release before is the code that was published.
 */
import type { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { RedisServer } from '../support/redis-server.js';
import { codeOf, type Replica, type ReplicaConfig, type Stage } from './replicas.js';
import { stageForEach } from './stages.js';

const TOOL = 'tool:';
const BEFORE: ReplicaConfig = {
  library: new URL('../fixtures/releases/0.1.0/index.js', import.meta.url).href,
};
/** Long enough for a busy machine: an answer that takes half a lease is none. */
const TIMES = {
  options: { leaseMs: 2_400, renewMs: 600, maxRecoveries: 9 },
  redisOptions: { timeoutMs: 1_100 },
} as const satisfies ReplicaConfig;
const HANGS = { total: 1, everyMs: 0, end: 'hang' } as const;
const APPROVE = [{ id: 'b', decision: 'approve' }] as const;

let stage: Stage;
let server: RedisServer;
let redis: Redis;
stageForEach((made, on) => {
  stage = made;
  server = on;
});
beforeEach(() => {
  redis = server.connect();
});
afterEach(() => void redis.disconnect());

const here = (config: ReplicaConfig = {}) => stage.replica({ ...TIMES, tool: TOOL, ...config });
const marks = (key: string) => redis.lrange(`${TOOL}s:${key}`, 0, -1);
const attemptOf = async (replica: Replica) => (await replica.job('s'))?.attempt;
const receipts = () => redis.hkeys(`${stage.keyPrefix}{/s}:receipts`);

it('F54 the release before takes over between two attempts of this one: what has finished stays so, what is unknown is asked here alone', async () => {
  const doomed = await here();
  await doomed.create({ streamId: 's', produce: HANGS });
  const once = (replica: Replica, key: string, more: object = {}) =>
    replica.call('once', { streamId: 's', key, ...more });
  expect(await once(doomed, 'a')).toEqual({ outcome: 'called', result: 'done' });
  const lost = codeOf(once(doomed, 'b', { hangs: true }));
  await stage.until(async () => (await marks('b')).length === 1, 'it is made');
  const before = await stage.replica({ ...TIMES, ...BEFORE, tool: TOOL, recover: HANGS });
  await doomed.kill();
  expect(await lost).toBe('dead');
  await stage.until(async () => (await attemptOf(before)) === 2, 'the release before has it');
  const after = await here({ recover: HANGS });
  await before.kill();
  await stage.until(async () => (await attemptOf(after)) === 3, 'this one has it again');
  await stage.until(() => stage.producers.some(({ attempt }) => attempt === 3), 'and goes on');
  expect(await once(after, 'a')).toEqual({ outcome: 'finished', result: 'done' });
  expect(await codeOf(once(after, 'b'))).toBe('job_ended');
  const { pendingAction } = (await after.state('s')) ?? {};
  expect(pendingAction).toMatchObject({ type: 'tool_unknown', requests: [{ id: 'b' }] });
  const { actionId } = pendingAction as { actionId: string };
  const decide = (replica: Replica) =>
    replica.call('resolve', { streamId: 's', actionId, decisions: APPROVE, by: 'u', produce: HANGS });
  const old = await stage.replica({ ...TIMES, ...BEFORE });
  expect(await codeOf(decide(old))).toBe('fingerprint_mismatch');
  expect((await after.state('s'))?.status).toBe('requires_action');
  expect(await decide(after)).toEqual({ attempt: 4 });
  await stage.until(() => stage.producers.some(({ attempt }) => attempt === 4), 'it goes on');
  expect(await once(after, 'b')).toEqual({ outcome: 'called', result: 'done' });
  expect(await once(after, 'a')).toEqual({ outcome: 'finished', result: 'done' });
  expect([await marks('a'), await marks('b')]).toEqual([['1'], ['1', '4']]);
  await old.abort('s');
});

it('F54 what the release before leaves of receipts when it replaces or deletes goes with the next that is kept there', async () => {
  const one = await here();
  const before = await stage.replica({ ...TIMES, ...BEFORE });
  const once = (key: string) => one.call('once', { streamId: 's', key });
  const { generation } = await one.create({ streamId: 's', produce: HANGS });
  await once('a');
  const replaced = await before.create({ streamId: 's', produce: HANGS });
  expect(await receipts()).toEqual([`${generation}:a`]);
  await before.call('delete', { streamId: 's' });
  expect(await receipts(), 'it does not know them').toEqual([`${generation}:a`]);
  const next = await one.create({ streamId: 's', produce: HANGS });
  expect(next.generation).toBeGreaterThan(replaced.generation);
  expect(await once('a')).toEqual({ outcome: 'called', result: 'done' });
  expect(await receipts()).toEqual([`${next.generation}:a`]);
  await one.call('delete', { streamId: 's' });
  expect(await receipts()).toEqual([]);
});
