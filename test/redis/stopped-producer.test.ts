/**
 * A stop of a producer in another process: what it says late is in what is settled, whoever settles it; and a producer that
 * was killed is waited for and not heard of again.
 */
import { expect, it } from 'vitest';
import { NOTHING_LAPSES, type Replica, type Stage } from './replicas.js';
import { stageForEach } from './stages.js';

let stage: Stage;
stageForEach((made) => {
  stage = made;
});

const LEAVE_MS = 1_500;

async function three(leaveMs: number): Promise<[Replica, Replica, Replica]> {
  const { options, redisOptions } = NOTHING_LAPSES;
  return stage.three({
    settle: true,
    redisOptions,
    options: { ...options, leaveMs, predecessorMs: 2 * leaveMs },
  });
}

const settled = () => stage.replicas.flatMap((replica) => replica.settledUsages);

it('L58 usage that comes after a stop or a replacement from another process is in what is settled, once', async () => {
  const [one, two, three_] = await three(60_000);
  const stops = {
    aborted: () => two.abort('aborted'),
    replaced: () => three_.create({ streamId: 'replaced', produce: { end: 'hang', total: 1 } }),
  };
  for (const [streamId, stop] of Object.entries(stops)) {
    await one.create({ streamId, produce: { end: 'hang', total: 1, inRun: true, lateUsage: { tokens: 7 } } });
    await stage.until(() => stage.producer(streamId).acknowledged === 1, 'it has begun');
    await stop();
    await stage.until(() => settled().length > 0, 'it is settled');
    expect(settled(), streamId).toEqual([{ tokens: 7 }]);
    expect(stage.producers.find((told) => told.streamId === streamId)?.lateTaken, streamId).toBe(true);
    for (const replica of stage.replicas) replica.settledUsages.length = 0;
  }
  await three_.abort('replaced');
  await stage.until(() => settled().length > 0, 'the successor is settled');
  expect(settled()).toEqual([{}]);
});

it('L58 a producer killed before it could leave is waited for as long as leaveMs, and settled without its last word', async () => {
  const [one, two] = await three(LEAVE_MS);
  await one.create({
    streamId: 's',
    produce: { end: 'hang', total: 1, inRun: true, lateUsage: { tokens: 7 } },
  });
  await stage.until(() => stage.producer('s').acknowledged === 1, 'it has begun');
  await one.kill();
  const { record } = await two.abort('s');
  expect(record.settlement).toMatchObject({ state: 'open', tries: 0 });
  const { endedAt = 0 } = record;
  expect(record.settlement.notBefore).toBe(endedAt + LEAVE_MS);
  await stage.until(() => settled().length > 0, 'it is settled');
  expect(settled()).toEqual([{}]);
  const kept = await two.job('s');
  expect(kept?.producerLeft).toBe(undefined);
  expect(kept?.updatedAt).toBeGreaterThanOrEqual(endedAt + LEAVE_MS);
});
