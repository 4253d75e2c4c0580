/** What waits, waits on the disk: the memory that an outbox takes does not grow with it. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { openOutbox } from 'generation-jobs/worker';
import { describe, expect, it, onTestFinished } from 'vitest';
import { freshPath, sqliteLibraries } from './outbox-databases.js';

setFlagsFromString('--expose_gc');
const collect = runInNewContext('gc') as () => void;

const MIB = 1024 ** 2;
const EVENTS = 100_000;
const BATCH = 200;
/** An event of some 500 bytes. */
const EVENT = JSON.stringify({ event: 'text', data: { text: 'x'.repeat(450) } });
const TEXT = `[${Array.from({ length: BATCH }, () => EVENT).join(',')}]`;

/** Memory of JavaScript; with it, buffers outside the heap. */
function held(): number {
  for (let pass = 0; pass < 3; pass++) collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

describe.each(sqliteLibraries)('an outbox on $name', (library) => {
  it('takes no memory for 100,000 events that wait, nor for opening them again', async () => {
    const path = freshPath();
    const deliver = async () => ({ kind: 'again' }) as const;
    const outbox = openOutbox({ database: library.open(path) });
    const lane = outbox.run('run', { deliver });
    const before = held();
    for (let first = 1; first <= EVENTS; first += BATCH) lane.append(first, BATCH, TEXT);
    expect(lane.pending).toBe(EVENTS);
    expect(outbox.stats().bytes).toBeGreaterThan(45 * MIB);
    expect(held() - before).toBeLessThan(8 * MIB);
    await outbox.close();
    const again = openOutbox({ database: library.open(path) });
    onTestFinished(() => again.close());
    expect(again.run('run', { deliver }).pending).toBe(EVENTS);
    expect(held() - before).toBeLessThan(8 * MIB);
  });
});
