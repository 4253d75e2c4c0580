/** One node of a cluster that hangs costs a readiness probe a moment, and no replica its traffic. */
import { expect, it, vi } from 'vitest';
import { createStreamServices } from '../../src/services.js';
import { GenerationJobManager } from '../../src/stream/generation-job-manager.js';
import { RedisDueShards } from '../../src/stream/implementations/redis/due-shards.js';
import type { DueShard } from '../../src/stream/implementations/redis/keys.js';

const SHARDS: readonly DueShard[] = ['a1', 'b1', 'a2', 'b2', 'c1', 'c2'].map((name) => ({
  scores: name,
  holds: `${name}:holds`,
}));
const nodeOf = ({ scores }: DueShard) => scores.slice(0, 1);

/** Nodes that answer at once, but for those that hang, which never do. */
function cluster() {
  const hanging = new Set<string>();
  const due = new RedisDueShards(SHARDS, true);
  const ask = () =>
    due.ask(async (group) => {
      const node = nodeOf(group[0] as DueShard);
      if (hanging.has(node)) return new Promise<never>(() => {});
      return group.map((shard) => (nodeOf(shard) === node ? [shard.scores, '1'] : 'ERR non local key'));
    });
  return { hanging, ask };
}

/** The answer, which is there before a probe is given up. */
async function soon<Answer>(work: () => Promise<Answer>): Promise<Answer> {
  vi.useFakeTimers();
  try {
    const late = new Promise<never>((_, reject) => setTimeout(reject, 700, new Error('It came too late.')));
    const answer = Promise.race([work(), late]);
    answer.catch(() => {});
    await vi.advanceTimersByTimeAsync(700);
    return await answer;
  } finally {
    vi.useRealTimers();
  }
}

it.each(['a', 'b', 'c'])(
  'a node that hangs is not waited for when the shards are known, nor before: %s',
  async (node) => {
    const known = cluster();
    await known.ask();
    const unknown = cluster();
    for (const { hanging, ask } of [known, unknown]) {
      hanging.add(node);
      const { sets, failures } = await soon(ask);
      expect(sets.map(([name]) => name).sort()).toEqual(
        SHARDS.filter((shard) => nodeOf(shard) !== node)
          .map(({ scores }) => scores)
          .sort(),
      );
      expect(failures.length).toBeGreaterThan(0);
      await soon(ask);
      hanging.clear();
      for (let n = 0; n < 3; n++) await ask();
      expect((await ask()).sets).toHaveLength(SHARDS.length);
    }
  },
);

it('a replica stays ready while one node of its cluster hangs, and says when a failure began in whole milliseconds', async () => {
  const { hanging, ask } = cluster();
  const services = createStreamServices();
  const list = services.jobStore.due.list.bind(services.jobStore.due);
  services.jobStore.due.list = async (request) => {
    await ask();
    return list(request);
  };
  const manager = new GenerationJobManager({ ...services, hooks: { onError: () => {} } });
  await manager.start();
  try {
    hanging.add('b');
    for (let n = 0; n < 3; n++) expect(await manager.health()).toMatchObject({ isReady: true });
    for (const node of ['a', 'c']) hanging.add(node);
    const { store, isReady } = await manager.health();
    expect(isReady).toBe(false);
    expect(store).toMatchObject({ status: 'failing', since: expect.any(Number) });
    expect(Number.isInteger((store as { since: number }).since)).toBe(true);
  } finally {
    await manager.close();
  }
});
