/**
 * Prints the figures that docs/operations.md quotes. Nothing here passes or fails: exact counts are asserted by the tests, times are
 * for people to look at, on a quiet machine.
 */
import { benchEmit } from './emit.js';
import { benchFanOut } from './fan-out.js';
import { describeMachine } from './figures.js';
import { benchGreedInMemory } from './greed.js';
import { benchIdle } from './idle.js';
import { benchOutbox } from './outbox.js';
import { benchSlowReaders } from './slow-readers.js';

const benches: Record<string, () => Promise<void>> = {
  emit: benchEmit,
  'fan-out': benchFanOut,
  greed: benchGreedInMemory,
  idle: benchIdle,
  outbox: benchOutbox,
  slow: benchSlowReaders,
};

console.log(describeMachine());
const wanted = process.argv.slice(2);
for (const [name, bench] of Object.entries(benches))
  if (wanted.length === 0 || wanted.includes(name)) await bench();
