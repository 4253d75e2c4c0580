/** A decision link on any replica: made on one, followed and pressed on others, at once, and decided once. */
import { createStreamServices, GenerationJobManager, type PauseInput } from 'generation-jobs';
import { createDecisionHandler, createDecisionLinks } from 'generation-jobs/decision-links';
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { RedisServer } from '../support/redis-server.js';

const ASKS = { type: 'tool_approval', requests: [{ id: 'r', name: 't' }] } as const satisfies PauseInput;
const KEYS = [{ id: 'k', secret: 'x'.repeat(32) }];

let server: RedisServer;
let replicas: ReturnType<typeof replica>[];
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.stop());
beforeEach(() => {
  replicas = [replica('one'), replica('two')];
});
afterEach(async () => {
  for (const { manager, redis } of replicas) {
    await manager.close();
    redis.disconnect();
  }
});

/** A replica with a connection and links of its own, as another process has them. */
function replica(name: string) {
  const redis: Redis = server.connect();
  const manager = new GenerationJobManager({ ...createStreamServices({ redis }), replicaId: name });
  const links = createDecisionLinks({ keys: KEYS, url: 'https://chat.example/decide' });
  const runs: string[] = [];
  const handler = createDecisionHandler(manager, {
    links,
    onResume: (job, { resolution }) =>
      void runs.push(`${job.streamId} ${resolution?.decisions[0]?.decision}`),
  });
  const press = async (token: string, decision?: string) => {
    const request = new Request('https://chat.example/decide', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token, decision }),
    });
    const response = await handler(request);
    return { status: response.status, body: (await response.json()) as { error?: { code: string } } };
  };
  return { manager, redis, links, runs, press };
}

/** A stream that waits on the first replica, and links made there for it. */
async function asked(streamId: string) {
  const [{ manager, links }] = replicas as [ReturnType<typeof replica>];
  const created = await manager.createJob({ streamId, userId: 'ann' });
  if (!created.started) throw new Error('The job was not started.');
  await created.job.pause(ASKS);
  const record = await manager.getJob(streamId);
  const action = record?.pendingAction;
  if (!record || !action) throw new Error('nothing is asked');
  const link = (user: string) => links.createDecisionLink({ record, action, user });
  return { link, isOver: async () => (await manager.getJob(streamId))?.status === 'completed' };
}

it('a link is decided on another replica than the one that made it, and the run goes on there (L144)', async () => {
  const [one, two] = replicas as [ReturnType<typeof replica>, ReturnType<typeof replica>];
  const { link, isOver } = await asked('s');
  const { token } = await link('bob');
  expect((await two.press(token, 'reject')).status).toBe(200);
  await expect.poll(isOver).toBe(true);
  expect([one.runs, two.runs]).toEqual([[], ['s reject']]);
  expect(await one.manager.approvals.history('s')).toMatchObject([{ by: 'bob', via: 'link' }]);
  expect((await one.press(token, 'reject')).status).toBe(200);
  expect((await one.press(token, 'approve')).body.error?.code).toBe('action_decided');
});

it('two links pressed at once on two replicas, 30 times: one decides; one link on both stands on both (L144)', async () => {
  const [one, two] = replicas as [ReturnType<typeof replica>, ReturnType<typeof replica>];
  for (let round = 0; round < 30; round++) {
    const streamId = `s${round}`;
    const { link, isOver } = await asked(streamId);
    const [first, second] = await Promise.all([link('ann'), link('bob')]);
    const isSame = round % 2 === 0;
    const answers = await Promise.all([
      one.press(first.token, 'approve'),
      isSame ? two.press(first.token, 'approve') : two.press(second.token, 'reject'),
    ]);
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses, streamId).toEqual(isSame ? [200, 200] : [200, 409]);
    await expect.poll(isOver).toBe(true);
    const runs = [...one.runs, ...two.runs].filter((run) => run.startsWith(`${streamId} `));
    expect(runs, streamId).toHaveLength(1);
    expect(await one.manager.approvals.history(streamId)).toHaveLength(1);
  }
});
