/**
 * Deploys that nobody notices: three replicas are restarted in turn while answers are written, and a follower that stays measures
 * how long it waits at each hand-over, from the last event of the old producer to the first of the new one, less the pace.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createStreamServices, GenerationJobManager } from 'generation-jobs';
import { connect } from './clients.js';
import type { HandOversSetup } from './hand-overs-child.js';

const REPLICAS = 3;
const ANSWERS = 200;
const EVERY_MS = 100;
const GOAL_MS = 2_000;

async function startReplica(port: number): Promise<ChildProcess> {
  const setup: HandOversSetup = { port, everyMs: EVERY_MS };
  const child = fork(new URL('hand-overs-child.js', import.meta.url), [JSON.stringify(setup)]);
  await once(child, 'message');
  return child;
}

/** Follows an answer, and notes each wait. */
async function follow(manager: GenerationJobManager, streamId: string, waits: number[]): Promise<void> {
  let [last, expected, isHandedOver] = [performance.now(), 0, false];
  for await (const { event, data } of manager.subscribe(streamId)) {
    const now = performance.now();
    if (event === 'recovered') isHandedOver = true;
    if (event !== 'number') continue;
    if (data !== expected) throw new Error(`${streamId}: ${data} came in place of ${expected}.`);
    if (isHandedOver) waits.push(now - last - EVERY_MS);
    [last, expected, isHandedOver] = [now, expected + 1, false];
  }
}

export async function benchHandOvers(port: number, rounds: number): Promise<void> {
  const redis = connect({ port, cluster: false });
  const manager = new GenerationJobManager(createStreamServices({ redis }));
  await manager.start();
  let replicas = await Promise.all(Array.from({ length: REPLICAS }, () => startReplica(port)));
  const streams = Array.from({ length: ANSWERS }, (_, n) => `deploy-${n}`);
  for (const [at, replica] of replicas.entries()) {
    replica.send(streams.filter((_, n) => n % REPLICAS === at));
    await once(replica, 'message');
  }
  const waits: number[] = [];
  const following = Promise.all(streams.map((streamId) => follow(manager, streamId, waits)));
  for (let turn = 0; turn < rounds * REPLICAS; turn++) {
    const [old, ...others] = replicas as [ChildProcess, ...ChildProcess[]];
    replicas = [...others, await startReplica(port)];
    old.kill('SIGTERM');
    await once(old, 'exit');
  }
  await Promise.all(streams.map((streamId) => manager.abortJob(streamId)));
  await following;
  for (const replica of replicas) {
    replica.disconnect();
    await once(replica, 'exit'); // before its Redis goes
  }
  await manager.close();
  redis.disconnect();
  const sorted = waits.toSorted((a, b) => a - b);
  const [p50, p99, most] = [0.5, 0.99, 1].map((part) =>
    Math.round(sorted[Math.floor(part * (sorted.length - 1))] ?? 0),
  );
  console.log(
    `\n${REPLICAS} replicas restarted in turn beside ${ANSWERS} answers, an event each ${EVERY_MS} ms: ${waits.length} hand-overs`,
  );
  console.log(
    `  waited at one, less the pace: p50 ${p50} ms, p99 ${p99} ms (goal <= ${GOAL_MS}), at most ${most} ms`,
  );
}
