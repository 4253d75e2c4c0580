/**
 * Three replicas, a history that takes 200 ms to save and fails every other time, and people who stop an answer or ask over
 * it, again and again, while replicas are killed: whoever is told that something is saved finds it, and no answer is begun
 * without the one before it. The seed is printed; FAULT_SEED repeats it and FAULT_ROUNDS runs more or fewer rounds. What a
 * seed repeats is the choice of steps and moments; what the processes make of it is theirs.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pick, seededRandom } from '../contract/seeded.js';
import { howOften } from '../support/how-often.js';
import { RedisServer } from '../support/redis-server.js';
import { codeOf, type Replica, Stage } from './replicas.js';

const ROUNDS = Number(process.env.FAULT_ROUNDS ?? howOften(120));
const SEED = Number(process.env.FAULT_SEED ?? Date.now() % 1_000_000);
const REPLICAS = 3;
/** They mostly wait for what is saved: as many at once as three replicas have answers of people. */
const STREAMS = 10;
/** Questions on a stream, in a round. */
const QUESTIONS = 3;
const SAVE_MS = 200;
const HISTORY = 'history:';

let server: RedisServer;
let redis: Redis;
let stage: Stage;
let seats: Replica[];

const config = {
  recover: { total: 100_000, everyMs: 20 },
  history: { keyPrefix: HISTORY, saveMs: SAVE_MS },
  options: {
    ...{ maxRecoveries: 10, predecessorMs: 30_000, leaveMs: 500 },
    ...{ settleBackoffMs: 50, settleClaimMs: 1_500 },
  },
};

beforeAll(async () => {
  console.log(`FAULT_SEED=${SEED}`);
  server = await RedisServer.start();
  redis = server.connect();
  stage = new Stage(server.port);
  seats = await Promise.all(Array.from({ length: REPLICAS }, () => stage.replica(config)));
});
afterAll(async () => {
  await stage.close();
  redis.disconnect();
  await server.stop();
});

/** Asks until some replica has answered, as a page does whose connection was lost. */
async function ask<Answer>(at: number, call: (replica: Replica) => Promise<Answer>): Promise<Answer> {
  for (let tries = 0; ; tries++) {
    const replica = seats[(at + tries) % REPLICAS] as Replica;
    try {
      return await call(replica);
    } catch (error) {
      const code = await codeOf(Promise.reject(error));
      if (!['dead', 'unavailable', 'predecessor_unsettled'].includes(code)) throw error;
      await pause(20);
    }
  }
}

const savedOf = async (streamId: string) => (await redis.hkeys(`${HISTORY}${streamId}`)).map(Number);

/** One conversation: each question stops the answer before it, or is asked over it. */
async function converse(streamId: string, random: () => number): Promise<void> {
  const asked: number[] = [];
  for (let question = 0; question < QUESTIONS; question++) {
    const at = pick(random, REPLICAS);
    if (question > 0 && random() < 0.5) await stop(streamId, at);
    const input = {
      ...{ streamId, contentModel: 'text', idempotencyKey: `${streamId}/${question}` },
      ...{ waitFor: 'settled' as const, produce: { everyMs: 20, inRun: true } },
    };
    const { started, over, generation } = await ask(at + 1, (replica) => replica.create(input));
    // Whoever was answered under the key alone has not been told that anything is saved, nor who got a job that is over: its
    // lease was lost while it waited, or others stopped it.
    if (started && over === undefined)
      expect(await savedOf(streamId), `before ${generation} on ${streamId}`).toEqual(
        expect.arrayContaining(asked),
      );
    asked.push(generation);
    await pause(pick(random, 200));
  }
  await stop(streamId, 0);
}

/** Whoever is told that what was stopped is saved finds it. */
async function stop(streamId: string, at: number): Promise<void> {
  const { record, settlement } = await ask(at, (replica) => replica.abort(streamId, { wait: 'settled' }));
  if (settlement === 'settled') expect(await savedOf(streamId)).toContain(record.generation);
}

async function killSomebody(random: () => number): Promise<void> {
  await pause(pick(random, 2 * SAVE_MS));
  const seat = pick(random, REPLICAS);
  await seats[seat]?.kill();
  seats[seat] = await stage.replica(config);
}

async function check(streamId: string, kills: number): Promise<void> {
  const read = () => ask(0, (replica) => replica.generations(streamId));
  const isOver = async () => (await read()).every(({ settlement }) => settlement === 'settled');
  await stage.until(isOver, `everything on ${streamId} is settled`);
  const generations = (await read()).map(({ generation }) => generation);
  expect((await savedOf(streamId)).sort()).toEqual(generations.toSorted());
  for (const generation of generations) {
    const saves = await redis.lrange(`${HISTORY}/${streamId}/${generation}`, 0, -1);
    expect(new Set(saves).size, 'whatever is saved again is the same').toBe(1);
    expect(saves.length, 'only who was killed over it leaves it to be saved again').toBeLessThanOrEqual(
      1 + kills,
    );
  }
  for (const { generation, prompt } of stage.begun.filter((one) => one.streamId === streamId)) {
    const before = generations.filter((one) => one < generation);
    expect(prompt, `the prompt of ${generation} on ${streamId}`).toEqual(expect.arrayContaining(before));
  }
}

it(`${ROUNDS} rounds of stopping, asking again and being killed keep every answer (L73)`, {
  timeout: ROUNDS * 60_000,
}, async () => {
  const random = seededRandom(SEED);
  for (let round = 1; round <= ROUNDS; round++) {
    const streams = Array.from({ length: STREAMS }, (_, index) => `r${round}-${index}`);
    const kills = pick(random, 3);
    const storm = async () => {
      for (let kill = 0; kill < kills; kill++) await killSomebody(random);
    };
    await Promise.all([...streams.map((streamId) => converse(streamId, random)), storm()]);
    for (const streamId of streams) await check(streamId, kills);
  }
  console.log(`FAULT_SEED=${SEED}: ${stage.begun.length} producers began`);
  expect(stage.begun.length).toBeGreaterThan(ROUNDS * STREAMS);
});
