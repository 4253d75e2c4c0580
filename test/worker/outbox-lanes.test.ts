import { FakeClock } from 'generation-jobs/testing';
import { openOutbox } from 'generation-jobs/worker';
import { describe, expect, it, onTestFinished } from 'vitest';
import { freshPath, sqliteLibraries } from './outbox-databases.js';

describe.each(sqliteLibraries)('an outbox on $name', (library) => {
  it('delivers a run’s batches in their order, and is empty then', async () => {
    const outbox = openOutbox({ database: library.open(freshPath()), clock: new FakeClock() });
    onTestFinished(() => outbox.close());
    const taken: string[] = [];
    const lane = outbox.run('run', {
      deliver: async (items) => {
        taken.push(...items.map(({ text }) => text));
        return { kind: 'done' };
      },
    });
    lane.append(1, 2, 'a');
    lane.append(3, 1, 'b');
    expect(lane.pending).toBe(3);
    await lane.idle();
    expect(taken).toEqual(['a', 'b']);
    expect(lane.pending).toBe(0);
    expect(outbox.stats()).toMatchObject({ rows: 0, bytes: 0, delivered: 2 });
  });
});
