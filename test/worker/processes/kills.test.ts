/**
 * Workers and gateways that are killed in mid-answer, with Redis behind: what was kept arrives once and in order, or the run has
 * ended by name.
 */
import { expect, it } from 'vitest';
import { howOften } from '../../support/how-often.js';
import { until } from '../gateway.js';
import { startStage, untilKept, violationsOf, type WorkerLife } from './workers.js';

const ROUNDS = 50;
const PATIENT = { leaseMs: 20_000, sweepMs: 200, retentionMs: 600_000, logPollMs: 500 };

it('either side killed again and again: every event that was kept arrives exactly once and in order', async () => {
  const stage = await startStage(PATIENT, 600_000);
  const lives: WorkerLife[] = [];
  const rounds = Math.max(4, howOften(ROUNDS));
  for (let round = 0; round < rounds; round++) {
    const life = stage.live(`life-${round}`, 100_000, 1);
    lives.push(life);
    await until('it has begun', () => life.hasBegun || life.isGone);
    await untilKept(life, 20);
    const gateway = stage.gateways[round % 2];
    await gateway?.kill();
    await untilKept(life, 60);
    if (round % 3 !== 0) await gateway?.begin();
    await untilKept(life, 80);
    await life.kill();
    if (round % 3 === 0) await gateway?.begin();
  }
  const last = stage.live('last', 50);
  lives.push(last);
  await until('the last one is through', () => last.isClosed);
  expect(last.ended).toBe('completed');
  const read = await stage.read();
  expect(violationsOf(read, lives)).toEqual([]);
  expect(read.record.status).toBe('completed');
  expect(read.record.attempt).toBe(1);
  for (const { kept } of lives) expect(kept).toBeGreaterThan(0);
}, 600_000);

it('an outage longer than the lease: the run has ended by name, and the worker that comes back is told so', async () => {
  const stage = await startStage(PATIENT, 3_000);
  const life = stage.live('one', 100_000, 5);
  await untilKept(life, 20);
  await life.kill();
  await until('the run has ended', async () => (await stage.read()).record.status === 'failed');
  const read = await stage.read();
  expect(read.record.error).toMatchObject({ code: 'producer_lost' });
  expect(read.events.at(-1)?.event).toBe('failed');
  const texts = read.events.filter(({ event }) => event === 'text').map(({ data }) => data.n);
  expect(texts).toEqual(texts.map((_, at) => at + 1));
  const next = stage.live('two', 10);
  await until('the next one is through', () => next.isClosed);
  expect(next.refused).toBe('lease_lost');
}, 300_000);
